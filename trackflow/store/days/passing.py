"""Tracks that may pass through a box: by their own boxes, the newest first."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.geo.bbox import Bbox
from trackflow.store.days.queries import Devices, of_devices
from trackflow.store.days.track_conditions import overlapping, touching
from trackflow.store.days.tracks import TrackCursor
from trackflow.store.tables import tracks
from trackflow.store.types import UtcTime

t = tracks.c


def read_candidates(
    connection: Connection,
    box: Bbox,
    *,
    device_ids: Devices,
    start: dt.datetime,
    end: dt.datetime,
    after: TrackCursor | None,
    line: str,
    limit: int,
) -> Sequence[Any]:
    """Tracks of a time whose boxes overlap a box, with a line, the newest first by start and id.

    Args:
        connection: to the store.
        box: degrees.
        device_ids: the devices; None for all.
        start: UTC.
        end: UTC, not included.
        after: the track that the page before ended with; None for the first page.
        line: "matched" or "raw": which of its lines `polyline` is, encoded.
        limit: the largest number of tracks.
    """
    query = (
        sa.select(
            t.track_id,
            t.device_id,
            t.start_time,
            t.end_time,
            t.distance_m,
            t[f"{line}_polyline"].label("polyline"),
        )
        .where(
            *touching(connection, t, start, end),
            overlapping(t, box),
            *of_devices(t.device_id, device_ids),
        )
        .order_by(t.start_time.desc(), t.track_id.desc())
        .limit(limit)
    )
    if after is not None:
        position = sa.tuple_(t.start_time, t.track_id)
        query = query.where(
            t.start_time <= after.start_time,
            position < sa.tuple_(sa.literal(after.start_time, UtcTime), after.track_id),
        )
    return connection.execute(query).all()
