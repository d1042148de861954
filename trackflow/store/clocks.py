"""Stored moments of the future (leases, rests), read by a clock that may have been set since.

Each is set a known time ahead at most. One that lies further ahead was set by a clock that ran
ahead; waiting for it would take as long as that clock was wrong.
"""

import datetime as dt

import sqlalchemy as sa

CLOCKS_DIFFER = dt.timedelta(minutes=10)
"""Clocks of several machines on one database may stand so far apart without harm."""


def is_over(
    moment: "sa.Column[dt.datetime]", now: dt.datetime, longest_s: float
) -> sa.ColumnElement[bool]:
    """The condition that a moment, set `longest_s` ahead at most, has come or cannot be right."""
    return sa.or_(moment < now, is_impossible(moment, now, longest_s))


def is_impossible(
    moment: "sa.Column[dt.datetime]", now: dt.datetime, longest_s: float
) -> sa.ColumnElement[bool]:
    """The condition that a moment lies further ahead than it can have been set: 0 for the past."""
    return moment > now + dt.timedelta(seconds=longest_s) + CLOCKS_DIFFER
