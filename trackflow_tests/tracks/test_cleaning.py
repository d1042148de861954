"""Cleaning: order, equal times, accuracy and spikes, each with numbers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackflow.geo.points import Points
from trackflow.tracks.cleaning import clean
from trackflow.tracks.decisions import decide
from trackflow.tracks.thresholds import Thresholds
from trackflow_tests.helpers.histories import DEGREE_M, US

LIMITS = Thresholds()


def along(x_m: list[float], every_s: float = 5, accuracy_m: list[float] | None = None) -> Points:
    time_us = (np.arange(len(x_m)) * every_s * US).astype(np.int64)
    return Points.of(time_us, np.array(x_m) / DEGREE_M, np.zeros(len(x_m)), accuracy_m)


def spikes(points: Points, limits: Thresholds = LIMITS) -> list[int]:
    dropped = clean(points, limits).spike_us
    return np.flatnonzero(np.isin(points.time_us, dropped)).tolist()


def test_of_equal_times_the_most_accurate_stays() -> None:
    points = Points.of([7, 7, 7, 7], [1, 2, 3, 4], [0] * 4, [np.nan, 9, 3, 5])
    cleaned = clean(points, LIMITS)
    assert cleaned.points.lon.tolist() == [3]
    assert cleaned.duplicate_us.tolist() == [7, 7, 7]


@given(st.permutations(range(6)))
@settings(max_examples=30)
def test_ties_are_broken_by_content_not_by_order(order: list[int]) -> None:
    points = Points.of([5] * 6, [3, 2, 2, 2, 9, 9], [1, 9, 4, 4, 0, 0], [8, 8, 8, 8, np.nan, 9])
    kept = clean(points[np.array(order)], LIMITS).points
    assert (kept.lon[0], kept.lat[0], kept.accuracy_m[0]) == (2, 4, 8)


def test_a_point_that_claims_to_be_off_by_a_kilometre_is_dropped() -> None:
    cleaned = clean(along([0, 50, 100], accuracy_m=[5, 501, 500]), LIMITS)
    assert cleaned.inaccurate_us.tolist() == [5 * US]
    assert cleaned.step_mm.tolist() == [pytest.approx(100_000, rel=1e-4)]


@pytest.mark.parametrize("run", [1, 2, 3])
def test_runs_of_up_to_three_points_that_no_speed_explains_are_spikes(run: int) -> None:
    points = along([0, 100, 200, *[9000] * run, 300, 400, 500])
    assert spikes(points) == list(range(3, 3 + run))


def test_four_points_in_a_row_are_no_spike_but_cut_off_on_both_sides() -> None:
    points = along([0, 100, 200, *[9000] * 4, 300, 400, 500])
    assert spikes(points) == []
    assert np.flatnonzero(~decide(points, LIMITS).moving).tolist() == [0, 3, 7, 10]


def test_the_points_between_two_spikes_stay() -> None:
    assert spikes(along([0, 100, 200, 9000, 300, 9100, 400, 500, 600])) == [3, 5]


def test_of_three_spikes_in_a_row_of_turns_the_middle_one_falls_in_the_next_round() -> None:
    # each elsewhere: three at one place would be a second sender
    assert spikes(along([0, 100, 200, 9000, 300, -9100, 400, 29_000, 500, 600])) == [3, 5, 7]


def test_a_real_move_is_no_spike_however_fast() -> None:
    motorway = along([0, 340, 680, 1020, 1360])  # 245 km/h
    assert spikes(motorway) == []
    there_and_gone = along([0, 100, 200, 9000, 9100, 9200])
    assert spikes(there_and_gone) == []


def test_noise_at_10_hz_is_no_spike() -> None:
    # 40 m aside and back within 0.2 s is 1,440 km/h on paper.
    assert spikes(along([0, 1, 40, 2, 3], every_s=0.1)) == []
    assert spikes(along([0, 1, 80, 2, 3], every_s=0.1)) == [2]


def test_no_spike_is_looked_for_across_a_long_time() -> None:
    assert spikes(along([0, 100, 200_000, 300, 400], every_s=150)) == [2]
    assert spikes(along([0, 100, 200_000, 300, 400], every_s=151)) == []


def test_spikes_can_be_switched_off() -> None:
    points = along([0, 100, 9000, 300, 400])
    assert spikes(points, LIMITS.override({"spike_points": 0})) == []


def test_steps_bridge_what_was_dropped() -> None:
    cleaned = clean(along([0, 100, 9000, 9100, 300, 400]), LIMITS)
    assert cleaned.dt_us.tolist() == [5 * US, 15 * US, 5 * US]
    assert cleaned.step_mm / 1000 == pytest.approx([100, 200, 100], rel=1e-4)


def test_a_point_far_aside_is_a_spike_where_the_way_back_leaves_no_time_to_turn() -> None:
    # 1.2 km out in 30 s is 144 km/h: possible on a motorway, but not there and straight back
    aside, onward = along([0, 100, 1300, 150, 200], 30), along([0, 100, 1300, 2500, 3700], 30)
    assert spikes(aside) == [2]
    assert spikes(onward) == []


def test_a_drive_out_and_back_in_city_traffic_is_no_spike() -> None:
    assert spikes(along([0, 400, 800, 400, 0], 30)) == []


@pytest.mark.parametrize(
    ("beside_ms", "inside_ms", "every_s", "frozen"),
    [(15, 15, 5, 40), (15, 20, 20, 25), (1.4, 10, 10, 80), (60, 60, 10, 60)],
)
def test_a_fix_that_is_repeated_in_a_tunnel_is_no_stop_and_cuts_nothing(
    beside_ms: float, inside_ms: float, every_s: int, frozen: int
) -> None:
    outside = max(30, int(300 / beside_ms / every_s))
    speeds = np.repeat([beside_ms, inside_ms, beside_ms], [outside, frozen + 1, outside])
    x = np.concatenate([[0], (speeds * every_s).cumsum()])
    x[outside : outside + frozen + 1] = x[outside]
    decisions = decide(along(x.tolist(), every_s), LIMITS)
    assert decisions.moving[1:-1].all()
    assert len(decisions.cleaned.spike_us) == frozen


@pytest.mark.parametrize("away", [4, 12])
def test_what_rests_and_jumps_is_not_frozen(away: int) -> None:
    """A parked tracker says where it was parked; its receiver then errs for some minutes."""
    drive, parked = [150.0 * k for k in range(20)], [2850.0] * 60
    there = [20_000.0 + 12 * (k % 3) for k in range(away)]
    for after in ([], parked, [20_000 + 150 * x for x in range(20)]):
        assert spikes(along([*parked, *there, *after], 10)) == []
    assert spikes(along([*drive, *parked, *there, *parked], 10)) == []
