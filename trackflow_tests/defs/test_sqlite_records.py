"""Dagster's records in SQLite files, whose engines are kept."""

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest
import yaml
from alembic.script import ScriptDirectory
from dagster import DagsterInstance

from trackflow.serving import dagster_settings
from trackflow_tests.helpers.dagster_records import opened

SCHEMA = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name"


def ours(folder: Path) -> DagsterInstance:
    """The records of a folder as `trackflow serve` opens them."""
    return opened(folder, yaml.safe_load(dagster_settings(folder))["storage"])


def theirs(folder: Path) -> DagsterInstance:
    """The same as Dagster's own storage opens them."""
    return opened(folder, {"sqlite": {"base_dir": str(folder)}})


def add_run(records: DagsterInstance, *events: str) -> dg.DagsterRun:
    run = dg.DagsterRun(job_name="made")
    records.add_run(run)
    for event in events:
        records.report_engine_event(event, run)
    return run


def messages(records: DagsterInstance, run: dg.DagsterRun) -> list[str]:
    return [entry.message for entry in records.all_logs(run.run_id)]


@pytest.mark.parametrize(("first", "second"), [(ours, theirs), (theirs, ours)])
def test_what_one_storage_writes_the_other_reads_and_goes_on_with(
    first: Callable[[Path], DagsterInstance],
    second: Callable[[Path], DagsterInstance],
    tmp_path: Path,
) -> None:
    with first(tmp_path) as writing, second(tmp_path) as reading:
        assert type(writing.run_storage) is not type(reading.run_storage)
        for one, other in ((writing, reading), (reading, writing)):
            run = add_run(one, "said")
            assert other.get_run_by_id(run.run_id) == one.get_run_by_id(run.run_id)
            assert messages(other, run) == ["said"]
            other.report_engine_event("answered", run)
            assert messages(one, run) == ["said", "answered"]
        assert reading.all_instigator_state() == writing.all_instigator_state() == []


def test_the_file_of_a_run_is_the_one_that_dagster_makes(tmp_path: Path) -> None:
    files = []
    for name, of in (("ours", ours), ("theirs", theirs)):
        (tmp_path / name).mkdir()
        with of(tmp_path / name) as records:
            for _ in range(2):  # the first one of a process, and one of those after it
                run = add_run(records)
                records.report_engine_event("said", run)
                files.append(tmp_path / name / "history" / "runs" / f"{run.run_id}.db")
    described = []
    for file in files:
        with sqlite3.connect(file) as connection:
            described.append(
                [
                    connection.execute(text).fetchall()
                    for text in (SCHEMA, "PRAGMA journal_mode", "SELECT * FROM alembic_version")
                ]
            )
        connection.close()
    assert all(one == described[0] for one in described)
    hidden = [path for path in files[0].parent.iterdir() if path.name.startswith(".")]
    assert not hidden


def test_no_event_is_lost_when_several_meet_a_run_for_the_first_time(tmp_path: Path) -> None:
    with ours(tmp_path) as records:
        run = add_run(records)
    instances = [ours(tmp_path) for _ in range(8)]
    together = threading.Barrier(len(instances))

    def say(records: DagsterInstance, word: str) -> None:
        together.wait()
        records.report_engine_event(word, run)

    words = [f"event {k}" for k in range(len(instances))]
    threads = [
        threading.Thread(target=say, args=pair) for pair in zip(instances, words, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(messages(instances[0], run)) == words
    for one in instances:
        one.dispose()


def test_opening_records_that_are_there_reads_no_migrations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ours(tmp_path) as records:
        run = add_run(records, "said")

    def unneeded(*_: object) -> ScriptDirectory:
        raise AssertionError("it reads the migrations, a hundred files")

    monkeypatch.setattr(ScriptDirectory, "from_config", unneeded)
    with ours(tmp_path) as records:
        assert messages(records, run) == ["said"]
        assert messages(records, add_run(records, "and another")) == ["and another"]


def test_an_event_does_not_wait_for_its_file_to_be_closed(tmp_path: Path) -> None:
    """The last connection to close writes the log back and waits for the disk: one stays open."""
    with ours(tmp_path) as records:
        records.report_runless_asset_event(dg.AssetMaterialization("made"))
        history = tmp_path / "history"
        lasting = (history / "runs.db", history / "runs" / "index.db", history / "runs" / ".db")
        assert [file.with_name(f"{file.name}-wal").stat().st_size > 0 for file in lasting] == [
            True
        ] * 3
    with theirs(tmp_path) as reading:
        assert reading.get_latest_materialization_event(dg.AssetKey("made")) is not None
