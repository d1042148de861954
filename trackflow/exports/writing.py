"""Writes tracks, points, visits, legs and stays of the store to files of common formats.

Each format is a module of `formats`, and writes rows as they are read.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import IO, Protocol

from trackflow.context import Context
from trackflow.exports.choices import ExportFormat, ExportSubject
from trackflow.exports.formats import csv, geojson, geoparquet, gpx
from trackflow.files import chosen_file
from trackflow.usecases.queries.exported import (
    LegRecord,
    PointRow,
    RowFilter,
    StayRow,
    TrackRecord,
    VisitRow,
    legs,
    points,
    stays,
    tracks,
    visits,
)
from trackflow.usecases.queries.line_sources import LineSource

__all__ = [
    "ExportFormat",
    "ExportSubject",
    "LineSource",
    "RowFilter",
    "Writer",
    "export",
    "export_to_file",
    "format_of",
]


class Writer(Protocol):
    """Writes one file format. Every function returns how many it wrote."""

    ENDINGS: tuple[str, ...]
    """Endings of file names, each with its dot."""

    DEFAULT_LINE: LineSource
    """The line of a track that is written by default."""

    def write_tracks(self, tracks: Iterator[TrackRecord], line: LineSource, file: IO[bytes]) -> int:
        """Write tracks, each with one of its lines."""
        ...

    def write_points(self, points: Iterator[PointRow], file: IO[bytes]) -> int:
        """Write points; they come ordered by device and time."""
        ...

    def write_visits(self, visits: Iterator[VisitRow], file: IO[bytes]) -> int:
        """Write visits; those without a place lack a geometry."""
        ...

    def write_legs(self, legs: Iterator[LegRecord], file: IO[bytes]) -> int:
        """Write legs, with the line of their points where the format has lines."""
        ...

    def write_stays(self, stays: Iterator[StayRow], file: IO[bytes]) -> int:
        """Write stays, with the place and address of those that have them."""
        ...


WRITERS: dict[ExportFormat, Writer] = {
    ExportFormat.GEOJSON: geojson,
    ExportFormat.GPX: gpx,
    ExportFormat.CSV: csv,
    ExportFormat.GEOPARQUET: geoparquet,
}


def export(
    context: Context,
    subject: ExportSubject,
    file_format: ExportFormat,
    chosen: RowFilter,
    file: IO[bytes],
    line: LineSource | None = None,
) -> int:
    """Write tracks, points, visits, legs or stays to an open file; returns how many.

    Args:
        context: the store.
        subject: what to write.
        file_format: in which format.
        chosen: which of them.
        file: binary, open for writing.
        line: of tracks; by default the matched one, but in GPX the raw one: only it has times.

    Raises:
        SettingsError: there is no such device.
    """
    writer = WRITERS[file_format]
    if subject is ExportSubject.POINTS:
        return writer.write_points(points(context, chosen), file)
    if subject is ExportSubject.VISITS:
        return writer.write_visits(visits(context, chosen), file)
    if subject is ExportSubject.LEGS:
        return writer.write_legs(legs(context, chosen), file)
    if subject is ExportSubject.STAYS:
        return writer.write_stays(stays(context, chosen), file)
    return writer.write_tracks(tracks(context, chosen), line or writer.DEFAULT_LINE, file)


def export_to_file(
    context: Context,
    subject: ExportSubject,
    file_format: ExportFormat,
    chosen: RowFilter,
    path: Path,
    line: LineSource | None = None,
) -> int:
    """Like `export`, into a file that appears whole or not at all.

    Args:
        context: the store.
        subject: what to write.
        file_format: in which format.
        chosen: which of them.
        path: of the file; one that exists is replaced.
        line: of tracks; see `export`.

    Raises:
        SettingsError: the file cannot be written, or there is no such device.
    """
    with chosen_file(path) as file:
        return export(context, subject, file_format, chosen, file, line)


def format_of(path: Path) -> ExportFormat | None:
    """The format that a file's ending stands for."""
    ending = path.suffix.lower()
    return next((name for name, writer in WRITERS.items() if ending in writer.ENDINGS), None)
