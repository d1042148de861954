"""The instruments that measure stays: a perfect splitter has perfect scores, and faults show."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackflow.geo.points import Ints, Points
from trackflow_tests.benchmarks.movement_scores import (
    DayScores,
    Movement,
    length_m,
    overlap_us,
    score_days,
)
from trackflow_tests.benchmarks.movement_splitters import US, united
from trackflow_tests.benchmarks.people_scores import covered_us, disagreements, person, score
from trackflow_tests.benchmarks.simulated_days import DRIVING, START_US, World, world
from trackflow_tests.benchmarks.simulated_trackers import Tracker, observe

CLEAN = Tracker(10, 0, outliers=False)


@st.composite
def spans(draw: st.DrawFn) -> Ints:
    """Spans that may overlap, in any order."""
    pairs = draw(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20)), max_size=8))
    return np.array([(a, a + b) for a, b in pairs], dtype=np.int64).reshape(-1, 2)


@given(spans())
def test_united_spans_cover_the_same_moments_without_overlap(some: Ints) -> None:
    one = united(some)
    assert (one[1:, 0] > one[:-1, 1]).all()
    for moment in np.arange(0, 81) + 0.5:
        assert ((some[:, 0] < moment) & (moment < some[:, 1])).any() == (
            (one[:, 0] < moment) & (moment < one[:, 1])
        ).any()


@given(spans(), spans())
def test_covered_time_is_the_sum_of_overlaps(some: Ints, steps: Ints) -> None:
    some = united(some)
    some = some[some[:, 1] > some[:, 0]]
    assert covered_us(some, steps).tolist() == pytest.approx(overlap_us(steps, some).sum(axis=1))


def perfect(truth: World, points: Points) -> Movement:
    """What a splitter says that knows the truth."""
    bounds = START_US + truth.drives * US
    pieces = [points.between(int(a), int(b) + 1) for a, b in bounds]
    stops = np.stack([bounds[:-1, 1], bounds[1:, 0]], axis=1)
    ends = [[START_US, bounds[0, 0]], [bounds[-1, 1], points.time_us[-1]]]
    return Movement(pieces, np.concatenate([stops, ends]), np.array([length_m(p) for p in pieces]))


def scored(movement: Movement, truth: World, points: Points) -> DayScores:
    return score_days(truth, points, movement, 300)


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["drives", "yards", "walks"]))
def test_a_perfect_splitter_has_perfect_scores(seed: int, trips: str) -> None:
    truth = world(seed, trips=trips)
    points = observe(truth, dataclasses.replace(CLEAN, trips=trips), seed)
    movement = perfect(truth, points)
    result = scored(movement, truth, points)
    assert (result.stays, result.drives) == (40, 36)
    assert result.found == result.whole == 40
    # The fixes of a stay span up to 22 s less than it lasts.
    lasts_s = np.diff(truth.stays, axis=1).ravel()
    assert (lasts_s >= 322).sum() <= result.observable
    assert (result.cuts, result.lost, result.phantoms, result.trips) == (0, 0, 0, 36)
    assert result.perfect_m == pytest.approx(result.true_m, rel=0.05)
    # Noise lengthens a way (walks by up to a sixth), so only the sum itself can be tested.
    assert result.length_m == pytest.approx(sum(map(length_m, movement.pieces)))


@pytest.fixture(scope="module")
def day() -> tuple[World, Points, Movement]:
    truth = world(3)
    points = observe(truth, CLEAN, 3)
    return truth, points, perfect(truth, points)


def test_a_drive_in_two_pieces_is_one_cut(day: tuple[World, Points, Movement]) -> None:
    truth, points, movement = day
    drive = movement.pieces[5]
    half = len(drive) // 2
    pieces = [*movement.pieces[:5], drive[:half], drive[half:], *movement.pieces[6:]]
    result = scored(dataclasses.replace(movement, pieces=pieces), truth, points)
    assert (result.cuts, result.trips, result.lost) == (1, 37, 0)


def test_a_piece_within_a_stay_is_a_phantom_and_spoils_the_stay(
    day: tuple[World, Points, Movement],
) -> None:
    truth, points, movement = day
    begin, end = (START_US + truth.stays[4] * US).tolist()
    phantom = points.between(begin + (end - begin) // 3, end - (end - begin) // 3)
    pieces = sorted([*movement.pieces, phantom], key=lambda p: p.time_us[0])
    result = scored(dataclasses.replace(movement, pieces=pieces), truth, points)
    assert (result.phantoms, result.found, result.whole) == (1, 40, 39)
    assert result.phantom_m == pytest.approx(length_m(phantom))
    assert result.stay_m >= result.phantom_m


def test_one_stop_over_everything_finds_nothing(day: tuple[World, Points, Movement]) -> None:
    truth, points, _ = day
    everything = np.array([[points.time_us[0], points.time_us[-1]]])
    result = scored(Movement([], everything, np.empty(0)), truth, points)
    assert (result.found, result.lost, result.length_m) == (0, 36, 0)


def test_no_stops_find_nothing_and_one_piece_over_everything_joins_all_trips(
    day: tuple[World, Points, Movement],
) -> None:
    truth, points, _ = day
    nothing = np.empty((0, 2), dtype=np.int64)
    result = scored(Movement([points], nothing, np.array([0.0])), truth, points)
    assert (result.found, result.lost, result.trips, result.cuts) == (0, 0, 36, 0)


def test_a_tracker_sees_its_world_and_the_same_one_every_time() -> None:
    tracker = Tracker(10, 20)
    truth = tracker.world(5)
    points = observe(truth, tracker, 5)
    assert points == observe(truth, tracker, 5)
    rows = (points.time_us - START_US) // US
    east_m = (points.lon - truth.lon[rows]) * 111_195 * np.cos(np.radians(points.lat))
    indoors = truth.stay[rows] >= 0
    usual = points.accuracy_m < 50
    assert 15 < east_m[indoors & usual].std() < 25
    assert east_m[truth.stay[rows] == DRIVING].std() < 8
    assert 0.005 < np.mean(np.abs(points.accuracy_m[indoors]) > 50) < 0.02


def test_a_silent_tracker_says_nothing_at_stays() -> None:
    tracker = Tracker(10, 20, silent="cold")
    truth = tracker.world(5)
    rows = (observe(truth, tracker, 5).time_us - START_US) // US
    assert np.mean(truth.stay[rows] == DRIVING) > 0.95


def walked(minutes: int, start_min: int, lat: float) -> Points:
    """A walk northwards at 4 km/h, one fix in 10 s."""
    seconds = np.arange(0, minutes * 60, 10)
    return Points.of(
        (start_min * 60 + seconds) * US, np.full(len(seconds), 25.0), lat + seconds * 1e-5
    )


def stood(minutes: int, start_min: int, lat: float) -> Points:
    seconds = np.arange(0, minutes * 60, 10)
    return Points.of(
        (start_min * 60 + seconds) * US, np.full(len(seconds), 25.0), np.full(len(seconds), lat)
    )


def test_the_time_of_a_person_is_shared_out() -> None:
    first, rest, second = walked(20, 0, 60.0), stood(30, 20, 60.012), walked(20, 50, 60.012)
    points = Points.concat([first, rest, second])
    minute = 60 * US
    one = person("d", points, np.array([[0, 20 * minute], [50 * minute, 70 * minute]]))
    right = Movement([first, second], np.array([[20, 50]]) * minute, np.zeros(2))
    times = score(one, right)
    assert times.leg_track_s == pytest.approx(times.leg_s, rel=0.02)
    assert times.stand_s == pytest.approx(27 * 60, abs=180)
    assert times.stand_stop_s == pytest.approx(times.stand_s)
    assert (times.pieces, times.trips, times.tracks) == (2, 2, 2)
    assert all(found.minutes < 0.5 for found in disagreements(one, right))


def test_what_is_wrong_about_a_person_is_listed() -> None:
    first, rest, second = walked(20, 0, 60.0), stood(30, 20, 60.012), walked(20, 50, 60.012)
    points = Points.concat([first, rest, second])
    minute = 60 * US
    one = person("d", points, np.array([[0, 20 * minute], [50 * minute, 70 * minute]]))
    wrong = Movement([rest], np.array([[0, 20], [50, 70]]) * minute, np.zeros(1))
    assert score(one, wrong).leg_track_s == 0
    assert score(one, wrong).stand_stop_s == 0
    kinds = {found.kind for found in disagreements(one, wrong) if found.minutes > 10}
    assert kinds == {"leg in a stop", "stand in a track"}
