"""Notifies people of failed runs."""

import dagster as dg

from trackflow.defs.housekeeping.jobs import TAGS
from trackflow.defs.housekeeping.retries import REPEATED
from trackflow.defs.partitions import DAY_TAG, FIRST_DAY_TAG, days_of_run
from trackflow.defs.resources import TrackflowResource
from trackflow.defs.runs import is_own_run
from trackflow.usecases.housekeeping.run_failures import RunFailure, notify_of_failure

NOTIFIED = "notified_at"
"""Metadata of a failed step that has notified people by itself."""


@dg.run_failure_sensor(
    name="run_failures_sensor",
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    tags=TAGS,
    description="Sends a message to the addresses in TRACKFLOW_NOTIFY_URLS when a run of "
    "trackflow's fails, once until the same job, of the same days, goes well again.",
)
def run_failures_sensor(
    context: dg.RunFailureSensorContext, trackflow: dg.ResourceParam[TrackflowResource]
) -> dg.SkipReason | None:
    """Notify people of one failed run."""
    run, settings = context.dagster_run, trackflow.settings
    if not is_own_run(run, context.repository_def):
        return dg.SkipReason(f"Run {run.run_id[:8]} is none of trackflow's.")
    if context.failure_event.message == REPEATED:
        return dg.SkipReason(f"Run {run.run_id[:8]} had failed before.")
    if not settings.notify_urls:
        return dg.SkipReason("No address to notify: TRACKFLOW_NOTIFY_URLS is not set.")
    if _is_told(context):
        return dg.SkipReason(f"{run.job_name} has failed, and a message of its own was sent.")
    if _failed_before(context.instance, run):
        return dg.SkipReason(f"{run.job_name} has failed before, and people were notified.")
    notify_of_failure(settings, RunFailure(run.run_id, run.job_name, _days(run), _reasons(context)))
    return None


def _is_told(context: dg.RunFailureSensorContext) -> bool:
    """Whether what failed has notified people by itself, as a requested mesh does."""
    failures = [event.step_failure_data for event in context.get_step_failure_events()]
    found = [data.user_failure_data.metadata for data in failures if data.user_failure_data]
    return bool(found) and all(NOTIFIED in metadata for metadata in found)


def _days(run: dg.DagsterRun) -> str:
    """The days of a run, or its partition."""
    found = days_of_run(run.tags)
    if found is None:
        return run.tags.get(DAY_TAG, "")
    first, last = found
    return f"{first}" if first == last else f"{first} to {last}"


def _reasons(context: dg.RunFailureSensorContext) -> tuple[str, ...]:
    """The message of each failed step, without its stack; which blocking checks are red."""
    steps = [_reason(event) for event in context.get_step_failure_events()]
    found = (*_red_checks(context.instance, context.dagster_run.run_id), *filter(None, steps))
    return found or (context.failure_event.message or "unknown",)


def _red_checks(instance: dg.DagsterInstance, run_id: str) -> list[str]:
    records = instance.get_records_for_run(
        run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION
    ).records
    events = [record.event_log_entry.dagster_event for record in records]
    checks = [event.asset_check_evaluation_data for event in events if event]
    return [
        f"{check.check_name} of {check.asset_key.to_user_string()} is red. {check.description}"
        for check in checks
        if check.blocking and not check.passed
    ]


def _reason(event: dg.DagsterEvent) -> str:
    data = event.step_failure_data
    if data.user_failure_data is not None and data.user_failure_data.description:
        return str(data.user_failure_data.description).strip()
    if data.error is None:
        return ""
    # its class and message, without the stack
    return " ".join((data.error.cause or data.error).message.split())


def _failed_before(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Whether the run before this one, of the same job, assets and days, has failed as well."""
    tags = {tag: run.tags[tag] for tag in (DAY_TAG, FIRST_DAY_TAG) if tag in run.tags}
    wanted = dg.RunsFilter(job_name=run.job_name, tags=tags or None)
    runs = [
        other
        for other in instance.get_runs(wanted, limit=20)
        if other.is_finished
        and _days(other) == _days(run)
        and other.asset_selection == run.asset_selection
    ]
    ids = [other.run_id for other in runs]
    before = runs[ids.index(run.run_id) + 1 :] if run.run_id in ids else []
    return bool(before) and before[0].status is dg.DagsterRunStatus.FAILURE
