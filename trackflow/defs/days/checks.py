"""Checks of what was made by day. Each looks at the day or days of its run and says which."""

import datetime as dt

import dagster as dg

from trackflow.context import Context
from trackflow.defs import metadata
from trackflow.defs.days.assets import matched_polylines, segments, tracks
from trackflow.defs.partitions import days_of_run
from trackflow.defs.resources import TrackflowResource
from trackflow.usecases.days import checks
from trackflow.usecases.days.notices import read_notices
from trackflow.usecases.days.report import counted

DAYS_WITHOUT_PARTITION = 31
"""Started by hand for no day in particular, a check looks at the newest of them."""

SMALLEST_SHARE = 0.5
"""Of the time driven; below this the network probably is of another place, or the profile wrong."""


def _days(
    context: dg.AssetCheckExecutionContext, trackflow_context: Context
) -> tuple[dt.date, dt.date]:
    if (days := days_of_run(context.run.tags)) is not None:
        return days
    last = checks.newest_day(trackflow_context) or trackflow_context.clock().date()
    return last - dt.timedelta(days=DAYS_WITHOUT_PARTITION - 1), last


def _span(first: dt.date, last: dt.date) -> str:
    return f"{first}" if first == last else f"{first} to {last}"


@dg.asset_check(
    asset=segments.key,
    description="Every point that came in ends in exactly one class: the classes in the ledger add "
    "up to a count of the points themselves, for every device and day.",
)
def ledger_balances(
    context: dg.AssetCheckExecutionContext, trackflow: dg.ResourceParam[TrackflowResource]
) -> dg.AssetCheckResult:
    """Count points and compare them with their ledgers."""
    with trackflow.open() as trackflow_context:
        first, last = _days(context, trackflow_context)
        found = checks.check_ledgers(trackflow_context, first, last)
    sums: list[metadata.Finding] = [
        {"class": name, "points": count} for name, count in found.classes.items()
    ]
    sums.append({"class": "all that came in", "points": found.points})
    told: dict[str, metadata.Value] = {
        "days": _span(first, last),
        "points": found.points,
        "device_days_wrong": len(found.wrong),
        "sums": metadata.findings(sums),
    }
    if found.wrong:
        told["wrong"] = metadata.findings(found.wrong[: checks.MOST_FINDINGS])
    return dg.AssetCheckResult(
        passed=not found.wrong,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata=told,
        description=f"{_span(first, last)}: {found.points:,} points are all accounted for"
        if not found.wrong
        else f"{_span(first, last)}: {len(found.wrong):,} device-days do not add up",
    )


@dg.asset_check(
    asset=segments.key,
    description="No device needs attention: nearly all points are in tracks or stops, and nothing "
    "says that two senders share an id, that a clock jumps, or that a limit does not fit.",
)
def devices_are_sound(
    context: dg.AssetCheckExecutionContext, trackflow: dg.ResourceParam[TrackflowResource]
) -> dg.AssetCheckResult:
    """List what needs a person's attention. It blocks nothing: the tracks are what can be had."""
    with trackflow.open() as trackflow_context:
        first, last = _days(context, trackflow_context)
        found = read_notices(trackflow_context, None, first, last)
    told: dict[str, metadata.Value] = {"days": _span(first, last), "notices": len(found)}
    if found:
        told["what"] = metadata.notices(found[: checks.MOST_FINDINGS])
    return dg.AssetCheckResult(
        passed=not found,
        severity=dg.AssetCheckSeverity.WARN,
        metadata=told,
        description=f"{_span(first, last)}: "
        + (f"{counted(len(found), 'notice')}; {found[0]}" if found else "nothing needs attention"),
    )


@dg.asset_check(
    asset=matched_polylines.key,
    description="Each window's line ends where the next one begins: no gaps in a journey's line, "
    "also at midnight.",
)
def seams_meet(
    context: dg.AssetCheckExecutionContext, trackflow: dg.ResourceParam[TrackflowResource]
) -> dg.AssetCheckResult:
    """Compare the ends of neighbouring windows' lines."""
    with trackflow.open() as trackflow_context:
        first, last = _days(context, trackflow_context)
        found = checks.check_seams(trackflow_context, first, last)
    told: dict[str, metadata.Value] = {
        "days": _span(first, last),
        "seams": found.seams,
        "gaps": found.gaps,
    }
    if found.gaps:
        told["largest_gap_m"] = round(found.largest_gap_m, 1)
        told["wrong"] = metadata.findings(found.wrong)
    return dg.AssetCheckResult(
        passed=not found.gaps,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata=told,
        description=f"{_span(first, last)}: {found.gaps:,} gaps at {found.seams:,} seams",
    )


@dg.asset_check(
    asset=matched_polylines.key,
    description="Most of the time driven lies on roads. Little of it does if the road network is "
    "of another place or the devices have another profile.",
)
def match_share(
    context: dg.AssetCheckExecutionContext, trackflow: dg.ResourceParam[TrackflowResource]
) -> dg.AssetCheckResult:
    """Sum up how much was matched and what still waits."""
    with trackflow.open() as trackflow_context:
        first, last = _days(context, trackflow_context)
        matches = trackflow_context.matches
        found = checks.check_match_share(trackflow_context, first, last)
    share = found.numbers.matched_share
    told: dict[str, metadata.Value] = {
        "days": _span(first, last),
        "windows": found.numbers.windows,
        "raw_windows": found.numbers.raw_windows,
        "device_days_waiting": found.waiting,
    }
    if share is not None:
        told["matched_share"] = round(share, 4)
    if found.messages:
        told["why_waiting"] = "; ".join(found.messages)
    if not matches:
        passed, said = True, "matching is switched off (TRACKFLOW_ENGINE_URL=none)"
    elif found.waiting:
        passed, said = False, f"{found.waiting:,} device-days wait to be matched"
    elif share is None:
        passed, said = True, "nothing was driven"
    else:
        passed, said = share >= SMALLEST_SHARE, f"{share:.0%} of the time driven lies on roads"
    return dg.AssetCheckResult(
        passed=passed,
        severity=dg.AssetCheckSeverity.WARN,
        metadata=told,
        description=f"{_span(first, last)}: {said}",
    )


@dg.asset_check(
    asset=tracks.key,
    description="No device is on two tracks at once.",
)
def no_overlapping_tracks(
    context: dg.AssetCheckExecutionContext, trackflow: dg.ResourceParam[TrackflowResource]
) -> dg.AssetCheckResult:
    """Compare each track's start with the ends of its device's earlier ones."""
    with trackflow.open() as trackflow_context:
        first, last = _days(context, trackflow_context)
        found = checks.check_overlaps(trackflow_context, first, last)
    told: dict[str, metadata.Value] = {
        "days": _span(first, last),
        "tracks": found.tracks,
        "overlaps": found.overlaps,
    }
    if found.overlaps:
        told["wrong"] = metadata.findings(found.wrong)
    return dg.AssetCheckResult(
        passed=not found.overlaps,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata=told,
        description=f"{_span(first, last)}: {found.overlaps:,} overlaps among "
        f"{found.tracks:,} tracks",
    )
