"""Months of a logbook, such as 2026-11."""

import datetime as dt
import re

from trackflow.errors import BadInputError
from trackflow.geo.time import ONE_DAY

_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


def check_month(month: str) -> str:
    """A month such as 2026-11.

    Raises:
        BadInputError: it is none.
    """
    if not _MONTH.fullmatch(month):
        raise BadInputError(f"{month!r} is no month such as 2026-11")
    return month


def month_before(day: dt.date) -> str:
    """The month before that of a day."""
    return f"{day.replace(day=1) - ONE_DAY:%Y-%m}"


def days_of(month: str) -> tuple[dt.date, dt.date]:
    """The first and the last day of a month such as 2026-11."""
    first = dt.date.fromisoformat(f"{month}-01")
    return first, (first + 31 * ONE_DAY).replace(day=1) - ONE_DAY
