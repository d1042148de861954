"""The second stage: matches segments to roads, window by window, with a cache.

A window's match depends only on its own points, so it is looked up by their hash. Its final line
is trimmed where it meets its neighbours' matches, which may lie in the days before and after.
"""

import datetime as dt
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from trackflow.context import Context, Roads
from trackflow.errors import StaleClaimError, StoreUnavailableError
from trackflow.geo.points import Points
from trackflow.geo.time import ONE_DAY, from_us
from trackflow.matching.coverage import NOWHERE
from trackflow.matching.engines.protocol import roads_version
from trackflow.matching.match import WindowMatch, match_window
from trackflow.matching.seams import WindowLine, trim
from trackflow.matching.windows import MatchSettings, Window, cut_windows, end_seen, start_seen
from trackflow.store.days import batch_marks, batches, segments
from trackflow.store.devices import settings as devices
from trackflow.store.devices.settings import lock_devices
from trackflow.store.roads import polylines
from trackflow.tracks.segments import Segment
from trackflow.usecases.days.claims import ClaimKeeper, claim_days, give_up, hand_back
from trackflow.usecases.days.report import DayReport

STAGE = "matched"

MOVED_ON = "a neighbouring day has changed meanwhile; this one is matched again with the next run"

type Days = dict[dt.date, list[Segment]]


@dataclass(slots=True)
class _Matcher:
    """Matches the windows of one device's day, through the cache.

    Attributes:
        roads: the engine for each window.
        settings: how to match.
        cached: earlier matches by input hash.
        report: counts.
        keeper: keeps the claim while it takes long.
        networks: the versions of all networks that windows were matched on.
        seen: all points that windows had, their context included.
    """

    roads: Roads
    settings: MatchSettings
    cached: dict[str, bytes]
    report: DayReport
    keeper: ClaimKeeper
    networks: set[str] = field(default_factory=set)
    seen: list[Points] = field(default_factory=list)

    def matches(self, windows: Sequence[Window]) -> list[tuple[str, WindowMatch]]:
        """Input hash and match of each window."""
        return [self._match(window) for window in windows]

    def _match(self, window: Window) -> tuple[str, WindowMatch]:
        engine = self.roads(window)
        self.networks.add(engine.network_version)
        self.seen.append(window.points)
        key = window.input_hash(engine.profile, roads_version(engine), self.settings)
        stored = self.cached.get(key)
        if stored is not None:
            self.report.cached_windows += 1
            return key, WindowMatch.from_bytes(stored)
        self.keeper.renew()
        match = match_window(engine, window, self.settings)
        self.report.engine_points += match.source_coordinates_count
        return key, match


def match_batches(
    context: Context, device_id: str, days: Sequence[dt.date], *, force: bool = False
) -> list[DayReport]:
    """Match the given days of a device, those of them that can be claimed.

    Args:
        context: the store and engines.
        device_id: the device.
        days: its days, in any order.
        force: match completed days as well.
    """
    return [
        report
        for day in sorted(days)
        if (report := _match_day(context, device_id, day, force)) is not None
    ]


def _match_day(context: Context, device_id: str, day: dt.date, force: bool) -> DayReport | None:
    started = time.perf_counter()
    claims = claim_days(context, device_id, [day], STAGE, force=force)
    if not claims:
        return None
    report = DayReport(device_id, day)
    try:
        found = _read(context, device_id, day)
        rows, matched = _day_rows(context, found, report, ClaimKeeper(context, claims))
        with context.store.write() as connection:
            now = context.clock()
            lock_devices(connection, [device_id])
            if segments.hashes(connection, device_id, found.neighbours) != found.neighbour_hashes:
                report.error, report.deferred = MOVED_ON, True
                batches.defer(connection, claims[0], MOVED_ON, now, at_once=True)
                return report
            report.changed = bool(polylines.replace_day(connection, device_id, day, rows, now))
            elapsed_ms = (time.perf_counter() - started) * 1000
            batches.finish(
                connection,
                claims[0],
                now,
                changed=report.changed,
                match_ms=elapsed_ms,
                **matched,
            )
    except StaleClaimError as error:
        report.error, report.deferred = str(error), True
    except StoreUnavailableError as error:
        return hand_back(context, claims, error)[0]
    except Exception as error:  # noqa: BLE001  bad data of one device is kept to that device
        return give_up(context, claims, error)[0]
    return report


@dataclass(frozen=True, slots=True)
class _LineInputs:
    """The inputs of a day's lines, read in one transaction.

    Attributes:
        days: the segments of the day, and of neighbours that its journeys come from or go to.
        neighbours: the days of those neighbours.
        neighbour_hashes: of their segments.
        cached: matches of the days around by their input hash.
    """

    device: devices.Device
    day: dt.date
    days: Days
    neighbours: list[dt.date]
    neighbour_hashes: list[str]
    cached: dict[str, bytes]


def _read(context: Context, device_id: str, day: dt.date) -> _LineInputs:
    before, after = day - ONE_DAY, day + ONE_DAY
    with context.store.read() as connection:
        found = segments.read_days(connection, device_id, day, day)
        own = found.get(day, [])
        # neighbours are only read where a journey goes over midnight
        neighbours = [before] * bool(own and own[0].open_start)
        neighbours += [after] * bool(own and own[-1].open_end)
        for neighbour in neighbours:
            found |= segments.read_days(connection, device_id, neighbour, neighbour)
        return _LineInputs(
            devices.read_device(connection, device_id),
            day,
            found,
            neighbours,
            segments.hashes(connection, device_id, neighbours),
            polylines.read_matches(connection, device_id, before, after) if own else {},
        )


def _day_rows(
    context: Context, found: _LineInputs, report: DayReport, keeper: ClaimKeeper
) -> tuple[list[dict[str, object]], dict[str, str | float | None]]:
    """The rows of the day's windows, and columns of the batch: on which roads they were matched."""
    own = found.days.get(found.day)
    if not own:
        return [], _matched(None, [])
    if not context.matches:
        return [], _matched(batch_marks.WITHOUT_ROADS, [])
    roads = context.roads(found.device.profile)
    matcher = _Matcher(roads, MatchSettings(), found.cached, report, keeper)
    rows: list[dict[str, object]] = []
    for segment in own:
        head, tail = _neighbours(found.days, found.day, segment, matcher.settings)
        rows += _segment_rows(matcher, head, segment.points, tail)
    report.windows = len(rows)
    report.raw_windows = sum(bool(row["is_raw"]) for row in rows)
    return rows, _matched(" ".join(sorted(matcher.networks)) or NOWHERE, matcher.seen)


def _matched(networks: str | None, seen: Sequence[Points]) -> dict[str, str | float | None]:
    """Columns of the batch: the networks, and the box around all points that were read."""
    read = Points.concat(seen) if seen else Points.empty()
    box: list[float | None] = [None] * 4
    if len(read):
        box = [float(f(x)) for f in (np.min, np.max) for x in (read.lon, read.lat)]
    edges = ("seen_west", "seen_south", "seen_east", "seen_north")
    return {"matched_on": networks, **dict(zip(edges, box, strict=True))}


def _neighbours(
    found: Days, day: dt.date, segment: Segment, settings: MatchSettings
) -> tuple[Points, Points]:
    """The points of the same journey just before and after the day."""
    previous = found.get(day - ONE_DAY, [])
    following = found.get(day + ONE_DAY, [])
    head, tail = Points.empty(), Points.empty()
    if segment.open_start and previous and previous[-1].open_end:
        head = end_seen(previous[-1].points, settings)
    if segment.open_end and following and following[0].open_start:
        tail = start_seen(following[0].points, settings)
    return head, tail


def _segment_rows(
    matcher: _Matcher, head: Points, own: Points, tail: Points
) -> list[dict[str, object]]:
    """The rows of a segment's windows; the windows beside midnight are matched to trim them."""
    whole = cut_windows(
        Points.empty(), Points.concat([head, own, tail]), Points.empty(), matcher.settings
    )
    first_us, last_us = int(own.time_us[0]), int(own.time_us[-1])
    mine = [k for k, w in enumerate(whole) if first_us <= w.start_us <= last_us]
    if not mine:
        return []
    low, high = max(mine[0] - 1, 0), min(mine[-1] + 2, len(whole))
    windows = whole[low:high]
    found = matcher.matches(windows)
    trimmed = trim([match for _, match in found])
    return [
        line_row(windows[k], *found[k], trimmed[k])
        for k in range(mine[0] - low, mine[-1] + 1 - low)
    ]


def line_row(window: Window, key: str, match: WindowMatch, line: WindowLine) -> dict[str, Any]:
    """The stored form of a window's line, but for its device and day.

    Args:
        window: the window.
        key: hash of its input.
        match: the engine's match of the window, with points beyond its ends.
        line: the line of the window, trimmed at its ends.
    """
    return {
        "start_time": from_us(window.start_us),
        "end_time": from_us(window.end_us),
        "encoded_polyline": line.encoded_polyline,
        "is_raw": line.is_raw,
        "confidence": line.confidence,
        "against_oneway": line.against_oneway,
        "matched_share": line.matched_share,
        "point_count": line.point_count,
        "source_coordinates_count": match.source_coordinates_count,
        "processing_duration_ms": match.processing_duration_ms,
        "input_hash": key,
        "match": match.to_bytes(),
    }
