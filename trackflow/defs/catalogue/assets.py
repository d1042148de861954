"""Assets of the catalogue: race tracks, their places, and visits to them."""

import datetime as dt
from collections.abc import Mapping

import dagster as dg
from pydantic import Field

from trackflow.context import Context
from trackflow.defs import metadata
from trackflow.defs.errors import StepError, step
from trackflow.defs.owners import OWNERS
from trackflow.defs.pools import CATALOGUE_SOURCE, GEOCODER
from trackflow.defs.resources import TrackflowResource
from trackflow.errors import SourceError, TrackflowError
from trackflow.usecases.catalogue.report import SyncOutcome, SyncReport
from trackflow.usecases.jobs.kinds import queue_job, run_job
from trackflow.usecases.places.geocoding import geocode
from trackflow.usecases.places.visits import count_visits, update_visits

GROUP = "catalogue"
CODE_VERSION = "1"
MOST_LOGGED = 20

FRESH = dt.timedelta(days=2)
"""A daily sync may fail once."""


class CatalogueConfig(dg.Config):
    """The source to sync."""

    source: str = Field(
        default="",
        description="`liverc`, or `file` for the list in TRACKFLOW_CATALOGUE_FILE. Empty: the "
        "first that is set up.",
    )
    approve: bool = Field(
        default=False,
        description="Go on although more than a tenth of the stored tracks are missing in the "
        "list. Look at the report of the sync that asked for it first.",
    )


@dg.asset(
    group_name=GROUP,
    owners=OWNERS,
    kinds={"python", "table"},
    tags={"trackflow/stage": "catalogue"},
    code_version=CODE_VERSION,
    metadata=metadata.of_table("catalogue_tracks"),
    pool=CATALOGUE_SOURCE,
    # a policy is useless for partitioned assets: a backfill of 2019 makes them fresh
    freshness_policy=dg.FreshnessPolicy.time_window(fail_window=FRESH),
    description="""
**Race tracks (places) as a source such as LiveRC lists them**, kept in step with it field by field.

A sync fetches the list and each track's own page, politely, checks every value, and writes what
differs. A list that is empty, cut off or an error page changes nothing; one that lacks more than a
tenth of the tracks waits for an approval (`approve` in the launchpad); a track is deactivated when
two lists in a row lack it. `trackflow catalogue undo` takes a sync back. The report is in the
metadata, on the page `/catalogue` and in `trackflow catalogue report`.
""",
)
@step(never_retried=(SourceError,))  # the sync has retried often enough
def track_catalogue(
    context: dg.AssetExecutionContext,
    config: CatalogueConfig,
    trackflow: dg.ResourceParam[TrackflowResource],
) -> dg.MaterializeResult[None]:
    """Sync one source; a sync that stops raises an error with its report."""
    by_schedule = "dagster/schedule_name" in context.run.tags
    parameters = {
        "source": config.source or None,
        "approve": config.approve,
        "trigger": "schedule" if by_schedule else "ui",
    }
    with trackflow.open() as trackflow_context:
        report = _synced(trackflow_context, parameters, context.run.run_id)
    values = describe(report)
    if report.outcome != SyncOutcome.COMPLETED:
        raise StepError(report.summary, metadata=values)
    context.log.info(report.summary)
    return dg.MaterializeResult(metadata=values)


def _synced(
    trackflow_context: Context, parameters: Mapping[str, object], run_id: str
) -> SyncReport:
    """Run a sync in this process; returns its report.

    Raises:
        TrackflowError: there is no report, for the reason that it gives.
    """
    job = queue_job(trackflow_context, "catalogue_sync", parameters)
    ended = run_job(trackflow_context, job.job_id, dagster_run_id=run_id)
    if ended is None:
        raise TrackflowError(f"another worker has taken over the job {job.job_id}")
    if ended.result is None:
        raise TrackflowError(ended.error or f"the job {job.job_id} is {ended.status.value}")
    return SyncReport.from_dict(ended.result)


def describe(report: SyncReport) -> dict[str, metadata.Value]:
    """A report as metadata: numbers that plot, and all of it as Markdown."""
    values: dict[str, metadata.Value] = {
        "source": report.source,
        "sync_id": report.sync_id,
        "report": dg.MetadataValue.md(report.to_markdown()),
        "dagster/row_count": report.active_now,
        "listed": report.listed,
        "added": report.added,
        "changed": report.changed,
        "unchanged": report.unchanged,
        "deactivated": report.deactivated,
        "reactivated": report.reactivated,
        "missed_once": report.missed_once,
        "failed": report.failed,
        "anomalies": report.anomaly_count,
    }
    if report.finished_at is not None:
        values["seconds"] = round((report.finished_at - report.started_at).total_seconds(), 2)
    values |= {
        f"seconds/{stage}": round(elapsed_s, 3) for stage, elapsed_s in report.stages.items()
    }
    for name, share in report.completeness.items():
        now = share.get("now")
        if now is not None:
            values[f"completeness/{name}"] = round(now, 4)
    return values


@dg.asset(
    group_name=GROUP,
    owners=OWNERS,
    kinds={"python", "table"},
    tags={"trackflow/stage": "places"},
    code_version=CODE_VERSION,
    deps=[track_catalogue],
    metadata=metadata.of_table("catalogue_places"),
    pool=GEOCODER,
    description="""
**Where race tracks are** whose source says only their address. Off unless a geocoder is set up:
`TRACKFLOW_GEOCODER_URL` names a Nominatim (or `photon+https://…`) server, `TRACKFLOW_GEOCODER_FILE`
a CSV file with slug or address, lon and lat, which counts first.

Each address is requested once, at one request per second, and again only when it changes. A
geocoder that is slow or away delays no sync: the next run goes on.
""",
)
@step(never_retried=(SourceError,))
def track_places(
    context: dg.AssetExecutionContext, trackflow: dg.ResourceParam[TrackflowResource]
) -> dg.MaterializeResult[None]:
    """Request the addresses that have no answer yet."""
    with trackflow.open() as trackflow_context:
        report = geocode(trackflow_context)
        is_on = bool(
            trackflow_context.settings.geocoder_url or trackflow_context.settings.geocoder_file
        )
    for failure in report.failures[:MOST_LOGGED]:
        context.log.warning(failure)
    return dg.MaterializeResult(
        metadata={
            "geocoder": "set up" if is_on else "none: set TRACKFLOW_GEOCODER_URL",
            "tracks_without_coordinates": report.tracks,
            "dagster/row_count": report.found,
            "asked": report.asked,
            "unknown": report.unknown,
            "without_address": report.without_address,
            "failures": len(report.failures),
        }
    )


@dg.asset(
    group_name=GROUP,
    owners=OWNERS,
    kinds={"python", "geopandas", "table"},
    tags={"trackflow/stage": "visits"},
    code_version=CODE_VERSION,
    deps=[track_places, "segments"],
    metadata=metadata.of_table("catalogue_visits"),
    description="""
**Which device stayed at which race track, from when to when**: within `TRACKFLOW_VISIT_RADIUS_M` of
its place for at least `TRACKFLOW_VISIT_MIN` minutes.

Only days that have changed, or all if a race track's place has, are looked at again; the result
does not depend on how the work was cut up. Visits are on the map page, at `/api/v1/visits` and in
`trackflow export visits`.
""",
)
@step
def track_visits(
    context: dg.AssetExecutionContext, trackflow: dg.ResourceParam[TrackflowResource]
) -> dg.MaterializeResult[None]:
    """Find the visits of changed days."""
    with trackflow.open() as trackflow_context:
        report = update_visits(trackflow_context)
        stored = count_visits(trackflow_context)
    context.log.info(f"{report.device_days:,} device-days, {report.changed:,} visits differ")
    return dg.MaterializeResult(
        metadata={
            "places": report.places,
            "device_days": report.device_days,
            "visits_changed": report.changed,
            "dagster/row_count": stored,
        }
    )
