"""Tracks and points out of the store, as files of the usual formats, written as they are read."""

import csv
import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO, Any

import orjson

from trackflow.context import Context
from trackflow.errors import SettingsError
from trackflow.exports.gpx import Row, points_gpx, tracks_gpx, visits_gpx
from trackflow.files import whole_file
from trackflow.geo import polylines
from trackflow.geo.geojson import geojson_line, line_parts
from trackflow.geo.points import Floats
from trackflow.store.database import Connection
from trackflow.store.days import tracks as stored_tracks
from trackflow.store.devices import settings
from trackflow.store.intake.point_rows import POINT_COLUMNS, point_rows
from trackflow.store.places.visits import read_visits

VISIT_COLUMNS = (
    "device_id",
    "source",
    "slug",
    "name",
    "start_time",
    "end_time",
    "duration_s",
    "longitude",
    "latitude",
)

HIDDEN = ("raw_polyline", "matched_polyline", "quarters_mm", "content_hash", "updated_at")
"""Columns of a track that are not exported as such: one of its lines is its geometry."""


class What(StrEnum):
    """What can be exported."""

    TRACKS = "tracks"
    POINTS = "points"
    VISITS = "visits"


class ExportFormat(StrEnum):
    """File formats."""

    GEOJSON = "geojson"
    GPX = "gpx"
    CSV = "csv"
    GEOPARQUET = "geoparquet"


class Line(StrEnum):
    """Which of a track's lines is meant."""

    MATCHED = "matched"
    RAW = "raw"


@dataclass(frozen=True, slots=True)
class Selection:
    """Which tracks, points or visits; None means no limit."""

    first: dt.datetime | None = None
    last: dt.datetime | None = None
    device_id: str | None = None


def export(
    context: Context,
    what: What,
    file_format: ExportFormat,
    selection: Selection,
    file: IO[bytes],
    line: Line | None = None,
) -> int:
    """Write the selection to `file`; returns how many tracks, points or visits.

    Lines are the matched ones by default, but in GPX the raw ones: only they have times.

    Raises:
        SettingsError: there is no such device.
    """
    line = line or (Line.RAW if file_format is ExportFormat.GPX else Line.MATCHED)
    with context.store.read() as connection:
        if selection.device_id is not None:
            settings.known(selection.device_id, settings.device_ids(connection))
        if what is What.POINTS:
            return _POINT_WRITERS[file_format](_points(connection, selection), file)
        if what is What.VISITS:
            return _VISIT_WRITERS[file_format](_visits(connection, selection), file)
        rows = _tracks(connection, selection)
        if file_format is ExportFormat.GPX:
            return tracks_gpx(connection, rows, raw=line is Line.RAW, file=file)
        return _TRACK_WRITERS[file_format]((_track_feature(row, line) for row in rows), file)


def export_to_file(
    context: Context,
    what: What,
    file_format: ExportFormat,
    selection: Selection,
    path: Path,
    line: Line | None = None,
) -> int:
    """Like `export`, into a file that appears whole or not at all.

    Raises:
        SettingsError: the file cannot be written, or there is no such device.
    """
    try:
        with whole_file(path) as file:
            return export(context, what, file_format, selection, file, line)
    except OSError as error:
        raise SettingsError(f"cannot write {path}: {error.strerror}") from error


type Feature = tuple[dict[str, Any], Floats]
"""Properties, and longitudes and latitudes of shape (n, 2)."""


def _tracks(connection: Connection, selection: Selection) -> Iterator[Row]:
    return stored_tracks.track_rows(
        connection, selection.first, selection.last, selection.device_id
    )


def _track_feature(row: Row, line: Line) -> Feature:
    properties = {k: _plain(value) for k, value in row.items() if k not in HIDDEN}
    properties["line"] = line.value
    return properties, polylines.positions(row[f"{line}_polyline"])


def _plain(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return value.isoformat()
    return value if isinstance(value, int | float | str | None) else str(value)


def _points(connection: Connection, selection: Selection) -> Iterator[Row]:
    return point_rows(connection, selection.first, selection.last, selection.device_id)


def _visits(connection: Connection, selection: Selection) -> list[dict[str, Any]]:
    wanted = None if selection.device_id is None else (selection.device_id,)
    rows = read_visits(connection, wanted, selection.first, selection.last)
    return [
        {
            **{str(name): _plain(value) for name, value in row._mapping.items()},
            "duration_s": (row.end_time - row.start_time).total_seconds(),
        }
        for row in rows
    ]


def _write_features(features: Iterator[dict[str, Any]], file: IO[bytes]) -> int:
    file.write(b'{"type":"FeatureCollection","features":[')
    count = 0
    for count, feature in enumerate(features, 1):
        file.write(b"\n" if count == 1 else b",\n")
        file.write(orjson.dumps(feature, option=orjson.OPT_SERIALIZE_NUMPY))
    file.write(b"\n]}\n")
    return count


def _tracks_geojson(tracks: Iterator[Feature], file: IO[bytes]) -> int:
    return _write_features(
        (
            {
                "type": "Feature",
                "id": properties["track_id"],
                "properties": properties,
                "geometry": geojson_line(positions),
            }
            for properties, positions in tracks
        ),
        file,
    )


def _points_geojson(points: Iterator[Row], file: IO[bytes]) -> int:
    return _write_features(
        (
            {
                "type": "Feature",
                "properties": {
                    str(name): _plain(value)
                    for name, value in row.items()
                    if name not in ("longitude", "latitude") and value is not None
                },
                "geometry": {"type": "Point", "coordinates": [row["longitude"], row["latitude"]]},
            }
            for row in points
        ),
        file,
    )


def _write_csv(header: Sequence[str], rows: Iterator[dict[str, Any]], file: IO[bytes]) -> int:
    writer = csv.DictWriter(_Lines(file), header, lineterminator="\n")
    writer.writeheader()
    count = 0
    for count, row in enumerate(rows, 1):  # noqa: B007  the number of the last one
        writer.writerow(row)
    return count


class _Lines:
    """What the csv module writes text to."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file

    def write(self, text: str) -> int:
        return self.file.write(text.encode())


def _tracks_csv(tracks: Iterator[Feature], file: IO[bytes]) -> int:
    header = [name for name in stored_tracks.COLUMN_NAMES if name not in HIDDEN]
    return _write_csv(
        [*header, "line", "encoded_polyline"],
        (
            {**properties, "encoded_polyline": polylines.encode(*positions.T)}
            for properties, positions in tracks
        ),
        file,
    )


def _points_csv(points: Iterator[Row], file: IO[bytes]) -> int:
    rows = ({name: _plain(value) for name, value in row.items()} for row in points)
    return _write_csv(POINT_COLUMNS, rows, file)


def _tracks_geoparquet(tracks: Iterator[Feature], file: IO[bytes]) -> int:
    import shapely  # slow to import, and needed by this format only

    features = list(tracks)
    return _write_geoparquet(
        [properties for properties, _ in features],
        [_shape(shapely, positions) for _, positions in features],
        file,
    )


def _shape(shapely: Any, positions: Floats) -> Any:
    lines = [shapely.LineString(part) for part in line_parts(positions)]
    return lines[0] if len(lines) == 1 else shapely.MultiLineString(lines)


def _points_geoparquet(points: Iterator[Row], file: IO[bytes]) -> int:
    import shapely  # slow to import, and needed by this format only

    rows = [dict(row) for row in points]
    geometry = shapely.points(
        [row.pop("longitude") for row in rows], [row.pop("latitude") for row in rows]
    )
    return _write_geoparquet(rows, list(geometry), file)


def _write_geoparquet(rows: list[dict[str, Any]], geometry: list[Any], file: IO[bytes]) -> int:
    import geopandas  # slow to import, and needed by this format only

    geopandas.GeoDataFrame(rows, geometry=geometry, crs="EPSG:4326").to_parquet(file)
    return len(rows)


def _visits_geojson(visits: list[dict[str, Any]], file: IO[bytes]) -> int:
    return _write_features(
        (
            {
                "type": "Feature",
                "geometry": None
                if (place := [visit.pop("longitude"), visit.pop("latitude")])[0] is None
                else {"type": "Point", "coordinates": place},
                "properties": visit,
            }
            for visit in visits
        ),
        file,
    )


def _visits_csv(visits: list[dict[str, Any]], file: IO[bytes]) -> int:
    return _write_csv(VISIT_COLUMNS, iter(visits), file)


def _visits_geoparquet(visits: list[dict[str, Any]], file: IO[bytes]) -> int:
    import shapely  # slow to import, and needed by this format only

    geometry = shapely.points(
        [visit.pop("longitude") for visit in visits], [visit.pop("latitude") for visit in visits]
    )
    return _write_geoparquet(visits, list(geometry), file)


_TRACK_WRITERS: dict[ExportFormat, Callable[[Iterator[Feature], IO[bytes]], int]] = {
    ExportFormat.GEOJSON: _tracks_geojson,
    ExportFormat.CSV: _tracks_csv,
    ExportFormat.GEOPARQUET: _tracks_geoparquet,
}

_POINT_WRITERS: dict[ExportFormat, Callable[[Iterator[Row], IO[bytes]], int]] = {
    ExportFormat.GEOJSON: _points_geojson,
    ExportFormat.GPX: points_gpx,
    ExportFormat.CSV: _points_csv,
    ExportFormat.GEOPARQUET: _points_geoparquet,
}


_VISIT_WRITERS: dict[ExportFormat, Callable[[list[dict[str, Any]], IO[bytes]], int]] = {
    ExportFormat.GEOJSON: _visits_geojson,
    ExportFormat.GPX: visits_gpx,
    ExportFormat.CSV: _visits_csv,
    ExportFormat.GEOPARQUET: _visits_geoparquet,
}


def format_of(path: Path) -> ExportFormat | None:
    """The format that a file's ending stands for."""
    endings = {".json": ExportFormat.GEOJSON, ".parquet": ExportFormat.GEOPARQUET}
    known = {f".{f.value}": f for f in ExportFormat}
    return {**endings, **known}.get(path.suffix.lower())
