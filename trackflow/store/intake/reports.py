"""Reports of many senders in one transaction: what a live service stores, thousands of times.

A point of a tracker is nearly always new, or is what is stored already. All such go in together, by
a handful of statements whatever the number of reports; the few others take the careful way of
`acceptance.accept`, one after another. So the rows are those that `accept` would have made of each
report by itself.
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
from trackflow.store.days import batch_marks
from trackflow.store.devices.settings import AdmissionRules
from trackflow.store.dialects import listed_pairs, pairs_as_table
from trackflow.store.intake import rivals
from trackflow.store.intake.acceptance import DeliveryCounts, accept, hold_devices
from trackflow.store.intake.changed_days import changed_day
from trackflow.store.tables import gps_points, receipts
from trackflow.store.types import epoch_us

type Row = tuple[str, int, *tuple[float | None, ...]]
"""A point as `PointBatch.rows` has it: device, microseconds, longitude, latitude, …"""

type Key = tuple[str, int]
"""Device and microseconds of a point."""

_UPSERT = "ON CONFLICT DO NOTHING"
_COLUMNS = [column.name for column in gps_points.columns][:8]
"""Those of a `Row`."""

_TYPES = ("text", "timestamptz", *["float8"] * 6, "text", "int8")


@dataclass(frozen=True, slots=True)
class Report:
    """What one request brought, or a part of it: points, refusals, and how they came."""

    points: PointBatch = field(default_factory=PointBatch.empty)
    refused: Sequence[Refusal] = ()
    source: str = ""


def accept_reports(
    connection: Connection, reports: Sequence[Report], now: dt.datetime
) -> list[DeliveryCounts]:
    """Store reports and mark the batches that they touch, in the caller's transaction.

    What came of each, in their order, is as if those with nothing but new points had come first.
    """
    accepted: dict[int, DeliveryCounts] = {}
    rows = _rows_of_plain(reports)
    if rows:
        ids = sorted({row[0] for mine in rows.values() for row in mine})
        rules = hold_devices(connection, ids, now)
        stored = _store_new(connection, reports, _young_enough(rows, rules), now)
        changed = _days_of((row for new in stored.values() for row in new), rules)
        batch_marks.mark_pending(connection, changed, now)
        for k, new in stored.items():
            accepted[k] = DeliveryCounts(added=len(new), repeated=len(reports[k].points) - len(new))
    for k, report in enumerate(reports):
        if k not in accepted:
            accepted[k] = accept(connection, report.points, report.refused, report.source, now)
    return [accepted[k] for k in range(len(reports))]


def _rows_of_plain(reports: Sequence[Report]) -> dict[int, list[Row]]:
    """The points of the reports that can go in together as far as they themselves tell.

    Nothing was refused, and for no moment of a device they say different things.
    """
    found: dict[int, list[Row]] = {}
    taken: set[Key] = set()
    for k, report in enumerate(reports):
        if report.refused or not len(report.points):
            continue
        rows = cast("list[Row]", list(report.points.rows()))
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
    rows: dict[int, list[Row]], rules: dict[str, AdmissionRules]
) -> dict[int, list[Row]]:
    """Reports without a point that is older than what is kept of its device."""
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
    connection: Connection, reports: Sequence[Report], rows: dict[int, list[Row]], now: dt.datetime
) -> dict[int, list[Row]]:
    """Store the new points of those reports that say nothing else than what is stored.

    Returns:
        The new points by report. They are held, so a second try finds what the first one has told.
    """
    new = rows
    while any(new.values()):
        savepoint = connection.begin_nested()
        seqs = _receipts(connection, {reports[k].source for k, mine in new.items() if mine}, now)
        full = [
            (*row, reports[k].source, seqs[reports[k].source])
            for k, mine in new.items()
            for row in mine
        ]
        if _insert(connection, full) == len(full):
            savepoint.commit()
            break
        savepoint.rollback()
        stored = _stored(connection, [row[:2] for row in full])
        new = {
            k: [row for row in mine if row[:2] not in stored]
            for k, mine in new.items()
            if all(stored.get(row[:2], row) == row for row in mine)
        }
    _keep_repeats(connection, _known_already(rows, new))
    return new


def _known_already(rows: dict[int, list[Row]], new: dict[int, list[Row]]) -> list[Key]:
    """The points of the reports in `new` that are not new."""
    keys: list[Key] = []
    for k, mine in new.items():
        if len(mine) < len(rows[k]):
            fresh = {row[:2] for row in mine}  # a list would be searched for every point of a batch
            keys += [row[:2] for row in rows[k] if row[:2] not in fresh]
    return keys


def _keep_repeats(connection: Connection, keys: Sequence[Key]) -> None:
    """Let points that were stored already stay when the import that brought them is undone."""
    if not keys:
        return
    is_sqlite = connection.dialect.name == "sqlite"
    pairs = keys if is_sqlite else [(device_id, from_us(time_us)) for device_id, time_us in keys]
    kind = sa.BigInteger() if is_sqlite else sa.DateTime(timezone=True)
    given = pairs_as_table(connection.dialect.name, ("device_id", "recorded_at"), kind)
    rivals.keep_repeats(connection, given, listed_pairs(connection, pairs))


def _receipts(connection: Connection, sources: Iterable[str], now: dt.datetime) -> dict[str, int]:
    """A receipt for each way in which reports came: they are one delivery of that source."""
    insert = sa.insert(receipts).returning(receipts.c.received_seq)
    return {
        source: connection.execute(insert, {"received_at": now, "source": source}).scalar_one()
        for source in sorted(sources)
    }


def _insert(connection: Connection, rows: Sequence[tuple[object, ...]]) -> int:
    """Insert rows whose point is new; returns how many these were."""
    if connection.dialect.name == "sqlite":
        marks = ",".join("?" * len(gps_points.columns))
        statement = f"INSERT INTO {gps_points.name} VALUES ({marks}) {_UPSERT}"
        return connection.exec_driver_sql(statement, list(rows)).rowcount
    columns = [list(column) for column in zip(*rows, strict=True)]
    columns[1] = [from_us(time_us) for time_us in columns[1]]
    lists = ", ".join(f"%s::{kind}[]" for kind in _TYPES)
    statement = f"INSERT INTO {gps_points.name} SELECT * FROM unnest({lists}) {_UPSERT}"
    return connection.exec_driver_sql(statement, tuple(columns)).rowcount


def _stored(connection: Connection, keys: Sequence[Key]) -> dict[Key, Row]:
    """What is stored of points."""
    is_sqlite = connection.dialect.name == "sqlite"
    pairs = keys if is_sqlite else [(device_id, from_us(time_us)) for device_id, time_us in keys]
    found = connection.execute(
        _ask_stored(connection.dialect.name), listed_pairs(connection, pairs)
    )
    return {row[:2]: cast("Row", tuple(row)) for row in found}


@functools.cache
def _ask_stored(dialect: str) -> sa.Select[Any]:
    p = gps_points.c
    kind = sa.BigInteger() if dialect == "sqlite" else sa.DateTime(timezone=True)
    asked = pairs_as_table(dialect, ("device_id", "recorded_at"), kind)
    values = (p[name] for name in _COLUMNS[2:])
    return sa.select(p.device_id, epoch_us(p.recorded_at), *values).where(
        p.device_id == asked.c.device_id, p.recorded_at == asked.c.recorded_at
    )


def _days_of(rows: Iterable[Row], rules: dict[str, AdmissionRules]) -> list[batch_marks.ChangedDay]:
    """The days that got rows, in order: two transactions must not wait for each other."""
    days: dict[tuple[str, int], tuple[int, int, int]] = {}
    for device_id, time_us, *_ in rows:
        key = device_id, time_us // DAY_US
        count, first_us, last_us = days.get(key, (0, time_us, time_us))
        days[key] = count + 1, min(first_us, time_us), max(last_us, time_us)
    return [
        changed_day(device_id, index, count, (first_us, last_us), rules)
        for (device_id, index), (count, first_us, last_us) in sorted(days.items())
    ]
