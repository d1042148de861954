"""The sensor that starts following: after tracks, rules, places or corrections have changed."""

import hashlib

import dagster as dg

from trackflow.defs.categories.jobs import TAGS, categorize_days_job
from trackflow.defs.errors import tick
from trackflow.defs.partitions import FIRST_DAY_TAG, LAST_DAY_TAG, ONE_DAY, has_partition
from trackflow.defs.resources import TrackflowResource
from trackflow.defs.runs import UNFINISHED
from trackflow.usecases.categories.following import days_to_follow
from trackflow.usecases.days.live import live_worker
from trackflow.usecases.days.waiting import first_live_day, ranges

RUNS_PER_TICK = 3
"""The newest days first; older ones follow when these are done."""

PAUSE_S = 1800
"""The same days are requested again so many seconds later, if a run did not make them."""


@dg.sensor(
    name="due_categories_sensor",
    job_name=categorize_days_job.name,  # by name: Dagster would copy the sensor, and warns
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    tags=TAGS,
    description="Starts runs for days whose tracks, rules, places or corrections have changed "
    "since they were categorized. Waits while such a run is going on.",
)
@tick
def due_categories_sensor(
    context: dg.SensorEvaluationContext, trackflow: dg.ResourceParam[TrackflowResource]
) -> list[dg.RunRequest] | dg.SkipReason:
    """Request runs over ranges of days, unless one is active or nothing is due."""
    wanted = dg.RunsFilter(job_name=categorize_days_job.name)
    for record in context.instance.get_run_records(wanted, limit=1):
        if record.dagster_run.status in UNFINISHED:
            return dg.SkipReason(f"Run {record.dagster_run.run_id[:8]} is categorizing tracks.")
    with trackflow.open() as trackflow_context:
        is_live = live_worker(trackflow_context) is not None
        # the live worker follows the tracks that it has made
        last = first_live_day(trackflow_context.clock()) - ONE_DAY if is_live else None
        due = [
            day
            for day in days_to_follow(trackflow_context, last=last)
            if has_partition(day, trackflow.first_day)
        ]
        slot = int(trackflow_context.clock().timestamp() // PAUSE_S)
    if not due:
        return dg.SkipReason("Nothing has changed.")
    # a key is remembered for ever: days that are still due are requested again after a pause
    listed = hashlib.blake2b(" ".join(map(str, due)).encode(), digest_size=8).hexdigest()
    return [
        dg.RunRequest(
            run_key=f"{first}/{last}/{listed}/{slot}",
            partition_key=first.isoformat() if first == last else None,
            tags={}
            if first == last
            else {FIRST_DAY_TAG: first.isoformat(), LAST_DAY_TAG: last.isoformat()},
        )
        for first, last in reversed(ranges(due)[-RUNS_PER_TICK:])
    ]
