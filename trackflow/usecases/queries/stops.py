"""Stops: where a device stayed between two of its tracks."""

import datetime as dt
from dataclasses import dataclass

import numpy as np

from trackflow.context import Context
from trackflow.geo import polylines
from trackflow.geo.distance import haversine_m
from trackflow.store.days import tracks
from trackflow.store.days.queries import Devices
from trackflow.tracks.silences import is_parked
from trackflow.tracks.thresholds import Thresholds
from trackflow.usecases.queries.limits import check_count
from trackflow.usecases.queries.lines import TimeRange


@dataclass(frozen=True, slots=True)
class Stop:
    """A stop, at the last position of the track before it.

    Attributes:
        device_id: the device.
        start_time: when the track before it ends, UTC.
        end_time: when the track after it begins, UTC.
        longitude: degrees.
        latitude: degrees.
    """

    device_id: str
    start_time: dt.datetime
    end_time: dt.datetime
    longitude: float
    latitude: float

    @property
    def duration_s(self) -> float:
        """How long it lasted."""
        return (self.end_time - self.start_time).total_seconds()


def read_stops(context: Context, device_ids: Devices, when: TimeRange, limit: int) -> list[Stop]:
    """Stops that overlap a time, by device and start.

    Args:
        context: the store.
        device_ids: only these devices; None for all.
        when: the time that stops overlap.
        limit: largest number of stops.

    Raises:
        BadInputError: there are too many.
    """
    with context.store.read() as connection:
        rows = tracks.read_stops(connection, device_ids, when.start, when.end, limit + 1)
    check_count(len(rows), limit, "stops")
    found = []
    for row, (lon, lat) in zip(
        rows, polylines.last_vertices([r.raw_polyline for r in rows]), strict=True
    ):
        stop = Stop(row.device_id, row.start_time, row.end_time, lon, lat)
        if row.is_known or _stood(stop, row.next_polyline):
            found.append(stop)
    return found


def _stood(stop: Stop, next_polyline: str) -> bool:
    """Whether a device that was silent between two tracks was parked there."""
    here = np.array([stop.longitude, stop.latitude])
    there = np.array(polylines.first_vertex(next_polyline))
    apart_m = float(haversine_m(here[:1], here[1:], there[:1], there[1:])[0])
    return is_parked(apart_m, stop.duration_s, Thresholds().dwell_s)
