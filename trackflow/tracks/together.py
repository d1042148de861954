"""Many devices decided at once: a thousand calls of numpy for all of them, not for each.

Every decision is local, so devices do not disturb each other on one axis of time if they lie far
enough apart on it. Each is shifted there by a whole number of all units of time that rules cut by
the clock; so its result is that of `segment_days`, bit for bit.
"""

import datetime as dt
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from trackflow.geo.points import Points
from trackflow.tracks.decisions import decide
from trackflow.tracks.segments import DaySegments, Span, days_of, segment_days
from trackflow.tracks.slots import slot_us
from trackflow.tracks.stays import half_dwell_us
from trackflow.tracks.thresholds import Thresholds

APART_US = 10 * 366 * 86_400_000_000
"""Between two devices on the axis. No rule reaches as far, and so slow a step across half the Earth
is below every speed that a rule asks for."""

LONGEST_AXIS_US = 2**60
"""Three times a time must fit into 64 bits."""

HALF_ROUND = 180.0
"""Degrees of longitude. Points further apart are taken for a way across the antimeridian, and all
after them are counted on from there: a device would get other numbers from the one before it."""

MOST_POINTS = 120_000
"""The arrays of more points leave the processor's cache, which costs what fewer calls save."""


@dataclass(frozen=True, slots=True, eq=False)
class DeviceDays:
    """What `segment_days` takes of one device: its points, and the days from first to last."""

    points: Points
    first: dt.date
    last: dt.date


@dataclass(frozen=True, slots=True)
class _Extent:
    """What a device takes up.

    Attributes:
        row: which device it is.
        points: how many points it has.
        start_us: the first point or begin of a day.
        end_us: the last point or end of a day.
        west: the least longitude in degrees.
        east: the greatest.
    """

    row: int
    points: int
    start_us: int
    end_us: int
    west: float
    east: float


def segment_together(
    devices: Sequence[DeviceDays], thresholds: Thresholds
) -> list[list[DaySegments]]:
    """What `segment_days` gives for each of some devices with the same thresholds."""
    found: dict[int, list[DaySegments]] = {}
    period_us = math.lcm(slot_us(thresholds), half_dwell_us(thresholds))
    for group in _groups(map(_extent, range(len(devices)), devices), period_us):
        of_group = [devices[extent.row] for extent in group]
        if len(group) == 1:
            (one,) = of_group
            days = [segment_days(one.points, one.first, one.last, thresholds)]
        else:
            starts_us, shifts_us = _places_us(group, period_us)
            days = _segment_group(of_group, starts_us, shifts_us, thresholds)
        found.update(zip((extent.row for extent in group), days, strict=True))
    return [found[row] for row in range(len(devices))]


def _extent(row: int, device: DeviceDays) -> _Extent:
    span, time_us, lon = Span(device.first, device.last), device.points.time_us, device.points.lon
    if not len(time_us):
        return _Extent(row, 0, span.start_us, span.end_us, 0.0, 0.0)
    start_us, end_us = min(int(time_us.min()), span.start_us), max(int(time_us.max()), span.end_us)
    return _Extent(row, len(time_us), start_us, end_us, float(lon.min()), float(lon.max()))


def _groups(extents: Iterable[_Extent], period_us: int) -> Iterator[list[_Extent]]:
    """Devices that are decided at once: not too many, and within half of the Earth."""
    group: list[_Extent] = []
    points, room_us, east = 0, 0, -HALF_ROUND
    for extent in sorted(extents, key=lambda extent: extent.west):
        points += extent.points
        room_us += extent.end_us - extent.start_us + APART_US + period_us
        east = max(east, extent.east)
        within = group and east - group[0].west <= HALF_ROUND
        if group and not (within and points <= MOST_POINTS and room_us <= LONGEST_AXIS_US):
            yield group
            group, points, east = [], extent.points, extent.east
            room_us = extent.end_us - extent.start_us + APART_US + period_us
        group.append(extent)
    if group:
        yield group


def _places_us(group: Sequence[_Extent], period_us: int) -> tuple[list[int], list[int]]:
    """Where each device begins on the axis, one after another, and by how much it is shifted.

    The shifts are whole periods.
    """
    starts, shifts, next_us = [], [], 0
    for extent in group:
        shift_us = -((extent.start_us - next_us) // period_us) * period_us
        next_us = extent.end_us + shift_us + APART_US
        starts.append(extent.start_us + shift_us)
        shifts.append(shift_us)
    return starts, shifts


def _segment_group(
    devices: Sequence[DeviceDays],
    starts_us: Sequence[int],
    shifts_us: Sequence[int],
    thresholds: Thresholds,
) -> list[list[DaySegments]]:
    """The days of devices that fit on one axis, by device.

    Args:
        devices: in order of their place on the axis.
        starts_us: where each begins on it.
        shifts_us: how much later each is on it.
        thresholds: the limits.
    """
    points = Points.concat([device.points for device in devices])
    shift_us = np.array(shifts_us, dtype=np.int64)
    time_us = points.time_us + shift_us.repeat([len(device.points) for device in devices])
    spans = [Span(d.first, d.last, us) for d, us in zip(devices, shifts_us, strict=True)]
    decisions = decide(replace(points, time_us=time_us), thresholds)
    kept = decisions.cleaned.points
    edges = np.append(kept.time_us.searchsorted(starts_us), len(kept))
    own_us = kept.time_us - shift_us.repeat(edges[1:] - edges[:-1])
    return days_of(decisions, time_us, replace(kept, time_us=own_us), spans)
