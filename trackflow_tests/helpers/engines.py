"""Stores of a test process share a memory of compiled statements, and do not wait for the disk.

SQLAlchemy keeps compiled statements for each engine. A test has an engine of its own, and would
compile again whatever the tests before it have compiled: a sixth of the time of many tests.

SQLite waits for the disk when a store is made and when it is closed: a tenth of a second, which
only matters where the power may fail.
"""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

type Open = Callable[..., Engine]


def quick(open_engine: Open) -> Open:
    """A function that opens engines like `open_engine`, for stores that last for seconds."""
    first: dict[str, Engine] = {}

    def opened(url: str, *more: int) -> Engine:
        engine = open_engine(url, *more)
        if engine.dialect.name == "sqlite":
            # first, as making a store waits, and last, as trackflow has a setting of its own
            sa.event.listen(engine, "connect", _wait_for_no_disk, insert=True)
            sa.event.listen(engine, "connect", _wait_for_no_disk)
        known = first.setdefault(engine.dialect.name, engine)
        if known.dialect.server_version_info is None:  # it never had a connection
            first[engine.dialect.name] = engine
        else:
            # statements are remembered by the dialect, which knows the driver and the server
            engine.dialect = known.dialect
            engine._compiled_cache = known._compiled_cache
        return engine

    return opened


def _wait_for_no_disk(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA synchronous=OFF")
