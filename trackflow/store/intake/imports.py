"""Imports: the list of them, and undoing one as if it had never been made."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.errors import NotFoundError, SettingsError
from trackflow.geo.time import DAY_US, ONE_DAY, day_of_index
from trackflow.store.days import batch_marks
from trackflow.store.devices.departing import drop_unused
from trackflow.store.devices.settings import admission_rules, lock_devices
from trackflow.store.dialects import create_temporary, insert_into
from trackflow.store.intake.changed_days import changed_day
from trackflow.store.intake.conflicts import claimed_position, set_conflicts
from trackflow.store.intake.rivals import QUALITY, WORST, ClaimedPosition
from trackflow.store.tables import (
    gps_points,
    import_refusals,
    imports,
    quarantined_points,
    receipts,
    replaced_points,
)
from trackflow.store.types import UtcTime, epoch_us

g, w, r, i = gps_points.c, replaced_points.c, receipts.c, imports.c
f, q = import_refusals.c, quarantined_points.c

contested = sa.Table(
    "contested_moments",
    sa.MetaData(),
    sa.Column("device_id", sa.Text, primary_key=True),
    sa.Column("recorded_at", UtcTime, primary_key=True),
    sa.Column("is_torn", sa.Integer),
    prefixes=["TEMPORARY"],
)
"""Moments of an import for which other deliveries have points too; torn: at several positions."""

c = contested.c


@dataclass(frozen=True, slots=True)
class PastImport:
    """An import as the list of imports shows it.

    Attributes:
        import_id: its id.
        imported_at: when it began, UTC.
        undone_at: when it was undone, UTC; None if it was not.
        points_added: points that were new or better at that time.
        files: names of its files.
        devices: devices that have points of it now.
    """

    import_id: str
    imported_at: dt.datetime
    undone_at: dt.datetime | None
    points_added: int
    files: list[str]
    devices: list[str]


@dataclass(frozen=True, slots=True)
class UndoneImport:
    """The changes by undoing an import.

    Attributes:
        import_id: the import.
        undone_at: when it was undone, UTC.
        is_repeat: whether it was undone before; then nothing has changed.
        removed: moments that have no point any more.
        restored: moments at which another point is stored again.
        devices: devices whose points have changed.
        dropped: those of them that were deleted, as they have no other data.
    """

    import_id: str
    undone_at: dt.datetime
    is_repeat: bool = False
    removed: int = 0
    restored: int = 0
    devices: Sequence[str] = ()
    dropped: Sequence[str] = ()


def note(connection: Connection, import_id: str, now: dt.datetime) -> None:
    """Write an import's row, or lock it, so that an import that was cut short can be undone.

    Raises:
        SettingsError: it was undone in the meantime.
    """
    insert = insert_into(connection, imports).values(import_id=import_id, imported_at=now)
    upsert = insert.on_conflict_do_update(
        index_elements=["import_id"], set_={"import_id": insert.excluded.import_id}
    )
    if connection.scalar(upsert.returning(i.undone_at)) is not None:
        raise SettingsError(f"import {import_id} was undone while it ran: import the rest again")


def count(connection: Connection, import_id: str, added: int) -> None:
    """Add to the number of an import's points."""
    counted = sa.update(imports).where(i.import_id == import_id)
    connection.execute(counted.values(points_added=i.points_added + added))


def read_imports(connection: Connection) -> list[PastImport]:
    """All imports, the newest first."""
    files: dict[str, list[str]] = {}
    named = sa.select(r.import_id, r.source).where(r.import_id.is_not(None))
    for import_id, source in connection.execute(named.distinct().order_by(r.import_id, r.source)):
        files.setdefault(import_id, []).append(source)
    devices: dict[str, list[str]] = {}
    if files:
        having = (
            sa.select(r.import_id, g.device_id)
            .join(gps_points, g.received_seq == r.received_seq)
            .where(r.import_id.is_not(None))
        )
        for import_id, device_id in connection.execute(
            having.distinct().order_by(r.import_id, g.device_id)
        ):
            devices.setdefault(import_id, []).append(device_id)
    rows = connection.execute(sa.select(imports).order_by(i.imported_at.desc(), i.import_id))
    return [
        PastImport(
            row.import_id,
            row.imported_at,
            row.undone_at,
            row.points_added,
            files.get(row.import_id, []),
            devices.get(row.import_id, []),
        )
        for row in rows
    ]


def undo(connection: Connection, import_id: str, now: dt.datetime) -> UndoneImport:
    """Undo an import: the store is then as the other deliveries alone would have made it.

    Its points are deleted, of the others the best of each moment is stored, and their days are
    marked as by a late point. Rows that it alone put in quarantine are deleted too.

    Raises:
        NotFoundError: there is no such import.
    """
    query = sa.select(i.undone_at).where(i.import_id == import_id).with_for_update()
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFoundError(
            f"there is no import {import_id!r}: `trackflow import list` shows those there are"
        )
    if row.undone_at is not None:
        return UndoneImport(import_id, row.undone_at, is_repeat=True)
    is_mine = g.received_seq.in_(sa.select(r.received_seq).where(r.import_id == import_id))
    devices = sorted(
        set(connection.scalars(sa.select(g.device_id).distinct().where(is_mine)))
        | set(connection.scalars(sa.select(w.device_id).distinct().where(w.import_id == import_id)))
    )
    lock_devices(connection, devices)
    _find_contested(connection, import_id, is_mine)
    claimed = _torn_positions(connection, is_mine, w.import_id == import_id)
    days = _days(connection, is_mine)
    connection.execute(sa.delete(replaced_points).where(w.import_id == import_id))
    gone = connection.execute(sa.delete(gps_points).where(is_mine)).rowcount
    restored = _restore_best(connection)
    _set_conflicts(connection, set(claimed), now)
    torn = {(device_id, day_of_index(time_us // DAY_US)) for device_id, time_us, *_ in claimed}
    batch_marks.mark_again(connection, days | torn, now)
    _drop_refusals(connection, import_id)
    connection.execute(sa.update(imports).where(i.import_id == import_id).values(undone_at=now))
    dropped = drop_unused(connection, devices, now)
    return UndoneImport(import_id, now, False, gone - restored, restored, devices, dropped)


def _find_contested(
    connection: Connection, import_id: str, is_mine: sa.ColumnElement[bool]
) -> None:
    if not sa.inspect(connection).has_table(contested.name):
        create_temporary(connection, contested)
    connection.execute(sa.delete(contested))
    elsewhere = sa.or_(g.longitude != w.longitude, g.latitude != w.latitude)
    concerned = sa.or_(is_mine, w.import_id == import_id)
    found = (
        sa.select(g.device_id, g.recorded_at, sa.func.max(sa.case((elsewhere, 1), else_=0)))
        .join(replaced_points, sa.and_(w.device_id == g.device_id, w.recorded_at == g.recorded_at))
        .group_by(g.device_id, g.recorded_at)
        .having(sa.func.max(sa.case((concerned, 1), else_=0)) == 1)
    )
    columns = ["device_id", "recorded_at", "is_torn"]
    connection.execute(sa.insert(contested).from_select(columns, found))


def _torn_positions(
    connection: Connection, of_stored: sa.ColumnElement[bool], of_others: sa.ColumnElement[bool]
) -> dict[ClaimedPosition, str]:
    """Positions of points at torn moments, each with a source."""
    found: dict[ClaimedPosition, str] = {}
    for columns, wanted in ((g, of_stored), (w, of_others)):
        query = sa.select(
            columns.device_id, epoch_us(columns.recorded_at), columns.longitude, columns.latitude,
            columns.source,
        ).join(contested, _same_moment(columns))  # fmt: skip
        for *position, source in connection.execute(query.where(wanted, c.is_torn == 1)):
            found.setdefault(claimed_position(*position), source)
    return found


def _days(connection: Connection, is_mine: sa.ColumnElement[bool]) -> set[tuple[str, dt.date]]:
    """The days of an import's points, and neighbouring days whose buffer they touch."""
    time = epoch_us(g.recorded_at)
    day = sa.type_coerce(time // DAY_US, sa.BigInteger)
    rows = connection.execute(
        sa.select(g.device_id, day, sa.func.count(), sa.func.min(time), sa.func.max(time))
        .where(is_mine)
        .group_by(g.device_id, day)
    ).all()
    rules = admission_rules(connection, sorted({row[0] for row in rows}))
    days: set[tuple[str, dt.date]] = set()
    for device, index, number, first_us, last_us in rows:
        changed = changed_day(device, index, number, (first_us, last_us), rules)
        days.add((device, changed.day))
        if changed.touches_previous:
            days.add((device, changed.day - ONE_DAY))
        if changed.touches_next:
            days.add((device, changed.day + ONE_DAY))
    return days


def _restore_best(connection: Connection) -> int:
    """Store the best replaced point of moments without a point; returns how many."""
    order = [sa.func.coalesce(w[name], WORST) for name in QUALITY]
    stored_point = sa.select(sa.literal(1)).select_from(gps_points)
    at_moment = stored_point.where(g.device_id == w.device_id, g.recorded_at == w.recorded_at)
    is_empty = ~at_moment.correlate(replaced_points).exists()
    ranked = (
        sa.select(
            replaced_points,
            sa.func.row_number()
            .over(partition_by=[w.device_id, w.recorded_at], order_by=[*order, w.import_id])
            .label("rank"),
        )
        .join(contested, _same_moment(w))
        .where(is_empty)
        .subquery()
    )
    names = [column.name for column in gps_points.columns]
    best = sa.select(*(ranked.c[name] for name in names)).where(ranked.c.rank == 1)
    insert = sa.insert(gps_points).from_select(names, best)
    # SQLAlchemy keeps PostgreSQL's row count of an INSERT only with this option
    counted = insert.execution_options(preserve_rowcount=True)
    restored = connection.execute(counted).rowcount
    # kept points of the stored one's position and import are removed with it: drop them
    stored = sa.outerjoin(gps_points, receipts, r.received_seq == g.received_seq)
    is_stored = (
        sa.select(sa.literal(1))
        .select_from(stored)
        .where(
            g.device_id == w.device_id,
            g.recorded_at == w.recorded_at,
            g.longitude == w.longitude,
            g.latitude == w.latitude,
            sa.func.coalesce(r.import_id, "") == w.import_id,
        )
        .correlate(replaced_points)
        .exists()
    )
    contesting = sa.select(sa.literal(1)).select_from(contested).where(_same_moment(w))
    is_contested = contesting.correlate(replaced_points).exists()
    connection.execute(sa.delete(replaced_points).where(is_contested, is_stored))
    return restored


def _set_conflicts(
    connection: Connection, was_claimed: set[ClaimedPosition], now: dt.datetime
) -> None:
    """Update the quarantine to the positions that lose now."""
    stored = _torn_positions(connection, sa.true(), sa.false())
    left = _torn_positions(connection, sa.false(), sa.true())
    losing = {claimed: source for claimed, source in left.items() if claimed not in stored}
    released = (was_claimed | set(stored)) - losing.keys()
    set_conflicts(connection, sorted(released), sorted(losing.items()), now)


def _drop_refusals(connection: Connection, import_id: str) -> None:
    """Delete rows from quarantine that this import alone has put there."""
    others = f.import_id != import_id
    mine = sa.select(f.content_hash).where(f.import_id == import_id)
    shared = sa.select(f.content_hash).where(others)
    only_mine = sa.and_(q.content_hash.in_(mine), q.content_hash.not_in(shared))
    connection.execute(sa.delete(quarantined_points).where(only_mine))
    connection.execute(sa.delete(import_refusals).where(f.import_id == import_id))


def _same_moment(columns: Any) -> sa.ColumnElement[bool]:
    return sa.and_(c.device_id == columns.device_id, c.recorded_at == columns.recorded_at)
