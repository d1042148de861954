"""The third stage: segments and matched lines of chains of days to whole tracks.

A chain of days is read, merged and published in one transaction per chain. It holds no state from
outside, so whoever publishes last has seen everything that was published before.
"""

import datetime as dt
import hashlib
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from sqlalchemy.engine import Connection

from trackflow.errors import StaleClaimError, StoreUnavailableError
from trackflow.geo import polylines
from trackflow.geo.distance import step_m
from trackflow.geo.points import Floats, Points
from trackflow.pipeline.claims import claim_days, give_up, hand_back
from trackflow.pipeline.report import DayReport
from trackflow.pipeline.work import Work
from trackflow.store import batches, devices, lines, segments, tracks
from trackflow.store.batches import Claim
from trackflow.store.devices import lock_devices
from trackflow.store.types import from_us
from trackflow.tracks.merging import Track, is_short, merge, track_id
from trackflow.tracks.segments import Segment

STAGE = "tracked"


def track_batches(
    work: Work, device_id: str, days: Sequence[dt.date], *, force: bool = False
) -> list[DayReport]:
    """Merge the tracks of the given days of a device, with all days that their journeys touch."""
    reports: list[DayReport] = []
    remaining = sorted(days)
    while remaining:
        with work.store.read() as connection:
            first, last = segments.chain_of_days(connection, device_id, remaining[0])
        wanted = [day for day in remaining if first <= day <= last]
        remaining = [day for day in remaining if day > last]
        reports += _track_chain(work, device_id, wanted, force)
    return reports


def _track_chain(
    work: Work, device_id: str, days: Sequence[dt.date], force: bool
) -> list[DayReport]:
    claims = claim_days(work, device_id, days, STAGE, force=force)
    if not claims:
        return []
    try:
        with work.store.write() as connection:
            return _publish(work, connection, device_id, claims)
    except StaleClaimError as error:
        message = str(error)
        return [DayReport(device_id, c.day, error=message, deferred=True) for c in claims]
    except StoreUnavailableError as error:
        return hand_back(work, claims, error)
    except Exception as error:  # noqa: BLE001  bad data of one device is kept to that device
        return give_up(work, claims, error)


def _publish(
    work: Work, connection: Connection, device_id: str, claims: Sequence[Claim]
) -> list[DayReport]:
    started = time.perf_counter()
    now = work.clock()
    # a chain is read and written as a whole, and several batches may belong to one
    lock_devices(connection, [device_id])
    days = [claim.day for claim in claims]
    first, last = _whole_chain(connection, device_id, days[0], days[-1])
    found = segments.read_days(connection, device_id, first, last)
    thresholds = devices.read_device(connection, device_id).thresholds
    parts = [part for day in sorted(found) for part in found[day]]
    merged = merge(parts)
    kept = [track for track in merged if not is_short(track, thresholds)]
    windows = lines.read_between(connection, device_id, first, last)
    rows = [
        track_row(device_id, track, [parts[k] for k in track.segments], windows) for track in kept
    ]
    changed = tracks.replace_between(
        connection,
        device_id,
        batches.midnight(first),
        batches.midnight(last + segments.ONE_DAY),
        rows,
        now,
    )
    _note_short(connection, device_id, first, last, merged, parts, thresholds)
    elapsed_ms = (time.perf_counter() - started) * 1000 / len(claims)
    reports = []
    for claim in claims:
        batches.finish(connection, claim, now, changed=bool(changed), track_ms=elapsed_ms)
        day_rows = [row for row in rows if row["start_time"].date() == claim.day]
        reports.append(
            DayReport(
                device_id,
                claim.day,
                tracks=len(day_rows),
                distance_m=sum(row["distance_m"] for row in day_rows),
                changed=bool(changed),
            )
        )
    return reports


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
    """Bring the ledgers up to date: only now it is known which tracks are too short to keep."""
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


def track_row(
    device_id: str, track: Track, parts: Sequence[Segment], windows: Sequence[lines.StoredLine]
) -> dict[str, Any]:
    """The stored form of a track, but for its device and time of writing."""
    points = Points.concat([part.points for part in parts])
    matched_lon, matched_lat, quality = _matched_line(parts, windows)
    row = {
        "track_id": track_id(device_id, track.start_us),
        "start_time": from_us(track.start_us),
        "end_time": from_us(track.end_us),
        "began": track.began.value,
        "ended": track.ended.value,
        "distance_m": track.distance_mm / 1000,
        "duration_s": (track.end_us - track.start_us) / 1e6,
        "average_speed_kmh": _kmh(track.distance_mm / 1000, track.end_us - track.start_us),
        "max_speed_kmh": track.max_speed_kmh,
        "point_count": len(points),
        "segment_count": len(parts),
        "raw_polyline": polylines.encode(points.lon, points.lat),
        "matched_polyline": polylines.encode(matched_lon, matched_lat),
        "matched_distance_m": round(float(step_m(matched_lon, matched_lat).sum()), 3),
        "matched_share": quality[0],
        "confidence": quality[1],
        "west": track.bounds[0],
        "south": track.bounds[1],
        "east": track.bounds[2],
        "north": track.bounds[3],
    }
    content = [row[name] for name in sorted(row)] + [part.content_hash for part in parts]
    row["content_hash"] = hashlib.blake2b(repr(content).encode(), digest_size=16).hexdigest()
    return row


def _matched_line(
    parts: Sequence[Segment], windows: Sequence[lines.StoredLine]
) -> tuple[Floats, Floats, tuple[float, float | None]]:
    """The track's line: matched where every window of a segment is there, raw elsewhere."""
    lons, lats, matched_s, confidence_s = [], [], 0.0, 0.0
    for part, following in zip(parts, [*parts[1:], None], strict=True):
        until_us = following.start_us if following else part.end_us
        tiles = _tiles(windows, part.start_us, until_us)
        if tiles is None:
            lons.append(part.points.lon)
            lats.append(part.points.lat)
            continue
        for tile in tiles:
            lon, lat = polylines.decode(tile.encoded_polyline)
            lons.append(lon)
            lats.append(lat)
            if not tile.is_raw:
                seconds = (tile.end_us - tile.start_us) / 1e6
                matched_s += seconds * tile.matched_share
                confidence_s += seconds * (tile.confidence or 0.0)
    total_s = (parts[-1].end_us - parts[0].start_us) / 1e6
    lon, lat = _without_repeats(np.concatenate(lons), np.concatenate(lats))
    share = matched_s / total_s if total_s else 0.0
    confidence = round(confidence_s / total_s, 4) if matched_s else None
    return lon, lat, (round(share, 4), confidence)


def _tiles(
    windows: Sequence[lines.StoredLine], start_us: int, end_us: int
) -> list[lines.StoredLine] | None:
    """The windows that cover `[start_us, end_us]` without a hole, None if they do not.

    Lines of points that have changed since are not there yet, or do not fit together.
    """
    found = [w for w in windows if start_us <= w.start_us and w.end_us <= end_us]
    edges = [start_us, *(w.end_us for w in found)]
    starts = [w.start_us for w in found]
    return found if found and starts == edges[:-1] and edges[-1] == end_us else None


def _without_repeats(lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
    keep = np.ones(len(lon), dtype=bool)
    keep[1:] = (np.diff(lon) != 0) | (np.diff(lat) != 0)
    return lon[keep], lat[keep]


def _kmh(distance_m: float, duration_us: int) -> float:
    return round(distance_m / duration_us * 3.6e6, 3) if duration_us else 0.0
