"""Visits to race tracks as GeoJSON."""

import datetime as dt
from collections.abc import Iterable
from typing import TypedDict

from trackflow.geo.geojson import (
    Feature,
    FeatureCollection,
    Point,
    feature,
    feature_collection,
    geojson_point,
)
from trackflow.usecases.queries.exported import VisitRow
from trackflow.web.answers.describing import described, shows
from trackflow.web.answers.sending import GEOJSON


@described
class VisitProperties(TypedDict):
    """A stay of a device at a race track."""

    device_id: str
    source: str
    """The source that lists the race track."""
    slug: str
    """The race track's key within its source."""
    name: str
    """The race track's name."""
    start_time: dt.datetime
    """UTC."""
    end_time: dt.datetime
    """UTC."""
    duration_s: float


type VisitFeature = Feature[Point | None, VisitProperties]
type VisitsAnswer = FeatureCollection[VisitFeature]


def visits_answer(rows: Iterable[VisitRow]) -> VisitsAnswer:
    """Visits, each where its race track is."""
    return feature_collection([_visit(row) for row in rows])


def _visit(row: VisitRow) -> VisitFeature:
    return feature(
        geojson_point(row["longitude"], row["latitude"]),
        {
            "device_id": row["device_id"],
            "source": row["source"],
            "slug": row["slug"],
            "name": row["name"],
            "start_time": row["start_time"],
            "end_time": row["end_time"],
            "duration_s": row["duration_s"],
        },
    )


_START = dt.datetime(2026, 9, 19, 9, 2, 10, tzinfo=dt.UTC)
_VISIT: VisitRow = {
    "device_id": "van",
    "source": "liverc",
    "slug": "northtown",
    "name": "Northtown Raceway",
    "start_time": _START,
    "end_time": _START + dt.timedelta(hours=6),
    "duration_s": 21_600.0,
    "longitude": 24.9384,
    "latitude": 60.1699,
}

VISITS = shows(VisitsAnswer, visits_answer([_VISIT]), media_type=GEOJSON)
