"""Stores that tests get as copies are those that the migrations make."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from trackflow.store import database
from trackflow.store.database import _engine, open_store
from trackflow.store.migrations import apply
from trackflow_tests.helpers.stores import settings_of
from trackflow_tests.helpers.templates import migrate_always


def open_and_close(path: Path) -> None:
    open_store(settings_of(f"sqlite:///{path}", path.parent)).close()


def dump_of(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as opened:
        return list(opened.iterdump())


def test_a_copied_store_is_a_migrated_one(tmp_path: Path) -> None:
    copied, migrated = tmp_path / "copied.db", tmp_path / "migrated.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(apply, "upgrade", pytest.fail)
        open_and_close(copied)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "_migrate", migrate_always)
        open_and_close(migrated)
    assert dump_of(copied) == dump_of(migrated)
    assert any("INSERT INTO" in line and "alembic_version" in line for line in dump_of(copied))
    assert {path.name for path in tmp_path.iterdir()} == {"copied.db", "migrated.db"}


def test_a_file_that_is_there_is_migrated(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    engine = _engine(f"sqlite:///{path}")
    apply.upgrade(engine, "0004")
    engine.dispose()
    old = dump_of(path)
    open_and_close(path)
    assert dump_of(path) != old


def test_a_database_of_postgresql_has_the_schema_already(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if database_url.startswith("sqlite"):
        pytest.skip("SQLite gets it as it is opened")
    monkeypatch.setattr(apply, "upgrade", pytest.fail)
    open_store(settings_of(database_url, tmp_path)).close()
