"""What is exported as geopandas frames in WGS 84; times are UTC, units in the names."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from trackflow.geo.geojson import line_parts
from trackflow.geo.points import Floats
from trackflow.usecases.queries.exported import (
    LEG_COLUMNS,
    POINT_COLUMNS,
    STAY_COLUMNS,
    TRACK_COLUMNS,
    VISIT_COLUMNS,
    LegRecord,
    LineSource,
    PointRow,
    StayRow,
    TrackRecord,
    VisitRow,
)

if TYPE_CHECKING:
    from geopandas import GeoDataFrame
else:
    GeoDataFrame = Any

CRS = "EPSG:4326"

_TIMES = ("recorded_at", "start_time", "end_time")


def tracks_frame(tracks: Iterable[TrackRecord], line: LineSource) -> GeoDataFrame:
    """A row for each track, with one of its lines as geometry."""
    records = list(tracks)
    rows = [record.values | {"line": line.value} for record in records]
    geometry = [shape_of(record.positions(line)) for record in records]
    return frame_of(rows, (*TRACK_COLUMNS, "line"), geometry)


def points_frame(points: Iterable[PointRow]) -> GeoDataFrame:
    """A row for each point."""
    return _point_frame([dict(row) for row in points], POINT_COLUMNS)


def visits_frame(visits: Iterable[VisitRow]) -> GeoDataFrame:
    """A row for each visit; the geometry of an unknown place is missing."""
    return _point_frame(list(visits), VISIT_COLUMNS)


def stays_frame(stays: Iterable[StayRow]) -> GeoDataFrame:
    """A row for each stay."""
    return _point_frame(list(stays), STAY_COLUMNS)


def legs_frame(legs: Iterable[LegRecord]) -> GeoDataFrame:
    """A row for each leg, with the line of its points; a leg of fewer than two has none."""
    rows, geometry = [], []
    for leg in legs:  # each in its turn: its points can be read while the store is
        line = leg.positions()
        rows.append(leg.values)
        geometry.append(shape_of(line) if len(line) > 1 else None)
    return frame_of(rows, LEG_COLUMNS, geometry)


def frame_of(
    rows: Sequence[dict[str, Any]], columns: Sequence[str], geometry: Sequence[Any]
) -> GeoDataFrame:
    """Rows with their geometries; all columns are there also when there are no rows."""
    import geopandas  # slow to import, and needed by frames only
    import pandas as pd

    frame = pd.DataFrame.from_records(list(rows), columns=list(columns))
    for name in frame.columns.intersection(list(_TIMES)):
        frame[name] = pd.to_datetime(frame[name], utc=True)
    for name in frame.columns.intersection(["track_id", "place_id"]):
        frame[name] = frame[name].map(str, na_action="ignore")  # a file has no type for a UUID
    return geopandas.GeoDataFrame(frame, geometry=list(geometry), crs=CRS)


def shape_of(positions: Floats) -> Any:
    """A line, or its parts where it crosses the antimeridian; `positions` has shape (n, 2)."""
    import shapely  # slow to import, and needed by frames only

    lines = [shapely.LineString(part) for part in line_parts(positions)]
    return lines[0] if len(lines) == 1 else shapely.MultiLineString(lines)


def _point_frame(rows: list[dict[str, Any]], columns: Sequence[str]) -> GeoDataFrame:
    import shapely  # slow to import, and needed by frames only

    places = [(row.pop("longitude"), row.pop("latitude")) for row in rows]
    geometry = [None if None in position else shapely.Point(position) for position in places]
    return frame_of(rows, [n for n in columns if n not in ("longitude", "latitude")], geometry)
