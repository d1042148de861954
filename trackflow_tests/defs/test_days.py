"""The work by day on a real store: what is reported, what checks say, what a failure leaves."""

import datetime as dt
from collections.abc import Iterator, Mapping
from pathlib import Path

import dagster as dg
import numpy as np
import pytest
import sqlalchemy as sa
from dagster._core.storage.tags import RETRY_NUMBER_TAG

from trackflow.context import Context
from trackflow.definitions import defs
from trackflow.defs.days.running import MARKED_TAG
from trackflow.demo.extract import helsinki_extract
from trackflow.geo.points import Points
from trackflow.geo.time import midnight, to_us
from trackflow.matching.networks import RoadNetwork
from trackflow.settings import Settings
from trackflow.store.tables import cached_polylines, day_ledgers, processing_batches, segments
from trackflow.store.tables import tracks as tracks_table
from trackflow.usecases.days import checks
from trackflow.usecases.days import run as pipeline
from trackflow.usecases.days.run import settled_day
from trackflow_tests.helpers.fleet import FIRST_DAY, import_drives, write_drives
from trackflow_tests.helpers.roads import use
from trackflow_tests.helpers.stores import batch_of_device, deliver, generations

DAYS = [FIRST_DAY + dt.timedelta(days=k) for k in range(3)]
RANGE = {
    "dagster/asset_partition_range_start": DAYS[0].isoformat(),
    "dagster/asset_partition_range_end": DAYS[-1].isoformat(),
}


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as opened:
        yield opened


@pytest.fixture
def trackflow_context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Context]:
    """A store with three vans' drives on three days, matching switched off."""
    home = tmp_path / "home"
    monkeypatch.setenv("TRACKFLOW_ENGINE_URL", "none")
    import_drives(home, write_drives(tmp_path / "drives.csv"))
    with Context.open(Settings(home=home, engine_url="none")) as opened:
        yield opened


def run_job(
    instance: dg.DagsterInstance,
    *,
    select: list[str] | None = None,
    mode: str = "bulk",
    device_id: str = "",
    tags: Mapping[str, str] = RANGE,
    **partition: str,
) -> dg.ExecuteInProcessResult:
    return defs.resolve_job_def("process_days_job").execute_in_process(
        instance=instance,
        run_config={"ops": {"process_days": {"config": {"mode": mode, "device_id": device_id}}}},
        asset_selection=[dg.AssetKey(name) for name in select] if select else None,
        raise_on_error=False,
        **({"partition_key": partition["day"]} if partition else {"tags": tags}),
    )


def metadata_of(instance: dg.DagsterInstance, asset: str) -> dict[str, dict[str, object]]:
    """The latest metadata of each day of an asset."""
    records = instance.fetch_materializations(dg.AssetKey(asset), limit=100).records
    found: dict[str, dict[str, object]] = {}
    for record in records:
        event = record.asset_materialization
        assert event is not None
        values = {name: value.value for name, value in event.metadata.items()}
        found.setdefault(str(event.partition), values)
    return found


def evaluations(
    result: dg.ExecuteInProcessResult, day: dt.date | None = None
) -> dict[str, dg.AssetCheckEvaluation]:
    """What each check of days says of one day of the run, by default the second."""
    wanted = (day or DAYS[1]).isoformat()
    return {e.check_name: e for e in result.get_asset_check_evaluations() if e.partition == wanted}


def failure_of(result: dg.ExecuteInProcessResult) -> str:
    (event,) = [event for event in result.all_events if event.is_step_failure]
    data = event.step_failure_data
    assert data.user_failure_data is not None, data.error
    return str(data.user_failure_data.description)


def test_three_days_in_one_run_are_reported_day_by_day(
    trackflow_context: Context, instance: dg.DagsterInstance
) -> None:
    result = run_job(instance)

    assert result.success
    told = metadata_of(instance, "segments")
    assert sorted(told) == [day.isoformat() for day in DAYS]
    for numbers in told.values():
        assert numbers["points"] == 720
        assert numbers["devices"] == 3
        assert numbers["segments"] == 3
        assert numbers["dagster/partition_row_count"] == 3
        assert numbers["device_days_done"] == 3
        assert numbers["notices"] == 0
        assert numbers["raw_distance_km"] > 10  # type: ignore[operator]
    for numbers in metadata_of(instance, "tracks").values():
        assert numbers["tracks"] == 3
        assert str(numbers["map"]).startswith("![lines of ")
        assert len(str(numbers["map"])) < 60_000
    for day in DAYS:
        assert {name: e.passed for name, e in evaluations(result, day).items()} == {
            "devices_are_sound": True,
            "ledger_balances": True,
            "seams_meet": True,
            "match_share": True,
            "no_overlapping_tracks": True,
        }


def test_one_day_of_one_device(trackflow_context: Context, instance: dg.DagsterInstance) -> None:
    result = run_job(instance, device_id="van-1", day=DAYS[1].isoformat())

    assert result.success
    told = metadata_of(instance, "segments")
    assert list(told) == [DAYS[1].isoformat()]
    assert told[DAYS[1].isoformat()]["device_days_done"] == 1
    assert told[DAYS[1].isoformat()]["devices"] == 1


def test_incremental_does_nothing_twice(
    trackflow_context: Context, instance: dg.DagsterInstance
) -> None:
    run_job(instance)
    run_job(instance, mode="incremental")

    for asset in ("segments", "matched_polylines", "tracks"):
        for numbers in metadata_of(instance, asset).values():
            assert numbers["device_days_done"] == 0
    # what a day holds is told all the same, so that a plot over days has no holes
    assert all(n["points"] == 720 for n in metadata_of(instance, "segments").values())


def damage_ledger(trackflow_context: Context, day: dt.date) -> None:
    """As a mistake of the program would: 7 points more in a class than there are."""
    broken = (day_ledgers.c.device_id == "van-1", day_ledgers.c.day == day)
    with trackflow_context.store.write() as connection:
        connection.execute(sa.update(day_ledgers).where(*broken).values(stop=7))


def test_a_second_try_marks_days_just_where_the_first_one_did_not(
    trackflow_context: Context, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that is shared marks its days; one that died early may not have come so far."""
    monkeypatch.setenv("TRACKFLOW_MACHINES", "2")
    store = trackflow_context.store
    first_try = generations(store)
    again = RANGE | {RETRY_NUMBER_TAG: "1"}

    assert run_job(instance, tags=again).success
    marked = generations(store)
    assert marked == {key: generation + 1 for key, generation in first_try.items()}
    (run,) = instance.get_runs()
    assert MARKED_TAG in run.tags

    # Dagster gives a second try the tags of the first one
    assert run_job(instance, tags=again | {MARKED_TAG: "true"}).success
    assert generations(store) == marked

    # as does a person's "Re-execute", which is no second try
    assert run_job(instance, tags=RANGE | {MARKED_TAG: "true"}).success
    assert generations(store) == {key: generation + 1 for key, generation in marked.items()}


def test_a_wrong_ledger_is_red_and_stops_the_run(
    trackflow_context: Context, instance: dg.DagsterInstance
) -> None:
    run_job(instance)
    damage_ledger(trackflow_context, DAYS[1])

    result = run_job(instance, mode="incremental")

    assert not result.success
    found = {day: evaluations(result, day)["ledger_balances"] for day in DAYS}
    assert [found[day].passed for day in DAYS] == [True, False, True]
    check = found[DAYS[1]]
    assert check.severity is dg.AssetCheckSeverity.ERROR
    assert check.blocking
    assert check.metadata["device_days_wrong"].value == 1
    (finding,) = check.metadata["wrong"].records  # type: ignore[attr-defined]
    assert finding.data["device"] == "van-1"
    assert finding.data["in classes"] == 247
    assert finding.data["points"] == 240


def test_a_red_day_stays_red_until_that_day_is_made_again(
    trackflow_context: Context, instance: dg.DagsterInstance
) -> None:
    run_job(instance)
    damage_ledger(trackflow_context, DAYS[0])
    run_job(instance, mode="incremental", day=DAYS[0].isoformat())
    assert statuses(instance) == ["FAILED", "SUCCEEDED", "SUCCEEDED"]

    for day in DAYS[1:]:
        assert run_job(instance, day=day.isoformat()).success
    assert statuses(instance) == ["FAILED", "SUCCEEDED", "SUCCEEDED"]

    assert run_job(instance, day=DAYS[0].isoformat()).success
    assert statuses(instance) == ["SUCCEEDED"] * 3


def test_the_newest_settled_day_is_red_until_it_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, instance: dg.DagsterInstance
) -> None:
    """Also when no run comes by: the check has a job of its own."""
    home = tmp_path / "home"
    monkeypatch.setenv("TRACKFLOW_ENGINE_URL", "none")
    day = settled_day(dt.datetime.now(dt.UTC)) - dt.timedelta(days=1)
    # three days, as the newest settled one may change while the test runs
    import_drives(home, write_drives(tmp_path / "new.csv", 3, 2, day, points=20))

    def check() -> dg.AssetCheckEvaluation:
        done = defs.resolve_job_def("check_days_job").execute_in_process(instance=instance)
        (found,) = done.get_asset_check_evaluations()
        return found

    before = check()
    with Context.open(Settings(home=home, engine_url="none")) as opened:
        pipeline.run(opened, first=day, last=day + dt.timedelta(days=2))
    after = check()

    assert not before.passed
    assert before.metadata["waiting"].value == 2
    assert after.passed
    assert after.metadata["made"].value == 2


def statuses(instance: dg.DagsterInstance) -> list[str]:
    """What Dagster keeps of the ledgers' check, day by day."""
    key = dg.AssetCheckKey(dg.AssetKey("segments"), "ledger_balances")
    found = instance.event_log_storage.get_asset_check_partition_info([key])
    return [
        one.latest_execution_status.value for one in sorted(found, key=lambda x: x.partition_key)
    ]


def test_what_needs_attention_is_told_and_blocks_nothing(
    trackflow_context: Context, instance: dg.DagsterInstance
) -> None:
    """Two senders under one id, 15 km apart."""
    k = np.arange(64)
    time_us = to_us(midnight(DAYS[1])) + k * 5_000_000
    lon = 24.9 + k * 1e-4 + (k % 2) * 0.27
    deliver(
        trackflow_context.store, batch_of_device("mix", Points.of(time_us, lon, np.full(64, 60.17)))
    )

    result = run_job(instance)

    assert result.success
    check = evaluations(result)["devices_are_sound"]
    assert not check.passed
    assert check.severity is dg.AssetCheckSeverity.WARN
    assert not check.blocking
    (notice,) = check.metadata["what"].records  # type: ignore[attr-defined]
    assert (notice.data["device"], notice.data["kind"]) == ("mix", "mixed")
    assert "two senders under one id" in str(check.description)
    assert "give each sender an id" in str(notice.data["what to do"])
    told = metadata_of(instance, "segments")
    assert [told[day.isoformat()]["notices"] for day in DAYS] == [0, 1, 0]
    assert "needs_attention" in told[DAYS[1].isoformat()]
    assert checks.check_ledgers(trackflow_context, DAYS[0], DAYS[-1]).wrong == []


def test_a_point_without_a_batch_makes_the_ledger_red(trackflow_context: Context) -> None:
    """The count is of the points themselves, so that not even a lost batch can hide one."""
    with trackflow_context.store.write() as connection:
        connection.execute(
            sa.delete(processing_batches).where(processing_batches.c.device_id == "van-2")
        )

    assert len(checks.check_ledgers(trackflow_context, DAYS[0], DAYS[-1]).wrong) == 3


def test_a_check_started_by_hand_looks_at_the_newest_days(
    trackflow_context: Context, instance: dg.DagsterInstance
) -> None:
    key = dg.AssetCheckKey(dg.AssetKey("segments"), "ledger_balances")
    job = defs.resolve_implicit_global_asset_job_def().get_subset(
        asset_selection=set(), asset_check_selection={key}
    )

    first = job.execute_in_process(instance=instance).get_asset_check_evaluations()
    assert all(check.passed for check in first)
    assert first[-1].metadata["device_days_waiting"].value == 3
    run_job(instance)
    damage_ledger(trackflow_context, DAYS[0])
    found = job.execute_in_process(
        instance=instance, raise_on_error=False
    ).get_asset_check_evaluations()
    assert [check.partition for check in found] == [
        str(DAYS[-1] - dt.timedelta(days=k)) for k in range(30, -1, -1)
    ]
    assert [check.partition for check in found if not check.passed] == [str(DAYS[0])]


def test_overlapping_tracks_are_red(
    trackflow_context: Context, instance: dg.DagsterInstance
) -> None:
    run_job(instance)
    first = sa.select(sa.func.min(tracks_table.c.start_time)).where(
        tracks_table.c.device_id == "van-0"
    )
    with trackflow_context.store.write() as connection:
        start = connection.scalar(first)
        connection.execute(
            sa.update(tracks_table)
            .where(tracks_table.c.device_id == "van-0", tracks_table.c.start_time == start)
            .values(end_time=start + dt.timedelta(days=1, minutes=5))
        )

    found = checks.check_overlaps(trackflow_context, DAYS[0], DAYS[-1])

    assert (found.tracks, found.overlaps) == (9, 1)
    assert found.wrong == [
        {"device": "van-0", "day": DAYS[1].isoformat(), "overlap_s": pytest.approx(300)}
    ]


@pytest.fixture
def on_roads(
    trackflow_context: Context, helsinki_network: RoadNetwork, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Context]:
    """The same store with a road network."""
    monkeypatch.delenv("TRACKFLOW_ENGINE_URL")
    with Context.open(Settings(home=trackflow_context.settings.home)) as opened:
        use(opened, helsinki_network)
        yield opened


def test_one_bad_device_day_fails_and_the_others_are_published(
    on_roads: Context, instance: dg.DagsterInstance
) -> None:
    assert run_job(instance, select=["segments"]).success
    bad = (segments.c.device_id == "van-1", segments.c.day == DAYS[1])
    with on_roads.store.write() as connection:
        connection.execute(sa.update(segments).where(*bad).values(points=b"damaged"))

    result = run_job(instance, select=["matched_polylines"])

    assert not result.success
    assert "1 of 3 days are not complete" in failure_of(result)
    assert "damaged" in failure_of(result) or "mark" in failure_of(result)
    assert sorted(metadata_of(instance, "matched_polylines")) == [
        DAYS[0].isoformat(),
        DAYS[2].isoformat(),
    ]
    with on_roads.store.read() as connection:
        matched = connection.execute(
            sa.select(cached_polylines.c.device_id, cached_polylines.c.day).distinct()
        ).all()
    assert len(matched) == 8  # also the other devices of the bad day


def test_without_a_road_network_days_wait_and_say_what_to_do(
    trackflow_context: Context, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TRACKFLOW_ENGINE_URL")

    result = run_job(instance)

    assert not result.success
    assert "trackflow network build" in failure_of(result)
    assert len(metadata_of(instance, "segments")) == 3
    assert metadata_of(instance, "matched_polylines") == {}
    with trackflow_context.store.read() as connection:
        statuses = connection.scalars(sa.select(processing_batches.c.status).distinct()).all()
    assert statuses == ["pending"]


def test_seams_and_match_share_on_roads(on_roads: Context, instance: dg.DagsterInstance) -> None:
    result = run_job(instance)

    assert result.success
    found = evaluations(result)
    assert found["seams_meet"].passed, found["seams_meet"].description
    assert found["seams_meet"].metadata["seams"].value > 20  # type: ignore[operator]
    # circles over blocks and water are no roads: that is said, and fails nothing
    assert found["match_share"].severity is dg.AssetCheckSeverity.WARN

    with on_roads.store.write() as connection:
        line = sa.select(sa.func.min(cached_polylines.c.start_time)).scalar_subquery()
        connection.execute(
            sa.update(cached_polylines)
            .where(cached_polylines.c.start_time == line)
            .values(encoded_polyline="_p~iF~ps|U_ulLnnqC")
        )
    assert checks.check_seams(on_roads, DAYS[0], DAYS[-1]).gaps >= 1


def test_the_road_network_is_built_and_described_without_places(
    trackflow_context: Context, instance: dg.DagsterInstance
) -> None:
    config = {"ops": {"road_network": {"config": {"extract": str(helsinki_extract())}}}}

    result = defs.resolve_job_def("build_road_network_job").execute_in_process(
        instance=instance, run_config=config
    )

    (event,) = result.asset_materializations_for_node("road_network")
    told = {name: value.value for name, value in event.metadata.items()}
    assert told["new"] is True
    assert told["profile"] == "car"
    assert told["extent"] == "25° to 25° E, 60° to 60° N (rounded)"


def test_no_road_network_and_no_extract_is_a_clear_failure(
    trackflow_context: Context, instance: dg.DagsterInstance
) -> None:
    result = defs.resolve_job_def("build_road_network_job").execute_in_process(
        instance=instance, raise_on_error=False
    )

    assert not result.success
    assert "put the path of an .osm.pbf file" in failure_of(result)


def test_a_neighbour_that_is_told_of_again_is_checked_again(
    trackflow_context: Context, instance: dg.DagsterInstance
) -> None:
    """Dagster forgets what checks have said of a day as soon as it is materialized again."""
    k = np.arange(121)
    time_us = to_us(midnight(DAYS[1])) + (k - 60) * 15_000_000
    lon, lat = 24.9 + k * 2e-3, np.full(121, 60.3)
    most = k != 90
    journey = Points.of(time_us[most], lon[most], lat[most])
    deliver(trackflow_context.store, batch_of_device("night", journey))
    assert run_job(instance).success
    instance.report_runless_asset_event(
        dg.AssetMaterialization("tracks", partition=str(DAYS[0]), metadata={"tracks": 99})
    )
    late = Points.of(time_us[90:91], lon[90:91] + 1e-3, lat[90:91] + 1e-3)
    deliver(trackflow_context.store, batch_of_device("night", late))

    assert run_job(instance, day=str(DAYS[1])).success

    assert metadata_of(instance, "tracks")[str(DAYS[0])]["tracks"] == 4
    key = dg.AssetCheckKey(dg.AssetKey("tracks"), "no_overlapping_tracks")
    found = instance.event_log_storage.get_asset_check_partition_info([key])
    assert {one.partition_key: one.is_current for one in found} == {str(day): True for day in DAYS}
