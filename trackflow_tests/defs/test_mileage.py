"""The logbook in Dagster: closing, the month's report, and checks that see."""

import datetime as dt
from pathlib import Path

import dagster as dg
import sqlalchemy as sa

from trackflow.context import Context
from trackflow.definitions import defs
from trackflow.defs.resources import TrackflowResource
from trackflow.settings import Settings
from trackflow.store.mileage.tables import logbook_entries, vehicles
from trackflow.usecases.categories.following import follow_tracks
from trackflow.usecases.days.run import run
from trackflow.usecases.mileage.closing import close_due
from trackflow.usecases.mileage.fleet import put_device, save_vehicle
from trackflow_tests.helpers.stores import NOON, Clock, batch_of_device, deliver, drive

HOUR = dt.timedelta(hours=1)
CHECKS = {"chain_is_intact", "no_track_is_missing", "sums_are_equal"}


def test_a_month_is_closed_reported_and_checked(
    home: Path, instance: dg.DagsterInstance, messages: list[dict[str, str]]
) -> None:
    assert isinstance(tick("close_entries_schedule", home, instance), dg.SkipReason)
    assert isinstance(tick("mileage_report_schedule", home, instance), dg.SkipReason)
    recent = dt.datetime.now(dt.UTC) - dt.timedelta(days=6)
    settings = Settings(home=home, engine_url="none", workers=1)
    with Context.open(settings, Clock(NOON)) as context:  # the book sees trips when they end
        for start in (NOON, recent):
            deliver(context.store, batch_of_device("van-7", drive(start, 60)))
        deliver(context.store, batch_of_device("second", drive(NOON, 60)))
        run(context)
        save_vehicle(context, "van")
        put_device(context, "van", "van-7")
        put_device(context, "van", "second", NOON - HOUR)
        follow_tracks(context)
    assert isinstance(tick("close_entries_schedule", home, instance), dg.RunRequest)
    request = tick("mileage_report_schedule", home, instance)
    assert isinstance(request, dg.RunRequest)
    assert request.partition_key == "2026-03-01"

    assert run_job("close_entries_job", home, instance).success
    assert run_job("close_entries_job", home, instance).success
    assert [one["title"] for one in messages] == ["trackflow: 1 trip of van still needs a purpose"]
    done = run_job("mileage_report_job", home, instance, request.partition_key)
    assert done.success
    (made,) = done.asset_materializations_for_node("mileage_report")
    assert made.metadata["dagster/partition_row_count"].value == 1
    assert made.metadata["km/(none)"].value == made.metadata["km"].value > 0.5
    assert "# Logbook of van, car, 2026-03" in str(made.metadata["report"].value)
    names = sorted(path.suffix for path in (home / "reports").iterdir())
    assert names == [".csv", ".csv", ".csv", ".md", ".pdf", ".xlsx"]
    assert made.metadata["left_out"].value == made.metadata["left_out_km"].value == 0
    assert made.metadata["recorded_twice"].value == 1
    assert made.metadata["recorded_twice_km"].value > 0.5
    assert "recorded by another device | 1, " in str(made.metadata["report"].value)
    assert passed(done) == CHECKS

    with Context.open(Settings(home=home, engine_url="none", workers=1)) as context:
        with context.store.write() as connection:
            # somebody with the rights of the database's owner
            connection.execute(sa.text("DROP TRIGGER keep_logbook_entries_update"))
            closed = logbook_entries.c.closed_at.is_not(None)
            (row,) = connection.execute(sa.select(logbook_entries).where(closed))
            changed = row.content | {"distance_m": row.content["distance_m"] + 1}
            connection.execute(sa.update(logbook_entries).where(closed).values(content=changed))
        deliver(context.store, batch_of_device("van-7", drive(recent + HOUR, 60)))
        run(context)
    again = run_job("mileage_report_job", home, instance, request.partition_key)
    assert again.success, "a check tells, and keeps nobody from the report"
    assert passed(again) == set()
    (red,) = [one for one in again.get_asset_check_evaluations() if "sums" in one.check_name]
    assert red.partition == request.partition_key
    assert red.metadata["km_of_books"].value != red.metadata["km_of_tracks"].value


def test_a_book_whose_vehicle_was_deleted_is_red(home: Path, instance: dg.DagsterInstance) -> None:
    """Its chain is whole; all that `trackflow logbook verify` finds wrong is wrong here, too."""
    settings = Settings(home=home, engine_url="none", workers=1)
    with Context.open(settings, Clock(NOON)) as context:
        deliver(context.store, batch_of_device("van-7", drive(NOON, 60)))
        run(context)
        save_vehicle(context, "van")
        put_device(context, "van", "van-7")
        follow_tracks(context)
        close_due(context, until=NOON + dt.timedelta(days=30))
        with context.store.write() as connection:
            connection.execute(sa.delete(vehicles))
    done = run_job("mileage_report_job", home, instance, "2026-03-01")
    (check,) = [one for one in done.get_asset_check_evaluations() if "chain" in one.check_name]
    assert not check.passed
    assert "there is no such vehicle any more" in str(check.metadata["found"].value)


def tick(name: str, home: Path, instance: dg.DagsterInstance) -> object:
    context = dg.build_schedule_context(
        instance=instance,
        resources={"trackflow": TrackflowResource(home=str(home))},
        scheduled_execution_time=dt.datetime(2026, 4, 3, 5, 0, tzinfo=dt.UTC),
    )
    return defs.get_repository_def().get_schedule_def(name)(context)


def run_job(
    name: str, home: Path, instance: dg.DagsterInstance, partition: str | None = None
) -> dg.ExecuteInProcessResult:
    return defs.resolve_job_def(name).execute_in_process(
        instance=instance,
        partition_key=partition,
        resources={"trackflow": TrackflowResource(home=str(home))},
    )


def passed(done: dg.ExecuteInProcessResult) -> set[str]:
    return {one.check_name for one in done.get_asset_check_evaluations() if one.passed}
