"""Categorized tracks in Dagster: what starts them, what is reported of each day, their checks."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa

from trackflow.context import Context
from trackflow.definitions import defs
from trackflow.defs.resources import TrackflowResource
from trackflow.settings import Settings
from trackflow.store.categories.tables import legs
from trackflow.usecases.categories import leg_checks
from trackflow.usecases.categories.following import follow_tracks
from trackflow.usecases.days import run as pipeline
from trackflow_tests.helpers.fleet import FIRST_DAY, import_drives, write_drives
from trackflow_tests.helpers.ticks import skipped, tick

SENSOR = "due_categories_sensor"
KEY = dg.AssetKey("categorized_tracks")
DAYS = [FIRST_DAY + dt.timedelta(days=k) for k in range(3)]


@pytest.fixture
def trackflow_context(home: Path, tmp_path: Path) -> Iterator[Context]:
    """Three vans' drives on three days, with tracks."""
    import_drives(home, write_drives(tmp_path / "drives.csv"))
    with Context.open(Settings(home=home, engine_url="none")) as opened:
        pipeline.run(opened)
        yield opened


def test_days_that_have_changed_are_followed_and_checked(
    home: Path, trackflow_context: Context, instance: dg.DagsterInstance
) -> None:
    requests = tick(SENSOR, home, instance)
    assert isinstance(requests, list)
    (request,) = requests
    done = defs.resolve_job_def("categorize_days_job").execute_in_process(
        instance=instance,
        tags=request.tags,
        resources={"trackflow": TrackflowResource(home=str(home))},
    )
    assert done.success
    assert instance.get_materialized_partitions(KEY) == {day.isoformat() for day in DAYS}
    for day in DAYS:
        wanted = dg.AssetRecordsFilter(KEY, asset_partitions=[day.isoformat()])
        (record,) = instance.fetch_materializations(wanted, limit=1).records
        assert record.asset_materialization is not None
        numbers = {
            name: value.value for name, value in record.asset_materialization.metadata.items()
        }
        stored = leg_checks.leg_numbers(trackflow_context, day, day)[day]
        assert numbers["legs"] == stored.legs > 0
        assert numbers["tracks"] == 3
        by_mode = [value for name, value in numbers.items() if name.startswith("distance_km/")]
        assert sum(map(float, by_mode)) == pytest.approx(
            sum(stored.distance_m.values()) / 1000, abs=0.01
        )
        for name in ("legs_cover_tracks", "modes_fit_speeds", "tracks_have_categories"):
            check = dg.AssetCheckKey(KEY, name)
            history = instance.event_log_storage.get_asset_check_execution_history(check, limit=9)
            of_day = [one for one in history if one.partition == day.isoformat()]
            assert [one.status.value for one in of_day] == ["SUCCEEDED"], (day, name)
    assert skipped(SENSOR, home, instance) == "Nothing has changed."


def test_checks_see_holes_overlaps_and_walks_at_the_speed_of_cars(
    trackflow_context: Context,
) -> None:
    day = DAYS[0]
    found = leg_checks.check_cover(trackflow_context, day)
    assert found.is_waiting
    follow_tracks(trackflow_context)
    assert leg_checks.check_cover(trackflow_context, day).wrong == []
    assert leg_checks.check_speeds(trackflow_context, day).wrong == []
    with trackflow_context.store.write() as connection:
        row = connection.execute(sa.select(legs).order_by(legs.c.start_time).limit(1)).one()
        mine = sa.and_(legs.c.device_id == row.device_id, legs.c.start_time == row.start_time)
        connection.execute(sa.update(legs).where(mine).values(mode="walking", distance_m=500_000.0))
    (too_fast,) = leg_checks.check_speeds(trackflow_context, day).wrong
    assert too_fast["device"] == row.device_id
    with trackflow_context.store.write() as connection:
        later = row.start_time + dt.timedelta(seconds=30)
        connection.execute(sa.update(legs).where(mine).values(start_time=later))
    (hole,) = leg_checks.check_cover(trackflow_context, day).wrong
    assert (hole["device"], hole["fault"]) == (row.device_id, "hole")
    with trackflow_context.store.write() as connection:
        whole = {**row._mapping, "end_time": later + dt.timedelta(seconds=30)}
        connection.execute(sa.insert(legs).values(**whole))
    (overlap,) = leg_checks.check_cover(trackflow_context, day).wrong
    assert overlap["fault"] == "overlap"
