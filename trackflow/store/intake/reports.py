"""Stores reports of many senders in one transaction, as a live service does all the time.

A tracker's point is nearly always new, of a device and in a month that are known: `accept_usual`
takes that for granted, and looks at nothing that its own statements do not tell. `accept_reports`
takes all reports. It stores points that are new or equal to the stored ones together, by a handful
of statements for any number of reports; the few others go through `acceptance.accept`, one report
after another. The rows are those that `accept` would make of each report by itself.
"""

import datetime as dt
import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.geo.time import DAY_US, from_us, midnight, to_us
from trackflow.sources.records import PointBatch, Refusal
from trackflow.store import months
from trackflow.store.days import batch_marks
from trackflow.store.devices.settings import AdmissionRules, admission_rules
from trackflow.store.dialects import listed_pairs, pairs_as_table
from trackflow.store.intake import rivals
from trackflow.store.intake.acceptance import DeliveryCounts, accept, add_and_lock_devices
from trackflow.store.intake.changed_days import changed_day
from trackflow.store.tables import gps_points, receipts
from trackflow.store.types import epoch_us

type PointRow = tuple[str, int, *tuple[float | None, ...]]
"""A point as `PointBatch.rows` gives it: device, microseconds, longitude, latitude, …"""

type PointKey = tuple[str, int]
"""Device and microseconds of a point."""

_UPSERT = "ON CONFLICT DO NOTHING"
_COLUMNS = [column.name for column in gps_points.columns][:8]
"""Those of a `PointRow`."""

_TYPES = ("text", "timestamptz", *["float8"] * 6, "text", "int8")


@dataclass(frozen=True, slots=True)
class Report:
    """The content of one request, or a part of it: points, refusals, and their source."""

    points: PointBatch = field(default_factory=PointBatch.empty)
    refused: Sequence[Refusal] = ()
    source: str = ""


class UnusualError(Exception):
    """Reports hold something else than new points of known devices in known months."""


def accept_usual(
    connection: Connection, reports: Sequence[Report], now: dt.datetime
) -> list[DeliveryCounts]:
    """Store reports as `accept_reports` does, with half of its statements.

    Raises:
        UnusualError: they are not the usual ones; the transaction has to be rolled back.
    """
    rows = _rows_of_plain(reports)
    if not rows or len(rows) < len(reports):
        raise UnusualError
    ids = sorted({row[0] for mine in rows.values() for row in mine})
    rules = admission_rules(connection, ids, lock=True)
    if len(rules) < len(ids) or len(_young_enough(rows, rules)) < len(rows):
        raise UnusualError
    try:
        count, written = _write(connection, reports, rows, now)
    except sa.exc.IntegrityError as error:
        if months.is_missing(error):
            raise UnusualError from None
        raise
    if written < count:
        raise UnusualError
    changed = _days_of((row for mine in rows.values() for row in mine), rules)
    batch_marks.mark_pending(connection, changed, now)
    return [DeliveryCounts(added=len(rows[k])) for k in range(len(reports))]


def accept_reports(
    connection: Connection, reports: Sequence[Report], now: dt.datetime
) -> list[DeliveryCounts]:
    """Store reports and mark the batches that they touch, in the caller's transaction.

    Results are in the order of the reports, and the same as if reports with only new points had
    arrived first.
    """
    accepted: dict[int, DeliveryCounts] = {}
    rows = _rows_of_plain(reports)
    if rows:
        ids = sorted({row[0] for mine in rows.values() for row in mine})
        rules = add_and_lock_devices(connection, ids, now)
        stored = _store_new(connection, reports, _young_enough(rows, rules), now)
        changed = _days_of((row for new in stored.values() for row in new), rules)
        batch_marks.mark_pending(connection, changed, now)
        for k, new in stored.items():
            accepted[k] = DeliveryCounts(added=len(new), repeated=len(reports[k].points) - len(new))
    for k, report in enumerate(reports):
        if k not in accepted:
            accepted[k] = accept(connection, report.points, report.refused, report.source, now)
    return [accepted[k] for k in range(len(reports))]


def _rows_of_plain(reports: Sequence[Report]) -> dict[int, list[PointRow]]:
    """The points of the reports that do not contradict each other, by the report's number.

    Nothing of these was refused, and no two of their points have the same device and moment but
    other values.
    """
    found: dict[int, list[PointRow]] = {}
    taken: set[PointKey] = set()
    for k, report in enumerate(reports):
        if report.refused or not len(report.points):
            continue
        rows = cast("list[PointRow]", list(report.points.rows()))
        by_key = {row[:2]: row for row in rows}
        if len(by_key) < len(rows):
            if any(by_key[row[:2]] != row for row in rows):
                continue
            rows = list(by_key.values())
        if taken.isdisjoint(by_key):
            taken |= by_key.keys()
            found[k] = rows
    return found


def _young_enough(
    rows: dict[int, list[PointRow]], rules: dict[str, AdmissionRules]
) -> dict[int, list[PointRow]]:
    """Reports without a point that is older than its device's retention keeps."""
    edge_us = {
        name: to_us(midnight(rule.kept_from)) for name, rule in rules.items() if rule.kept_from
    }
    if not edge_us:
        return rows
    return {
        k: mine
        for k, mine in rows.items()
        if all(row[1] >= edge_us.get(row[0], row[1]) for row in mine)
    }


def _store_new(
    connection: Connection,
    reports: Sequence[Report],
    rows: dict[int, list[PointRow]],
    now: dt.datetime,
) -> dict[int, list[PointRow]]:
    """Store the new points of those reports that do not contradict stored points.

    Returns:
        The new points by report. Their devices are locked, so a second try finds the same points.
    """
    new = rows
    times_us = [row[1] for mine in rows.values() for row in mine]
    months.make_for_times(connection, gps_points, times_us)
    while any(new.values()):
        savepoint = connection.begin_nested()
        count, written = _write(connection, reports, new, now)
        if written == count:
            savepoint.commit()
            break
        savepoint.rollback()
        stored = _stored(connection, [row[:2] for mine in new.values() for row in mine])
        new = {
            k: [row for row in mine if row[:2] not in stored]
            for k, mine in new.items()
            if all(stored.get(row[:2], row) == row for row in mine)
        }
    _keep_repeats(connection, _known_already(rows, new))
    return new


def _write(
    connection: Connection,
    reports: Sequence[Report],
    rows: dict[int, list[PointRow]],
    now: dt.datetime,
) -> tuple[int, int]:
    """Insert points with their receipts; returns how many there are, and how many were new."""
    seqs = _receipts(connection, {reports[k].source for k, mine in rows.items() if mine}, now)
    full = [
        (*row, reports[k].source, seqs[reports[k].source])
        for k, mine in rows.items()
        for row in mine
    ]
    return len(full), _insert(connection, full)


def _known_already(
    rows: dict[int, list[PointRow]], new: dict[int, list[PointRow]]
) -> list[PointKey]:
    """The points of the reports in `new` that are not new."""
    keys: list[PointKey] = []
    for k, mine in new.items():
        if len(mine) < len(rows[k]):
            fresh = {row[:2] for row in mine}  # a set, as every point of a batch is looked up
            keys += [row[:2] for row in rows[k] if row[:2] not in fresh]
    return keys


def _keep_repeats(connection: Connection, keys: Sequence[PointKey]) -> None:
    """Keep stored points that were sent again when the import that brought them is undone."""
    if not keys:
        return
    is_sqlite = connection.dialect.name == "sqlite"
    pairs = keys if is_sqlite else [(device_id, from_us(time_us)) for device_id, time_us in keys]
    kind = sa.BigInteger() if is_sqlite else sa.DateTime(timezone=True)
    given = pairs_as_table(connection.dialect.name, ("device_id", "recorded_at"), kind)
    rivals.keep_repeats(connection, given, listed_pairs(connection, pairs), _span(keys))


def _receipts(connection: Connection, sources: Iterable[str], now: dt.datetime) -> dict[str, int]:
    """Write a receipt for each source: its reports are one delivery."""
    insert = sa.insert(receipts).returning(receipts.c.received_seq)
    return {
        source: connection.execute(insert, {"received_at": now, "source": source}).scalar_one()
        for source in sorted(sources)
    }


def _insert(connection: Connection, rows: Sequence[tuple[object, ...]]) -> int:
    """Insert rows whose point is new; returns how many."""
    if connection.dialect.name == "sqlite":
        marks = ",".join("?" * len(gps_points.columns))
        statement = f"INSERT INTO {gps_points.name} VALUES ({marks}) {_UPSERT}"
        return connection.exec_driver_sql(statement, list(rows)).rowcount
    columns = [list(column) for column in zip(*rows, strict=True)]
    columns[1] = [from_us(time_us) for time_us in columns[1]]
    lists = ", ".join(f"%s::{kind}[]" for kind in _TYPES)
    statement = f"INSERT INTO {gps_points.name} SELECT * FROM unnest({lists}) {_UPSERT}"
    return connection.exec_driver_sql(statement, tuple(columns)).rowcount


def _stored(connection: Connection, keys: Sequence[PointKey]) -> dict[PointKey, PointRow]:
    """The stored points of some keys."""
    is_sqlite = connection.dialect.name == "sqlite"
    pairs = keys if is_sqlite else [(device_id, from_us(time_us)) for device_id, time_us in keys]
    first, last = _span(keys)
    values = {**listed_pairs(connection, pairs), "first": first, "last": last}
    found = connection.execute(_stored_query(connection.dialect.name), values)
    return {row[:2]: cast("PointRow", tuple(row)) for row in found}


@functools.cache
def _stored_query(dialect: str) -> sa.Select[Any]:
    p = gps_points.c
    kind = sa.BigInteger() if dialect == "sqlite" else sa.DateTime(timezone=True)
    wanted = pairs_as_table(dialect, ("device_id", "recorded_at"), kind)
    values = (p[name] for name in _COLUMNS[2:])
    return sa.select(p.device_id, epoch_us(p.recorded_at), *values).where(
        p.device_id == wanted.c.device_id,
        p.recorded_at == wanted.c.recorded_at,
        # without it PostgreSQL would look into each month
        p.recorded_at.between(sa.bindparam("first"), sa.bindparam("last")),
    )


def _span(keys: Sequence[PointKey]) -> rivals.TimeSpan:
    times_us = [time_us for _, time_us in keys]
    return from_us(min(times_us)), from_us(max(times_us))


def _days_of(
    rows: Iterable[PointRow], rules: dict[str, AdmissionRules]
) -> list[batch_marks.ChangedDay]:
    """The days that got rows, in order: two transactions must not deadlock."""
    days: dict[tuple[str, int], tuple[int, int, int]] = {}
    for device_id, time_us, *_ in rows:
        key = device_id, time_us // DAY_US
        count, first_us, last_us = days.get(key, (0, time_us, time_us))
        days[key] = count + 1, min(first_us, time_us), max(last_us, time_us)
    return [
        changed_day(device_id, index, count, (first_us, last_us), rules)
        for (device_id, index), (count, first_us, last_us) in sorted(days.items())
    ]
