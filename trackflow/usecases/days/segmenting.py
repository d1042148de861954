"""The first stage: points of a device's days to segments and ledgers."""

import datetime as dt
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

from trackflow.context import Context
from trackflow.errors import StaleClaimError, StoreUnavailableError
from trackflow.geo.time import ONE_DAY, days_between, midnight, runs_of_days, to_us
from trackflow.store.days import batch_marks, batches, segments
from trackflow.store.devices import settings
from trackflow.store.devices.settings import lock_devices
from trackflow.store.intake import points
from trackflow.tracks.segments import DaySegments, segment_days
from trackflow.usecases.days.claims import Held, claim_days, give_up, hand_back
from trackflow.usecases.days.report import DayReport

STAGE = "segmented"
RANGE_DAYS = 31
"""Neighbouring days are read together, so that their buffers are read once; memory stays flat."""


def segment_batches(
    context: Context, device_id: str, days: Sequence[dt.date], *, force: bool = False
) -> list[DayReport]:
    """Segment the given days of a device, those of them that can be claimed."""
    reports = []
    for part in _ranges(sorted(days)):
        reports += _segment_range(context, device_id, part, force)
    return reports


def _segment_range(
    context: Context, device_id: str, days: Sequence[dt.date], force: bool
) -> list[DayReport]:
    started = time.perf_counter()
    claims = claim_days(context, device_id, days, STAGE, force=force)
    if not claims:
        return []
    held = Held(context, claims)
    reports: list[DayReport] = []
    try:
        computed = _compute(context, device_id, claims[0].day, claims[-1].day)
        elapsed_ms = (time.perf_counter() - started) * 1000 / len(claims)
        for claim in claims:
            with suppress(StaleClaimError):  # publishing tells which
                held.still_at_it()
            reports.append(_publish(context, claim, computed[claim.day], elapsed_ms))
            held.settled(claim)
    except StoreUnavailableError as error:
        reports += hand_back(context, held.claims, error)
    except Exception as error:  # noqa: BLE001  bad data of one device is kept to that device
        reports += give_up(context, held.claims, error)
    return reports


def _compute(
    context: Context, device_id: str, first: dt.date, last: dt.date
) -> dict[dt.date, DaySegments]:
    start_us = to_us(midnight(first))
    end_us = to_us(midnight(last + dt.timedelta(days=1)))
    with context.store.read() as connection:
        thresholds = settings.read_device(connection, device_id).thresholds
        buffer_us = settings.buffer_us(thresholds)
        found = points.read_points(
            connection,
            device_id,
            start_us - buffer_us,
            end_us + buffer_us,
        )
        conflicts = points.conflicts_by_day(connection, device_id, start_us, end_us)
    return {
        result.day: _with_conflicts(result, conflicts.get(result.day, 0))
        for result in segment_days(found, first, last, thresholds)
    }


def _with_conflicts(result: DaySegments, conflicts: int) -> DaySegments:
    """The ledger tells of points of equal time as well that never came past the door."""
    ledger = replace(
        result.ledger,
        points=result.ledger.points + conflicts,
        duplicate=result.ledger.duplicate + conflicts,
    )
    return replace(result, ledger=ledger)


def _publish(
    context: Context, claim: batches.Claim, result: DaySegments, elapsed_ms: float
) -> DayReport:
    report = DayReport(
        claim.device_id,
        claim.day,
        points=result.ledger.points,
        segments=len(result.segments),
    )
    try:
        with context.store.write() as connection:
            lock_devices(connection, [claim.device_id])
            replaced = segments.replace_day(
                connection, claim.device_id, claim.day, result.segments, result.ledger
            )
            report.changed = replaced.changed
            touched = [
                claim.day + offset * ONE_DAY
                for offset, differs in ((-1, replaced.at_start), (1, replaced.at_end))
                if differs
            ]
            if touched:
                batch_marks.mark_neighbours_matched(
                    connection, claim.device_id, touched, context.clock()
                )
            batches.finish(
                connection,
                claim,
                context.clock(),
                changed=replaced.changed,
                point_count=result.ledger.points,
                segment_count=len(result.segments),
                segment_ms=elapsed_ms,
            )
    except StaleClaimError as error:
        report.error, report.deferred = str(error), True
    return report


def _ranges(days: Sequence[dt.date]) -> Iterator[list[dt.date]]:
    """Days in runs without holes, none longer than `RANGE_DAYS`."""
    for first, last in runs_of_days(days, most=RANGE_DAYS):
        yield list(days_between(first, last))
