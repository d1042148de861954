"""What rides say of the vehicle: trains brake for stations, cars for all that is on a road."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackflow.categories.features import slots_of
from trackflow.categories.journeys import Journeys
from trackflow.categories.legs import legs_of
from trackflow.categories.modes import CLASSES, Mode
from trackflow.categories.physics import (
    RAIL_LOG_ODDS,
    bicycle_log_odds,
    rail_log_odds,
    weighed,
)
from trackflow.categories.rides import Rides, rides_of
from trackflow.geo.distance import METRES_PER_DEGREE
from trackflow.geo.points import Points

START_US = 1_768_032_000_000_000


def ride(speed_ms: list[float], every: int = 1) -> Points:
    """A straight ride.

    Args:
        speed_ms: over 10 s each.
        every: points are so many times 10 s apart.
    """
    east_m = np.cumsum(speed_ms)[::every] * 10
    time_us = START_US + np.arange(len(east_m)) * every * 10_000_000
    return Points.of(time_us, 24.9 + east_m / METRES_PER_DEGREE / 0.5, np.full(len(east_m), 60.0))


def rides(points: Points) -> Rides:
    """The rides around the slots of a journey."""
    return rides_of(slots_of(Journeys.of([[points]])))


RUNS = st.lists(
    st.tuples(st.floats(15.5, 20.0), st.integers(9, 13), st.integers(2, 4)),
    min_size=25,
    max_size=40,
)
"""From station to station: the highest speed, tens of seconds at it, and in the station."""


def by_metro(runs: list[tuple[float, int, int]], *, is_slowed: bool = False) -> list[float]:
    """Speeds from station to station.

    Args:
        runs: as `RUNS`.
        is_slowed: whether something on the way slows each run to half its speed.
    """
    found: list[float] = []
    for fastest, steps, halt in runs:
        at_speed = [fastest] * steps
        if is_slowed:
            at_speed[steps // 2] = fastest / 2
        found += [0.35 * fastest, 0.75 * fastest, *at_speed, 0.7 * fastest, 0.3 * fastest]
        found += [0.3] * halt
    return found


@settings(max_examples=30, deadline=None)
@given(RUNS)
def test_what_brakes_for_stations_alone_is_on_rails(runs: list[tuple[float, int, int]]) -> None:
    """The same ride that is slowed between its halts may as well be a car's."""
    middle = slice(40, -40)
    assert (rail_log_odds(rides(ride(by_metro(runs))))[middle] >= 4).all()
    assert not rail_log_odds(rides(ride(by_metro(runs, is_slowed=True))))[middle].any()


@pytest.mark.parametrize("seed", range(12))
def test_a_metro_is_a_metro(seed: int) -> None:
    random = np.random.default_rng(seed)
    runs = [
        (random.uniform(15.5, 20.0), int(random.integers(5, 14)), int(random.integers(2, 5)))
        for _ in range(25)
    ]
    assert {leg.mode for leg in legs_of([ride(by_metro(runs))])} == {Mode.SUBWAY}


@settings(max_examples=30, deadline=None)
@given(RUNS)
def test_halts_and_slowings_are_counted(runs: list[tuple[float, int, int]]) -> None:
    straight, slowed = rides(ride(by_metro(runs))), rides(ride(by_metro(runs, is_slowed=True)))
    # from one halt to the next it is four minutes at most, and twenty minutes are looked at
    middle = slice(40, -40)
    assert (straight.stations[middle] >= 4).all()
    assert not straight.slowings.any()
    assert np.array_equal(slowed.stations, straight.stations)
    assert (np.abs(slowed.slowings - slowed.stations) <= 1).all(), "one between two stations"


@given(st.integers(0, 1_000), st.floats(9.0, 24.0))
@settings(max_examples=20, deadline=None)
def test_rare_points_smooth_a_ride_and_say_so(seed: int, mean_ms: float) -> None:
    """The pace of what is seen counts only points that are close."""
    random = np.random.default_rng(seed)
    speed_ms = (mean_ms + random.uniform(-5, 5, 360)).tolist()
    close, rare = rides(ride(speed_ms)), rides(ride(speed_ms, every=6))
    middle = slice(40, 80)
    assert close.seen_ms[middle] == pytest.approx(close.speed_ms[middle])
    assert (rare.change_ms2[middle] < close.change_ms2[middle]).all()
    assert not rare.seen_ms.any()


@pytest.mark.parametrize(("speed_ms", "is_rail"), [(29.0, False), (40.0, True)])
def test_no_road_lets_drive_as_fast_as_a_fast_train(speed_ms: float, is_rail: bool) -> None:
    """A rough ride at 104 km/h may be either, and one at 144 km/h is none of a car."""
    random = np.random.default_rng(2)
    found = rail_log_odds(rides(ride((speed_ms + random.uniform(-3, 3, 360)).tolist())))
    assert found[len(found) // 2] == (RAIL_LOG_ODDS if is_rail else 0.0)


@given(st.floats(3.0, 35.9))
def test_a_speed_that_no_receiver_measures_says_nothing(speed_ms: float) -> None:
    """Such as a simulator's: a drive at one speed from end to end is no train and no bicycle."""
    drive = slots_of(Journeys.of([[ride([speed_ms] * 300)]]))
    assert not rail_log_odds(rides_of(drive)).any()
    assert not bicycle_log_odds(drive, rides_of(drive)).any()


def test_a_steady_motorway_is_no_train_yet() -> None:
    """Mean changes of 0.06 m/s² are a train's at 80 km/h and a car's at 110 km/h."""
    turns = np.tile([0.31, -0.31], 180)
    slow, fast = (rail_log_odds(rides(ride((v + turns).tolist()))) for v in (22.0, 30.5))
    middle = len(slow) // 2
    assert slow[middle] > 1
    assert fast[middle] == 0


@given(st.integers(0, 1_000), RUNS)
@settings(max_examples=20, deadline=None)
def test_what_tells_vehicles_apart_says_nothing_of_walks(
    seed: int, runs: list[tuple[float, int, int]]
) -> None:
    """The odds on foot, and those of the best vehicle, are the classifier's."""
    slots = slots_of(Journeys.of([[ride(by_metro(runs))]]))
    log_odds = np.random.default_rng(seed).uniform(-9, 0, (len(slots), len(CLASSES))).round(4)
    found = weighed(log_odds, slots, np.ones(len(slots), dtype=bool))
    assert np.array_equal(found[:, 0], log_odds[:, 0])
    assert found[:, 1:].max(axis=1) == pytest.approx(log_odds[:, 1:].max(axis=1))
    by_rail = rail_log_odds(rides_of(slots))
    rail, road = CLASSES.index("rail"), CLASSES.index("road")
    ahead = found[:, rail] - found[:, road]
    assert (ahead >= log_odds[:, rail] - log_odds[:, road] + by_rail - 1e-9).all()
