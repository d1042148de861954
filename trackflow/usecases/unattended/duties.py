"""What has to be done when no Dagster runs: for each duty, whether work waits, and the work.

A duty is what one of Dagster's sensors or schedules starts a run for. Looking is cheap and changes
nothing. The work is safe beside that of any other process, as it claims what it works on, and may
be killed at any moment: what it has not finished waits again.
"""

from collections.abc import Callable
from dataclasses import dataclass

from trackflow.context import Context
from trackflow.errors import SettingsError
from trackflow.geo.time import ONE_DAY
from trackflow.usecases.days.live import live_worker
from trackflow.usecases.days.waiting import find_waiting, first_live_day
from trackflow.usecases.jobs.control import Job, waiting_jobs

MESH_BATCH = "mesh_batch"
"""The kind of jobs that have a duty of their own, so that neither waits for the other."""


@dataclass(frozen=True, slots=True)
class Duty:
    """Work that starts by itself.

    Attributes:
        name: of the duty; `unattended.work` has a function for each.
        every_s: seconds between two looks.
        waits: whether there is work now.
        lives: asked while it is done, whether there is a sign of life; None if there are none.
        longest_s: after which work that goes on hangs; None for work that stays.
    """

    name: str
    every_s: float
    waits: Callable[[Context], bool]
    lives: Callable[[Context], bool] | None = None
    longest_s: float | None = 12 * 3600.0


def _live(context: Context) -> bool:
    first = first_live_day(context.clock())
    return bool(find_waiting(context, first=first).days) and live_worker(context) is None


def _days(context: Context) -> bool:
    from trackflow.usecases.categories.following import days_to_follow

    last = first_live_day(context.clock()) - ONE_DAY
    if find_waiting(context, last=last).days:
        return True
    # the live worker follows the tracks that it has made
    upto = last if live_worker(context) is not None else None
    return bool(days_to_follow(context, last=upto))


def jobs_that_wait(context: Context, *, mesh_batches: bool) -> list[Job]:
    """Requested jobs without a worker, the oldest first: batches of meshes, or all others."""
    return [job for job in waiting_jobs(context) if (job.kind == MESH_BATCH) is mesh_batches]


def _jobs(context: Context) -> bool:
    return bool(jobs_that_wait(context, mesh_batches=False))


def _mesh_batches(context: Context) -> bool:
    return bool(jobs_that_wait(context, mesh_batches=True))


def _inbox(context: Context) -> bool:
    from trackflow.usecases.intake.inbox import look

    try:
        return bool(look(context).ready)
    except SettingsError:  # there is no such folder
        return False


def _followed(_: Context) -> bool:
    from trackflow.usecases.intake.following import FollowedSource

    return FollowedSource.from_env() is not None


def _meshes(context: Context) -> bool:
    from trackflow.usecases.meshes.waiting import waiting_work

    work = waiting_work(context)
    return bool(work.due or work.found)


def _visits(context: Context) -> bool:
    from trackflow.usecases.places.visits import days_due

    return bool(days_due(context))


def _daily(context: Context) -> bool:
    from trackflow.usecases.unattended.daily import is_due

    return is_due(context)


def _monthly(context: Context) -> bool:
    from trackflow.usecases.unattended.monthly import is_due

    return is_due(context)


def _mqtt(context: Context) -> bool:
    return bool(context.settings.mqtt_url)


DUTIES = (
    Duty("live", 1, _live, lives=lambda context: live_worker(context) is not None),
    Duty("jobs", 2, _jobs),
    Duty("mesh_batches", 5, _mesh_batches),
    Duty("days", 10, _days),
    Duty("inbox", 15, _inbox),
    Duty("followed", 30, _followed, longest_s=None),
    Duty("mqtt", 30, _mqtt, longest_s=None),
    Duty("meshes", 15, _meshes),
    Duty("daily", 300, _daily),
    Duty("monthly", 900, _monthly),
    Duty("visits", 900, _visits),
)
