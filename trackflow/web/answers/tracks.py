"""Tracks and stops as GeoJSON."""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Literal, TypedDict

from trackflow.geo import polylines
from trackflow.geo.geojson import (
    Feature,
    FeatureCollection,
    LineString,
    MultiLineString,
    Point,
    feature,
    feature_collection,
    geojson_line,
)
from trackflow.usecases.days.naming import TrackNote
from trackflow.usecases.queries import tracks as queries
from trackflow.usecases.queries.stops import Stop
from trackflow.web.answers.describing import described, shows
from trackflow.web.answers.legs import LegAnswer, legs_answer
from trackflow.web.answers.sending import GEOJSON
from trackflow.web.cursors import write_cursor


@described
class TrackProperties(TypedDict):
    """A track."""

    track_id: uuid.UUID
    """It stays valid: late points lead an old id to the track that covers its beginning."""
    device_id: str
    start_time: dt.datetime
    """Of the first point, UTC."""
    end_time: dt.datetime
    """Of the last point, UTC."""
    began: str
    """Why it begins: gap, speed, mixed, hidden, stop, or midnight (the day before waits)."""
    ended: str
    """Why it ends: gap, speed, mixed, hidden, stop, or midnight (the day after waits)."""
    distance_m: float
    """Length of the line on roads; of the reported points where there are no roads."""
    raw_distance_m: float
    """Length of the line of the reported points."""
    unobserved_m: float
    """The part of the distance that is too far from any point to be sure of the way."""
    duration_s: float
    average_speed_kmh: float
    max_speed_kmh: float
    point_count: int
    matched_share: float | None
    """Share of the track's time whose line lies on roads, 0 to 1."""
    confidence: float | None
    """How well the line on roads explains the points, 0 to 1; null without such a line."""
    mode: str
    """The device's profile: car, bicycle or foot."""
    travel_mode: str | None
    """Of the longest of its legs, such as walking or train; null before they are found."""
    category: str | None
    """What it was for; null while nothing decides."""
    purpose: str | None
    """Null while nobody says."""
    name: str | None
    """Given by a person, as is the note; it stays with the track through every recompute."""
    note: str | None


@described
class TrackNoteAnswer(TypedDict):
    """A name and a note of a track."""

    device_id: str
    start_time: dt.datetime
    """Of the track, UTC."""
    end_time: dt.datetime
    """Of the track, UTC."""
    name: str | None
    """Null for none."""
    note: str | None
    """Null for none."""
    decided_by: str
    decided_at: dt.datetime


@described
class TrackFeature(TypedDict):
    """GeoJSON of a track."""

    type: Literal["Feature"]
    id: str
    """The track's id."""
    geometry: LineString | MultiLineString
    """The requested line."""
    properties: TrackProperties


@described
class TracksAnswer(TypedDict):
    """GeoJSON of a page of tracks."""

    type: Literal["FeatureCollection"]
    features: list[TrackFeature]
    """By start."""
    next: str | None
    """The `cursor` of the following page; null on the last one."""


@described
class ExplanationTexts(TypedDict):
    """Why a track is one: the rule, the measured value and the limit."""

    began: str
    """Why it begins where it does."""
    ended: str
    """Why it ends where it does."""


@described
class TrackAnswer(TypedDict):
    """GeoJSON of one track, and why it is one."""

    type: Literal["Feature"]
    id: str
    """The track's id: another one than requested if late points have moved its beginning."""
    geometry: LineString | MultiLineString
    """The line on roads."""
    properties: TrackProperties
    raw: LineString | MultiLineString
    """The line of the reported points."""
    explanation: ExplanationTexts
    legs: list[LegAnswer]
    """Its parts by travel mode, by start; the first and last may reach beyond it."""


@described
class StopProperties(TypedDict):
    """A stay between two tracks."""

    device_id: str
    start_time: dt.datetime
    """When the track before it ends, UTC."""
    end_time: dt.datetime
    """When the track after it begins, UTC."""
    duration_s: float


type StopFeature = Feature[Point, StopProperties]
type StopsAnswer = FeatureCollection[StopFeature]


def tracks_answer(page: queries.TrackPage, simplify_m: float = 0.0) -> TracksAnswer:
    """A page of tracks, whose lines may be off by `simplify_m` metres."""
    return {
        "type": "FeatureCollection",
        "features": [_feature(track, simplify_m) for track in page.tracks],
        "next": None if page.following is None else write_cursor(page.following),
    }


def track_answer(found: queries.TrackExplanation) -> TrackAnswer:
    """One track."""
    return {
        **_feature(found.track),
        "raw": geojson_line(polylines.positions(found.raw_polyline)),
        "explanation": {"began": found.began, "ended": found.ended},
        **legs_answer(found.legs),
    }


def note_answer(one: TrackNote) -> TrackNoteAnswer:
    """A name and a note."""
    return {
        "device_id": one.device_id,
        "start_time": one.start_time,
        "end_time": one.end_time,
        "name": one.name,
        "note": one.note,
        "decided_by": one.decided_by,
        "decided_at": one.decided_at,
    }


def stops_answer(stops: Sequence[Stop]) -> StopsAnswer:
    """Stops."""
    return feature_collection([_stop(stop) for stop in stops])


def _feature(track: queries.PageTrack, simplify_m: float = 0.0) -> TrackFeature:
    return {
        "type": "Feature",
        "id": str(track.track_id),
        "geometry": geojson_line(track.positions(simplify_m)),
        "properties": {
            "track_id": track.track_id,
            "device_id": track.device_id,
            "start_time": track.start_time,
            "end_time": track.end_time,
            "began": track.began,
            "ended": track.ended,
            "distance_m": track.distance_m,
            "raw_distance_m": track.raw_distance_m,
            "unobserved_m": track.unobserved_m,
            "duration_s": track.duration_s,
            "average_speed_kmh": track.average_speed_kmh,
            "max_speed_kmh": track.max_speed_kmh,
            "point_count": track.point_count,
            "matched_share": track.matched_share,
            "confidence": track.confidence,
            "mode": track.mode,
            "travel_mode": track.travel_mode,
            "category": track.category,
            "purpose": track.purpose,
            "name": track.name,
            "note": track.note,
        },
    }


def _stop(stop: Stop) -> StopFeature:
    position: Point = {"type": "Point", "coordinates": [stop.longitude, stop.latitude]}
    return feature(
        position,
        {
            "device_id": stop.device_id,
            "start_time": stop.start_time,
            "end_time": stop.end_time,
            "duration_s": stop.duration_s,
        },
    )


_ID = uuid.UUID("7d7e2b86-56d5-5f0e-8f39-0c6f6a3b5a10")
_START = dt.datetime(2026, 9, 21, 14, 13, 20, tzinfo=dt.UTC)
_END = _START + dt.timedelta(minutes=12)
_LINE: LineString = {
    "type": "LineString",
    "coordinates": [[24.9384, 60.1699], [24.9412, 60.1711], [24.9456, 60.1719]],
}
_TRACK: TrackFeature = {
    "type": "Feature",
    "id": str(_ID),
    "geometry": _LINE,
    "properties": {
        "track_id": _ID,
        "device_id": "bus-7",
        "start_time": _START,
        "end_time": _END,
        "began": "stop",
        "ended": "gap",
        "distance_m": 4310.2,
        "raw_distance_m": 4250.9,
        "unobserved_m": 0.0,
        "duration_s": 720.0,
        "average_speed_kmh": 21.6,
        "max_speed_kmh": 52.1,
        "point_count": 144,
        "matched_share": 0.98,
        "confidence": 0.91,
        "mode": "car",
        "travel_mode": "bus",
        "category": "business",
        "purpose": "Line 7",
        "name": "Detour by the harbour",
        "note": None,
    },
}
_TRACKS: TracksAnswer = {"type": "FeatureCollection", "features": [_TRACK], "next": None}
_ONE: TrackAnswer = {
    **_TRACK,
    "raw": _LINE,
    "explanation": {
        "began": "It begins at 2026-09-21T14:13:20Z (stop): the device stays where it is.",
        "ended": "It ends at 2026-09-21T14:25:20Z (gap): there is no point for a while.",
    },
    "legs": [
        {
            "device_id": "bus-7",
            "start_time": _START,
            "end_time": _END,
            "mode": "bus",
            "probability": 0.93,
            "distance_m": 4250.9,
            "decided_by": "model",
            "evidence": {"mean_kmh": 21.3, "halts_at_bus_stops": 0.8},
        }
    ],
}
_STOP = Stop("bus-7", _END, _END + dt.timedelta(hours=1), 24.9456, 60.1719)

_NOTE = TrackNote(_ID, "bus-7", _START, _END, "Detour by the harbour", None, "ada", _END)

NOTE = shows(TrackNoteAnswer, note_answer(_NOTE))
TRACKS = shows(TracksAnswer, _TRACKS, media_type=GEOJSON)
TRACK = shows(TrackAnswer, _ONE, media_type=GEOJSON)
STOPS = shows(StopsAnswer, stops_answer([_STOP]), media_type=GEOJSON)
