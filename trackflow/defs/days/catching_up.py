"""Reports days to Dagster that were made outside of its runs: by command, API, `serve --light`.

A day is reported once for each state of it: the materialization bears the state as a tag, and a day
that Dagster has got after the last work on it is known already, as its own runs report what they
make. Days that a run is making now wait for the report of that run.
"""

import datetime as dt
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import dagster as dg

from trackflow.context import Context
from trackflow.defs.categories.checks import CATEGORY_CHECKS
from trackflow.defs.categories.reporting import numbers_of_days
from trackflow.defs.days.checks import DAY_CHECKS, DAYS_WITHOUT_PARTITION, evaluation
from trackflow.defs.days.jobs import TAGS, live_job
from trackflow.defs.days.numbers import Metadata, match_metadata, segment_metadata, track_metadata
from trackflow.defs.days.reporting import ObservedPoints
from trackflow.defs.days.running import CATEGORIZED, STAGE_OF_ASSET, TRACKS
from trackflow.defs.days.sensors import processes_days
from trackflow.defs.errors import tick
from trackflow.defs.intake.observing import POINTS, new_observations, newest_observation
from trackflow.defs.partitions import days_of_run
from trackflow.defs.resources import TrackflowResource
from trackflow.defs.roads.assets import report_networks
from trackflow.defs.runs import UNFINISHED
from trackflow.geo.time import ONE_DAY, runs_of_days
from trackflow.usecases.categories.following import days_to_follow
from trackflow.usecases.days.checks import newest_day
from trackflow.usecases.days.made import BEGINNING, MadeDay, Position, made_after
from trackflow.usecases.intake.day_versions import points_of_days

DAYS_AT_A_TIME = 50

TICK_S = 30.0
"""Seconds after which a tick stops; it has 60, and the next one goes on."""

STATE_TAG = "trackflow/state"
"""Tag of a materialization with the state of the day that it reports."""

NUMBERS = dict(zip(STAGE_OF_ASSET, (segment_metadata, match_metadata, track_metadata), strict=True))

type Event = dg.AssetMaterialization | dg.AssetObservation | dg.AssetCheckEvaluation


@dg.sensor(
    name="made_days_sensor",
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    tags=TAGS,
    description="Shows what was made without Dagster: days by `trackflow run`, by API or by "
    "`trackflow serve --light`, and road networks. Starts nothing.",
)
@tick
def made_days_sensor(
    context: dg.SensorEvaluationContext, trackflow: dg.ResourceParam[TrackflowResource]
) -> dg.SensorResult:
    """Report what is new, and keep the position in the cursor."""
    until_s = time.monotonic() + TICK_S
    position, reported = read_cursor(context.cursor), 0
    with trackflow.open() as trackflow_context:
        report_networks(context.instance, trackflow, trackflow_context)
        made = _Made(context.instance, trackflow, trackflow_context)
        busy = _days_of_runs(context.instance, trackflow)
        today, is_held = trackflow_context.clock().date(), False
        while time.monotonic() < until_s and not is_held:
            found = made_after(trackflow_context, position, DAYS_AT_A_TIME, today)
            if not found:
                break
            free = [day for day in found if not _is_in(day.day, busy)]
            reported += made.report(free)
            # what is held back by a run is looked at again, with all that comes after it
            is_held = len(free) < len(found)
            position = found[-1].position if not is_held else position
    return dg.SensorResult(
        skip_reason=f"{reported:,} days were made elsewhere." if reported else "Nothing new.",
        cursor=write_cursor(position),
    )


def read_cursor(text: str | None) -> Position:
    """The position that `write_cursor` wrote; the beginning without one."""
    if not text:
        return BEGINNING
    saved = json.loads(text)
    day = dt.date.fromisoformat(saved["day"])
    return Position(dt.datetime.fromisoformat(saved["moment"]), day)


def write_cursor(position: Position) -> str:
    """Make the cursor that `read_cursor` reads."""
    return json.dumps({"moment": position.moment.isoformat(), "day": position.day.isoformat()})


type Range = tuple[dt.date, dt.date]


def _days_of_runs(instance: dg.DagsterInstance, trackflow: TrackflowResource) -> list[Range]:
    """The days that runs are making now, and will report themselves."""
    found = []
    for record in instance.get_run_records(dg.RunsFilter(statuses=list(UNFINISHED))):
        run = record.dagster_run
        if run.job_name == live_job.name:
            found.append((record.create_timestamp.date() - ONE_DAY, dt.date.max))
        elif processes_days(run, trackflow):
            # one without partitions makes days before the first one
            found.append(days_of_run(run.tags) or (dt.date.min, trackflow.first_day))
    return found


def _is_in(day: dt.date, ranges: Sequence[Range]) -> bool:
    return any(first <= day <= last for first, last in ranges)


@dataclass(frozen=True, slots=True)
class _Made:
    """What was made, for the records of an instance."""

    instance: dg.DagsterInstance
    resource: TrackflowResource
    trackflow: Context

    def report(self, made: Sequence[MadeDay]) -> int:
        """Report those days that Dagster does not have as they are; returns their number."""
        wanted = {asset: self._unknown(asset, made) for asset in (*STAGE_OF_ASSET, CATEGORIZED)}
        days = sorted({day for states in wanted.values() for day in states})
        if not days:
            return 0
        observed = self._observe(days)
        newest = newest_day(self.trackflow) or days[-1]
        unchecked = newest - dt.timedelta(days=DAYS_WITHOUT_PARTITION)
        for asset, states in wanted.items():
            numbers = self._numbers(asset, sorted(states))
            for day in sorted(states):
                self.instance.report_runless_asset_event(
                    dg.AssetMaterialization(
                        self.resource.key(asset),
                        partition=day.isoformat(),
                        metadata=numbers[day],
                        tags={STATE_TAG: states[day]} | observed.tags_of(asset, day),
                    )
                )
            # of a long history the newest days only: each takes as long as its day
            for day in sorted(day for day in states if day > unchecked):
                for event in self._checks(asset, day):
                    self.instance.report_runless_asset_event(event)
        return len(days)

    def _unknown(self, asset: str, made: Sequence[MadeDay]) -> dict[dt.date, str]:
        """The states of those days of an asset that Dagster has not, or had before."""
        stage = STAGE_OF_ASSET.get(asset, STAGE_OF_ASSET[TRACKS])
        done = {day.day: day for day in made if stage in day.done}
        if asset == CATEGORIZED and done:
            # what is still due is made by a run of its own
            for day in days_to_follow(self.trackflow, first=min(done), last=max(done)):
                done.pop(day, None)
        key, kind = self.resource.key(asset), dg.DagsterEventType.ASSET_MATERIALIZATION
        reported = self.instance.event_log_storage.get_latest_storage_id_by_partition(
            key, kind, {day.isoformat() for day in done}
        )
        return {
            day: found.done[stage]
            for day, found in done.items()
            if day.isoformat() not in reported or not self._is_known(key, found, stage)
        }

    def _is_known(self, key: dg.AssetKey, made: MadeDay, stage: str) -> bool:
        """Whether the newest report of a day is of its present state, or later than its making."""
        wanted = dg.AssetRecordsFilter(key, asset_partitions=[made.day.isoformat()])
        for record in self.instance.fetch_materializations(wanted, limit=1).records:
            shown = record.asset_materialization
            state = (shown.tags or {}).get(STATE_TAG) if shown is not None else None
            at = dt.datetime.fromtimestamp(record.timestamp, dt.UTC)
            return state == made.done[stage] or at >= made.position.moment
        return False

    def _observe(self, days: Sequence[dt.date]) -> ObservedPoints:
        """Note the points that these days were made of."""
        key, found = self.resource.key(POINTS), points_of_days(self.trackflow, days)
        for event in new_observations(self.instance, key, found):
            self.instance.report_runless_asset_event(event)
        return ObservedPoints(key, found, newest_observation(self.instance, key))

    def _numbers(self, asset: str, days: Sequence[dt.date]) -> dict[dt.date, Metadata]:
        if asset == CATEGORIZED:
            return numbers_of_days(self.trackflow, days)
        found: dict[dt.date, Metadata] = {}
        for first, last in runs_of_days(days):
            found |= NUMBERS[asset](self.trackflow, first, last)
        return found

    def _checks(self, asset: str, day: dt.date) -> Iterator[dg.AssetCheckEvaluation]:
        key = self.resource.key(asset)
        for check in (*DAY_CHECKS, *CATEGORY_CHECKS):
            if check.asset == asset:
                yield evaluation(check, key, self.instance, self.trackflow, day)
