"""Tracks, points, visits, legs and stays as GPX 1.1, written as they are read."""

import datetime as dt
import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, Any
from xml.sax.saxutils import escape

import numpy as np

from trackflow.geo.geojson import line_parts
from trackflow.geo.points import Points
from trackflow.usecases.queries.exported import LegRecord, PointRow, StayRow, TrackRecord, VisitRow
from trackflow.usecases.queries.line_sources import LineSource

ENDINGS: tuple[str, ...] = (".gpx",)
DEFAULT_LINE: LineSource = LineSource.RAW
"""Only the reported points have times."""

ACROSS_DEG = 180
"""A step over more degrees of longitude goes the other way: over the antimeridian."""

GPX_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<gpx version="1.1" creator="trackflow" xmlns="http://www.topografix.com/GPX/1/1"'
    ' xmlns:t="https://trackflow.invalid/gpx/1">\n'
)


def write_tracks(tracks: Iterable[TrackRecord], line: LineSource, file: IO[bytes]) -> int:
    """Write tracks: raw ones as points with times, matched ones as lines on roads, without.

    The extensions hold each track's length. A line over the antimeridian is cut there.
    Returns how many.
    """
    file.write(GPX_HEAD.encode())
    count = 0
    for track in tracks:
        count += 1
        values = track.values
        name = f"{values['device_id']} {values['start_time'].isoformat()}"
        file.write(f" <trk><name>{escape(name)}</name>{_gpx_track(values)}\n".encode())
        if line is LineSource.RAW:
            for points in _sides(track.read_points()):
                file.write(b" <trkseg>\n")
                file.writelines(_gpx_points(points))
                file.write(b" </trkseg>\n")
        else:
            for part in line_parts(track.positions(line)):
                file.write(b" <trkseg>\n")
                for x, y in part.tolist():
                    file.write(f'  <trkpt lat="{y:.7f}" lon="{x:.7f}"/>\n'.encode())
                file.write(b" </trkseg>\n")
        file.write(b" </trk>\n")
    file.write(b"</gpx>\n")
    return count


def write_legs(legs: Iterable[LegRecord], file: IO[bytes]) -> int:
    """Write legs as tracks whose type is the mode; returns how many."""
    file.write(GPX_HEAD.encode())
    count = 0
    for leg in legs:
        count += 1
        values = leg.values
        name = f"{values['device_id']} {values['start_time'].isoformat()} {values['mode']}"
        device = f"<extensions>{_gpx_device(values['device_id'])}</extensions>"
        # GPX wants the type before the extensions
        file.write(
            f" <trk><name>{escape(name)}</name><type>{values['mode']}</type>{device}\n".encode()
        )
        for points in _sides(leg.read_points()):
            file.write(b" <trkseg>\n")
            file.writelines(_gpx_points(points))
            file.write(b" </trkseg>\n")
        file.write(b" </trk>\n")
    file.write(b"</gpx>\n")
    return count


def _gpx_track(row: Mapping[str, Any]) -> str:
    return (
        f"<extensions>{_gpx_device(row['device_id'])}<t:distance_m>{row['distance_m']!r}</t:distance_m>"
        f"<t:raw_distance_m>{row['raw_distance_m']!r}</t:raw_distance_m></extensions>"
    )


def _gpx_device(device_id: str) -> str:
    """The device as an extension: GPX has no element for it; `import` reads it back."""
    return f"<t:device_id>{escape(device_id)}</t:device_id>"


def _sides(points: Points) -> Iterator[Points]:
    """Points on one side of the antimeridian after those on the other.

    No point is added at the antimeridian, unlike in a line: each point of GPX was reported at its
    time.
    """
    crossed = np.flatnonzero(np.abs(np.diff(points.lon)) > ACROSS_DEG) + 1
    edges = [0, *crossed.tolist(), len(points)]
    for low, high in itertools.pairwise(edges):
        yield points[low:high]


def _gpx_points(points: Points) -> Iterator[bytes]:
    epoch = dt.datetime(1970, 1, 1)  # noqa: DTZ001  shown with a Z
    for time_us, lon, lat in zip(
        points.time_us.tolist(), points.lon.tolist(), points.lat.tolist(), strict=True
    ):
        time = (epoch + dt.timedelta(microseconds=time_us)).isoformat()
        yield (f'  <trkpt lat="{lat:.7f}" lon="{lon:.7f}"><time>{time}Z</time></trkpt>\n'.encode())


def write_points(points: Iterable[PointRow], file: IO[bytes]) -> int:
    """Write points, a track for each device; returns how many."""
    file.write(GPX_HEAD.encode())
    count = 0
    for device_id, rows in itertools.groupby(points, key=lambda row: row["device_id"]):
        device = f"<extensions>{_gpx_device(device_id)}</extensions>"
        file.write(f" <trk><name>{escape(device_id)}</name>{device}<trkseg>\n".encode())
        before = None
        for row in rows:
            count += 1
            if before is not None and abs(row["longitude"] - before) > ACROSS_DEG:
                file.write(b" </trkseg><trkseg>\n")
            before = row["longitude"]
            altitude = row["altitude_m"]
            ele = "" if altitude is None else f"<ele>{altitude!r}</ele>"
            time = row["recorded_at"].isoformat().replace("+00:00", "Z")
            file.write(
                f'  <trkpt lat="{row["latitude"]:.7f}" lon="{row["longitude"]:.7f}">'
                f"{ele}<time>{time}</time>{_gpx_extensions(row)}</trkpt>\n".encode()
            )
        file.write(b" </trkseg></trk>\n")
    file.write(b"</gpx>\n")
    return count


def _gpx_extensions(row: PointRow) -> str:
    """Values as extensions, for which GPX has no element; `import` reads them back."""
    names = {"accuracy_m": "accuracy", "speed_ms": "speed", "course_deg": "course"}
    known = [(tag, row[name]) for name, tag in names.items() if row[name] is not None]
    inner = "".join(f"<t:{tag}>{value!r}</t:{tag}>" for tag, value in known)
    return f"<extensions>{inner}</extensions>" if inner else ""


def write_visits(visits: Iterable[VisitRow], file: IO[bytes]) -> int:
    """Write waypoints: where and when a visit began, with the race track's name.

    Returns how many; a visit to an unknown place has none.
    """
    known = (visit for visit in visits if visit["longitude"] is not None)
    return _write_waypoints(((visit, visit["name"]) for visit in known), file)


def write_stays(stays: Iterable[StayRow], file: IO[bytes]) -> int:
    """Write waypoints: where and when a stay began, with its place or address.

    Returns how many.
    """
    named = ((stay, stay["place"] or stay["address"] or "stay") for stay in stays)
    return _write_waypoints(named, file)


def _write_waypoints(named: Iterable[tuple[Mapping[str, Any], str]], file: IO[bytes]) -> int:
    """Write rows with their names; one without an end goes on."""
    file.write(GPX_HEAD.encode())
    count = 0
    for count, (row, name) in enumerate(named, 1):  # noqa: B007  the number of the last one
        start, end = row["start_time"], row["end_time"]
        description = row["device_id"] if end is None else f"{row['device_id']} until {_utc(end)}"
        file.write(
            f' <wpt lat="{row["latitude"]:.7f}" lon="{row["longitude"]:.7f}"><time>{_utc(start)}'
            f"</time><name>{escape(name)}</name><desc>{escape(description)}</desc></wpt>\n".encode()
        )
    file.write(b"</gpx>\n")
    return count


def _utc(time: dt.datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")
