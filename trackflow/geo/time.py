"""Days and moments in UTC: midnights, microseconds since 1970, runs of days."""

import datetime as dt
from collections.abc import Iterable, Iterator

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MICROSECOND = dt.timedelta(microseconds=1)
ONE_DAY = dt.timedelta(days=1)
DAY_US = 86_400_000_000

EARLIEST = dt.datetime(1900, 1, 1, tzinfo=dt.UTC)
LATEST = dt.datetime(2200, 1, 1, tzinfo=dt.UTC)
"""Times beyond these mean "without limit": databases and calendars end somewhere."""

_DAY_ZERO = EPOCH.date().toordinal()


def from_us(time_us: int) -> dt.datetime:
    """The aware UTC time of microseconds since 1970."""
    return EPOCH + dt.timedelta(microseconds=int(time_us))


def to_us(time: dt.datetime) -> int:
    """Microseconds since 1970 of an aware time.

    Raises:
        TypeError: `time` has no time zone.
    """
    return (time - EPOCH) // MICROSECOND


def utc_text(time: dt.datetime | None) -> str | None:
    """A time to the microsecond, 2026-03-02T08:00:00.000000Z; None stays None."""
    return None if time is None else f"{time.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%S.%fZ}"


def within_calendars(time: dt.datetime) -> dt.datetime:
    """A time in UTC, at most as early and as late as days can be counted from.

    Args:
        time: it is UTC if it has no offset.
    """
    if time.tzinfo is None:
        time = time.replace(tzinfo=dt.UTC)
    # compared before it is converted: a time beyond the calendar's end cannot be
    return EARLIEST if time <= EARLIEST else LATEST if time >= LATEST else time.astimezone(dt.UTC)


def midnight(day: dt.date) -> dt.datetime:
    """The moment at which a day begins."""
    return dt.datetime.combine(day, dt.time(), dt.UTC)


def midnight_us(day: dt.date) -> int:
    """The moment at which a day begins, in microseconds since 1970."""
    return (day.toordinal() - _DAY_ZERO) * DAY_US


def day_of_index(days_since_1970: int) -> dt.date:
    """The date of a number of days since 1970-01-01."""
    return dt.date.fromordinal(_DAY_ZERO + int(days_since_1970))


def days_around(
    start: dt.datetime | None, end: dt.datetime | None
) -> tuple[dt.date | None, dt.date | None]:
    """The day before a time begins and the day after it ends, UTC; None stays None."""
    first = None if start is None else start.astimezone(dt.UTC).date() - ONE_DAY
    last = None if end is None else end.astimezone(dt.UTC).date() + ONE_DAY
    return first, last


def days_between(first: dt.date, last: dt.date) -> Iterator[dt.date]:
    """All days from `first` to `last`, both included."""
    return (first + k * ONE_DAY for k in range((last - first).days + 1))


def runs_of_days(
    days: Iterable[dt.date], *, apart: int = 1, most: int | None = None
) -> list[tuple[dt.date, dt.date]]:
    """The first and last days of the runs that days make up, in order.

    Args:
        days: in any order.
        apart: a run goes on with a day that is at most so many days later.
        most: days in a run, from its first to its last; None for any number.
    """
    found: list[tuple[dt.date, dt.date]] = []
    for day in sorted(days):
        if found:
            first, last = found[-1]
            is_near = (day - last).days <= apart
            if is_near and (most is None or (day - first).days < most):
                found[-1] = first, day
                continue
        found.append((day, day))
    return found
