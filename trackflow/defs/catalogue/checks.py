"""Checks of the catalogue: fresh, complete, and not suddenly smaller."""

import dagster as dg

from trackflow.context import Context
from trackflow.defs import metadata
from trackflow.defs.catalogue.assets import FRESH, track_catalogue
from trackflow.defs.errors import step
from trackflow.defs.resources import TrackflowResource
from trackflow.usecases.catalogue.report import SyncOutcome, SyncReport, last_reports
from trackflow.usecases.catalogue.sources import sources
from trackflow.usecases.catalogue.status import status

IMPORTANT = ("address", "city", "country")
SMALLEST_SHARE = 0.5
MOST_LOST = 0.1
"""Largest loss from one sync to the next, of a field's share or of all tracks."""

WARN = dg.AssetCheckSeverity.WARN


@dg.asset_check(
    asset=track_catalogue,
    description=f"The last sync of each source that went well is at most {FRESH.days} days old.",
)
@step
def catalogue_is_fresh(
    _context: dg.AssetCheckExecutionContext, trackflow: dg.ResourceParam[TrackflowResource]
) -> dg.AssetCheckResult:
    """Compare the time of the last good sync with now."""
    values: dict[str, metadata.Value] = {}
    late = []
    with trackflow.open() as trackflow_context:
        for name in _synced_sources(trackflow_context):
            last = status(trackflow_context, name).last_completed_at
            if last is not None:
                values[f"{name}_hours"] = round(
                    (trackflow_context.clock() - last).total_seconds() / 3600, 2
                )
            if last is None or trackflow_context.clock() - last > FRESH:
                late.append(name)
    description = (
        f"not synced for more than {FRESH.days} days: {', '.join(late)}" if late else "fresh"
    )
    return dg.AssetCheckResult(
        passed=not late, severity=WARN, metadata=values, description=description
    )


@dg.asset_check(
    asset=track_catalogue,
    description=f"{', '.join(IMPORTANT).capitalize()} are known of at least {SMALLEST_SHARE:.0%} "
    f"of the tracks, and of not much fewer than before.",
)
@step
def catalogue_is_complete(
    _context: dg.AssetCheckExecutionContext, trackflow: dg.ResourceParam[TrackflowResource]
) -> dg.AssetCheckResult:
    """Compare the shares in each source's last good report with a minimum."""
    values: dict[str, metadata.Value] = {}
    poor = []
    with trackflow.open() as trackflow_context:
        for name in _synced_sources(trackflow_context):
            for report in _good(trackflow_context, name)[:1]:
                for field in IMPORTANT:
                    share = report.completeness.get(field, {})
                    now, before = share.get("now"), share.get("before")
                    if now is None:
                        continue
                    values[f"{name}/{field}"] = round(now, 4)
                    if now < SMALLEST_SHARE or (before is not None and before - now > MOST_LOST):
                        poor.append(f"{field} of {name} ({now:.0%})")
    description = f"little is known: {', '.join(poor)}" if poor else "complete enough"
    return dg.AssetCheckResult(
        passed=not poor, severity=WARN, metadata=values, description=description
    )


@dg.asset_check(
    asset=track_catalogue,
    description=f"No source has lost more than {MOST_LOST:.0%} of its tracks by its last sync.",
)
@step
def catalogue_has_not_shrunk(
    _context: dg.AssetCheckExecutionContext, trackflow: dg.ResourceParam[TrackflowResource]
) -> dg.AssetCheckResult:
    """Compare the counts of each source's last two good reports."""
    values: dict[str, metadata.Value] = {}
    shrunk = []
    with trackflow.open() as trackflow_context:
        for name in _synced_sources(trackflow_context):
            reports = _good(trackflow_context, name)[:2]
            if not reports:
                continue
            now = reports[0].active_now
            before = reports[1].active_now if len(reports) > 1 else reports[0].active_before
            values |= {f"{name}/now": now, f"{name}/before": before}
            if now < before * (1 - MOST_LOST):
                shrunk.append(f"{name} from {before:,} to {now:,}")
    description = f"fewer tracks: {', '.join(shrunk)}" if shrunk else "as many tracks as before"
    return dg.AssetCheckResult(
        passed=not shrunk, severity=WARN, metadata=values, description=description
    )


def _synced_sources(trackflow_context: Context) -> list[str]:
    """Sources with at least one sync, successful or not."""
    return [
        name
        for name in sources(trackflow_context.settings)
        if last_reports(trackflow_context, name, 1)
    ]


def _good(trackflow_context: Context, source: str) -> list[SyncReport]:
    """The last completed syncs of a source that were not undone, the newest first."""
    return [
        report
        for report in last_reports(trackflow_context, source, 50)
        if report.outcome == SyncOutcome.COMPLETED and report.undone_at is None
    ]
