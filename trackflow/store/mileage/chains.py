"""Reads the chains of books, also where a stored value cannot be read any more."""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.mileage.chain import Link
from trackflow.store.mileage.books import Amendment, Entry, is_unreadable
from trackflow.store.mileage.tables import logbook_amendments, logbook_entries

type MakeLink = Callable[[Any], Link]

e, a = logbook_entries.c, logbook_amendments.c


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
