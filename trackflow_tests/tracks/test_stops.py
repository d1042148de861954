"""Stops against their definition, and by example."""

import numpy as np
import pytest
from hypothesis import given, settings

from trackflow.geo.points import Bools, Points, e7
from trackflow.geo.steps import cos_latitude, unwrapped
from trackflow.tracks.decisions import decide
from trackflow.tracks.stops import stop_steps
from trackflow.tracks.thresholds import Thresholds
from trackflow_tests.tracks.histories import DEGREE_M, US, History, histories


def by_definition(points: Points, cuts: set[int], thresholds: Thresholds) -> Bools:
    """Every step of every stretch that has no cut, lasts long enough and fits: one by one."""
    n = len(points)
    stops = np.zeros(max(n - 1, 0), dtype=bool)
    lon, lat, time = e7(unwrapped(points.lon)), e7(points.lat), points.time_us
    limit = (2 * thresholds.dwell_radius_m / (np.pi / 180 * 6_371_008.8) * 1e7) ** 2
    for x in range(n):
        west = east = lon[x]
        south = north = lat[x]
        for y in range(x + 1, n):
            if y - 1 in cuts:
                break
            west, east = min(west, lon[y]), max(east, lon[y])
            south, north = min(south, lat[y]), max(north, lat[y])
            nearest = 0 if south <= 0 <= north else min(abs(south), abs(north))
            cos = cos_latitude(np.array([nearest / 1e7]))[0]
            if ((east - west) * cos) ** 2 + float(north - south) ** 2 > limit:
                break
            if time[y] - time[x] >= thresholds.dwell_s * US:
                stops[x:y] = True
    return stops


@settings(max_examples=30, deadline=None)
@given(history=histories())
def test_stops_are_what_the_definition_says(history: History) -> None:
    decisions = decide(history.points, history.thresholds)
    kept = decisions.cleaned.points[:200]
    between = slice(0, max(len(kept) - 1, 0))
    # What is neither moving nor a stop is a cut; stops never bridge one.
    cut = ~decisions.moving[1:-1][between] & ~decisions.stops[between]
    cuts = np.flatnonzero(cut)
    found = stop_steps(kept.time_us, kept.lon, kept.lat, cuts, history.thresholds)
    assert np.array_equal(found, by_definition(kept, set(cuts.tolist()), history.thresholds))


def at_metres(t_s: list[float], x_m: list[float]) -> Points:
    return Points.of(
        (np.array(t_s) * US).astype(np.int64), np.array(x_m) / DEGREE_M, [0] * len(t_s)
    )


def stops_of(points: Points) -> list[int]:
    return np.flatnonzero(decide(points, Thresholds()).stops).tolist()


def test_five_minutes_within_a_hundred_metres_are_a_stop() -> None:
    assert stops_of(at_metres([0, 100, 200, 300], [0, 40, 60, 99])) == [0, 1, 2]
    assert stops_of(at_metres([0, 100, 200, 299], [0, 40, 60, 99])) == []
    assert stops_of(at_metres([0, 100, 200, 300], [0, 40, 60, 101])) == []


def test_two_sparse_points_can_be_a_stop() -> None:
    assert stops_of(at_metres([0, 600], [0, 10])) == [0]
    assert stops_of(at_metres([0, 601], [0, 10])) == [], "a gap lies between"


def test_a_stop_does_not_depend_on_the_direction_of_time() -> None:
    t, x = [0, 1, 299, 301, 310, 320], [0, 0, 0, 0, 90, 190]
    forward = stops_of(at_metres(t, x))
    backward = stops_of(at_metres([320 - s for s in reversed(t)], x[::-1]))
    assert forward == sorted(4 - step for step in backward) == [0, 1, 2]


def test_the_line_reaches_the_place_of_a_stay_and_leaves_from_there() -> None:
    points = at_metres([0, 60, 120, 300, 500, 560, 620], [0, 1000, 2000, 2000, 2000, 3000, 4000])
    decisions = decide(points, Thresholds())
    assert np.flatnonzero(decisions.stopped).tolist() == [3]
    assert np.flatnonzero(decisions.moving).tolist() == [1, 2, 5, 6]


def test_a_track_runs_to_where_its_device_rests_and_begins_there() -> None:
    # in at 5 m/s, ten minutes of rest, out again: the box of the stop holds 60 m of both ways
    t = [*range(0, 200, 10), *range(200, 800, 20), *range(800, 1000, 10)]
    x = [*range(-1000, 0, 50), *[0] * 30, *range(0, 1000, 50)]
    decisions = decide(at_metres(t, x), Thresholds())
    assert np.flatnonzero(decisions.stops).tolist() == list(range(20, 50))


def test_who_wanders_about_in_a_small_place_is_not_on_the_way_in() -> None:
    t = np.arange(0, 3600, 10)
    wandering = (np.arange(len(t)) % 8 * 12).tolist()
    drive_in = [-900, -600, -300]
    times = [*(-30, -20, -10), *t.tolist()]
    decisions = decide(at_metres([s + 30 for s in times], drive_in + wandering), Thresholds())
    assert decisions.stops[3:].all()


@pytest.mark.parametrize("every_s", [0.1, 1, 5, 60, 299])
def test_an_hour_of_standing_is_one_stop_at_any_rate(every_s: float) -> None:
    t = np.arange(0, 3600, every_s)
    points = at_metres(t.tolist(), np.random.default_rng(1).uniform(0, 49, len(t)).tolist())
    assert decide(points, Thresholds()).stops.all()


def test_a_stay_on_the_antimeridian_is_a_stop() -> None:
    lon = np.array([179.9999, -179.9999, 179.9999, -179.9999])
    points = Points.of(np.arange(4) * 200 * US, lon, np.zeros(4))
    assert decide(points, Thresholds()).stops.all()
