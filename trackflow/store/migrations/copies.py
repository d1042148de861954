"""The copy of SQLite's file that is kept before a migration: the way back to the former version.

PostgreSQL has tools of its own for this; there a person makes a backup before an upgrade.
"""

import datetime as dt
import logging
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy.engine import Connection, Engine

from trackflow import __version__
from trackflow.concurrency.faults import Fault, fault_of, message_of
from trackflow.errors import StoreRefusesError

KEPT_FOR = dt.timedelta(days=7)
"""Then the copy goes: it holds what has been deleted in the store since."""

logger = logging.getLogger(__name__)


def keep_copy(connection: Connection) -> Path:
    """Copy the file as it is now, and then remove former copies.

    Args:
        connection: holds the write lock, so that nothing is committed meanwhile.

    Raises:
        StoreRefusesError: the copy cannot be written; former ones are left.
    """
    database = _file(connection.engine)
    path = database.with_name(f"{database.name}.before-{__version__}")
    part = database.with_name(f".{path.name}.part")
    try:
        _remove(part)
        part.touch(0o600)
        with closing(sqlite3.connect(database)) as source:
            source.execute("VACUUM INTO ?", (str(part),))
        part.rename(path)
    except (sqlite3.OperationalError, OSError) as error:
        if not isinstance(error, OSError) and fault_of(error) is not Fault.FULL:
            raise
        raise StoreRefusesError(
            f"this version changes the tables, and no copy of {database} "
            f"({database.stat().st_size / 1e6:,.0f} MB), the way back, can be kept beside it "
            f"({message_of(error)}): make room for it and start again; nothing was changed"
        ) from error
    finally:
        _remove(part)
    remove_copies(connection.engine, but=path)
    logger.warning("%s is the database as it was before trackflow %s", path, __version__)
    return path


def remove_copies(
    engine: Engine, older_than: dt.datetime | None = None, but: Path | None = None
) -> int:
    """Remove copies; returns how many.

    Args:
        engine: of the database that was copied.
        older_than: leave those that were made later.
        but: leave this one.
    """
    if engine.dialect.name != "sqlite":
        return 0
    database = _file(engine)
    found = [
        path
        for path in database.parent.glob(f"{database.name}.before-*")
        if path != but and (older_than is None or path.stat().st_mtime < older_than.timestamp())
    ]
    for path in found:
        path.unlink(missing_ok=True)
    return len(found)


def _remove(part: Path) -> None:
    """Remove a copy that is not whole, and what SQLite leaves beside one."""
    for path in part.parent.glob(f"{part.name}*"):
        path.unlink(missing_ok=True)


def _file(engine: Engine) -> Path:
    assert engine.url.database
    return Path(engine.url.database)
