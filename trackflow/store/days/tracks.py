"""Tracks: published one chain of days at a time, so that readers see a whole change or none."""

import datetime as dt
import uuid
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.geo.bbox import Bbox
from trackflow.store.categories.tables import categories
from trackflow.store.days import overviews
from trackflow.store.days.queries import Devices, of_devices
from trackflow.store.days.track_conditions import overlapping, touching
from trackflow.store.days.track_ids import write_aliases
from trackflow.store.tables import devices, tracks
from trackflow.store.types import UtcTime

t = tracks.c

COLUMN_NAMES = tuple(str(column.name) for column in tracks.columns)

OUTCOME_NAMES = ("category", "purpose")
"""What a track was for; None while nothing decides."""

MOST_KEYS = 500
"""Per statement: databases limit how many values one may have."""

type TrackRow = dict[str, Any]
"""A track's columns by name."""


@dataclass(frozen=True, slots=True)
class TrackCursor:
    """A position in the order of tracks, by start and id; a page goes on after it."""

    start_time: dt.datetime
    track_id: uuid.UUID


def replace_between(
    connection: Connection,
    device_id: str,
    start: dt.datetime,
    end: dt.datetime,
    new: Sequence[TrackRow],
    now: dt.datetime,
) -> int:
    """Replace a device's tracks that begin in `[start, end)`; equal ones are not rewritten.

    The id of a removed track leads to the track that covers its time.

    Args:
        connection: in a transaction for writing.
        device_id: the device.
        start: UTC.
        end: UTC, not included.
        new: columns of the new tracks, by name.
        now: the time, UTC.

    Returns:
        How many rows were written or removed.
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
    overviews.replace(connection, outdated, [{"device_id": device_id, **x} for x in changed])
    write_aliases(connection, device_id, [before[track_id] for track_id in gone], new, now)
    return len(changed) + len(gone)


def _equal(stored: TrackRow | None, new: TrackRow) -> bool:
    return stored is not None and all(stored[name] == value for name, value in new.items())


def read_rows(connection: Connection, device_id: str) -> list[TrackRow]:
    """All tracks of a device as they are stored, in no order."""
    query = sa.select(tracks).where(t.device_id == device_id)
    return [dict(row) for row in connection.execute(query).mappings()]


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


def track_rows(
    connection: Connection,
    first: dt.datetime | None = None,
    last: dt.datetime | None = None,
    device_id: str | None = None,
) -> Iterator[TrackRow]:
    """All columns of tracks that overlap `[first, last)`, by device and start, and their category.

    Args:
        connection: a transaction that stays open while rows are read.
        first: UTC; None for no limit.
        last: UTC; None for no limit.
        device_id: None for all devices.
    """
    query = (
        select_tracks(first=first, last=last, device_id=device_id)
        .outerjoin_from(tracks, categories, _is_of_track())
        .add_columns(*(categories.c[name] for name in OUTCOME_NAMES))
    )
    for row in connection.execution_options(yield_per=500).execute(query):
        yield dict(zip((*COLUMN_NAMES, *OUTCOME_NAMES), row, strict=True))


def read_page(
    connection: Connection,
    line: str,
    *,
    device_ids: Devices,
    start: dt.datetime,
    end: dt.datetime,
    bbox: Bbox | None,
    after: TrackCursor | None,
    limit: int,
    newest_first: bool = False,
) -> Generator[sa.Row[Any]]:
    """Tracks that overlap a time range and a bbox, by start and id, with one line as `polyline`.

    `mode` is the device's profile. Rows are read lazily; a caller that needs no more closes the
    generator.

    Args:
        connection: a transaction that stays open while rows are read.
        line: which line: "matched" or "raw".
        device_ids: the devices, None for all.
        start: UTC.
        end: UTC, not included.
        bbox: None for no limit.
        after: the last track of the page before; None for the first page.
        limit: the largest number of tracks.
        newest_first: in the reverse order.
    """
    order = (t.start_time, t.track_id)
    query = (
        _with_line(line)
        .where(
            *touching(connection, t, start, end),
            *of_devices(t.device_id, device_ids),
        )
        .order_by(*(column.desc() for column in order) if newest_first else order)
        .limit(limit)
    )
    if bbox is not None:
        query = query.where(overlapping(t, bbox))
    if after is not None:
        position = sa.tuple_(*order)
        last = sa.tuple_(sa.literal(after.start_time, UtcTime), after.track_id)
        if newest_first:
            query = query.where(t.start_time <= after.start_time, position < last)
        else:
            query = query.where(t.start_time >= after.start_time, position > last)
    with connection.execute(query.execution_options(yield_per=100)) as rows:
        yield from rows


def read_one(connection: Connection, track_id: uuid.UUID) -> sa.Row[Any] | None:
    """A track as `read_page` gives it with its matched line, and its `raw_polyline`."""
    query = _with_line("matched").add_columns(t.raw_polyline).where(t.track_id == track_id)
    return connection.execute(query).one_or_none()


def read_times(connection: Connection, track_ids: Sequence[uuid.UUID]) -> list[sa.Row[Any]]:
    """Id, device, start and end of some tracks, in no order."""
    found: list[sa.Row[Any]] = []
    for begin in range(0, len(track_ids), MOST_KEYS):
        some = track_ids[begin : begin + MOST_KEYS]
        query = sa.select(t.track_id, t.device_id, t.start_time, t.end_time)
        found.extend(connection.execute(query.where(t.track_id.in_(some))))
    return found


def read_stops(
    connection: Connection,
    device_ids: Devices,
    start: dt.datetime,
    end: dt.datetime,
    limit: int,
) -> Sequence[Any]:
    """Stops that overlap `[start, end)`, by device and time, with the line that leads to each.

    A stop lies between two neighbouring tracks, of which the first ends or the second begins with
    it. `is_known` is false where the device was silent between them for too long to be sure.

    Args:
        connection: to the store.
        device_ids: the devices, None for all.
        start: UTC.
        end: UTC, not included.
        limit: the largest number of stops.
    """
    following, before = tracks.alias("following"), tracks.alias("before")
    of_device = devices.c.device_id
    next_id = (
        sa.select(following.c.track_id)
        .where(following.c.device_id == t.device_id, following.c.start_time > t.start_time)
        .order_by(following.c.start_time)
        .limit(1)
        .scalar_subquery()
    )
    # the track before the range leads to a stop in it, however long ago that was
    last_before = (
        sa.select(before.c.track_id)
        .where(before.c.device_id == of_device, before.c.start_time < start)
        .order_by(before.c.start_time.desc())
        .limit(1)
        .scalar_subquery()
    )
    earlier = sa.select(last_before).select_from(devices).where(*of_devices(of_device, device_ids))
    within = tracks.alias("within")
    inside = sa.select(within.c.track_id).where(
        within.c.start_time >= start,
        within.c.start_time < end,
        *of_devices(within.c.device_id, device_ids),
    )
    later = tracks.alias("later")
    query = (
        sa.select(
            t.device_id,
            t.end_time.label("start_time"),
            later.c.start_time.label("end_time"),
            t.raw_polyline,
            later.c.raw_polyline.label("next_polyline"),
            sa.or_(t.ended == "stop", later.c.began == "stop").label("is_known"),
        )
        .select_from(tracks.join(later, later.c.track_id == next_id))
        .where(
            # not one condition with `or`: no index would be used
            t.track_id.in_(sa.union_all(inside, earlier)),
            t.end_time < end,
            later.c.start_time > start,
            sa.or_(
                t.ended == "stop",
                later.c.began == "stop",
                sa.and_(t.ended == "gap", later.c.began == "gap"),
            ),
        )
        .order_by(t.device_id, t.start_time)
        .limit(limit)
    )
    return connection.execute(query).all()


def _with_line(line: str) -> sa.Select[Any]:
    return sa.select(
        t.track_id,
        t.device_id,
        t.start_time,
        t.end_time,
        t.began,
        t.ended,
        t.distance_m,
        t.raw_distance_m,
        t.unobserved_m,
        t.duration_s,
        t.average_speed_kmh,
        t.max_speed_kmh,
        t.point_count,
        t.matched_share,
        t.confidence,
        devices.c.profile.label("mode"),
        *(categories.c[name] for name in OUTCOME_NAMES),
        tracks.c[f"{line}_polyline"].label("polyline"),
    ).select_from(
        tracks.join(devices, devices.c.device_id == t.device_id).outerjoin(
            categories, _is_of_track()
        )
    )


def _is_of_track() -> sa.ColumnElement[bool]:
    """Whether a category is that of a track."""
    return sa.and_(categories.c.device_id == t.device_id, categories.c.start_time == t.start_time)
