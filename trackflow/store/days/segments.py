"""Segments and ledgers of days: written one whole day at a time, and read back as values."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.geo.time import ONE_DAY, from_us
from trackflow.store.tables import day_ledgers, segments
from trackflow.tracks.decisions import EndReason
from trackflow.tracks.segments import Ledger, Segment

s = segments.c


@dataclass(frozen=True, slots=True)
class SegmentChanges:
    """The changes by publishing a day's segments.

    Attributes:
        changed: whether any segment differs from the stored ones.
        at_start: whether a journey from the day before differs.
        at_end: whether a journey into the day after differs.
    """

    changed: bool
    at_start: bool
    at_end: bool


def replace_day(
    connection: Connection,
    device_id: str,
    day: dt.date,
    new: Sequence[Segment],
    ledger: Ledger,
) -> SegmentChanges:
    """Replace a day's segments and ledger; segments that are equal are not rewritten.

    Args:
        connection: in a transaction for writing.
        device_id: the device.
        day: the day.
        new: the segments of the day, in order of time.
        ledger: the day's counts of points by class.
    """
    stored = read_rows(connection, device_id, day).get(day, [])
    rows = [row_of(device_id, day, segment) for segment in new]
    changed = stored != rows
    if changed:
        connection.execute(sa.delete(segments).where(s.device_id == device_id, s.day == day))
        if rows:
            connection.execute(sa.insert(segments), rows)
    else:
        # only merging knows which tracks are too short; equal segments have equal tracks
        before = read_ledgers(connection, day, day, device_id).get((device_id, day), Ledger())
        ledger = ledger.shorten(before.short)
    replace_ledger(connection, device_id, day, ledger)
    return SegmentChanges(
        changed,
        stored[:1] != rows[:1]
        and any(x["began"] == EndReason.MIDNIGHT for x in stored[:1] + rows[:1]),
        stored[-1:] != rows[-1:]
        and any(x["ended"] == EndReason.MIDNIGHT for x in stored[-1:] + rows[-1:]),
    )


def replace_ledger(connection: Connection, device_id: str, day: dt.date, ledger: Ledger) -> None:
    """Replace a day's ledger; a day without points has none.

    Args:
        connection: in a transaction for writing.
        device_id: the device.
        day: the day.
        ledger: the day's counts of points by class.
    """
    connection.execute(
        sa.delete(day_ledgers).where(day_ledgers.c.device_id == device_id, day_ledgers.c.day == day)
    )
    if ledger.points:
        connection.execute(
            sa.insert(day_ledgers).values(device_id=device_id, day=day, **ledger.as_dict())
        )


def read_ledgers(
    connection: Connection,
    first: dt.date,
    last: dt.date,
    device_id: str | None = None,
) -> dict[tuple[str, dt.date], Ledger]:
    """Ledgers by device and day.

    Args:
        connection: to the store.
        first: the first day.
        last: the last day, included.
        device_id: only this device; None for all.
    """
    c = day_ledgers.c
    query = sa.select(day_ledgers).where(c.day.between(first, last)).order_by(c.device_id, c.day)
    if device_id is not None:
        query = query.where(c.device_id == device_id)
    found = {}
    for row in connection.execute(query).mappings():
        values = dict(row)
        key = (values.pop("device_id"), values.pop("day"))
        found[key] = Ledger(**values)
    return found


def read_rows(
    connection: Connection, device_id: str, day: dt.date | None = None
) -> dict[dt.date, list[dict[str, Any]]]:
    """A device's segments as they are stored, of one day or all, in order of time."""
    query = sa.select(segments).where(s.device_id == device_id).order_by(s.day, s.start_time)
    if day is not None:
        query = query.where(s.day == day)
    found: dict[dt.date, list[dict[str, Any]]] = {}
    for row in connection.execute(query).mappings():
        found.setdefault(row["day"], []).append(dict(row))
    return found


def read_days(
    connection: Connection, device_id: str, first: dt.date, last: dt.date
) -> dict[dt.date, list[Segment]]:
    """The segments of a device's days, in order of time; days without any are left out.

    Args:
        connection: to the store.
        device_id: the device.
        first: the first day.
        last: the last day, included.
    """
    rows = connection.execute(
        sa.select(s.day, s.began, s.ended, s.distance_mm, s.link_mm, s.points)
        .where(s.device_id == device_id, s.day.between(first, last))
        .order_by(s.day, s.start_time)
    )
    found: dict[dt.date, list[Segment]] = {}
    for row in rows:
        found.setdefault(row.day, []).append(
            Segment.from_bytes(
                row.points,
                distance_mm=row.distance_mm,
                link_mm=row.link_mm,
                began=EndReason(row.began),
                ended=EndReason(row.ended),
            )
        )
    return found


def moving_devices(connection: Connection, day: dt.date) -> Sequence[str]:
    """Devices that have segments on a day, in no order."""
    return connection.scalars(sa.select(s.device_id).distinct().where(s.day == day)).all()


def chain_of_days(connection: Connection, device_id: str, day: dt.date) -> tuple[dt.date, dt.date]:
    """The first and last day of the journeys that touch `day`, however many days they cross."""
    first = last = day
    while _is_open(connection, device_id, first, at_start=True):
        first -= ONE_DAY
    while _is_open(connection, device_id, last, at_start=False):
        last += ONE_DAY
    return first, last


def hashes(connection: Connection, device_id: str, days: Sequence[dt.date]) -> list[str]:
    """Content hashes of the segments of some days, in order of time."""
    query = sa.select(s.content_hash).where(s.device_id == device_id, s.day.in_(days))
    return list(connection.scalars(query.order_by(s.day, s.start_time)))


def _is_open(connection: Connection, device_id: str, day: dt.date, *, at_start: bool) -> bool:
    """Whether the day's first segment begins at midnight, or its last one ends at the next."""
    column, order = (s.began, s.start_time) if at_start else (s.ended, s.start_time.desc())
    reason = connection.scalar(
        sa.select(column).where(s.device_id == device_id, s.day == day).order_by(order).limit(1)
    )
    return reason == EndReason.MIDNIGHT


def row_of(device_id: str, day: dt.date, segment: Segment) -> dict[str, Any]:
    """The stored form of a segment."""
    return {
        "device_id": device_id,
        "day": day,
        "start_time": from_us(segment.start_us),
        "end_time": from_us(segment.end_us),
        "began": segment.began.value,
        "ended": segment.ended.value,
        "point_count": len(segment.points),
        "distance_mm": segment.distance_mm,
        "link_mm": segment.link_mm,
        "content_hash": segment.content_hash,
        "points": segment.to_bytes(),
    }
