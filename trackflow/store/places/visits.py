"""Visits of devices to race tracks, and the days that were searched for visits."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.geo.time import from_us, to_us
from trackflow.places.visits import Visit
from trackflow.store.catalogue.tables import (
    catalogue_places,
    catalogue_tracks,
    catalogue_visit_days,
    catalogue_visits,
)
from trackflow.store.days.queries import Devices, of_devices
from trackflow.store.tables import processing_batches, segments

v, d, b = catalogue_visits.c, catalogue_visit_days.c, processing_batches.c


def due_days(
    connection: Connection, places_hash: str, device_id: str | None = None
) -> dict[str, list[tuple[dt.date, int]]]:
    """Days whose tracks or places have changed since they were searched, with their generation.

    Days whose tracks are not made yet are left out until they are.
    """
    is_same = sa.and_(
        d.device_id == b.device_id,
        d.day == b.day,
        d.generation == b.tracked_generation,
        d.places_hash == places_hash,
    )
    query = (
        sa.select(b.device_id, b.day, b.tracked_generation)
        .select_from(processing_batches.outerjoin(catalogue_visit_days, is_same))
        .where(d.device_id.is_(None), b.tracked_generation > 0)
        .order_by(b.device_id, b.day)
    )
    if device_id is not None:
        query = query.where(b.device_id == device_id)
    found: dict[str, list[tuple[dt.date, int]]] = {}
    for row in connection.execute(query):
        found.setdefault(row.device_id, []).append((row.day, row.tracked_generation))
    return found


def count_visits(connection: Connection) -> int:
    """All visits that are stored."""
    return connection.scalar(sa.select(sa.func.count()).select_from(catalogue_visits)) or 0


def any_marked(connection: Connection) -> bool:
    """Whether any day was ever searched for visits."""
    return connection.scalar(sa.select(d.day).limit(1)) is not None


def next_day(
    connection: Connection, device_id: str, day: dt.date, *, forward: bool
) -> dt.date | None:
    """The nearest day after or before `day` on which the device moved, None if there is none.

    Args:
        connection: to the store.
        device_id: the device.
        day: the day from which to search.
        forward: whether to search later days; else earlier ones.
    """
    s = segments.c
    pick = sa.func.min(s.day) if forward else sa.func.max(s.day)
    beyond = s.day > day if forward else s.day < day
    found: dt.date | None = connection.scalar(
        sa.select(pick).where(s.device_id == device_id, beyond)
    )
    return found


def replace_between(
    connection: Connection,
    device_id: str,
    after_us: int | None,
    before_us: int | None,
    new: Sequence[Visit],
) -> int:
    """Replace a device's visits that begin between two moments; returns how many rows changed.

    Args:
        connection: in a transaction for writing.
        device_id: the device.
        after_us: microseconds since 1970, not included; None for no limit.
        before_us: microseconds since 1970, not included; None for no limit.
        new: the visits of this time.
    """
    mine = [v.device_id == device_id]
    if after_us is not None:
        mine.append(v.start_time > from_us(after_us))
    if before_us is not None:
        mine.append(v.start_time < from_us(before_us))
    rows = connection.execute(sa.select(v.source, v.slug, v.start_time, v.end_time).where(*mine))
    old = {Visit(r.source, r.slug, to_us(r.start_time), to_us(r.end_time)) for r in rows}
    gone, added = old - set(new), [visit for visit in new if visit not in old]
    for visit in gone:
        connection.execute(
            sa.delete(catalogue_visits).where(
                v.device_id == device_id,
                v.source == visit.source,
                v.slug == visit.slug,
                v.start_time == from_us(visit.start_us),
            )
        )
    if added:
        connection.execute(
            sa.insert(catalogue_visits),
            [
                {
                    "device_id": device_id,
                    "source": visit.source,
                    "slug": visit.slug,
                    "start_time": from_us(visit.start_us),
                    "end_time": from_us(visit.end_us),
                }
                for visit in added
            ],
        )
    return len(gone) + len(added)


def mark_days(
    connection: Connection,
    device_id: str,
    days: Sequence[tuple[dt.date, int]],
    places_hash: str,
) -> None:
    """Note that days were searched for visits.

    Args:
        connection: in a transaction for writing.
        device_id: the device.
        days: days with the generation of their tracks.
        places_hash: hash of the places and limits that were used.
    """
    connection.execute(
        sa.delete(catalogue_visit_days).where(
            d.device_id == device_id, d.day.in_([day for day, _ in days])
        )
    )
    connection.execute(
        sa.insert(catalogue_visit_days),
        [
            {
                "device_id": device_id,
                "day": day,
                "generation": generation,
                "places_hash": places_hash,
            }
            for day, generation in days
        ],
    )


def read_visits(
    connection: Connection,
    device_ids: Devices,
    start: dt.datetime | None,
    end: dt.datetime | None,
    limit: int | None = None,
) -> list[sa.Row[Any]]:
    """Visits that overlap `[start, end)`, by device and start, with the track's name and position.

    Args:
        connection: to the store.
        device_ids: the devices, None for all.
        start: UTC; None for no limit.
        end: UTC, not included; None for no limit.
        limit: the largest number of visits; None for all.
    """
    t, p = catalogue_tracks.c, catalogue_places.c
    tracks = sa.and_(t.source == v.source, t.slug == v.slug)
    found = sa.and_(p.source == v.source, p.slug == v.slug)
    query = (
        sa.select(
            v.device_id,
            v.source,
            v.slug,
            sa.func.coalesce(t.name, v.slug).label("name"),
            v.start_time,
            v.end_time,
            sa.func.coalesce(t.longitude, p.longitude).label("longitude"),
            sa.func.coalesce(t.latitude, p.latitude).label("latitude"),
        )
        .select_from(
            catalogue_visits.outerjoin(catalogue_tracks, tracks).outerjoin(catalogue_places, found)
        )
        .where(*of_devices(v.device_id, device_ids))
        .order_by(v.device_id, v.start_time, v.source, v.slug)
        .limit(limit)
    )
    if start is not None:
        query = query.where(v.end_time >= start)
    if end is not None:
        query = query.where(v.start_time < end)
    return list(connection.execute(query))
