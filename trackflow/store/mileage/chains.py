"""The chains of books: links are only ever added. They are read also where a value is damaged."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.mileage.chain import START, Link, link_hash
from trackflow.mileage.open_times import ClosedTime
from trackflow.store.mileage.books import Amendment, Entry, is_unreadable
from trackflow.store.mileage.tables import logbook_amendments, logbook_entries, vehicles

type MakeLink = Callable[[Any], Link]

e, a, v = logbook_entries.c, logbook_amendments.c, vehicles.c


def lock_book(connection: Connection, vehicle_id: str) -> ClosedTime | None:
    """Keep others from adding links to a book until the transaction ends.

    Returns:
        Of what time it is closed; None before its first closing.
    """
    query = sa.select(v.closed_from, v.closed_until).where(v.vehicle_id == vehicle_id)
    if connection.dialect.name == "postgresql":
        query = query.with_for_update()
    row = connection.execute(query).first()
    return None if row is None or row.closed_until is None else ClosedTime(*row)


def set_closed_time(connection: Connection, vehicle_id: str, closed: ClosedTime) -> None:
    """Note of what time a book is closed."""
    connection.execute(
        sa.update(vehicles)
        .where(v.vehicle_id == vehicle_id)
        .values(closed_from=closed.start, closed_until=closed.end)
    )


def last_link(connection: Connection, vehicle_id: str) -> tuple[int, str]:
    """Number and hash of the last link of a book; 0 and the starting hash of an empty one."""
    # one by one: each is one step in an index, where the union of both would be sorted anew for
    # every link, and a first closing of years adds thousands
    newest = [
        connection.execute(
            sa.select(number, hashed)
            .where(vehicle == vehicle_id, number.is_not(None))
            .order_by(number.desc())
            .limit(1)
        ).first()
        for vehicle, number, hashed in (
            (e.vehicle_id, e.chain_no, e.entry_hash),
            (a.vehicle_id, a.chain_no, a.amendment_hash),
        )
    ]
    return max(((row[0], row[1]) for row in newest if row is not None), default=(0, START))


def close_entries(
    connection: Connection, vehicle_id: str, entries: Sequence[Entry], now: dt.datetime
) -> None:
    """Close open entries: in their order they become the last links of their book.

    Args:
        connection: in a transaction for writing, the book locked.
        vehicle_id: whose book it is.
        entries: as they are to stand in the book.
        now: the time, UTC.
    """
    if not entries:
        return
    number, previous = last_link(connection, vehicle_id)
    rows = []
    for entry in entries:
        number += 1
        hashed = link_hash(previous, replace(entry, closed_at=now).link_content)
        rows.append(
            {
                "of_entry": entry.entry_id,
                "content": entry.content,
                "chain_no": number,
                "previous_hash": previous,
                "entry_hash": hashed,
            }
        )
        previous = hashed
    connection.execute(
        sa.update(logbook_entries)
        .where(e.entry_id == sa.bindparam("of_entry"), e.closed_at.is_(None))
        .values(
            content=sa.bindparam("content"),
            chain_no=sa.bindparam("chain_no"),
            previous_hash=sa.bindparam("previous_hash"),
            entry_hash=sa.bindparam("entry_hash"),
            closed_at=now,
            updated_at=now,
        ),
        rows,
    )
    _note_length(connection, vehicle_id, number)


def add_amendment(connection: Connection, one: Amendment) -> Amendment:
    """Add an amendment as the last link of its book; the book is locked."""
    number, previous = last_link(connection, one.vehicle_id)
    hashed = link_hash(previous, one.link_content)
    connection.execute(
        sa.insert(logbook_amendments).values(
            amendment_id=one.amendment_id,
            entry_id=one.entry_id,
            vehicle_id=one.vehicle_id,
            month=one.month,
            changes=one.changes,
            reason=one.reason,
            amended_by=one.amended_by,
            amended_at=one.amended_at,
            chain_no=number + 1,
            previous_hash=previous,
            amendment_hash=hashed,
        )
    )
    _note_length(connection, one.vehicle_id, number + 1)
    return replace(one, chain_no=number + 1, previous_hash=previous, amendment_hash=hashed)


def _note_length(connection: Connection, vehicle_id: str, links: int) -> None:
    """Note how long a chain is: the chain itself does not show that its end was cut off."""
    connection.execute(
        sa.update(vehicles).where(v.vehicle_id == vehicle_id).values(chain_length=links)
    )


def chain(connection: Connection, vehicle_id: str) -> list[Link]:
    """All links of a book, in the order of their numbers.

    Args:
        connection: to the store.
        vehicle_id: whose book it is.
    """
    entries = sa.select(*(e[name] for name in Entry.__dataclass_fields__)).where(
        e.vehicle_id == vehicle_id, e.closed_at.is_not(None)
    )
    amendments = sa.select(*(a[name] for name in Amendment.__dataclass_fields__)).where(
        a.vehicle_id == vehicle_id
    )
    found = _links(connection, entries, e.chain_no, _of_entry)
    found += _links(connection, amendments, a.chain_no, _of_amendment)
    return sorted(found, key=lambda link: (link.chain_no, link.kind))


def vehicles_with_links(connection: Connection) -> set[str]:
    """The vehicles whose books have links, whether these vehicles are there or not."""
    closed = sa.select(e.vehicle_id).where(e.chain_no.is_not(None))
    return set(connection.scalars(closed.union(sa.select(a.vehicle_id))))


def _links(
    connection: Connection, query: sa.Select[Any], number: sa.Column[int], make: MakeLink
) -> list[Link]:
    """The links of a query; one that cannot be read has no content, and hides no other.

    Args:
        connection: to the store.
        query: of closed entries, or of amendments.
        number: the column of their numbers.
        make: a link of a row.
    """
    try:
        return [make(row) for row in connection.execute(query)]
    except (ValueError, sa.exc.OperationalError) as error:
        if not is_unreadable(error):
            raise
    return [
        _link(connection, query.where(number == chain_no), chain_no, make)
        for chain_no in connection.scalars(query.with_only_columns(number)).all()
        if isinstance(chain_no, int)  # else the chain has a hole there
    ]


def _link(connection: Connection, query: sa.Select[Any], chain_no: int, make: MakeLink) -> Link:
    kind = "entry" if make is _of_entry else "amendment"
    try:
        return make(connection.execute(query).one())
    except (ValueError, sa.exc.OperationalError) as error:
        if not is_unreadable(error):
            raise
    return Link(chain_no, kind, "", None, "", "")


def _of_entry(row: Any) -> Link:
    one = Entry(*row)
    return Link(
        one.chain_no or 0,
        "entry",
        str(one.entry_id),
        one.link_content,
        one.previous_hash or "",
        one.entry_hash or "",
    )


def _of_amendment(row: Any) -> Link:
    one = Amendment(*row)
    return Link(
        one.chain_no,
        "amendment",
        str(one.amendment_id),
        one.link_content,
        one.previous_hash,
        one.amendment_hash,
    )
