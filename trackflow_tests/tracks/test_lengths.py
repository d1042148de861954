"""Lengths along points: noise must not make a walk longer, nor thinning make a drive shorter."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackflow.geo.distance import METRES_PER_DEGREE
from trackflow.geo.points import Floats, Points
from trackflow.geo.steps import steps_mm
from trackflow.tracks.day_parts import quarter_edges
from trackflow.tracks.lengths import Stretch, bends, measure, spread

START_US = 1_767_600_000_000_000
WALK_MS, DRIVE_MS = 1.4, 11.0


def route(seed: int, legs_m: tuple[float, float], length_m: float) -> tuple[Floats, Floats]:
    """A way through a town: straight legs, half of them followed by a right angle."""
    rng = np.random.default_rng(seed)
    legs = rng.uniform(*legs_m, round(length_m / sum(legs_m) * 2))
    turns = rng.choice([0.0, 0.3, -0.3, np.pi / 2, -np.pi / 2], len(legs))
    heading = np.cumsum(turns)
    x = np.concatenate([[0.0], np.cumsum(legs * np.cos(heading))])
    y = np.concatenate([[0.0], np.cumsum(legs * np.sin(heading))])
    return x, y


def reported(
    seed: int,
    way: tuple[Floats, Floats],
    speed_ms: float,
    every_s: float,
    noise_m: float,
    lasting_s: float = 0.0,
    lat: float = 60.0,
    halts: int = 0,
) -> tuple[Points, float]:
    """Points along a way with noise, and its true length.

    `noise_m` is the noise's standard deviation per axis, `lasting_s` how long it takes to change.
    There are as many `halts`, of two minutes each, as far from one another.
    """  # fmt: skip
    rng = np.random.default_rng(seed)
    along = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(way[0]), np.diff(way[1])))])
    at = np.arange(0.0, along[-1], speed_ms * every_s)
    places = np.linspace(0, len(at), halts + 2)[1:-1].astype(np.int64)
    at = np.repeat(at, 1 + np.bincount(places, minlength=len(at)) * round(120 / every_s))
    noise = rng.normal(0, noise_m, (len(at), 2))
    if lasting_s:
        kept = np.exp(-every_s / lasting_s)
        for k in range(1, len(noise)):
            noise[k] = kept * noise[k - 1] + np.sqrt(1 - kept**2) * noise[k]
    x, y = (np.interp(at, along, part) + noise[:, k] for k, part in enumerate(way))
    scale = METRES_PER_DEGREE * np.cos(np.radians(lat))
    time_us = START_US + np.rint(np.arange(len(at)) * every_s * 1e6).astype(np.int64)
    return Points.of(time_us, 24.9 + x / scale, lat + y / METRES_PER_DEGREE), float(at[-1])


@pytest.mark.parametrize("every_s", [1, 2, 5, 10, 30])
@pytest.mark.parametrize(
    ("noise_m", "lasting_s"), [(0.5, 0), (3, 0), (5, 0), (10, 0), (3, 20), (5, 20), (10, 60)]
)
def test_a_walk_is_as_long_as_it_was(every_s: float, noise_m: float, lasting_s: float) -> None:
    found, raw = [], []
    for seed in range(6):
        points, true_m = reported(
            seed, route(seed, (40, 200), 5000), WALK_MS, every_s, noise_m, lasting_s
        )
        found.append(measure(points).way.length_mm / 1000 / true_m)
        raw.append(steps_mm(points.lon, points.lat).sum() / 1000 / true_m)
    assert 0.94 < np.mean(found) < 1.06, (found, raw)
    if every_s == 1 and noise_m >= 3 and not lasting_s:
        assert np.mean(raw) > 3, "the noise is there"


@pytest.mark.parametrize(("every_s", "least"), [(1, 0.97), (2, 0.97), (5, 0.95)])
@pytest.mark.parametrize(("noise_m", "lasting_s"), [(0, 0), (3, 0), (5, 0), (5, 20)])
def test_a_drive_is_as_long_as_it_was(
    every_s: float, least: float, noise_m: float, lasting_s: float
) -> None:
    found = []
    for seed in range(4):
        points, true_m = reported(
            seed, route(seed, (80, 500), 15_000), DRIVE_MS, every_s, noise_m, lasting_s
        )
        found.append(measure(points).way.length_mm / 1000 / true_m)
    assert least < np.mean(found) < 1.03, found


@pytest.mark.parametrize("every_s", [1, 2, 5, 10])
@pytest.mark.parametrize(("noise_m", "lasting_s"), [(3, 0), (5, 20), (10, 30), (12, 60)])
def test_who_stands_gets_no_further(every_s: float, noise_m: float, lasting_s: float) -> None:
    """A bus of 20 stops: what the noise walks there is no way, other than on the drive."""
    found = []
    for seed in range(4):
        way = route(seed, (80, 500), 10_000)
        longer = [
            measure(points).way.length_mm / 1000 / true_m
            for points, true_m in (
                reported(seed, way, DRIVE_MS, every_s, noise_m, lasting_s, halts=halts)
                for halts in (0, 20)
            )
        ]
        found.append(longer[1] - longer[0])
    assert np.mean(found) < 0.06, found


@pytest.mark.parametrize(("round_m", "speed_ms"), [(3200, 40), (2400, 30), (1000, 15), (800, 14)])
@pytest.mark.parametrize("every_s", [5, 10, 20, 30])
def test_rounds_on_a_race_track_are_no_noise(
    round_m: float, speed_ms: float, every_s: float
) -> None:
    """Not even where a round is seen at two or three points: no less than straight between them."""
    angle = np.arange(0, 40 * round_m, speed_ms * every_s) / round_m * 2 * np.pi
    radius_m, scale = round_m / 2 / np.pi, METRES_PER_DEGREE * np.cos(np.radians(60))
    noise = np.random.default_rng(1).normal(0, 4, (2, len(angle)))
    points = Points.of(
        START_US + np.rint(np.arange(len(angle)) * every_s * 1e6).astype(np.int64),
        24.9 + (radius_m * np.cos(angle) + noise[0]) / scale,
        60 + (radius_m * np.sin(angle) + noise[1]) / METRES_PER_DEGREE,
    )
    straight_m = (len(angle) - 1) * 2 * radius_m * abs(np.sin(angle[1] / 2))
    true_m = (len(angle) - 1) * speed_ms * every_s
    assert 0.97 * straight_m < measure(points).way.length_mm / 1000 < 1.03 * true_m


@pytest.mark.parametrize("every_s", [1, 5, 30])
def test_the_highest_speed_is_no_noise(every_s: float) -> None:
    points, _ = reported(1, route(1, (40, 200), 5000), WALK_MS, every_s, 5.0)
    jumps_kmh = steps_mm(points.lon, points.lat).max() / every_s / 1e3 * 3.6
    found = measure(points).max_speed_kmh
    assert WALK_MS * 3.6 * 0.9 < found < WALK_MS * 3.6 * 1.6
    assert found < jumps_kmh


def test_a_fast_train_is_as_fast_as_it_was() -> None:
    points, _ = reported(1, (np.array([0.0, 20_000.0]), np.zeros(2)), 83.0, 10, 3.0)
    assert measure(points).max_speed_kmh == pytest.approx(300, rel=0.03)


@pytest.mark.parametrize("every_s", [1, 10, 30])
def test_one_point_beside_the_way_makes_no_speed(every_s: float) -> None:
    points, _ = reported(1, (np.array([0.0, 3_000.0]), np.zeros(2)), 8.3, every_s, 1.0)
    points.lat[len(points) // 2] += 500 / METRES_PER_DEGREE
    assert measure(points).max_speed_kmh < 30 * 1.2


@st.composite
def histories(draw: st.DrawFn) -> Points:
    """Any points in order of time: standing still, repeated, silent, over the antimeridian."""
    count = draw(st.integers(1, 80))
    seconds = draw(
        st.lists(st.sampled_from([1, 1, 5, 10, 60, 4000]), min_size=count, max_size=count)
    )
    step = st.integers(-40, 40) | st.just(0)
    steps = draw(st.lists(st.tuples(step, step), min_size=count, max_size=count))
    first = draw(st.sampled_from([24.9, 179.9999, -180.0, 0.0]))
    moved = np.cumsum(np.array(steps), axis=0) / 1e5
    lon = (first + moved[:, 0] + 180) % 360 - 180
    time_us = START_US + np.cumsum(seconds) * 1_000_000
    return Points.of(time_us, lon, draw(st.sampled_from([60.0, -16.8, 0.0])) + moved[:, 1])


@given(histories())
@settings(deadline=None)
def test_a_way_is_no_longer_than_the_steps_and_never_goes_back(points: Points) -> None:
    way = measure(points).way
    raw_mm = float(steps_mm(points.lon, points.lat).sum())
    assert way.time_us[0] == points.time_us[0]
    assert way.time_us[-1] == points.time_us[-1]
    assert np.all(np.diff(way.along_mm) >= 0)
    assert np.array_equal(way.along_mm, np.rint(way.along_mm))
    # an arc over a right angle is 1.11 times its chord
    assert way.length_mm <= raw_mm * 1.12 + 5 * len(points)


@given(histories())
@settings(deadline=None)
def test_the_same_points_have_the_same_length_wherever_they_lie_in_memory(points: Points) -> None:
    shifted = Points.concat([points[:0], points])
    again = measure(Points(*(np.concatenate([[0], c])[1:] for c in (
        shifted.time_us, shifted.lon, shifted.lat, shifted.accuracy_m))))  # fmt: skip
    first = measure(points)
    assert np.array_equal(first.way.along_mm, again.way.along_mm)
    assert first.max_speed_kmh == again.max_speed_kmh


@given(histories(), st.data())
@settings(deadline=None)
def test_stretches_count_once(points: Points, data: st.DataObject) -> None:
    """A raw stretch among matched ones counts once, by the points; matched ones by their lines."""
    way = measure(points).way
    times = points.time_us
    cuts = data.draw(st.lists(st.integers(0, len(times) - 1), max_size=5))
    places = sorted({0, *cuts, len(times) - 1})
    stretches = []
    for low, high in itertools.pairwise(places):
        length_mm = data.draw(st.none() | st.integers(0, 10**7))
        stretches.append(Stretch(int(times[low]), int(times[high]), length_mm))
    if not stretches:
        stretches = [Stretch(int(times[0]), int(times[-1]), None)]
    edges = quarter_edges(int(times[0]), int(times[-1]))
    found = spread(way, stretches, edges)
    assert len(found) == len(edges) - 1
    assert min(found) >= 0
    expected = sum(
        way.at_mm(s.end_us) - way.at_mm(s.start_us) if s.length_mm is None else s.length_mm
        for s in stretches
    )
    assert abs(sum(found) - expected) <= 0.51
    for s in stretches:
        assert abs(sum(spread(way, stretches, [s.start_us, s.end_us])) - (
            way.at_mm(s.end_us) - way.at_mm(s.start_us) if s.length_mm is None else s.length_mm
        )) <= 1.01  # fmt: skip


@pytest.mark.parametrize("points", [6, 12, 40])
def test_a_circle_is_as_long_by_a_few_points_as_by_many(points: int) -> None:
    angle = np.linspace(0, 2 * np.pi, points + 1)
    x, y = 500 * np.cos(angle), 500 * np.sin(angle)
    lengths_m = np.hypot(np.diff(x), np.diff(y)) * bends(x, y)
    # the first and the last step know one turn only
    assert lengths_m[1:-1] == pytest.approx(2 * np.pi * 500 / points, rel=1e-6)


def test_a_straight_way_is_not_bent() -> None:
    assert np.array_equal(bends(np.arange(5.0) * 100, np.zeros(5)), np.ones(4))
    assert np.array_equal(bends(np.array([0.0, 1]), np.zeros(2)), np.ones(1))
    assert len(bends(np.zeros(1), np.zeros(1))) == 0
