"""Daily partitions. Devices and windows are rows, not partitions.

Which days there are is fixed when the definitions are loaded. Points of any earlier day may arrive:
a job without partitions processes such days, and they are shown once the definitions are loaded
again. `trackflow serve` reloads them by itself.
"""

import datetime as dt
import os
from collections.abc import Mapping
from pathlib import Path

import dagster as dg

from trackflow.errors import SettingsError

FIRST_DAY_VARIABLE = "TRACKFLOW_FIRST_DAY"
FIRST_DAY_FILE_VARIABLE = "TRACKFLOW_FIRST_DAY_FILE"
"""The file in which `trackflow serve` writes the first day, as it may change while Dagster runs."""

DEFAULT_FIRST_DAY = "2015-01-01"

DAY_TAG = "dagster/partition"
FIRST_DAY_TAG, LAST_DAY_TAG = (
    "dagster/asset_partition_range_start",
    "dagster/asset_partition_range_end",
)
"""Tags of a run that name its day, or the first and last of its days."""

ONE_DAY = dt.timedelta(days=1)


def first_day(env: Mapping[str, str]) -> dt.datetime:
    """The first partition: from the setting, else from the file of `serve`, else the default.

    Raises:
        SettingsError: the setting is not a day.
    """
    name, text = FIRST_DAY_VARIABLE, env.get(FIRST_DAY_VARIABLE)
    if not text and (file := env.get(FIRST_DAY_FILE_VARIABLE)) and Path(file).exists():
        name, text = file, Path(file).read_text().strip()
    try:
        return dt.datetime.fromisoformat(text or DEFAULT_FIRST_DAY).replace(tzinfo=dt.UTC)
    except ValueError:
        raise SettingsError(
            f"{name}={text!r} is not a day; write it like {DEFAULT_FIRST_DAY}"
        ) from None


FIRST_DAY = first_day(os.environ).date()
"""The partitions of this process, used by default."""


def daily(first: dt.date) -> dg.DailyPartitionsDefinition:
    """The partitions from a first day on."""
    return dg.DailyPartitionsDefinition(
        start_date=first.isoformat(),
        timezone="UTC",
        end_offset=1,  # today as well: its points are worth seeing before it is over
    )


def day_of(key: str) -> dt.date:
    """The day of a partition key."""
    return dt.date.fromisoformat(key)


def days_of_run(tags: Mapping[str, str]) -> tuple[dt.date, dt.date] | None:
    """The first and last day of a run; None if the run names no day, or its partition is none."""
    try:
        if key := tags.get(DAY_TAG):
            return day_of(key), day_of(key)
        if key := tags.get(FIRST_DAY_TAG):
            return day_of(key), day_of(tags[LAST_DAY_TAG])
    except ValueError:
        return None  # an image, or another partition that is no day
    return None


def has_partition(day: dt.date, first: dt.date = FIRST_DAY) -> bool:
    """Whether a run may be requested for this day's partition."""
    return first <= day <= _today()


def may_be_shown(day: dt.date) -> bool:
    """Whether to report this day to Dagster, which keeps reports of days before the first for ever.

    Devices with a wrong clock send points of the future: those days are not shown yet.
    """
    return day <= _today()


def _today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()
