"""Days of a time zone, and the moments at which they begin."""

import datetime as dt
from zoneinfo import ZoneInfo

ONE_DAY = dt.timedelta(days=1)


def begin_of(day: dt.date, zone: ZoneInfo) -> dt.datetime:
    """The first moment of a day, in UTC; where clocks go forward at midnight that is 1 o'clock."""
    return dt.datetime.combine(day, dt.time(), zone).astimezone(dt.UTC)
