"""The modes that persons decided: keyed by device and time, never changed but for their undoing."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.categories.legs import Correction
from trackflow.categories.modes import Mode
from trackflow.geo.time import to_us
from trackflow.store.categories.tables import mode_corrections
from trackflow.store.days.queries import Devices, of_devices
from trackflow.store.decided import shift_times, undo_row

m = mode_corrections.c


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


def add(connection: Connection, one: StoredCorrection) -> None:
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


def read(
    connection: Connection,
    device_ids: Devices = None,
    start: dt.datetime | None = None,
    end: dt.datetime | None = None,
    *,
    with_undone: bool = False,
) -> list[StoredCorrection]:
    """Corrections whose time touches `[start, end]`, in the order in which they were decided.

    Args:
        connection: to the store.
        device_ids: the devices; None for all.
        start: aware; None for no limit.
        end: aware; None for no limit.
        with_undone: whether those that were undone are among them.
    """
    query = (
        sa.select(mode_corrections)
        .where(*of_devices(m.device_id, device_ids))
        .order_by(m.decided_at, m.correction_id)
    )
    if start is not None:
        query = query.where(m.end_time >= start)
    if end is not None:
        query = query.where(m.start_time <= end)
    if not with_undone:
        query = query.where(m.undone_at.is_(None))
    return [
        StoredCorrection(**{**row, "mode": Mode(row["mode"])})
        for row in connection.execute(query).mappings()
    ]


def read_one(connection: Connection, correction_id: uuid.UUID) -> StoredCorrection | None:
    """A correction by its id."""
    query = sa.select(mode_corrections).where(m.correction_id == correction_id)
    row = connection.execute(query).mappings().first()
    return None if row is None else StoredCorrection(**{**row, "mode": Mode(row["mode"])})


def undo(connection: Connection, correction_id: uuid.UUID, now: dt.datetime) -> bool:
    """Let a correction count no more; returns whether it counted before."""
    return undo_row(connection, m.correction_id, correction_id, now)


def shift(
    connection: Connection,
    device_id: str,
    between: tuple[dt.datetime, dt.datetime],
    shift_by: dt.timedelta,
) -> None:
    """Move corrections in time along with the points that they are about (`shift_times`)."""
    shift_times(connection, m.correction_id, device_id, between, shift_by)


def as_rules(found: Sequence[StoredCorrection]) -> list[Correction]:
    """Corrections as the rules take them."""
    return [Correction(to_us(one.start_time), to_us(one.end_time), one.mode) for one in found]
