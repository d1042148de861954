"""Periods of the calendar: days, weeks, months and years, and the period before another."""

import datetime as dt
from enum import StrEnum
from typing import NamedTuple

from trackflow.geo.time import ONE_DAY


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


def months_later(first_of_month: dt.date, months: int) -> dt.date:
    """The first day of the month that comes so many months later."""
    count = first_of_month.year * 12 + first_of_month.month - 1 + months
    return dt.date(count // 12, count % 12 + 1, 1)
