"""Moves everything that a device has sent to another device, by the ordinary admission."""

import datetime as dt
import itertools
from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.geo.time import EPOCH
from trackflow.store.categories.categories import mark_due
from trackflow.store.categories.rule_sets import rename_device
from trackflow.store.devices.departing import BY_PEOPLE, drop_derived
from trackflow.store.devices.shifting import batch_of
from trackflow.store.intake import hidings
from trackflow.store.intake.acceptance import accept
from trackflow.store.intake.conflicts import EQUAL_TIME
from trackflow.store.intake.points import span_us
from trackflow.store.mileage.tables import vehicle_devices
from trackflow.store.places import named
from trackflow.store.service_tables import access_tokens
from trackflow.store.tables import (
    devices,
    gps_points,
    quarantined_points,
    receipts,
    replaced_points,
)
from trackflow.store.types import epoch_us

g, r, w, q, d = gps_points.c, receipts.c, replaced_points.c, quarantined_points.c, devices.c

CHUNK = 20_000
"""Points that are read at a time; a device may have more than fit into memory."""

COLUMNS = ("longitude", "latitude", "altitude_m", "accuracy_m", "speed_ms", "course_deg")
LONG_AGO = EPOCH

ORIGIN = itemgetter("source", "import_id")
"""Where a point came from: its source and its import."""

type PointColumns = dict[str, Any]
"""A point's columns by name; `time_us` is its time in microseconds since 1970."""


def copy_settings(connection: Connection, device_id: str, new_id: str) -> None:
    """Add a device with the settings of another one."""
    others = [column for column in devices.columns if column.name != "device_id"]
    row = sa.select(sa.literal(new_id), *others).where(d.device_id == device_id)
    names = ["device_id", *(column.name for column in others)]
    connection.execute(sa.insert(devices).from_select(names, row))


def kept_from(connection: Connection, device_id: str) -> dt.date | None:
    """The first day of which a device accepts points; None if it accepts all."""
    found: dt.date | None = connection.scalar(
        sa.select(d.kept_from).where(d.device_id == device_id)
    )
    return found


def first_us(connection: Connection, device_id: str) -> int | None:
    """The time of a device's first point, in microseconds since 1970."""
    span = span_us(connection, device_id)
    return span[0] if span else None


def shared_moments(connection: Connection, device_id: str, into: str) -> tuple[int, int]:
    """The number of a device's points, and of those at whose time another device has one too."""
    other = gps_points.alias()
    is_shared = sa.exists().where(other.c.device_id == into, other.c.recorded_at == g.recorded_at)
    counted = sa.select(
        sa.func.count(), sa.func.coalesce(sa.func.sum(sa.case((is_shared, 1), else_=0)), 0)
    ).where(g.device_id == device_id)
    points, shared = connection.execute(counted).one()
    return int(points), int(shared)


def move(connection: Connection, device_id: str, into: str, now: dt.datetime) -> int:
    """Move points, those that they replaced, and all that is kept of a device to another one.

    Rows that were made of the points are deleted; ids of the device's tracks lead to the tracks of
    the other device.

    Args:
        connection: in a transaction for writing; both devices are locked.
        device_id: the device to move from; it is deleted.
        into: the device to move to.
        now: the time, UTC.

    Returns:
        How many points were moved.
    """
    count = 0
    for table in (gps_points, replaced_points):
        for chunk in _chunks(connection, table, device_id):
            _accept(connection, into, chunk, now)
            count += len(chunk) if table is gps_points else 0
    _accept(connection, into, _lost(connection, device_id), now)
    for table in (gps_points, replaced_points):
        connection.execute(sa.delete(table).where(table.c.device_id == device_id))
    mine = q.device_id == device_id
    connection.execute(sa.delete(quarantined_points).where(mine, q.reason == EQUAL_TIME))
    _leave_vehicles(connection, device_id, into)
    for table in (quarantined_points, access_tokens, *BY_PEOPLE):
        moved = sa.update(table).where(table.c.device_id == device_id)
        connection.execute(moved.values(device_id=into))
    if rename_device(connection, device_id, into):
        mark_due(connection, (into,), None, None)  # the rules are about its own past as well now
    drop_derived(connection, device_id, into, now)
    hidings.move(connection, device_id, into, kept_from(connection, into), now)
    named.move(connection, device_id, into)
    connection.execute(sa.delete(devices).where(d.device_id == device_id))
    return count


def _leave_vehicles(connection: Connection, device_id: str, into: str) -> None:
    """Delete the vehicles of a device that another device has its own word on from a moment."""
    v = vehicle_devices.c
    taken = list(connection.scalars(sa.select(v.from_time).where(v.device_id == into)))
    connection.execute(
        sa.delete(vehicle_devices).where(v.device_id == device_id, v.from_time.in_(taken))
    )


def _chunks(
    connection: Connection, table: sa.Table, device_id: str
) -> Iterator[list[PointColumns]]:
    """Points of a device in order of time, each with its import and the time of its arrival."""
    columns = table.c
    by = r.import_id if table is gps_points else columns.import_id
    key = list(table.primary_key.columns)[1:]  # after the device
    query = (
        sa.select(
            columns.recorded_at,
            epoch_us(columns.recorded_at).label("time_us"),
            *(columns[name] for name in COLUMNS),
            columns.source,
            sa.func.coalesce(by, "").label("import_id"),
            r.received_at,
        )
        .select_from(table.outerjoin(receipts, r.received_seq == columns.received_seq))
        .where(columns.device_id == device_id)
        .order_by(*key)
        .limit(CHUNK)
    )
    rows = connection.execute(query).mappings().all()
    while rows:
        yield [dict(row) for row in rows]
        # with OFFSET, the database would read all earlier chunks again for each
        last = (sa.literal(rows[-1][column.name], column.type) for column in key)
        beyond = query.where(sa.tuple_(*key) > sa.tuple_(*last))
        rows = connection.execute(beyond).mappings().all()


def _lost(connection: Connection, device_id: str) -> list[PointColumns]:
    """Positions in quarantine of which only is known that a better one replaced them."""
    is_kept = sa.select(epoch_us(w.recorded_at), w.longitude, w.latitude)
    kept = {tuple(row) for row in connection.execute(is_kept.where(w.device_id == device_id))}
    query = sa.select(epoch_us(q.recorded_at).label("time_us"), q.raw, q.source, q.received_at)
    rows = connection.execute(query.where(q.device_id == device_id, q.reason == EQUAL_TIME))
    found = []
    for row in rows.mappings():
        position = orjson.loads(row["raw"])
        if (row["time_us"], position["longitude"], position["latitude"]) not in kept:
            found.append({**row, **position, "import_id": ""})
    return found


def _accept(
    connection: Connection, into: str, rows: Sequence[PointColumns], now: dt.datetime
) -> None:
    """Store rows under another device; each keeps its source and its import."""
    in_order = sorted(rows, key=ORIGIN)
    for (source, import_id), part in itertools.groupby(in_order, key=ORIGIN):
        some = list(part)
        received_at = max(row["received_at"] or LONG_AGO for row in some)
        accept(
            connection,
            batch_of(into, some),
            [],
            source,
            now,
            import_id=import_id,
            received_at=received_at if received_at > LONG_AGO else None,
        )
