"""The matched lines of a time, as maps draw them. They never call an engine."""

import datetime as dt
import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypedDict

import numpy as np

from trackflow.context import Context
from trackflow.geo.time import midnight
from trackflow.store.days import queries
from trackflow.store.days.queries import Devices
from trackflow.store.devices import settings
from trackflow.store.intake.edge_points import EdgePoint, both_edges
from trackflow.store.roads import polylines
from trackflow.usecases.queries.limits import check_count

MOST_PATHS = 100_000
"""Lines in one answer: about 30 MB."""


@dataclass(frozen=True, slots=True)
class TimeRange:
    """`[start, end)`, both aware and UTC."""

    start: dt.datetime
    end: dt.datetime


class WindowLine(TypedDict):
    """The line of a window; a plain record, as an answer holds tens of thousands of them.

    Times are UTC, without a zone. `polyline` is encoded with precision 5.
    """

    start: dt.datetime
    end: dt.datetime
    polyline: str
    confidence: float | None
    matched_share: float | None
    is_raw: bool
    against_oneway: bool
    point_count: int


@dataclass(frozen=True, slots=True)
class DeviceLines:
    """The lines of a device.

    Attributes:
        device_id: its id.
        complete_until: the lines hold all points until then; None for none yet.
        pending_days: days with points that are not in lines yet.
        lines: of its windows, by time.
    """

    device_id: str
    complete_until: dt.datetime | None
    pending_days: int
    lines: list[WindowLine]


@dataclass(frozen=True, slots=True)
class LinesOfTime:
    """The lines of windows that overlap a time.

    Attributes:
        when: the time.
        complete_until: the lines of all devices hold all points until then; None for none yet.
        count: number of lines.
        devices: by id; devices without lines too.
    """

    when: TimeRange
    complete_until: dt.datetime | None
    count: int
    devices: list[DeviceLines]


def note_read(
    context: Context, days: Mapping[str, tuple[dt.date, dt.date]], fresh: dt.timedelta
) -> int:
    """Note that lines of days (first and last, by device) were read; returns the rows changed.

    Lines with a note younger than `fresh` stay unchanged.
    """
    now = context.clock()
    with context.store.write() as connection:
        return polylines.note_read(connection, days, now, now - fresh)


def cached_paths(context: Context, device_ids: Devices, when: TimeRange) -> LinesOfTime:
    """The lines of windows that overlap a time, by device, each with its `complete_until`.

    Raises:
        BadInputError: there are too many.
    """
    with context.store.read() as connection:
        known = settings.device_ids(connection, device_ids)
        first, last = both_edges(connection, known)
        unmatched = queries.unmatched_days(connection, device_ids)
        rows = polylines.read_paths(connection, known, when.start, when.end, MOST_PATHS + 1)
    check_count(len(rows), MOST_PATHS, "lines")
    starts, ends = (_times([row[k] for row in rows]) for k in (1, 2))
    lines: dict[str, list[WindowLine]] = {
        device_id: [
            {
                "start": start,
                "end": end,
                "polyline": polyline,
                "confidence": confidence,
                "matched_share": share,
                "is_raw": is_raw,
                "against_oneway": against,
                "point_count": count,
            }
            for (_, _, _, polyline, confidence, share, is_raw, against, count), start, end in group
        ]
        for device_id, group in itertools.groupby(
            zip(rows, starts, ends, strict=True), lambda item: item[0][0]
        )
    }
    complete = {
        device_id: _complete_until(
            first.get(device_id), last.get(device_id), unmatched.get(device_id)
        )
        for device_id in known
    }
    devices = [
        DeviceLines(
            device_id,
            complete[device_id],
            unmatched.get(device_id, (0, None))[0],
            lines.get(device_id, []),
        )
        for device_id in known
    ]
    return LinesOfTime(when, _all_complete_until(complete, unmatched), len(rows), devices)


def _times(times_us: list[int]) -> list[dt.datetime]:
    """Convert microseconds to times without a zone, in a tenth of the time of a loop."""
    found: list[dt.datetime] = np.array(times_us, "M8[us]").tolist()
    return found


def _complete_until(
    first: EdgePoint | None, last: EdgePoint | None, unmatched: tuple[int, dt.date] | None
) -> dt.datetime | None:
    """The time until which a device's lines hold all its points; None if none yet.

    Which of a day's points are new is not known, so a day that has any is not counted at all.
    """
    if first is None or last is None:
        return None
    if unmatched is None:
        return last.recorded_at
    until = midnight(unmatched[1])
    return min(until, last.recorded_at) if until > first.recorded_at else None


def _all_complete_until(
    complete: dict[str, dt.datetime | None], unmatched: Iterable[str]
) -> dt.datetime | None:
    """The time until which the lines of all devices are complete.

    A device without pending days is complete, so it does not limit the others.
    """
    limits = [complete[device_id] for device_id in unmatched if device_id in complete]
    if None in limits:
        return None
    open_ends = [time for time in limits if time is not None]
    ends = [time for time in complete.values() if time is not None]
    return min(open_ends) if open_ends else max(ends, default=None)
