"""Legs, the days whose legs are found, and the modes that persons decided."""

import datetime as dt
import json
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.categories.legs import Correction, Leg
from trackflow.categories.modes import Mode
from trackflow.geo.time import from_us, to_us
from trackflow.store.categories.tables import leg_days, legs, mode_corrections
from trackflow.store.days.queries import Devices, of_devices
from trackflow.store.tables import processing_batches, tracks

leg, d, m, b, t = legs.c, leg_days.c, mode_corrections.c, processing_batches.c, tracks.c

LEG_COLUMNS = (
    "device_id",
    "start_time",
    "end_time",
    "mode",
    "probability",
    "distance_m",
    "decided_by",
)
"""What exports show, in this order."""


@dataclass(frozen=True, slots=True)
class StoredCorrection:
    """A mode that a person decided.

    Attributes:
        correction_id: its id.
        device_id: the device.
        start_time: from when it counts, UTC.
        end_time: until when it counts, UTC.
        mode: the mode.
        decided_by: the person.
        decided_at: UTC.
        undone_at: UTC; None while it counts.
    """

    correction_id: uuid.UUID
    device_id: str
    start_time: dt.datetime
    end_time: dt.datetime
    mode: Mode
    decided_by: str
    decided_at: dt.datetime
    undone_at: dt.datetime | None


def due_days(
    connection: Connection, inputs_hash: str, device_id: str | None = None
) -> dict[str, list[tuple[dt.date, int]]]:
    """Days whose tracks, or what legs are told by, have changed, with their generation.

    Days whose tracks are not made yet are left out until they are.
    """
    is_same = sa.and_(
        d.device_id == b.device_id,
        d.day == b.day,
        d.generation == b.tracked_generation,
        d.inputs_hash == inputs_hash,
    )
    query = (
        sa.select(b.device_id, b.day, b.tracked_generation)
        .select_from(processing_batches.outerjoin(leg_days, is_same))
        .where(d.device_id.is_(None), b.tracked_generation > 0)
        .order_by(b.device_id, b.day)
    )
    if device_id is not None:
        query = query.where(b.device_id == device_id)
    found: dict[str, list[tuple[dt.date, int]]] = {}
    for row in connection.execute(query):
        found.setdefault(row.device_id, []).append((row.day, row.tracked_generation))
    return found


def note_days(
    connection: Connection, device_id: str, days: Sequence[tuple[dt.date, int]], inputs_hash: str
) -> None:
    """Note that the legs of days are found.

    Args:
        connection: in a transaction for writing.
        device_id: the device.
        days: days with the generation of their tracks.
        inputs_hash: hash of what the legs were told by.
    """
    wanted = [day for day, _ in days]
    connection.execute(sa.delete(leg_days).where(d.device_id == device_id, d.day.in_(wanted)))
    rows = [
        {
            "device_id": device_id,
            "day": day,
            "generation": generation,
            "inputs_hash": inputs_hash,
        }
        for day, generation in days
    ]
    if rows:
        connection.execute(sa.insert(leg_days), rows)


def forget_days(connection: Connection, device_id: str, first: dt.date, last: dt.date) -> None:
    """Make days due again: a person has decided something about them."""
    connection.execute(
        sa.delete(leg_days).where(d.device_id == device_id, d.day.between(first, last))
    )


def track_spans(
    connection: Connection, device_id: str, start_us: int, end_us: int
) -> list[tuple[int, int]]:
    """Start and end of tracks that touch `[start_us, end_us]`, in order, UTC microseconds."""
    query = (
        sa.select(t.start_time, t.end_time)
        .where(
            t.device_id == device_id,
            t.start_time <= from_us(end_us),
            t.end_time >= from_us(start_us),
        )
        .order_by(t.start_time)
    )
    return [(to_us(row.start_time), to_us(row.end_time)) for row in connection.execute(query)]


def leg_spans(
    connection: Connection, device_id: str, start_us: int, end_us: int
) -> list[tuple[int, int]]:
    """Start and end of stored legs that touch `[start_us, end_us]`, in order."""
    query = (
        sa.select(leg.start_time, leg.end_time)
        .where(
            leg.device_id == device_id,
            leg.start_time <= from_us(end_us),
            leg.end_time >= from_us(start_us),
        )
        .order_by(leg.start_time)
    )
    return [(to_us(row.start_time), to_us(row.end_time)) for row in connection.execute(query)]


def replace_between(
    connection: Connection, device_id: str, start_us: int, end_us: int, new: Sequence[Leg]
) -> int:
    """Replace a device's legs that begin in `[start_us, end_us]`; equal ones are not rewritten.

    Args:
        connection: in a transaction for writing.
        device_id: the device.
        start_us: UTC microseconds since 1970.
        end_us: the same, included.
        new: the legs of this time.

    Returns:
        How many rows were written or removed.
    """
    between = sa.and_(
        leg.device_id == device_id, leg.start_time.between(from_us(start_us), from_us(end_us))
    )
    stored = {
        row["start_time"]: dict(row)
        for row in connection.execute(sa.select(legs).where(between)).mappings()
    }
    rows = {from_us(one.start_us): _row(device_id, one) for one in new}
    gone = [key for key, row in stored.items() if rows.get(key) != row]
    added = [row for key, row in rows.items() if stored.get(key) != row]
    if gone:
        connection.execute(
            sa.delete(legs).where(leg.device_id == device_id, leg.start_time.in_(gone))
        )
    if added:
        connection.execute(sa.insert(legs), added)
    return len(set(gone) | {row["start_time"] for row in added})


def _row(device_id: str, one: Leg) -> dict[str, Any]:
    return {
        "device_id": device_id,
        "start_time": from_us(one.start_us),
        "end_time": from_us(one.end_us),
        "mode": one.mode.value,
        "probability": one.probability,
        "distance_m": one.distance_mm / 1000,
        "decided_by": one.decided_by,
        # as it comes back from the database, so that equal rows are equal
        "evidence": json.loads(json.dumps(dict(one.evidence))),
    }


def read_legs(
    connection: Connection,
    device_ids: Devices = None,
    start: dt.datetime | None = None,
    end: dt.datetime | None = None,
    limit: int | None = None,
) -> Iterator[dict[str, Any]]:
    """Legs that overlap `[start, end)`, by device and start, read one by one.

    Args:
        connection: a transaction that stays open while rows are read.
        device_ids: the devices, None for all.
        start: UTC; None for no limit.
        end: UTC, not included; None for no limit.
        limit: the largest number of legs; None for all.
    """
    query = (
        sa.select(legs)
        .where(*of_devices(leg.device_id, device_ids))
        .order_by(leg.device_id, leg.start_time)
        .limit(limit)
    )
    if start is not None:
        query = query.where(leg.end_time >= start)
    if end is not None:
        query = query.where(leg.start_time < end)
    for row in connection.execution_options(yield_per=500).execute(query).mappings():
        yield dict(row)


def leg_at(connection: Connection, device_id: str, time: dt.datetime) -> dict[str, Any] | None:
    """The leg that covers a moment, None if there is none."""
    query = (
        sa.select(legs)
        .where(leg.device_id == device_id, leg.start_time <= time, leg.end_time >= time)
        .order_by(leg.start_time.desc())
        .limit(1)
    )
    row = connection.execute(query).mappings().first()
    return None if row is None else dict(row)


def add_correction(connection: Connection, one: StoredCorrection) -> None:
    """Store a correction."""
    connection.execute(
        sa.insert(mode_corrections).values(
            correction_id=one.correction_id,
            device_id=one.device_id,
            start_time=one.start_time,
            end_time=one.end_time,
            mode=one.mode.value,
            decided_by=one.decided_by,
            decided_at=one.decided_at,
        )
    )


def read_corrections(
    connection: Connection, device_id: str | None = None, *, with_undone: bool = False
) -> list[StoredCorrection]:
    """Corrections in the order in which they were decided."""
    query = sa.select(mode_corrections).order_by(m.decided_at, m.correction_id)
    if device_id is not None:
        query = query.where(m.device_id == device_id)
    if not with_undone:
        query = query.where(m.undone_at.is_(None))
    return [
        StoredCorrection(**{**row, "mode": Mode(row["mode"])})
        for row in connection.execute(query).mappings()
    ]


def read_correction(connection: Connection, correction_id: uuid.UUID) -> StoredCorrection | None:
    """A correction by its id."""
    query = sa.select(mode_corrections).where(m.correction_id == correction_id)
    row = connection.execute(query).mappings().first()
    return None if row is None else StoredCorrection(**{**row, "mode": Mode(row["mode"])})


def undo_correction(connection: Connection, correction_id: uuid.UUID, now: dt.datetime) -> None:
    """Let a correction count no more."""
    connection.execute(
        sa.update(mode_corrections)
        .where(m.correction_id == correction_id, m.undone_at.is_(None))
        .values(undone_at=now)
    )


def as_rules(found: Sequence[StoredCorrection]) -> list[Correction]:
    """Corrections as the rules take them."""
    return [Correction(to_us(one.start_time), to_us(one.end_time), one.mode) for one in found]
