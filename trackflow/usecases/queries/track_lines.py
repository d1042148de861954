"""The matched lines of tracks with their times."""

import datetime as dt
from dataclasses import dataclass

from trackflow.context import Context
from trackflow.geo import polylines
from trackflow.geo.points import Floats
from trackflow.geo.time import to_us
from trackflow.store.days import tracks


@dataclass(frozen=True, slots=True, eq=False)
class TrackLine:
    """The line of a track.

    Attributes:
        start_us: when it begins, in microseconds since 1970.
        end_us: when it ends, in microseconds since 1970.
        lon: longitudes of its vertices, degrees.
        lat: latitudes of its vertices, degrees.
    """

    start_us: int
    end_us: int
    lon: Floats
    lat: Floats


def read_lines(
    context: Context,
    device_id: str,
    first: dt.datetime | None = None,
    last: dt.datetime | None = None,
) -> list[TrackLine]:
    """The lines of a device's tracks that overlap `[first, last)`, in order of time.

    Args:
        context: the store.
        device_id: of the device.
        first: UTC; None for no limit.
        last: UTC; None for no limit.
    """
    with context.store.read() as connection:
        return [
            TrackLine(
                to_us(row["start_time"]),
                to_us(row["end_time"]),
                *polylines.decode(row["matched_polyline"]),
            )
            for row in tracks.track_rows(connection, first, last, device_id)
        ]
