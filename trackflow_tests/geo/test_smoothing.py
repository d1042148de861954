"""Smoothing: less noise, and nothing done where there is none or it cannot be measured."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.geo.distance import METRES_PER_DEGREE
from trackflow.geo.points import Floats, Ints
from trackflow.geo.smoothing import smoothed
from trackflow.geo.steps import unwrapped


def straight(count: int, every_s: float, speed_ms: float = 10.0) -> tuple[Ints, Floats, Floats]:
    time_us = np.rint(np.arange(count) * every_s * 1e6).astype(np.int64)
    return time_us, np.arange(count) * every_s * speed_ms / METRES_PER_DEGREE, np.zeros(count)


def noise_left(seed: int, count: int, noise_m: float) -> float:
    """Share of the noise of a straight way at 1 Hz that is left."""
    time_us, lon, lat = straight(count, 1.0)
    noise = np.random.default_rng(seed).normal(0, noise_m / METRES_PER_DEGREE, (2, count))
    x, y = smoothed(time_us, lon + noise[0], lat + noise[1])
    return float(np.hypot(x - lon, y - lat).mean() / np.hypot(*noise).mean())


@given(st.integers(0, 10_000), st.integers(60, 1500), st.floats(1, 10))
def test_noise_never_grows(seed: int, count: int, noise_m: float) -> None:
    # now and then a short way's noise looks like turns, and is left
    assert noise_left(seed, count, noise_m) < 1 + 1e-9


@pytest.mark.parametrize("noise_m", [1, 3, 10])
@pytest.mark.parametrize("count", [60, 300, 1500])
def test_noise_becomes_less(count: int, noise_m: float) -> None:
    left = [noise_left(seed, count, noise_m) for seed in range(40)]
    assert np.mean(left) < 0.6
    assert np.mean(np.array(left) < 0.75) > 0.8


@given(st.integers(1, 400), st.sampled_from([1.0, 5.0, 30.0]), st.floats(-3, 3))
def test_a_line_without_noise_stays_where_it_is(count: int, every_s: float, bend: float) -> None:
    time_us, along, _ = straight(count, every_s)
    # a wide curve, as of a motorway
    lon, lat = along, bend * along**2
    x, y = smoothed(time_us, lon, lat)
    assert np.hypot(x - lon, y - lat).max() * METRES_PER_DEGREE < 0.5


def test_sparse_points_are_left_alone() -> None:
    time_us, lon, lat = straight(300, 31.0)
    lat = lat + np.random.default_rng(1).normal(0, 1e-4, len(lat))
    x, y = smoothed(time_us, lon, lat)
    assert np.array_equal(x, lon)
    assert np.array_equal(y, lat)


@given(st.integers(0, 100), st.integers(5, 300))
def test_it_is_the_same_over_the_antimeridian(seed: int, count: int) -> None:
    time_us, lon, lat = straight(count, 1.0)
    lat = lat + np.random.default_rng(seed).normal(0, 5e-5, count)
    here = smoothed(time_us, lon + 20.0, lat)
    there = smoothed(time_us, (lon + 179.995 + 180) % 360 - 180, lat)
    assert np.abs(unwrapped(there[0]) - 179.995 - (here[0] - 20.0)).max() < 1e-9
    assert np.abs(there[1] - here[1]).max() < 1e-9


def test_what_comes_after_a_silence_does_not_change_what_was_before() -> None:
    time_us, lon, lat = straight(400, 1.0)
    lat = lat + np.random.default_rng(1).normal(0, 5e-5, len(lat))
    late_us = np.where(np.arange(400) < 200, time_us, time_us + 60_000_000)
    whole = smoothed(late_us, lon, lat)
    first = smoothed(late_us[:200], lon[:200], lat[:200])
    assert whole[0][:200] == pytest.approx(first[0], abs=0)
    assert whole[1][:200] == pytest.approx(first[1], abs=0)
