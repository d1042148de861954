"""Simulates a GPS receiver: noise, gaps, spikes, duplicates, equal times.

Pure functions of arrays and a random generator.
"""

from dataclasses import dataclass

import numpy as np

from trackflow.geo.distance import METRES_PER_DEGREE
from trackflow.geo.points import Bools, Floats, Ints, Points

SPIKE_SHARE = 1 / 2500
REPEAT_SHARE = 1 / 300
EQUAL_TIME_SHARE = 1 / 800
NOISE_MEMORY_S = 40.0
"""GPS errors drift rather than jump: after this time, an error has forgotten 63 % of itself."""


@dataclass(frozen=True, slots=True)
class Receiver:
    """The errors and the reporting of one device.

    Attributes:
        sigma_m: standard deviation of its error, in each direction.
        claims_accuracy: whether it reports an accuracy at all.
        whole_seconds: whether its clock has whole seconds only.
    """

    sigma_m: float
    claims_accuracy: bool
    whole_seconds: bool


def observe(
    time_us: Ints, lon: Floats, lat: Floats, receiver: Receiver, rng: np.random.Generator
) -> Points:
    """The points that a device reports for true positions; times must increase.

    Args:
        time_us: times in UTC microseconds, increasing, shape (n,).
        lon: true longitudes in degrees, shape (n,).
        lat: true latitudes in degrees, shape (n,).
        receiver: the errors of the device.
        rng: source of the random errors.
    """
    count = len(time_us)
    east_m = _drifting(time_us, receiver.sigma_m, rng)
    north_m = _drifting(time_us, receiver.sigma_m, rng)
    spikes = rng.random(count) < SPIKE_SHARE
    distance_m, bearing = rng.uniform(500, 3000, count), rng.uniform(0, 2 * np.pi, count)
    east_m += np.where(spikes, distance_m * np.sin(bearing), 0.0)
    north_m += np.where(spikes, distance_m * np.cos(bearing), 0.0)
    accuracy_m = np.full(count, np.nan)
    if receiver.claims_accuracy:
        # Devices report a good accuracy for spikes too: no filter may rely on a bad one.
        accuracy_m = np.round(receiver.sigma_m * rng.uniform(0.8, 1.8, count), 1)
    step_us = 1_000_000 if receiver.whole_seconds else 1000
    return _repeat(
        Points.of(
            time_us // step_us * step_us,
            lon + east_m / (METRES_PER_DEGREE * np.cos(np.radians(lat))),
            lat + north_m / METRES_PER_DEGREE,
            accuracy_m,
        ),
        rng,
    )


def _drifting(time_us: Ints, sigma_m: float, rng: np.random.Generator) -> Floats:
    """An error that is correlated in time (AR(1) at the times given), in metres."""
    kept = np.exp(-np.diff(time_us) / 1e6 / NOISE_MEMORY_S)
    fresh = rng.normal(0.0, sigma_m, len(time_us))
    fresh[1:] *= np.sqrt(1 - kept**2)
    error = fresh.tolist()
    for i, share in enumerate(kept.tolist(), start=1):
        error[i] += share * error[i - 1]
    return np.array(error)


def _repeat(points: Points, rng: np.random.Generator) -> Points:
    """Points with some sent twice, and some followed by another position of the same time."""
    count = len(points)
    twice = rng.random(count) < REPEAT_SHARE
    equal_time = rng.random(count) < EQUAL_TIME_SHARE
    index = np.repeat(np.arange(count), 1 + (twice | equal_time))
    again = np.r_[False, index[1:] == index[:-1]]
    moved = again & equal_time[index]
    offset_m = np.where(moved, rng.normal(0.0, 4.0, len(index)), 0.0)
    repeated = points[index]
    return Points.of(
        repeated.time_us,
        repeated.lon + offset_m / METRES_PER_DEGREE,
        repeated.lat + offset_m / METRES_PER_DEGREE,
        repeated.accuracy_m,
    )


def drop_gaps(
    time_us: Ints, gaps_per_hour: float, gap_s: tuple[float, float], rng: np.random.Generator
) -> Bools:
    """Mark the points that remain when the device goes silent at random moments.

    Args:
        time_us: times in UTC microseconds, increasing, shape (n,).
        gaps_per_hour: mean number of gaps per hour.
        gap_s: shortest and longest gap, in seconds.
        rng: source of the random gaps.

    Returns:
        True for points that remain, shape (n,).
    """
    if len(time_us) < 2:
        return np.ones(len(time_us), dtype=np.bool_)
    first, last = int(time_us[0]), int(time_us[-1])
    count = rng.poisson((last - first) / 3.6e9 * gaps_per_hour)
    starts = rng.uniform(first, last, count)
    ends = starts + rng.uniform(*gap_s, count) * 1e6
    silent = (time_us[:, None] >= starts) & (time_us[:, None] < ends)
    kept: Bools = ~silent.any(axis=1)
    return kept
