"""What Dagster asks of its records at each tick, in SQLite files and in a real PostgreSQL."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
import yaml
from dagster import DagsterInstance
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import TickData, TickStatus

from trackflow.serving import dagster_settings
from trackflow_tests.helpers import dagster_records
from trackflow_tests.helpers.dagster_records import empty_database, in_postgresql

type Opened = Callable[[], DagsterInstance]

SENSOR = "selector"


@pytest.fixture(params=["sqlite", "postgresql"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opened]:
    """Opens the records anew, as each tick does; they are empty at first."""
    if request.param == "sqlite":
        storage = yaml.safe_load(dagster_settings(tmp_path))["storage"]
        yield lambda: dagster_records.opened(tmp_path, storage)
        return
    with empty_database(request.getfixturevalue("postgres_url")) as url:
        yield lambda: dagster_records.opened(tmp_path, in_postgresql(url))


def ticked(records: DagsterInstance, at_s: float) -> None:
    """A sensor's tick of that time that skipped, as the daemon writes it."""
    data = TickData(
        "origin", "sensor", InstigatorType.SENSOR, TickStatus.SKIPPED, at_s, selector_id=SENSOR
    )
    records.create_tick(data)


def left(records: DagsterInstance) -> list[float]:
    return sorted(tick.timestamp for tick in records.get_ticks("origin", SENSOR))


def test_old_ticks_are_deleted_once_an_hour(opened: Opened) -> None:
    """Dagster asks for it after each tick, dozens of times a minute."""
    with opened() as records:
        for at_s in (100.0, 200.0, 4_000.0):
            ticked(records, at_s)
        for before, remaining in ((150.0, 2), (250.0, 2), (3_749.0, 2), (3_750.0, 1)):
            records.purge_ticks("origin", SENSOR, before, [TickStatus.SKIPPED])
            assert len(left(records)) == remaining
        ticked(records, 50.0)
        records.purge_ticks("origin", "another sensor", 9_999.0, [TickStatus.SKIPPED])
        records.purge_ticks("origin", SENSOR, 9_999.0, [TickStatus.FAILURE])
        assert left(records) == [50.0, 4_000.0]


def test_a_tick_asks_for_no_tables_that_were_there_at_an_earlier_one(opened: Opened) -> None:
    with opened() as records:
        ticked(records, 100.0)
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        with opened() as records:  # each tick of Dagster opens records of its own
            ticked(records, 200.0)
            assert left(records) == [100.0, 200.0]
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)
    assert any("INSERT INTO job_ticks" in statement for statement in asked)
    about_tables = ("sqlite_master WHERE type", "pg_class", "secondary_indexes")
    assert not [one for one in asked if any(words in one for words in about_tables)]
