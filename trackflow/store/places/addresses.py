"""Addresses by cell, and the queue of cells that are still to be asked for."""

import datetime as dt
from collections.abc import Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.store.dialects import insert_into, is_among, listed
from trackflow.store.places.tables import addresses, stays

a, s = addresses.c, stays.c


class AddressRow(NamedTuple):
    """The address of a cell, or how often it was asked for in vain."""

    cell: str
    geocoder: str
    address: str | None
    found_at: dt.datetime | None
    tries: int
    next_try_at: dt.datetime | None


def want(connection: Connection, cells: Sequence[str], geocoder: str, now: dt.datetime) -> int:
    """Queue cells that have no row yet; returns how many are new."""
    rows = [
        {"cell": cell, "geocoder": geocoder, "next_try_at": now} for cell in dict.fromkeys(cells)
    ]
    if not rows:
        return 0
    known = set(read(connection, [row["cell"] for row in rows]))  # type: ignore[misc]
    new = [row for row in rows if row["cell"] not in known]
    if new:
        insert = insert_into(connection, addresses)
        connection.execute(insert.on_conflict_do_nothing(), new)
    return len(new)


def want_again(connection: Connection, geocoder: str, now: dt.datetime) -> int:
    """Queue all cells that another geocoder has answered; their addresses stay until then."""
    update = sa.update(addresses).where(a.geocoder != geocoder, a.next_try_at.is_(None))
    return connection.execute(update.values(next_try_at=now, tries=0)).rowcount


def want_stays(connection: Connection, geocoder: str, now: dt.datetime) -> int:
    """Queue the cells of all stays that have no row yet; returns how many."""
    missing = (
        sa.select(s.cell).outerjoin(addresses, a.cell == s.cell).where(a.cell.is_(None)).distinct()
    )
    return want(connection, list(connection.scalars(missing)), geocoder, now)


def due(connection: Connection, now: dt.datetime, limit: int | None = None) -> list[AddressRow]:
    """The cells to ask for, in the order in which they are to be asked for."""
    query = (
        sa.select(*(a[name] for name in AddressRow._fields))
        .where(a.next_try_at <= now)
        .order_by(a.next_try_at, a.cell)
        .limit(limit)
    )
    return [AddressRow._make(row) for row in connection.execute(query)]


def count_due(connection: Connection, by: dt.datetime | None) -> int:
    """How many cells are to be asked for until a moment; all that wait for None."""
    is_due = a.next_try_at.is_not(None) if by is None else a.next_try_at <= by
    return connection.scalar(sa.select(sa.func.count()).select_from(addresses).where(is_due)) or 0


def keep(connection: Connection, rows: Sequence[AddressRow]) -> None:
    """Write answers, and failures, of cells that are still there: a purge may have dropped one."""
    if not rows:
        return
    update = sa.update(addresses).where(a.cell == sa.bindparam("of_cell"))
    values: dict[str, Any] = {name: sa.bindparam(f"new_{name}") for name in AddressRow._fields[1:]}
    connection.execute(
        update.values(values),
        [
            {"of_cell": row.cell}
            | {f"new_{name}": getattr(row, name) for name in AddressRow._fields[1:]}
            for row in rows
        ],
    )


def read(connection: Connection, cells: Sequence[str]) -> dict[str, AddressRow]:
    """The rows of some cells."""
    query = sa.select(*(a[name] for name in AddressRow._fields)).where(
        is_among(connection.dialect.name, a.cell)
    )
    rows = connection.execute(query, listed(connection, list(cells)))
    return {row.cell: AddressRow._make(row) for row in rows}


class StayAddress(NamedTuple):
    """The address of a stay; its end is None while the device is there."""

    start_time: dt.datetime
    end_time: dt.datetime | None
    address: str


def addresses_of_stays(
    connection: Connection, device_id: str, start: dt.datetime, end: dt.datetime
) -> list[StayAddress]:
    """Known addresses of a device's stays that overlap `[start, end]`, in order of time."""
    query = (
        sa.select(s.start_time, s.end_time, a.address)
        .join(addresses, a.cell == s.cell)
        .where(
            s.device_id == device_id,
            s.start_time <= end,
            sa.or_(s.end_time.is_(None), s.end_time >= start),
            a.address.is_not(None),
        )
        .order_by(s.start_time)
    )
    return [StayAddress._make(row) for row in connection.execute(query)]


def days_of_stays(connection: Connection, cells: Sequence[str]) -> dict[str, set[dt.date]]:
    """The days, by device, on which stays in some cells begin or end."""
    query = sa.select(s.device_id, s.start_time, s.end_time).where(
        is_among(connection.dialect.name, s.cell)
    )
    found: dict[str, set[dt.date]] = {}
    for device_id, start, end in connection.execute(query, listed(connection, list(cells))):
        days = found.setdefault(device_id, set())
        days.update(one.date() for one in (start, end) if one is not None)
    return found


def drop_unused(connection: Connection) -> int:
    """Delete the addresses of places where no stay is left; returns how many."""
    used = sa.select(s.cell)
    return connection.execute(sa.delete(addresses).where(a.cell.not_in(used))).rowcount
