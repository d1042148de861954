"""Tracks: published a chain of days at a time, so that a reader sees all of a change or nothing."""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.store.tables import track_aliases, tracks

t = tracks.c

type Row = dict[str, Any]
"""A track's columns by name."""


def replace_between(
    connection: Connection,
    device_id: str,
    start: dt.datetime,
    end: dt.datetime,
    new: Sequence[Row],
    now: dt.datetime,
) -> int:
    """Put a device's tracks that begin in `[start, end)` in place of the old ones.

    Unchanged ones are left alone. An old id that is gone stays as an alias of the track that now
    covers its beginning. Returns how many rows were written or removed.
    """
    stored = connection.execute(
        sa.select(tracks).where(t.device_id == device_id, t.start_time >= start, t.start_time < end)
    ).mappings()
    before = {row["track_id"]: dict(row) for row in stored}
    after = {row["track_id"]: row for row in new}
    changed = [row for row in new if not _equal(before.get(row["track_id"]), row)]
    gone = [track_id for track_id in before if track_id not in after]
    outdated = gone + [row["track_id"] for row in changed if row["track_id"] in before]
    if outdated:
        connection.execute(sa.delete(tracks).where(t.track_id.in_(outdated)))
    if changed:
        connection.execute(
            sa.insert(tracks), [{"device_id": device_id, "updated_at": now, **x} for x in changed]
        )
    _alias(connection, [before[track_id] for track_id in gone], new, now)
    return len(changed) + len(gone)


def _equal(stored: Row | None, new: Row) -> bool:
    return stored is not None and all(stored[name] == value for name, value in new.items())


def _alias(
    connection: Connection,
    gone: Sequence[dict[str, Any]],
    new: Sequence[Row],
    now: dt.datetime,
) -> None:
    """Point ids that are gone to the tracks that cover their beginning, and free reborn ids."""
    a = track_aliases.c
    reborn = [row["track_id"] for row in new]
    if reborn:
        connection.execute(sa.delete(track_aliases).where(a.alias_id.in_(reborn)))
    for old in gone:
        heir = next(
            (x["track_id"] for x in new if x["start_time"] <= old["start_time"] <= x["end_time"]),
            None,
        )
        if heir is None:
            connection.execute(sa.delete(track_aliases).where(a.track_id == old["track_id"]))
            continue
        connection.execute(
            sa.update(track_aliases).where(a.track_id == old["track_id"]).values(track_id=heir)
        )
        connection.execute(
            sa.insert(track_aliases).values(alias_id=old["track_id"], track_id=heir, created_at=now)
        )


def resolve(connection: Connection, track_id: uuid.UUID) -> uuid.UUID | None:
    """The id under which a track is stored now, following an alias; None if there is none."""
    found: uuid.UUID | None = connection.scalar(
        sa.select(t.track_id).where(t.track_id == track_id)
    ) or connection.scalar(
        sa.select(track_aliases.c.track_id).where(track_aliases.c.alias_id == track_id)
    )
    return found


def select_tracks(
    *,
    first: dt.datetime | None = None,
    last: dt.datetime | None = None,
    device_id: str | None = None,
) -> sa.Select[Any]:
    """A query for tracks that overlap `[first, last)`, by device and time."""
    query = sa.select(tracks).order_by(t.device_id, t.start_time)
    if first is not None:
        query = query.where(t.end_time >= first)
    if last is not None:
        query = query.where(t.start_time < last)
    if device_id is not None:
        query = query.where(t.device_id == device_id)
    return query
