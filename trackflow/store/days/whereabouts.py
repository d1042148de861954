"""Where tracks went: their bounding boxes, and their lines where these do not say enough."""

import uuid
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.geo.time import from_us
from trackflow.store.days.queries import Devices, of_devices
from trackflow.store.days.track_conditions import touching
from trackflow.store.tables import tracks
from trackflow.store.types import epoch_us

t = tracks.c

MOST_KEYS = 500
"""Per statement: databases limit how many values one may have."""


def read_boxes(
    connection: Connection, device_ids: Devices, start_us: int, end_us: int
) -> Sequence[sa.Row[Any]]:
    """Id, start and end in microseconds, and box of tracks that touch a time, by start.

    The id is as the database has it: most readers need few of them.

    Args:
        connection: to the store.
        device_ids: the devices; None for all.
        start_us: microseconds since 1970.
        end_us: the same, not included.
    """
    start, end = from_us(start_us), from_us(end_us)
    query = (
        sa.select(
            sa.type_coerce(t.track_id, sa.types.NullType()).label("track_id"),
            epoch_us(t.start_time).label("start_us"),
            epoch_us(t.end_time).label("end_us"),
            t.west,
            t.south,
            t.east,
            t.north,
        )
        .where(
            *touching(connection, t, start, end),
            *of_devices(t.device_id, device_ids),
        )
        .order_by(t.start_time, t.track_id)
    )
    return connection.execute(query).all()


def read_matched_lines(
    connection: Connection, track_ids: Sequence[Any]
) -> Iterator[tuple[Any, str]]:
    """The id and the encoded line of tracks, in no order; ids are as in `read_boxes`."""
    key = sa.type_coerce(t.track_id, sa.types.NullType())
    for begin in range(0, len(track_ids), MOST_KEYS):
        some = [uuid.UUID(str(one)) for one in track_ids[begin : begin + MOST_KEYS]]
        query = sa.select(key, t.matched_polyline).where(t.track_id.in_(some))
        yield from ((row[0], row[1]) for row in connection.execute(query))
