"""From a step's days to runs of the pipeline, and from its reports to what the UI shows."""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import dagster as dg

from trackflow.context import Context
from trackflow.defs import metadata
from trackflow.defs.days.config import DaysConfig
from trackflow.defs.partitions import day_of
from trackflow.defs.resources import MOST_RETRIES, RETRY_AFTER_S
from trackflow.exports.day_picture import draw_day
from trackflow.geo.time import ONE_DAY, days_between, runs_of_days
from trackflow.tracks.notices import Notice
from trackflow.usecases.days import run as pipeline
from trackflow.usecases.days.notices import notices_by_day
from trackflow.usecases.days.report import (
    STAGES,
    DayReport,
    RunReport,
    StageReport,
    distinct_messages,
)
from trackflow.usecases.queries.day_summary import (
    day_lines,
    match_numbers,
    segment_numbers,
    track_numbers,
)

STAGE_OF_ASSET = dict(zip(("segments", "matched_polylines", "tracks"), STAGES, strict=True))
"""Which stage of the pipeline makes which asset."""

TRACKS = "tracks"
SUMS = ("tracks", "devices", "distance_km", "driven_h", "longest_km", "time_zone")
MOST_MESSAGES = 10

type DagsterContext = dg.AssetExecutionContext | dg.OpExecutionContext


@dataclass(slots=True)
class Outcome:
    """What the pipeline did with the days of a step."""

    days: list[dt.date]
    assets: list[str]
    report: RunReport

    def of(self, asset: str, day: dt.date) -> list[DayReport]:
        """What was done for one day of one asset."""
        return self.report[STAGE_OF_ASSET[asset]].of_day(day).days

    def of_days_worked_on(self) -> "Outcome":
        """Without the days on which there was nothing to do."""
        worked_on = {report.day for stage in self.report.stages for report in stage.days}
        return Outcome([d for d in self.days if d in worked_on], self.assets, self.report)

    def is_incomplete(self, asset: str, day: dt.date) -> bool:
        """Whether a day must not be shown as done: some of it failed, or all of it waits.

        Where a few batches wait (a bicycle without a network for bicycles) the others are done,
        and say so; `match_share` tells of those that wait.
        """
        reports = self.of(asset, day)
        if any(report.error and not report.deferred for report in reports):
            return True
        return bool(reports) and all(report.deferred for report in reports)


def run_days(
    context: dg.AssetExecutionContext, trackflow_context: Context, config: DaysConfig
) -> Outcome:
    """Run the selected assets' stages over the step's days."""
    days = [day_of(key) for key in context.partition_keys]
    wanted = {key.to_user_string() for key in context.selected_asset_keys}
    assets = [asset for asset in STAGE_OF_ASSET if asset in wanted]
    return run_stages(context, trackflow_context, days, assets, config.mode.value, config.device_id)


def run_stages(
    context: DagsterContext,
    trackflow_context: Context,
    days: list[dt.date],
    assets: list[str],
    mode: str,
    device_id: str = "",
) -> Outcome:
    """Run the stages of some assets over some days.

    Args:
        context: of the step, which shows the progress.
        trackflow_context: the store and engines.
        days: in order.
        assets: names of assets, in the order of their stages.
        mode: "bulk" or "incremental".
        device_id: only this device; empty for all.

    Raises:
        TrackflowError: the store is away, or the pipeline refuses.
    """
    report = RunReport([StageReport(STAGE_OF_ASSET[asset]) for asset in assets])
    tell = _Progress(context)
    for first, last in runs_of_days(days):
        part = pipeline.run(
            trackflow_context,
            mode=pipeline.Mode(mode),
            first=first,
            last=last,
            device_id=device_id or None,
            stages=[STAGE_OF_ASSET[asset] for asset in assets],
            progress=tell,
        )
        for whole, new in zip(report.stages, part.stages, strict=True):
            whole.days += new.days
            whole.seconds += new.seconds
    return Outcome(days, assets, report)


class _Progress:
    """Logs each stage's progress in tenths: every batch would fill the event log."""

    def __init__(self, context: DagsterContext) -> None:
        self.context = context
        self.told: dict[str, int] = {}

    def __call__(self, stage: str, done: int, total: int) -> None:
        tenth = done * 10 // total if total else 10
        if tenth > self.told.get(stage, 0):
            self.told[stage] = tenth
            self.context.log.info(f"{stage}: {done:,} of {total:,} device-days")


def report_days(
    context: dg.AssetExecutionContext, trackflow_context: Context, outcome: Outcome
) -> Iterator[dg.MaterializeResult[None] | dg.AssetMaterialization]:
    """Yield what was done; raise at the end if something was not.

    Raises:
        RetryRequested: everything that is missing may go well in a moment.
        Failure: some days are incomplete. Those that are complete have been reported.
    """
    numbers = {asset: day_metadata(trackflow_context, asset, outcome) for asset in outcome.assets}
    for materialization in changed_beside(context.instance, trackflow_context, outcome):
        context.log_event(materialization)
    incomplete = incomplete_days(outcome)
    if not incomplete:
        for asset in outcome.assets:
            for day in outcome.days:
                context.add_asset_metadata(numbers[asset][day], asset, day.isoformat())
            yield dg.MaterializeResult(asset_key=asset)
        return
    failure = failure_of(outcome, incomplete)
    if failure.allow_retries and context.retry_number < MOST_RETRIES:
        raise dg.RetryRequested(MOST_RETRIES, RETRY_AFTER_S) from failure
    # A result would tell of all days of the step: complete ones are told of one by one.
    for asset in outcome.assets:
        for day in outcome.days:
            if (asset, day) not in incomplete:
                yield dg.AssetMaterialization(
                    asset, partition=day.isoformat(), metadata=numbers[asset][day]
                )
    raise failure


def changed_beside(
    instance: dg.DagsterInstance, trackflow_context: Context, outcome: Outcome
) -> Iterator[dg.AssetMaterialization]:
    """Days that were not asked for, but hold a part of a journey that was made anew.

    A journey is merged as a whole, so its kilometres on the day before may change with this one's
    points: what the UI shows of that day would be out of date. In a zone other than UTC the days
    beside a partition hold some of its hours as well.
    """
    if TRACKS not in outcome.assets:
        return
    reach = 0 if trackflow_context.settings.time_zone == "UTC" else 1
    beside: set[dt.date] = set()
    for report in outcome.report[STAGE_OF_ASSET[TRACKS]].days:
        if report.changed and report.touched:
            first, last = report.touched
            beside.update(days_between(first - reach * ONE_DAY, last + reach * ONE_DAY))
    for day in sorted(beside - set(outcome.days)):
        told = _told(instance, day)
        if told is None:
            continue
        numbers = _tracks(trackflow_context, day, day)[day]
        if any(told.get(name) != numbers[name] for name in SUMS):
            yield dg.AssetMaterialization(TRACKS, partition=day.isoformat(), metadata=numbers)


def _told(instance: dg.DagsterInstance, day: dt.date) -> dict[str, object] | None:
    """What the UI shows of a day of tracks; None if it was never made."""
    wanted = dg.AssetRecordsFilter(dg.AssetKey(TRACKS), asset_partitions=[day.isoformat()])
    for record in instance.fetch_materializations(wanted, limit=1).records:
        if record.asset_materialization is not None:
            shown = record.asset_materialization.metadata
            return {name: value.value for name, value in shown.items()}
    return None


def incomplete_days(outcome: Outcome) -> list[tuple[str, dt.date]]:
    """Assets and days that must not be shown as done."""
    return [
        (asset, day)
        for asset in outcome.assets
        for day in outcome.days
        if outcome.is_incomplete(asset, day)
    ]


def log_complete_days(
    context: dg.OpExecutionContext, trackflow_context: Context, outcome: Outcome
) -> None:
    """Tell of each complete day of each asset, from a run without partitions.

    Dagster shows days that have no partition as soon as it has one for them.
    """
    for asset in outcome.assets if outcome.days else ():
        numbers = day_metadata(trackflow_context, asset, outcome)
        for day in outcome.days:
            if not outcome.is_incomplete(asset, day):
                context.log_event(
                    dg.AssetMaterialization(asset, partition=day.isoformat(), metadata=numbers[day])
                )
    for materialization in changed_beside(context.instance, trackflow_context, outcome):
        context.log_event(materialization)


def log_days(context: dg.OpExecutionContext, trackflow_context: Context, outcome: Outcome) -> None:
    """As `log_complete_days`; raise at the end if other days are not complete.

    Raises:
        RetryRequested: everything that is missing may go well in a moment.
        Failure: some days are incomplete.
    """
    log_complete_days(context, trackflow_context, outcome)
    if incomplete := incomplete_days(outcome):
        failure = failure_of(outcome, incomplete)
        if failure.allow_retries and context.retry_number < MOST_RETRIES:
            raise dg.RetryRequested(MOST_RETRIES, RETRY_AFTER_S) from failure
        raise failure


def failure_of(outcome: Outcome, incomplete: Sequence[tuple[str, dt.date]]) -> dg.Failure:
    """What went wrong, in words that say what to do; retried only where that may help."""
    reports = [r for asset, day in incomplete for r in outcome.of(asset, day) if r.error]
    messages = distinct_messages(reports)
    shown = "\n".join(f"- {message}" for message in messages[:MOST_MESSAGES])
    more = len(messages) - MOST_MESSAGES
    names = sorted({asset for asset, _ in incomplete}, key=outcome.assets.index)
    days = {day for _, day in incomplete}
    return dg.Failure(
        f"{', '.join(names)}: {len(days)} of {len(outcome.days)} days are not complete. "
        "Everything else is stored; what is missing stays pending.\n"
        f"{shown}" + (f"\nand {more} more" if more > 0 else ""),
        metadata={"incomplete_days": len(days), "device_days": len(reports)},
        allow_retries=all(r.deferred for r in reports) and not _lacks_network(messages),
    )


def _lacks_network(messages: Sequence[str]) -> bool:
    return any("there is no road network" in message for message in messages)


type Metadata = dict[str, metadata.Value]


def day_metadata(
    trackflow_context: Context, asset: str, outcome: Outcome
) -> dict[dt.date, Metadata]:
    """What the UI shows of each day of an asset: the day as it is now, and what was done."""
    described = {"segments": _segments, "matched_polylines": _matched, "tracks": _tracks}[asset]
    found: dict[dt.date, Metadata] = {}
    for first, last in runs_of_days(outcome.days):
        found |= described(trackflow_context, first, last)
    return {day: {**found.get(day, {}), **_done(outcome.of(asset, day))} for day in outcome.days}


def _segments(trackflow_context: Context, first: dt.date, last: dt.date) -> dict[dt.date, Metadata]:
    stored = segment_numbers(trackflow_context, first, last)
    noticed = notices_by_day(trackflow_context, first, last)
    return {
        day: {
            "points": n.points,
            "devices": n.devices,
            "segments": n.segments,
            "raw_distance_km": n.raw_distance_mm / 1e6,
            "points_on_track": n.points_on_track,
            "points_in_stops": n.points_in_stops,
            "points_dropped": n.points_dropped,
            **_noticed(noticed.get(day, [])),
            "seconds": n.seconds,
            "points_per_s": _rate(n.points, n.seconds),
        }
        for day in days_between(first, last)
        for n in [stored[day]]
    }


def _noticed(found: Sequence[Notice]) -> Metadata:
    """How many notices a day has, and the first of them in words."""
    told: Metadata = {"notices": len(found)}
    if found:
        told["needs_attention"] = metadata.notices(found[:MOST_MESSAGES])
    return told


def _matched(trackflow_context: Context, first: dt.date, last: dt.date) -> dict[dt.date, Metadata]:
    stored = match_numbers(trackflow_context, first, last)
    found: dict[dt.date, Metadata] = {}
    for day in days_between(first, last):
        n = stored[day]
        found[day] = {
            "windows": n.windows,
            "raw_windows": n.raw_windows,
            "raw_share": round(n.raw_windows / n.windows, 4) if n.windows else 0.0,
            "points": n.points,
            "seconds": n.seconds,
            "points_per_s": _rate(n.points, n.seconds),
        }
        if n.matched_share is not None:
            found[day]["matched_share"] = round(n.matched_share, 4)
    return found


def _tracks(trackflow_context: Context, first: dt.date, last: dt.date) -> dict[dt.date, Metadata]:
    stored = track_numbers(trackflow_context, first, last)
    found: dict[dt.date, Metadata] = {}
    for day in days_between(first, last):
        n = stored[day]
        found[day] = {
            "tracks": n.tracks,
            "devices": n.devices,
            "distance_km": n.distance_mm / 1e6,
            "driven_h": round(n.duration_us / 3.6e9, 3),
            "longest_km": n.longest_mm / 1e6,
            "time_zone": trackflow_context.settings.time_zone,
            "seconds": n.seconds,
        }
        drawn = draw_day(day_lines(trackflow_context, day))
        if drawn is not None:
            found[day]["map"] = metadata.picture(drawn, f"lines of {day}")
    return found


def _done(reports: Sequence[DayReport]) -> Metadata:
    """What this run did, beside what the day holds."""
    done = [r for r in reports if not r.error]
    windows = sum(r.windows for r in done)
    told: Metadata = {
        "device_days_done": len(done),
        "device_days_changed": sum(r.changed for r in done),
    }
    waiting = [r for r in reports if r.deferred]
    if waiting:
        told["device_days_waiting"] = len(waiting)
        told["why_waiting"] = "; ".join(distinct_messages(waiting)[:MOST_MESSAGES])
    if windows:
        told["cached_share"] = round(sum(r.cached_windows for r in done) / windows, 4)
    return told


def _rate(count: int, seconds: float) -> float:
    return round(count / seconds, 1) if seconds else 0.0
