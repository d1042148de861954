"""Stays: what is one, what is not, and where they begin and end."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackflow.geo.points import Ints, Points
from trackflow.geo.steps import between_mm, cos_latitude
from trackflow.tracks.agreement import CHANCE, rhythms, velocities
from trackflow.tracks.bboxes import BboxTable
from trackflow.tracks.decisions import decide
from trackflow.tracks.laps import lap_slots
from trackflow.tracks.merging import merge
from trackflow.tracks.segments import segment_days
from trackflow.tracks.slots import cut_slots
from trackflow.tracks.thresholds import Thresholds
from trackflow_tests.helpers.histories import FIRST, US, History, histories
from trackflow_tests.helpers.paths import START_US, at_metres, classes, drifting, share

NO_CUTS = np.empty(0, dtype=np.int64)


@settings(max_examples=50, deadline=None)
@given(history=histories(), seed=st.integers(0, 1000))
def test_boxes_of_stretches_are_what_one_by_one_gives(history: History, seed: int) -> None:
    decisions = decide(history.points, history.thresholds)
    slots = cut_slots(decisions.cleaned.points, NO_CUTS, history.thresholds)
    random = np.random.default_rng(seed)
    begin = random.integers(0, len(slots), 20)
    end = np.minimum(begin + random.integers(0, 40, 20), len(slots) - 1)
    found = BboxTable(slots, 40).diagonals_m(begin, end)
    for b, e, diagonal_m in zip(begin, end, found, strict=True):
        lon, lat = slots.lon_e7[b : e + 1] / 1e7, slots.lat_e7[b : e + 1] / 1e7
        nearest = 0.0 if lat.min() <= 0 <= lat.max() else np.abs(lat).min()
        width = np.ptp(lon) * cos_latitude(np.array([nearest]))[0]
        expected = np.hypot(width, np.ptp(lat)) * 111_195.08
        assert diagonal_m == pytest.approx(expected, rel=1e-3, abs=0.1)


@settings(max_examples=50, deadline=None)
@given(history=histories())
def test_stays_are_apart_from_tracks_and_last_the_dwell_time(history: History) -> None:
    decisions = decide(history.points, history.thresholds)
    first, last = decisions.stays
    time_us = decisions.cleaned.points.time_us
    assert np.all(first[1:] > last[:-1]), "no two share a point"
    for f, e in zip(first.tolist(), last.tolist(), strict=True):
        assert not decisions.moving[f + 1 : e + 1].any()
        # half a slot on either side is all that may be added to what was seen, and its pause
        paused_us = decisions.cleaned.dt_us[e] if e in decisions.paused else 0
        assert time_us[e] + paused_us - time_us[f] >= (history.thresholds.dwell_s - 30) * US


@settings(max_examples=50, deadline=None)
@given(
    history=histories(),
    dwell_s=st.integers(60, 3600),  # from a length on there is one scale of stays only
    radius_m=st.integers(10, 500),
    noise_m=st.integers(0, 50),
)
def test_whole_numbers_are_thresholds_like_any_others(
    history: History, dwell_s: int, radius_m: int, noise_m: int
) -> None:
    whole = Thresholds(dwell_s=dwell_s, dwell_radius_m=radius_m, noise_m=noise_m, gap_s=3600)
    values = {
        name: value if name.endswith("_points") else float(value)
        for name, value in whole.as_dict().items()
    }
    found, expected = (decide(history.points, t) for t in (whole, Thresholds().override(values)))
    assert np.array_equal(found.moving, expected.moving)
    assert np.array_equal(found.stays, expected.stays)


@pytest.mark.parametrize("every_s", [0.1, 1, 5, 60, 180, 299])
def test_an_hour_of_standing_is_one_stay_at_any_rate(every_s: float) -> None:
    t = np.arange(0, 3600, every_s)
    x = np.random.default_rng(1).uniform(0, 40, len(t))
    assert set(classes(decide(at_metres(t, x), Thresholds()))) == {"s"}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("noise_m", [10, 30])
@pytest.mark.parametrize("every_s", [1, 10, 30, 60])
def test_two_hours_of_drift_are_one_stay(every_s: int, noise_m: int, seed: int) -> None:
    t = np.arange(0, 7200, every_s)
    points = at_metres(t, *drifting(seed, len(t), every_s, noise_m))
    decisions = decide(points, Thresholds())
    assert share(decisions.on_track) < 0.04
    assert len(decisions.stays[0]) <= 3


def test_rough_fixes_that_say_so_say_nothing() -> None:
    """Every fifth fix is 120 m off in any direction, and claims 100 m."""
    random = np.random.default_rng(3)
    t = np.arange(0, 3600, 10)
    x, y = random.normal(0, 10, (2, len(t)))
    wrong = np.arange(len(t)) % 5 == 3
    angle = random.uniform(0, 2 * np.pi, len(t))
    x, y = np.where(wrong, 120 * np.cos(angle), x), np.where(wrong, 120 * np.sin(angle), y)
    decisions = decide(at_metres(t, x, y, np.where(wrong, 100.0, 12.0)), Thresholds())
    assert not decisions.on_track.any()
    assert np.array_equal(decisions.away, wrong)


@pytest.mark.parametrize("unknown", [0.0, -1.0, np.nan])
def test_an_accuracy_of_0_is_none(unknown: float) -> None:
    t = np.arange(0, 1200, 10)
    wrong = np.arange(len(t)) == 60
    claims = np.where(wrong, unknown, 5.0)
    decisions = decide(at_metres(t, np.where(wrong, 150.0, 0.0), 0, claims), Thresholds())
    assert not decisions.on_track.any(), "the wrong fix is not the best one of its slot"


def test_a_plough_that_circles_a_yard_moves() -> None:
    t = np.arange(0, 600, 10)
    angle = t * 11 / 3.6 / 30
    points = at_metres(t, 30 * np.cos(angle), 30 * np.sin(angle))
    assert set(classes(decide(points, Thresholds()))) == {"t"}


def laps_between_rests(radius_m: float, speed_ms: float, every_s: float) -> tuple[Ints, Points]:
    """Half an hour of rest, 25 minutes of laps, and rest again: seconds, and the points."""
    t = np.arange(0, 5400, every_s)
    angle = np.interp(t, [1800, 3300], [0, 1500 * speed_ms / radius_m])
    noise = drifting(radius_m, len(t), every_s, 5)
    x, y = radius_m * np.cos(angle) + noise[0], radius_m * np.sin(angle) + noise[1]
    return t, at_metres(t, x, y)


@pytest.mark.parametrize(
    ("radius_m", "speed_ms"), [(30, 8), (40, 14), (60, 15), (100, 25), (120, 25)]
)
@pytest.mark.parametrize("every_s", [1, 2])
def test_laps_of_less_than_a_minute_are_no_stay(
    radius_m: float, speed_ms: float, every_s: float
) -> None:
    """Also where a lap takes as long as a slot, or half of one."""
    t, points = laps_between_rests(radius_m, speed_ms, every_s)
    decisions = decide(points, Thresholds())
    laps = (t >= 1830) & (t < 3270)
    assert decisions.on_track[laps].all()
    assert len(decisions.stays[0]) == 2
    assert share(decisions.stopped[(t < 1770) | (t > 3330)]) == 1


@pytest.mark.parametrize(
    ("radius_m", "speed_ms", "every_s"),
    [(40, 13, 10), (50, 16, 10), (70, 7, 30)],
)
def test_laps_that_only_their_rhythm_shows_are_no_stay(
    radius_m: float, speed_ms: float, every_s: float
) -> None:
    """A quarter of a lap and more lies between two fixes."""
    t, points = laps_between_rests(radius_m, speed_ms, every_s)
    decisions = decide(points, Thresholds())
    assert decisions.on_track[(t >= 1860) & (t < 3240)].all()
    assert len(decisions.stays[0]) == 2


@pytest.mark.parametrize(("length_m", "speed_ms"), [(70, 4), (90, 8), (120, 6)])
@pytest.mark.parametrize("every_s", [5, 10, 15])
def test_rows_to_and_fro_are_no_stay(length_m: float, speed_ms: float, every_s: float) -> None:
    """A roller, a loader or a drone, for half an hour on rows 3 m apart."""
    t = np.arange(0, 5400, every_s)
    rows = np.clip(t - 1800, 0, 1800) * speed_ms / length_m
    x = length_m * np.abs((rows + 1) % 2 - 1)
    noise = drifting(3, len(t), every_s, 3)
    decisions = decide(at_metres(t, x + noise[0], 3 * np.floor(rows) + noise[1]), Thresholds())
    assert decisions.on_track[(t >= 1920) & (t < 3480)].all()


@pytest.mark.parametrize("memory_s", [1, 66])
@pytest.mark.parametrize("every_s", [10, 30])
def test_noise_has_no_rhythm(memory_s: float, every_s: float) -> None:
    """Neither that of a fix by itself nor that of minutes: hardly one in ten stretches looks so."""
    t = np.arange(0, 43_200, every_s)
    points = at_metres(t, *drifting(5, len(t), every_s, 30, memory_s))
    first = np.arange(0, len(t) - int(1200 / every_s))
    of = velocities(points, first, first + int(1200 / every_s), Thresholds())
    assert np.mean(rhythms(of, np.ones(len(first), dtype=np.bool_)) > CHANCE) < 0.1
    assert share(decide(points, Thresholds()).on_track) < 0.01


@pytest.mark.parametrize("noise_m", [20, 45])
@pytest.mark.parametrize("every_s", [1, 2.5, 5])
def test_fixes_that_drift_fast_are_no_laps(noise_m: float, every_s: float) -> None:
    for seed in range(3):
        x, y = drifting(seed, int(7200 / every_s), every_s, noise_m)
        t = np.arange(len(x)) * every_s
        points = at_metres(t, x, y)
        slots = cut_slots(points, NO_CUTS, Thresholds())
        assert not lap_slots(points, slots, np.arange(len(slots)), Thresholds()).any()


def test_a_jam_that_creeps_one_way_is_no_stay() -> None:
    """80 m in five minutes, by jerks of 10 m."""
    t = np.arange(0, 900, 10)
    noise = np.random.default_rng(2).normal(0, 3, (2, len(t)))
    points = at_metres(t, t // 40 * 11.0 + noise[0], noise[1])
    assert set(classes(decide(points, Thresholds()))) == {"t"}


@pytest.mark.parametrize("way_m", [300, 600, 1500])
def test_a_walk_between_two_stays_is_kept_whole(way_m: int) -> None:
    """All but the ends of the walk is on the track."""
    random = np.random.default_rng(way_m)
    walk_s = int(way_m / 1.3)
    t = np.arange(0, 1800 + walk_s, 5)
    x = np.interp(t, [900, 900 + walk_s], [0, way_m])
    noise = random.normal(0, 4, (2, len(t)))
    decisions = decide(at_metres(t, x + noise[0], noise[1]), Thresholds())
    walking = (x > 30) & (x < way_m - 30)
    assert decisions.on_track[walking].all()
    assert len(decisions.stays[0]) == 2


@pytest.mark.parametrize("way_m", [260, 300, 400, 500])
@pytest.mark.parametrize("every_s", [1, 5, 10])
def test_a_short_drive_between_two_stays_is_a_trip(way_m: int, every_s: int) -> None:
    """Of a van at 25 km/h, also where a slot on the way is near enough to both stays."""
    for begins in (900, 913, 925):
        drive_s = way_m / 7
        t = np.arange(0, 1800 + drive_s, every_s)
        x = np.interp(t, [begins, begins + drive_s], [0, way_m])
        noise = drifting(way_m, len(t), every_s, 4)
        decisions = decide(at_metres(t, x + noise[0], noise[1]), Thresholds())
        assert len(decisions.stays[0]) == 2
        assert decisions.on_track[(x > 30) & (x < way_m - 30)].all()


@pytest.mark.parametrize("way_m", [300, 350, 450])
@pytest.mark.parametrize("every_s", [20, 30])
def test_a_short_drive_that_one_or_two_fixes_show_is_a_trip(way_m: int, every_s: int) -> None:
    for begins in range(900, 930, 5):
        drive_s = way_m / 7
        t = np.arange(0, 1800 + drive_s, every_s)
        x = np.interp(t, [begins, begins + drive_s], [0, way_m])
        noise = drifting(way_m, len(t), every_s, 4)
        decisions = decide(at_metres(t, x + noise[0], noise[1]), Thresholds())
        assert len(decisions.stays[0]) == 2
        assert decisions.on_track[(x > 60) & (x < way_m - 60)].all()


@pytest.mark.parametrize("aside_m", [-150, 150])
def test_one_fix_aside_of_two_places_is_no_way_between_them(aside_m: float) -> None:
    """A phone in a large building, which takes a third network in passing."""
    t = np.arange(0, 7200, 30)
    x = np.where(t < 3600, 0, 230)
    y = np.where(t == 3600, aside_m, 0)
    noise = drifting(5, len(t), 30, 4)
    decisions = decide(
        at_metres(t, np.where(t == 3600, 115, x) + noise[0], y + noise[1]), Thresholds()
    )
    assert not decisions.on_track.any()


@pytest.mark.parametrize("far_m", [120, 180, 240])
@pytest.mark.parametrize("every_s", [5, 30, 60])
def test_two_places_without_a_fix_between_them_are_one_stay(far_m: int, every_s: int) -> None:
    """A phone in a large building, which takes now one network for its place and now another."""
    t = np.arange(0, 14_400, every_s)
    x = np.where(t // 1200 % 2, far_m, 0)
    noise = drifting(far_m, len(t), every_s, 4)
    decisions = decide(at_metres(t, x + noise[0], noise[1]), Thresholds())
    assert not decisions.on_track.any()


@pytest.mark.parametrize("rest_s", [300, 600])
@pytest.mark.parametrize("moving_s", [20, 45])
def test_a_short_walk_of_a_phone_that_reports_rarely_at_rest(rest_s: int, moving_s: int) -> None:
    """It is as long as it was, and begins when the phone left, not when that was seen at rest."""
    leaves_s, way_m, speed_ms = 6 * rest_s + rest_s - 60, 350.0, 1.3
    arrives_s = leaves_s + way_m / speed_ms
    time_s = np.concatenate(
        [
            np.arange(0, leaves_s, rest_s),
            np.arange(leaves_s + 20, arrives_s, moving_s),
            arrives_s + 10 + np.arange(6) * rest_s,
        ]
    )
    x = np.clip((time_s - leaves_s) * speed_ms, 0, way_m)
    drift = np.random.default_rng(rest_s).normal(0, 4, (2, len(time_s)))
    points = at_metres(time_s, x + drift[0], drift[1])
    days = segment_days(points, FIRST, FIRST, Thresholds())
    (track,) = merge([s for day in days for s in day.segments])
    begin_s, end_s = (track.start_us - START_US) / US, (track.end_us - START_US) / US
    assert leaves_s <= begin_s <= leaves_s + 60
    assert arrives_s - 60 <= end_s <= arrives_s + 60
    assert track.distance_mm / 1000 == pytest.approx(way_m, rel=0.2)


@pytest.mark.parametrize(("rest_s", "out_m"), [(120, 250), (300, 90), (300, 900), (600, 500)])
def test_a_way_from_a_rest_that_took_little_of_its_step(rest_s: int, out_m: int) -> None:
    """Who drives off is seen on the way first: the heartbeat before it was none of the trip."""
    rest = np.arange(7) * rest_s
    drive = np.arange(12) * 15
    points = at_metres(
        np.concatenate([rest, rest[-1] + rest_s + drive]),
        np.concatenate([rest * 0, out_m + 20.0 * drive]),
    )
    days = segment_days(points, FIRST, FIRST, Thresholds())
    (track,) = merge([s for day in days for s in day.segments])
    assert (track.start_us - START_US) / US == 7 * rest_s
    assert track.distance_mm / 1000 == pytest.approx(out_m + 20 * drive[-1], rel=1e-3)


def test_a_track_runs_to_where_its_device_rests_and_begins_there() -> None:
    # in at 5 m/s, ten minutes of rest, out again: the box of the stay holds 60 m of both ways
    t = [*range(0, 200, 10), *range(200, 800, 20), *range(800, 1000, 10)]
    x = [*range(-1000, 0, 50), *[0] * 30, *range(0, 1000, 50)]
    decisions = decide(at_metres(t, x), Thresholds())
    assert [ends.tolist() for ends in decisions.stays] == [[20], [50]]


def test_a_stay_does_not_depend_on_the_direction_of_time() -> None:
    random = np.random.default_rng(5)
    t = np.cumsum(random.choice([5, 10, 20], 400))
    x = np.interp(t, [800, 1100, 2300, 2600], [0, 4000, 4000, 9000]) + random.normal(0, 8, 400)
    points = at_metres(t, x)
    mirrored = at_metres(6 * 3600 - t[::-1], x[::-1])
    there = classes(decide(points, Thresholds()))
    back = classes(decide(mirrored, Thresholds()))[::-1]
    # medians of even counts and slots by the clock differ at the edges, by a fix or two
    assert sum(a != b for a, b in zip(there, back, strict=True)) <= 8


def test_a_stay_on_the_antimeridian_is_a_stay() -> None:
    points = at_metres(np.arange(0, 1200, 20), np.zeros(60))
    around = type(points).of(
        points.time_us, np.where(np.arange(60) % 2, 179.9999, -179.9999), points.lat
    )
    assert set(classes(decide(around, Thresholds()))) == {"s"}


def test_a_stay_at_five_minutes_and_none_just_below() -> None:
    def stays(seconds: int) -> int:
        t = np.arange(0, 1800, 10)
        x = np.interp(t, [600, 600 + seconds], [0, 0]) + np.where(
            t < 600, (t - 600) * 15.0, np.where(t > 600 + seconds, (t - 600 - seconds) * 15.0, 0)
        )
        return len(decide(at_metres(t, x), Thresholds()).stays[0])

    assert stays(310) == 1
    assert stays(270) == 0


def test_the_ends_of_a_stay_are_where_the_scatter_of_its_fixes_begins() -> None:
    t = np.arange(0, 3600, 10)
    x = np.where(t < 900, (t - 900) * 15.0, np.where(t > 2700, (t - 2700) * 15.0, 0.0))
    error = drifting(7, len(t), 10, 20)
    decisions = decide(at_metres(t, x + error[0], error[1]), Thresholds())
    (first,), (last,) = decisions.stays
    time_s = (decisions.cleaned.points.time_us - START_US) / US
    assert abs(time_s[first] - 900) <= 30
    assert abs(time_s[last] - 2700) <= 30


def test_distances_of_pairs_are_those_of_steps() -> None:
    points = at_metres([0, 40, 80], [0, 300, 700])
    slots = cut_slots(points, NO_CUTS, Thresholds())
    expected = between_mm(points.lon[:-1], points.lat[:-1], points.lon[1:], points.lat[1:]) / 1000
    assert np.allclose(slots.next_m, expected, atol=0.02)
    assert np.array_equal(slots.apart_m(np.array([0, 1]), np.array([1, 2])), slots.next_m)


@pytest.mark.parametrize("seed", range(4))
def test_the_walk_from_the_car_park_to_a_building_is_part_of_the_stay(seed: int) -> None:
    """In at 10 m/s, parked, 80 m on foot across the line, an hour inside, and back."""
    t = np.arange(0, 5400, 5)
    x = np.interp(t, [0, 900, 4500, 5400], [-9000, 0, 0, 9000])
    y = np.interp(t, [900, 930, 990, 4410, 4470, 4500], [0, 0, 80, 80, 0, 0])
    noise = np.random.default_rng(seed).normal(0, 3, (2, len(t)))
    decisions = decide(at_metres(t, x + noise[0], y + noise[1]), Thresholds())
    (first,), (last,) = decisions.stays
    assert abs(t[first] - 900) <= 20
    assert abs(t[last] - 4500) <= 20
    assert not decisions.on_track[(y > 20) & (t > 900) & (t < 4500)].any()
