"""Figures of the whole store for monitoring. Read every few seconds, so none reads wide rows."""

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.geo.time import midnight
from trackflow.store.categories.tables import categories, category_days, leg_days
from trackflow.store.days.batch_conditions import done_at, input_of
from trackflow.store.jobs.workers import SILENT_AFTER_S
from trackflow.store.mileage.tables import logbook_amendments, logbook_entries
from trackflow.store.places.tables import addresses, stay_days
from trackflow.store.service_tables import jobs, live_workers
from trackflow.store.tables import (
    STAGES,
    devices,
    gps_points,
    processing_batches,
    quarantined_points,
    receipts,
    tracks,
)

b = processing_batches.c


@dataclass(frozen=True, slots=True)
class StageState:
    """How a stage stands.

    Attributes:
        waiting: device days that it still has to do.
        failed: device days that were given up at it.
        waiting_since: since when the first of those that wait does, UTC; None without any.
    """

    waiting: int
    failed: int
    waiting_since: dt.datetime | None


def stage_states(connection: Connection) -> dict[str, StageState]:
    """How each stage stands. Reads all batches, which are narrow."""
    found = []
    for k, stage in enumerate(STAGES):
        behind = done_at(stage) < input_of(stage)
        is_waiting = sa.and_(behind, b.status != "failed")
        earlier = [done_at(before) < input_of(before) for before in STAGES[:k]]
        gave_up = sa.and_(behind, b.status == "failed", sa.not_(sa.or_(sa.false(), *earlier)))
        since = sa.func.coalesce(b.pending_since, b.updated_at)
        found += [
            sa.func.count(sa.case((is_waiting, 1))),
            sa.func.count(sa.case((gave_up, 1))),
            sa.func.min(sa.case((is_waiting, since))),
        ]
    row = tuple(connection.execute(sa.select(*found).select_from(processing_batches)).one())
    return {stage: StageState(*row[3 * k : 3 * k + 3]) for k, stage in enumerate(STAGES)}


@dataclass(frozen=True, slots=True)
class JobState:
    """Jobs of a kind and a status: how many, and the oldest sign of life of any of them."""

    kind: str
    status: str
    jobs: int
    oldest_at: dt.datetime | None


def job_states(connection: Connection) -> list[JobState]:
    """Jobs by kind and status; of those that wait, since when; of those that run, the heartbeat."""
    j = jobs.c
    sign = sa.case((j.status == "running", j.heartbeat_at), else_=j.created_at)
    query = sa.select(j.kind, j.status, sa.func.count(), sa.func.min(sign))
    rows = connection.execute(query.group_by(j.kind, j.status).order_by(j.kind, j.status))
    return [JobState(*row) for row in rows]


def failed_jobs(connection: Connection, since: dt.datetime) -> dict[str, int]:
    """How many jobs have failed since a moment, by kind."""
    j = jobs.c
    query = sa.select(j.kind, sa.func.count()).where(j.status == "failed", j.finished_at >= since)
    return {kind: count for kind, count in connection.execute(query.group_by(j.kind))}  # noqa: C416


@dataclass(frozen=True, slots=True)
class IntakeState:
    """What has arrived: the number of the last receipt, and when it was written, UTC."""

    receipts: int
    last_at: dt.datetime | None


def intake_state(connection: Connection) -> IntakeState:
    """What has arrived."""
    r = receipts.c
    newest = sa.select(r.received_seq, r.received_at).order_by(r.received_seq.desc()).limit(1)
    row = connection.execute(newest).one_or_none()
    return IntakeState(0, None) if row is None else IntakeState(*row)


def quarantine_by_reason(
    connection: Connection, since: dt.datetime | None = None
) -> dict[str, int]:
    """Refused input by reason, in all or since a moment; from an index alone."""
    q = quarantined_points.c
    query = sa.select(q.reason, sa.func.count()).group_by(q.reason).order_by(q.reason)
    if since is not None:
        query = query.where(q.received_at >= since)
    return {reason: count for reason, count in connection.execute(query)}  # noqa: C416


@dataclass(frozen=True, slots=True)
class ReportingDevice:
    """How often a device reports.

    Attributes:
        device_id: its id.
        days: that it has reported on, of those looked at.
        first_day: the first of them.
        last_day: the last of them.
        last_time: of its last point, UTC; None if its points are gone.
    """

    device_id: str
    days: int
    first_day: dt.date
    last_day: dt.date
    last_time: dt.datetime | None


def reporting_devices(connection: Connection, first: dt.date) -> list[ReportingDevice]:
    """Devices with batches from a day on: one index lookup each, and the batches of those days."""
    found = (
        sa.select(
            b.device_id,
            sa.func.count().label("days"),
            sa.func.min(b.day).label("first_day"),
            sa.func.max(b.day).label("last_day"),
        )
        # a batch without points stands for a neighbour day that a buffer touched
        .where(b.day >= first, sa.func.coalesce(b.point_count, 1) > 0)
        .group_by(b.device_id)
        .subquery()
    )
    g = gps_points.c
    # not before those days: PostgreSQL would look into each of the months of many years
    last = sa.select(sa.func.max(g.recorded_at)).where(
        g.device_id == found.c.device_id, g.recorded_at >= midnight(first)
    )
    rows = connection.execute(sa.select(found, last.scalar_subquery()).order_by(found.c.device_id))
    return [ReportingDevice(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class ResultCounts:
    """Counts of what was made.

    Attributes:
        devices: known devices.
        tracks: merged tracks.
        categories: tracks by category; those without one under the empty name.
        places_pending: tracks that wait for a place service.
        addresses_due: addresses that are still to be asked for.
        open_entries: entries of the logbook that are not closed.
        overdue_entries: those of them that should be closed.
        closed_entries: closed entries.
        amendments: to closed entries.
    """

    devices: int
    tracks: int
    categories: dict[str, int]
    places_pending: int
    addresses_due: int
    open_entries: int
    overdue_entries: int
    closed_entries: int
    amendments: int


def result_counts(connection: Connection, now: dt.datetime) -> ResultCounts:
    """Count what was made. Costly: reads narrow rows or an index of each table."""
    c, e = categories.c, logbook_entries.c
    by_category = connection.execute(
        sa.select(sa.func.coalesce(c.category, ""), sa.func.count()).group_by(c.category)
    )
    is_open = e.closed_at.is_(None)
    entries = connection.execute(
        sa.select(
            sa.func.count(sa.case((is_open, 1))),
            sa.func.count(sa.case((sa.and_(is_open, e.closes_at < now), 1))),
            sa.func.count(e.closed_at),
        )
    ).one()

    def count(table: sa.Table, *conditions: sa.ColumnElement[bool]) -> int:
        query = sa.select(sa.func.count()).select_from(table).where(*conditions)
        return connection.scalar(query) or 0

    return ResultCounts(
        devices=count(devices),
        tracks=count(tracks),
        categories={name: number for name, number in by_category},  # noqa: C416
        places_pending=count(categories, c.place_pending),
        addresses_due=count(addresses, addresses.c.found_at.is_(None)),
        open_entries=entries[0],
        overdue_entries=entries[1],
        closed_entries=entries[2],
        amendments=count(logbook_amendments),
    )


def dead_worker_at(connection: Connection, now: dt.datetime) -> dt.datetime | None:
    """The last heartbeat of a live worker that has died within a day; None if one is alive."""
    newest: dt.datetime | None = connection.scalar(
        sa.select(sa.func.max(live_workers.c.heartbeat_at)).where(
            live_workers.c.heartbeat_at >= now - dt.timedelta(days=1)
        )
    )
    if newest is None or (now - newest).total_seconds() < SILENT_AFTER_S:
        return None
    return newest


def live_work_waits_since(connection: Connection, first: dt.date) -> dt.datetime | None:
    """Since when the oldest work of days from `first` on waits, UTC; None if there is none."""
    stage = STAGES[0]
    waits = sa.and_(done_at(stage) < b.generation, b.status != "failed", b.day >= first)
    query = sa.select(sa.func.min(sa.func.coalesce(b.pending_since, b.updated_at)))
    found: dt.datetime | None = connection.scalar(query.where(waits))
    return found


def database_bytes(connection: Connection) -> int:
    """Size of the database."""
    if connection.dialect.name == "postgresql":
        size = connection.scalar(sa.text("SELECT pg_database_size(current_database())"))
    else:
        size = connection.scalar(
            sa.text("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
        )
    return int(size or 0)


def table_bytes(connection: Connection, names: tuple[str, ...]) -> dict[str, int]:
    """Size of tables with their indexes; empty on SQLite, which would read all of them for it."""
    if connection.dialect.name != "postgresql":
        return {}
    query = sa.text("SELECT pg_total_relation_size(to_regclass(:name))")
    return {name: int(connection.scalar(query, {"name": name}) or 0) for name in names}


def days_behind(connection: Connection) -> dict[str, int]:
    """Device days whose tracks have changed since legs, stays or categories were made of them.

    Costly: reads the narrow rows of all device days, once for each.
    """
    found = {}
    for name, table in (("legs", leg_days), ("stays", stay_days), ("categories", category_days)):
        t = table.c
        same = sa.and_(t.device_id == b.device_id, t.day == b.day)
        query = (
            sa.select(sa.func.count())
            .select_from(processing_batches.outerjoin(table, same))
            .where(
                b.tracked_generation > 0,
                sa.or_(t.generation.is_(None), t.generation != b.tracked_generation),
            )
        )
        found[name] = connection.scalar(query) or 0
    return found
