"""Where tracks went: their bounding boxes, and their lines where these do not say enough."""

import uuid
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.geo.time import from_us
from trackflow.store.days.queries import Devices, of_devices
from trackflow.store.days.track_conditions import touching
from trackflow.store.tables import track_overviews, tracks
from trackflow.store.types import epoch_us

o, t = track_overviews.c, tracks.c

MOST_KEYS = 500
"""Per statement: databases limit how many values one may have."""


def read_boxes(
    connection: Connection, device_ids: Devices, start_us: int, end_us: int
) -> Sequence[Sequence[Any]]:
    """Ids, starts and ends in microseconds, and edges of the boxes of tracks that touch a time.

    Each is a column (west, south, east, north are the last four); there is none without tracks.
    Rows are in no order.

    They are those of the overviews, which lie close together: exact lines do not lie between them.
    Ids are as the database has them, as most readers need few.

    Args:
        connection: to the store.
        device_ids: the devices; None for all.
        start_us: microseconds since 1970.
        end_us: the same, not included.
    """
    start, end = from_us(start_us), from_us(end_us)
    query = sa.select(
        sa.type_coerce(o.track_id, sa.types.NullType()),
        epoch_us(o.start_time),
        epoch_us(o.end_time),
        o.west,
        o.south,
        o.east,
        o.north,
    ).where(*touching(connection, o, start, end), *of_devices(o.device_id, device_ids))
    return list(zip(*connection.execute(query).all(), strict=True))


def read_matched_lines(
    connection: Connection, track_ids: Sequence[Any]
) -> Iterator[tuple[Any, str]]:
    """The id and the encoded line of tracks, in no order; ids are as in `read_boxes`."""
    key = sa.type_coerce(t.track_id, sa.types.NullType())
    for begin in range(0, len(track_ids), MOST_KEYS):
        some = [uuid.UUID(str(one)) for one in track_ids[begin : begin + MOST_KEYS]]
        query = sa.select(key, t.matched_polyline).where(t.track_id.in_(some))
        yield from ((row[0], row[1]) for row in connection.execute(query))
