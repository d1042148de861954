"""Sensors of the intake: points of each day, the followed table, files in the inbox."""

import datetime as dt
import json
from typing import Any

import dagster as dg

from trackflow.defs.errors import tick
from trackflow.defs.intake.jobs import TAGS, import_inbox_job
from trackflow.defs.intake.observing import POINTS, arrival, observation
from trackflow.defs.intervals import interval_s
from trackflow.defs.partitions import may_be_shown
from trackflow.defs.resources import TrackflowResource
from trackflow.defs.runs import UNFINISHED
from trackflow.errors import SettingsError
from trackflow.usecases.days.waiting import find_arrivals
from trackflow.usecases.intake.day_versions import points_of_days
from trackflow.usecases.intake.following import FollowedSource, follow
from trackflow.usecases.intake.inbox import look

DAYS_PER_TICK = 400
"""A tick has 60 seconds; the rest of a large import is reported in the following ticks."""


FOLLOW_S = 20.0
"""Seconds of a tick's minute; the next tick goes on if the table holds more."""


@dg.sensor(
    name="gps_points_sensor",
    description="Counts the points of each day that got new ones, so that `gps_points` shows when "
    "data arrived and how much. Starts nothing.",
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    tags=TAGS,
)
@tick
def gps_points_sensor(
    context: dg.SensorEvaluationContext, trackflow: dg.ResourceParam[TrackflowResource]
) -> dg.SensorResult:
    """Observe days with new points, and keep the position in the cursor."""
    after, upto, reported = read_cursor(context.cursor)
    with trackflow.open() as trackflow_context:
        arrivals = find_arrivals(trackflow_context, after, upto)
        days = [
            day for day in arrivals.days if may_be_shown(day) and (not reported or day > reported)
        ]
        now, later = days[:DAYS_PER_TICK], days[DAYS_PER_TICK:]
        found = points_of_days(trackflow_context, now)
    if arrivals.upto == after:
        return dg.SensorResult(skip_reason="No new points.")
    cursor = write_cursor(after, arrivals.upto, now[-1]) if later else write_cursor(arrivals.upto)
    return dg.SensorResult(
        skip_reason=f"New points on {len(now)} days, {len(later)} more days follow.",
        cursor=cursor,
        asset_events=[
            event
            for day in now
            for event in (
                # the UI shows days with a materialization as there, and others as missing
                arrival(trackflow.key(POINTS), day, found[day]),
                observation(trackflow.key(POINTS), day, found[day]),
            )
        ],
    )


def read_cursor(text: str | None) -> tuple[int, int | None, dt.date | None]:
    """The last receipt that is reported; the one in progress, and the last day reported of it."""
    saved: dict[str, Any] = json.loads(text) if text else {}
    reported = saved.get("told")
    return (
        int(saved.get("after", 0)),
        saved.get("upto"),
        dt.date.fromisoformat(reported) if reported else None,
    )


def write_cursor(after: int, upto: int | None = None, reported: dt.date | None = None) -> str:
    """Make the cursor that `read_cursor` reads."""
    return json.dumps(
        {"after": after, "upto": upto, "told": reported.isoformat() if reported else None}
    )


@dg.sensor(
    name="followed_table_sensor",
    minimum_interval_seconds=interval_s(15, "TRACKFLOW_FOLLOW_URL"),
    default_status=dg.DefaultSensorStatus.RUNNING,
    tags=TAGS,
    description="Reads new rows of the SQL table that TRACKFLOW_FOLLOW_URL names, and stores them "
    "as points. Reading is quick, so the tick does it by itself; runs process the points.",
)
@tick
def followed_table_sensor(
    trackflow: dg.ResourceParam[TrackflowResource],
) -> dg.SkipReason:
    """Read new rows of the table for some seconds."""
    followed = FollowedSource.from_env()
    if followed is None:
        return dg.SkipReason("There is no table to follow: set TRACKFLOW_FOLLOW_URL.")
    with trackflow.open() as trackflow_context:
        report = follow(trackflow_context, followed, longest_s=FOLLOW_S)
    return dg.SkipReason(
        f"{report.rows:,} new rows in {report.source}: {report.accepted.added:,} points, "
        f"{report.accepted.refused:,} refused."
    )


@dg.sensor(
    name="inbox_sensor",
    job_name=import_inbox_job.name,  # by name: Dagster would copy the sensor, and warns as it does
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    tags=TAGS,
    description="Starts an import when new or changed files lie in the folder that TRACKFLOW_INBOX "
    "names. Files that are still being written wait.",
)
@tick
def inbox_sensor(
    context: dg.SensorEvaluationContext, trackflow: dg.ResourceParam[TrackflowResource]
) -> dg.RunRequest | dg.SkipReason:
    """Request a run if there are new files and no run is active."""
    filter_ = dg.RunsFilter(job_name=import_inbox_job.name)
    last = next(iter(context.instance.get_runs(filter_, limit=1)), None)
    if last is not None and last.status in UNFINISHED:
        return dg.SkipReason(f"Run {last.run_id[:8]} is importing.")
    try:
        with trackflow.open() as trackflow_context:
            found = look(trackflow_context)
    except SettingsError as error:
        return dg.SkipReason(f"{error}.")
    if not found.ready:
        written = f" {found.waiting} may still be being written." if found.waiting else ""
        return dg.SkipReason(f"No new files.{written}")
    # A key is remembered for ever: it keeps a tick that died half-way from requesting twice, and
    # the last run in it lets the same files be requested again after one that failed.
    run_key = f"{found.watermark}/{last.run_id[:8] if last else ''}"
    return dg.RunRequest(run_key=run_key, tags={"trackflow/files": str(len(found.ready))})
