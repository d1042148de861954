"""Versions of a day's points: late points make what was made of the day show as outdated."""

import datetime as dt
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.loader import LoadingContextForTest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.context import Context
from trackflow.definitions import defs
from trackflow.settings import Settings
from trackflow.usecases.days.waiting import find_arrivals
from trackflow.usecases.intake.day_versions import points_of_days, version_of
from trackflow_tests.helpers.fleet import FIRST_DAY, import_drives, write_drives
from trackflow_tests.helpers.ticks import tick

DAYS = [FIRST_DAY + dt.timedelta(days=k) for k in range(3)]
SEGMENTS = dg.AssetKey("segments")

states = st.dictionaries(
    st.text(max_size=5), st.tuples(*[st.integers(min_value=0)] * 4), max_size=5
)


@given(states, states)
def test_a_version_is_the_same_just_if_the_points_are(
    one: dict[str, tuple[int, int, int, int]], other: dict[str, tuple[int, int, int, int]]
) -> None:
    reordered = dict(reversed(one.items()))
    assert version_of(one) == version_of(reordered)
    assert (version_of(one) == version_of(other)) == (one == other)


def test_a_late_point_changes_the_version_of_its_own_day_only(
    home: Path,
) -> None:
    import_drives(home, write_drives(home / "a.csv", 3, 2, points=20))
    with Context.open(Settings(home=home)) as trackflow_context:
        before = points_of_days(trackflow_context, DAYS)
        late = home / "late.csv"
        late.write_text(
            f"device_id,timestamp,longitude,latitude\nvan-0,{DAYS[1]}T21:00:00Z,24.9,60.2\n"
        )
        import_drives(home, late)
        after = points_of_days(trackflow_context, DAYS)

    assert [before[day].points for day in DAYS] == [40, 40, 40]
    assert [after[day].points for day in DAYS] == [40, 41, 40]
    assert [day for day in DAYS if before[day] != after[day]] == [DAYS[1]]


def test_a_store_that_is_older_than_what_was_reported_is_reported_anew(home: Path) -> None:
    """After a restore, nothing was until as many deliveries had come in as before."""
    import_drives(home, write_drives(home / "a.csv", 3, 2, points=20))
    with Context.open(Settings(home=home)) as trackflow_context:
        found = find_arrivals(trackflow_context, 0)
        assert found.days == DAYS
        for upto in (None, found.upto + 7):
            assert find_arrivals(trackflow_context, found.upto + 5, upto) == found
        assert find_arrivals(trackflow_context, found.upto).days == []


@pytest.fixture
def home(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Runs find it as well, by the environment."""
    monkeypatch.setenv("TRACKFLOW_HOME", str(home))
    return home


def run_days(instance: dg.DagsterInstance, first: dt.date, last: dt.date) -> None:
    done = defs.resolve_job_def("process_days_job").execute_in_process(
        instance=instance,
        tags={
            "dagster/asset_partition_range_start": first.isoformat(),
            "dagster/asset_partition_range_end": last.isoformat(),
        },
    )
    assert done.success


def observe(home: Path, instance: dg.DagsterInstance, cursor: str | None) -> str | None:
    """One tick of the sensor, and what the daemon does with its answer."""
    found = tick("gps_points_sensor", home, instance, cursor)
    assert isinstance(found, dg.SensorResult)
    for event in found.asset_events:
        instance.report_runless_asset_event(event)
    return found.cursor


def outdated(instance: dg.DagsterInstance) -> list[dt.date]:
    """Days of segments that the UI shows as outdated."""
    graph = defs.resolve_asset_graph()
    resolver = CachingStaleStatusResolver(instance, graph, LoadingContextForTest(instance))
    found = {day: resolver.get_status(SEGMENTS, day.isoformat()) for day in DAYS}
    assert StaleStatus.MISSING not in found.values()
    return [day for day in DAYS if found[day] is StaleStatus.STALE]


def test_a_day_with_late_points_is_outdated_until_it_is_made_again(
    home: Path, instance: dg.DagsterInstance
) -> None:
    import_drives(home, write_drives(home / "a.csv", 3, 2, points=20))
    run_days(instance, DAYS[0], DAYS[-1])  # before the sensor has looked
    cursor = observe(home, instance, None)
    assert outdated(instance) == []

    import_drives(home, write_drives(home / "late.csv", 1, 1, DAYS[1], points=33))
    assert outdated(instance) == []
    cursor = observe(home, instance, cursor)
    assert outdated(instance) == [DAYS[1]]

    run_days(instance, DAYS[0], DAYS[0])
    assert outdated(instance) == [DAYS[1]]
    run_days(instance, DAYS[1], DAYS[-1])
    observe(home, instance, cursor)
    assert outdated(instance) == []
