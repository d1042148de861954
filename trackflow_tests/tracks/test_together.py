"""Devices that are decided at once get, bit for bit, what each gets alone."""

import datetime as dt
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from trackflow.tracks.segments import DAY_US, DaySegments, segment_days
from trackflow.tracks.thresholds import RANGES, Thresholds
from trackflow.tracks.together import DeviceDays, segment_together
from trackflow_tests.tracks.histories import FIRST, histories, limits
from trackflow_tests.tracks.test_chunking import relaxed
from trackflow_tests.tracks.test_locality import doubtful

AT_MOST_DAYS = 30_000


@st.composite
def device_days(draw: st.DrawFn) -> DeviceDays:
    """A device at some time since 1970, with days that may hold all of its points or none."""
    if draw(st.booleans()):
        history = draw(histories())
        points = history.points
    else:  # a few places, so that comparisons are often just equal
        points = doubtful(draw(st.integers(0, 2**32 - 1)))
        start_us = (FIRST - dt.date(1970, 1, 1)).days * DAY_US
        points = replace(points, time_us=points.time_us + start_us)
    points = points[: draw(st.sampled_from([len(points), 0, 1, 2, 5, 40]))]
    shift = draw(st.integers(-20_000, AT_MOST_DAYS))
    moved = replace(points, time_us=points.time_us + shift * DAY_US)
    first = FIRST + dt.timedelta(days=shift + draw(st.integers(-2, 4)))
    return DeviceDays(moved, first, first + dt.timedelta(days=draw(st.integers(0, 5))))


any_limits = limits | st.builds(
    Thresholds,
    dwell_s=st.floats(*RANGES["dwell_s"]) | st.floats(2, 1000),
    gap_s=st.floats(*RANGES["gap_s"]),
    silence_s=st.floats(*RANGES["silence_s"]),
    max_speed_kmh=st.floats(*RANGES["max_speed_kmh"]),
)


def hashes(days: list[DaySegments]) -> list[list[str]]:
    return [[segment.content_hash for segment in day.segments] for day in days]


@relaxed
@given(devices=st.lists(device_days(), max_size=6), thresholds=any_limits)
def test_together_equals_one_by_one(devices: list[DeviceDays], thresholds: Thresholds) -> None:
    found = segment_together(devices, thresholds)
    alone = [segment_days(d.points, d.first, d.last, thresholds) for d in devices]
    assert found == alone
    assert list(map(hashes, found)) == list(map(hashes, alone))
