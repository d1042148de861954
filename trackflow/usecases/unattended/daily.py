"""What is done once a day: old data goes, sources are synced, books are closed."""

import datetime as dt
import logging

from trackflow.context import Context
from trackflow.errors import RetryableError, TrackflowError
from trackflow.store.housekeeping import marks

MARK = "daily work"

AT = dt.time(1, 25)
"""UTC, as the first of Dagster's schedules."""

log = logging.getLogger(__name__)


def is_due(context: Context) -> bool:
    """Whether it was not done since the last time of day at which it has to be."""
    now = context.clock()
    newest = dt.datetime.combine(now.date(), AT, dt.UTC)
    if newest > now:
        newest -= dt.timedelta(days=1)
    with context.store.read() as connection:
        done = marks.noted(connection, MARK)
    # a time of the future was noted by a wrong clock
    return done is None or not newest <= done <= now


def do_daily_work(context: Context) -> None:
    """Do each part; one that fails does not keep the others from their turn.

    Raises:
        RetryableError: the database went away; all of it is done again, which changes nothing
            where it was done.
    """
    for part in (_forget, _sync_catalogue, _close_books, _keep_meshes):
        try:
            part(context)
        except RetryableError:
            raise
        except TrackflowError as error:
            log.warning("daily work: %s", error)
    with context.store.write() as connection:
        marks.note(connection, MARK, context.clock())


def _forget(context: Context) -> None:
    from trackflow.usecases.housekeeping.months import make_months_ahead
    from trackflow.usecases.housekeeping.retention import apply_retention

    make_months_ahead(context)
    apply_retention(context)


def _sync_catalogue(context: Context) -> None:
    from trackflow.usecases.catalogue.sources import configured
    from trackflow.usecases.jobs.kinds import queue_job, run_job
    from trackflow.usecases.places.geocoding import geocode

    for source in configured(context.settings):
        parameters = {"source": source, "trigger": "schedule"}
        run_job(context, queue_job(context, "catalogue_sync", parameters).job_id)
    geocode(context)


def _close_books(context: Context) -> None:
    from trackflow.usecases.categories.following import follow_tracks
    from trackflow.usecases.mileage.closing import close_due
    from trackflow.usecases.mileage.reminding import remind

    follow_tracks(context)
    close_due(context)
    remind(context)


def _keep_meshes(context: Context) -> None:
    from trackflow.usecases.jobs.kinds import queue_job, run_job
    from trackflow.usecases.meshes import sync
    from trackflow.usecases.meshes.cleanup import clean_all
    from trackflow.usecases.meshes.waiting import has_work

    if has_work(context):
        run_job(context, queue_job(context, sync.KIND, {"trigger": "schedule"}).job_id)
    clean_all(context)
