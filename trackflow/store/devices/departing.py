"""Deletes rows of devices, while the ids of their tracks stay resolvable."""

import datetime as dt
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.store.catalogue.tables import catalogue_visit_days, catalogue_visits
from trackflow.store.categories.tables import (
    categories,
    category_days,
    category_decisions,
    leg_days,
    legs,
    mode_corrections,
)
from trackflow.store.mileage.tables import logbook_days, trip_joins, vehicle_devices
from trackflow.store.places.tables import place_decisions, places, stay_days, stays
from trackflow.store.service_tables import access_tokens
from trackflow.store.tables import (
    cached_polylines,
    day_ledgers,
    devices,
    gps_points,
    hidings,
    processing_batches,
    replaced_points,
    segments,
    track_aliases,
    track_notes,
    track_overviews,
    tracks,
)
from trackflow.store.types import UtcTime

DERIVED_TABLES = (
    processing_batches,
    segments,
    cached_polylines,
    day_ledgers,
    track_overviews,
    catalogue_visits,
    catalogue_visit_days,
    legs,
    leg_days,
    categories,
    category_days,
    logbook_days,
    stays,
    stay_days,
)
"""Tables of rows that are made of points, except tracks."""

BY_PEOPLE = (category_decisions, mode_corrections, track_notes, trip_joins, vehicle_devices)
"""Tables of what people have said about a device's time."""

d, t, a = devices.c, tracks.c, track_aliases.c


def drop_unused(connection: Connection, ids: Sequence[str], now: dt.datetime) -> list[str]:
    """Delete those of some devices of which nothing is known; returns which.

    The ids of their tracks are kept as aliases. The caller has locked the devices.
    """
    dropped = [device_id for device_id in ids if _is_unused(connection, device_id)]
    for device_id in dropped:
        drop_derived(connection, device_id, device_id, now)
        for table in (replaced_points, devices):
            connection.execute(sa.delete(table).where(table.c.device_id == device_id))
    return dropped


def drop_derived(
    connection: Connection, device_id: str, successor_id: str, now: dt.datetime
) -> None:
    """Delete rows made of a device's points; ids of its tracks lead to the successor's tracks.

    A worker that has claimed one of the batches finds the claim gone and writes nothing.

    Args:
        connection: in a transaction for writing.
        device_id: the device whose rows are deleted.
        successor_id: the device whose tracks the ids lead to.
        now: the time, UTC.
    """
    mine = sa.select(
        t.track_id, sa.literal(successor_id), t.start_time, t.end_time, sa.literal(now, UtcTime())
    ).where(t.device_id == device_id)
    columns = ["alias_id", "device_id", "start_time", "end_time", "created_at"]
    connection.execute(sa.insert(track_aliases).from_select(columns, mine))
    connection.execute(
        sa.update(track_aliases).where(a.device_id == device_id).values(device_id=successor_id)
    )
    for table in (tracks, *DERIVED_TABLES):
        connection.execute(sa.delete(table).where(table.c.device_id == device_id))
    # learned anew from the successor's stays
    learned = sa.and_(places.c.device_id == device_id, places.c.status == "learned")
    connection.execute(sa.delete(places).where(learned))


def _is_unused(connection: Connection, device_id: str) -> bool:
    row = connection.execute(sa.select(devices).where(d.device_id == device_id)).one_or_none()
    if row is None:
        return False
    if row.profile != "car" or row.thresholds or row.time_zone or row.preset or row.kept_from:
        return False
    if row.name or row.colour or row.icon or row.group_name:
        return False
    return not any(
        connection.scalar(sa.select(sa.literal(1)).where(table.c.device_id == device_id).limit(1))
        for table in (gps_points, access_tokens, hidings, place_decisions, *BY_PEOPLE)
    )
