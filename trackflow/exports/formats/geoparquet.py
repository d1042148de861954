"""GeoParquet: the data frames of `trackflow.exports.frames`, as files."""

from collections.abc import Iterable
from typing import IO, Any

from trackflow.exports import frames
from trackflow.usecases.queries.exported import LegRecord, PointRow, StayRow, TrackRecord, VisitRow
from trackflow.usecases.queries.line_sources import LineSource

ENDINGS: tuple[str, ...] = (".geoparquet", ".parquet")
DEFAULT_LINE: LineSource = LineSource.MATCHED


def write_tracks(tracks: Iterable[TrackRecord], line: LineSource, file: IO[bytes]) -> int:
    """Write tracks; returns how many."""
    return _write(frames.tracks_frame(tracks, line), file)


def write_points(points: Iterable[PointRow], file: IO[bytes]) -> int:
    """Write points; returns how many."""
    return _write(frames.points_frame(points), file)


def write_visits(visits: Iterable[VisitRow], file: IO[bytes]) -> int:
    """Write visits; returns how many."""
    return _write(frames.visits_frame(visits), file)


def write_legs(legs: Iterable[LegRecord], file: IO[bytes]) -> int:
    """Write legs; returns how many."""
    return _write(frames.legs_frame(legs), file)


def write_stays(stays: Iterable[StayRow], file: IO[bytes]) -> int:
    """Write stays; returns how many."""
    return _write(frames.stays_frame(stays), file)


def _write(frame: Any, file: IO[bytes]) -> int:
    frame.to_parquet(file)
    return len(frame)
