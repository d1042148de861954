"""Stored times of the future (leases, rests), compared with a clock that may have been set since.

Each is set at most a known time ahead. One that lies further ahead was set by a wrong clock;
waiting for it would take as long as that clock ran ahead.
"""

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.engine import Connection

CLOCKS_DIFFER = dt.timedelta(minutes=10)
"""The harmless difference between the clocks of several machines on one database."""


def is_over(
    moment: "sa.Column[dt.datetime]", now: dt.datetime, longest_s: float
) -> sa.ColumnElement[bool]:
    """The condition that a time, set at most `longest_s` ahead, has passed or is impossible."""
    return sa.or_(moment < now, is_impossible(moment, now, longest_s))


def is_impossible(
    moment: "sa.Column[dt.datetime]", now: dt.datetime, longest_s: float
) -> sa.ColumnElement[bool]:
    """The condition that a time lies more than `longest_s` ahead; 0 for times of the past."""
    return moment > now + dt.timedelta(seconds=longest_s) + CLOCKS_DIFFER


def database_now(connection: Connection) -> dt.datetime:
    """The time by the clock that all processes share: the database's, or that of this machine.

    Turns and leases last seconds, which is less than the clocks of two machines may differ by.
    """
    if connection.dialect.name == "sqlite":
        return dt.datetime.now(dt.UTC)
    now: dt.datetime = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
    return now
