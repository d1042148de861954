"""Writes the rows of a delivery into the table of points."""

import functools
import itertools
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.geo.points import Bools, Ints
from trackflow.geo.time import from_us
from trackflow.sources.records import PointBatch
from trackflow.store.dialects import create_temporary, insert_of
from trackflow.store.intake.rivals import QUALITY, WORST, incoming, quality
from trackflow.store.tables import gps_points


def fill_incoming(connection: Connection, points: PointBatch, rows: Ints) -> None:
    """Write rows of a delivery to the temporary table that is compared with the stored points."""
    if not sa.inspect(connection).has_table(incoming.name):
        create_temporary(connection, incoming)
    connection.execute(sa.delete(incoming))
    copy_rows(connection, incoming, points, rows)


def best_of_equal_times(points: PointBatch) -> tuple[Ints, Bools]:
    """The order by device, time and quality; and which of its rows are the best of their moment."""
    rank = np.argsort(np.argsort(np.array(points.devices, dtype=object)))
    device = rank[points.device]
    quality = [np.nan_to_num(column_of(points, name), nan=WORST) for name in QUALITY]
    order = np.lexsort((*reversed(quality), points.time_us, device))
    time = points.time_us[order]
    is_best = np.ones(len(order), dtype=bool)
    is_best[1:] = (np.diff(time) != 0) | (np.diff(device[order]) != 0)
    return order, is_best


def column_of(points: PointBatch, name: str) -> Any:
    """The values of a column of the table of points."""
    return getattr(points, {"longitude": "lon", "latitude": "lat"}.get(name, name))


def is_span_empty(connection: Connection, points: PointBatch) -> bool:
    """Whether no device of this delivery has a stored point within the times of its points.

    Then there is nothing to compare with, and the points can be copied directly: the usual case,
    and twice as fast.
    """
    p = gps_points.c
    for code, name in enumerate(points.devices):
        times = points.time_us[points.of_device(code)]
        known = sa.select(p.recorded_at).where(
            p.device_id == name,
            p.recorded_at.between(from_us(int(times.min())), from_us(int(times.max()))),
        )
        if connection.scalar(known.limit(1)) is not None:
            return False
    return True


def copy_rows(
    connection: Connection,
    table: sa.Table,
    points: PointBatch,
    rows: Ints,
    constants: tuple[object, ...] = (),
) -> None:
    """Write rows of a delivery to `table` by the fastest way that the database has.

    Args:
        connection: in a transaction for writing.
        table: the table of points, or the temporary one.
        points: the delivery.
        rows: indices of its points.
        constants: values of the columns after those of points, the same for all rows.
    """
    names = np.array(points.devices, dtype=object)[points.device[rows]].tolist()
    floats = [column.name for column in list(table.columns)[2:8]]
    values = [_nullable(column_of(points, name)[rows]) for name in floats]
    fixed = [itertools.repeat(constant) for constant in constants]
    if connection.dialect.name == "sqlite":
        marks = ",".join("?" * len(table.columns))
        connection.exec_driver_sql(
            f"INSERT INTO {table.name} VALUES ({marks})",
            list(zip(names, points.time_us[rows].tolist(), *values, *fixed, strict=False)),
        )
        return
    times = [from_us(time) for time in points.time_us[rows].tolist()]
    cursor = connection.connection.cursor()
    with cursor.copy(f"COPY {table.name} FROM STDIN (FORMAT BINARY)") as copy:
        types = ["text", "timestamptz", *["float8"] * len(values)]
        copy.set_types([*types, "text", "int8"] if constants else types)
        for row in zip(names, times, *values, *fixed, strict=False):
            copy.write_row(row)


def _nullable(values: Any) -> list[float | None]:
    unknown = np.isnan(values)
    if unknown.all():
        return [None] * len(values)
    if not unknown.any():
        listed: list[float | None] = values.tolist()
        return listed
    return [None if value != value else value for value in values.tolist()]


def upsert_incoming(connection: Connection, source: str, seq: int) -> None:
    """Store those incoming points that are better than what is stored for their moment."""
    values = {"of_source": source, "of_seq": seq}
    connection.execute(_upsert(connection.dialect.name), values)


@functools.cache
def _upsert(dialect: str) -> sa.Executable:
    names = [column.name for column in incoming.columns]
    origin = (
        sa.bindparam("of_source", type_=sa.Text),
        sa.bindparam("of_seq", type_=sa.BigInteger),
    )
    select = sa.select(*incoming.columns, *origin).where(sa.true())
    insert = insert_of(dialect, gps_points).from_select([*names, "source", "received_seq"], select)
    changed = [*names[2:], "source", "received_seq"]
    return insert.on_conflict_do_update(
        index_elements=["device_id", "recorded_at"],
        set_={name: insert.excluded[name] for name in changed},
        where=quality(insert.excluded) < quality(gps_points.c),
    )
