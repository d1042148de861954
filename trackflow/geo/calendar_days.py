"""Days of a time zone, and the moments at which they begin. All moments are aware."""

import datetime as dt
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from trackflow.errors import SettingsError

ONE_DAY = dt.timedelta(days=1)


def time_zone(name: str) -> ZoneInfo:
    """The time zone of a name such as Europe/Helsinki.

    Raises:
        SettingsError: this machine knows none of that name.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise SettingsError(
            f"{name!r} is no time zone; use a name such as Europe/Helsinki"
        ) from None


def begin_of(day: dt.date, zone: ZoneInfo) -> dt.datetime:
    """The first moment of a day, in UTC; where clocks go forward at midnight that is 1 o'clock."""
    return dt.datetime.combine(day, dt.time(), zone).astimezone(dt.UTC)


def midnights(start: dt.datetime, end: dt.datetime, zone: ZoneInfo) -> list[dt.datetime]:
    """The beginnings of days in `(start, end]`, in order."""
    found = []
    day = start.astimezone(zone).date() + ONE_DAY
    while (midnight := begin_of(day, zone)) <= end:
        found.append(midnight)
        day += ONE_DAY
    return found
