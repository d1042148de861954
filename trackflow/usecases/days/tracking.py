"""The third stage: segments and matched lines of chains of days to whole tracks.

A chain of days is read, merged and published in one transaction per chain. It keeps no state
between chains, so the last publication includes all earlier ones.
"""

import datetime as dt
import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from trackflow.context import Context
from trackflow.errors import StaleClaimError, StoreUnavailableError
from trackflow.geo import polylines
from trackflow.geo.points import Floats, Points
from trackflow.geo.steps import steps_mm
from trackflow.geo.time import ONE_DAY, from_us, midnight, to_us
from trackflow.store.database import Connection
from trackflow.store.days import batches, segments, tracks
from trackflow.store.days.batches import Claim
from trackflow.store.days.lengths import length_of
from trackflow.store.devices import settings
from trackflow.store.devices.settings import lock_devices
from trackflow.store.intake.points import read_heights
from trackflow.store.roads import polylines as lines
from trackflow.tracks.climbs import Heights, climb_cm
from trackflow.tracks.day_parts import quarter_edges, write_quarters
from trackflow.tracks.lengths import Stretch, measure, spread
from trackflow.tracks.merging import Track, is_short, merge, track_id
from trackflow.tracks.segments import Segment
from trackflow.usecases.days.claims import claim_days, give_up, hand_back
from trackflow.usecases.days.report import DayReport

STAGE = "tracked"


def track_batches(
    context: Context, device_id: str, days: Sequence[dt.date], *, force: bool = False
) -> list[DayReport]:
    """Merge the tracks of the given days of a device, with all days that their journeys touch.

    Args:
        context: the store and settings.
        device_id: the device.
        days: its days, in any order.
        force: merge completed days as well.
    """
    reports: list[DayReport] = []
    remaining = sorted(days)
    while remaining:
        with context.store.read() as connection:
            first, last = segments.chain_of_days(connection, device_id, remaining[0])
        wanted = [day for day in remaining if first <= day <= last]
        remaining = [day for day in remaining if day > last]
        reports += _track_chain(context, device_id, wanted, force)
    return reports


def _track_chain(
    context: Context, device_id: str, days: Sequence[dt.date], force: bool
) -> list[DayReport]:
    claims = claim_days(context, device_id, days, STAGE, force=force)
    if not claims:
        return []
    try:
        with context.store.write() as connection:
            return _publish(context, connection, device_id, claims)
    except StaleClaimError as error:
        message = str(error)
        return [DayReport(device_id, c.day, error=message, deferred=True) for c in claims]
    except StoreUnavailableError as error:
        return hand_back(context, claims, error)
    except Exception as error:  # noqa: BLE001  bad data of one device is kept to that device
        return give_up(context, claims, error)


def _publish(
    context: Context, connection: Connection, device_id: str, claims: Sequence[Claim]
) -> list[DayReport]:
    started = time.perf_counter()
    now = context.clock()
    # a chain is read and written as a whole, and several batches may belong to one
    lock_devices(connection, [device_id])
    days = [claim.day for claim in claims]
    first, last = _whole_chain(connection, device_id, days[0], days[-1])
    found = segments.read_days(connection, device_id, first, last)
    thresholds = settings.read_device(connection, device_id).thresholds
    parts = [part for day in sorted(found) for part in found[day]]
    merged = merge(parts)
    kept = [track for track in merged if not is_short(track, thresholds)]
    windows = lines.read_between(connection, device_id, first, last)
    start_us, end_us = (kept[0].start_us, kept[-1].end_us) if kept else (0, 0)
    heights = read_heights(connection, device_id, start_us, end_us)
    rows = [
        track_row(device_id, track, [parts[k] for k in track.segments], windows, heights)
        for track in kept
    ]
    changed = tracks.replace_between(
        connection,
        device_id,
        midnight(first),
        midnight(last + ONE_DAY),
        rows,
        now,
    )
    _note_short(connection, device_id, first, last, merged, parts, thresholds)
    elapsed_ms = (time.perf_counter() - started) * 1000 / len(claims)
    for claim in claims:
        batches.finish(connection, claim, now, changed=bool(changed), track_ms=elapsed_ms)
    return [_report(claim, rows, (first, last), changed=bool(changed)) for claim in claims]


def _report(
    claim: Claim, rows: Sequence[dict[str, Any]], touched: tuple[dt.date, dt.date], *, changed: bool
) -> DayReport:
    """The report of a day on the tracks of its chain.

    Args:
        claim: the day's.
        rows: the tracks as they are stored.
        touched: first and last day of the chain.
        changed: whether any of the tracks has changed.
    """
    start_us, end_us = (to_us(midnight(claim.day + k * ONE_DAY)) for k in (0, 1))
    return DayReport(
        claim.device_id,
        claim.day,
        tracks=sum(row["start_time"].date() == claim.day for row in rows),
        distance_mm=sum(length_of(row).between(start_us, end_us) for row in rows),
        changed=changed,
        touched=touched,
    )


def _whole_chain(
    connection: Connection, device_id: str, first: dt.date, last: dt.date
) -> tuple[dt.date, dt.date]:
    return (
        segments.chain_of_days(connection, device_id, first)[0],
        segments.chain_of_days(connection, device_id, last)[1],
    )


def _note_short(
    connection: Connection,
    device_id: str,
    first: dt.date,
    last: dt.date,
    merged: Sequence[Track],
    parts: Sequence[Segment],
    thresholds: Any,
) -> None:
    """Update the ledgers: which tracks are too short to keep is known only now."""
    track: dict[dt.date, int] = {}
    short: dict[dt.date, int] = {}
    for one in merged:
        counts = short if is_short(one, thresholds) else track
        for k in one.segments:
            day = from_us(parts[k].start_us).date()
            counts[day] = counts.get(day, 0) + len(parts[k].points)
    for (_, day), ledger in segments.read_ledgers(connection, first, last, device_id).items():
        new = replace(ledger, track=track.get(day, 0), short=short.get(day, 0))
        if new != ledger:
            segments.replace_ledger(connection, device_id, day, new)


class WindowTile(Protocol):
    """A window's final line: a stored one or a new one (`matching.seams.WindowLine`)."""

    @property
    def start_us(self) -> int: ...  # noqa: D102

    @property
    def end_us(self) -> int: ...  # noqa: D102

    @property
    def encoded_polyline(self) -> str: ...  # noqa: D102

    @property
    def is_raw(self) -> bool: ...  # noqa: D102

    @property
    def confidence(self) -> float | None: ...  # noqa: D102

    @property
    def matched_share(self) -> float: ...  # noqa: D102


def track_row(
    device_id: str,
    track: Track,
    parts: Sequence[Segment],
    windows: Sequence[WindowTile],
    heights: Heights | None = None,
) -> dict[str, Any]:
    """The stored form of a track, but for its device and time of writing.

    Args:
        device_id: the device.
        track: the merged track.
        parts: its segments, in order of time.
        windows: the lines of windows that may cover it, in order of time.
        heights: of its points and of others; None without any.
    """
    points = Points.concat([part.points for part in parts])
    line = _line_of(parts, windows)
    movement = measure(points)
    edges_us = quarter_edges(track.start_us, track.end_us)
    quarters_mm = spread(movement.way, line.stretches, edges_us)
    idle_ms = movement.halts.between_ms(edges_us)
    climbed = None if heights is None else climb_cm(heights.at(points.time_us), edges_us)
    quarters_mm[0] += track.lead_mm
    length_mm = sum(quarters_mm)
    mean_kmh = _kmh(length_mm, track.end_us - track.start_us)
    row = {
        "track_id": track_id(device_id, track.start_us),
        "start_time": from_us(track.start_us),
        "end_time": from_us(track.end_us),
        "began": track.began.value,
        "ended": track.ended.value,
        "distance_m": length_mm / 1000,
        "raw_distance_m": track.distance_mm / 1000,
        "unobserved_m": track.unobserved_mm / 1000,
        "quarters_mm": write_quarters(quarters_mm),
        "duration_s": (track.end_us - track.start_us) / 1e6,
        "average_speed_kmh": mean_kmh,
        # a straight line between two points is shorter than the road between them
        "max_speed_kmh": max(movement.max_speed_kmh, mean_kmh),
        "fastest_at": from_us(movement.fastest_us),
        "idle_ms": sum(idle_ms),
        "quarters_idle_ms": write_quarters(idle_ms),
        "climb_cm": None if climbed is None else sum(climbed),
        "quarters_climb_cm": None if climbed is None else write_quarters(climbed),
        "point_count": len(points),
        "segment_count": len(parts),
        "raw_polyline": polylines.encode(points.lon, points.lat),
        "matched_polyline": polylines.encode(line.lon, line.lat),
        "matched_share": line.matched_share,
        "confidence": line.confidence,
        **track.bbox._asdict(),
    }
    content = [row[name] for name in sorted(row)] + [part.content_hash for part in parts]
    row["content_hash"] = hashlib.blake2b(repr(content).encode(), digest_size=16).hexdigest()
    return row


@dataclass(frozen=True, slots=True, eq=False)
class _Line:
    """A track's line: matched where every window of a segment is there, raw elsewhere.

    Attributes:
        lon: longitudes of its vertices.
        lat: latitudes of its vertices.
        stretches: its parts, one after another, with the lengths of those on roads.
        matched_share: share of the time that it follows roads.
        confidence: the engine's, over time; None if nothing was matched.
    """

    lon: Floats
    lat: Floats
    stretches: list[Stretch]
    matched_share: float
    confidence: float | None


def _line_of(parts: Sequence[Segment], windows: Sequence[WindowTile]) -> _Line:
    lons, lats, stretches = [], [], []
    matched_s, confidence_s = 0.0, 0.0
    for part, following in zip(parts, [*parts[1:], None], strict=True):
        until_us = following.start_us if following else part.end_us
        tiles = _tiles(windows, part.start_us, until_us)
        if tiles is None:
            lons.append(part.points.lon)
            lats.append(part.points.lat)
            stretches.append(Stretch(part.start_us, until_us, None))
            continue
        for tile in tiles:
            lon, lat = polylines.decode(tile.encoded_polyline)
            lons.append(lon)
            lats.append(lat)
            length_mm = None
            if not tile.is_raw:
                seconds = (tile.end_us - tile.start_us) / 1e6
                matched_s += seconds * tile.matched_share
                confidence_s += seconds * (tile.confidence or 0.0)
                length_mm = int(steps_mm(lon, lat).sum())
            stretches.append(Stretch(tile.start_us, tile.end_us, length_mm))
    total_s = (parts[-1].end_us - parts[0].start_us) / 1e6
    lon, lat = _without_repeats(np.concatenate(lons), np.concatenate(lats))
    share = matched_s / total_s if total_s else 0.0
    confidence = round(confidence_s / total_s, 4) if matched_s else None
    return _Line(lon, lat, stretches, round(share, 4), confidence)


def _tiles(windows: Sequence[WindowTile], start_us: int, end_us: int) -> list[WindowTile] | None:
    """The windows that cover `[start_us, end_us]` without a hole, None if they do not.

    Lines of points that have changed since are missing, or do not fit together.
    """
    found = [w for w in windows if start_us <= w.start_us and w.end_us <= end_us]
    edges = [start_us, *(w.end_us for w in found)]
    starts = [w.start_us for w in found]
    return found if found and starts == edges[:-1] and edges[-1] == end_us else None


def _without_repeats(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    keep = np.ones(len(lon), dtype=bool)
    keep[1:] = (np.diff(lon) != 0) | (np.diff(lat) != 0)
    return lon[keep], lat[keep]


def _kmh(length_mm: int, duration_us: int) -> float:
    return round(length_mm / duration_us * 3600, 3) if duration_us else 0.0
