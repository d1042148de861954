"""Simulated rides by rail, to fit travel modes with: labelled people rarely go by train.

Speeds, accelerations, distances between stops and dwell times are in the ranges that operators
publish for trams, metros, suburban and long-distance trains. A walk comes before and after. Under
the ground, half of the metros have positions at stations only.
"""

from dataclasses import dataclass

import numpy as np

from trackflow.geo.distance import METRES_PER_DEGREE
from trackflow.geo.points import Points

US = 1_000_000
START_US = 1_700_000_000 * US


@dataclass(frozen=True, slots=True)
class Line:
    """Ranges of a kind of line.

    Attributes:
        spacing_m: between stops.
        fastest_ms: between stops that are far enough from each other.
        acceleration_ms2: of starting and braking.
        dwell_s: at stops.
        bend: standard deviation of the change of course, degrees per second at 10 m/s.
        hidden_share: share of rides that see the sky at stations only.
    """

    spacing_m: tuple[float, float]
    fastest_ms: tuple[float, float]
    acceleration_ms2: tuple[float, float]
    dwell_s: tuple[float, float]
    bend: float
    hidden_share: float


LINES = (
    Line((350, 800), (9, 15), (0.7, 1.2), (15, 45), 2.0, 0.0),
    Line((800, 2_200), (15, 23), (0.8, 1.2), (20, 50), 0.6, 0.5),
    Line((2_000, 8_000), (20, 40), (0.5, 1.0), (25, 80), 0.25, 0.05),
    Line((10_000, 60_000), (28, 83), (0.2, 0.5), (60, 240), 0.1, 0.0),
)
"""Trams, metros, suburban trains, long-distance trains."""


def ride(random: np.random.Generator, line: Line) -> tuple[Points, tuple[int, int]]:
    """A walk, a ride and a walk; with the start and end of the ride in UTC microseconds."""
    speed_ms, is_station = _profile(random, line)
    before, after = (_walk(random) for _ in range(2))
    speeds = np.concatenate([before, speed_ms, after])
    walking = np.full(len(speeds), True)
    walking[len(before) : len(before) + len(speed_ms)] = False
    turn = np.where(
        walking,
        random.normal(0, 8, len(speeds)),
        random.normal(0, line.bend, len(speeds)) * speeds / 10,
    )
    heading = np.radians(np.cumsum(turn) + random.uniform(0, 360))
    noise_m = random.uniform(2, 12)
    wander = _wander(random, len(speeds)) * noise_m, _wander(random, len(speeds)) * noise_m
    x_m = np.cumsum(speeds * np.cos(heading)) + wander[0]
    y_m = np.cumsum(speeds * np.sin(heading)) + wander[1]
    seen = np.zeros(len(speeds), dtype=bool)
    seen[:: int(random.choice((2, 5, 10, 30, 60)))] = True
    if random.random() < line.hidden_share:
        seen[~walking] &= is_station
    time_us = START_US + np.arange(len(speeds)) * US
    lat = random.uniform(-55, 60)
    shrink = np.cos(np.radians(lat))
    lon_lat = x_m / METRES_PER_DEGREE / shrink, lat + y_m / METRES_PER_DEGREE
    start, end = len(before), len(before) + len(speed_ms)
    border_us = int(time_us[start]), int(time_us[end - 1])
    return Points.of(time_us[seen], lon_lat[0][seen], lon_lat[1][seen]), border_us


def _profile(random: np.random.Generator, line: Line) -> tuple[np.ndarray, np.ndarray]:
    """Speed in each second of a ride, and whether it stands at a station."""
    speeds: list[np.ndarray] = []
    stations: list[np.ndarray] = []
    wanted_s = random.uniform(8, 75) * 60
    fastest_ms = random.uniform(*line.fastest_ms)
    acceleration = random.uniform(*line.acceleration_ms2)
    spacing_m = random.uniform(*line.spacing_m)
    while sum(len(part) for part in speeds) < wanted_s:
        way_m = spacing_m * random.uniform(0.6, 1.5)
        top = min(fastest_ms * random.uniform(0.8, 1.0), np.sqrt(acceleration * way_m))
        up = np.arange(0, top, acceleration)
        cruise = np.full(max(int((way_m - top**2 / acceleration) / top), 1), top)
        dwell = np.zeros(int(random.uniform(*line.dwell_s)))
        cruise = cruise * (1 + 0.05 * _wander(random, len(cruise)))
        speeds += [up, np.clip(cruise, 0, None), up[::-1], dwell]
        stations += [np.zeros(2 * len(up) + len(cruise), dtype=bool), np.ones(len(dwell), bool)]
    return np.concatenate(speeds), np.concatenate(stations)


def _walk(random: np.random.Generator) -> np.ndarray:
    seconds = int(random.uniform(2, 12) * 60)
    speeds = np.full(seconds, random.uniform(1.1, 1.6))
    speeds[-int(random.uniform(30, 300)) :] = 0.0
    return speeds


def _wander(random: np.random.Generator, count: int, memory: float = 0.95) -> np.ndarray:
    """Noise of deviation 1 that changes slowly, as that of positions does."""
    white, found, at = random.normal(0, np.sqrt(1 - memory**2), count), np.empty(count), 0.0
    for k in range(count):
        at = memory * at + white[k]
        found[k] = at
    return found


def rides(count: int, seed: int = 1) -> list[tuple[Points, tuple[int, int]]]:
    """So many rides of each kind of line."""
    random = np.random.default_rng(seed)
    return [ride(random, line) for line in LINES for _ in range(count)]
