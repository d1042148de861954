"""What sensors ask of Dagster's record of runs."""

import datetime as dt

import dagster as dg

UNFINISHED = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)

TIME_TO_START = dt.timedelta(minutes=3)
"""A run that was requested may wait for its place and has to load; then its heart beats in the
store. After that the heartbeat decides: a run whose process died stays "started" for hours."""


def starting_run(
    instance: dg.DagsterInstance,
    now: dt.datetime,
    tags: dict[str, str] | None = None,
    job_name: str | None = None,
) -> str | None:
    """The newest run of these tags or this job, if it is young and has not ended."""
    wanted = dg.RunsFilter(job_name=job_name, tags=tags, statuses=list(UNFINISHED))
    for record in instance.get_run_records(wanted, limit=1):
        # one of the future was made while the clock ran ahead: it says nothing
        if abs(now - record.create_timestamp) < TIME_TO_START:
            return record.dagster_run.run_id
    return None
