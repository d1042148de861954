"""Overviews of tracks: lines with few vertices, written in the transaction of their tracks.

Maps of years read them instead of the exact lines, which take ten times as much and lie far apart.
"""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.geo.bbox import Bbox
from trackflow.geo.overviews import mark_of, overview_of
from trackflow.geo.time import from_us
from trackflow.store.days.queries import Devices, of_devices
from trackflow.store.days.track_conditions import overlapping, touching
from trackflow.store.tables import track_overviews, tracks
from trackflow.store.types import epoch_us

o, t = track_overviews.c, tracks.c

MOST_KEYS = 500
"""Per statement: databases limit how many values one may have."""


def _as_it_is(column: Any) -> sa.ColumnElement[Any]:
    """A column without what the library does to each of its values."""
    return sa.type_coerce(column, sa.types.NullType())


KEYS = (
    _as_it_is(o.track_id).label("track_id"),
    o.device_id,
    epoch_us(o.start_time).label("start_us"),
)
COPIED = ("track_id", "device_id", "start_time", "end_time", "west", "south", "east", "north")


class Extent(NamedTuple):
    """What the tracks of a time are as a whole.

    Attributes:
        tracks: how many there are.
        marks: the sum of their marks.
        bbox: of all of them; None without any.
    """

    tracks: int
    marks: int
    bbox: Bbox | None


def replace(
    connection: Connection, gone: Sequence[uuid.UUID], new: Sequence[Mapping[str, Any]]
) -> None:
    """Delete the overviews of some tracks, then write those of others.

    Args:
        connection: in the transaction that writes the tracks.
        gone: ids of tracks that were deleted.
        new: columns of tracks that were written, by name.
    """
    # of new ones as well: an overview may have outlived a track that was lost
    left = [*gone, *(track["track_id"] for track in new)]
    for begin in range(0, len(left), MOST_KEYS):
        some = left[begin : begin + MOST_KEYS]
        connection.execute(sa.delete(track_overviews).where(o.track_id.in_(some)))
    if new:
        connection.execute(sa.insert(track_overviews), [_row(track) for track in new])


def _row(track: Mapping[str, Any]) -> dict[str, Any]:
    line = overview_of(track["matched_polyline"])
    row = {name: track[name] for name in COPIED}
    return {**row, "line": line, "mark": mark_of(track["track_id"], line)}


def fill_missing(connection: Connection) -> int:
    """Make the overviews that stores and backups of older versions lack; returns how many."""
    columns = [t[name] for name in (*COPIED, "matched_polyline")]
    missing = (
        sa.select(*columns)
        .outerjoin_from(tracks, track_overviews, o.track_id == t.track_id)
        .where(o.track_id.is_(None))
        .order_by(t.track_id)
        .limit(MOST_KEYS)
    )
    made, query = 0, missing
    while rows := connection.execute(query).mappings().all():
        replace(connection, [], [dict(row) for row in rows])
        made += len(rows)
        query = missing.where(t.track_id > rows[-1]["track_id"])
    return made


def read_all(connection: Connection, device_id: str) -> dict[uuid.UUID, bytes]:
    """The overviews of all tracks of a device."""
    query = sa.select(o.track_id, o.line).where(o.device_id == device_id)
    return {row.track_id: row.line for row in connection.execute(query)}


def read_lines(
    connection: Connection, device_ids: Devices, start_us: int, end_us: int
) -> Sequence[sa.Row[Any]]:
    """Id, device, start and overview (`line`) of tracks that overlap a time, the newest first.

    Tracks without a line are left out. The id is as the database has it: most readers need few.

    Args:
        connection: to the store.
        device_ids: the devices; None for all.
        start_us: microseconds since 1970.
        end_us: the same, not included.
    """
    query = sa.select(*KEYS, _as_it_is(o.line).label("line")).where(
        *_in_time(connection, device_ids, start_us, end_us)
    )
    return _newest_first(connection.execute(query).all())


def read_exact_lines(
    connection: Connection, device_ids: Devices, start_us: int, end_us: int, near: Bbox, most: int
) -> Sequence[sa.Row[Any]] | None:
    """As `read_lines`, but with matched lines, of tracks near a place; None if these are too many.

    Args:
        connection: to the store.
        device_ids: the devices; None for all.
        start_us: microseconds since 1970.
        end_us: the same, not included.
        near: tracks whose bbox overlaps this one.
        most: the limit.
    """
    where = (*_in_time(connection, device_ids, start_us, end_us), overlapping(o, near))
    some = sa.select(o.track_id).where(*where).limit(most + 1).subquery()
    if (connection.scalar(sa.select(sa.func.count()).select_from(some)) or 0) > most:
        return None
    query = (
        sa.select(*KEYS, t.matched_polyline.label("line"))
        .join_from(track_overviews, tracks, t.track_id == o.track_id)
        .where(*where)
    )
    return _newest_first(connection.execute(query).all())


def _newest_first(found: Sequence[Any]) -> Sequence[Any]:
    """Those with a line by start, then by id: databases take longer to order so many."""
    rows = [row for row in found if row[3]]
    starts = np.fromiter((row[2] for row in rows), np.int64, len(rows))
    ids = np.array([str(row[0]) for row in rows])
    return [rows[k] for k in np.lexsort([ids, -starts]).tolist()]


def read_extent(connection: Connection, device_ids: Devices, start_us: int, end_us: int) -> Extent:
    """How many tracks overlap a time, whether they have changed, and where they are."""
    crosses = o.west > o.east
    query = sa.select(
        sa.func.count(),
        sa.func.sum(o.mark),
        sa.func.min(sa.case((crosses, -180.0), else_=o.west)),
        sa.func.min(o.south),
        sa.func.max(sa.case((crosses, 180.0), else_=o.east)),
        sa.func.max(o.north),
    ).where(*_in_time(connection, device_ids, start_us, end_us))
    count, marks, *edges = connection.execute(query).one()
    return Extent(count, int(marks or 0), Bbox(*edges) if count else None)


def _in_time(
    connection: Connection, device_ids: Devices, start_us: int, end_us: int
) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        *touching(connection, o, from_us(start_us), from_us(end_us)),
        *of_devices(o.device_id, device_ids),
    )
