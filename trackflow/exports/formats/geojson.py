"""GeoJSON (RFC 7946): a collection of features, one on each line."""

from collections.abc import Iterable
from typing import IO, Any

import orjson

from trackflow.exports.values import plain
from trackflow.geo.geojson import geojson_line, geojson_point
from trackflow.usecases.queries.exported import LegRecord, PointRow, StayRow, TrackRecord, VisitRow
from trackflow.usecases.queries.line_sources import LineSource

ENDINGS: tuple[str, ...] = (".geojson", ".json")
DEFAULT_LINE: LineSource = LineSource.MATCHED


def write_tracks(tracks: Iterable[TrackRecord], line: LineSource, file: IO[bytes]) -> int:
    """Write tracks; returns how many."""
    return _write((_track_feature(track, line) for track in tracks), file)


def write_points(points: Iterable[PointRow], file: IO[bytes]) -> int:
    """Write points; returns how many. A member that is not known is left out."""
    return _write((_point_feature(row) for row in points), file)


def write_visits(visits: Iterable[VisitRow], file: IO[bytes]) -> int:
    """Write visits; returns how many. The geometry of an unknown place is null."""
    return write_places(visits, file)


def write_places(rows: Iterable[dict[str, Any]], file: IO[bytes]) -> int:
    """Write rows with a longitude and a latitude, which may be None; returns how many."""
    return _write((_place_feature(row) for row in rows), file)


def write_legs(legs: Iterable[LegRecord], file: IO[bytes]) -> int:
    """Write legs as lines of their points; returns how many."""
    return _write((_leg_feature(leg) for leg in legs), file)


def write_stays(stays: Iterable[StayRow], file: IO[bytes]) -> int:
    """Write stays as points; returns how many."""
    return _write((_place_feature(stay) for stay in stays), file)


def _leg_feature(leg: LegRecord) -> dict[str, Any]:
    positions = leg.positions()
    return {
        "type": "Feature",
        "properties": {name: plain(value) for name, value in leg.values.items()},
        # a pause between two tracks may have no points, and a line has two or more
        "geometry": geojson_line(positions) if len(positions) > 1 else None,
    }


def _track_feature(track: TrackRecord, line: LineSource) -> dict[str, Any]:
    properties = {name: plain(value) for name, value in track.values.items()}
    return {
        "type": "Feature",
        "id": properties["track_id"],
        "properties": properties | {"line": line.value},
        "geometry": geojson_line(track.positions(line)),
    }


def _point_feature(row: PointRow) -> dict[str, Any]:
    return {
        "type": "Feature",
        "properties": {
            name: plain(value)
            for name, value in row.items()
            if name not in ("longitude", "latitude") and value is not None
        },
        "geometry": geojson_point(row["longitude"], row["latitude"]),
    }


def _place_feature(row: dict[str, Any]) -> dict[str, Any]:
    values = {name: plain(value) for name, value in row.items()}
    geometry = geojson_point(values.pop("longitude"), values.pop("latitude"))
    return {"type": "Feature", "geometry": geometry, "properties": values}


def _write(features: Iterable[dict[str, Any]], file: IO[bytes]) -> int:
    file.write(b'{"type":"FeatureCollection","features":[')
    count = 0
    for count, feature in enumerate(features, 1):
        file.write(b"\n" if count == 1 else b",\n")
        file.write(orjson.dumps(feature, option=orjson.OPT_SERIALIZE_NUMPY))
    file.write(b"\n]}\n")
    return count
