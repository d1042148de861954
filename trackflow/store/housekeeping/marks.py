"""Times that the service notes for itself, by name."""

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.store.dialects import insert_into
from trackflow.store.service_tables import service_marks

m = service_marks.c


def noted(connection: Connection, name: str) -> dt.datetime | None:
    """The time of this name; None if it was never noted."""
    moment: dt.datetime | None = connection.scalar(sa.select(m.noted_at).where(m.name == name))
    return moment


def note(connection: Connection, name: str, moment: dt.datetime) -> None:
    """Note a time; it replaces the one before."""
    insert = insert_into(connection, service_marks).values(name=name, noted_at=moment)
    connection.execute(
        insert.on_conflict_do_update(index_elements=["name"], set_={"noted_at": moment})
    )
