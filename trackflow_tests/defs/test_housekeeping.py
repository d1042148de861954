"""Tidying up in Dagster: old records of runs go, what the UI shows of days stays."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from trackflow.defs.housekeeping.jobs import housekeeping_job
from trackflow.defs.housekeeping.runs import KEPT, prune_runs
from trackflow.defs.resources import TrackflowResource
from trackflow.store.tables import gps_points
from trackflow_tests.helpers.fleet import import_drives, write_drives

DAYS = dg.StaticPartitionsDefinition(["monday", "tuesday"])
BY_SENSOR = {"dagster/sensor_name": "live_sensor", "trackflow/subject": "days"}
BY_FOREIGN_SENSOR = {"dagster/sensor_name": "sensor_of_a_company"}


@dg.asset(partitions_def=DAYS)
def tracks_of_test() -> None: ...


@dg.asset_check(asset=tracks_of_test)
def red_check_of_test() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=False)


@dg.op
def nothing() -> None: ...


@dg.job
def nothing_job() -> None:
    nothing()


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """With files on disk, as they really are."""
    (tmp_path / "dagster").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "dagster")) as found:
        yield found


def later(by: dt.timedelta = KEPT + dt.timedelta(hours=1)) -> dt.datetime:
    return dt.datetime.now(dt.UTC) + by


def materialized(instance: dg.DagsterInstance, day: str, tags: dict[str, str]) -> str:
    done = dg.materialize([tracks_of_test], partition_key=day, instance=instance, tags=tags)
    return done.run_id


def finished(instance: dg.DagsterInstance, tags: dict[str, str]) -> str:
    run = instance.create_run_for_job(nothing_job, tags=tags, status=dg.DagsterRunStatus.SUCCESS)
    return run.run_id


def ids(instance: dg.DagsterInstance) -> set[str]:
    return {run.run_id for run in instance.get_runs()}


def test_old_runs_go_but_those_that_days_are_shown_by(instance: dg.DagsterInstance) -> None:
    outdated = materialized(instance, "monday", BY_SENSOR)
    shown = {materialized(instance, day, BY_SENSOR) for day in ("monday", "tuesday")}
    by_hand, idle = finished(instance, {}), finished(instance, BY_SENSOR)
    foreign = finished(instance, BY_FOREIGN_SENSOR)
    unfinished = instance.create_run_for_job(
        nothing_job, tags=BY_SENSOR, status=dg.DagsterRunStatus.STARTED
    ).run_id

    assert prune_runs(instance, later(KEPT - dt.timedelta(hours=1))) == 0
    assert prune_runs(instance, later()) == 2

    assert ids(instance) == {*shown, by_hand, foreign, unfinished}
    key = tracks_of_test.key
    assert instance.get_materialized_partitions(key) == {"monday", "tuesday"}
    folder = Path(instance.root_directory)
    left = [path for path in folder.rglob("*") if outdated in path.name or idle in path.name]
    assert left == []
    assert prune_runs(instance, later()) == 0


def test_a_run_stays_while_its_check_is_the_newest_and_red(instance: dg.DagsterInstance) -> None:
    def checked() -> str:
        job = dg.Definitions(
            assets=[tracks_of_test], asset_checks=[red_check_of_test]
        ).resolve_implicit_global_asset_job_def()
        key = red_check_of_test.check_key
        only = job.get_subset(asset_selection=set(), asset_check_selection={key})
        return only.execute_in_process(instance=instance, tags=BY_SENSOR).run_id

    first, second = checked(), checked()

    assert prune_runs(instance, later()) == 1

    assert first not in ids(instance)
    assert ids(instance) == {second}


def test_more_runs_than_are_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trackflow.defs.housekeeping.runs.PAGE", 2)
    with dg.DagsterInstance.ephemeral() as instance:
        for _ in range(5):
            finished(instance, BY_SENSOR)
        assert prune_runs(instance, later()) == 5
        assert ids(instance) == set()


def test_the_job_deletes_what_is_too_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    trackflow = TrackflowResource(str(home))
    import_drives(home, write_drives(tmp_path / "d.csv", days=2, devices=1, points=20))
    # counted from the newest points, as no others came in: only a person says that they may go
    for days, approve, points in (("", "", 40), ("30", "", 40), ("30", "2026-06-01", 0)):
        monkeypatch.setenv("TRACKFLOW_RETENTION_DAYS", days)
        assert housekept(trackflow, approve).success
        with trackflow.open() as trackflow_context, trackflow_context.store.read() as connection:
            assert len(connection.execute(gps_points.select()).all()) == points


def test_the_job_is_red_where_a_person_has_to_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    trackflow = TrackflowResource(str(home))
    import_drives(home, write_drives(tmp_path / "d.csv", days=20, devices=1, points=2))
    monkeypatch.setenv("TRACKFLOW_RETENTION_DAYS", "5")
    for approve, words in (("", "trackflow retain --approve 2026-03-15"), ("soon", "is not a day")):
        done = housekept(trackflow, approve)
        assert not done.success
        (failure,) = [event for event in done.all_events if event.is_step_failure]
        assert words in str(failure.step_failure_data.error)
        assert not [event for event in done.all_events if event.is_step_up_for_retry]
        with trackflow.open() as trackflow_context, trackflow_context.store.read() as connection:
            assert len(connection.execute(gps_points.select()).all()) == 40


def housekept(trackflow: TrackflowResource, approve: str) -> dg.ExecuteInProcessResult:
    return housekeeping_job.execute_in_process(
        resources={"trackflow": trackflow},
        run_config={"ops": {"apply_retention": {"config": {"approve": approve}}}},
        raise_on_error=False,
    )
