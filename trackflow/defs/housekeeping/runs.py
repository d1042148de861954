"""Deletes records of old runs.

Dagster keeps each run and its events for ever, and a live service starts runs all day.
"""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
from dagster._core.event_api import PartitionKeyFilter

from trackflow.defs.runs import has_own_job

KEPT = dt.timedelta(days=7)

STARTED_BY_ITSELF = ("dagster/sensor_name", "dagster/schedule_name")
"""Tags of runs that a sensor, schedule or daemon has started."""

FINISHED = (
    dg.DagsterRunStatus.SUCCESS,
    dg.DagsterRunStatus.FAILURE,
    dg.DagsterRunStatus.CANCELED,
)
PAGE = 100

MOST_RUNS = 2000
"""Deleted at a time; the rest follows the next day."""


def prune_runs(instance: dg.DagsterInstance, now: dt.datetime) -> int:
    """Delete finished automatic runs that are older than a week; returns their number.

    A run that made the newest materialization of some partition stays: without it the day would be
    shown as missing. A run whose check is the newest of its day and red stays too: the record of
    the check would be deleted with the run. Runs that a person has started, backfills, and runs of
    other code locations stay.
    """
    old = [
        run
        for run in _old_runs(instance, now - KEPT)
        if _started_by_itself(run) and has_own_job(run)
    ]
    doomed = [run for run in old if not (_is_shown(instance, run) or _is_red(instance, run))][
        :MOST_RUNS
    ]
    for run in doomed:
        _delete(instance, run.run_id)
    return len(doomed)


def _started_by_itself(run: dg.DagsterRun) -> bool:
    return any(tag in run.tags for tag in STARTED_BY_ITSELF)


def _old_runs(instance: dg.DagsterInstance, before: dt.datetime) -> Iterator[dg.DagsterRun]:
    """Finished runs that last changed before a moment, the newest first."""
    cursor: str | None = None
    wanted = dg.RunsFilter(statuses=list(FINISHED), updated_before=before)
    while runs := instance.get_runs(wanted, cursor=cursor, limit=PAGE):
        yield from runs
        cursor = runs[-1].run_id


def _is_shown(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Whether the run made the newest materialization of some partition."""
    records = instance.get_records_for_run(
        run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION
    ).records
    events = [record.event_log_entry.dagster_event for record in records]
    made = {(event.asset_key, event.partition) for event in events if event and event.asset_key}
    return any(_maker(instance, key, partition) == run.run_id for key, partition in made if key)


def _is_red(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Whether the run left a check red that no later run has executed again."""
    records = instance.get_records_for_run(
        run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION
    ).records
    events = [record.event_log_entry.dagster_event for record in records]
    found = [event.asset_check_evaluation_data for event in events if event]
    return any(not check.passed and _checker(instance, check) == run.run_id for check in found)


def _checker(instance: dg.DagsterInstance, check: dg.AssetCheckEvaluation) -> str | None:
    """The run that last executed a check of a partition."""
    newest = instance.event_log_storage.get_asset_check_execution_history(
        check.asset_check_key, limit=1, partition_filter=PartitionKeyFilter(key=check.partition)
    )
    return newest[0].run_id if newest else None


def _maker(instance: dg.DagsterInstance, key: dg.AssetKey, partition: str | None) -> str | None:
    """The run that made the newest materialization of a partition, or of an asset without any."""
    wanted = dg.AssetRecordsFilter(key, asset_partitions=None if partition is None else [partition])
    records = instance.fetch_materializations(wanted, limit=1).records
    return records[0].run_id if records else None


def _delete(instance: dg.DagsterInstance, run_id: str) -> None:
    """Delete a run's record, its events, and the files that Dagster would leave behind."""
    instance.delete_run(run_id)
    instance.compute_log_manager.delete_logs(prefix=[run_id])
    # on SQLite each run's events have a file of their own, which stays when it is emptied
    path_of = getattr(instance.event_log_storage, "path_for_shard", None)
    if path_of is not None:
        shard = Path(path_of(run_id))
        for path in (shard, *(shard.with_name(shard.name + end) for end in ("-wal", "-shm"))):
            path.unlink(missing_ok=True)
