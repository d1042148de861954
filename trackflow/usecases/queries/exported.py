"""What is exported, as writers and frames take it: plain values, row by row."""

import datetime as dt
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from trackflow.context import Context
from trackflow.geo import polylines
from trackflow.geo.points import Floats, Points
from trackflow.geo.time import EARLIEST, LATEST
from trackflow.store.categories.legs import LEG_COLUMNS, read_legs
from trackflow.store.days.tracks import COLUMN_NAMES, OUTCOME_NAMES, track_rows
from trackflow.store.devices import settings
from trackflow.store.intake.point_rows import POINT_COLUMNS, point_rows
from trackflow.store.places.visits import read_visits
from trackflow.usecases.places.reading import Visit
from trackflow.usecases.places.reading import read_visits as read_stays
from trackflow.usecases.queries.line_sources import LineSource
from trackflow.usecases.queries.lines import TimeRange
from trackflow.usecases.queries.track_points import points_between

__all__ = [
    "LEG_COLUMNS",
    "POINT_COLUMNS",
    "STAY_COLUMNS",
    "TRACK_COLUMNS",
    "VISIT_COLUMNS",
    "LegRecord",
    "LineSource",
    "PointRow",
    "RowFilter",
    "StayRow",
    "TrackRecord",
    "VisitRow",
    "check_device",
    "legs",
    "points",
    "stay_row",
    "stays",
    "tracks",
    "visit_row",
    "visits",
]

TRACK_COLUMNS = tuple(
    name
    for name in (*COLUMN_NAMES, *OUTCOME_NAMES)
    if name not in ("raw_polyline", "matched_polyline", "quarters_mm", "content_hash", "updated_at")
)
"""Columns of a track that are exported as such; one of its lines is its geometry."""

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

STAY_COLUMNS = (
    "device_id",
    "start_time",
    "end_time",
    "duration_s",
    "place_id",
    "place",
    "kind",
    "address",
    "longitude",
    "latitude",
)

type PointRow = Mapping[str, Any]
"""The values of `POINT_COLUMNS` by name."""

type VisitRow = dict[str, Any]
"""The values of `VISIT_COLUMNS` by name; longitude and latitude may be None."""


type StayRow = dict[str, Any]
"""The values of `STAY_COLUMNS` by name; of a stay that goes on the end is None."""


@dataclass(frozen=True, slots=True)
class RowFilter:
    """A filter of what is exported; None means no limit."""

    first: dt.datetime | None = None
    last: dt.datetime | None = None
    device_ids: tuple[str, ...] | None = None

    @property
    def each_device(self) -> Sequence[str | None]:
        """The devices in order; one None stands for all."""
        return (None,) if self.device_ids is None else sorted(set(self.device_ids))


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """A track as it is exported.

    Attributes:
        values: of `TRACK_COLUMNS`, by name.
        polylines: both lines, encoded.
        read_points: reads the points with their times from the store.
    """

    values: dict[str, Any]
    polylines: dict[LineSource, str]
    read_points: Callable[[], Points]

    def positions(self, line: LineSource) -> Floats:
        """Longitude and latitude of each vertex of a line, shape (n, 2)."""
        return polylines.positions(self.polylines[line])


def tracks(context: Context, chosen: RowFilter) -> Iterator[TrackRecord]:
    """Tracks that overlap a time, by device and start, read one by one.

    Raises:
        SettingsError: there is no such device.
    """
    _check_devices(context, chosen)
    with context.store.read() as connection:
        for one in chosen.each_device:
            for row in track_rows(connection, chosen.first, chosen.last, one):
                device_id, start, end = row["device_id"], row["start_time"], row["end_time"]

                yield TrackRecord(
                    {name: row[name] for name in TRACK_COLUMNS},
                    {line: row[f"{line}_polyline"] for line in LineSource},
                    functools.partial(points_between, connection, device_id, start, end),
                )


@dataclass(frozen=True, slots=True)
class LegRecord:
    """A leg as it is exported: the values of `LEG_COLUMNS`, and what reads its points."""

    values: dict[str, Any]
    read_points: Callable[[], Points]

    def positions(self) -> Floats:
        """Longitude and latitude of each point, shape (n, 2)."""
        points = self.read_points()
        return np.column_stack([points.lon, points.lat])


def legs(context: Context, chosen: RowFilter) -> Iterator[LegRecord]:
    """Legs that overlap a time, by device and start, read one by one.

    Raises:
        SettingsError: there is no such device.
    """
    _check_devices(context, chosen)
    with context.store.read() as connection:
        for row in read_legs(connection, chosen.device_ids, chosen.first, chosen.last):
            place = (row["device_id"], row["start_time"], row["end_time"])
            yield LegRecord(
                {name: row[name] for name in LEG_COLUMNS},
                functools.partial(points_between, connection, *place),
            )


def points(context: Context, chosen: RowFilter) -> Iterator[PointRow]:
    """Points of a time, by device and time, read one by one.

    Raises:
        SettingsError: there is no such device.
    """
    _check_devices(context, chosen)
    with context.store.read() as connection:
        for device_id in chosen.each_device:
            yield from point_rows(connection, chosen.first, chosen.last, device_id)


def visits(context: Context, chosen: RowFilter) -> Iterator[VisitRow]:
    """Visits that overlap a time, by device and start.

    Raises:
        SettingsError: there is no such device.
    """
    _check_devices(context, chosen)
    with context.store.read() as connection:
        rows = read_visits(connection, chosen.device_ids, chosen.first, chosen.last)
    yield from map(visit_row, rows)


def visit_row(row: Any) -> VisitRow:
    """A stored visit with its duration."""
    values = {str(name): value for name, value in row._mapping.items()}
    return values | {"duration_s": (row.end_time - row.start_time).total_seconds()}


def stays(context: Context, chosen: RowFilter) -> Iterator[StayRow]:
    """Stays that overlap a time, with place and address, by device and start.

    Raises:
        SettingsError: there is no such device.
    """
    _check_devices(context, chosen)
    when = TimeRange(chosen.first or EARLIEST, chosen.last or LATEST)
    yield from map(stay_row, read_stays(context, chosen.device_ids, when))


def stay_row(visit: Visit) -> StayRow:
    """A stay with its duration, place and address."""
    stay, place = visit.stay, visit.place
    return {
        "device_id": stay.device_id,
        "start_time": stay.start_time,
        "end_time": stay.end_time,
        "duration_s": visit.duration_s,
        "place_id": None if place is None else place.place_id,
        "place": None if place is None else place.name,
        "kind": None if place is None else place.kind,
        "address": visit.address,
        "longitude": stay.longitude,
        "latitude": stay.latitude,
    }


def _check_devices(context: Context, chosen: RowFilter) -> None:
    for device_id in chosen.each_device:
        check_device(context, device_id)


def check_device(context: Context, device_id: str | None) -> None:
    """Refuse a device that the store does not know; None stands for all.

    Raises:
        SettingsError: there is no such device.
    """
    if device_id is not None:
        with context.store.read() as connection:
            settings.known(device_id, settings.device_ids(connection))
