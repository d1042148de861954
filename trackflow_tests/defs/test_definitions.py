"""What the definitions are: all that a user's links, backfills and alerts rely on by name."""

import datetime as dt
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from trackflow.definitions import defs
from trackflow.defs.command_line import defs as of_dg
from trackflow.defs.partitions import (
    FIRST_DAY_FILE_VARIABLE,
    FIRST_DAY_VARIABLE,
    first_day,
    has_partition,
)
from trackflow.errors import SettingsError
from trackflow_tests.helpers.waiting import PATIENCE_S

ASSETS = {
    "gps_points": {
        "deps": [],
        "group": "points",
        "kinds": ["gps", "table"],
        "tags": {"trackflow/stage": "points"},
        "partitioned": True,
        "executable": False,
        "code_version": None,
        "owners": ["team:trackflow"],
        "fresh_for": None,
    },
    "road_network": {
        "deps": [],
        "group": "roads",
        "kinds": ["openstreetmap", "osrm", "python"],
        "tags": {"trackflow/stage": "roads"},
        "partitioned": False,
        "executable": True,
        "code_version": "1",
        "owners": ["team:trackflow"],
        "fresh_for": None,
    },
    "segments": {
        "deps": ["gps_points"],
        "group": "tracks",
        "kinds": ["python", "table"],
        "tags": {"trackflow/stage": "segmented"},
        "partitioned": True,
        "executable": True,
        "code_version": "2",
        "owners": ["team:trackflow"],
        "fresh_for": None,
    },
    "matched_polylines": {
        "deps": ["road_network", "segments"],
        "group": "tracks",
        "kinds": ["osrm", "python", "table"],
        "tags": {"trackflow/stage": "matched"},
        "partitioned": True,
        "executable": True,
        "code_version": "2",
        "owners": ["team:trackflow"],
        "fresh_for": None,
    },
    "tracks": {
        "deps": ["matched_polylines", "segments"],
        "group": "tracks",
        "kinds": ["python", "table"],
        "tags": {"trackflow/stage": "tracked"},
        "partitioned": True,
        "executable": True,
        "code_version": "2",
        "owners": ["team:trackflow"],
        "fresh_for": None,
    },
    "track_catalogue": {
        "deps": [],
        "group": "catalogue",
        "kinds": ["python", "table"],
        "tags": {"trackflow/stage": "catalogue"},
        "partitioned": False,
        "executable": True,
        "code_version": "1",
        "owners": ["team:trackflow"],
        "fresh_for": dt.timedelta(days=2),
    },
    "track_places": {
        "deps": ["track_catalogue"],
        "group": "catalogue",
        "kinds": ["python", "table"],
        "tags": {"trackflow/stage": "places"},
        "partitioned": False,
        "executable": True,
        "code_version": "1",
        "owners": ["team:trackflow"],
        "fresh_for": None,
    },
    "track_visits": {
        "deps": ["segments", "track_places"],
        "group": "catalogue",
        "kinds": ["geopandas", "python", "table"],
        "tags": {"trackflow/stage": "visits"},
        "partitioned": False,
        "executable": True,
        "code_version": "1",
        "owners": ["team:trackflow"],
        "fresh_for": None,
    },
    "categorized_tracks": {
        "deps": ["tracks"],
        "group": "tracks",
        "kinds": ["python", "table"],
        "tags": {"trackflow/stage": "categorized"},
        "partitioned": True,
        "executable": True,
        "code_version": "1",
        "owners": ["team:trackflow"],
        "fresh_for": None,
    },
    "meshes": {
        "deps": [],
        "group": "meshes",
        "kinds": ["python", "table"],
        "tags": {"trackflow/stage": "meshes"},
        "partitioned": True,
        "executable": True,
        "code_version": "1",
        "owners": ["team:trackflow"],
        "fresh_for": None,
    },
    "mileage_report": {
        "deps": ["categorized_tracks"],
        "group": "logbook",
        "kinds": ["markdown", "python"],
        "tags": {"trackflow/stage": "mileage"},
        "partitioned": True,
        "executable": True,
        "code_version": "2",
        "owners": ["team:trackflow"],
        "fresh_for": None,
    },
    "mesh_usage_report": {
        "deps": [],
        "group": "meshes",
        "kinds": ["markdown", "python"],
        "tags": {"trackflow/stage": "mesh-usage"},
        "partitioned": True,
        "executable": True,
        "code_version": "1",
        "owners": ["team:trackflow"],
        "fresh_for": None,
    },
}

CHECKS = {
    "categorized_tracks:legs_cover_tracks",
    "categorized_tracks:modes_fit_speeds",
    "categorized_tracks:tracks_have_categories",
    "matched_polylines:match_share",
    "matched_polylines:seams_meet",
    "meshes:error_is_within_limit",
    "meshes:solid_is_watertight",
    "mileage_report:chain_is_intact",
    "mileage_report:no_track_is_missing",
    "mileage_report:sums_are_equal",
    "segments:devices_are_sound",
    "segments:ledger_balances",
    "track_catalogue:catalogue_has_not_shrunk",
    "track_catalogue:catalogue_is_complete",
    "track_catalogue:catalogue_is_fresh",
    "tracks:newest_settled_day_is_made",
    "tracks:no_overlapping_tracks",
}

CHECKS_OF_DAYS = {
    "ledger_balances": True,
    "devices_are_sound": False,
    "seams_meet": False,
    "match_share": False,
    "no_overlapping_tracks": True,
    "legs_cover_tracks": False,
    "modes_fit_speeds": False,
    "tracks_have_categories": False,
}
CHECKS_OF_MONTHS = {"sums_are_equal": False}
CHECKS_OF_IMAGES = {"error_is_within_limit": False, "solid_is_watertight": False}
"""By whether they are blocking."""

SUBJECTS = {
    "catalogue": "check_catalogue_job find_visits_job sync_catalogue_job "
    "catalogue_checks_schedule catalogue_schedule visits_schedule",
    "categories": "categorize_days_job due_categories_sensor",
    "days": "check_days_job help_with_days_job live_job process_days_job process_older_days_job "
    "helpers_sensor live_sensor made_days_sensor older_days_sensor pending_batches_sensor "
    "daily_schedule "
    "days_checks_schedule",
    "housekeeping": "alerts_sensor housekeeping_job housekeeping_schedule retries_sensor "
    "run_failures_sensor",
    "intake": "import_inbox_job followed_table_sensor gps_points_sensor inbox_sensor",
    "jobs": "requested_job requested_jobs_sensor",
    "meshes": "clean_meshes_job make_mesh_job make_waiting_meshes_job mesh_batch_job mesh_sync_job "
    "mesh_usage_job images_sensor mesh_batches_sensor mesh_events_sensor waiting_meshes_sensor "
    "mesh_files_schedule mesh_orphans_schedule mesh_sync_schedule mesh_usage_schedule "
    "old_meshes_schedule",
    "mileage": "close_entries_job mileage_report_job close_entries_schedule "
    "mileage_report_schedule",
    "roads": "build_road_network_job",
}
"""Jobs, sensors and schedules of each subject."""

POOLS = {
    "make_due_meshes": "meshes",
    "make_meshes": "meshes",
    "run_mesh_batch": "mesh_batches",
    "process_days": "road_engine",
    "process_older_days": "road_engine",
    "track_catalogue": "catalogue_source",
    "track_places": "geocoder",
}

BY_THE_STORE = (
    *("live_job", "requested_job", "make_mesh_job", "mesh_batch_job", "help_with_days_job"),
)
"""Jobs without a kind: of these the store itself says which are at work."""

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
        timeout=PATIENCE_S,
        check=False,
    )

    assert loaded.returncode == 0, loaded.stderr
    assert loaded.stdout.split() == ["22"]
    assert loaded.stderr == ""
    assert list(tmp_path.iterdir()) == []  # nothing is made either


def _fresh_for(spec: dg.AssetSpec) -> dt.timedelta | None:
    policy = spec.freshness_policy
    return policy.fail_window.to_timedelta() if policy else None  # type: ignore[attr-defined]


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
            "owners": spec.owners,
            "fresh_for": _fresh_for(spec),
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
    named = (*jobs.values(), *repository.sensor_defs, *repository.schedule_defs)
    found: dict[str, set[str]] = {}
    for thing in named:
        found.setdefault(thing.tags["trackflow/subject"], set()).add(thing.name)
        assert thing.owners == ["team:trackflow"]
        assert thing.description
    assert found == {subject: set(names.split()) for subject, names in SUBJECTS.items()}
    for job in jobs.values():
        assert int(job.tags["dagster/max_runtime"]) > 0
        assert job.tags.get("trackflow/kind") or job.name in BY_THE_STORE
    for automation in (*repository.sensor_defs, *repository.schedule_defs):
        assert automation.default_status.value == "RUNNING"


def test_checks_of_days_images_and_months_are_partitioned_as_their_assets_are() -> None:
    graph = defs.resolve_asset_graph()
    found = {
        key.name: graph.get(key).blocking
        for key in graph.asset_check_keys
        if graph.get(key).partitions_def is not None
    }
    assert found == CHECKS_OF_DAYS | CHECKS_OF_IMAGES | CHECKS_OF_MONTHS
    for key in graph.asset_check_keys:
        if key.name in found:
            assert graph.get(key).partitions_def == graph.get(key.asset_key).partitions_def


def test_what_needs_a_limit_is_in_a_pool() -> None:
    jobs = defs.get_repository_def().get_all_jobs()
    nodes = {node.name: node for job in jobs for node in job.all_node_defs}
    found = {name: node.pool for name, node in nodes.items() if getattr(node, "pool", None)}
    assert found == POOLS


def test_a_new_subject_is_found_by_its_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import trackflow.defs

    (tmp_path / "parking").mkdir()
    (tmp_path / "parking" / "__init__.py").touch()
    (tmp_path / "parking" / "definitions.py").write_text(
        "import dagster as dg\n"
        "def definitions(_):\n"
        "    return dg.Definitions(assets=[dg.AssetSpec('parking_lots')])\n"
    )
    monkeypatch.setattr(trackflow.defs, "__path__", [*trackflow.defs.__path__, str(tmp_path)])

    keys = trackflow.defs.build().resolve_asset_graph().get_all_asset_keys()

    assert dg.AssetKey("parking_lots") in keys


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
        # `dg launch` takes no other
        policy = of_dg.resolve_asset_graph().get(dg.AssetKey(name)).backfill_policy
        assert policy == dg.BackfillPolicy.single_run()


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
