"""Halts on the way are found beneath noise; driving, walking and turning are none."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.geo.points import Points
from trackflow.tracks.halts import find_halts
from trackflow.tracks.lengths import measure

START_US = 1_772_000_000_000_000


def moving(speeds_ms: list[float], noise_m: float = 0.0, every_s: int = 1) -> Points:
    """Eastwards with these speeds, one for each report."""
    metres = np.concatenate([[0.0], np.cumsum(np.array(speeds_ms) * every_s)])
    rng = np.random.default_rng(3)
    noise = rng.normal(0, noise_m / 111_000, (2, len(metres)))
    time_us = START_US + np.arange(len(metres)) * every_s * 1_000_000
    return Points.of(time_us, 10 + metres / 111_195 + noise[0], noise[1])


def idle_s(points: Points) -> float:
    halts = measure(points).halts
    return sum(halts.between_ms([int(points.time_us[0]), int(points.time_us[-1])])) / 1000


@pytest.mark.parametrize("noise_m", [0.0, 3.0])
def test_a_halt_between_drives(noise_m: float) -> None:
    drive = [12.0] * 300
    assert idle_s(moving(drive * 2, noise_m)) == 0
    assert idle_s(moving([*drive, *[0.0] * 120, *drive], noise_m)) == pytest.approx(120, abs=15)
    assert idle_s(moving([*drive, *[0.0] * 15, *drive], noise_m)) == 0, "too short to be sure of"


def test_who_walks_does_not_stand() -> None:
    assert idle_s(moving([1.2] * 900, 3.0)) == 0


def test_rare_reports_show_no_halt_where_none_is_sure() -> None:
    assert idle_s(moving([10.0] * 40, every_s=60)) == 0


def test_there_and_back_is_no_halt() -> None:
    time_us = START_US + np.arange(31) * 1_000_000
    x = np.concatenate([np.linspace(0, 100, 16), np.linspace(100, 0, 16)[1:]])
    halts = find_halts(time_us, x, np.zeros(31))
    assert halts.between_ms([int(time_us[0]), int(time_us[-1])]) == [0]


@pytest.mark.parametrize("round_s", [6, 7.5, 10, 12, 15, 20, 30])
@pytest.mark.parametrize("every_s", [1, 2.5])
def test_who_circles_does_not_stand(round_s: float, every_s: float) -> None:
    """Whatever share of half a minute a round takes, from that of a roundabout on."""
    t = np.arange(0, 300, every_s)
    angle = t * 2 * np.pi / round_s
    time_us = START_US + np.rint(t * 1e6).astype(np.int64)
    halts = find_halts(time_us, 20 * np.cos(angle), 20 * np.sin(angle))
    assert halts.between_ms([int(time_us[0]), int(time_us[-1])]) == [0]


@given(st.lists(st.sampled_from([0.0, 0.0, 8.0]), min_size=5, max_size=60), st.data())
def test_parts_add_up_and_are_no_longer_than_their_time(
    legs: list[float], data: st.DataObject
) -> None:
    points = moving([speed for speed in legs for _ in range(10)])
    first, last = int(points.time_us[0]), int(points.time_us[-1])
    inner = data.draw(st.sets(st.integers(first + 1, last - 1), max_size=6))
    edges = [first, *sorted(inner), last]
    parts = measure(points).halts.between_ms(edges)
    assert sum(parts) == pytest.approx(idle_s(points) * 1000)
    for part, (low, high) in zip(parts, pairwise(edges), strict=True):
        assert 0 <= part <= (high - low) // 1000 + 1
