"""Reads and writes whole tables as Arrow batches: exactly the stored values, on either database."""

import datetime as dt
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.concurrency.faults import fault_of, message_of
from trackflow.errors import BadInputError
from trackflow.geo.time import from_us
from trackflow.store import months
from trackflow.store.tables import devices, metadata
from trackflow.store.types import UtcTime, epoch_us

ROWS = {"segments": 200, "tracks": 200, "cached_polylines": 5_000, "quarantined_points": 500}
"""Rows in memory at a time, by table; a segment or a track may be a megabyte."""
MOST_ROWS = 50_000

type Convert = Callable[[Any], Any]


def table_names() -> list[str]:
    """All tables; a table precedes those that refer to it."""
    return [table.name for table in metadata.sorted_tables]


def arrow_schema(name: str) -> pa.Schema:
    """A table's columns as Arrow types; times are UTC microseconds, JSON and UUIDs are text."""
    return pa.schema([(column.name, _arrow_type(column.type)) for column in columns_of(name)])


def columns_of(name: str) -> "list[sa.Column[Any]]":
    """The columns of a table."""
    return list(metadata.tables[name].columns)


def read_batches(connection: Connection, name: str) -> Iterator[pa.RecordBatch]:
    """All rows, in order of the primary key: the same order on every database."""
    table, schema = metadata.tables[name], arrow_schema(name)
    size = ROWS.get(table.name, MOST_ROWS)
    query = sa.select(*(_as_stored(column) for column in table.columns)).order_by(
        *(_in_bytes(connection, column) for column in table.primary_key.columns)
    )
    result = connection.execute(query.execution_options(yield_per=size))
    for rows in result.partitions(size):
        columns = zip(*rows, strict=True)
        arrays = [
            pa.array(_texts(values) if isinstance(column.type, sa.Uuid) else values, field.type)
            for values, column, field in zip(columns, table.columns, schema, strict=True)
        ]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def write_batch(connection: Connection, name: str, batch: pa.RecordBatch) -> None:
    """Insert rows of a backup.

    Raises:
        BadInputError: the table's constraints refuse them, so no backup wrote them.
    """
    driver = connection.dialect.loaded_dbapi.Error
    try:
        _insert(connection, metadata.tables[name], batch)
    except (sa.exc.DBAPIError, driver) as error:
        if fault_of(error) is not None:
            raise
        raise BadInputError(f"{name} takes no such rows: {message_of(error)}") from None


def is_empty(connection: Connection, name: str) -> bool:
    """Whether a table has no rows."""
    query = sa.select(sa.literal(1)).select_from(metadata.tables[name]).limit(1)
    return connection.scalar(query) is None


def has_unknown_devices(connection: Connection, name: str) -> bool:
    """Whether a table, one with a column `device_id`, has rows of a device that is not known."""
    column = metadata.tables[name].c.device_id
    known = sa.select(devices.c.device_id)
    return connection.scalar(sa.select(column).where(column.not_in(known)).limit(1)) is not None


def _insert(connection: Connection, table: sa.Table, batch: pa.RecordBatch) -> None:
    """Insert rows by the fastest way that the database has.

    Columns that the rows of an older trackflow lack get their defaults.
    """
    on_postgresql = connection.dialect.name == "postgresql"
    known = [column for column in table.columns if column.name in batch.schema.names]
    columns = [_for_database(column, batch.column(column.name), on_postgresql) for column in known]
    quote = connection.dialect.identifier_preparer.quote
    names = ", ".join(quote(column.name) for column in known)
    if on_postgresql:
        if table in months.PARTITIONED:
            times = columns[[column.name for column in known].index(months.column_of(table).name)]
            months.make(connection, table, {time.date().replace(day=1) for time in times})
        cursor = connection.connection.cursor()
        with cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
            for row in zip(*columns, strict=True):
                copy.write_row(row)
        return
    marks = ", ".join("?" * len(columns))
    connection.exec_driver_sql(
        f"INSERT INTO {table.name} ({names}) VALUES ({marks})", list(zip(*columns, strict=True))
    )


def move_sequences(connection: Connection, name: str) -> None:
    """Set a table's sequence, if it has one, to continue after the written numbers."""
    table = metadata.tables[name]
    column = table.autoincrement_column
    if column is not None and connection.dialect.name == "postgresql":
        connection.execute(
            sa.text(
                f"SELECT setval(pg_get_serial_sequence('{table.name}', '{column.name}'), "
                f"max({column.name})) FROM {table.name} HAVING max({column.name}) IS NOT NULL"
            )
        )


def _arrow_type(column_type: Any) -> pa.DataType:
    match column_type:
        case UtcTime():
            return pa.timestamp("us", tz="UTC")
        case sa.Double():
            return pa.float64()
        case sa.Boolean():
            return pa.bool_()
        case sa.Date():
            return pa.date32()
        case sa.LargeBinary():
            return pa.binary()
        case sa.Integer():
            return pa.int64()
        case sa.Text() | sa.Uuid() | sa.JSON():
            return pa.string()
    raise TypeError(f"no Arrow type for {column_type!r}")


def _as_stored(column: "sa.Column[Any]") -> sa.ColumnElement[Any]:
    if isinstance(column.type, UtcTime):
        return epoch_us(column)
    if isinstance(column.type, sa.JSON):
        return sa.cast(column, sa.Text)  # parsing it would lose its exact text
    return column


def _in_bytes(connection: Connection, column: "sa.Column[Any]") -> sa.ColumnElement[Any]:
    """The column as a sort key by bytes; by default PostgreSQL sorts text by its locale."""
    if isinstance(column.type, sa.Text) and connection.dialect.name == "postgresql":
        return sa.collate(column, "C")
    return column


def _texts(values: tuple[uuid.UUID | None, ...]) -> list[str | None]:
    return [None if value is None else str(value) for value in values]


def _for_database(column: "sa.Column[Any]", values: pa.Array, on_postgresql: bool) -> list[Any]:
    convert: Convert | None = None
    match column.type:
        case UtcTime():
            values = values.cast(pa.int64())
            convert = from_us if on_postgresql else None
        case sa.Date() if not on_postgresql:
            convert = dt.date.isoformat
        case sa.Uuid() if not on_postgresql:
            convert = _hex  # as SQLAlchemy stores it there
    listed: list[Any] = values.to_pylist()
    if convert is None:
        return listed
    return [None if value is None else convert(value) for value in listed]


def _hex(text: str) -> str:
    return uuid.UUID(text).hex
