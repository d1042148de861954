"""Checks of stored days, independent of the code that made them. Only reads."""

import datetime as dt
from dataclasses import dataclass, field

import numpy as np

from trackflow.context import Context
from trackflow.geo import polylines
from trackflow.geo.distance import step_m
from trackflow.geo.time import DAY_US, ONE_DAY, day_of_index, midnight
from trackflow.store.days import day_sums, overlaps, segments
from trackflow.store.days.unsegmented import unsegmented
from trackflow.store.intake import point_counts
from trackflow.store.roads import polylines as lines
from trackflow.store.roads.polylines import WindowLine
from trackflow.tracks.segments import Ledger
from trackflow.usecases.queries.day_summary import MatchNumbers, match_numbers

type Finding = dict[str, str | int | float | None]

MOST_FINDINGS = 20
"""Findings that are shown; the result also has the number of all."""

SEAM_TOLERANCE_M = 2.0
"""Both ends are rounded to a metre when they are stored."""


@dataclass(slots=True)
class LedgerCheck:
    """Whether every point of some days is accounted for, in exactly one class.

    `waiting` device-days have points that are not processed yet: they are neither right nor wrong.
    """

    points: int = 0
    waiting: int = 0
    classes: dict[str, int] = field(default_factory=dict)
    wrong: list[Finding] = field(default_factory=list)


def check_ledgers(context: Context, first: dt.date, last: dt.date) -> LedgerCheck:
    """Compare ledgers with a count of the points themselves."""
    with context.store.read() as connection:
        counted = point_counts.points_by_day(connection, first, last)
        for key, conflicts in point_counts.conflicts_by_day(connection, first, last).items():
            counted[key] = counted.get(key, 0) + conflicts
        ledgers = segments.read_ledgers(connection, first, last)
        waiting = unsegmented(connection, first, last)
    result = LedgerCheck(points=sum(counted.values()), waiting=len(waiting))
    for key in sorted(counted.keys() | ledgers.keys()):
        ledger = ledgers.get(key, Ledger())
        for name, count in ledger.as_dict().items():
            if name != "points":
                result.classes[name] = result.classes.get(name, 0) + count
        admitted = counted.get(key, 0)
        if key not in waiting and (not ledger.balanced or ledger.points != admitted):
            classed = sum(n for name, n in ledger.as_dict().items() if name != "points")
            result.wrong.append(
                {
                    "device": key[0],
                    "day": key[1].isoformat(),
                    "points": admitted,
                    "in ledger": ledger.points,
                    "in classes": classed,
                }
            )
    return result


@dataclass(slots=True)
class SeamCheck:
    """Whether the lines of neighbouring windows meet."""

    seams: int = 0
    gaps: int = 0
    largest_gap_m: float = 0.0
    wrong: list[Finding] = field(default_factory=list)


def check_seams(context: Context, first: dt.date, last: dt.date) -> SeamCheck:
    """Compare the end of each window's line with the start of the next one's.

    Windows follow one another where one begins at the moment at which the other ends; between two
    segments there is always some time. Seams at the range's own edges count if the day beyond is
    up to date: until it has been matched with the same points it may still show its old line.
    """
    result = SeamCheck()
    before: WindowLine | None = None
    around = (first - ONE_DAY, last + ONE_DAY)
    with context.store.read() as connection:
        settled = day_sums.matched_days(connection, *around)
        for after in lines.iterate_days(connection, *around):
            if before is not None and before.device_id == after.device_id:
                days = {before.day, after.day}
                if (
                    before.end_us == after.start_us
                    and any(first <= day <= last for day in days)
                    and all((after.device_id, day) in settled for day in days)
                ):
                    _compare_seam(result, before, after)
            before = after
    return result


def _compare_seam(result: SeamCheck, before: WindowLine, after: WindowLine) -> None:
    result.seams += 1
    lon_before, lat_before = polylines.decode(before.encoded_polyline)
    lon_after, lat_after = polylines.decode(after.encoded_polyline)
    if not len(lon_before) or not len(lon_after):
        gap_m = float("inf")
    else:
        ends_lon = np.array([lon_before[-1], lon_after[0]])
        ends_lat = np.array([lat_before[-1], lat_after[0]])
        gap_m = float(step_m(ends_lon, ends_lat)[0])
    if gap_m <= SEAM_TOLERANCE_M:
        return
    result.gaps += 1
    result.largest_gap_m = max(result.largest_gap_m, gap_m)
    if len(result.wrong) < MOST_FINDINGS:
        seconds = after.start_us % DAY_US // 1_000_000
        result.wrong.append(
            {
                "device": after.device_id,
                "day": after.day.isoformat(),
                "time": str(dt.timedelta(seconds=seconds)),
                "gap_m": round(gap_m, 1),
            }
        )


@dataclass(slots=True)
class ShareCheck:
    """The share of driving that lies on roads, and the batches that wait."""

    numbers: MatchNumbers
    waiting: int
    messages: list[str]


def check_match_share(context: Context, first: dt.date, last: dt.date) -> ShareCheck:
    """Sum up the matching of some days."""
    total = MatchNumbers()
    for day in match_numbers(context, first, last).values():
        total.windows += day.windows
        total.raw_windows += day.raw_windows
        total.points += day.points
        total.driven_s += day.driven_s
        total.matched_s += day.matched_s
    with context.store.read() as connection:
        waiting = day_sums.unmatched_batches(connection, first, last)
        messages = day_sums.unmatched_messages(connection, first, last, MOST_FINDINGS)
    return ShareCheck(total, waiting, sorted(messages))


@dataclass(slots=True)
class OverlapCheck:
    """Whether a device is ever on two tracks at once."""

    tracks: int = 0
    overlaps: int = 0
    wrong: list[Finding] = field(default_factory=list)


def check_overlaps(context: Context, first: dt.date, last: dt.date) -> OverlapCheck:
    """Compare each track's start with the ends of all earlier ones of its device."""
    start, end = midnight(first), midnight(last + ONE_DAY)
    with context.store.read() as connection:
        found = overlaps.find_overlaps(connection, start, end, MOST_FINDINGS)
    return OverlapCheck(
        tracks=found.tracks,
        overlaps=found.overlaps,
        wrong=[
            {
                "device": overlap.device_id,
                "day": day_of_index(overlap.start_us // DAY_US).isoformat(),
                "overlap_s": (overlap.earlier_end_us - overlap.start_us) / 1e6,
            }
            for overlap in found.first
        ],
    )


def newest_day(context: Context) -> dt.date | None:
    """The last day with a batch that is not in the future; None if there is none."""
    with context.store.read() as connection:
        return day_sums.newest_day(connection, context.clock().date())
