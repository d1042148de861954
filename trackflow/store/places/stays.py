"""Stays of devices, the places that they are at, and the days whose stays are found."""

import datetime as dt
import itertools
import uuid
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.geo.bbox import Bbox
from trackflow.store.days.queries import Devices, of_days, of_devices
from trackflow.store.dialects import insert_into
from trackflow.store.places.tables import places, stay_days, stays
from trackflow.store.tables import processing_batches, tracks
from trackflow.store.types import epoch_us

s, n, t, p, b = stays.c, stay_days.c, tracks.c, places.c, processing_batches.c

CHUNK = 500
"""Keys per statement: databases limit how many values one may have."""

MOST_BOXES = 100
"""Boxes per statement: SQLite nests conditions at most 1,000 deep."""


class StayRow(NamedTuple):
    """A stay as it is stored; its end is None while the device is there."""

    device_id: str
    start_time: dt.datetime
    end_time: dt.datetime | None
    longitude: float
    latitude: float
    cell: str
    place_id: uuid.UUID | None


class TrackEndsRow(NamedTuple):
    """What stays need of a track."""

    start_time: dt.datetime
    end_time: dt.datetime
    began: str
    ended: str
    raw_polyline: str


def due_days(
    connection: Connection,
    version: str,
    device_id: str | None = None,
    first: dt.date | None = None,
    last: dt.date | None = None,
) -> dict[str, list[dt.date]]:
    """Days whose stays were found from other tracks than those that are there, by device.

    Args:
        connection: to the store.
        version: of the code; what another version found is found again.
        device_id: only this device; None for all.
        first: the first day; None for no limit.
        last: the last day, included; None for no limit.
    """
    is_same = sa.and_(
        n.device_id == b.device_id,
        n.day == b.day,
        n.generation == b.tracked_generation,
        n.inputs_hash.startswith(f"{version}:", autoescape=True),
    )
    query = (
        sa.select(b.device_id, b.day)
        .select_from(processing_batches.outerjoin(stay_days, is_same))
        .where(n.device_id.is_(None), b.tracked_generation > 0, *of_days(b.day, first, last))
        .order_by(b.device_id, b.day)
    )
    if device_id is not None:
        query = query.where(b.device_id == device_id)
    found: dict[str, list[dt.date]] = {}
    for row in connection.execute(query):
        found.setdefault(row.device_id, []).append(row.day)
    return found


def read_ends(
    connection: Connection, device_id: str, start: dt.datetime, end: dt.datetime
) -> tuple[list[TrackEndsRow], bool, bool]:
    """The tracks that begin in `[start, end)`, the two before them and the one after them.

    Returns:
        The tracks in order, whether no track comes before them, and whether none comes after them.
    """
    query = sa.select(*(t[name] for name in TrackEndsRow._fields)).where(t.device_id == device_id)

    def some(part: sa.Select[Any]) -> list[TrackEndsRow]:
        return [TrackEndsRow._make(row) for row in connection.execute(part)]

    before = some(query.where(t.start_time < start).order_by(t.start_time.desc()).limit(2))
    within = some(query.where(t.start_time >= start, t.start_time < end).order_by(t.start_time))
    after = some(query.where(t.start_time >= end).order_by(t.start_time).limit(1))
    return [*reversed(before), *within, *after], len(before) < 2, not after


def read_stays(
    connection: Connection,
    device_ids: Devices,
    start: dt.datetime | None = None,
    end: dt.datetime | None = None,
    limit: int | None = None,
) -> list[StayRow]:
    """Stays that touch `[start, end]`, by device and start.

    Args:
        connection: to the store.
        device_ids: the devices; None for all.
        start: UTC; None for no limit.
        end: UTC; None for no limit.
        limit: the largest number of stays.
    """
    query = sa.select(*(s[name] for name in StayRow._fields))
    query = query.where(*of_devices(s.device_id, device_ids))
    if start is not None:
        query = query.where(sa.or_(s.end_time.is_(None), s.end_time >= start))
    if end is not None:
        query = query.where(s.start_time <= end)
    query = query.order_by(s.device_id, s.start_time).limit(limit)
    return [StayRow._make(row) for row in connection.execute(query)]


def read_spots(
    connection: Connection, device_ids: Devices, start: dt.datetime, end: dt.datetime
) -> Sequence[Sequence[Any]]:
    """Begins and ends in microseconds, longitudes and latitudes of stays that touch `[start, end]`.

    Each is a column; there is none without stays. An end is None while the device is still there.
    Rows are in no order.

    Args:
        connection: to the store.
        device_ids: the devices; None for all.
        start: UTC.
        end: UTC.
    """
    query = sa.select(epoch_us(s.start_time), epoch_us(s.end_time), s.longitude, s.latitude).where(
        *of_devices(s.device_id, device_ids),
        sa.or_(s.end_time.is_(None), s.end_time >= start),
        s.start_time <= end,
    )
    return list(zip(*connection.execute(query).all(), strict=True))


def replace_between(
    connection: Connection,
    device_id: str,
    after: dt.datetime | None,
    before: dt.datetime | None,
    new: Sequence[StayRow],
) -> list[StayRow]:
    """Replace a device's stays that begin in `[after, before)`; returns all that changed.

    Args:
        connection: in a transaction for writing; the device is locked.
        device_id: the device.
        after: UTC; None for no limit.
        before: UTC; None for no limit.
        new: the stays of this time.
    """
    query = sa.select(*(s[name] for name in StayRow._fields)).where(s.device_id == device_id)
    if after is not None:
        query = query.where(s.start_time >= after)
    if before is not None:
        query = query.where(s.start_time < before)
    old = {StayRow._make(row) for row in connection.execute(query)}
    gone, come = sorted(old - set(new), key=_start), [row for row in new if row not in old]
    for begin in range(0, len(gone), CHUNK):
        times = [row.start_time for row in gone[begin : begin + CHUNK]]
        connection.execute(
            sa.delete(stays).where(s.device_id == device_id, s.start_time.in_(times))
        )
    if come:
        connection.execute(sa.insert(stays), [row._asdict() for row in come])
    return gone + come


def move_to_places(connection: Connection, changed: Sequence[StayRow]) -> None:
    """Write the places of stays, whose rows have the new ones."""
    by_place: dict[tuple[str, uuid.UUID | None], list[dt.datetime]] = {}
    for row in changed:
        by_place.setdefault((row.device_id, row.place_id), []).append(row.start_time)
    for (device_id, place_id), times in by_place.items():
        for begin in range(0, len(times), CHUNK):
            mine = s.start_time.in_(times[begin : begin + CHUNK])
            update = sa.update(stays).where(s.device_id == device_id, mine)
            connection.execute(update.values(place_id=place_id))


def noted_days(
    connection: Connection, device_id: str, first: dt.date | None, last: dt.date | None
) -> dict[dt.date, tuple[int, str]]:
    """Generation and hash of the days of a device whose stays are found."""
    query = sa.select(n.day, n.generation, n.inputs_hash).where(
        n.device_id == device_id, *of_days(n.day, first, last)
    )
    return {row.day: (row.generation, row.inputs_hash) for row in connection.execute(query)}


def tracked_days(
    connection: Connection, device_id: str, first: dt.date, last: dt.date
) -> dict[dt.date, int]:
    """The days of a device whose tracks are made, with the generation that they are made of."""
    query = sa.select(b.day, b.tracked_generation).where(
        b.device_id == device_id, b.day >= first, b.day <= last, b.tracked_generation > 0
    )
    return {row.day: row.tracked_generation for row in connection.execute(query)}


def note_days(
    connection: Connection, device_id: str, days: Iterable[tuple[dt.date, int, str]]
) -> None:
    """Note of what generation, and with what hash, the stays of days are found."""
    rows = [
        {"device_id": device_id, "day": day, "generation": generation, "inputs_hash": inputs_hash}
        for day, generation, inputs_hash in days
    ]
    if rows:
        insert = insert_into(connection, stay_days)
        new = {name: insert.excluded[name] for name in ("generation", "inputs_hash")}
        statement = insert.on_conflict_do_update(index_elements=["device_id", "day"], set_=new)
        connection.execute(statement, rows)


def forget_days(
    connection: Connection, device_id: str, first: dt.date | None, last: dt.date | None
) -> None:
    """Let days of a device be due.

    Args:
        connection: in a transaction for writing.
        device_id: the device.
        first: the first day; None for no limit.
        last: the last day, included; None for no limit.
    """
    mine = n.device_id == device_id
    connection.execute(sa.delete(stay_days).where(mine, *of_days(n.day, first, last)))


def devices_with_stays(connection: Connection) -> list[str]:
    """The devices that have stays, in order."""
    return list(connection.scalars(sa.select(s.device_id).distinct().order_by(s.device_id)))


def devices_in(connection: Connection, boxes: Iterable[Bbox]) -> list[str]:
    """The devices that have stayed in some boxes, in order."""
    found: set[str] = set()
    for part in itertools.batched(boxes, MOST_BOXES):
        within = [
            sa.and_(s.latitude.between(south, north), s.longitude.between(west, east))
            for west, south, east, north in part
        ]
        found.update(connection.scalars(sa.select(s.device_id).where(sa.or_(*within)).distinct()))
    return sorted(found)


def _start(row: StayRow) -> dt.datetime:
    return row.start_time
