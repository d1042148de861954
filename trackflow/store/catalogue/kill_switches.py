"""Kill switches: each stops every request to one site, for all processes."""

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.store.catalogue.tables import catalogue_switches
from trackflow.store.dialects import insert_into

w = catalogue_switches.c


def throw_switch(connection: Connection, site: str, reason: str, now: dt.datetime) -> None:
    """Switch a site off.

    Args:
        connection: in a transaction for writing.
        site: the name of the site.
        reason: why, for people.
        now: the time, UTC.
    """
    insert = insert_into(connection, catalogue_switches).values(
        site=site, reason=reason, thrown_at=now
    )
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=[w.site], set_={"reason": reason, "thrown_at": now}
        )
    )


def reset_switch(connection: Connection, site: str) -> bool:
    """Switch a site on again; False if it was not off."""
    done = connection.execute(sa.delete(catalogue_switches).where(w.site == site))
    return done.rowcount > 0


def switched_off(connection: Connection, site: str) -> str | None:
    """The reason for which a site is switched off, None if it is not."""
    reason: str | None = connection.scalar(sa.select(w.reason).where(w.site == site))
    return reason
