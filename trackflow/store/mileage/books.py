"""Entries and amendments of logbooks: open entries come and go, what is closed is only read."""

import datetime as dt
import uuid
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.errors import UnreadableBookError
from trackflow.geo.time import ONE_DAY, midnight
from trackflow.mileage.entries import TRIP
from trackflow.store.mileage.tables import (
    logbook_amendments,
    logbook_entries,
    odometer_readings,
    vehicles,
)
from trackflow.store.tables import devices, processing_batches

e, a, v, o = logbook_entries.c, logbook_amendments.c, vehicles.c, odometer_readings.c


@dataclass(frozen=True, slots=True)
class Entry:
    """A logbook entry.

    Attributes:
        entry_id: its id.
        vehicle_id: whose book it is in.
        device_key: stands for the device that reported the trip.
        start_time: UTC.
        end_time: UTC.
        month: of its local start.
        content: what the book says.
        closes_at: UTC.
        closed_at: UTC; None while it is open, as the three below.
        chain_no: its number in the chain.
        previous_hash: of the link before it.
        entry_hash: its own.
    """

    entry_id: uuid.UUID
    vehicle_id: str
    device_key: uuid.UUID
    start_time: dt.datetime
    end_time: dt.datetime
    month: str
    content: dict[str, Any]
    closes_at: dt.datetime
    closed_at: dt.datetime | None = None
    chain_no: int | None = None
    previous_hash: str | None = None
    entry_hash: str | None = None

    @property
    def link_content(self) -> dict[str, Any]:
        """What its hash covers: every column that a reader sees."""
        return {
            "entry_id": str(self.entry_id),
            "vehicle_id": self.vehicle_id,
            "device_key": str(self.device_key),
            "start_time": self.start_time.isoformat(),
            "end_time": self.end_time.isoformat(),
            "month": self.month,
            "closes_at": self.closes_at.isoformat(),
            "closed_at": None if self.closed_at is None else self.closed_at.isoformat(),
            "content": self.content,
        }


@dataclass(frozen=True, slots=True)
class Amendment:
    """An amendment of a closed entry, or a trip that the closed book lacks.

    Attributes:
        amendment_id: its id.
        entry_id: the entry; None for a trip that the book lacks.
        vehicle_id: whose book it is in.
        month: of the trip.
        changes: old and new value by name.
        reason: why.
        amended_by: a person, or "trackflow".
        amended_at: UTC.
        chain_no: its number in the chain.
        previous_hash: of the link before it.
        amendment_hash: its own.
    """

    amendment_id: uuid.UUID
    entry_id: uuid.UUID | None
    vehicle_id: str
    month: str
    changes: dict[str, Any]
    reason: str
    amended_by: str
    amended_at: dt.datetime
    chain_no: int = 0
    previous_hash: str = ""
    amendment_hash: str = ""

    @property
    def link_content(self) -> dict[str, Any]:
        """What its hash covers."""
        return {
            "amendment_id": str(self.amendment_id),
            "entry_id": None if self.entry_id is None else str(self.entry_id),
            "vehicle_id": self.vehicle_id,
            "month": self.month,
            "changes": self.changes,
            "reason": self.reason,
            "amended_by": self.amended_by,
            "amended_at": self.amended_at.isoformat(),
        }


def put_open(connection: Connection, entry: Entry, now: dt.datetime) -> None:
    """Write an open entry; one of the same id is replaced."""
    connection.execute(
        sa.delete(logbook_entries).where(e.entry_id == entry.entry_id, e.closed_at.is_(None))
    )
    connection.execute(
        sa.insert(logbook_entries).values(
            entry_id=entry.entry_id,
            vehicle_id=entry.vehicle_id,
            device_key=entry.device_key,
            start_time=entry.start_time,
            end_time=entry.end_time,
            month=entry.month,
            content=entry.content,
            closes_at=entry.closes_at,
            updated_at=now,
        )
    )


def drop_open(connection: Connection, entry_id: uuid.UUID) -> None:
    """Delete an open entry whose trip is no longer in the data."""
    connection.execute(
        sa.delete(logbook_entries).where(e.entry_id == entry_id, e.closed_at.is_(None))
    )


def read_entries(
    connection: Connection,
    *,
    vehicle_id: str | None = None,
    start: dt.datetime | None = None,
    end: dt.datetime | None = None,
    month: str | None = None,
    only_open: bool = False,
    drivers: Collection[str] | None = None,
    are_amended: bool | None = None,
    limit: int | None = None,
) -> list[Entry]:
    """Entries by start; those that overlap `[start, end)` where these are given.

    Args:
        connection: to the store.
        vehicle_id: of this book only.
        start: UTC.
        end: UTC, not included.
        month: of this month only.
        only_open: not the closed ones.
        drivers: only of these, and those that have been amended: that may have changed the driver.
        are_amended: only those that have been amended, or only the others; None for all.
        limit: only so many; None for all.
    """
    query = sa.select(*(e[name] for name in Entry.__dataclass_fields__)).order_by(
        e.start_time, e.entry_id
    )
    amended = sa.select(a.entry_id).where(a.entry_id.is_not(None))
    if vehicle_id is not None:
        amended = amended.where(a.vehicle_id == vehicle_id)
        query = query.where(e.vehicle_id == vehicle_id)
    if start is not None:
        query = query.where(e.end_time >= start)
    if end is not None:
        query = query.where(e.start_time < end)
    if month is not None:
        query = query.where(e.month == month)
    if only_open:
        query = query.where(e.closed_at.is_(None))
    if drivers is not None:
        is_theirs = e.content["driver"].as_string().in_(drivers)
        query = query.where(sa.or_(is_theirs, e.entry_id.in_(amended)))
    if are_amended is not None:
        query = query.where(e.entry_id.in_(amended) == are_amended)
    return _read(connection, query.limit(limit), _entry)


def count_trips(connection: Connection, vehicle_id: str, month: str | None = None) -> int:
    """How many trips a book has, with those that amendments have added; None for all months."""
    entries = sa.select(sa.func.count()).where(e.vehicle_id == vehicle_id)
    added = sa.select(sa.func.count(a.changes[TRIP, 1].as_string().distinct())).where(
        a.vehicle_id == vehicle_id, a.entry_id.is_(None)
    )
    if month is not None:
        entries, added = entries.where(e.month == month), added.where(a.month == month)
    return (connection.scalar(entries) or 0) + (connection.scalar(added) or 0)


def open_ends(connection: Connection, vehicle_id: str) -> list[dt.datetime]:
    """When the trips of a book end that are open, UTC."""
    query = sa.select(e.end_time).where(e.vehicle_id == vehicle_id, e.closed_at.is_(None))
    return list(connection.scalars(query))


def vehicles_with(
    connection: Connection, device_key: uuid.UUID, start: dt.datetime, end: dt.datetime
) -> list[str]:
    """The vehicles whose books have trips of a device that overlap `[start, end)`.

    Args:
        connection: to the store.
        device_key: stands for the device.
        start: UTC.
        end: UTC, not included.
    """
    query = sa.select(e.vehicle_id).where(
        e.device_key == device_key, e.end_time >= start, e.start_time < end
    )
    added = sa.select(a.vehicle_id).where(
        a.entry_id.is_(None), a.changes["device_key", 1].as_string() == str(device_key)
    )
    return sorted(connection.scalars(query.union(added)))


@dataclass(frozen=True, slots=True)
class UnsettledDays:
    """Days of devices whose tracks are not what their points make, and those that are deleted.

    Attributes:
        days: that wait to be processed.
        kept_from: the first moment of which all devices keep their tracks; None for no limit.
    """

    days: frozenset[dt.date]
    kept_from: dt.datetime | None

    def touches(self, start: dt.datetime, end: dt.datetime) -> bool:
        """Whether tracks of a time may be missing although they were driven."""
        if self.kept_from is not None and start < self.kept_from:
            return True
        first, last = start.date() - ONE_DAY, end.date() + ONE_DAY
        return any(first <= day <= last for day in self.days)


def unsettled(connection: Connection, device_ids: Sequence[str]) -> UnsettledDays:
    """The days on which tracks of some devices may be missing."""
    b, k = processing_batches.c, devices.c
    waiting = sa.select(b.day).where(
        b.device_id.in_(device_ids), b.tracked_generation != b.generation
    )
    edge = connection.scalar(sa.select(sa.func.max(k.kept_from)).where(k.device_id.in_(device_ids)))
    kept_from = None if edge is None else midnight(edge)
    return UnsettledDays(frozenset(connection.scalars(waiting)), kept_from)


def read_entry(connection: Connection, entry_id: uuid.UUID) -> Entry | None:
    """An entry by its id."""
    query = sa.select(*(e[name] for name in Entry.__dataclass_fields__))
    return next(iter(_read(connection, query.where(e.entry_id == entry_id), _entry)), None)


def read_amendments(
    connection: Connection,
    *,
    vehicle_id: str | None = None,
    month: str | None = None,
    entry_id: uuid.UUID | None = None,
    added_id: uuid.UUID | None = None,
    only_added: bool = False,
    between: tuple[dt.datetime, dt.datetime] | None = None,
) -> list[Amendment]:
    """Amendments in the order of their books.

    Args:
        connection: to the store.
        vehicle_id: of this book only.
        month: of trips of this month only.
        entry_id: of this entry only.
        added_id: of this trip only, which a closed book lacks.
        only_added: of trips that closed books lack.
        between: only those of entries that overlap this time, and of all trips that closed books
            lack.
    """
    query = sa.select(*(a[name] for name in Amendment.__dataclass_fields__)).order_by(
        a.vehicle_id, a.chain_no
    )
    if vehicle_id is not None:
        query = query.where(a.vehicle_id == vehicle_id)
    if month is not None:
        query = query.where(a.month == month)
    if entry_id is not None:
        query = query.where(a.entry_id == entry_id)
    if only_added or added_id is not None:
        query = query.where(a.entry_id.is_(None))
    if added_id is not None:
        query = query.where(a.changes[TRIP, 1].as_string() == str(added_id))
    if between is not None:
        start, end = between
        overlapping = sa.select(e.entry_id).where(e.end_time >= start, e.start_time < end)
        if vehicle_id is not None:
            overlapping = overlapping.where(e.vehicle_id == vehicle_id)
        query = query.where(sa.or_(a.entry_id.is_(None), a.entry_id.in_(overlapping)))
    return _read(connection, query, Amendment)


def _read[Made](
    connection: Connection, query: sa.Select[Any], make: Callable[..., Made]
) -> list[Made]:
    """What the rows of a query hold.

    Args:
        connection: to the store.
        query: of entries or amendments.
        make: one of a row's values.

    Raises:
        UnreadableBookError: somebody changed a value so that it is none any more.
    """
    try:
        return [make(*row) for row in connection.execute(query)]
    except (ValueError, KeyError, sa.exc.OperationalError) as error:
        if not is_unreadable(error):
            raise
        raise UnreadableBookError(
            "a logbook holds a value that cannot be read: it was changed by hand, or the disk is "
            "damaged; `trackflow logbook verify` names its link, a backup has it as it was"
        ) from error


def is_unreadable(error: Exception) -> bool:
    """Whether a value is the reason of an error, and not the database."""
    return not isinstance(error, sa.exc.OperationalError) or "decode to UTF-8" in str(error)


def _entry(*values: Any) -> Entry:
    """An entry whose content has all that others reckon with.

    Raises:
        ValueError: a value of it is none.
        KeyError: it lacks a name.
    """
    found = Entry(*values)
    dt.date.fromisoformat(found.content["local_day"])
    for name in ("start_time", "end_time"):
        dt.datetime.fromisoformat(found.content[name])
    if not isinstance(found.content["distance_m"], int):
        raise ValueError("a distance is no whole number")
    return found


def read_states(connection: Connection, vehicle_id: str | None = None) -> dict[str, sa.Row[Any]]:
    """Small values that change with all that a book says, by vehicle.

    Closed entries and amendments change the chain's length only, and open entries are few: no query
    reads a whole book.

    Args:
        connection: to the store.
        vehicle_id: of this book only.
    """
    is_open = sa.and_(e.vehicle_id == v.vehicle_id, e.chain_no.is_(None))
    counts = sa.and_(o.vehicle_id == v.vehicle_id, o.undone_at.is_(None))
    query = sa.select(
        v.vehicle_id,
        v.plate,
        v.kind,
        v.time_zone,
        v.closed_from,
        v.closed_until,
        v.chain_length,
        *(
            sa.select(value).where(of_vehicle).correlate(vehicles).scalar_subquery().label(name)
            for name, value, of_vehicle in (
                ("open_entries", sa.func.count(e.entry_id), is_open),
                ("changed_at", sa.func.max(e.updated_at), is_open),
                ("readings", sa.func.count(o.reading_id), counts),
                ("recorded_at", sa.func.max(o.recorded_at), counts),
            )
        ),
    )
    if vehicle_id is not None:
        query = query.where(v.vehicle_id == vehicle_id)
    return {row.vehicle_id: row for row in connection.execute(query.order_by(v.vehicle_id))}
