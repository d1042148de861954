"""Before SQLite's tables change, the file is copied once: whole, for the former version."""

import datetime as dt
import errno
import os
import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from trackflow import __version__
from trackflow.errors import StoreRefusesError
from trackflow.store import database
from trackflow.store.database import _engine, open_store
from trackflow.store.migrations import copies
from trackflow.store.migrations.apply import upgrade
from trackflow.usecases.devices.purging import purge
from trackflow.usecases.housekeeping.retention import apply_retention
from trackflow_tests.helpers.older_stores import REVISIONS
from trackflow_tests.helpers.stores import (
    NOON,
    batch_of_device,
    deliver,
    drive,
    open_context,
    settings_of,
)
from trackflow_tests.helpers.templates import migrate_always

FORMER = REVISIONS[-2]


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A store of the former schema, with a device."""
    path = tmp_path / "trackflow.db"
    engine = _engine(f"sqlite:///{path}")
    upgrade(engine, FORMER)
    with engine.begin() as connection:
        connection.execute(
            sa.text("INSERT INTO devices (device_id, thresholds, created_at) VALUES ('a', '{}', 0)")
        )
    engine.dispose()
    assert not copies_of(path)
    return path


def copies_of(path: Path) -> list[Path]:
    return sorted(path.parent.glob(f"*{path.name}.before*"))


def dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as database:
        return sorted(database.iterdump())


def open_and_close(path: Path) -> None:
    open_store(settings_of(f"sqlite:///{path}", path.parent)).close()


def test_the_copy_is_what_the_former_version_left(
    old: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = dump(old)
    open_and_close(old)

    (copy,) = copies_of(old)
    assert copy.name == f"trackflow.db.before-{__version__}"
    assert dump(copy) == before
    assert dump(old) != before
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert str(copy) in caplog.text
    open_and_close(old)
    assert copies_of(old) == [copy], "nothing has changed: no other copy"


def test_the_way_back_and_forth_again(old: Path) -> None:
    open_and_close(old)
    (copy,) = copies_of(old)
    before = dump(copy)
    copy.replace(old)
    for ending in ("-wal", "-shm"):
        old.with_name(old.name + ending).unlink(missing_ok=True)
    assert dump(old) == before
    open_and_close(old)
    assert [dump(path) for path in copies_of(old)] == [before]


def test_several_that_start_at_once_keep_one_copy_of_before(old: Path) -> None:
    before = dump(old)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(open_and_close, [old] * 4))
    assert [dump(path) for path in copies_of(old)] == [before]


def test_a_new_store_leaves_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_migrate", migrate_always)
    open_and_close(tmp_path / "trackflow.db")
    assert not copies_of(tmp_path / "trackflow.db")


FULL = sqlite3.OperationalError("database or disk is full")
FULL.sqlite_errorcode = sqlite3.SQLITE_FULL


@pytest.mark.parametrize(
    ("of", "name", "error"),
    [
        (copies.sqlite3, "connect", FULL),
        (Path, "touch", OSError(errno.ENOSPC, "No space left on device")),
        (Path, "rename", OSError(errno.ENOSPC, "No space left on device")),
    ],
)
def test_without_room_nothing_is_changed(
    of: object, name: str, error: Exception, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = dump(old)
    former = old.with_name("trackflow.db.before-0.1.0")
    former.write_text("a former one")
    # of a start that was killed, or had no room
    old.with_name(f".trackflow.db.before-{__version__}.part-journal").write_bytes(b"")

    def full(*_: object) -> None:
        raise error

    # a full disk needs a file system of its own, which only root may make
    with monkeypatch.context() as patch:
        patch.setattr(of, name, full)
        with pytest.raises(StoreRefusesError, match=r"no copy of .* is full|No space") as refused:
            open_and_close(old)
    assert "nothing was changed" in str(refused.value)
    assert dump(old) == before
    assert copies_of(old) == [former], "the way back to an older version is left"
    assert not [*old.parent.glob(".*")]

    open_and_close(old)
    (copy,) = copies_of(old)
    assert dump(copy) == before


def test_a_purge_and_a_week_remove_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'trackflow.db'}"
    copy = tmp_path / f"trackflow.db.before-{__version__}"
    with open_context(url, tmp_path) as context:
        deliver(context.store, batch_of_device("a", drive(NOON, 20)))
        for days, is_kept in ((6, True), (8, False)):
            copy.touch()
            made = (context.clock() - dt.timedelta(days=days)).timestamp()
            os.utime(copy, (made, made))
            apply_retention(context)
            assert copy.exists() is is_kept
        copy.touch()
        purge(context, "a")
        assert not copy.exists(), "the device would still be in it"
