"""Does the work of a duty, until none is left."""

import datetime as dt
import logging
import threading
import time
from collections.abc import Callable, Mapping

from trackflow.context import Context
from trackflow.geo.time import ONE_DAY
from trackflow.usecases.categories.following import follow_tracks
from trackflow.usecases.days.live import follow_live
from trackflow.usecases.days.report import distinct_messages
from trackflow.usecases.days.run import run
from trackflow.usecases.days.waiting import first_live_day
from trackflow.usecases.intake.following import FollowedSource, follow
from trackflow.usecases.intake.inbox import scan
from trackflow.usecases.jobs.kinds import queue_job, run_job
from trackflow.usecases.meshes import sync as mesh_sync
from trackflow.usecases.meshes.running import run_due_meshes
from trackflow.usecases.meshes.tools import opened_tools
from trackflow.usecases.meshes.waiting import waiting_work
from trackflow.usecases.places.visits import update_visits
from trackflow.usecases.unattended.daily import do_daily_work
from trackflow.usecases.unattended.duties import jobs_that_wait

LIVE_IDLE_S = 120.0
"""The live worker ends after so long without points: the next one is there in two seconds, and
until then nothing is held in memory."""

LIVE_LONGEST_S = 3600.0

FOLLOW_EVERY_S = 15.0

MESHES_LONGEST = dt.timedelta(hours=1)

log = logging.getLogger(__name__)


def do_work(context: Context, duty: str) -> None:
    """Do what waits of a duty, in this process.

    Raises:
        RetryableError: the database went away; the next look finds what is left.
    """
    WORK[duty](context)


def _live(context: Context) -> None:
    follow_live(
        context, idle_s=LIVE_IDLE_S, longest_s=LIVE_LONGEST_S, on_report=lambda _report: None
    )


def _days(context: Context) -> None:
    last = first_live_day(context.clock()) - ONE_DAY
    report = run(context, last=last)
    for message in distinct_messages(report.problems):
        log.warning("%s", message)
    follow_tracks(context)


def _jobs(context: Context) -> None:
    for job in jobs_that_wait(context, mesh_batches=False):
        run_job(context, job.job_id)


def _mesh_batches(context: Context) -> None:
    for job in jobs_that_wait(context, mesh_batches=True):
        run_job(context, job.job_id)


def _inbox(context: Context) -> None:
    for file in scan(context).errors:
        log.warning("%s: %s", file.name, file.error)


def _followed(context: Context) -> None:
    """Follow the table for as long as this process lives: a start for each look would cost more."""
    while (source := FollowedSource.from_env()) is not None:
        follow(context, source)
        time.sleep(FOLLOW_EVERY_S)


def _mqtt(context: Context) -> None:
    """Receive for as long as this process lives; the broker keeps what is not stored yet."""
    from trackflow.usecases.intake.subscribing import subscribe

    subscribe(context, threading.Event(), log.info)


def _meshes(context: Context) -> None:
    with opened_tools(context) as tools:
        run_due_meshes(context, tools.generator, until=context.clock() + MESHES_LONGEST)
    if waiting_work(context).found:
        run_job(context, queue_job(context, mesh_sync.KIND, {"trigger": "sensor"}).job_id)


def _visits(context: Context) -> None:
    update_visits(context)


WORK: Mapping[str, Callable[[Context], None]] = {
    "live": _live,
    "jobs": _jobs,
    "mesh_batches": _mesh_batches,
    "days": _days,
    "inbox": _inbox,
    "followed": _followed,
    "mqtt": _mqtt,
    "meshes": _meshes,
    "daily": do_daily_work,
    "visits": _visits,
}
