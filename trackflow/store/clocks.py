"""Stored times of the future (leases, rests), compared with a clock that may have been set since.

Each is set at most a known time ahead. One that lies further ahead was set by a wrong clock;
waiting for it would take as long as that clock ran ahead.
"""

import datetime as dt

import sqlalchemy as sa

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
