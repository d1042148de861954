"""Devices that are decided at once get, bit for bit, what each gets alone."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.geo.points import Points
from trackflow.geo.time import DAY_US, midnight_us
from trackflow.tracks import together
from trackflow.tracks.segments import DaySegments, days_of, segment_days
from trackflow.tracks.thresholds import RANGES, Thresholds
from trackflow.tracks.together import DeviceDays, segment_together
from trackflow_tests.helpers.histories import FIRST, History, histories, limits
from trackflow_tests.tracks.test_chunking import relaxed
from trackflow_tests.tracks.test_locality import LIMITS, STAYS_ONLY, doubtful

ODD = [
    Thresholds(dwell_s=123.456789, gap_s=400),
    Thresholds(dwell_s=61.7, max_speed_kmh=1, noise_m=0, silence_s=0),
    Thresholds(dwell_s=301, gap_s=120, spike_points=5, spike_s=60),
    Thresholds(dwell_s=21_599.999998),
]
"""With units of time that have no small multiple in common, the last so large a one that 40 devices
do not fit on an axis; and a speed that nearly all is above."""


def some_days(points: Points, random: np.random.Generator, shift_days: int) -> DeviceDays:
    """A device at another time; from the day of its first point or one beside it, for some days."""
    points = replace(points, time_us=points.time_us + shift_days * DAY_US)
    begin_us = int(points.time_us.min(initial=midnight_us(FIRST)))
    if len(points):
        begin_us = int(points.time_us.min())
    day = dt.date(1970, 1, 1) + dt.timedelta(days=begin_us // DAY_US)
    first = day + dt.timedelta(days=int(random.choice([0, 0, 0, 1, -1])))
    return DeviceDays(points, first, first + dt.timedelta(days=int(random.integers(0, 5))))


def doubtful_day(seed: int, random: np.random.Generator) -> Points:
    """Points at a few places, so that comparisons are often just equal, somewhere on the Earth."""
    points = doubtful(seed, int(random.choice([1, 2, 5, 40, 300, 800])))
    lon = (points.lon + random.choice([0.0, 24.94, 179.99, -100.0]) + 180) % 360 - 180
    lat = points.lat + random.choice([0.0, 60.17, -80.0])
    start_us = midnight_us(FIRST) + int(random.integers(0, DAY_US))
    return Points.of(start_us + points.time_us, lon, lat, points.accuracy_m)


def check(devices: Sequence[DeviceDays], thresholds: Thresholds) -> None:
    found = segment_together(devices, thresholds)
    alone = [segment_days(d.points, d.first, d.last, thresholds) for d in devices]
    assert found == alone
    assert list(map(hashes, found)) == list(map(hashes, alone))


def hashes(days: list[DaySegments]) -> list[list[str]]:
    return [[segment.content_hash for segment in day.segments] for day in days]


any_limits = limits | st.builds(
    Thresholds,
    dwell_s=st.floats(*RANGES["dwell_s"]) | st.floats(2, 1000),
    gap_s=st.floats(*RANGES["gap_s"]),
    silence_s=st.floats(*RANGES["silence_s"]),
    max_speed_kmh=st.floats(*RANGES["max_speed_kmh"]),
)


@relaxed
@given(
    given=st.lists(st.tuples(histories(), st.integers(-20_000, 30_000)), max_size=5),
    thresholds=any_limits,
    seed=st.integers(0, 2**32 - 1),
)
def test_histories_together_equal_one_by_one(
    given: list[tuple[History, int]], thresholds: Thresholds, seed: int
) -> None:
    random = np.random.default_rng(seed)
    check([some_days(history.points, random, days) for history, days in given], thresholds)


@pytest.mark.parametrize("thresholds", [LIMITS, STAYS_ONLY, Thresholds(), *ODD])
@pytest.mark.parametrize("seed", range(3))
def test_doubtful_points_together_equal_one_by_one(seed: int, thresholds: Thresholds) -> None:
    random = np.random.default_rng(seed)
    devices = [
        some_days(doubtful_day(100 * seed + k, random), random, int(random.integers(-9, 9)))
        for k in range(40)
    ]
    check([*devices, DeviceDays(Points.empty(), FIRST, FIRST)], thresholds)


def test_groups_hold_no_more_than_is_good(monkeypatch: pytest.MonkeyPatch) -> None:
    """Six at once have 1,800 points; none is with one from the other half of the Earth."""
    sizes: list[int] = []
    inner = days_of

    def counted(*given: object) -> object:
        sizes.append(len(given[3]))  # type: ignore[arg-type]
        return inner(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(together, "days_of", counted)
    monkeypatch.setattr(together, "MOST_POINTS", 2_000)
    random = np.random.default_rng(1)
    points = [doubtful(k, 300) for k in range(20)]
    devices = [
        some_days(replace(one, lon=one.lon + side), random, 0)
        for one, side in zip(points, [-150.0, 150.0] * 10, strict=True)
    ]
    check(devices, LIMITS)
    assert sizes == [6, 3, 2, 6, 2], "and one in the west alone, whose neighbours are in the east"


def test_devices_that_do_not_fit_on_an_axis_are_halved(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(2)
    devices = [some_days(doubtful(k, 300), random, 0) for k in range(9)]
    monkeypatch.setattr(together, "LONGEST_AXIS_US", 4 * together.APART_US)
    check(devices, LIMITS)
