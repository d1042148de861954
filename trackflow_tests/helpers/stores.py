"""Shared by the tests of the store and the pipeline: deliveries, and all that a store holds."""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa

from trackflow.context import Context
from trackflow.geo.points import Points
from trackflow.geo.time import to_us
from trackflow.matching.match import WindowMatch
from trackflow.settings import Settings
from trackflow.sources.records import PointBatch, Refusal
from trackflow.store.database import Store
from trackflow.store.intake import acceptance
from trackflow.store.intake.acceptance import DeliveryCounts
from trackflow.store.tables import metadata
from trackflow.tracks.thresholds import Thresholds

NOON = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)

VOLATILE = {
    "gps_points": {"source", "received_seq"},
    "quarantined_points": {"source", "received_at"},
    "cached_polylines": {"processing_duration_ms", "created_at", "last_accessed"},
    "tracks": {"updated_at"},
    "processing_batches": {
        "generation", "segmented_generation", "matched_generation", "tracked_generation", "epoch",
        "segment_ms", "match_ms", "track_ms", "created_at", "updated_at",
    },
}  # fmt: skip
"""Columns that tell how the work went and not what came out."""

RESULTS = (
    "gps_points",
    "quarantined_points",
    "segments",
    "day_ledgers",
    "cached_polylines",
    "tracks",
    "track_overviews",
)


@dataclass
class Clock:
    """A clock that stands still until it is set."""

    time: dt.datetime = NOON + dt.timedelta(days=300)

    def __call__(self) -> dt.datetime:
        return self.time

    def advance(self, seconds: float) -> None:
        self.time += dt.timedelta(seconds=seconds)


def settings_of(url: str, home: Path, **more: Any) -> Settings:
    defaults: dict[str, Any] = {"engine_url": "none", "workers": 1}
    return Settings(home=home, database_url=url, **(defaults | more))


def open_context(url: str, home: Path, clock: Clock | None = None, **more: Any) -> Context:
    return Context.open(settings_of(url, home, **more), clock or Clock())


def batch_of(rows: Iterable[Sequence[Any]]) -> PointBatch:
    """Points from (device, time in µs, lon, lat, altitude, accuracy, speed, course); rest NaN."""
    full = [(*row, *[np.nan] * (8 - len(row))) for row in rows]
    names = tuple(dict.fromkeys(row[0] for row in full))
    columns = [np.array([row[k] for row in full], dtype=np.float64) for k in range(2, 8)]
    return PointBatch(
        names,
        np.array([names.index(row[0]) for row in full], np.int32),
        np.array([row[1] for row in full], np.int64),
        *columns,
    )


def far_overrides() -> dict[str, float]:
    """Thresholds that look about as far as any may."""
    dwells = range(21_600, 0, -300)
    return next(
        {"dwell_s": dwell_s}
        for dwell_s in dwells
        if Thresholds().override({"dwell_s": dwell_s}).reach_s < 86_400 - 1
    )


def batch_of_device(device_id: str, found: Points) -> PointBatch:
    unknown = np.full(len(found), np.nan)
    codes = np.zeros(len(found), np.int32)
    names = (device_id,) if len(found) else ()
    return PointBatch(
        names, codes, found.time_us, found.lon, found.lat, unknown, found.accuracy_m, unknown,
        unknown,
    )  # fmt: skip


def part_of(batch: PointBatch, rows: Any) -> PointBatch:
    """Some rows of a batch, in the given order."""
    used, codes = np.unique(batch.device[rows], return_inverse=True)
    names = tuple(batch.devices[k] for k in used)
    columns = [
        getattr(batch, name)[rows]
        for name in (
            "time_us", "lon", "lat", "altitude_m", "accuracy_m", "speed_ms", "course_deg",
        )
    ]  # fmt: skip
    return PointBatch(names, codes.astype(np.int32), *columns)


def deliver(
    store: Store,
    batch: PointBatch,
    refused: Sequence[Refusal] = (),
    *,
    source: str = "test",
    now: dt.datetime = NOON,
) -> DeliveryCounts:
    with store.write() as connection:
        return acceptance.accept(connection, batch, refused, source, now)


def drive(
    start: dt.datetime, count: int, every_s: float = 10.0, lon: float = 24.94, lat: float = 60.17
) -> Points:
    """A straight drive at about 4 km/h."""
    time_us = to_us(start) + np.arange(count) * int(every_s * 1e6)
    return Points.of(time_us, lon + np.arange(count) * 2e-4 * every_s / 10, np.full(count, lat))


def contents(store: Store, *names: str) -> dict[str, list[dict[str, Any]]]:
    """What tables hold, but for what may differ between two ways to the same result."""
    with store.read() as connection:
        return {name: _rows(connection, metadata.tables[name]) for name in names or RESULTS}


def _rows(connection: sa.Connection, table: sa.Table) -> list[dict[str, Any]]:
    hidden = VOLATILE.get(table.name, set())
    columns = [column for column in table.columns if column.name not in hidden]
    keys = list(table.primary_key.columns)
    found = connection.execute(sa.select(*columns).order_by(*keys)).mappings()
    return [
        {k: WindowMatch.from_bytes(v) if k == "match" else v for k, v in row.items()}
        for row in found
    ]


def statuses(store: Store) -> dict[tuple[str, dt.date], str]:
    b = metadata.tables["processing_batches"].c
    with store.read() as connection:
        rows = connection.execute(sa.select(b.device_id, b.day, b.status))
        return {(row.device_id, row.day): row.status for row in rows}


def generations(store: Store) -> dict[tuple[str, dt.date], int]:
    b = metadata.tables["processing_batches"].c
    with store.read() as connection:
        rows = connection.execute(sa.select(b.device_id, b.day, b.generation))
        return {(row.device_id, row.day): row.generation for row in rows}


def empty(store: Store) -> None:
    """As new, but for road networks: hypothesis runs many examples in one database."""
    with store.write() as connection, without_guards(connection):
        for table in reversed(metadata.sorted_tables):
            if table.name != "road_networks":
                connection.execute(sa.delete(table))
                _number_from_one(connection, table)


@contextmanager
def without_guards(connection: sa.Connection) -> Iterator[None]:
    """Without the triggers that refuse to delete a closed logbook."""
    if connection.dialect.name == "postgresql":
        tables = ("logbook_entries", "logbook_amendments")
        for table in tables:
            connection.execute(sa.text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        yield
        for table in tables:
            connection.execute(sa.text(f"ALTER TABLE {table} ENABLE TRIGGER USER"))
        return
    query = sa.text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
    triggers = connection.execute(query).all()
    for name, _ in triggers:
        connection.execute(sa.text(f"DROP TRIGGER {name}"))
    yield
    for _, statement in triggers:
        connection.exec_driver_sql(statement)


def _number_from_one(connection: sa.Connection, table: sa.Table) -> None:
    """PostgreSQL goes on counting after all rows are deleted; SQLite does not."""
    column = table.autoincrement_column
    if connection.dialect.name == "postgresql" and column is not None:
        sequence = sa.func.pg_get_serial_sequence(table.name, column.name)
        connection.execute(sa.select(sa.func.setval(sequence, 1, False)))


def difference(left: dict[str, list[Any]], right: dict[str, list[Any]]) -> list[str]:
    """Rows that are in one of the two only."""
    found = []
    for name in left:
        if left[name] != right[name]:
            a, b = left[name], right[name]
            found += [f"{name} only left: {row}"[:2000] for row in a if row not in b][:3]
            found += [f"{name} only right: {row}"[:2000] for row in b if row not in a][:3]
    return found
