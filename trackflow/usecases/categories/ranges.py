"""Days of people as ranges of time: from the first moment of one to the last of another."""

import datetime as dt

from trackflow.context import Context
from trackflow.errors import SettingsError
from trackflow.geo.calendar_days import begin_of
from trackflow.geo.time import EARLIEST, LATEST, ONE_DAY
from trackflow.settings import zone_named


def range_of_days(
    context: Context, first: dt.date | None, last: dt.date | None
) -> tuple[dt.datetime | None, dt.datetime | None]:
    """The time of days of TRACKFLOW_TIME_ZONE, `last` included; None stays None.

    Raises:
        SettingsError: a day lies beyond what calendars of zones know.
    """
    for day in (first, last):
        if day is not None and not EARLIEST.year <= day.year < LATEST.year:
            raise SettingsError(f"{day} lies before {EARLIEST.year} or after {LATEST.year}")
    zone = zone_named(context.settings.time_zone)
    start = None if first is None else begin_of(first, zone)
    end = None if last is None else begin_of(last + ONE_DAY, zone)
    return start, end
