"""Legs of random journeys: they tile, they are local, corrections win."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackflow.categories.features import SLOT_US, TICK_US, WINDOWS_S, slots_of
from trackflow.categories.journeys import Journeys
from trackflow.categories.leg_modes import Weigher
from trackflow.categories.legs import MODEL, PERSON, Correction, Leg, legs_of, legs_of_each
from trackflow.categories.mode_model import (
    FURTHEST,
    HIDDEN_STEPS,
    STEPS,
    WEIGHT_STEPS,
    model,
)
from trackflow.categories.modes import CLASS_OF, CLASSES, Mode
from trackflow.categories.physics import LEFT_M, LONGEST_PUSH_SLOTS, with_pushed_bicycles
from trackflow.categories.rides import BEFORE_HALT
from trackflow.categories.sequence import BLOCK, MARGIN
from trackflow.geo.distance import METRES_PER_DEGREE
from trackflow.geo.points import Points

START_US = 1_768_032_000_000_000
MARGIN_US = (BLOCK + MARGIN + LONGEST_PUSH_SLOTS + 4) * SLOT_US + (
    WINDOWS_S[-1] * 500_000 + BEFORE_HALT * TICK_US
)
SPEEDS_MS = {"foot": 1.4, "bicycle": 4.8, "road": 11.0, "rail": 19.0}


def journey(
    seed: int, parts: list[tuple[str, int]], sampling_s: int, start_s: int = 0, hidden: float = 0.02
) -> Points:
    """A journey with halts, noise and holes.

    Args:
        seed: of chance.
        parts: name of a speed, and minutes.
        sampling_s: time between points.
        start_s: when it begins.
        hidden: share of points that a hole follows.
    """
    random = np.random.default_rng(seed)
    speed_ms = np.concatenate(
        [np.full(max(minutes * 60 // sampling_s, 2), SPEEDS_MS[kind]) for kind, minutes in parts]
    )
    speed_ms = speed_ms * random.uniform(0.6, 1.2, len(speed_ms))
    speed_ms[random.random(len(speed_ms)) < 0.08] = 0
    heading = np.cumsum(random.normal(0, 0.2, len(speed_ms)))
    step_s = np.where(random.random(len(speed_ms)) < hidden, sampling_s + 400, sampling_s)
    time_us = START_US + start_s * 1_000_000 + np.cumsum(step_s) * 1_000_000
    x_m, y_m = (np.cumsum(speed_ms * step_s * f(heading)) for f in (np.cos, np.sin))
    lon = 24.9 + x_m / METRES_PER_DEGREE / 0.5 + random.normal(0, 3e-5, len(x_m))
    return Points.of(time_us, lon, 60.0 + y_m / METRES_PER_DEGREE)


PARTS = st.lists(
    st.tuples(st.sampled_from(sorted(SPEEDS_MS)), st.integers(1, 90)), min_size=1, max_size=6
)
JOURNEYS = st.builds(
    journey,
    st.integers(0, 10_000),
    PARTS,
    st.sampled_from((1, 7, 30, 60, 300)),
    st.integers(0, 86_400),
    st.sampled_from((0.0, 0.02)),
)


def holds_all(legs: list[Leg], points: Points) -> None:
    """Legs cover the journey's time and way, in order, without a hole, each with its own mode."""
    assert legs[0].start_us == points.time_us[0]
    assert legs[-1].end_us == points.time_us[-1]
    for a, b in itertools.pairwise(legs):
        assert a.end_us == b.start_us
        assert (a.mode, a.decided_by) != (b.mode, b.decided_by)
    assert all(leg.start_us < leg.end_us and 0 <= leg.probability <= 1 for leg in legs)
    for leg in legs:
        # a road leg at the pace of a bicycle counts as one
        if leg.decided_by == MODEL and leg.mode is not Mode.CYCLING:
            assert leg.evidence["runner_up"] != CLASS_OF[leg.mode], "another class than its own"
    alone = legs_of([points])
    assert sum(leg.distance_mm for leg in legs) == sum(leg.distance_mm for leg in alone)


@settings(max_examples=40, deadline=None)
@given(JOURNEYS, JOURNEYS, st.integers(1, 1_000))
def test_legs_tile_and_do_not_depend_on_company_or_cuts(a: Points, b: Points, cut: int) -> None:
    legs = legs_of([a])
    holds_all(legs, a)
    at = 1 + cut % (len(a) - 1)
    assert legs_of_each([[b], [a[:at], a[at:]], [a[:1]]]) == [legs_of([b]), legs, []]
    shortest_us = min((leg.end_us - leg.start_us for leg in legs[1:-1]), default=60_000_000)
    assert shortest_us >= 60_000_000


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 10_000),
    st.lists(st.sampled_from(sorted(SPEEDS_MS)), min_size=4, max_size=6),
    st.booleans(),
    st.sampled_from((7, 30, 60)),
)
def test_what_is_far_away_changes_nothing(
    seed: int, kinds: list[str], is_cut: bool, sampling_s: int
) -> None:
    """The last hours move otherwise, or are not there: legs that end before are the same."""
    whole = journey(seed, [(kind, 100) for kind in kinds], sampling_s)
    border_us = int(whole.time_us[-1]) - 7_200_000_000
    near = whole.time_us < border_us
    lat = np.where(near, whole.lat, whole.lat + np.linspace(0, 0.2, len(whole)))
    changed = whole[near] if is_cut else Points.of(whole.time_us, whole.lon, lat)
    safe_us = border_us - MARGIN_US
    kept = [leg for leg in legs_of([whole]) if leg.end_us < safe_us]
    assert [leg for leg in legs_of([changed]) if leg.end_us < safe_us] == kept


@settings(max_examples=40, deadline=None)
@given(JOURNEYS, st.floats(0, 1), st.floats(0, 1), st.sampled_from(list(Mode)))
def test_a_correction_wins_in_its_time_only(
    points: Points, from_: float, to: float, mode: Mode
) -> None:
    length_us = int(points.time_us[-1] - points.time_us[0])
    low, high = sorted(int(points.time_us[0] + share * length_us) for share in (from_, to))
    before = legs_of([points])
    legs = legs_of([points], corrections=[Correction(low, high, mode)])
    holds_all(legs, points)
    for leg in legs:
        inside = low <= leg.start_us and leg.end_us <= high
        assert leg.decided_by == (PERSON if inside else MODEL)
        assert leg.mode == mode if inside else leg.mode in {one.mode for one in before}
    untouched = [leg for leg in before if leg.end_us <= low or leg.start_us >= high]
    assert [leg for leg in legs if leg in untouched] == untouched


@pytest.mark.parametrize(
    ("kind", "mode"), [("foot", Mode.WALKING), ("bicycle", Mode.CYCLING), ("road", Mode.DRIVING)]
)
@pytest.mark.parametrize("sampling_s", [1, 10, 30])
def test_plain_movement_has_its_mode(kind: str, mode: Mode, sampling_s: int) -> None:
    legs = legs_of([journey(3, [(kind, 40)], sampling_s, hidden=0)])
    right_us = sum(leg.end_us - leg.start_us for leg in legs if leg.mode is mode)
    assert right_us > 0.8 * (legs[-1].end_us - legs[0].start_us)


def test_the_sums_of_the_classifier_are_whole_numbers_that_a_float_of_32_bits_holds() -> None:
    shipped = model()
    hidden = np.abs(shipped.first).sum(axis=0) * FURTHEST + np.abs(shipped.first_bias)
    last = (hidden * (HIDDEN_STEPS / (STEPS * WEIGHT_STEPS))) @ np.abs(shipped.second)
    assert max(hidden.max(), (last + np.abs(shipped.second_bias)).max()) < 2**24
    for numbers in (shipped.first, shipped.first_bias, shipped.second, shipped.second_bias):
        assert np.array_equal(numbers, np.rint(numbers))


def test_a_prior_turns_a_doubtful_leg() -> None:
    """A device that was said to be a bicycle is one, unless it is impossible."""
    points = journey(5, [("bicycle", 30)], 60)
    assert [leg.mode for leg in legs_of([points], prior={Mode.CYCLING: 20.0})] == [Mode.CYCLING]
    fast = journey(5, [("rail", 60)], 10)
    assert Mode.CYCLING not in {leg.mode for leg in legs_of([fast], prior={Mode.CYCLING: 20.0})}


def test_a_slow_vehicle_is_driven() -> None:
    """A plough at the pace of a bicycle: what a person has said of the device counts more."""
    points = journey(3, [("bicycle", 40)], 10, hidden=0)
    assert Mode.CYCLING in {leg.mode for leg in legs_of([points])}
    driven = legs_of([points], prior={Mode.DRIVING: 10_000.0})
    assert {leg.mode for leg in driven} == {Mode.DRIVING}


def steady(speed_ms: list[float]) -> Points:
    """A point in 10 s on a straight line."""
    east_m = np.cumsum(speed_ms) * 10
    time_us = START_US + np.arange(len(speed_ms)) * 10_000_000
    return Points.of(time_us, 24.9 + east_m / METRES_PER_DEGREE / 0.5, np.full(len(east_m), 60.0))


def town_ride(seed: int) -> list[float]:
    """Half an hour by bicycle with halts of half a minute."""
    random = np.random.default_rng(seed)
    speed_ms = random.uniform(3.8, 5.6, 180)
    for at in random.integers(10, 170, 6):
        speed_ms[at : at + 3] = 0
    return speed_ms.tolist()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1_000), st.integers(6, 20))
def test_who_stands_stays_in_the_mode(seed: int, minutes: int) -> None:
    """A wait of many minutes between two rides is no walk."""
    random = np.random.default_rng(seed)
    wait = random.uniform(0, 0.1, minutes * 6).tolist()
    legs = legs_of([steady([*town_ride(seed), *wait, *town_ride(seed + 1)])])
    assert {leg.mode for leg in legs} == {Mode.CYCLING}


@given(
    st.floats(0, 1_000),
    st.integers(2, 90),
    st.lists(st.sampled_from(range(len(CLASSES))), min_size=3, max_size=3),
)
def test_a_bicycle_is_where_it_was_left(away_m: float, slots: int, kinds: list[int]) -> None:
    """A walk between two rides that ends elsewhere takes the bicycle along."""
    edges = [0, 20, 20 + slots, 40 + slots]
    lon = np.repeat([24.9, 24.9, 24.9 + away_m / METRES_PER_DEGREE / 0.5], [20, slots, 20])
    found = with_pushed_bicycles(edges, kinds, lon, np.full(len(lon), 60.0))
    names = [CLASSES[kind] for kind in kinds]
    is_pushed = names == ["bicycle", "foot", "bicycle"] and away_m > LEFT_M
    if is_pushed and slots <= LONGEST_PUSH_SLOTS:
        assert found == ([0, 40 + slots], kinds[:1])
    else:
        assert found == (edges, kinds)


@given(st.integers(0, 1_000), st.booleans())
@settings(max_examples=20, deadline=None)
def test_a_ride_between_rare_points_is_no_bicycle_for_its_mean_speed(
    seed: int, is_rare: bool
) -> None:
    """A bus whose tracker reports once in three minutes has the pace of a bicycle."""
    points = steady(town_ride(seed) + town_ride(seed + 1))
    slots = slots_of(Journeys.of([[points[:: 18 if is_rare else 1]]]))
    as_road = np.zeros((len(CLASSES), len(slots)), dtype=np.int64)
    weigh = Weigher(slots, None, as_road, {})
    mode, _, _ = weigh(CLASSES.index("road"), slice(0, len(slots)), 3_600.0)
    assert mode is (Mode.DRIVING if is_rare else Mode.CYCLING)


def test_what_coasts_for_an_hour_is_a_train() -> None:
    """A car that is as fast meets other cars."""
    time = np.arange(540)
    coasting = 30 + 4 * np.sin(time / 60)
    pushed = 30 + 4 * np.sin(time / 60) + np.random.default_rng(1).normal(0, 2.5, 540)
    of_each = [legs_of([steady(speed.tolist())]) for speed in (coasting, pushed)]
    assert [{leg.mode for leg in legs} for legs in of_each] == [{Mode.TRAIN}, {Mode.DRIVING}]
