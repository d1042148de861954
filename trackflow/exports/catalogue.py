"""Writes race tracks to files: CSV, which can be a source's list again, and GeoJSON."""

from collections.abc import Callable, Iterable
from typing import IO, Any

from trackflow.exports.choices import CatalogueFormat
from trackflow.exports.formats import csv, geojson
from trackflow.usecases.catalogue.race_tracks import COLUMNS

__all__ = ["CatalogueFormat", "write_race_tracks"]


def _write_csv(tracks: Iterable[dict[str, Any]], file: IO[bytes]) -> int:
    return csv.write_rows(COLUMNS, tracks, file)


type _Write = Callable[[Iterable[dict[str, Any]], IO[bytes]], int]

_WRITERS: dict[CatalogueFormat, _Write] = {
    CatalogueFormat.CSV: _write_csv,
    CatalogueFormat.GEOJSON: geojson.write_places,
}


def write_race_tracks(
    tracks: Iterable[dict[str, Any]], file_format: CatalogueFormat, file: IO[bytes]
) -> int:
    """Write race tracks; returns how many. In GeoJSON one without coordinates has no geometry."""
    return _WRITERS[file_format](tracks, file)
