"""What must be true of stored days, looked at from outside the code that made them. Only reads."""

import datetime as dt
from dataclasses import dataclass, field

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.context import Context
from trackflow.geo import polylines
from trackflow.geo.distance import step_m
from trackflow.store.days import segments
from trackflow.store.days.batches import midnight
from trackflow.store.days.segments import ONE_DAY
from trackflow.store.days.unsegmented import unsegmented
from trackflow.store.intake import points
from trackflow.store.tables import (
    cached_polylines,
    devices,
    processing_batches,
    quarantined_points,
    tracks,
)
from trackflow.store.types import epoch_us
from trackflow.tracks.segments import DAY_US, Ledger
from trackflow.usecases.queries.day_summary import MatchNumbers, counted_points, match_numbers

type Finding = dict[str, str | int | float | None]

MOST_FINDINGS = 20
"""Findings that are shown; the number of all of them is told as well."""

SEAM_TOLERANCE_M = 2.0
"""Both ends are rounded to a metre when they are stored."""


@dataclass(slots=True)
class LedgerCheck:
    """Whether every point of some days is accounted for, in exactly one class.

    `waiting` device-days have points that were not looked at yet: they are neither right nor wrong.
    """

    points: int = 0
    waiting: int = 0
    classes: dict[str, int] = field(default_factory=dict)
    wrong: list[Finding] = field(default_factory=list)


def check_ledgers(context: Context, first: dt.date, last: dt.date) -> LedgerCheck:
    """Compare ledgers with a count of the points themselves."""
    with context.store.read() as connection:
        counted = counted_points(connection, first, last)
        for key, conflicts in _conflicts(connection, first, last).items():
            counted[key] = counted.get(key, 0) + conflicts
        ledgers = segments.read_ledgers(connection, first, last)
        waiting = unsegmented(connection, first, last)
    result = LedgerCheck(points=sum(counted.values()), waiting=len(waiting))
    for key in sorted(counted.keys() | ledgers.keys()):
        ledger = ledgers.get(key, Ledger())
        for name, count in ledger.as_dict().items():
            if name != "points":
                result.classes[name] = result.classes.get(name, 0) + count
        came = counted.get(key, 0)
        if key not in waiting and (not ledger.balanced or ledger.points != came):
            classed = sum(n for name, n in ledger.as_dict().items() if name != "points")
            result.wrong.append(
                {
                    "device": key[0],
                    "day": key[1].isoformat(),
                    "points": came,
                    "in ledger": ledger.points,
                    "in classes": classed,
                }
            )
    return result


def _conflicts(
    connection: Connection, first: dt.date, last: dt.date
) -> dict[tuple[str, dt.date], int]:
    """Points that lost against another of equal time, by device and day."""
    q = quarantined_points.c
    day = sa.type_coerce(epoch_us(q.recorded_at) // DAY_US, sa.BigInteger)
    rows = connection.execute(
        sa.select(devices.c.device_id, day, sa.func.count())
        .join(
            quarantined_points,
            sa.and_(
                q.device_id == devices.c.device_id,
                q.recorded_at >= midnight(first),
                q.recorded_at < midnight(last + ONE_DAY),
            ),
        )
        .where(q.reason == points.EQUAL_TIME)
        .group_by(devices.c.device_id, day)
    )
    return {
        (device, dt.date(1970, 1, 1) + dt.timedelta(days=int(index))): count
        for device, index, count in rows
    }


@dataclass(slots=True)
class SeamCheck:
    """Whether the lines of neighbouring windows meet."""

    seams: int = 0
    gaps: int = 0
    largest_gap_m: float = 0.0
    wrong: list[Finding] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Line:
    device_id: str
    start_us: int
    end_us: int
    day: dt.date
    encoded_polyline: str


def check_seams(context: Context, first: dt.date, last: dt.date) -> SeamCheck:
    """Compare the end of each window's line with the start of the next one's.

    Windows follow one another where one begins at the moment at which the other ends; between two
    segments there is always some time. Seams at the range's own edges count if the day beyond is
    up to date: until it has been matched with the same points it may still show its old line.
    """
    result = SeamCheck()
    c = cached_polylines.c
    before: _Line | None = None
    with context.store.read() as connection:
        settled = _matched_days(connection, first - ONE_DAY, last + ONE_DAY)
        rows = connection.execution_options(yield_per=1000).execute(
            sa.select(
                c.device_id,
                epoch_us(c.start_time),
                epoch_us(c.end_time),
                c.day,
                c.encoded_polyline,
            )
            .where(c.day.between(first - ONE_DAY, last + ONE_DAY))
            .order_by(c.device_id, c.start_time)
        )
        for row in rows:
            after = _Line(*row)
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


def _compare_seam(result: SeamCheck, before: _Line, after: _Line) -> None:
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


def _matched_days(
    connection: Connection, first: dt.date, last: dt.date
) -> set[tuple[str, dt.date]]:
    b = processing_batches.c
    rows = connection.execute(
        sa.select(b.device_id, b.day).where(
            b.day.between(first, last), b.matched_generation == b.generation
        )
    )
    return {(row.device_id, row.day) for row in rows}


@dataclass(slots=True)
class ShareCheck:
    """How much of what was driven lies on roads, and what still waits for it."""

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
    b = processing_batches.c
    behind = (b.day.between(first, last), b.matched_generation < b.generation)
    with context.store.read() as connection:
        waiting = connection.scalar(sa.select(sa.func.count()).where(*behind)) or 0
        messages = connection.scalars(
            sa.select(b.error_message)
            .distinct()
            .where(*behind, b.error_message.is_not(None))
            .limit(MOST_FINDINGS)
        ).all()
    return ShareCheck(total, waiting, sorted(messages))


@dataclass(slots=True)
class OverlapCheck:
    """Whether a device is ever on two tracks at once."""

    tracks: int = 0
    overlaps: int = 0
    wrong: list[Finding] = field(default_factory=list)


def check_overlaps(context: Context, first: dt.date, last: dt.date) -> OverlapCheck:
    """Compare each track's start with the ends of all earlier ones of its device."""
    t = tracks.c
    touching = (t.start_time < midnight(last + ONE_DAY), t.end_time >= midnight(first))
    earlier_end = (
        sa.func.max(epoch_us(t.end_time))
        .over(partition_by=t.device_id, order_by=t.start_time, rows=(None, -1))
        .label("earlier_end")
    )
    ordered = sa.select(t.device_id, epoch_us(t.start_time).label("start"), earlier_end).where(
        *touching
    )
    o = ordered.subquery()
    with context.store.read() as connection:
        count = connection.scalar(sa.select(sa.func.count()).select_from(tracks).where(*touching))
        overlapping = sa.select(o).where(o.c.earlier_end > o.c.start)
        overlaps = connection.scalar(sa.select(sa.func.count()).select_from(overlapping.subquery()))
        rows = connection.execute(overlapping.order_by(o.c.start).limit(MOST_FINDINGS)).all()
    return OverlapCheck(
        tracks=count or 0,
        overlaps=overlaps or 0,
        wrong=[
            {
                "device": row.device_id,
                "day": dt.date.fromordinal(719_163 + row.start // DAY_US).isoformat(),
                "overlap_s": (row.earlier_end - row.start) / 1e6,
            }
            for row in rows
        ],
    )


def newest_day(context: Context) -> dt.date | None:
    """The last day with a batch that is not in the future; None if there is none."""
    b = processing_batches.c
    query = sa.select(sa.func.max(b.day)).where(b.day <= context.clock().date())
    with context.store.read() as connection:
        found: dt.date | None = connection.scalar(query)
    return found
