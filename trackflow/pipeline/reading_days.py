"""How far each device went on each day of its own time zone.

A track over midnight is shared by the distance travelled on each side of it. How far that was is
known from the track's points: the step over midnight is divided by its time. Shares are whole
millimetres and the last takes what is left, so they add up to the track's distance exactly.
"""

import datetime as dt
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from sqlalchemy.engine import Connection

from trackflow.errors import BadInputError
from trackflow.geo.points import Points
from trackflow.geo.steps import steps_mm
from trackflow.pipeline.work import Work
from trackflow.store import segments, tracks
from trackflow.store.reading import Devices
from trackflow.store.types import to_us

ONE_DAY = dt.timedelta(days=1)

MOST_TRACKS = 200_000
"""In one answer; a fleet of a thousand drives so many in a month or two."""

MOST_DAYS = 3660


@dataclass(slots=True)
class _Day:
    """Sums of one device's day."""

    distance_mm: int = 0
    duration_us: int = 0
    tracks: set[Any] = field(default_factory=set)


def read_days(
    work: Work, device_ids: Devices, first: dt.date | None, last: dt.date | None
) -> dict[str, Any]:
    """Distance, time and tracks of each day on which a device moved; both ends are included.

    Raises:
        BadInputError: the days are the wrong way round or too many, or so are the tracks.
    """
    if first is not None and last is not None:
        if first > last:
            raise BadInputError("`from` must not be later than `to`")
        if (last - first).days > MOST_DAYS:
            raise BadInputError(f"these are more than {MOST_DAYS:,} days: ask for fewer")
    found: dict[tuple[dt.date, str], _Day] = {}
    with work.store.read() as connection:
        rows = tracks.read_lengths(connection, device_ids, first, last, MOST_TRACKS + 1)
        if len(rows) > MOST_TRACKS:
            raise BadInputError(
                f"these are more than {MOST_TRACKS:,} tracks: ask for fewer days or devices"
            )
        for row in rows:
            _add(connection, found, row)
    days = [
        {
            "day": day,
            "device_id": device_id,
            "distance_m": sums.distance_mm / 1000,
            "duration_s": sums.duration_us / 1e6,
            "tracks": len(sums.tracks),
        }
        for (day, device_id), sums in sorted(found.items())
        if (first is None or day >= first) and (last is None or day <= last)
    ]
    return {"days": days}


def _add(connection: Connection, found: dict[tuple[dt.date, str], _Day], row: Any) -> None:
    zone = zone_of(row.time_zone)
    midnights = local_midnights(row.start_time, row.end_time, zone)
    edges = [to_us(row.start_time), *(to_us(m) for m in midnights), to_us(row.end_time)]
    total_mm = round(row.distance_m * 1000)
    shares = [total_mm]
    if midnights:
        shares = shares_mm(_points(connection, row), edges, total_mm)
    day = row.start_time.astimezone(zone).date()
    days = [day, *(m.astimezone(zone).date() for m in midnights)]
    for on, share, (start_us, end_us) in zip(days, shares, itertools.pairwise(edges), strict=True):
        sums = found.setdefault((on, row.device_id), _Day())
        sums.distance_mm += share
        sums.duration_us += end_us - start_us
        sums.tracks.add(row.track_id)


def zone_of(name: str) -> ZoneInfo:
    """A time zone; UTC if this machine does not know it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def local_midnights(start: dt.datetime, end: dt.datetime, zone: ZoneInfo) -> list[dt.datetime]:
    """The beginnings of days in `(start, end]` in a time zone, in order.

    A day begins with its first moment: where clocks are put forward at midnight, at 1 o'clock.
    """
    found = []
    day = start.astimezone(zone).date() + ONE_DAY
    while (midnight := _begin_of(day, zone)) <= end:
        found.append(midnight)
        day += ONE_DAY
    return found


def _begin_of(day: dt.date, zone: ZoneInfo) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), zone).astimezone(dt.UTC)


def shares_mm(points: Points, edges_us: Sequence[int], total_mm: int) -> list[int]:
    """How a distance is shared between the stretches of time between neighbouring edges.

    Args:
        points: the track's points in order; without any, it is shared by time.
        edges_us: its start, some moments in between, and its end, in order; n + 1 of them.
        total_mm: the distance to share.

    Returns:
        Shape (n,): none is negative, and they add up to `total_mm`.
    """
    if len(points) > 1:
        along_mm = np.concatenate([[0.0], np.cumsum(steps_mm(points.lon, points.lat))])
        at_us = points.time_us
    else:
        along_mm, at_us = np.array([0.0, 1.0]), np.array([edges_us[0], edges_us[-1]])
    # relative to the start: floats hold such differences exactly, but not microseconds since 1970
    at = np.interp(np.array(edges_us[1:-1]) - edges_us[0], at_us - edges_us[0], along_mm)
    length_mm = float(along_mm[-1])
    part = at / length_mm if length_mm else np.zeros(len(at))
    edges_mm = [0, *(int(x) for x in np.rint(part * total_mm)), total_mm]
    return [later - earlier for earlier, later in itertools.pairwise(edges_mm)]


def _points(connection: Connection, row: Any) -> Points:
    """The points of a track, as its segments have them."""
    found = segments.read_days(
        connection, row.device_id, row.start_time.date(), row.end_time.date()
    )
    first_us, last_us = to_us(row.start_time), to_us(row.end_time)
    parts = [
        segment.points
        for day in sorted(found)
        for segment in found[day]
        if first_us <= segment.start_us and segment.end_us <= last_us
    ]
    return Points.concat(parts)
