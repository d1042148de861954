"""Places, what people decided about them, and stays at them."""

import datetime as dt
import io
import uuid
from typing import TypedDict

from trackflow.exports.formats.csv import write_stays
from trackflow.geo.geojson import (
    Feature,
    FeatureCollection,
    Point,
    feature,
    feature_collection,
    geojson_point,
)
from trackflow.places.areas import PlaceStatus
from trackflow.usecases.places.reading import PlaceDecision, PlaceRow, StayRow, Visit
from trackflow.usecases.queries.exported import stay_row
from trackflow.web.answers.describing import described, sends, shows
from trackflow.web.answers.sending import GEOJSON


@described
class PlaceAnswer(TypedDict):
    """A place."""

    place_id: uuid.UUID
    device_id: str | None
    """The only device that it counts for; null for all."""
    name: str
    kind: str
    """home, work, customer, race_track or other."""
    longitude: float
    latitude: float
    radius_m: float
    status: str
    """learned, confirmed, rejected or merged."""
    confidence: float | None
    """Of a learned place, 0 to 1: for home the share of known nights, for work that of known
    working days, for others by the number of days."""
    merged_into: uuid.UUID | None
    changed_by: str | None


@described
class PlacesAnswer(TypedDict):
    """Places."""

    places: list[PlaceAnswer]
    """By device, kind and name."""


@described
class PlaceDecisionAnswer(TypedDict):
    """What a person did to a place."""

    decision_id: uuid.UUID
    action: str
    """add, confirm, change, merge or reject."""
    decided_by: str
    decided_at: dt.datetime
    undone_at: dt.datetime | None


@described
class PlaceHistoryAnswer(TypedDict):
    """A place and its history."""

    place: PlaceAnswer
    decisions: list[PlaceDecisionAnswer]
    """The newest first."""


@described
class ChangedPlaceAnswer(TypedDict):
    """A place after a change."""

    place: PlaceAnswer | None
    """Null if the place is gone: adding it was undone."""


@described
class StayProperties(TypedDict):
    """A stay of a device; a visit, if it was at a place."""

    device_id: str
    start_time: dt.datetime
    """UTC."""
    end_time: dt.datetime | None
    """UTC; null while the device is there."""
    duration_s: float | None
    place_id: uuid.UUID | None
    place: str | None
    """The place's name; null for a stay at no known place."""
    kind: str | None
    address: str | None
    """Null where none is known, or none is asked for."""


type StayFeature = Feature[Point | None, StayProperties]
type StaysAnswer = FeatureCollection[StayFeature]


def place_answer(row: PlaceRow) -> PlaceAnswer:
    """A place."""
    return {
        "place_id": row.place_id,
        "device_id": row.device_id,
        "name": row.name,
        "kind": row.kind,
        "longitude": row.longitude,
        "latitude": row.latitude,
        "radius_m": row.radius_m,
        "status": row.status.value,
        "confidence": row.confidence,
        "merged_into": row.merged_into,
        "changed_by": row.changed_by,
    }


def places_answer(rows: list[PlaceRow]) -> PlacesAnswer:
    """Places."""
    return {"places": [place_answer(row) for row in rows]}


def history_answer(row: PlaceRow, decisions: list[PlaceDecision]) -> PlaceHistoryAnswer:
    """A place and its history."""
    return {
        "place": place_answer(row),
        "decisions": [
            {
                "decision_id": one.decision_id,
                "action": one.action,
                "decided_by": one.decided_by,
                "decided_at": one.decided_at,
                "undone_at": one.undone_at,
            }
            for one in decisions
        ],
    }


def stays_answer(visits: list[Visit]) -> StaysAnswer:
    """Stays, each where the device was."""
    return feature_collection([_stay(visit) for visit in visits])


def stays_csv(visits: list[Visit]) -> bytes:
    """The same as CSV, as `trackflow export stays` writes it."""
    file = io.BytesIO()
    write_stays(map(stay_row, visits), file)
    return file.getvalue()


def _stay(visit: Visit) -> StayFeature:
    row = stay_row(visit)
    return feature(
        geojson_point(row["longitude"], row["latitude"]),
        {
            "device_id": row["device_id"],
            "start_time": row["start_time"],
            "end_time": row["end_time"],
            "duration_s": row["duration_s"],
            "place_id": row["place_id"],
            "place": row["place"],
            "kind": row["kind"],
            "address": row["address"],
        },
    )


_START = dt.datetime(2026, 9, 21, 6, 27, 10, tzinfo=dt.UTC)
_PLACE = PlaceRow(
    uuid.UUID("6f6e4f1c-6a0b-5c1e-9c57-3a4be1b6c0d4"),
    "van",
    "Work",
    "work",
    24.9384,
    60.1699,
    90.0,
    PlaceStatus.LEARNED,
    0.82,
)
_CONFIRMED = PlaceDecision(
    uuid.UUID("0b7c2a3e-9a5d-4c0e-8a54-1f2d3c4b5a69"), _PLACE.place_id, "van", "confirm",
    None, {}, "anna", _START,
)  # fmt: skip
_VISIT = Visit(
    StayRow("van", _START, None, 24.9384, 60.1699, "24.93850,60.17000", _PLACE.place_id),
    _PLACE,
    "Mannerheimintie 1, 00100 Helsinki",
)

PLACES = shows(PlacesAnswer, places_answer([_PLACE]))
PLACE = shows(PlaceHistoryAnswer, history_answer(_PLACE, [_CONFIRMED]))
CHANGED = shows(ChangedPlaceAnswer, {"place": place_answer(_PLACE)})
NEW = shows(ChangedPlaceAnswer, {"place": place_answer(_PLACE)}, status=201)
STAYS_CSV = sends("text/csv", "A header, and a row for each stay.")
STAYS = shows(StaysAnswer, stays_answer([_VISIT]), media_type=GEOJSON)
