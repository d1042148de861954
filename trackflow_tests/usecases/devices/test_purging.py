"""Purging: nothing of the device is left anywhere, and everything of its neighbours is."""

import json
import re
import sqlite3
import uuid
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from trackflow.errors import NotFoundError, StaleClaimError
from trackflow.store.days import batches
from trackflow.store.devices.purging import mentions
from trackflow.store.tables import metadata
from trackflow.usecases.days import claims
from trackflow.usecases.days.run import run
from trackflow.usecases.devices.purging import purge
from trackflow.usecases.intake import inbox
from trackflow_tests.helpers.filled import everything, fill
from trackflow_tests.helpers.stores import NOON, batch_of_device, deliver, drive, open_context

GONE, NEIGHBOUR, NAMESAKE = "van-ö 7", "van-8", "van-ö 77"


def mentioning(rows: dict[str, list[dict[str, Any]]], device_id: str) -> list[str]:
    """Every column of every row that names the device, as a whole word."""
    word = re.compile(rf"(?<!\w){re.escape(device_id)}(?!\w)")
    return [
        f"{table}.{name}: {value!r}"
        for table, found in rows.items()
        for row in found
        for name, value in row.items()
        if word.search(json.dumps(value, default=str, ensure_ascii=False))
    ]


def test_no_row_of_any_table_names_the_device_and_neighbours_are_as_before(
    database_url: str, tmp_path: Path
) -> None:
    with open_context(database_url, tmp_path) as context:
        fill(context.store, NEIGHBOUR, 1)
        fill(context.store, NAMESAKE, 2)
        before = everything(context.store)
        assert all(before.values()), "a table without rows proves nothing"
        fill(context.store, GONE, 3)
        with context.store.write() as connection:
            _say_something_of(GONE, connection)

        report = purge(context, GONE)

        after = everything(context.store)
    assert mentioning(after, GONE) == []
    for name, rows in before.items():
        kept = [row for row in after[name] if row in rows]
        assert kept == rows, name
    # what is no device's own stays, without the name
    for name in ("receipts", "inbox_files", "breakers", "road_networks", "followed_tables"):
        assert len(after[name]) == len(before[name]) + 1, name
    (of_all,) = [row for row in after["jobs"] if row not in before["jobs"]]
    assert (of_all["kind"], of_all["error"], of_all["result"]) == ("rebuild", None, None)
    for name in ("gps_points", "tracks", "track_aliases", "cached_polylines", "day_ledgers"):
        assert len(after[name]) == len(before[name]), name
        assert report.rows[name] >= 1, name
    assert {row["device_id"] for row in after["access_tokens"]} == {NEIGHBOUR, NAMESAKE, None}


def _say_something_of(device_id: str, connection: sa.Connection) -> None:
    """Where a device is named beside the columns that are for it."""
    tables = metadata.tables
    jobs, tokens = tables["jobs"], tables["access_tokens"]
    connection.execute(
        sa.insert(jobs).values(
            job_id=uuid.uuid4(), kind="rebuild", status="failed", created_at=NOON,
            error=f"{device_id} 2026-03-02: the engine fell over", result={"failed": [device_id]},
        )
    )  # fmt: skip
    connection.execute(
        sa.insert(tables["quarantined_points"]).values(
            content_hash="nameless", reason="no_device", raw=f"1;{device_id};x", source="upload",
            received_at=NOON,
        )
    )  # fmt: skip
    connection.execute(
        sa.insert(tokens).values(
            token_id="free", name=f"all but {device_id}", token_hash="h", scope="read",
            created_at=NOON,
        )
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("van-7.gpx", True),
        ("inbox/van-7/x.csv", True),
        ("van-77.gpx", False),
        ("xvan-7", False),
        ("van-7_old", True),
        ("", False),
    ],
)
def test_a_device_is_named_by_whole_words_only(text: str, expected: bool) -> None:
    assert mentions("van-7", text) is expected


def test_bytes_are_gone_from_sqlites_files(tmp_path: Path) -> None:
    secret, polyline = "sekret-device-4711", "matched_polyline-30"
    with open_context(f"sqlite:///{tmp_path / 'trackflow.db'}", tmp_path) as context:
        fill(context.store, "neighbour", 1)
        fill(context.store, secret, 3)
        with context.store.read() as connection:  # a reader from before keeps nothing back
            connection.execute(sa.text("SELECT count(*) FROM tracks"))
        assert _files_hold(tmp_path, secret)
        assert _files_hold(tmp_path, polyline)

        assert purge(context, secret).note == ""

        assert not _files_hold(tmp_path, secret)
        assert not _files_hold(tmp_path, polyline)
        assert _files_hold(tmp_path, "neighbour")


def _files_hold(folder: Path, text: str) -> bool:
    files = list(folder.glob("trackflow.db*"))
    assert files
    return any(text.encode() in path.read_bytes() for path in files)


def test_a_reader_in_between_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trackflow.store.database.BUSY_TIMEOUT_S", 0.1)
    with open_context(f"sqlite:///{tmp_path / 'trackflow.db'}", tmp_path) as context:
        fill(context.store, "a", 1)
        reader = sqlite3.connect(tmp_path / "trackflow.db", isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM tracks").fetchone()

        assert "purge again" in purge(context, "a").note
        assert mentioning(everything(context.store), "a") == []
        reader.close()


def test_a_worker_that_is_at_it_writes_nothing(database_url: str, tmp_path: Path) -> None:
    with open_context(database_url, tmp_path) as context:
        deliver(context.store, batch_of_device("a", drive(NOON, 60)))
        (claim,) = claims.claim_days(context, "a", [NOON.date()], "segmented", force=False)
        purge(context, "a")

        with pytest.raises(StaleClaimError), context.store.write() as connection:
            batches.finish(connection, claim, context.clock(), changed=True)
        run(context)
        assert mentioning(everything(context.store), "a") == []


def test_it_may_come_back_as_a_new_one(database_url: str, tmp_path: Path) -> None:
    with open_context(database_url, tmp_path) as context:
        deliver(context.store, batch_of_device("a", drive(NOON, 60)))
        run(context)
        purge(context, "a")
        deliver(context.store, batch_of_device("a", drive(NOON, 60)))
        run(context)
        assert len(everything(context.store)["tracks"]) == 1


def test_a_device_that_nobody_knows(database_url: str, tmp_path: Path) -> None:
    with (
        open_context(database_url, tmp_path) as context,
        pytest.raises(NotFoundError, match="'ghost'"),
    ):
        purge(context, "ghost")


def test_its_files_in_the_inbox_are_named_and_not_imported_again(tmp_path: Path) -> None:
    folder = tmp_path / "inbox"
    folder.mkdir()
    mine, shared = folder / "van-7.csv", folder / "fleet.csv"
    mine.write_text("timestamp,longitude,latitude\n2026-03-02T12:00:00Z,24.9,60.1\n")
    shared.write_text(
        "device_id,timestamp,longitude,latitude\n"
        "van-7,2026-03-02T12:00:10Z,24.9,60.1\nvan-8,2026-03-02T12:00:00Z,24.9,60.1\n"
    )
    with open_context("", tmp_path, inbox=folder) as context:
        assert inbox.scan(context).points_added == 3

        assert purge(context, "van-7").files == [shared, mine]

        assert inbox.scan(context).files == []
        assert mentioning(everything(context.store), "van-7") == []
        assert mine.is_file()
