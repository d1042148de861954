"""What people decided about tracks: keyed by device and time, never changed but for its undoing."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.store.categories.tables import category_decisions
from trackflow.store.days.queries import Devices, of_devices
from trackflow.store.decided import shift_times, undo_row

d = category_decisions.c


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """A decision as it is stored.

    Attributes:
        decision_id: its id.
        device_id: the device.
        start_time: from when it counts, UTC.
        end_time: until when it counts, UTC.
        category: None if it is not decided here.
        purpose: None if it is not decided here.
        partner: None if it is not decided here.
        origin: person or import.
        decided_by: name of the person.
        decided_at: when, UTC.
        undone_at: when it was undone, UTC; None while it counts.
    """

    decision_id: uuid.UUID
    device_id: str
    start_time: dt.datetime
    end_time: dt.datetime
    category: str | None
    purpose: str | None
    partner: str | None
    origin: str
    decided_by: str
    decided_at: dt.datetime
    undone_at: dt.datetime | None = None

    @property
    def content(self) -> tuple[object, ...]:
        """What is decided, without who and when."""
        return (
            self.device_id,
            self.start_time,
            self.end_time,
            self.category,
            self.purpose,
            self.partner,
        )


_COLUMNS = tuple(d[name] for name in DecisionRow.__dataclass_fields__)


def add(connection: Connection, rows: Sequence[DecisionRow]) -> None:
    """Store decisions."""
    if rows:
        names = tuple(DecisionRow.__dataclass_fields__)
        values = [{name: getattr(row, name) for name in names} for row in rows]
        connection.execute(sa.insert(category_decisions), values)


def read(
    connection: Connection,
    device_ids: Devices,
    start: dt.datetime | None = None,
    end: dt.datetime | None = None,
    *,
    with_undone: bool = False,
) -> list[DecisionRow]:
    """Decisions whose time touches `[start, end]`, by device and start.

    Args:
        connection: to the store.
        device_ids: the devices; None for all.
        start: aware; None for no limit.
        end: aware; None for no limit.
        with_undone: whether those that were undone are among them.
    """
    query = sa.select(*_COLUMNS).where(*of_devices(d.device_id, device_ids))
    if start is not None:
        query = query.where(d.end_time >= start)
    if end is not None:
        query = query.where(d.start_time <= end)
    if not with_undone:
        query = query.where(d.undone_at.is_(None))
    query = query.order_by(d.device_id, d.start_time, d.decided_at, d.decision_id)
    return [DecisionRow(*row) for row in connection.execute(query)]


def read_one(connection: Connection, decision_id: uuid.UUID) -> DecisionRow | None:
    """A decision by its id."""
    query = sa.select(*_COLUMNS).where(d.decision_id == decision_id)
    row = connection.execute(query).one_or_none()
    return None if row is None else DecisionRow(*row)


def shift(
    connection: Connection,
    device_id: str,
    between: tuple[dt.datetime, dt.datetime],
    shift_by: dt.timedelta,
) -> None:
    """Move decisions in time along with the points that they are about (`shift_times`)."""
    shift_times(connection, d.decision_id, device_id, between, shift_by)


def undo(connection: Connection, decision_id: uuid.UUID, now: dt.datetime) -> bool:
    """Let a decision count no more; returns whether it counted before."""
    return undo_row(connection, d.decision_id, decision_id, now)
