"""Daily partitions. Devices and windows are rows, not partitions."""

import datetime as dt
import os
from collections.abc import Mapping

import dagster as dg

from trackflow.errors import SettingsError

FIRST_DAY_VARIABLE = "TRACKFLOW_FIRST_DAY"
DEFAULT_FIRST_DAY = "2015-01-01"

DAY_TAG = "dagster/partition"
FIRST_DAY_TAG, LAST_DAY_TAG = (
    "dagster/asset_partition_range_start",
    "dagster/asset_partition_range_end",
)
"""Tags of a run that name its day, or the first and last of its days."""


def _first_day() -> dt.datetime:
    text = os.environ.get(FIRST_DAY_VARIABLE) or DEFAULT_FIRST_DAY
    try:
        return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)
    except ValueError:
        raise SettingsError(
            f"{FIRST_DAY_VARIABLE}={text!r} is not a day; write it like {DEFAULT_FIRST_DAY}"
        ) from None


days = dg.DailyPartitionsDefinition(
    start_date=_first_day(),
    timezone="UTC",
    end_offset=1,  # today as well: its points are worth seeing before it is over
)


def day_of(key: str) -> dt.date:
    """The day of a partition key."""
    return dt.date.fromisoformat(key)


def days_of_run(tags: Mapping[str, str]) -> tuple[dt.date, dt.date] | None:
    """The first and last day of a run; None if it is of no day in particular."""
    if key := tags.get(DAY_TAG):
        return day_of(key), day_of(key)
    if key := tags.get(FIRST_DAY_TAG):
        return day_of(key), day_of(tags[LAST_DAY_TAG])
    return None


def has_partition(day: dt.date) -> bool:
    """Whether there is a partition for `day`: a clock that is wrong sends points of any year."""
    return _first_day().date() <= day <= dt.datetime.now(dt.UTC).date()
