"""Many devices decided at once: a thousand calls of numpy for all of them, not for each.

Every decision is local, so devices do not disturb each other on one axis of time if they lie far
enough apart on it. Each is shifted there by a whole number of all units of time that rules cut by
the clock; so its result is that of `segment_days`, bit for bit.
"""

import datetime as dt
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np

from trackflow.geo.points import Ints, Points
from trackflow.geo.time import DAY_US
from trackflow.tracks.cleaning import NO_TIMES
from trackflow.tracks.decisions import decide
from trackflow.tracks.segments import DaySegments, Span, days_of, segment_days
from trackflow.tracks.slots import slot_us
from trackflow.tracks.stretches import half_dwell_us
from trackflow.tracks.thresholds import Thresholds

APART_US = 10 * 366 * DAY_US
"""Between two devices on the axis. No rule reaches as far, and so slow a step across half the Earth
is below every speed that a rule asks for."""

LONGEST_AXIS_US = 2**60
"""Three times a time must fit into 64 bits."""

HALF_ROUND = 180.0
"""Degrees of longitude. Points further apart are taken for a way across the antimeridian, and all
after them are counted on from there: a device would get other numbers from the one before it."""

MOST_POINTS = 200_000
"""The arrays of more points leave the processor's cache, which costs what fewer calls save."""

KEPT_BYTES = 32_000_000
"""Freed memory that is kept."""


@dataclass(frozen=True, slots=True, eq=False)
class DeviceDays:
    """What `segment_days` takes of one device: its points, its days, and when points are hidden."""

    points: Points
    first: dt.date
    last: dt.date
    hidden_us: Ints = field(default_factory=lambda: NO_TIMES)


def segment_together(
    devices: Sequence[DeviceDays], thresholds: Thresholds
) -> list[list[DaySegments]]:
    """What `segment_days` gives for each of some devices with the same thresholds."""
    _keep_freed_memory()
    found: dict[int, list[DaySegments]] = {}
    for rows in _groups(devices):
        days = _segment_group([devices[row] for row in rows], thresholds)
        found.update(zip(rows, days, strict=True))
    return [found[row] for row in range(len(devices))]


def _groups(devices: Sequence[DeviceDays]) -> Iterator[list[int]]:
    """Rows of devices to decide at once, neighbours by longitude; those without points alone."""
    yield from ([row] for row, device in enumerate(devices) if not len(device.points))
    rows = [row for row, device in enumerate(devices) if len(device.points)]
    group: list[int] = []
    points = 0
    for row in sorted(rows, key=lambda row: float(devices[row].points.lon[0])):
        points += len(devices[row].points)
        if group and points > MOST_POINTS:
            yield group
            group, points = [], len(devices[row].points)
        group.append(row)
    if group:
        yield group


def _segment_group(
    devices: Sequence[DeviceDays], thresholds: Thresholds
) -> list[list[DaySegments]]:
    """The days of devices that are decided at once, or by halves where they do not fit together."""
    if len(devices) == 1:
        (one,) = devices
        return [segment_days(one.points, one.first, one.last, thresholds, one.hidden_us)]
    points = Points.concat([device.points for device in devices])
    axis = _axis(devices, thresholds)
    if axis is None or np.ptp(points.lon) > HALF_ROUND:
        half = len(devices) // 2
        return [
            *_segment_group(devices[:half], thresholds),
            *_segment_group(devices[half:], thresholds),
        ]
    spans, starts_us = axis
    ends = np.array([len(device.points) for device in devices]).cumsum()
    _shift(points.time_us, spans, ends.tolist(), 1)
    hidden_us = np.concatenate(
        [one.hidden_us + span.shift_us for one, span in zip(devices, spans, strict=True)]
    )
    decisions = decide(points, thresholds, hidden_us)
    kept = decisions.cleaned.points
    own_us = kept.time_us.copy()
    ends = np.append(own_us.searchsorted(starts_us[1:]), len(kept))
    _shift(own_us, spans, ends.tolist(), -1)
    times = points.time_us, hidden_us
    return days_of(decisions, times, replace(kept, time_us=own_us), spans)


def _shift(time_us: Ints, spans: Sequence[Span], ends: Sequence[int], sign: int) -> None:
    """Move the times of devices, which end at such places, to the axis (1) or back (-1)."""
    for span, begin, end in zip(spans, [0, *ends], ends, strict=False):
        time_us[begin:end] += sign * span.shift_us


def _axis(
    devices: Sequence[DeviceDays], thresholds: Thresholds
) -> tuple[list[Span], list[int]] | None:
    """The spans of devices one after another on one axis, and where each device begins on it.

    Args:
        devices: with points.
        thresholds: the limits.

    Returns:
        None if the axis would get too long.
    """
    period_us = math.lcm(slot_us(thresholds), half_dwell_us(thresholds))
    spans, starts, next_us = [], [], 0
    for device in devices:
        own, time_us = Span(device.first, device.last), device.points.time_us
        start_us = min(int(time_us.min()), own.start_us)
        end_us = max(int(time_us.max()), own.end_us)
        shift_us = -((start_us - next_us) // period_us) * period_us
        spans.append(Span(device.first, device.last, shift_us))
        starts.append(start_us + shift_us)
        next_us = end_us + shift_us + APART_US
    return (spans, starts) if next_us <= LONGEST_AXIS_US else None


@cache
def _keep_freed_memory() -> None:
    """Let the C library keep the memory of freed arrays for the next ones.

    It gives those of more than 128 kB back to the system at once, which must clear each page anew:
    most of the time of adding two long arrays. Once it has seen a larger block freed, it keeps as
    much (glibc's dynamic threshold, at most 32 MB); others take no notice.
    """
    np.empty(KEPT_BYTES, dtype=np.int8)
