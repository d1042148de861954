"""The first stage: makes segments and ledgers of the points of devices' days.

Devices are read and segmented together, which takes a tenth of the time for those of a thousand
points a day, and published one day at a time.
"""

import datetime as dt
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import groupby

from trackflow.context import Context
from trackflow.errors import StaleClaimError, StoreUnavailableError
from trackflow.geo.time import ONE_DAY, midnight, to_us
from trackflow.store.days import batch_marks, batches, segments
from trackflow.store.devices import settings as devices
from trackflow.store.devices.settings import lock_devices
from trackflow.store.intake import hidings, points
from trackflow.tracks.hiding import split_hidden
from trackflow.tracks.segments import DaySegments
from trackflow.tracks.thresholds import Thresholds
from trackflow.tracks.together import DeviceDays, segment_together
from trackflow.usecases.days.claims import ClaimKeeper, claim_batches, give_up, hand_back
from trackflow.usecases.days.report import DayReport

STAGE = "segmented"
RANGE_DAYS = 31
"""Most device-days that are read together: neighbouring days share buffers, and memory stays
flat."""

type Part = list[batches.Claim]
"""Claims of neighbouring days of one device, in order."""

type Days = dict[dt.date, DaySegments]


def segment_batches(
    context: Context, wanted: Sequence[tuple[str, dt.date]], *, force: bool = False
) -> list[DayReport]:
    """Segment the given days of devices, those of them that can be claimed.

    Devices that were tried before are claimed and segmented alone, after the others: a device that
    kills its worker every time must not use up the tries of others.
    """
    if context.settings.max_tries == 1:
        alone = sorted({device_id for device_id, _ in wanted})
    else:
        with context.store.read() as connection:
            alone = batches.tried_before(connection, wanted)
    groups = [[pair for pair in wanted if pair[0] not in alone]]
    groups += [[pair for pair in wanted if pair[0] == device_id] for device_id in alone]
    return [
        report
        for group in groups
        for some in _in_ranges(group)
        for report in _segment_claimed(context, some, force)
    ]


def _in_ranges(wanted: Sequence[tuple[str, dt.date]]) -> Iterator[Sequence[tuple[str, dt.date]]]:
    """Split the days into ranges of at most `RANGE_DAYS`."""
    ordered = sorted(wanted)
    for begin in range(0, len(ordered), RANGE_DAYS):
        yield ordered[begin : begin + RANGE_DAYS]


def _segment_claimed(
    context: Context, wanted: Sequence[tuple[str, dt.date]], force: bool
) -> list[DayReport]:
    started = time.perf_counter()
    claims = claim_batches(context, wanted, STAGE, force=force)
    if not claims:
        return []
    keeper = ClaimKeeper(context, claims)
    reports: list[DayReport] = []
    try:
        parts = list(_parts(claims))
        found = _computed(context, parts)
        elapsed_ms = (time.perf_counter() - started) * 1000 / len(claims)
        for part, days in zip(parts, found, strict=True):
            reports += _publish_part(context, keeper, part, days, elapsed_ms)
    except StoreUnavailableError as error:
        reports += hand_back(context, keeper.claims, error)
    return reports


def _publish_part(
    context: Context, keeper: ClaimKeeper, part: Part, days: Days | Exception, elapsed_ms: float
) -> list[DayReport]:
    """Publish the days of a part, one by one, or give its claims back after an error."""
    reports: list[DayReport] = []
    left = list(part)
    try:
        if isinstance(days, Exception):
            raise days
        for claim in part:
            with suppress(StaleClaimError):  # publishing shows which claims are stale
                keeper.renew()
            reports.append(_publish(context, claim, days[claim.day], elapsed_ms))
            keeper.drop(left.pop(0))
    except StoreUnavailableError:
        raise
    except Exception as error:  # noqa: BLE001  bad data of one device is kept to that device
        reports += give_up(context, left, error)
        for claim in left:
            keeper.drop(claim)
    return reports


def _computed(context: Context, parts: Sequence[Part]) -> list[Days | Exception]:
    """The days of each part, or its error; parts are computed one by one if all at once fail."""
    try:
        return [*_compute(context, parts)]
    except StoreUnavailableError:
        raise
    except Exception as error:  # noqa: BLE001  one part's error, which is reported with that part
        if len(parts) == 1:
            return [error]
        return [found for part in parts for found in _computed(context, [part])]


def _compute(context: Context, parts: Sequence[Part]) -> list[Days]:
    ids = [part[0].device_id for part in parts]
    with context.store.read() as connection:
        settings = devices.read_devices(connection, ids)
        thresholds = [settings[device_id].thresholds for device_id in ids]
        rules = hidings.rules_of(connection, ids)
        found = []
        for part, limits in zip(parts, thresholds, strict=True):
            start_us, end_us = _span_us(part)
            buffer_us = devices.buffer_us(limits)
            device_id = part[0].device_id
            read = points.read_all(connection, device_id, start_us - buffer_us, end_us + buffer_us)
            found.append(split_hidden(read, rules.get(device_id, ())))
        spans = [_span_us(part) for part in parts]
        start_us, end_us = min(start for start, _ in spans), max(end for _, end in spans)
        conflicts = points.conflicts_of(connection, ids, start_us, end_us)
    given = [
        DeviceDays(visible, part[0].day, part[-1].day, hidden.time_us)
        for part, (visible, hidden) in zip(parts, found, strict=True)
    ]
    return [
        {day.day: _with_conflicts(day, conflicts.get((device_id, day.day), 0)) for day in of_device}
        for device_id, of_device in zip(ids, _segmented(given, thresholds), strict=True)
    ]


def _segmented(
    given: Sequence[DeviceDays], thresholds: Sequence[Thresholds]
) -> list[list[DaySegments]]:
    """The days of devices, those with the same thresholds at once."""
    alike = defaultdict(list)
    for row, limits in enumerate(thresholds):
        alike[limits].append(row)
    found: dict[int, list[DaySegments]] = {}
    for limits, rows in alike.items():
        days = segment_together([given[row] for row in rows], limits)
        found.update(zip(rows, days, strict=True))
    return [found[row] for row in range(len(given))]


def _parts(claims: Sequence[batches.Claim]) -> Iterator[Part]:
    """Claims of each device in runs of days without holes."""
    numbered = enumerate(claims)
    for _, run in groupby(numbered, lambda x: (x[1].device_id, x[1].day.toordinal() - x[0])):
        yield [claim for _, claim in run]


def _span_us(part: Part) -> tuple[int, int]:
    """Start of the first day and end of the last, UTC microseconds."""
    after = midnight(part[-1].day + dt.timedelta(days=1))
    return to_us(midnight(part[0].day)), to_us(after)


def _with_conflicts(result: DaySegments, conflicts: int) -> DaySegments:
    """Add points of equal time, which admission set aside, to the ledger."""
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
