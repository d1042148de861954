"""Tracks and stops as GeoJSON.

Long ranges are read as simplified lines, page by page, and not as vector tiles: a tile would have
to read and decode every track of the range to keep the few that cross it, and again for each of
the twenty tiles of a view and after each pan. Lines simplified to some metres are read once for a
range; the map library cuts them into tiles itself, in a worker of the browser.
"""

import base64
import binascii
import datetime as dt
import math
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely

from trackflow.context import Context
from trackflow.errors import BadInputError, GoneError, NotFoundError
from trackflow.geo import polylines
from trackflow.geo.distance import METRES_PER_DEGREE, haversine_m
from trackflow.geo.geojson import geojson_line
from trackflow.geo.points import Floats
from trackflow.geo.steps import unwrapped
from trackflow.geo.time import from_us, to_us
from trackflow.store.database import Connection
from trackflow.store.days import track_ids, tracks
from trackflow.store.days.queries import Devices
from trackflow.store.days.tracks import Bbox, TrackCursor
from trackflow.store.devices import settings
from trackflow.store.intake import points
from trackflow.tracks.explain import Explanation, Finding, explain
from trackflow.tracks.silences import is_parked
from trackflow.tracks.thresholds import Thresholds
from trackflow.usecases.queries.lines import TimeRange

__all__ = [
    "Bbox",
    "TrackSelection",
    "read_cursor",
    "read_stops",
    "read_track",
    "read_tracks",
    "simplified",
    "write_cursor",
]

PAGE_BYTES = 4_000_000
"""A page ends when its encoded lines have this size, even below its limit: some 20 MB of
GeoJSON."""

PROPERTIES = (
    "track_id",
    "device_id",
    "start_time",
    "end_time",
    "began",
    "ended",
    "distance_m",
    "raw_distance_m",
    "unobserved_m",
    "duration_s",
    "average_speed_kmh",
    "max_speed_kmh",
    "point_count",
    "matched_share",
    "confidence",
    "mode",
)

CAUSES = {
    "gap": "there is no point for a while",
    "speed": "nothing moves to the next point that fast",
    "mixed": "the points belong to two senders, or to a clock that jumps",
    "stop": "the device stays where it is",
    "midnight": "the neighbouring day has not been processed yet",
}
"""Texts for a cause whose points do not exist any more."""


@dataclass(frozen=True, slots=True)
class TrackSelection:
    """A selection of tracks, and the form of their lines.

    Attributes:
        device_ids: of these devices, None for all.
        when: the time that tracks overlap.
        bbox: only tracks whose bbox overlaps this one, in degrees; None for anywhere.
        line: matched or raw.
        simplify_m: largest deviation of lines, in metres; 0 for exact ones.
        limit: largest number of tracks.
        after: the position after which the page begins; None for the first page.
    """

    device_ids: Devices
    when: TimeRange
    bbox: Bbox | None
    line: str
    simplify_m: float
    limit: int
    after: TrackCursor | None


def read_tracks(context: Context, selection: TrackSelection) -> dict[str, Any]:
    """A page of tracks as a FeatureCollection; `next` is where the following one begins."""
    with context.store.read() as connection:
        found = tracks.read_page(
            connection,
            selection.line,
            device_ids=selection.device_ids,
            start=selection.when.start,
            end=selection.when.end,
            bbox=selection.bbox,
            after=selection.after,
            limit=selection.limit + 1,
        )
        with closing(found) as rows:
            page, is_last = _page(rows, selection.limit)
    last = None if is_last else page[-1]
    return {
        "type": "FeatureCollection",
        "features": _features(page, selection.simplify_m),
        "next": None if last is None else write_cursor(TrackCursor(last.start_time, last.track_id)),
    }


def _page(rows: Iterator[Any], limit: int) -> tuple[list[Any], bool]:
    """The rows of a page, and whether none follow."""
    page: list[Any] = []
    size = 0
    for row in rows:
        size += len(row.polyline)
        if page and (len(page) == limit or size > PAGE_BYTES):
            return page, False
        page.append(row)
    return page, True


def _features(rows: Sequence[Any], simplify_m: float) -> list[dict[str, Any]]:
    geometries = [_line(row.polyline, simplify_m) for row in rows]
    return [
        {
            "type": "Feature",
            "id": str(row.track_id),
            "geometry": geometry,
            "properties": {name: getattr(row, name) for name in PROPERTIES},
        }
        for row, geometry in zip(rows, geometries, strict=True)
    ]


def _line(polyline: str, simplify_m: float = 0.0) -> dict[str, Any]:
    positions = polylines.positions(polyline)
    if simplify_m and len(positions) > 2:
        positions = simplified(positions, simplify_m)
    return geojson_line(positions)


def simplified(positions: Floats, tolerance_m: float) -> Floats:
    """A line of fewer vertices that nowhere deviates by more than the tolerance.

    Positions are longitude and latitude, shape (n, 2). Longitudes of the result go on beyond 180
    degrees where the line crosses the antimeridian.
    """
    positions = np.column_stack([unwrapped(positions[:, 0]), positions[:, 1]])
    scale = max(math.cos(math.radians(float(positions[:, 1].mean()))), 1e-6)
    line = shapely.linestrings(positions * (scale, 1.0))
    simple = shapely.simplify(line, tolerance_m / METRES_PER_DEGREE, preserve_topology=False)
    kept: Floats = shapely.get_coordinates(simple) / (scale, 1.0)
    return np.round(kept, polylines.PRECISION)


def write_cursor(position: TrackCursor) -> str:
    """Make an opaque text of a position."""
    plain = to_us(position.start_time).to_bytes(8, "big", signed=True) + position.track_id.bytes
    return base64.urlsafe_b64encode(plain).decode()


def read_cursor(cursor: str) -> TrackCursor:
    """Parse the text of `write_cursor`.

    Raises:
        BadInputError: it is something else.
    """
    try:
        plain = base64.b64decode(cursor.encode("ascii"), altchars=b"-_", validate=True)
        if len(plain) == 24:
            start_time = from_us(int.from_bytes(plain[:8], "big", signed=True))
            return TrackCursor(start_time, uuid.UUID(bytes=plain[8:]))
    except (binascii.Error, UnicodeEncodeError, OverflowError):
        pass
    raise BadInputError("`cursor` is not the `next` of an answer")


def read_track(context: Context, track_id: uuid.UUID) -> dict[str, Any]:
    """One track with both of its lines and why it begins and ends; old ids lead to it as well.

    Raises:
        GoneError: there was one, and its points are no track any more.
        NotFoundError: there never was one.
    """
    with context.store.read() as connection:
        found = track_ids.resolve(connection, track_id)
        if isinstance(found, track_ids.FormerTrack):
            raise GoneError(_why_gone(connection, found))
        row = None if found is None else tracks.read_one(connection, found)
        if row is None:
            raise NotFoundError("there is no such track")
        thresholds = settings.read_device(connection, row.device_id).thresholds
        reach = dt.timedelta(seconds=thresholds.reach_s + 1)
        around = [
            points.read_points(connection, row.device_id, to_us(t - reach), to_us(t + reach))
            for t in (row.start_time, row.end_time)
        ]
    begins = _explain(around[0], row.start_time, thresholds)
    ends = _explain(around[1], row.end_time, thresholds)
    began = begins.track.began if begins and begins.track else None
    ended = ends.track.ended if ends and ends.track else None
    (feature,) = _features([row], 0.0)
    return {
        **feature,
        "raw": _line(row.raw_polyline),
        "explanation": {
            "began": _words("begins", row.start_time, row.began, began),
            "ended": _words("ends", row.end_time, row.ended, ended),
        },
    }


def _why_gone(connection: Connection, former: track_ids.FormerTrack) -> str:
    """The reason that the beginning of a former track belongs to no track any more."""
    if former.start_time is None:
        return "this track was deleted: it is older than what is kept (TRACKFLOW_RETENTION_DAYS)"
    start_us = to_us(former.start_time)
    thresholds = settings.read_device(connection, former.device_id).thresholds
    reach_us = round(thresholds.reach_s * 1e6) + 1
    around = points.read_points(
        connection, former.device_id, start_us - reach_us, start_us + reach_us
    )
    found = _explain(around, former.start_time, thresholds)
    if found is None:
        return "this is no track any more: its first point is not stored any more"
    if found.track is not None:
        return "this is no track any more: what is left of it is too short to be one"
    return f"this is no track any more: its first point is {found.kind}, {found.findings[0].text}"


def _explain(around: Any, moment: dt.datetime, thresholds: Thresholds) -> Explanation | None:
    """The explanation of the point at a moment; None if the point does not exist any more."""
    found = explain(around, to_us(moment), thresholds) if len(around) else None
    return found if found is not None and found.time_us == to_us(moment) else None


def _words(verb: str, time: dt.datetime, cause: str, finding: Finding | None) -> str:
    moment = time.isoformat(timespec="seconds").replace("+00:00", "Z")
    why = finding.text if finding is not None else f"{CAUSES.get(cause, cause)}."
    return f"It {verb} at {moment} ({cause}): {why}"


def read_stops(
    context: Context, device_ids: Devices, when: TimeRange, limit: int
) -> dict[str, Any]:
    """Stops that overlap a time: where a device stayed between two of its tracks.

    Args:
        context: the store.
        device_ids: only these devices; None for all.
        when: the time that stops overlap.
        limit: largest number of stops.

    Raises:
        BadInputError: there are too many.
    """
    with context.store.read() as connection:
        rows = tracks.read_stops(connection, device_ids, when.start, when.end, limit + 1)
    if len(rows) > limit:
        raise BadInputError(f"these are more than {limit:,} stops: ask for a shorter time")
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "geometry": {"type": "Point", "coordinates": _last_position(row.raw_polyline)},
                "properties": {
                    "device_id": row.device_id,
                    "start_time": row.start_time,
                    "end_time": row.end_time,
                    "duration_s": (row.end_time - row.start_time).total_seconds(),
                },
            }
            for row in rows
            if row.is_known or _stood(row)
        ],
    }


def _stood(row: Any) -> bool:
    """Whether a device that was silent between two tracks was parked there."""
    here, there = (
        np.array(_last_position(row.raw_polyline)),
        np.array(polylines.first_vertex(row.next_polyline)),
    )
    apart_m = float(haversine_m(here[:1], here[1:], there[:1], there[1:])[0])
    silent_s = (row.end_time - row.start_time).total_seconds()
    return is_parked(apart_m, silent_s, Thresholds().dwell_s)


def _last_position(polyline: str) -> list[float]:
    last: list[float] = polylines.positions(polyline)[-1].tolist()
    return last
