"""What is done once a month: the logbooks and the use of meshes of the month before, as files."""

import datetime as dt
import logging
from collections.abc import Callable
from pathlib import Path

from trackflow.context import Context
from trackflow.errors import RetryableError, TrackflowError
from trackflow.mileage.report import MonthReport
from trackflow.store.housekeeping import marks

MARK = "monthly work"

DAY, AT = 3, dt.time(5)
"""UTC, as Dagster's schedule of the logbook: late points of the month's last days have come."""

type WriteReports = Callable[[list[MonthReport], Path], object]

log = logging.getLogger(__name__)


def is_due(context: Context) -> bool:
    """Whether it was not done since the last time of the month at which it has to be."""
    newest = _newest(context.clock())
    with context.store.read() as connection:
        done = marks.noted(connection, MARK)
    # a time of the future was noted by a wrong clock
    return done is None or not newest <= done <= context.clock()


def do_monthly_work(context: Context, write_reports: WriteReports) -> None:
    """Do each part; one that fails does not keep the other from its turn.

    Args:
        context: the store.
        write_reports: writes the logbooks of a month to a folder.

    Raises:
        RetryableError: the database went away; all of it is done again, with the same files.
    """
    month = month_due(context.clock())
    for part in (_write_logbooks, _write_use_of_meshes):
        try:
            part(context, month, write_reports)
        except RetryableError:
            raise
        except TrackflowError as error:
            log.warning("monthly work: %s", error)
    with context.store.write() as connection:
        marks.note(connection, MARK, context.clock())


def month_due(now: dt.datetime) -> dt.date:
    """The first day of the month whose files are due."""
    return (_newest(now).date().replace(day=1) - dt.timedelta(days=1)).replace(day=1)


def _newest(now: dt.datetime) -> dt.datetime:
    """The last time at which it had to be done."""
    of_this_month = dt.datetime.combine(now.date().replace(day=DAY), AT, dt.UTC)
    if of_this_month <= now:
        return of_this_month
    before = now.date().replace(day=1) - dt.timedelta(days=1)
    return dt.datetime.combine(before.replace(day=DAY), AT, dt.UTC)


def _write_logbooks(context: Context, month: dt.date, write_reports: WriteReports) -> None:
    from trackflow.usecases.mileage.reports import month_reports

    write_reports(month_reports(context, f"{month:%Y-%m}"), context.settings.home / "reports")


def _write_use_of_meshes(context: Context, month: dt.date, _: WriteReports) -> None:
    from trackflow.usecases.meshes.usage import usage_of
    from trackflow.usecases.meshes.usage_files import write_usage_report
    from trackflow.usecases.meshes.waiting import has_work

    if has_work(context):
        write_usage_report(context, usage_of(context, month))
