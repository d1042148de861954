"""Queries on Dagster's record of runs, for sensors and housekeeping."""

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
"""A requested run may wait for its slot and has to load; then its heartbeat is in the store. After
that the heartbeat decides: a run whose process died stays "started" for hours."""


def starting_run(
    instance: dg.DagsterInstance,
    now: dt.datetime,
    tags: dict[str, str] | None = None,
    job_name: str | None = None,
) -> str | None:
    """The newest run of these tags or this job, if it is young and has not ended.

    Args:
        instance: Dagster's records.
        now: the time, aware.
        tags: tags that the run has; None for any.
        job_name: name of its job; None for any.

    Returns:
        The run's id, or None.
    """
    wanted = dg.RunsFilter(job_name=job_name, tags=tags, statuses=list(UNFINISHED))
    for record in instance.get_run_records(wanted, limit=1):
        # a run of the future was made while the clock ran ahead: it does not count
        if abs(now - record.create_timestamp) < TIME_TO_START:
            return record.dagster_run.run_id
    return None


HELPS_TAG = "trackflow/helps"
"""The tag of a helper: the id of the run that it helps, on another machine."""

OWN_TAG = "trackflow/subject"
"""Every job of trackflow's has it, so every run of one has."""

OLDER_OWN_TAGS = ("trackflow/kind", "trackflow/job_id")
"""Tags of runs of older versions, before `OWN_TAG`; runs of the live job had none."""


def has_own_job(run: dg.DagsterRun) -> bool:
    """Whether a job of trackflow's was run, and not one of a company that embeds it."""
    return run.job_name == "live_job" or any(tag in run.tags for tag in (OWN_TAG, *OLDER_OWN_TAGS))


def is_own_run(run: dg.DagsterRun, repository: dg.RepositoryDefinition | None) -> bool:
    """Whether a run is of trackflow's job, or of assets or checks of which some are trackflow's."""
    if has_own_job(run):
        return True
    if repository is None:
        return False
    graph = repository.asset_graph
    selected = {
        *(run.asset_selection or ()),
        *(check.asset_key for check in run.asset_check_selection or ()),
    }
    return any(graph.has(key) and "trackflow/stage" in graph.get(key).tags for key in selected)
