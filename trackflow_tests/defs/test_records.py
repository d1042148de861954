"""Dagster's records in a real PostgreSQL, over connections that a process keeps."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster import DagsterInstance
from sqlalchemy import make_url

from trackflow_tests.helpers import dagster_records, postgres
from trackflow_tests.helpers.dagster_records import empty_database, in_postgresql

SESSIONS = "SELECT pid FROM pg_stat_activity WHERE datname = '{}'"


@pytest.fixture
def url(postgres_url: str) -> Iterator[str]:
    """An empty database."""
    with empty_database(postgres_url) as made:
        yield made


def opened(url: str, folder: Path, *, is_dagsters: bool = False) -> DagsterInstance:
    """Dagster's records in our storage or in Dagster's own."""
    return dagster_records.opened(folder, in_postgresql(url, is_dagsters=is_dagsters))


def sessions(url: str) -> set[int]:
    """The connections to a database, but for the one that asks."""
    server = make_url(url)
    with postgres.connected(server.set(database="postgres")) as connection:
        return {pid for (pid,) in connection.execute(SESSIONS.format(server.database))}


def test_what_one_storage_writes_the_other_reads(url: str, tmp_path: Path) -> None:
    with (
        opened(url, tmp_path / "ours") as ours,
        opened(url, tmp_path / "theirs", is_dagsters=True) as theirs,
    ):
        for writing, reading in ((ours, theirs), (theirs, ours)):
            run = dg.DagsterRun(job_name="made")
            writing.add_run(run)
            writing.report_engine_event("said", run)
            assert reading.get_run_by_id(run.run_id) == writing.get_run_by_id(run.run_id)
            assert [entry.message for entry in reading.all_logs(run.run_id)] == ["said"]


def test_all_of_a_process_share_one_connection_while_they_take_turns(
    url: str, tmp_path: Path
) -> None:
    first: set[int] = set()
    for k in range(5):
        with opened(url, tmp_path / str(k)) as records:
            assert records.get_runs() == []
            assert records.all_instigator_state() == []
            assert records.all_asset_keys() == []
            used = sessions(url)
            first = first or used
            assert used == first
    assert len(first) == 1


def test_connections_that_the_server_has_ended_are_made_anew(url: str, tmp_path: Path) -> None:
    with opened(url, tmp_path) as records:
        assert records.get_runs() == []
        before = sessions(url)
        with postgres.connected(make_url(url)) as connection:
            connection.execute(postgres.END_SESSIONS)
        assert records.get_runs() == []
        assert records.all_instigator_state() == []
        assert not before & sessions(url)
