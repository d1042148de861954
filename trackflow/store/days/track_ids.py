"""Former ids of tracks: each resolves to the present track, or to the fact that there is none."""

import datetime as dt
import itertools
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.store.tables import track_aliases, tracks
from trackflow.store.types import UtcTime

t = tracks.c

MOST_KEYS = 10_000
"""Per statement: databases limit how many values one may have."""


def write_aliases(
    connection: Connection,
    device_id: str,
    gone: Sequence[dict[str, Any]],
    new: Sequence[dict[str, Any]],
    now: dt.datetime,
) -> None:
    """Store the ids of removed tracks with their time, and delete those that are in use again.

    An id is resolved when it is looked up: it leads to the track that covers its time then, however
    often tracks were published since.

    Args:
        connection: in the transaction that publishes the tracks.
        device_id: the device.
        gone: columns of the removed tracks, by name.
        new: columns of the published tracks, by name.
        now: the time, UTC.
    """
    a = track_aliases.c
    keys = [row["track_id"] for row in (*gone, *new)]
    if not gone and not connection.scalar(
        sa.select(a.alias_id).where(a.device_id == device_id).limit(1)
    ):
        return
    for some in itertools.batched(keys, MOST_KEYS):
        connection.execute(sa.delete(track_aliases).where(a.alias_id.in_(some)))
    if gone:
        connection.execute(
            sa.insert(track_aliases),
            [
                {
                    "alias_id": old["track_id"],
                    "device_id": device_id,
                    "start_time": old["start_time"],
                    "end_time": old["end_time"],
                    "created_at": now,
                }
                for old in gone
            ],
        )


@dataclass(frozen=True, slots=True)
class FormerTrack:
    """A track that was published once and exists no more.

    Attributes:
        device_id: its device.
        start_time: when it began, UTC; None if retention has deleted it.
    """

    device_id: str
    start_time: dt.datetime | None


def resolve(connection: Connection, track_id: uuid.UUID) -> uuid.UUID | FormerTrack | None:
    """The id under which a track is stored now; None if there never was such a track.

    A former id leads to the track that covers its beginning, or else to the first one that covers
    any of its time.
    """
    found: uuid.UUID | None = connection.scalar(sa.select(t.track_id).where(t.track_id == track_id))
    if found is not None:
        return found
    a = track_aliases.c
    former = connection.execute(
        sa.select(a.device_id, a.start_time, a.end_time).where(a.alias_id == track_id)
    ).one_or_none()
    if former is None:
        return None
    if former.start_time is None:
        return FormerTrack(former.device_id, None)
    successor: uuid.UUID | None = connection.scalar(
        sa.select(t.track_id)
        .where(
            t.device_id == former.device_id,
            t.start_time >= former.start_time - longest(connection),
            t.start_time <= former.end_time,
            t.end_time >= former.start_time,
        )
        .order_by(t.start_time)
        .limit(1)
    )
    return FormerTrack(former.device_id, former.start_time) if successor is None else successor


def clear_times(
    connection: Connection, device_id: str, before: dt.datetime, now: dt.datetime
) -> None:
    """Keep only the ids of a device's tracks that begin before a moment, and of their former ids.

    A look-up of such an id then finds that the track was deleted, but not when it was. The caller
    deletes the tracks.

    Args:
        connection: in a transaction for writing.
        device_id: the device.
        before: UTC; tracks that begin earlier are concerned.
        now: the time, UTC.
    """
    a = track_aliases.c
    old = sa.select(
        t.track_id,
        t.device_id,
        sa.literal(now, UtcTime()),
    ).where(t.device_id == device_id, t.start_time < before)
    connection.execute(
        sa.insert(track_aliases).from_select(["alias_id", "device_id", "created_at"], old)
    )
    connection.execute(
        sa.update(track_aliases)
        .where(a.device_id == device_id, a.end_time < before)
        .values(start_time=None, end_time=None)
    )


def complete_aliases(connection: Connection) -> None:
    """Give former ids of an older version's backup, which refer to tracks, the tracks' times."""
    a = track_aliases.c
    of_track = [
        sa.select(column).where(t.track_id == a.track_id).scalar_subquery()
        for column in (t.device_id, t.start_time, t.end_time)
    ]
    connection.execute(
        sa.update(track_aliases)
        .where(a.device_id == "", a.track_id.in_(sa.select(t.track_id)))
        .values(device_id=of_track[0], start_time=of_track[1], end_time=of_track[2], track_id=None)
    )
    connection.execute(sa.delete(track_aliases).where(a.device_id == ""))


def longest(connection: Connection) -> dt.timedelta:
    """The duration of the longest track, by the index on durations."""
    return dt.timedelta(seconds=connection.scalar(sa.select(sa.func.max(t.duration_s))) or 0.0)
