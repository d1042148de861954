"""What the definitions are: all that a user's links, backfills and alerts rely on by name."""

import datetime as dt
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from trackflow.definitions import defs
from trackflow.defs.partitions import (
    FIRST_DAY_FILE_VARIABLE,
    FIRST_DAY_VARIABLE,
    first_day,
    has_partition,
)
from trackflow.errors import SettingsError

ASSETS = {
    "gps_points": {
        "deps": [],
        "group": "points",
        "kinds": ["gps", "table"],
        "tags": {"trackflow/stage": "points"},
        "partitioned": True,
        "executable": False,
        "code_version": None,
    },
    "road_network": {
        "deps": [],
        "group": "roads",
        "kinds": ["openstreetmap", "osrm", "python"],
        "tags": {"trackflow/stage": "roads"},
        "partitioned": False,
        "executable": True,
        "code_version": "1",
    },
    "segments": {
        "deps": ["gps_points"],
        "group": "tracks",
        "kinds": ["python", "table"],
        "tags": {"trackflow/stage": "segmented"},
        "partitioned": True,
        "executable": True,
        "code_version": "2",
    },
    "matched_polylines": {
        "deps": ["road_network", "segments"],
        "group": "tracks",
        "kinds": ["osrm", "python", "table"],
        "tags": {"trackflow/stage": "matched"},
        "partitioned": True,
        "executable": True,
        "code_version": "2",
    },
    "tracks": {
        "deps": ["matched_polylines", "segments"],
        "group": "tracks",
        "kinds": ["python", "table"],
        "tags": {"trackflow/stage": "tracked"},
        "partitioned": True,
        "executable": True,
        "code_version": "2",
    },
    "track_catalogue": {
        "deps": [],
        "group": "catalogue",
        "kinds": ["python", "table"],
        "tags": {"trackflow/stage": "catalogue"},
        "partitioned": False,
        "executable": True,
        "code_version": "1",
    },
    "track_places": {
        "deps": ["track_catalogue"],
        "group": "catalogue",
        "kinds": ["python", "table"],
        "tags": {"trackflow/stage": "places"},
        "partitioned": False,
        "executable": True,
        "code_version": "1",
    },
    "track_visits": {
        "deps": ["segments", "track_places"],
        "group": "catalogue",
        "kinds": ["geopandas", "python", "table"],
        "tags": {"trackflow/stage": "visits"},
        "partitioned": False,
        "executable": True,
        "code_version": "1",
    },
}

CHECKS = {
    "matched_polylines:match_share",
    "matched_polylines:seams_meet",
    "segments:devices_are_sound",
    "segments:ledger_balances",
    "track_catalogue:catalogue_has_not_shrunk",
    "track_catalogue:catalogue_is_complete",
    "track_catalogue:catalogue_is_fresh",
    "tracks:no_overlapping_tracks",
}

LOAD = """
import socket
def refuse(*_): raise OSError("no network while definitions load")
socket.socket.connect = refuse
from trackflow.definitions import defs
jobs = defs.get_repository_def().get_all_jobs()
print(len(jobs))
"""


def test_definitions_load_with_no_environment_and_no_network(tmp_path: Path) -> None:
    loaded = subprocess.run(
        [sys.executable, "-W", "error", "-c", LOAD],
        env={},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert loaded.returncode == 0, loaded.stderr
    assert loaded.stdout.split() == ["11"]
    assert loaded.stderr == ""
    assert list(tmp_path.iterdir()) == []  # nothing is made either


def test_every_asset_is_as_it_is_known() -> None:
    found = {
        spec.key.to_user_string(): {
            "deps": sorted(dep.asset_key.to_user_string() for dep in spec.deps),
            "group": spec.group_name,
            "kinds": sorted(spec.kinds),
            "tags": {k: v for k, v in spec.tags.items() if not k.startswith("dagster/")},
            "partitioned": spec.partitions_def is not None,
            "executable": defs.resolve_asset_graph().get(spec.key).is_executable,
            "code_version": spec.code_version,
        }
        for spec in defs.resolve_all_asset_specs()
    }

    assert found == ASSETS


def test_every_asset_tells_a_person_what_it_is() -> None:
    for spec in defs.resolve_all_asset_specs():
        assert spec.owners == ["team:trackflow"]
        assert len(spec.description or "") > 150, spec.key
        assert spec.metadata["dagster/table_name"]


def test_checks_jobs_sensors_and_schedules_by_name() -> None:
    repository = defs.get_repository_def()
    checks = defs.resolve_asset_graph().asset_check_keys
    jobs = {job.name: job for job in repository.get_all_jobs() if not job.name.startswith("__")}

    assert {f"{c.asset_key.to_user_string()}:{c.name}" for c in checks} == CHECKS
    assert set(jobs) == {
        "process_days_job",
        "process_older_days_job",
        "live_job",
        "requested_job",
        "build_road_network_job",
        "import_inbox_job",
        "housekeeping_job",
        "sync_catalogue_job",
        "check_catalogue_job",
        "find_visits_job",
    }
    assert {s.name for s in repository.sensor_defs} == {
        "live_sensor",
        "older_days_sensor",
        "pending_batches_sensor",
        "requested_jobs_sensor",
        "gps_points_sensor",
        "followed_table_sensor",
        "inbox_sensor",
    }
    assert {s.name for s in repository.schedule_defs} == {
        "daily_schedule",
        "housekeeping_schedule",
        "catalogue_schedule",
        "catalogue_checks_schedule",
        "visits_schedule",
    }
    for job in jobs.values():
        assert int(job.tags["dagster/max_runtime"]) > 0
        # of these the store itself says which are at work
        assert job.tags.get("trackflow/kind") or job.name in ("live_job", "requested_job")
        assert job.description
    for automation in (*repository.sensor_defs, *repository.schedule_defs):
        assert automation.description
        assert automation.default_status.value == "RUNNING"


def test_days_are_utc_and_include_today() -> None:
    partitions = defs.resolve_asset_graph().get(dg.AssetKey("segments")).partitions_def

    assert isinstance(partitions, dg.DailyPartitionsDefinition)
    assert partitions.timezone == "UTC"
    keys = partitions.get_partition_keys()
    assert keys[0] == "2015-01-01"
    now = dt.datetime.now(dt.UTC)
    # right also when the test runs into midnight
    assert keys[-1] in {str((now - dt.timedelta(minutes=1)).date()), str(now.date())}


def test_a_backfill_of_some_days_runs_these_days_only_downstream() -> None:
    """A mapping to neighbouring days would run more of them at every stage."""
    graph = defs.resolve_asset_graph()
    for child, parent in (("matched_polylines", "segments"), ("tracks", "matched_polylines")):
        mapping = graph.get_partition_mapping(dg.AssetKey(child), dg.AssetKey(parent))
        assert isinstance(mapping, dg.IdentityPartitionMapping)


def test_many_days_are_one_run_but_never_more_than_can_be_planned_in_time() -> None:
    for name in ("segments", "matched_polylines", "tracks"):
        policy = defs.resolve_asset_graph().get(dg.AssetKey(name)).backfill_policy
        assert policy == dg.BackfillPolicy.multi_run(366)


def test_the_first_day_can_be_chosen_and_must_be_a_day(tmp_path: Path) -> None:
    assert first_day({}).date() == dt.date(2015, 1, 1)
    assert first_day({FIRST_DAY_VARIABLE: "2026-03-02"}).date() == dt.date(2026, 3, 2)
    file = tmp_path / "first_day"
    assert first_day({FIRST_DAY_FILE_VARIABLE: str(file)}).date() == dt.date(2015, 1, 1)
    file.write_text("2008-01-01")
    assert first_day({FIRST_DAY_FILE_VARIABLE: str(file)}).date() == dt.date(2008, 1, 1)
    both = {FIRST_DAY_VARIABLE: "2026-03-02", FIRST_DAY_FILE_VARIABLE: str(file)}
    assert first_day(both).date() == dt.date(2026, 3, 2)

    with pytest.raises(SettingsError, match="'last spring' is not a day"):
        first_day({FIRST_DAY_VARIABLE: "last spring"})
    assert not has_partition(dt.date(2014, 12, 31))
    assert has_partition(dt.date(2015, 1, 1))
    assert not has_partition(dt.datetime.now(dt.UTC).date() + dt.timedelta(days=2))
