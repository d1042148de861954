"""What was made without Dagster shows as made there: once, as it is, and only what is complete."""

import datetime as dt
from pathlib import Path

import dagster as dg
import pytest

from trackflow.context import Context
from trackflow.definitions import defs
from trackflow.defs.days.catching_up import STATE_TAG, read_cursor, write_cursor
from trackflow.matching.networks import RoadNetwork
from trackflow.settings import Settings
from trackflow.usecases.categories.following import follow_tracks
from trackflow.usecases.days.made import BEGINNING
from trackflow.usecases.days.run import run
from trackflow_tests.helpers.fleet import FIRST_DAY, import_drives, write_drives
from trackflow_tests.helpers.roads import use
from trackflow_tests.helpers.ticks import tick

ASSETS = ("segments", "matched_polylines", "tracks", "categorized_tracks")
DAYS = [FIRST_DAY + dt.timedelta(days=k) for k in range(3)]
ALL = {day.isoformat() for day in DAYS}


@pytest.fixture
def home(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Runs find it as well, by the environment."""
    monkeypatch.setenv("TRACKFLOW_HOME", str(home))
    import_drives(home, write_drives(home / "a.csv", 3, 2, points=40))
    return home


def by_command(home: Path, first: dt.date, last: dt.date) -> None:
    """As `trackflow run` does it."""
    with Context.open(Settings.from_env()) as trackflow_context:
        assert not run(trackflow_context, first=first, last=last).problems
        follow_tracks(trackflow_context, first=first, last=last)


def by_dagster(instance: dg.DagsterInstance, first: dt.date, last: dt.date) -> None:
    tags = {
        "dagster/asset_partition_range_start": first.isoformat(),
        "dagster/asset_partition_range_end": last.isoformat(),
    }
    for job in ("process_days_job", "categorize_days_job"):
        assert defs.resolve_job_def(job).execute_in_process(instance=instance, tags=tags).success


def catch_up(home: Path, instance: dg.DagsterInstance, cursor: str | None = None) -> str | None:
    found = tick("made_days_sensor", home, instance, cursor)
    assert isinstance(found, dg.SensorResult)
    return found.cursor


def materializations(instance: dg.DagsterInstance) -> dict[str, list[str | None]]:
    """The days of each asset, as often as they were reported."""
    return {
        asset: sorted(
            record.partition_key or ""
            for record in instance.fetch_materializations(dg.AssetKey(asset), limit=100).records
        )
        for asset in ASSETS
    }


def test_days_made_by_command_are_reported_once(home: Path, instance: dg.DagsterInstance) -> None:
    by_command(home, DAYS[0], DAYS[1])
    cursor = catch_up(home, instance)
    two = [day.isoformat() for day in DAYS[:2]]
    assert materializations(instance) == dict.fromkeys(ASSETS, two), "and not the pending day"

    by_command(home, DAYS[0], DAYS[2])
    catch_up(home, instance, cursor)
    catch_up(home, instance, cursor)  # a tick whose cursor was lost
    catch_up(home, instance)  # another daemon, at its first tick
    assert materializations(instance) == dict.fromkeys(ASSETS, sorted(ALL))


def test_days_made_by_a_run_are_not_reported_again(
    home: Path, instance: dg.DagsterInstance
) -> None:
    by_dagster(instance, DAYS[0], DAYS[1])
    before = materializations(instance)
    by_command(home, DAYS[2], DAYS[2])
    catch_up(home, instance)

    after = materializations(instance)
    assert {asset: [*days, DAYS[2].isoformat()] for asset, days in before.items()} == after


def test_the_report_shows_what_that_of_a_run_shows(
    home: Path, instance: dg.DagsterInstance
) -> None:
    by_command(home, DAYS[0], DAYS[2])
    catch_up(home, instance)
    with dg.DagsterInstance.ephemeral() as other:
        by_dagster(other, DAYS[0], DAYS[2])
        for asset in ASSETS:
            ours, theirs = (_newest(one, asset) for one in (instance, other))
            work = {"seconds", "points_per_s", "device_days_done", "device_days_changed"}
            shown = {name: theirs.metadata[name] for name in theirs.metadata.keys() - work}
            assert shown.items() - {("cached_share", None)} <= ours.metadata.items() | {
                ("cached_share", shown.get("cached_share"))
            }, asset
            assert STATE_TAG in (ours.tags or {})
    checked = instance.event_log_storage.get_latest_asset_check_execution_by_key(
        [dg.AssetCheckKey(dg.AssetKey("segments"), "ledger_balances")]
    )
    assert checked


def test_a_day_that_a_run_is_making_waits_for_its_report(
    home: Path, instance: dg.DagsterInstance
) -> None:
    by_command(home, DAYS[0], DAYS[2])
    busy = instance.create_run_for_job(
        defs.resolve_job_def("process_days_job"),
        status=dg.DagsterRunStatus.STARTED,
        tags={"dagster/partition": DAYS[1].isoformat()},
    )
    cursor = catch_up(home, instance)
    free = [DAYS[0].isoformat(), DAYS[2].isoformat()]
    assert materializations(instance) == dict.fromkeys(ASSETS, free)

    instance.report_run_failed(busy)  # it was killed before it could report
    catch_up(home, instance, cursor)
    assert materializations(instance) == dict.fromkeys(ASSETS, sorted(ALL))


def test_the_points_show_as_there(home: Path, instance: dg.DagsterInstance) -> None:
    found = tick("gps_points_sensor", home, instance)
    assert isinstance(found, dg.SensorResult)
    for event in found.asset_events:
        instance.report_runless_asset_event(event)
    assert instance.get_materialized_partitions(dg.AssetKey("gps_points")) == ALL


def test_a_network_built_by_command_is_reported_once(
    home: Path, instance: dg.DagsterInstance, helsinki_network: RoadNetwork
) -> None:
    with Context.open(Settings.from_env()) as trackflow_context:
        use(trackflow_context, helsinki_network)
    cursor = catch_up(home, instance)
    catch_up(home, instance, cursor)
    key = dg.AssetKey("road_network")
    (record,) = instance.fetch_materializations(key, limit=10).records
    assert record.asset_materialization is not None
    assert record.asset_materialization.metadata["version"].value == helsinki_network.version


def test_the_cursor_is_read_as_it_was_written() -> None:
    assert read_cursor(None) == BEGINNING == read_cursor(write_cursor(BEGINNING))


def _newest(instance: dg.DagsterInstance, asset: str) -> dg.AssetMaterialization:
    wanted = dg.AssetRecordsFilter(dg.AssetKey(asset), asset_partitions=[DAYS[1].isoformat()])
    (record,) = instance.fetch_materializations(wanted, limit=1).records
    assert record.asset_materialization is not None
    return record.asset_materialization
