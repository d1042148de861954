"""Other machines help with the days of a run: `TRACKFLOW_MACHINES` shares each run among so many.

A helper is a run of its own. It takes batches of the same days that nobody has claimed, and ends
when none are left. The run that it helps reports the days.
"""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import dagster as dg
from pydantic import Field

from trackflow.defs.days.jobs import TAGS, process_older_days, process_older_days_job
from trackflow.defs.days.sensors import processes_days
from trackflow.defs.errors import step, tick
from trackflow.defs.intervals import interval_s
from trackflow.defs.partitions import day_of, days_of_run
from trackflow.defs.resources import TrackflowResource
from trackflow.defs.runs import HELPS_TAG
from trackflow.usecases.days.report import counted
from trackflow.usecases.days.sharing import BatchSelection, run_shared
from trackflow.usecases.days.waiting import find_waiting

LEAST_BATCHES = 32
"""Device-days that are worth a helper: starting one takes seconds."""


class HelpConfig(dg.Config):
    """The days to help with."""

    first: str = Field(description="The first day, such as 2026-03-01.")
    last: str = Field(description="The last day, included.")


@dg.op(
    name="help_with_days",
    description="Takes pending device-days of a range that no other run has claimed, until none "
    "are left.",
)
@step
def help_with_days(
    context: dg.OpExecutionContext,
    config: HelpConfig,
    trackflow: dg.ResourceParam[TrackflowResource],
) -> None:
    """Work beside the run that was asked for these days."""
    selection = BatchSelection(day_of(config.first), day_of(config.last), None)
    with trackflow.open() as trackflow_context:
        report = run_shared(trackflow_context, selection, is_helper=True)
    for stage in report.stages:
        context.log.info(f"{stage.stage}: {counted(len(stage.days), 'device-day')} done here")


@dg.job(
    name="help_with_days_job",
    description="A share of another run's days, on another machine.",
    tags=TAGS | {"dagster/max_runtime": str(12 * 3600)},
)
def help_with_days_job() -> None:
    """One op."""
    help_with_days()


@dg.sensor(
    name="helpers_sensor",
    job_name=help_with_days_job.name,  # by name: Dagster would copy the sensor, and warn
    minimum_interval_seconds=interval_s(15, "TRACKFLOW_MACHINES"),
    default_status=dg.DefaultSensorStatus.RUNNING,
    tags=TAGS,
    description="Gives each run over many device-days its helpers on other machines, where "
    "`TRACKFLOW_MACHINES` is more than 1.",
)
@tick
def helpers_sensor(
    context: dg.SensorEvaluationContext, trackflow: dg.ResourceParam[TrackflowResource]
) -> list[dg.RunRequest] | dg.SkipReason:
    """Request helpers, once for each run."""
    helpers = trackflow.settings.machines - 1
    if not helpers:
        return dg.SkipReason("All work is done on one machine (TRACKFLOW_MACHINES).")
    requests = []
    for run in context.instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])):
        days = _days_of(run) if processes_days(run, trackflow) else None
        if days is None:
            continue
        with trackflow.open() as trackflow_context:
            waiting = find_waiting(trackflow_context, first=days[0], last=days[1])
        if waiting.batches >= LEAST_BATCHES:
            requests += list(_helpers(run.run_id, days, helpers))
    return requests or dg.SkipReason("No run has enough work to share.")


def _days_of(run: dg.DagsterRun) -> tuple[dt.date, dt.date] | None:
    """The first and last day of a run; None if it has none."""
    if run.job_name == process_older_days_job.name:
        ops: Any = run.run_config["ops"]
        config = ops[process_older_days.name]["config"]
        return day_of(config["first"]), day_of(config["last"])
    return days_of_run(run.tags)


def _helpers(run_id: str, days: tuple[dt.date, dt.date], count: int) -> Iterator[dg.RunRequest]:
    """Requests of the helpers of a run; Dagster remembers their keys, and starts each once."""
    config = HelpConfig(first=days[0].isoformat(), last=days[1].isoformat())
    for k in range(1, count + 1):
        yield dg.RunRequest(
            run_key=f"helps/{run_id}/{k}",
            run_config=dg.RunConfig(ops={help_with_days.name: config}),
            # dagster.yaml lets one run of a kind run at a time
            tags={HELPS_TAG: run_id, "trackflow/kind": f"helper-{k}"},
        )
