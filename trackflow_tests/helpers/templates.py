"""New stores on SQLite without migrating each: the migrations make one file, which is copied.

Migrating takes a fifth of a second of processor time, and two thousand tests open a new store.
"""

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Engine

from trackflow.settings import Settings
from trackflow.store import database

type Migrate = Callable[[Engine], None]
type Read = Callable[[Config], ScriptDirectory]

migrate_always: Migrate = database._migrate
"""The real one, also while new stores are copies."""


def make_template(folder: Path) -> Path:
    """The file of a store with today's schema and no rows."""
    path = folder / "template.db"
    database.open_store(Settings(home=folder, database_url=f"sqlite:///{path}")).close()
    return path


def copied_from(template: Path) -> Migrate:
    """A function that puts a copy of the template where a new store's file will be, and migrates.

    There is then nothing left to migrate.
    """

    def migrate(engine: Engine) -> None:
        if engine.dialect.name == "sqlite":
            _place(template, Path(engine.url.database or ""))
        migrate_always(engine)

    return migrate


def _place(template: Path, path: Path) -> None:
    """Copy the template to the path unless something is there, also if several do so at once."""
    if path.exists() or not path.parent.is_dir():
        return
    part = path.with_name(f".{uuid4().hex}")
    shutil.copyfile(template, part)
    with suppress(FileExistsError):
        path.hardlink_to(part)
    part.unlink()


def read_once(read: Read) -> Read:
    """A function that reads the migrations of a folder once.

    Dagster has a hundred, and reads them twice for each instance, also for one in memory.
    """

    known: dict[str, ScriptDirectory] = {}

    def from_config(config: Config) -> ScriptDirectory:
        folder = config.get_main_option("script_location") or ""
        return known.get(folder) or known.setdefault(folder, read(config))

    return from_config
