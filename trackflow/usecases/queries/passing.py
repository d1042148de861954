"""Tracks that pass through an area, with the times at which they were there.

A track passes through an area if its line does: between vertices too, and exactly. The line on
roads has no times of its own. A moment on it is that of the nearest place between two points: of
several as near, the earliest for the begin and the latest for the end.
"""

import datetime as dt
import uuid
from dataclasses import dataclass
from typing import Any

import numpy as np

from trackflow.context import Context
from trackflow.geo import polylines
from trackflow.geo.crossing import Area, bbox_of, place_on, spans_within
from trackflow.geo.distance import METRES_PER_DEGREE, wrap_degrees
from trackflow.geo.points import Floats, Points
from trackflow.geo.steps import unwrapped
from trackflow.geo.time import from_us
from trackflow.store.database import Connection
from trackflow.store.days import passing as store
from trackflow.store.days import track_notes
from trackflow.store.days.queries import Devices
from trackflow.store.days.tracks import TrackCursor
from trackflow.usecases.places.ends import TrackEnds, ends_of
from trackflow.usecases.queries.line_sources import LineSource
from trackflow.usecases.queries.lines import TimeRange
from trackflow.usecases.queries.track_points import points_between

CANDIDATES = 250
"""Tracks whose boxes overlap the area, read at once."""

MOST_CANDIDATES = 2000
"""Of one page: their lines are looked at, and a page has to end."""

AS_NEAR_M = 30.0
"""A place is as near as the nearest one if it is not farther away by more than this."""


@dataclass(frozen=True, slots=True)
class PassingQuery:
    """Which tracks are looked for.

    Attributes:
        area: where they pass.
        device_ids: of these devices; None for all.
        when: the time that they overlap.
        line: which of their lines passes.
        limit: largest number of tracks of a page.
        after: the position after which the page begins; None for the first page.
    """

    area: Area
    device_ids: Devices
    when: TimeRange
    line: LineSource = LineSource.MATCHED
    limit: int = 100
    after: TrackCursor | None = None


@dataclass(frozen=True, slots=True)
class Passing:
    """A track that passes through an area.

    Attributes:
        track_id: its id.
        device_id: its device.
        name: given by a person; None without one.
        start_time: of its first point, UTC.
        end_time: of its last point, UTC.
        distance_m: its length.
        first_there: when it was in the area first, UTC.
        last_there: when it was in the area last, UTC.
        passes: how often it was there.
        ends: where it began and ended.
    """

    track_id: uuid.UUID
    device_id: str
    name: str | None
    start_time: dt.datetime
    end_time: dt.datetime
    distance_m: float
    first_there: dt.datetime
    last_there: dt.datetime
    passes: int
    ends: TrackEnds


@dataclass(frozen=True, slots=True)
class PassingPage:
    """Tracks, the newest first.

    Attributes:
        tracks: those that pass.
        following: where the next page begins; None on the last page.
    """

    tracks: list[Passing]
    following: TrackCursor | None


def read_passing(context: Context, wanted: PassingQuery) -> PassingPage:
    """A page of tracks that pass through an area, the newest first.

    It may hold fewer tracks than its limit, or none, and still have a following one: no more than
    `MOST_CANDIDATES` lines are looked at.
    """
    found: list[tuple[Any, list[tuple[float, float]], Floats, Floats, Points]] = []
    after, looked = wanted.after, 0
    following: TrackCursor | None = None
    with context.store.read() as connection:
        while True:
            rows = _candidates(connection, wanted, after)
            for row in rows:
                lon, lat = polylines.decode(row.polyline or "")
                after = TrackCursor(row.start_time, row.track_id)
                spans = spans_within(lon, lat, wanted.area)
                looked += 1
                if spans:
                    points = points_between(connection, row.device_id, row.start_time, row.end_time)
                    found.append((row, spans, lon, lat, points))
                if len(found) == wanted.limit or looked == MOST_CANDIDATES:
                    following = after
                    break
            if following is not None or len(rows) < CANDIDATES:
                break
        if following is not None and not _candidates(connection, wanted, following, 1):
            following = None
        tracks = [row for row, *_ in found]
        notes = track_notes.of_tracks(connection, tracks)
        ends = ends_of(
            connection, [(row.device_id, points.lon, points.lat) for row, _, _, _, points in found]
        )
    return PassingPage(
        [
            _passing(row, spans, lon, lat, points, notes, its_ends)
            for (row, spans, lon, lat, points), its_ends in zip(found, ends, strict=True)
        ],
        following,
    )


def _candidates(
    connection: Connection, wanted: PassingQuery, after: TrackCursor | None, most: int = CANDIDATES
) -> Any:
    return store.read_candidates(
        connection,
        bbox_of(wanted.area),
        device_ids=wanted.device_ids,
        start=wanted.when.start,
        end=wanted.when.end,
        after=after,
        line=wanted.line.value,
        limit=most,
    )


def _passing(
    row: Any,
    spans: list[tuple[float, float]],
    lon: Floats,
    lat: Floats,
    points: Points,
    notes: Any,
    ends: TrackEnds,
) -> Passing:
    across = unwrapped(lon)
    first, last = (
        moment_at(points, place_on(across, where), place_on(lat, where), is_last=is_last)
        for where, is_last in ((spans[0][0], False), (spans[-1][1], True))
    )
    begin, end = sorted((row.start_time if first is None else first,
                         row.end_time if last is None else last))  # fmt: skip
    own = notes.get(row.track_id)
    return Passing(
        row.track_id,
        row.device_id,
        own[-1].name if own else None,
        row.start_time,
        row.end_time,
        row.distance_m,
        begin,
        end,
        len(spans),
        ends,
    )


def moment_at(points: Points, lon: float, lat: float, *, is_last: bool) -> dt.datetime | None:
    """When a device was at a place, or nearest to it; None without points.

    Args:
        points: of the device, in order of time.
        lon: degrees.
        lat: degrees.
        is_last: the latest of several moments, not the earliest.
    """
    if not len(points):
        return None
    # on a plane around the place; the rest of the track may lie where it wants
    x = wrap_degrees(points.lon - lon) * np.cos(np.radians(lat)) * METRES_PER_DEGREE
    y = (points.lat - lat) * METRES_PER_DEGREE
    if len(points) == 1:
        return from_us(int(points.time_us[0]))
    dx, dy = np.diff(x), np.diff(y)
    square = np.maximum(dx * dx + dy * dy, 1e-12)
    share = np.clip(-(x[:-1] * dx + y[:-1] * dy) / square, 0.0, 1.0)
    away = np.hypot(x[:-1] + share * dx, y[:-1] + share * dy)
    near = np.flatnonzero(away <= away.min() + AS_NEAR_M)
    # the nearest of the steps that follow each other there
    runs = np.split(near, np.flatnonzero(np.diff(near) > 1) + 1)
    run = runs[-1 if is_last else 0]
    k = int(run[np.argmin(away[run])])
    step_us = int(points.time_us[k + 1]) - int(points.time_us[k])
    return from_us(int(points.time_us[k]) + round(float(share[k]) * step_us))
