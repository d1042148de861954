"""The points of a track: those that the rules kept, with what was reported of them."""

import datetime as dt
import uuid
from dataclasses import dataclass

import numpy as np

from trackflow.context import Context
from trackflow.geo.distance import step_m
from trackflow.geo.lookup import find_in
from trackflow.geo.points import Floats, Ints, Points
from trackflow.geo.time import to_us
from trackflow.store.database import Connection
from trackflow.store.days.segments import read_days
from trackflow.store.intake.points import read_reported
from trackflow.usecases.queries.track_by_id import track_by_id

MOST_SHOWN = 2000
"""Points of a profile: a screen has no more columns."""


@dataclass(frozen=True, slots=True, eq=False)
class TrackProfile:
    """What a device reported along a track. All arrays have shape (n,).

    Attributes:
        track_id: of the track.
        points: its points; of a long track every second, third or so, and the last one.
        along_m: how far the device had come, from point to point.
        speed_kmh: as reported, else from the point before; NaN where neither is known.
        altitude_m: as reported; NaN where it was not.
        step: how many points of the track there are for each that is here.
    """

    track_id: uuid.UUID
    points: Points
    along_m: Floats
    speed_kmh: Floats
    altitude_m: Floats
    step: int


def points_between(
    connection: Connection, device_id: str, start: dt.datetime, end: dt.datetime
) -> Points:
    """The points of the track of a device from a first to a last one."""
    days = read_days(connection, device_id, start.date(), end.date())
    kept = Points.concat([part.points for day in sorted(days) for part in days[day]])
    return kept.between(to_us(start), to_us(end) + 1)


def read_profile(context: Context, track_id: uuid.UUID) -> TrackProfile:
    """Speeds, heights and accuracies along a track; old ids lead to it as well.

    Raises:
        NotFoundError: there is no such track (`GoneError` where there was one).
    """
    with context.store.read() as connection:
        row = track_by_id(connection, track_id)
        points = points_between(connection, row.device_id, row.start_time, row.end_time)
        span = to_us(row.start_time), to_us(row.end_time) + 1
        times, speeds, heights = read_reported(connection, row.device_id, *span)
    steps_m = step_m(points.lon, points.lat)
    seconds = np.diff(points.time_us) / 1e6
    between = np.concatenate([[np.nan], steps_m / np.maximum(seconds, 1e-6) * 3.6])
    speed = _at(points.time_us, times, speeds)
    along = np.concatenate([[0.0], np.cumsum(steps_m)])[: len(points)]
    step = max(1, -(-len(points) // MOST_SHOWN))
    chosen = np.unique(np.append(np.arange(0, len(points), step), max(len(points) - 1, 0)))
    chosen = chosen[: len(points)]
    return TrackProfile(
        row.track_id,
        points[chosen],
        along[chosen],
        np.where(np.isnan(speed), between[: len(points)], speed)[chosen],
        _at(points.time_us, times, heights)[chosen],
        step,
    )


def _at(wanted: Ints, times: Ints, values: Floats) -> Floats:
    """The values at some of their times; NaN at times that have none."""
    found = np.full(len(wanted), np.nan)
    place, is_there = find_in(times, wanted)
    found[is_there] = values[place[is_there]]
    return found
