"""Sensors that start processing: a live run for yesterday and today, runs for older days."""

import datetime as dt
from collections.abc import Sequence

import dagster as dg

from trackflow.defs.days.config import BatchChoice, DaysConfig
from trackflow.defs.days.jobs import (
    TAGS,
    OlderDaysConfig,
    live_job,
    process_days_job,
    process_older_days,
    process_older_days_job,
)
from trackflow.defs.days.running import SEGMENTS, STAGE_OF_ASSET
from trackflow.defs.errors import tick
from trackflow.defs.partitions import FIRST_DAY_TAG, LAST_DAY_TAG, has_partition
from trackflow.defs.resources import TrackflowResource
from trackflow.defs.runs import UNFINISHED, starting_run
from trackflow.usecases.days.live import live_worker
from trackflow.usecases.days.waiting import WaitingDays, find_waiting, first_live_day, ranges
from trackflow.usecases.roads.rematching import match_outdated_again

RUNS_PER_TICK = 3
"""The newest days first; older ones follow when these are done."""

FIRST_PAUSE_S, LONGEST_PAUSE_S = 30, 600
"""Pauses after failed runs; each further failure in a row doubles the pause."""

FAILURES_THAT_COUNT = 6

JOBS = (process_days_job.name, process_older_days_job.name)
"""The jobs that process days."""


@dg.sensor(
    name="live_sensor",
    job_name=live_job.name,  # by name: Dagster would copy the sensor, and warns as it does
    minimum_interval_seconds=5,
    default_status=dg.DefaultSensorStatus.RUNNING,
    tags=TAGS,
    description="Starts the live worker when points of yesterday or today arrived and none is "
    "running. Its heartbeat in the store decides, so a killed one is replaced in a minute.",
)
@tick
def live_sensor(
    context: dg.SensorEvaluationContext, trackflow: dg.ResourceParam[TrackflowResource]
) -> dg.RunRequest | dg.SkipReason:
    """Request a live run, unless one is active or requested, or nothing is pending."""
    with trackflow.open() as trackflow_context:
        now = trackflow_context.clock()
        worker = live_worker(trackflow_context)
        if worker is not None:
            return dg.SkipReason(f"The live worker is there, since {worker.started_at:%H:%M} UTC.")
        if starting := starting_run(context.instance, now, job_name=live_job.name):
            return dg.SkipReason(f"Run {starting[:8]} is about to begin.")
        if not find_waiting(trackflow_context, first=first_live_day(now)).days:
            return dg.SkipReason("No new points.")
    return dg.RunRequest()


@dg.sensor(
    name="pending_batches_sensor",
    job_name=process_days_job.name,  # by name: Dagster would copy the sensor, and warns as it does
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    tags=TAGS,
    description="Starts runs when points of older days arrived: many pending days become a "
    "few runs over ranges of days. Waits while such a run is going on, and after failures.",
)
@tick
def pending_batches_sensor(
    context: dg.SensorEvaluationContext, trackflow: dg.ResourceParam[TrackflowResource]
) -> list[dg.RunRequest] | dg.SkipReason:
    """Request a run, unless one is active, it is too early, or nothing is pending."""
    last_run = _last_run(context.instance, trackflow)
    if isinstance(last_run, dg.SkipReason):
        return last_run
    with trackflow.open() as trackflow_context:
        match_outdated_again(trackflow_context)  # the road engine may have been switched on again
        # newer days are the live worker's
        waiting = find_waiting(
            trackflow_context, last=first_live_day(trackflow_context.clock()) - dt.timedelta(days=1)
        )
    requests = requests_for(waiting, last_run, trackflow)
    return requests or dg.SkipReason(_why_nothing(waiting))


def requests_for(
    waiting: WaitingDays, last_run: str, trackflow: TrackflowResource
) -> list[dg.RunRequest]:
    """Requests of few runs for many days, the newest days first."""
    found = ranges([day for day in waiting.days if has_partition(day, trackflow.first_day)])
    only = [trackflow.key(SEGMENTS)] if waiting.segments_only else None
    return [
        _request(first, last, f"{waiting.watermark}/{last_run}", only)
        for first, last in reversed(found[-RUNS_PER_TICK:])
    ]


@dg.sensor(
    name="older_days_sensor",
    job_name=process_older_days_job.name,  # by name: Dagster would copy the sensor, and warn
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    tags=TAGS,
    description="Starts runs for days before the first partition, as points of any age may arrive "
    "while Dagster runs. Waits for runs on days, and after failures.",
)
@tick
def older_days_sensor(
    context: dg.SensorEvaluationContext, trackflow: dg.ResourceParam[TrackflowResource]
) -> list[dg.RunRequest] | dg.SkipReason:
    """Do one tick of `pending_batches_sensor`."""
    last_run = _last_run(context.instance, trackflow)
    if isinstance(last_run, dg.SkipReason):
        return last_run
    with trackflow.open() as trackflow_context:
        waiting = find_waiting(trackflow_context, last=trackflow.first_day - dt.timedelta(days=1))
    watermark = f"{waiting.watermark}/{last_run}"
    requests = [
        _request_older(first, last, watermark, waiting.segments_only)
        for first, last in reversed(ranges(waiting.days)[-RUNS_PER_TICK:])
    ]
    return requests or dg.SkipReason(f"Nothing is pending before {trackflow.first_day}.")


def _request_older(
    first: dt.date, last: dt.date, watermark: str, segments_only: bool
) -> dg.RunRequest:
    config = OlderDaysConfig(
        first=first.isoformat(), last=last.isoformat(), segments_only=segments_only
    )
    return dg.RunRequest(
        run_key=f"older/{first}/{last}/{watermark}",
        run_config=dg.RunConfig(ops={process_older_days.name: config}),
    )


def _request(
    first: dt.date, last: dt.date, watermark: str, only: list[dg.AssetKey] | None
) -> dg.RunRequest:
    """The request of a run over a range of days.

    Args:
        first: the first day.
        last: the last day, included.
        watermark: changes when the same days become pending again.
        only: these assets; None for all.
    """
    one_day = first == last
    return dg.RunRequest(
        # A key is remembered for ever. It keeps a tick that died half-way from requesting twice;
        # the watermark and the last run let the same days be requested again later.
        run_key=f"{first}/{last}/{watermark}",
        run_config=days_run_config("incremental"),
        partition_key=first.isoformat() if one_day else None,
        tags={}
        if one_day
        else {
            FIRST_DAY_TAG: first.isoformat(),
            LAST_DAY_TAG: last.isoformat(),
        },
        asset_selection=only,
    )


def days_run_config(mode: str) -> dg.RunConfig:
    """Run configuration of the job for a mode."""
    return dg.RunConfig(ops={"process_days": DaysConfig(mode=BatchChoice(mode))})


def _why_nothing(waiting: WaitingDays) -> str:
    if waiting.without_network:
        names = " and ".join(waiting.without_network)
        return (
            f"Days wait to be matched, but there is no road network for {names}: materialize "
            "road_network, or run `trackflow network build FILE.osm.pbf`."
        )
    return "Nothing is pending."


def _last_run(instance: dg.DagsterInstance, trackflow: TrackflowResource) -> str | dg.SkipReason:
    """The last run's id, or the reason that it is too early for the next one."""
    if busy := _unfinished_run(instance, trackflow):
        return dg.SkipReason(f"Run {busy[:8]} is processing days.")
    last_run, pause_s = _after_failures(instance)
    if pause_s > 0:
        return dg.SkipReason(f"The last run failed; next try in {pause_s:.0f} s.")
    return last_run


def _unfinished_run(instance: dg.DagsterInstance, trackflow: TrackflowResource) -> str | None:
    """The id of an active or queued run that processes days, however it was started."""
    keys = {trackflow.key(asset) for asset in STAGE_OF_ASSET}
    for run in instance.get_runs(dg.RunsFilter(statuses=list(UNFINISHED))):
        if run.job_name in JOBS or (run.asset_selection or set()) & keys:
            return run.run_id
    return None


def _after_failures(instance: dg.DagsterInstance) -> tuple[str, float]:
    """The last run's id, and the seconds still to wait because of failures in a row."""
    found = [
        record
        for name in JOBS
        for record in instance.get_run_records(
            dg.RunsFilter(job_name=name), limit=FAILURES_THAT_COUNT
        )
    ]
    records = sorted(found, key=lambda record: record.storage_id, reverse=True)
    if not records:
        return "", 0.0
    statuses = [record.dagster_run.status for record in records]
    ended = records[0].end_time or records[0].update_timestamp.timestamp()
    since_s = dt.datetime.now(dt.UTC).timestamp() - ended
    return records[0].dagster_run.run_id[:8], pause_s(statuses) - since_s


def pause_s(newest_first: Sequence[dg.DagsterRunStatus]) -> float:
    """Seconds to wait after the last run: more with every failure in a row."""
    failures = 0
    for status in newest_first:
        if status is not dg.DagsterRunStatus.FAILURE:
            break
        failures += 1
    return min(FIRST_PAUSE_S * 2 ** (failures - 1), LONGEST_PAUSE_S) if failures else 0.0
