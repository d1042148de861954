"""Schedules of the catalogue: syncs, checks, geocoding and visits."""

import dagster as dg

from trackflow.catalogue.sources.liverc import DASHBOARD_URL, LIST_URL
from trackflow.defs.catalogue.assets import CatalogueConfig
from trackflow.defs.catalogue.jobs import (
    CHECK_CATALOGUE_JOB,
    TAGS,
    find_visits_job,
    sync_catalogue_job,
)
from trackflow.defs.errors import tick
from trackflow.defs.resources import TrackflowResource
from trackflow.usecases.catalogue.sources import configured
from trackflow.usecases.places.visits import days_due

NO_SOURCE = (
    "No source of race tracks is set up, and no site is asked without one. For LiveRC, set "
    f"TRACKFLOW_LIVERC_URL to '{LIST_URL} {DASHBOARD_URL}'; for a list of your own, set "
    "TRACKFLOW_CATALOGUE_FILE to a JSON or CSV file or its address."
)


@dg.schedule(
    name="catalogue_schedule",
    job_name=sync_catalogue_job.name,
    cron_schedule="40 3 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    tags=TAGS,
    description="Brings the race tracks of each source in step with it, once a day. Does nothing "
    "unless a source is set up.",
)
@tick
def catalogue_schedule(
    context: dg.ScheduleEvaluationContext, trackflow: dg.ResourceParam[TrackflowResource]
) -> list[dg.RunRequest] | dg.SkipReason:
    """Request a run for each source."""
    moment = context.scheduled_execution_time.isoformat()
    return [
        dg.RunRequest(
            run_key=f"{name} {moment}",
            run_config=dg.RunConfig(ops={"track_catalogue": CatalogueConfig(source=name)}),
            tags={"trackflow/catalogue_source": name},
        )
        for name in configured(trackflow.settings)
    ] or dg.SkipReason(NO_SOURCE)


@dg.schedule(
    name="catalogue_checks_schedule",
    job_name=CHECK_CATALOGUE_JOB,
    cron_schedule="40 9 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    tags=TAGS,
    description="Checks the catalogue once a day, so that a sync that never goes well is seen.",
)
@tick
def catalogue_checks_schedule(
    trackflow: dg.ResourceParam[TrackflowResource],
) -> dg.RunRequest | dg.SkipReason:
    """Request the checks if a source is set up."""
    return dg.RunRequest() if configured(trackflow.settings) else dg.SkipReason(NO_SOURCE)


@dg.schedule(
    name="visits_schedule",
    job_name=find_visits_job.name,
    cron_schedule="*/15 * * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    tags=TAGS,
    description="Finds visits to race tracks on days that have changed, every quarter of an hour.",
)
@tick
def visits_schedule(
    trackflow: dg.ResourceParam[TrackflowResource],
) -> dg.RunRequest | dg.SkipReason:
    """Request a run if there are days to process."""
    with trackflow.open() as trackflow_context:
        if not days_due(trackflow_context):
            return dg.SkipReason("No day has changed, or no race track's place is known.")
    return dg.RunRequest()
