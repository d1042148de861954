"""Column types and SQL pieces that differ between SQLite and PostgreSQL, in one place."""

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from trackflow.geo.time import from_us, to_us


class UtcTime(sa.types.TypeDecorator[dt.datetime]):
    """An aware UTC time: `timestamptz` on PostgreSQL, whole microseconds since 1970 on SQLite.

    SQLite has no type for times, and its text forms sort and convert ten times slower than whole
    numbers. To read one there: `datetime(recorded_at / 1e6, 'unixepoch')`.
    """

    impl = sa.BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        """The type on this database."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(sa.TIMESTAMP(timezone=True))
        return dialect.type_descriptor(sa.BigInteger())

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> Any:
        """A time for the driver; a naive one raises TypeError, as its zone would be a guess."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise TypeError("times must be aware: add a time zone")
        return value if dialect.name == "postgresql" else to_us(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> dt.datetime | None:
        """A time from the driver, always in UTC."""
        if value is None:
            return None
        return value.astimezone(dt.UTC) if dialect.name == "postgresql" else from_us(value)


class epoch_us(FunctionElement[int]):  # noqa: N801  named like an SQL function
    """Microseconds since 1970 of a UtcTime column: bulk reads skip a datetime object per row."""

    type = sa.BigInteger()
    inherit_cache = True


@compiles(epoch_us, "sqlite")
def _epoch_us_sqlite(element: epoch_us, compiler: SQLCompiler, **kw: Any) -> str:
    return compiler.process(element.clauses, **kw)


@compiles(epoch_us, "postgresql")
def _epoch_us_postgresql(element: epoch_us, compiler: SQLCompiler, **kw: Any) -> str:
    return f"(EXTRACT(EPOCH FROM {compiler.process(element.clauses, **kw)}) * 1000000)::bigint"
