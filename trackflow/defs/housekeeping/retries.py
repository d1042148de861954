"""Asks Dagster again for retries that it has overlooked.

Dagster writes the event of a failed run first, then the run's status, then whether it will be
retried. A process that looks in between errs for good. The daemon that starts retries takes the
event for that of a run that goes on, and never looks again: the backfill of the run waits for ever.
Or the backfill sees no retry to wait for, and ends as failed: the retry is refused then. An outage
of the database in that moment does the same.
"""

import datetime as dt
from collections.abc import Iterator

import dagster as dg
from dagster._core.execution.backfill import BulkActionStatus
from dagster._core.storage.tags import AUTO_RETRY_RUN_ID_TAG, BACKFILL_ID_TAG, WILL_RETRY_TAG

from trackflow.defs.housekeeping.jobs import TAGS
from trackflow.defs.runs import is_own_run

TIME_TO_RETRY = dt.timedelta(seconds=20)
"""Dagster starts retries every five seconds."""

LOOKED_BACK = dt.timedelta(days=1)
"""Runs that failed earlier are history."""

RETRIED_BACKFILLS = (BulkActionStatus.REQUESTED, BulkActionStatus.COMPLETED_FAILED)

REPEATED = "This run has failed, and Dagster has overlooked that it is to be retried."

MOST_REPEATS = 3
"""Then the retry cannot be started: the run's job may have been renamed."""


@dg.sensor(
    name="retries_sensor",
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    tags=TAGS,
    description="Asks Dagster again for retries of failed runs that it has overlooked, so that no "
    "backfill waits for one for ever. It starts no runs itself.",
)
def retries_sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Look once at the runs that failed lately."""
    found = [
        run
        for run in _overlooked(context.instance, dt.datetime.now(dt.UTC))
        if is_own_run(run, context.repository_def)
    ]
    for run in found:
        _report_again(context.instance, run)
    ids = ", ".join(run.run_id[:8] for run in found)
    return dg.SkipReason(f"Asked again to retry {ids}." if found else "No retry is missing.")


def _overlooked(instance: dg.DagsterInstance, now: dt.datetime) -> Iterator[dg.DagsterRun]:
    """Runs that failed and should have been retried by now, those of no cancelled backfill."""
    failed = dg.RunsFilter(
        statuses=[dg.DagsterRunStatus.FAILURE],
        tags={WILL_RETRY_TAG: "true"},
        updated_after=now - LOOKED_BACK,
    )
    for record in instance.get_run_records(failed):
        run = record.dagster_run
        if AUTO_RETRY_RUN_ID_TAG in run.tags or record.update_timestamp > now - TIME_TO_RETRY:
            continue
        if BACKFILL_ID_TAG in run.tags:
            backfill = instance.get_backfill(run.tags[BACKFILL_ID_TAG])
            if backfill is None or backfill.status not in RETRIED_BACKFILLS:
                continue
        yield run


def _report_again(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """Report the failure again, which Dagster's daemon then sees; give the retry up at last."""
    failures = instance.get_records_for_run(
        run.run_id, of_type=dg.DagsterEventType.RUN_FAILURE
    ).records
    repeats = [one for one in failures if one.event_log_entry.message == REPEATED]
    if len(repeats) == MOST_REPEATS:
        instance.add_run_tags(run.run_id, {WILL_RETRY_TAG: "false"})
        return
    if BACKFILL_ID_TAG in run.tags:
        _reopen(instance, run.tags[BACKFILL_ID_TAG])
    instance.report_run_failed(run, REPEATED)


def _reopen(instance: dg.DagsterInstance, backfill_id: str) -> None:
    """Let a backfill that has ended as failed go on: Dagster retries no runs of one that ended."""
    backfill = instance.get_backfill(backfill_id)
    if backfill is not None and backfill.status is BulkActionStatus.COMPLETED_FAILED:
        reopened = backfill._replace(status=BulkActionStatus.REQUESTED, backfill_end_timestamp=None)
        instance.update_backfill(reopened)
