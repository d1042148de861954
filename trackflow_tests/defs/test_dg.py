"""`dg`, Dagster's own command line, in a checkout: what there is, and days started by hand."""

import json
import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from trackflow.definitions import defs
from trackflow.serving import dagster_settings
from trackflow_tests.helpers.dagster_server import ROOT
from trackflow_tests.helpers.fleet import FIRST_DAY, import_drives, write_drives

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("dg")]

DG = Path(sys.executable).parent / "dg"
DAYS = [f"2026-03-0{day}" for day in range(2, 6)]
ASSETS = ("segments", "matched_polylines", "tracks")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with four days of points, and a Dagster home with the project's settings."""
    path = tmp_path_factory.mktemp("dg")
    (path / "dagster").mkdir()
    (path / "dagster" / "dagster.yaml").write_text(dagster_settings(path / "dagster"))
    import_drives(path / "home", write_drives(path / "d.csv", len(DAYS), 2, FIRST_DAY, points=40))
    return path


def dg_says(folder: Path, *words: str) -> str:
    environment = os.environ | {
        "DAGSTER_HOME": str(folder / "dagster"),
        "TRACKFLOW_HOME": str(folder / "home"),
        "TRACKFLOW_ENGINE_URL": "none",
        "TRACKFLOW_WORKERS": "1",
        "PYTHONPATH": str(ROOT),
        "COLUMNS": "200",
    }
    done = subprocess.run(
        [str(DG), *words],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def made(folder: Path) -> dict[str, set[str]]:
    with dg.DagsterInstance.from_config(str(folder / "dagster")) as instance:
        return {name: instance.get_materialized_partitions(dg.AssetKey(name)) for name in ASSETS}


def test_the_definitions_are_checked_and_listed(folder: Path) -> None:
    assert "All definitions loaded successfully" in dg_says(folder, "check", "defs")

    listed = json.loads(dg_says(folder, "list", "defs", "--json"))

    keys = {key.to_user_string() for key in defs.resolve_asset_graph().get_all_asset_keys()}
    assert {asset["asset_key"] for asset in listed["assets"]} == keys
    assert {job["name"] for job in listed["jobs"]} >= {"process_days_job", "live_job"}
    assert len(listed["asset_checks"]) == len(defs.resolve_asset_graph().asset_check_keys)


def test_a_day_and_then_a_range_are_launched(folder: Path) -> None:
    dg_says(folder, "launch", "--assets", "segments", "--partition", DAYS[0])
    assert made(folder) == {"segments": {DAYS[0]}, "matched_polylines": set(), "tracks": set()}

    dg_says(
        folder,
        "launch",
        "--assets",
        ",".join(ASSETS),
        "--partition-range",
        f"{DAYS[1]}...{DAYS[3]}",
    )
    assert made(folder) == {
        "segments": set(DAYS),
        "matched_polylines": set(DAYS[1:]),
        "tracks": set(DAYS[1:]),
    }
    with dg.DagsterInstance.from_config(str(folder / "dagster")) as instance:
        key = dg.AssetCheckKey(dg.AssetKey("tracks"), "no_overlapping_tracks")
        checked = instance.event_log_storage.get_asset_check_partition_info([key])
        assert {
            one.partition_key: one.latest_execution_status.value for one in checked
        } == dict.fromkeys(DAYS[1:], "SUCCEEDED")
