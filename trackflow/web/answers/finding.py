"""What a search found, tracks that pass somewhere, ends and profiles of tracks."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from typing import TypedDict

import numpy as np

from trackflow.geo.points import Floats
from trackflow.geo.time import from_us
from trackflow.usecases.places.ends import NamedSpot, TrackEnds
from trackflow.usecases.queries.finding import Found
from trackflow.usecases.queries.passing import Passing, PassingPage
from trackflow.usecases.queries.track_points import TrackProfile
from trackflow.web.answers.describing import described, shows
from trackflow.web.cursors import write_cursor


@described
class FoundAnswer(TypedDict):
    """Something that a search found."""

    name: str
    about: str
    """What tells it from others of the same name: a town, a group, a kind; empty for nothing."""
    id: str | None
    """Of a device, place or track."""
    position: list[float] | None
    """Longitude and latitude in degrees."""
    bbox: list[float] | None
    """West, south, east and north in degrees: what a map would show."""
    start_time: dt.datetime | None
    """Of a track or of days, UTC."""
    end_time: dt.datetime | None
    """The same; of days not included."""
    first_day: dt.date | None
    last_day: dt.date | None


@described
class FindAnswer(TypedDict):
    """What fits a text, the best first."""

    devices: list[FoundAnswer]
    places: list[FoundAnswer]
    tracks: list[FoundAnswer]
    """Those with a name or note that fits."""
    streets: list[FoundAnswer]
    """Streets, districts, waters and stations of the road networks' extracts."""
    towns: list[FoundAnswer]
    days: list[FoundAnswer]
    """Days that the text means."""
    positions: list[FoundAnswer]
    """The place of coordinates: latitude and longitude, in degrees."""


@described
class SpotAnswer(TypedDict):
    """What a position is called."""

    name: str
    kind: str
    """place, address or town."""


@described
class PassingAnswer(TypedDict):
    """A track that passes somewhere."""

    track_id: uuid.UUID
    device_id: str
    name: str | None
    """Given by a person."""
    start_time: dt.datetime
    """Of its first point, UTC."""
    end_time: dt.datetime
    """Of its last point, UTC."""
    distance_m: float
    first_there: dt.datetime
    """When it was there first, UTC."""
    last_there: dt.datetime
    """When it was there last, UTC."""
    passes: int
    """How often it was there."""
    start: SpotAnswer | None
    """Where it began."""
    end: SpotAnswer | None
    """Where it ended."""


@described
class PassingsAnswer(TypedDict):
    """A page of tracks that pass somewhere."""

    tracks: list[PassingAnswer]
    """The newest first."""
    next: str | None
    """The `cursor` of the following page; null on the last one."""


@described
class EndsAnswer(TypedDict):
    """From where to where a track went."""

    track_id: uuid.UUID
    start: SpotAnswer | None
    end: SpotAnswer | None


@described
class TracksEndsAnswer(TypedDict):
    """A page of tracks, with where they began and ended."""

    tracks: list[EndsAnswer]
    """By start."""
    next: str | None
    """The `cursor` of the following page; null on the last one."""


@described
class ProfileAnswer(TypedDict):
    """What a device reported along a track; lists of the same length."""

    track_id: uuid.UUID
    step: int
    """A long track has only every second, third or so of its points here."""
    times: list[dt.datetime]
    """UTC."""
    longitudes: list[float]
    latitudes: list[float]
    along_m: list[float]
    """How far the device had come, from point to point."""
    speed_kmh: list[float | None]
    """As reported, else from the point before."""
    altitude_m: list[float | None]
    accuracy_m: list[float | None]


def found_answer(one: Found) -> FoundAnswer:
    """Something that was found."""
    return {
        "name": one.name,
        "about": one.about,
        "id": one.id,
        "position": None if one.position is None else list(one.position),
        "bbox": None if one.bbox is None else list(one.bbox),
        "start_time": one.start_time,
        "end_time": one.end_time,
        "first_day": one.first_day,
        "last_day": one.last_day,
    }


def find_answer(found: Mapping[str, Sequence[Found]]) -> FindAnswer:
    """What a search found."""
    groups = {group: [found_answer(one) for one in some] for group, some in found.items()}
    return {
        "devices": groups.get("device", []),
        "places": groups.get("place", []),
        "tracks": groups.get("track", []),
        "streets": groups.get("street", []),
        "towns": groups.get("town", []),
        "days": groups.get("day", []),
        "positions": groups.get("position", []),
    }


def spot_answer(spot: NamedSpot | None) -> SpotAnswer | None:
    """What a position is called."""
    return None if spot is None else {"name": spot.name, "kind": spot.kind}


def passing_answer(one: Passing) -> PassingAnswer:
    """A track that passes."""
    return {
        "track_id": one.track_id,
        "device_id": one.device_id,
        "name": one.name,
        "start_time": one.start_time,
        "end_time": one.end_time,
        "distance_m": one.distance_m,
        "first_there": one.first_there,
        "last_there": one.last_there,
        "passes": one.passes,
        "start": spot_answer(one.ends.start),
        "end": spot_answer(one.ends.end),
    }


def passings_answer(page: PassingPage) -> PassingsAnswer:
    """A page of tracks that pass."""
    return {
        "tracks": [passing_answer(one) for one in page.tracks],
        "next": None if page.following is None else write_cursor(page.following),
    }


def ends_answer(track_id: uuid.UUID, ends: TrackEnds) -> EndsAnswer:
    """From where to where."""
    return {
        "track_id": track_id,
        "start": spot_answer(ends.start),
        "end": spot_answer(ends.end),
    }


def profile_answer(found: TrackProfile) -> ProfileAnswer:
    """A profile."""
    points = found.points
    return {
        "track_id": found.track_id,
        "step": found.step,
        "times": [from_us(time) for time in points.time_us.tolist()],
        "longitudes": points.lon.tolist(),
        "latitudes": points.lat.tolist(),
        "along_m": np.round(found.along_m, 1).tolist(),
        "speed_kmh": _known(found.speed_kmh),
        "altitude_m": _known(found.altitude_m),
        "accuracy_m": _known(points.accuracy_m),
    }


def _known(values: Floats) -> list[float | None]:
    """The values, rounded; None where there is none."""
    return [None if np.isnan(value) else round(value, 1) for value in values.tolist()]


_ID = uuid.UUID("7d7e2b86-56d5-5f0e-8f39-0c6f6a3b5a10")
_START = dt.datetime(2026, 9, 21, 14, 13, 20, tzinfo=dt.UTC)
_END = _START + dt.timedelta(minutes=12)
_ENDS = TrackEnds(NamedSpot("Depot", "place"), NamedSpot("Helsinki", "town"))
_PASSING = Passing(
    _ID, "bus-7", None, _START, _END, 4310.2,
    _START + dt.timedelta(minutes=3), _START + dt.timedelta(minutes=5), 1, _ENDS,
)  # fmt: skip

FIND = shows(
    FindAnswer,
    find_answer({"street": [Found("street", "Mannerheimintie", "Helsinki", None, (24.93, 60.18))]}),
)
PASSINGS = shows(PassingsAnswer, passings_answer(PassingPage([_PASSING], None)))
ENDS = shows(TracksEndsAnswer, {"tracks": [ends_answer(_ID, _ENDS)], "next": None})
PROFILE = shows(
    ProfileAnswer,
    {
        "track_id": _ID,
        "step": 1,
        "times": [_START, _START + dt.timedelta(seconds=5)],
        "longitudes": [24.9384, 24.9391],
        "latitudes": [60.1699, 60.1702],
        "along_m": [0.0, 51.2],
        "speed_kmh": [None, 36.9],
        "altitude_m": [12.0, 12.5],
        "accuracy_m": [4.0, None],
    },
)
