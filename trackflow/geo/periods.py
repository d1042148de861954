"""Periods of the calendar: days, weeks, months and years that people ask for and compare."""

import datetime as dt
from enum import StrEnum
from typing import NamedTuple

from trackflow.errors import BadInputError
from trackflow.geo.time import EARLIEST, LATEST, ONE_DAY, midnight

FIRST_DAY, LAST_DAY = EARLIEST.date() + ONE_DAY, LATEST.date() - 2 * ONE_DAY
"""The days that begin and end between `EARLIEST` and `LATEST` in every time zone."""


class By(StrEnum):
    """How long periods are."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


class Period(NamedTuple):
    """Days from a first to a last one; both are included."""

    first: dt.date
    last: dt.date


def day_named(text: str) -> dt.date:
    """The day that a text names, such as 2026-01-31, as far as calendars of zones reach.

    Raises:
        BadInputError: it is no day.
    """
    try:
        return _within(dt.date.fromisoformat(text))
    except ValueError:
        raise BadInputError(f"{text!r} is not a day; write it like 2026-01-31") from None


def _within(day: dt.date) -> dt.date:
    return min(max(day, FIRST_DAY), LAST_DAY)


def time_of_days(
    first: dt.date | None, last: dt.date | None
) -> tuple[dt.datetime | None, dt.datetime | None]:
    """From when a first day begins until a last one ends, UTC; None stays None."""
    start = None if first is None else midnight(_within(first))
    end = None if last is None else midnight(_within(last) + ONE_DAY)
    return start, end


def month_named(text: str) -> Period:
    """The days of the month that a text names, such as 2026-01.

    Raises:
        BadInputError: it is no month, or calendars of zones do not reach it.
    """
    try:
        first = dt.date.fromisoformat(f"{text}-01")
    except ValueError:
        raise BadInputError(f"{text!r} is not a month; write it like 2026-01") from None
    if not EARLIEST.year <= first.year < LATEST.year:
        raise BadInputError(f"months lie between {FIRST_DAY:%Y-%m} and {LAST_DAY:%Y-%m}")
    return Period(first, end_of_period(first, By.MONTH))


def check_days(first: dt.date | None, last: dt.date | None) -> None:
    """Check days that a person asks for; None is no limit.

    Raises:
        BadInputError: they are the wrong way round, or calendars of zones do not reach them.
    """
    for day in (first, last):
        if day is not None and not FIRST_DAY <= day <= LAST_DAY:
            raise BadInputError(f"days lie between {FIRST_DAY} and {LAST_DAY}")
    if first and last and first > last:
        raise BadInputError("`from` must not be later than `to`")


def begin_of_period(day: dt.date, by: By) -> dt.date:
    """The first day of the period in which a day lies; weeks begin on Monday (ISO 8601)."""
    match by:
        case By.DAY:
            return day
        case By.WEEK:
            return day - day.weekday() * ONE_DAY
        case By.MONTH:
            return day.replace(day=1)
        case By.YEAR:
            return day.replace(month=1, day=1)


def end_of_period(begin: dt.date, by: By) -> dt.date:
    """The last day of the period that begins on a day."""
    match by:
        case By.DAY:
            return begin
        case By.WEEK:
            return begin + 6 * ONE_DAY
        case By.MONTH:
            return months_later(begin, 1) - ONE_DAY
        case By.YEAR:
            return months_later(begin, 12) - ONE_DAY


def period_name(begin: dt.date, by: By) -> str:
    """What a period is called: 2026-11-28, 2026-W48, 2026-11 or 2026."""
    match by:
        case By.DAY:
            return begin.isoformat()
        case By.WEEK:
            year, week, _ = begin.isocalendar()
            return f"{year}-W{week:02}"
        case By.MONTH:
            return begin.isoformat()[:7]
        case By.YEAR:
            return begin.isoformat()[:4]


def period_before(period: Period, today: dt.date | None = None) -> Period:
    """The time before a period that it is compared with.

    Args:
        period: the period.
        today: of a period that goes on after this day, only as much of the time before is taken as
            has passed of it: a running year against the whole one before would always be less.

    Returns:
        Whole months before whole months, else as many days.
    """
    first, last = period
    after = last + ONE_DAY
    if first.day == after.day == 1:
        months = (after.year - first.year) * 12 + after.month - first.month
        before = Period(months_later(first, -months), first - ONE_DAY)
        if today and first <= today < last:
            begin = months_later(today.replace(day=1), -months)
            end = min(begin + (today.day - 1) * ONE_DAY, end_of_period(begin, By.MONTH))
            return Period(before.first, end)
        return before
    before = Period(first - (after - first), first - ONE_DAY)
    if today and first <= today < last:
        return Period(before.first, before.first + (today - first))
    return before


def month_before(day: dt.date) -> dt.date:
    """The first day of the month before that of a day."""
    return months_later(day.replace(day=1), -1)


def months_later(first_of_month: dt.date, months: int) -> dt.date:
    """The first day of the month that comes so many months later."""
    count = first_of_month.year * 12 + first_of_month.month - 1 + months
    return dt.date(count // 12, count % 12 + 1, 1)
