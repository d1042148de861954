"""Stores that tests get as copies are those that the migrations make."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine

from trackflow.store.database import _engine, open_store
from trackflow.store.migrations import apply
from trackflow_tests.helpers.stores import settings_of
from trackflow_tests.helpers.templates import migrate


def dump_of(upgrade: Callable[[Engine], None], path: Path) -> list[str]:
    engine = _engine(f"sqlite:///{path}")
    upgrade(engine)
    engine.dispose()
    with closing(sqlite3.connect(path)) as opened:
        return list(opened.iterdump())


def test_a_copied_store_is_a_migrated_one(tmp_path: Path) -> None:
    assert apply.upgrade is not migrate
    copied = dump_of(apply.upgrade, tmp_path / "copied.db")
    assert copied == dump_of(migrate, tmp_path / "migrated.db")
    assert any("INSERT INTO" in line and "alembic_version" in line for line in copied)


def test_only_an_empty_database_is_copied_into(tmp_path: Path) -> None:
    engine = _engine(f"sqlite:///{tmp_path / 'old.db'}")
    apply.upgrade(engine, "0004")
    engine.dispose()
    old = dump_of(lambda engine: None, tmp_path / "old.db")
    assert dump_of(apply.upgrade, tmp_path / "old.db") != old
    with closing(open_store(settings_of(f"sqlite:///{tmp_path / 'old.db'}", tmp_path))):
        pass


def test_a_database_of_postgresql_has_the_schema_already(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if database_url.startswith("sqlite"):
        pytest.skip("SQLite gets it as it is opened")
    monkeypatch.setattr(apply, "upgrade", pytest.fail)
    open_store(settings_of(database_url, tmp_path)).close()
