"""CSV: a header, and a row for each track, point or other thing; lines as encoded polylines."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from typing import IO, Any

from trackflow.exports.values import plain
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

ENDINGS: tuple[str, ...] = (".csv",)
DEFAULT_LINE: LineSource = LineSource.MATCHED


def write_tracks(tracks: Iterable[TrackRecord], line: LineSource, file: IO[bytes]) -> int:
    """Write tracks; returns how many."""
    rows = (
        track.values
        | {
            "line": line.value,
            "encoded_polyline": track.polylines[line],
        }
        for track in tracks
    )
    return write_rows([*TRACK_COLUMNS, "line", "encoded_polyline"], rows, file)


def write_points(points: Iterable[PointRow], file: IO[bytes]) -> int:
    """Write points; returns how many."""
    return write_rows(POINT_COLUMNS, points, file)


def write_visits(visits: Iterable[VisitRow], file: IO[bytes]) -> int:
    """Write visits; returns how many."""
    return write_rows(VISIT_COLUMNS, visits, file)


def write_legs(legs: Iterable[LegRecord], file: IO[bytes]) -> int:
    """Write legs; returns how many."""
    return write_rows(LEG_COLUMNS, (leg.values for leg in legs), file)


def write_stays(stays: Iterable[StayRow], file: IO[bytes]) -> int:
    """Write stays; returns how many."""
    return write_rows(STAY_COLUMNS, stays, file)


def write_rows(header: Sequence[str], rows: Iterable[Mapping[str, Any]], file: IO[bytes]) -> int:
    """Write a header and rows, by its names; returns how many rows."""
    writer = csv.DictWriter(_EncodedText(file), header, lineterminator="\n")
    writer.writeheader()
    count = 0
    for count, row in enumerate(rows, 1):  # noqa: B007  the number of the last one
        writer.writerow({name: plain(value) for name, value in row.items()})
    return count


class _EncodedText:
    """A text file for the csv module on a binary one."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file

    def write(self, text: str) -> int:
        return self.file.write(text.encode())
