"""What starts by itself: sensors and the schedule, on a real store."""

import datetime as dt
import sqlite3
from pathlib import Path

import dagster as dg
import pytest

from trackflow.context import Context
from trackflow.definitions import defs
from trackflow.defs.days.sensors import LONGEST_PAUSE_S, pause_s
from trackflow.defs.intake import sensors
from trackflow.defs.resources import TrackflowResource
from trackflow.settings import Settings
from trackflow.store.days import batch_lists, batches
from trackflow.store.tables import STAGES
from trackflow.usecases.days import run as running
from trackflow.usecases.days import waiting
from trackflow_tests.helpers.fleet import FIRST_DAY, import_drives, write_drives
from trackflow_tests.helpers.ticks import tick

START, END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


def import_days(home: Path, *stretches: tuple[dt.date, int]) -> None:
    for first, days in stretches:
        path = write_drives(home / f"{first}.csv", days, 2, first, points=20)
        import_drives(home, path)


def test_many_pending_days_become_few_runs(home: Path, instance: dg.DagsterInstance) -> None:
    import_days(home, (FIRST_DAY, 40), (FIRST_DAY + dt.timedelta(days=44), 3))
    import_days(home, (FIRST_DAY - dt.timedelta(days=90), 1))

    requests = tick("pending_batches_sensor", home, instance)

    assert isinstance(requests, list)
    assert [(r.tags.get(START), r.tags.get(END), r.partition_key) for r in requests] == [
        ("2026-03-02", "2026-04-17", None),
        (None, None, "2025-12-02"),
    ]
    assert requests[0].run_config["ops"]["process_days"]["config"]["mode"] == "incremental"


def test_just_runs_that_make_many_days_get_helpers(
    home: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_days(home, (FIRST_DAY, 40))
    monkeypatch.setenv("TRACKFLOW_MACHINES", "3")
    many = {START: FIRST_DAY.isoformat(), END: (FIRST_DAY + dt.timedelta(days=39)).isoformat()}
    few = many | {END: FIRST_DAY.isoformat()}
    selection = frozenset({dg.AssetKey("segments")})

    def started(job: str, tags: dict[str, str], selected: frozenset[dg.AssetKey] | None) -> str:
        run = dg.DagsterRun(
            job, tags=tags, asset_selection=selected, status=dg.DagsterRunStatus.STARTED
        )
        return instance.add_run(run).run_id

    by_sensor = started("process_days_job", many, None)
    by_backfill = started("__ASSET_JOB", many, selection)
    started("process_days_job", few, None)
    started("categorize_days_job", many, None)
    started("a_job_of_a_company", many, None)

    requests = tick("helpers_sensor", home, instance)
    assert isinstance(requests, list)
    helped = [request.tags["trackflow/helps"] for request in requests]
    assert sorted(helped) == sorted([by_sensor, by_backfill] * 2)
    assert len({request.run_key for request in requests}) == 4
    again = tick("helpers_sensor", home, instance)
    assert isinstance(again, list)
    assert {one.run_key for one in again} == {one.run_key for one in requests}


OLD = dt.date(2008, 5, 1)
"""Before the first partition."""


def test_days_before_the_first_partition_are_worked_on_and_told_of(
    home: Path, instance: dg.DagsterInstance
) -> None:
    """A phone that was off for a week; an import of another decade while Dagster runs."""
    import_days(home, (OLD, 3), (OLD - dt.timedelta(days=900), 1), (FIRST_DAY, 1))

    requests = tick("older_days_sensor", home, instance)

    assert isinstance(requests, list)
    spans = [request.run_config["ops"]["process_older_days"]["config"] for request in requests]
    assert [(span["first"], span["last"]) for span in spans] == [
        ("2008-05-01", "2008-05-03"),
        ("2005-11-13", "2005-11-13"),
    ]
    job = defs.resolve_job_def("process_older_days_job")
    for request in requests:
        done = job.execute_in_process(
            run_config=request.run_config,
            instance=instance,
            resources={"trackflow": TrackflowResource(home=str(home))},
        )
        assert done.success
    with Context.open(Settings(home=home, engine_url="none")) as trackflow_context:
        assert waiting.find_waiting(trackflow_context).days == [FIRST_DAY]
    keys = {str(OLD + dt.timedelta(days=k)) for k in range(3)} | {"2005-11-13"}
    for asset in ("segments", "matched_polylines", "tracks"):
        records = instance.fetch_materializations(dg.AssetKey(asset), limit=10).records
        assert {record.partition_key for record in records} == keys
        check = dg.AssetCheckKey(dg.AssetKey("segments"), "ledger_balances")
        checked = instance.event_log_storage.get_asset_check_partition_info([check])
        assert {one.partition_key for one in checked} == keys
    again = tick("older_days_sensor", home, instance)
    assert isinstance(again, dg.SkipReason)
    assert again.skip_message == "Nothing is pending before 2015-01-01."


def test_many_older_days_are_runs_of_a_year_at_most(
    home: Path, instance: dg.DagsterInstance
) -> None:
    import_days(home, (OLD, 400))
    requests = tick("older_days_sensor", home, instance)
    assert isinstance(requests, list)
    spans = [request.run_config["ops"]["process_older_days"]["config"] for request in requests]
    assert [(span["first"], span["last"]) for span in spans] == [
        ("2009-05-02", "2009-06-04"),
        ("2008-05-01", "2009-05-01"),
    ]


def test_nothing_is_requested_when_all_is_done(home: Path, instance: dg.DagsterInstance) -> None:
    import_days(home, (FIRST_DAY, 2))
    with Context.open(Settings(home=home, engine_url="none")) as trackflow_context:
        running.run(trackflow_context)

    skipped = tick("pending_batches_sensor", home, instance)

    assert isinstance(skipped, dg.SkipReason)
    assert skipped.skip_message == "Nothing is pending."


def test_nothing_is_requested_while_a_run_is_going_on(
    home: Path, instance: dg.DagsterInstance
) -> None:
    import_days(home, (FIRST_DAY, 2))
    job = defs.resolve_job_def("process_days_job")
    instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)

    skipped = tick("pending_batches_sensor", home, instance)

    assert isinstance(skipped, dg.SkipReason)
    assert "is processing" in str(skipped.skip_message)


def test_the_same_days_are_requested_again_when_more_came_in(
    home: Path, instance: dg.DagsterInstance
) -> None:
    """A run key is remembered for ever: without the watermark these days would be skipped."""
    import_days(home, (FIRST_DAY, 2))
    before = tick("pending_batches_sensor", home, instance)
    again = tick("pending_batches_sensor", home, instance)
    import_drives(home, write_drives(home / "more.csv", 2, 1, FIRST_DAY, points=33))
    after = tick("pending_batches_sensor", home, instance)

    assert isinstance(before, list)
    assert isinstance(again, list)
    assert isinstance(after, list)
    assert before[0].run_key == again[0].run_key
    assert before[0].run_key != after[0].run_key


def test_without_a_road_network_only_segments_are_requested_and_then_nothing(
    home: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TRACKFLOW_ENGINE_URL")
    import_days(home, (FIRST_DAY, 2))

    requests = tick("pending_batches_sensor", home, instance)
    with Context.open(Settings(home=home)) as trackflow_context:
        running.run(trackflow_context, stages=STAGES[:1])
    skipped = tick("pending_batches_sensor", home, instance)

    assert isinstance(requests, list)
    assert [r.asset_selection for r in requests] == [[dg.AssetKey("segments")]]
    assert isinstance(skipped, dg.SkipReason)
    assert "no road network for car" in str(skipped.skip_message)


def test_batches_that_were_handed_back_rest_for_a_while(home: Path) -> None:
    import_days(home, (FIRST_DAY, 1))
    now = dt.datetime.now(dt.UTC)
    with Context.open(Settings(home=home, engine_url="none"), lambda: now) as trackflow_context:
        with trackflow_context.store.write() as connection:
            for device in ("van-0", "van-1"):
                claim = batches.claim(
                    connection, device, FIRST_DAY, "segmented", lease_s=60, now=now
                )
                assert claim
                batches.defer(connection, claim, "the engine does not answer", now)
        assert waiting.find_waiting(trackflow_context).days == []
        now += waiting.PAUSE_AFTER_DEFERRAL
        assert waiting.find_waiting(trackflow_context).days == [FIRST_DAY]


def test_what_is_due_is_what_the_pipeline_would_take(home: Path) -> None:
    import_days(home, (FIRST_DAY, 4))
    with Context.open(Settings(home=home, engine_url="none")) as trackflow_context:
        now = trackflow_context.clock()
        running.run(trackflow_context, last=FIRST_DAY)
        running.run(trackflow_context, first=FIRST_DAY + dt.timedelta(days=3), stages=STAGES[:2])
        with trackflow_context.store.write() as connection:
            for device in ("van-0", "van-1"):
                day = FIRST_DAY + dt.timedelta(days=1)
                claim = batches.claim(connection, device, day, "segmented", lease_s=60, now=now)
                assert claim
                if device == "van-0":
                    batches.fail(connection, claim, "broken", 5, now)
        with trackflow_context.store.read() as connection:
            pending = {
                day for stage in STAGES for _, day in batch_lists.pending(connection, stage, now)
            }
        assert waiting.find_waiting(trackflow_context).days == sorted(pending)
        assert [(day - FIRST_DAY).days for day in sorted(pending)] == [2, 3]


def test_pauses_grow_with_failures_in_a_row() -> None:
    failed, fine = dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS

    assert pause_s([]) == pause_s([fine, failed, failed]) == 0
    assert pause_s([failed, fine, failed]) == 30
    assert pause_s([failed, failed, fine]) == 60
    assert pause_s([failed] * 9) == LONGEST_PAUSE_S


def test_ranges_bridge_small_gaps_and_end_somewhere() -> None:
    def day(k: int) -> dt.date:
        return FIRST_DAY + dt.timedelta(days=k)

    assert waiting.ranges([]) == []
    assert waiting.ranges([day(0), day(7), day(15)]) == [(day(0), day(7)), (day(15), day(15))]
    every = waiting.ranges([day(k) for k in range(800)])
    assert [(last - first).days + 1 for first, last in every] == [366, 366, 68]


def test_points_are_observed_once_day_by_day(
    home: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sensors, "DAYS_PER_TICK", 100)
    import_days(home, (FIRST_DAY, 130))

    first = tick("gps_points_sensor", home, instance)
    assert isinstance(first, dg.SensorResult)
    second = tick("gps_points_sensor", home, instance, first.cursor)
    assert isinstance(second, dg.SensorResult)
    third = tick("gps_points_sensor", home, instance, second.cursor)
    assert isinstance(third, dg.SensorResult)

    events = [*first.asset_events, *second.asset_events]
    for kind in (dg.AssetObservation, dg.AssetMaterialization):  # what is new, and that it is there
        assert [event.partition for event in events if isinstance(event, kind)] == [
            (FIRST_DAY + dt.timedelta(days=k)).isoformat() for k in range(130)
        ]
    assert {event.metadata["points"].value for event in events} == {40}
    assert third.asset_events == []


@pytest.mark.parametrize(
    ("at", "expected"), [("07:15", FIRST_DAY), ("06:59", FIRST_DAY - dt.timedelta(days=1))]
)
def test_the_schedule_requests_the_newest_settled_day(
    home: Path, instance: dg.DagsterInstance, at: str, expected: dt.date
) -> None:
    import_days(home, (FIRST_DAY - dt.timedelta(days=1), 3))
    moment = dt.datetime.fromisoformat(f"{FIRST_DAY + dt.timedelta(days=1)}T{at}:00+00:00")

    request = _schedule_tick(home, instance, moment)

    assert isinstance(request, dg.RunRequest)
    assert request.partition_key == expected.isoformat()
    assert request.run_config["ops"]["process_days"]["config"]["mode"] == "bulk"


def test_the_schedule_skips_days_on_which_nothing_moved(
    home: Path, instance: dg.DagsterInstance
) -> None:
    moment = dt.datetime.combine(FIRST_DAY, dt.time(7, 15), dt.UTC)

    skipped = _schedule_tick(home, instance, moment)

    assert isinstance(skipped, dg.SkipReason)
    assert str(FIRST_DAY - dt.timedelta(days=1)) in str(skipped.skip_message)


def _schedule_tick(home: Path, instance: dg.DagsterInstance, moment: dt.datetime) -> object:
    schedule = defs.get_repository_def().get_schedule_def("daily_schedule")
    context = dg.build_schedule_context(
        instance=instance,
        scheduled_execution_time=moment,
        resources={"trackflow": TrackflowResource(home=str(home))},
    )
    return schedule(context)


def test_a_followed_table_is_read_by_its_sensor(
    home: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    skipped = tick("followed_table_sensor", home, instance)
    assert isinstance(skipped, dg.SkipReason)
    assert "TRACKFLOW_FOLLOW_URL" in str(skipped.skip_message)
    with sqlite3.connect(home / "shop.db") as shop:
        shop.execute("CREATE TABLE markers (id INTEGER PRIMARY KEY, username, coords, created_at)")
        row = ("anna", "[24.94, 60.17]", "2026-03-02T08:00:00Z")
        shop.execute("INSERT INTO markers (username, coords, created_at) VALUES (?, ?, ?)", row)
    shop.close()
    monkeypatch.setenv("TRACKFLOW_FOLLOW_URL", f"sqlite:///{home / 'shop.db'}")

    told = tick("followed_table_sensor", home, instance)

    assert isinstance(told, dg.SkipReason)
    assert "1 new rows in" in str(told.skip_message)
    with Context.open(Settings(home=home)) as trackflow_context:
        assert waiting.find_waiting(trackflow_context).days == [FIRST_DAY]
