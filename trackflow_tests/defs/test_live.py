"""The live worker in Dagster: what starts it, and what its run reports."""

import datetime as dt
import uuid
from pathlib import Path

import dagster as dg
import pytest

from trackflow.context import Context
from trackflow.definitions import defs
from trackflow.defs import runs
from trackflow.defs.resources import TrackflowResource
from trackflow.settings import Settings
from trackflow.store.jobs import workers
from trackflow_tests.helpers.fleet import import_drives, write_drives
from trackflow_tests.helpers.ticks import skipped, tick

SENSOR = "live_sensor"


@pytest.fixture
def today() -> dt.date:
    """Read as a test starts: the suite may run across midnight."""
    return dt.datetime.now(dt.UTC).date()


def test_it_is_started_when_something_came_in(
    home: Path, instance: dg.DagsterInstance, today: dt.date
) -> None:
    assert skipped(SENSOR, home, instance) == "No new points."
    _import(home, today - dt.timedelta(days=10))
    assert skipped(SENSOR, home, instance) == "No new points."
    _import(home, today - dt.timedelta(days=1))
    assert isinstance(tick(SENSOR, home, instance), dg.RunRequest)


def test_it_is_started_once(home: Path, instance: dg.DagsterInstance, today: dt.date) -> None:
    _import(home, today - dt.timedelta(days=1))
    job = defs.resolve_job_def("live_job")
    run = instance.create_run_for_job(job, status=dg.DagsterRunStatus.NOT_STARTED)
    assert skipped(SENSOR, home, instance) == f"Run {run.run_id[:8]} is about to begin."

    with (
        Context.open(Settings(home=home)) as trackflow_context,
        trackflow_context.store.write() as connection,
    ):
        workers.beat(connection, uuid.uuid4(), trackflow_context.clock(), batches_done=0)
    assert "The live worker is there" in skipped(SENSOR, home, instance)


def test_a_run_whose_process_died_does_not_hold_up_the_next(
    home: Path, instance: dg.DagsterInstance, today: dt.date, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "TIME_TO_START", dt.timedelta(0))
    _import(home, today - dt.timedelta(days=1))
    job = defs.resolve_job_def("live_job")
    instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)

    assert isinstance(tick(SENSOR, home, instance), dg.RunRequest)


def test_its_run_reports_the_days_that_it_changed(
    home: Path, instance: dg.DagsterInstance, today: dt.date
) -> None:
    day = today - dt.timedelta(days=1)
    _import(home, day)

    config = dg.RunConfig(ops={"follow_live": {"config": {"idle_min": 0.01}}})
    done = defs.resolve_job_def("live_job").execute_in_process(
        run_config=config,
        instance=instance,
        resources={"trackflow": TrackflowResource(home=str(home))},
    )

    assert done.success
    for asset in ("segments", "matched_polylines", "tracks", "categorized_tracks"):
        found = instance.get_materialized_partitions(dg.AssetKey(asset))
        assert found == {day.isoformat()}, asset
    for asset, check in (("segments", "ledger_balances"), ("tracks", "no_overlapping_tracks")):
        key = dg.AssetCheckKey(dg.AssetKey(asset), check)
        (found,) = instance.event_log_storage.get_asset_check_partition_info([key])
        assert found.partition_key == day.isoformat()
        assert found.latest_execution_status.value == "SUCCEEDED"
        assert found.is_current
    event = instance.get_latest_materialization_event(dg.AssetKey("tracks"))
    assert event is not None
    assert event.asset_materialization is not None
    assert event.asset_materialization.metadata["tracks"].value == 2


def _import(home: Path, day: dt.date) -> None:
    import_drives(home, write_drives(home / f"{day}.csv", 1, 2, day, points=60))
