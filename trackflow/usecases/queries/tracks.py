"""Tracks page by page, and one by one with why they are tracks."""

import datetime as dt
import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from trackflow.context import Context
from trackflow.geo import polylines
from trackflow.geo.bbox import Bbox
from trackflow.geo.points import Floats
from trackflow.geo.simplifying import simplified
from trackflow.geo.time import to_us
from trackflow.store.days import track_notes, tracks
from trackflow.store.days.queries import Devices
from trackflow.store.days.track_notes import TrackNote
from trackflow.store.days.tracks import TrackCursor
from trackflow.store.devices import settings
from trackflow.store.intake import points
from trackflow.tracks.explain import Finding
from trackflow.usecases.queries.legs import LegRow, legs_of_track, main_modes
from trackflow.usecases.queries.lines import TimeRange
from trackflow.usecases.queries.track_by_id import explain_moment, track_by_id

__all__ = [
    "PageTrack",
    "TrackCursor",
    "TrackExplanation",
    "TrackPage",
    "TrackSelection",
    "read_track",
    "read_tracks",
]

PAGE_BYTES = 4_000_000
"""A page ends when its encoded lines have this size, even below its limit: some 20 MB of
GeoJSON."""

CAUSES = {
    "gap": "there is no point for a while",
    "speed": "nothing moves to the next point that fast",
    "mixed": "the points belong to two senders, or to a clock that jumps",
    "hidden": "a person has hidden the points beside it",
    "stop": "the device stays where it is",
    "midnight": "the neighbouring day has not been processed yet",
}
"""Texts for a cause whose points do not exist any more."""


@dataclass(frozen=True, slots=True)
class TrackSelection:
    """A selection of tracks.

    Attributes:
        device_ids: of these devices, None for all.
        when: the time that tracks overlap.
        bbox: only tracks whose bbox overlaps this one, in degrees; None for anywhere.
        line: matched or raw.
        limit: largest number of tracks.
        after: the position after which the page begins; None for the first page.
        newest_first: in the reverse order of their starts.
    """

    device_ids: Devices
    when: TimeRange
    bbox: Bbox | None
    line: str
    limit: int
    after: TrackCursor | None
    newest_first: bool = False


@dataclass(frozen=True, slots=True)
class PageTrack:
    """A track with one of its lines.

    Attributes:
        track_id: its id.
        device_id: of its device.
        start_time: of its first point, UTC.
        end_time: of its last point, UTC.
        began: why it begins: gap, speed, mixed, stop, or midnight.
        ended: why it ends.
        distance_m: along the line on roads.
        raw_distance_m: along the reported points.
        unobserved_m: the part of its distance between points too far apart to know the way.
        duration_s: from its first to its last point.
        average_speed_kmh: over all its time.
        max_speed_kmh: the highest speed that holds for several points.
        point_count: number of its points.
        matched_share: share of its time that follows roads; None before it is matched.
        confidence: how well the line on roads explains the points, 0 to 1.
        mode: the device's profile.
        category: what it was for; None while nothing decides.
        purpose: of the trip; None while nobody says.
        travel_mode: of the longest of its legs; None before they are found.
        name: given by a person; None without one.
        note: given by a person; None without one.
        polyline: one of its lines, encoded with precision 5.
    """

    track_id: uuid.UUID
    device_id: str
    start_time: dt.datetime
    end_time: dt.datetime
    began: str
    ended: str
    distance_m: float
    raw_distance_m: float
    unobserved_m: float
    duration_s: float
    average_speed_kmh: float
    max_speed_kmh: float
    point_count: int
    matched_share: float | None
    confidence: float | None
    mode: str
    category: str | None
    purpose: str | None
    polyline: str
    travel_mode: str | None = None
    name: str | None = None
    note: str | None = None

    def positions(self, simplify_m: float = 0.0) -> Floats:
        """Longitude and latitude of each vertex in degrees, shape (n, 2).

        Lines of a page are decoded one by one, as they are written: all at once would take twice
        the memory, and a fifth more time.

        Args:
            simplify_m: largest deviation of the line, in metres; 0 for the exact one.
        """
        positions = polylines.positions(self.polyline)
        if simplify_m and len(positions) > 2:
            return simplified(positions, simplify_m)
        return positions


_ADDED = ("travel_mode", "name", "note")
_COLUMNS = tuple(name for name in PageTrack.__dataclass_fields__ if name not in _ADDED)


@dataclass(frozen=True, slots=True)
class TrackPage:
    """A page of tracks; `following` is where the next one begins, None on the last page."""

    tracks: list[PageTrack]
    following: TrackCursor | None


@dataclass(frozen=True, slots=True)
class TrackExplanation:
    """A track with both of its lines, and why it begins and ends.

    Attributes:
        track: with its line on roads.
        raw_polyline: the line of the reported points, encoded with precision 5.
        began: why it begins, in words.
        ended: why it ends, in words.
        legs: those that lie in it, also in part, by start.
    """

    track: PageTrack
    raw_polyline: str
    began: str
    ended: str
    legs: list[LegRow]


def read_tracks(context: Context, selection: TrackSelection) -> TrackPage:
    """A page of tracks."""
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
            newest_first=selection.newest_first,
        )
        with closing(found) as rows:
            page, is_last = _page(rows, selection.limit)
        modes = main_modes(connection, page)
        notes = track_notes.of_tracks(connection, page)
    last = None if is_last else page[-1]
    return TrackPage(
        [_track(row, modes, notes) for row in page],
        None if last is None else TrackCursor(last.start_time, last.track_id),
    )


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


def _track(
    row: Any, modes: Mapping[uuid.UUID, str], notes: Mapping[uuid.UUID, list[TrackNote]]
) -> PageTrack:
    values = {name: getattr(row, name) for name in _COLUMNS}
    own = notes.get(row.track_id)
    name, note = (own[-1].name, own[-1].note) if own else (None, None)
    return PageTrack(**values, travel_mode=modes.get(row.track_id), name=name, note=note)


def read_track(context: Context, track_id: uuid.UUID) -> TrackExplanation:
    """One track with both of its lines and why it begins and ends; old ids lead to it as well.

    Raises:
        GoneError: there was one, and its points are no track any more.
        NotFoundError: there never was one.
    """
    with context.store.read() as connection:
        row = track_by_id(connection, track_id)
        modes = main_modes(connection, [row])
        notes = track_notes.of_tracks(connection, [row])
        legs = legs_of_track(connection, row)
        thresholds = settings.read_device(connection, row.device_id).thresholds
        reach = dt.timedelta(seconds=thresholds.reach_s + 1)
        around = [
            points.read_split(connection, row.device_id, to_us(t - reach), to_us(t + reach))
            for t in (row.start_time, row.end_time)
        ]
    begins = explain_moment(*around[0], row.start_time, thresholds)
    ends = explain_moment(*around[1], row.end_time, thresholds)
    began = begins.track.began if begins and begins.track else None
    ended = ends.track.ended if ends and ends.track else None
    return TrackExplanation(
        _track(row, modes, notes),
        row.raw_polyline,
        _words("begins", row.start_time, row.began, began),
        _words("ends", row.end_time, row.ended, ended),
        legs,
    )


def _words(verb: str, time: dt.datetime, cause: str, finding: Finding | None) -> str:
    moment = time.isoformat(timespec="seconds").replace("+00:00", "Z")
    why = finding.text if finding is not None else f"{CAUSES.get(cause, cause)}."
    return f"It {verb} at {moment} ({cause}): {why}"
