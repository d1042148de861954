"""Conditions that find tracks, and rows that have their times or boxes, by the indexes on these."""

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.geo.bbox import Bbox
from trackflow.store.days.track_ids import longest


def touching(
    connection: Connection, columns: Any, start: dt.datetime, end: dt.datetime
) -> tuple[sa.ColumnElement[bool], ...]:
    """The conditions that a row touches a time.

    Args:
        connection: to the store.
        columns: with `start_time` and `end_time` of the row, which lasts no longer than any track.
        start: UTC.
        end: UTC, not included.
    """
    return (
        # a bound on the start, so that the index on it is used
        columns.start_time >= start - longest(connection),
        columns.start_time < end,
        columns.end_time >= start,
    )


def overlapping(columns: Any, bbox: Bbox) -> sa.ColumnElement[bool]:
    """The condition that a row's bounding box overlaps another; either may cross the antimeridian.

    Args:
        columns: with `west`, `south`, `east` and `north` of the row.
        bbox: the other box.
    """
    across = columns.west > columns.east
    if bbox.west <= bbox.east:
        plain = sa.and_(~across, columns.west <= bbox.east, columns.east >= bbox.west)
        crossing = sa.and_(across, sa.or_(columns.west <= bbox.east, columns.east >= bbox.west))
        sideways = sa.or_(plain, crossing)
    else:
        sideways = sa.or_(across, columns.west <= bbox.east, columns.east >= bbox.west)
    return sa.and_(columns.south <= bbox.north, columns.north >= bbox.south, sideways)
