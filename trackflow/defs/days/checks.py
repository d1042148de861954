"""Checks of day assets: one status for each day, which stays until that day is checked again.

A check without partitions has a single status: day 3 is red, day 4 passes, and all looks green.
So each check is partitioned as its asset is, and every run that makes days reports on each of them:
runs of partitions by the checks' own steps, live work and older days beside their results.
"""

import datetime as dt
from collections.abc import Iterator, Sequence

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData,
)

from trackflow.context import Context
from trackflow.defs import metadata
from trackflow.defs.days.day_check import ERROR, WARN, DayCheck
from trackflow.defs.days.running import POLYLINES, SEGMENTS, TRACKS, DaysStep
from trackflow.defs.errors import step
from trackflow.defs.partitions import days_of_run, has_partition
from trackflow.defs.resources import TrackflowResource
from trackflow.defs.verdicts import CheckVerdict
from trackflow.geo.time import days_between
from trackflow.usecases.days import checks
from trackflow.usecases.days.notices import read_notices
from trackflow.usecases.days.report import counted
from trackflow.usecases.days.settled import settled_day_status

DAYS_WITHOUT_PARTITION = 31
"""A check that is started for no particular day checks so many of the newest days."""

SMALLEST_SHARE = 0.5
"""Share of the time driven; below it the network is probably of another region, or the profile
wrong."""


def judge_ledgers(trackflow_context: Context, day: dt.date) -> CheckVerdict:
    """Count points and compare them with their ledgers."""
    found = checks.check_ledgers(trackflow_context, day, day)
    sums: list[metadata.Finding] = [
        {"class": name, "points": count} for name, count in found.classes.items()
    ]
    sums.append({"class": "all points", "points": found.points})
    numbers: dict[str, metadata.Value] = {
        "points": found.points,
        "device_days_wrong": len(found.wrong),
        "device_days_waiting": found.waiting,
        "sums": metadata.findings(sums),
    }
    if found.wrong:
        numbers["wrong"] = metadata.findings(found.wrong[: checks.MOST_FINDINGS])
        return CheckVerdict(
            False, f"{counted(len(found.wrong), 'device')} does not add up", numbers
        )
    if found.waiting:
        description = f"{counted(found.waiting, 'device')} of the day wait to be processed"
        return CheckVerdict(True, description, numbers)
    return CheckVerdict(True, f"{found.points:,} points are all accounted for", numbers)


def judge_devices(trackflow_context: Context, day: dt.date) -> CheckVerdict:
    """List notices for a person. It blocks nothing: the tracks are as good as the points allow."""
    found = read_notices(trackflow_context, None, day, day)
    numbers: dict[str, metadata.Value] = {"notices": len(found)}
    if not found:
        return CheckVerdict(True, "nothing needs attention", numbers)
    numbers["what"] = metadata.notices(found[: checks.MOST_FINDINGS])
    return CheckVerdict(False, f"{counted(len(found), 'notice')}; {found[0]}", numbers)


def judge_seams(trackflow_context: Context, day: dt.date) -> CheckVerdict:
    """Compare the ends of neighbouring windows' lines."""
    found = checks.check_seams(trackflow_context, day, day)
    numbers: dict[str, metadata.Value] = {"seams": found.seams, "gaps": found.gaps}
    if found.gaps:
        numbers["largest_gap_m"] = round(found.largest_gap_m, 1)
        numbers["wrong"] = metadata.findings(found.wrong)
    return CheckVerdict(not found.gaps, f"{found.gaps:,} gaps at {found.seams:,} seams", numbers)


def judge_match_share(trackflow_context: Context, day: dt.date) -> CheckVerdict:
    """Sum up the matched time and the batches that wait."""
    found = checks.check_match_share(trackflow_context, day, day)
    share = found.numbers.matched_share
    numbers: dict[str, metadata.Value] = {
        "windows": found.numbers.windows,
        "raw_windows": found.numbers.raw_windows,
        "device_days_waiting": found.waiting,
    }
    if share is not None:
        numbers["matched_share"] = round(share, 4)
    if found.messages:
        numbers["why_waiting"] = "; ".join(found.messages)
    if not trackflow_context.matches:
        return CheckVerdict(True, "matching is switched off (TRACKFLOW_ENGINE_URL=none)", numbers)
    if found.waiting:
        return CheckVerdict(False, f"{found.waiting:,} device-days wait to be matched", numbers)
    if share is None:
        return CheckVerdict(True, "nothing was driven", numbers)
    return CheckVerdict(
        share >= SMALLEST_SHARE, f"{share:.0%} of the time driven lies on roads", numbers
    )


def judge_overlaps(trackflow_context: Context, day: dt.date) -> CheckVerdict:
    """Compare each track's start with the ends of its device's earlier ones."""
    found = checks.check_overlaps(trackflow_context, day, day)
    numbers: dict[str, metadata.Value] = {"tracks": found.tracks, "overlaps": found.overlaps}
    if found.overlaps:
        numbers["wrong"] = metadata.findings(found.wrong)
    description = f"{found.overlaps:,} overlaps among {found.tracks:,} tracks"
    return CheckVerdict(not found.overlaps, description, numbers)


DAY_CHECKS = (
    DayCheck(
        "ledger_balances",
        SEGMENTS,
        "Every stored point ends in exactly one class: the classes in the ledger add up to "
        "a count of the points themselves, for every device of the day.",
        judge_ledgers,
        blocking=True,
    ),
    DayCheck(
        "devices_are_sound",
        SEGMENTS,
        "No device needs attention: nearly all points are in tracks or stops, and nothing says "
        "that two senders share an id, that a clock jumps, or that a limit does not fit.",
        judge_devices,
        severity=WARN,
    ),
    DayCheck(
        "seams_meet",
        POLYLINES,
        "Each window's line ends where the next one begins: no gaps in a journey's line, also at "
        "midnight.",
        judge_seams,
    ),
    DayCheck(
        "match_share",
        POLYLINES,
        "Most of the time driven lies on roads. Little of it does if the road network is of "
        "another place or the devices have another profile.",
        judge_match_share,
        severity=WARN,
    ),
    DayCheck(
        "no_overlapping_tracks",
        TRACKS,
        "No device is on two tracks at once.",
        judge_overlaps,
        blocking=True,
    ),
)


def evaluations(
    step_: DaysStep, asset: str, days: Sequence[dt.date]
) -> Iterator[dg.AssetCheckEvaluation]:
    """The results of all checks of an asset, for each of some days."""
    for day in days:
        for check in DAY_CHECKS:
            if check.asset == asset:
                yield evaluation(
                    check, step_.key(asset), step_.dagster.instance, step_.trackflow, day
                )


def evaluation(
    check: DayCheck,
    key: dg.AssetKey,
    instance: dg.DagsterInstance,
    trackflow_context: Context,
    day: dt.date,
) -> dg.AssetCheckEvaluation:
    """The result of a check of a day, bound to the day's newest materialization.

    Args:
        check: the check.
        key: key of the asset.
        instance: Dagster's records.
        trackflow_context: the store.
        day: the day.
    """
    verdict = check.judge(trackflow_context, day)
    return dg.AssetCheckEvaluation(
        asset_key=key,
        check_name=check.name,
        passed=verdict.passed,
        severity=check.severity,
        blocking=check.blocking,
        metadata={"day": day.isoformat(), **verdict.numbers},
        description=f"{day}: {verdict.description}",
        partition=day.isoformat(),
        target_materialization_data=_newest(instance, key, day),
    )


def _newest(
    instance: dg.DagsterInstance, key: dg.AssetKey, day: dt.date
) -> AssetCheckEvaluationTargetMaterializationData | None:
    """The materialization that is checked; without it the UI shows the check as outdated."""
    wanted = dg.AssetRecordsFilter(key, asset_partitions=[day.isoformat()])
    for record in instance.fetch_materializations(wanted, limit=1).records:
        return AssetCheckEvaluationTargetMaterializationData(
            storage_id=record.storage_id, run_id=record.run_id, timestamp=record.timestamp
        )
    return None


def checks_of_days(
    found: Sequence[DayCheck], days: dg.PartitionsDefinition[str]
) -> list[dg.AssetChecksDefinition]:
    """The definitions of some checks, with these partitions."""
    return [_defined(check, days) for check in found]


def _defined(check: DayCheck, days: dg.PartitionsDefinition[str]) -> dg.AssetChecksDefinition:
    @step
    def evaluate(
        context: dg.AssetCheckExecutionContext, trackflow: dg.ResourceParam[TrackflowResource]
    ) -> Iterator[dg.AssetCheckEvaluation | dg.Output[None]]:
        key = trackflow.key(check.asset)
        with trackflow.open() as trackflow_context:
            for day in _days(context, trackflow, trackflow_context):
                yield evaluation(check, key, context.instance, trackflow_context, day)
        # not an AssetCheckResult: in a run of several days it would belong to no day
        yield dg.Output(None)

    decorate = dg.asset_check(
        asset=check.asset,
        name=check.name,
        description=check.description,
        blocking=check.blocking,
        partitions_def=days,
    )
    return decorate(evaluate)  # type: ignore[arg-type]  # it runs bodies that yield as well


def _days(
    context: dg.AssetCheckExecutionContext, trackflow: TrackflowResource, trackflow_context: Context
) -> list[dt.date]:
    """The days of the run; the newest days if the run names none."""
    if (found := days_of_run(context.run.tags)) is not None:
        return list(days_between(*found))
    last = checks.newest_day(trackflow_context) or trackflow_context.clock().date()
    first = last - dt.timedelta(days=DAYS_WITHOUT_PARTITION - 1)
    return [day for day in days_between(first, last) if has_partition(day, trackflow.first_day)]


@dg.asset_check(
    asset=TRACKS,
    description="The newest day whose late evening is complete is made: no device-day of it waits "
    "or has failed. Red while the work is behind or has stopped.",
)
@step
def newest_settled_day_is_made(
    _context: dg.AssetCheckExecutionContext, trackflow: dg.ResourceParam[TrackflowResource]
) -> dg.AssetCheckResult:
    """Check the batches of the newest settled day."""
    with trackflow.open() as trackflow_context:
        found = settled_day_status(trackflow_context)
    description = f"{found.completed:,} of {counted(found.all, 'device-day')} are made"
    return dg.AssetCheckResult(
        passed=found.is_made,
        severity=ERROR,
        metadata={
            "day": found.day.isoformat(),
            "made": found.completed,
            "waiting": found.waiting,
            "failed": found.failed,
        },
        description=f"{found.day}: {description if found.all else 'no points'}",
    )
