"""The demo as a person runs it: what it prints, what it stores and what the UI then shows.

It runs from the wheel that a release publishes, in an environment without the checkout, with a part
of its fleet: more vehicles take longer and show nothing else. `make release-check` runs all of it.
"""

import datetime as dt
import io
import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import httpx
import pytest
import trimesh
from sqlalchemy import Row

from trackflow.context import Context
from trackflow.demo.show import DAYS
from trackflow.settings import Settings
from trackflow.store.days.tracks import select_tracks
from trackflow.usecases.meshes.control import list_meshes, read_file
from trackflow_tests.helpers.processes import words_of
from trackflow_tests.helpers.release import Release
from trackflow_tests.helpers.served import (
    Served,
    check_that_nothing_is_left,
    left_behind,
    trackflow_serve,
)
from trackflow_tests.helpers.waiting import PATIENCE_S, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800), pytest.mark.xdist_group("serve")]

DAY_ASSETS = ("segments", "matched_polylines", "tracks")
LATE = "van-01"
VEHICLES = 4
"""One of each kind, and the one that reports late is among them."""

PROGRAM = f"""
import sys
from trackflow.__main__ import main
from trackflow.demo import show
show.VEHICLES = {VEHICLES}
sys.argv[0] = "trackflow"
main()
"""

NEWEST = """query Newest($days: [String!]) {
  assetNodes(assetKeys: [{path: ["tracks"]}]) {
    partitionStats { numMaterialized numFailed }
    partitionKeys
    latestMaterializationByPartition(partitions: $days) {
      partition
      metadataEntries { label ... on MarkdownMetadataEntry { mdStr } }
    }
  }
}"""


@dataclass
class Demo:
    """A finished demo."""

    home: Path
    code: int
    result: dict[str, Any]
    said: str

    @property
    def days(self) -> list[dt.date]:
        first = dt.date.fromisoformat(self.result["status"]["first_point"][:10])
        return [first + dt.timedelta(days=k) for k in range(DAYS)]

    def tracks(self, device: str | None = None) -> list[Row[Any]]:
        with Context.open(Settings(home=self.home)) as context, context.store.read() as connection:
            return list(connection.execute(select_tracks(device_id=device)))


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, release: Release) -> Demo:
    home = tmp_path_factory.mktemp("demo")
    done = subprocess.run(
        [release.program("python"), "-c", PROGRAM, "demo", "--no-serve", "--json"],
        env=os.environ | {"TRACKFLOW_HOME": str(home)},
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )
    assert done.stdout, done.stderr
    return Demo(home / "demo", done.returncode, json.loads(done.stdout), done.stderr)


def test_it_succeeds_and_tells_each_step_and_nothing_else(demo: Demo) -> None:
    assert demo.code == 0, demo.said
    lines = demo.said.splitlines()
    assert len(lines) == 8
    assert all(line.endswith(" ...") for line in lines), demo.said
    assert "Delivery van 1" in demo.said


def test_it_comes_close_to_the_true_routes(demo: Demo) -> None:
    assert demo.result["recall"] > 0.95
    assert demo.result["precision"] > 0.97
    assert demo.result["mismatch"] < 0.06
    assert demo.result["length_ratio"] == pytest.approx(1, abs=0.03)


def test_a_whole_fleet_is_there_and_nothing_waits(demo: Demo) -> None:
    status = demo.result["status"]
    assert demo.result["identical"] is True
    assert status["devices"] == VEHICLES
    assert status["points"] > 2_500 * VEHICLES
    assert {name for name, count in status["batches"].items() if count} == {"completed"}
    assert status["tracks"] == len(demo.tracks())
    assert status["tracks"] == pytest.approx(demo.result["drives"], rel=0.1)


def test_a_terrain_is_there_with_a_track_on_it(demo: Demo) -> None:
    with Context.open(Settings(home=demo.home)) as context:
        (mesh,) = list_meshes(context)
        _file, glb = read_file(context, mesh.mesh_id)
    assert demo.result["terrain"].endswith(f"/meshes/{mesh.mesh_id}")
    assert mesh.report is not None
    assert mesh.report["max_error_m"] <= mesh.report["asked_error_m"]
    assert set(trimesh.load(io.BytesIO(glb), file_type="glb").geometry) == {"terrain", "track"}


def test_the_day_that_was_reported_late_is_worked_on(demo: Demo) -> None:
    (late,) = (demo.home / "reported").glob("late-*.csv")
    assert late.name == f"late-{LATE}.csv"
    on_time = demo.home / "reported" / f"fleet-{demo.days[1]}.csv"
    assert f"{LATE}," not in on_time.read_text()

    assert demo.days[1] in {row.start_time.date() for row in demo.tracks(LATE)}


def test_tracks_cross_each_midnight(demo: Demo) -> None:
    crossed = {
        row.end_time.date() for row in demo.tracks() if row.start_time.date() < row.end_time.date()
    }
    assert crossed == set(demo.days[1:])


def test_its_kilometres_are_those_of_dagsters_days_and_nearly_the_true_ones(demo: Demo) -> None:
    shown_km = demo.result["status"]["distance_km"]
    assert shown_km == pytest.approx(demo.result["true_km"], rel=0.02)
    assert round(shown_km * 1e6) == sum(round(row.distance_m * 1000) for row in demo.tracks())
    with dg.DagsterInstance.from_config(str(demo.home / "dagster")) as instance:
        told: dict[str | None, int] = {}
        for record in instance.fetch_materializations(dg.AssetKey("tracks"), limit=100).records:
            event = record.asset_materialization
            assert event is not None
            told.setdefault(event.partition, round(event.metadata["distance_km"].value * 1e6))
    assert sum(told.values()) == round(shown_km * 1e6)


def test_dagster_has_every_day_of_every_asset(demo: Demo) -> None:
    expected = {day.isoformat() for day in demo.days}
    with dg.DagsterInstance.from_config(str(demo.home / "dagster")) as instance:
        for name in DAY_ASSETS:
            assert instance.get_materialized_partitions(dg.AssetKey(name)) == expected
        assert instance.get_latest_materialization_event(dg.AssetKey("road_network"))
        runs = instance.get_runs()
    # the network, all days, what the late day changed
    assert [run.status for run in runs] == [dg.DagsterRunStatus.SUCCESS] * 3


@pytest.fixture(scope="module")
def served(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with trackflow_serve(demo.home, tmp_path_factory.mktemp("serve")) as served:
        yield served


def test_the_ui_shows_the_fleets_days_with_their_pictures(demo: Demo, served: Served) -> None:
    days = [day.isoformat() for day in demo.days]

    (node,) = served.server.query(NEWEST, days=days)["assetNodes"]

    assert node["partitionStats"] == {"numMaterialized": DAYS, "numFailed": 0}
    # the UI's axis begins with the fleet's first day, and the newest are at its end
    assert node["partitionKeys"][:DAYS] == days
    assert len(node["partitionKeys"]) <= DAYS + 2
    shown = node["latestMaterializationByPartition"]
    assert [one["partition"] for one in shown] == days
    for one in shown:
        assert "distance_km" in {entry["label"] for entry in one["metadataEntries"]}
        pictures = [entry["mdStr"] for entry in one["metadataEntries"] if "mdStr" in entry]
        assert any("data:image/png;base64," in picture for picture in pictures)


def test_it_starts_again_what_died_or_hangs_and_gives_up_on_what_keeps_dying(
    served: Served,
) -> None:
    assert "no-token mode" in served.said()
    for times, number in enumerate((signal.SIGKILL, signal.SIGSTOP), 1):
        before = _api_of(served)
        os.kill(before, number)
        wait_until(lambda times=times: served.said().count("The API is up again.") == times)
        health = httpx.get(f"{served.api}/health", timeout=PATIENCE_S, trust_env=False)
        assert health.status_code == 200
        assert before not in left_behind(served.home)
    assert served.process.poll() is None

    # its port is taken while it is down, so it cannot come back
    port = int(served.api.rpartition(":")[2])
    os.kill(_api_of(served), signal.SIGKILL)
    with socket.socket() as taker:
        taker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        wait_until(lambda: _listens(taker, port))
        assert served.process.wait(PATIENCE_S) == 1
    last = served.said().splitlines()[-1]
    assert last.startswith("trackflow: The API has failed 6 times within 10 minutes"), last
    assert "api.log" in last
    check_that_nothing_is_left(served)


def _api_of(served: Served) -> int:
    """The process of the API."""
    (found,) = (pid for pid in left_behind(served.home) if "--no-dagster" in words_of(pid))
    return found


def _listens(listener: socket.socket, port: int) -> bool:
    """Take the port as soon as nobody else has it."""
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen()
    except OSError:
        return False
    return True
