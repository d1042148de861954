"""Deletes old days of a device, and refuses points of such days from then on."""

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.geo.points import Bools
from trackflow.geo.time import DAY_US, ONE_DAY, day_of_index, from_us, midnight, to_us
from trackflow.sources.records import PointBatch, RefusalReason
from trackflow.store import months
from trackflow.store.catalogue.tables import catalogue_visit_days, catalogue_visits
from trackflow.store.categories.tables import (
    categories,
    category_days,
    category_decisions,
    leg_days,
    legs,
    mode_corrections,
)
from trackflow.store.days.segments import chain_of_days
from trackflow.store.days.track_ids import clear_times
from trackflow.store.dialects import insert_into, is_among, listed
from trackflow.store.mileage.tables import logbook_days, trip_joins
from trackflow.store.places.addresses import drop_unused
from trackflow.store.places.tables import stay_days, stays
from trackflow.store.tables import (
    cached_polylines,
    day_ledgers,
    devices,
    gps_points,
    hidings,
    processing_batches,
    quarantined_points,
    receipts,
    replaced_points,
    segments,
    track_notes,
    track_overviews,
    tracks,
)
from trackflow.store.types import epoch_us

NO_MONTHS: Mapping[str, dt.date] = {}

TOO_OLD = "too_old"
"""Reason of a quarantined point of a day before `kept_from`. Its position is not stored."""


def edges(connection: Connection, ids: Sequence[str]) -> dict[str, dt.date | None]:
    """The first day of which points are accepted, by device; None for a device without one."""
    c = devices.c
    query = sa.select(c.device_id, c.kept_from).where(
        is_among(connection.dialect.name, c.device_id)
    )
    rows = connection.execute(query, listed(connection, ids))
    return {row.device_id: row.kept_from for row in rows}


def split_old(
    points: PointBatch, kept_from: dict[str, dt.date | None], source: str, now: dt.datetime
) -> tuple[PointBatch, list[dict[str, Any]]]:
    """A delivery without points that are too old, and the rows of those for the quarantine.

    A row has the device and the time, but not the position, which retention does not keep. A
    `kept_from` in the future is ignored: a wrong clock has set it, and it would refuse all points.

    Args:
        points: the delivery.
        kept_from: the first day of which points are accepted, by device.
        source: the file, sender or table of the delivery.
        now: the time, UTC.
    """
    edge_us = [
        to_us(midnight(day)) if (day := kept_from.get(name)) and day <= now.date() else -(1 << 62)
        for name in points.devices
    ]
    old = points.time_us < np.array(edge_us, np.int64)[points.device]
    if not old.any():
        return points, []
    rows = [
        _refused(points.devices[code], time_us, source, now)
        for code, time_us in zip(
            points.device[old].tolist(), points.time_us[old].tolist(), strict=True
        )
    ]
    return _only(points, ~old), rows


def first_open_day(edge: dt.date) -> dt.date:
    """The first day that can still change when points from `edge` on are accepted."""
    return edge - ONE_DAY


def newest_day(connection: Connection, support: int) -> dt.date | None:
    """The `support`-newest day on which a device has points, the oldest if there are fewer."""
    b = processing_batches.c
    days = list(connection.scalars(sa.select(b.day).order_by(b.day.desc()).limit(support)))
    return days[-1] if days else None


def days_of_devices(connection: Connection, edge: dt.date) -> tuple[int, int]:
    """How many device-days would be deleted for `edge`, and how many there are in all."""
    b = processing_batches.c
    count = sa.select(sa.func.count()).select_from(processing_batches)
    doomed = connection.scalar(count.where(b.day < first_open_day(edge)))
    return doomed or 0, connection.scalar(count) or 0


def first_kept_day(connection: Connection, device_id: str, edge: dt.date) -> dt.date:
    """The first day whose rows a device keeps when points are accepted from `edge` on."""
    first, _ = chain_of_days(connection, device_id, edge - 2 * ONE_DAY)
    return first


def droppable_months(
    connection: Connection, ids: Sequence[str], edge: dt.date
) -> list[tuple[sa.Table, months.Partition]]:
    """Partitions of which no device keeps a row when points are accepted from `edge` on."""
    found = [
        (table, partition)
        for table in months.PARTITIONED
        for partition in months.partitions(connection, table)
        if partition.end < edge
    ]
    if not found:
        return []
    first = min((first_kept_day(connection, name, edge) for name in ids), default=edge)
    return [(table, partition) for table, partition in found if partition.end <= first]


def drop_days(
    connection: Connection,
    device_id: str,
    edge: dt.date,
    now: dt.datetime,
    *,
    keep_tracks: bool,
    months_end: Mapping[str, dt.date] = NO_MONTHS,
) -> dict[str, int]:
    """Delete rows that are older than `edge`; returns how many, by table.

    Points from the edge on can still arrive, and touch the day before it. That day must be cut and
    matched with its whole buffer: so the two days before the edge stay, and the whole of every
    journey that reaches into them. Of these, only the day before the edge can still change; the
    others have no batch.

    The caller has locked the device (`lock_devices`).

    Args:
        connection: in a transaction for writing.
        device_id: the device.
        edge: the first day of which points are accepted from now on.
        now: the time, UTC.
        keep_tracks: whether tracks stay.
        months_end: by table, the day before which whole months are about to be dropped, so that
            their rows need not be deleted (`droppable_months`).
    """
    first = first_kept_day(connection, device_id, edge)
    counts = {}
    for table, is_old in (
        (processing_batches, processing_batches.c.day < first_open_day(edge)),
        (catalogue_visit_days, catalogue_visit_days.c.day < first_open_day(edge)),
        (leg_days, leg_days.c.day < first_open_day(edge)),
        (category_days, category_days.c.day < first_open_day(edge)),
        (logbook_days, logbook_days.c.day < first_open_day(edge)),
        (stay_days, stay_days.c.day < first_open_day(edge)),
        (segments, segments.c.day < first),
        (cached_polylines, cached_polylines.c.start_time < midnight(first)),
        (day_ledgers, day_ledgers.c.day < first),
        (gps_points, gps_points.c.recorded_at < midnight(first)),
        (replaced_points, replaced_points.c.recorded_at < midnight(first)),
        (quarantined_points, quarantined_points.c.recorded_at < midnight(first)),
        (hidings, hidings.c.end_time <= midnight(first)),
    ):
        mine = [table.c.device_id == device_id, is_old]
        if table.name in months_end:
            mine.append(months.column_of(table) >= midnight(months_end[table.name]))
        counts[table.name] = connection.execute(sa.delete(table).where(*mine)).rowcount
    if not keep_tracks:
        counts |= _drop_tracks(connection, device_id, midnight(first), now)
    if any(counts.values()):
        later = sa.or_(devices.c.kept_from.is_(None), devices.c.kept_from < edge)
        connection.execute(
            sa.update(devices).where(devices.c.device_id == device_id, later).values(kept_from=edge)
        )
    return counts


def refusing_devices(connection: Connection, edge: dt.date | None) -> list[str]:
    """Devices that refuse points which retention allows: from `edge` on, None for any age."""
    c = devices.c
    query = sa.select(c.device_id).where(c.kept_from.is_not(None)).order_by(c.device_id)
    if edge is not None:
        query = query.where(c.kept_from > edge)
    return list(connection.scalars(query))


def lift(connection: Connection, device_id: str, edge: dt.date | None, now: dt.datetime) -> None:
    """Let a device accept points from `edge` on again, of any age if it is None.

    Days whose points were kept as context get batches again: from now on they are cut like any
    other day, from the points that are left and that arrive. The caller has locked the device.

    Args:
        connection: in a transaction for writing.
        device_id: the device.
        edge: the first day of which points are accepted from now on; None for no limit.
        now: the time, UTC.
    """
    kept_from = edges(connection, [device_id])[device_id]
    if kept_from is None:
        return
    connection.execute(
        sa.update(devices).where(devices.c.device_id == device_id).values(kept_from=edge)
    )
    p, q = gps_points.c, quarantined_points.c
    frozen = [p.device_id == device_id, p.recorded_at < midnight(first_open_day(kept_from))]
    refused = [q.device_id == device_id, q.reason == TOO_OLD]
    if edge is not None:
        frozen.append(p.recorded_at >= midnight(first_open_day(edge)))
        refused.append(q.recorded_at >= midnight(edge))
    index = sa.type_coerce(epoch_us(p.recorded_at) // DAY_US, sa.BigInteger)
    days = [day_of_index(k) for k in connection.scalars(sa.select(index).distinct().where(*frozen))]
    if days:
        insert = insert_into(connection, processing_batches).values(
            created_at=now, updated_at=now, pending_since=now
        )
        connection.execute(
            insert.on_conflict_do_nothing(),
            [{"device_id": device_id, "day": day} for day in sorted(days)],
        )
    connection.execute(sa.delete(quarantined_points).where(*refused))


def drop_refused(connection: Connection, before: dt.datetime) -> dict[str, int]:
    """Delete refused input and receipts of before a moment, and addresses where no stay is left.

    Returns how many rows, by table.

    The newest receipt stays, as receipt numbers must not restart.
    """
    q, r = quarantined_points.c, receipts.c
    newest = sa.select(sa.func.max(r.received_seq)).scalar_subquery()
    # points that lost against one of equal time stay, as their day's ledger counts them: they are
    # deleted with the day
    by_receipt = (TOO_OLD, RefusalReason.TIME_OUT_OF_RANGE.value)
    dateless = sa.or_(q.recorded_at.is_(None), q.reason.in_(by_receipt))
    return {
        "addresses": drop_unused(connection),
        "quarantined_points": connection.execute(
            sa.delete(quarantined_points).where(q.received_at < before, dateless)
        ).rowcount,
        "receipts": connection.execute(
            sa.delete(receipts).where(r.received_at < before, r.received_seq < newest)
        ).rowcount,
    }


def _drop_tracks(
    connection: Connection, device_id: str, start: dt.datetime, now: dt.datetime
) -> dict[str, int]:
    old = sa.and_(tracks.c.device_id == device_id, tracks.c.start_time < start)
    clear_times(connection, device_id, start, now)
    v = catalogue_visits.c
    visits = sa.delete(catalogue_visits).where(v.device_id == device_id, v.start_time < start)
    counts = {"catalogue_visits": connection.execute(visits).rowcount}
    old_stays = sa.delete(stays).where(stays.c.device_id == device_id, stays.c.end_time < start)
    counts["stays"] = connection.execute(old_stays).rowcount
    for table in (legs, categories, track_overviews):
        of_tracks = sa.delete(table).where(
            table.c.device_id == device_id, table.c.start_time < start
        )
        counts[table.name] = connection.execute(of_tracks).rowcount
    for table in (mode_corrections, category_decisions, track_notes, trip_joins):
        by_people = sa.delete(table).where(table.c.device_id == device_id, table.c.end_time < start)
        counts[table.name] = connection.execute(by_people).rowcount
    counts["tracks"] = connection.execute(sa.delete(tracks).where(old)).rowcount
    return counts


def _refused(device_id: str, time_us: int, source: str, now: dt.datetime) -> dict[str, Any]:
    content = repr((device_id, TOO_OLD, time_us)).encode()
    return {
        "content_hash": hashlib.blake2b(content, digest_size=16).hexdigest(),
        "device_id": device_id,
        "recorded_at": from_us(time_us),
        "reason": TOO_OLD,
        "raw": orjson.dumps({"recorded_at": from_us(time_us)}).decode(),
        "source": source,
        "received_at": now,
    }


def _only(points: PointBatch, rows: Bools) -> PointBatch:
    used, codes = np.unique(points.device[rows], return_inverse=True)
    columns = {f.name: getattr(points, f.name)[rows] for f in fields(points)[2:]}
    names = tuple(points.devices[code] for code in used)
    return replace(points, devices=names, device=codes.astype(np.int32), **columns)
