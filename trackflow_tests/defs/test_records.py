"""Dagster's records in a real PostgreSQL, over connections that a process keeps."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster import DagsterInstance
from sqlalchemy import make_url

from trackflow_tests.helpers import postgres

OURS = {"module": "trackflow.defs.machines.records", "class": "PooledPostgresStorage"}
SESSIONS = "SELECT pid FROM pg_stat_activity WHERE datname = '{}'"


@pytest.fixture
def url(postgres_url: str) -> Iterator[str]:
    """An empty database."""
    server = make_url(postgres_url)
    name = postgres.make(server, "template1")
    yield server.set(database=name).render_as_string(hide_password=False)
    postgres.drop(server, name)


def opened(url: str, folder: Path, *, is_dagsters: bool = False) -> DagsterInstance:
    """Dagster's records as a dagster.yaml describes them, in our storage or in Dagster's own."""
    address = make_url(url).set(drivername="postgresql+psycopg2")
    config = {"postgres_url": address.render_as_string(hide_password=False)}
    storage = {"postgres": config} if is_dagsters else {"custom": OURS | {"config": config}}
    folder.mkdir(exist_ok=True)
    (folder / "dagster.yaml").write_text(yaml.safe_dump({"storage": storage}))
    return DagsterInstance.from_config(str(folder))


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
