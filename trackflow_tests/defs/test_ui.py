"""The real thing: webserver, daemon, run processes, and the UI in a real headless browser.

One deployment serves all tests of this module; they go on from one another, in this order.
"""

import datetime as dt
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from trackflow.context import Context
from trackflow.demo.files import write_csv
from trackflow.demo.fleet import simulate_fleet
from trackflow.matching.networks import RoadNetwork
from trackflow.settings import Settings
from trackflow.store.days import batch_lists
from trackflow.store.tables import day_ledgers
from trackflow.usecases.intake.importing import import_paths
from trackflow_tests.helpers.browser import (
    LARGE_WINDOW,
    WITHOUT_GPU,
    Page,
    needed_chromium,
    open_page,
)
from trackflow_tests.helpers.dagster_server import Server, dagster_dev
from trackflow_tests.helpers.fleet import import_drives, write_drives
from trackflow_tests.helpers.roads import use

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("dagster-ui")]

DAYS = 3
ASSETS = ("gps_points", "road_network", "segments", "matched_polylines", "tracks")

RUNS = """query Runs($filter: RunsFilter) { runsOrError(filter: $filter) { ... on Runs { results {
  runId status jobName tags { key value }
} } } }"""

LAUNCH = """mutation Launch($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}"""

BACKFILL = """query Backfill($id: String!) { partitionBackfillOrError(backfillId: $id) {
  ... on PartitionBackfill { status numPartitions }
} }"""

LAUNCH_CHECK = """mutation Check($params: ExecutionParams!) {
  launchPipelineExecution(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
  }
}"""

RUN_STATUS = """query Run($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"""

CHECK_STATUSES = """query Checks($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) {
  ... on AssetNode { assetChecksOrError { ... on AssetChecks { checks { name partitionStatuses {
    ... on AssetCheckTimePartitionStatuses { ranges { status startKey endKey } }
  } } } } }
} }"""

PARTITIONS = """{ assetNodes { assetKey { path } partitionStats { numMaterialized numFailed } } }"""


@dataclass(frozen=True)
class Deployment:
    server: Server
    days: list[str]
    home: Path
    messages: list[dict[str, Any]]

    def runs(self, **tags: str) -> list[dict[str, Any]]:
        """Runs that have these tags (with "/" written as "__"), the newest first."""
        wanted = [{"key": k.replace("__", "/"), "value": v} for k, v in tags.items()]
        found = self.server.query(RUNS, filter={"tags": wanted})["runsOrError"]["results"]
        for run in found:
            run["tags"] = {tag["key"]: tag["value"] for tag in run["tags"]}
            assert run["status"] not in ("FAILURE", "CANCELED"), (run, self.server.tail())
        return found


@pytest.fixture(scope="module")
def deployment(
    tmp_path_factory: pytest.TempPathFactory, helsinki_network: RoadNetwork
) -> Iterator[Deployment]:
    """A fleet's points of some days in a store that a real Dagster looks after."""
    folder = tmp_path_factory.mktemp("ui")
    home = folder / "home"
    first = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=DAYS + 2)
    with Context.open(Settings(home=home)) as trackflow_context:
        use(trackflow_context, helsinki_network)
        fleet = simulate_fleet(
            trackflow_context.engine("car"),
            helsinki_network.bbox,
            vehicles=2,
            days=DAYS,
            first_day=first,
        )
        import_paths(trackflow_context, write_csv(fleet, folder / "reported").regular)
    days = [(first + dt.timedelta(days=k)).isoformat() for k in range(DAYS)]
    with message_box() as (messages, address):
        environment = {
            "TRACKFLOW_HOME": str(home),
            "TRACKFLOW_FIRST_DAY": f"{first:%Y-%m}-01",
            "TRACKFLOW_NOTIFY_URLS": address,
            "TRACKFLOW_WORKERS": "1",
        }
        with dagster_dev(folder / "dagster", environment) as server:
            yield Deployment(server, days, home, messages)


@contextmanager
def message_box() -> Iterator[tuple[list[dict[str, Any]], str]]:
    """A real HTTP server that keeps what is posted to it, and its address as Apprise writes it."""
    received: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            received.append(json.loads(self.rfile.read(length)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield received, f"json://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    chromium = needed_chromium()
    flags = (*WITHOUT_GPU, LARGE_WINDOW)  # in a smaller one Dagster folds its columns away
    with open_page(chromium, tmp_path_factory.mktemp("chromium") / "profile", flags) as opened:
        yield opened


def test_the_sensor_starts_one_run_for_all_pending_days(deployment: Deployment) -> None:
    def finished() -> list[dict[str, Any]]:
        runs = deployment.runs(dagster__sensor_name="pending_batches_sensor")
        return runs if runs and all(run["status"] == "SUCCESS" for run in runs) else []

    first_run = deployment.server.wait_for("finished run", finished)[-1]

    assert first_run["tags"]["dagster/asset_partition_range_start"] == deployment.days[0]
    assert first_run["tags"]["dagster/asset_partition_range_end"] == deployment.days[-1]
    assert _materialized(deployment) == {
        "segments": DAYS,
        "matched_polylines": DAYS,
        "tracks": DAYS,
    }


@pytest.fixture(scope="module")
def backfill(deployment: Deployment) -> str:
    """A backfill over all days, started as the UI does it; the daemon takes its time over it."""
    launched = deployment.server.query(
        LAUNCH,
        params={
            "assetSelection": [{"path": [name]} for name in ASSETS[2:]],
            "partitionNames": deployment.days,
            "title": "all days again",
        },
    )["launchPartitionBackfill"]
    assert launched["__typename"] == "LaunchBackfillSuccess", launched
    return str(launched["backfillId"])


def test_the_ui_shows_what_there_is(deployment: Deployment, page: Page) -> None:
    url = deployment.server.url

    page.goto(f"{url}/assets/tracks?view=lineage&lineageScope=upstream&lineageDepth=5")
    page.wait_for_text(*ASSETS)
    page.wait_for_text("2 / 2 Passed")
    page.wait_for("!document.body.innerText.includes('Loading')")
    _shoot(page, "graph")

    page.goto(f"{url}/assets/segments?view=checks&checkDetail=ledger_balances")
    page.wait_for_text("ledger_balances", "points are all accounted for", "Passed")
    _shoot(page, "ledger")

    page.goto(f"{url}/automation")
    page.wait_for_text("pending_batches_sensor", "gps_points_sensor", "daily_schedule", "07:15")
    _shoot(page, "automation")


def test_a_day_shows_its_numbers_and_its_picture(deployment: Deployment, page: Page) -> None:
    url, day = deployment.server.url, deployment.days[1]

    page.goto(f"{url}/assets/tracks?view=partitions&partition={day}")
    page.wait_for_text("Materialized", "distance_km", "driven_h", "[Show Markdown]")
    _shoot(page, "day")
    page.click_text("[Show Markdown]", "a, button, span, div")
    width = page.wait_for(
        "[...document.images].filter(i => i.src.startsWith('data:image/png') && i.complete)"
        ".map(i => i.naturalWidth)[0]"
    )
    assert width > 100
    page.wait_for_text("One colour per device")
    _shoot(page, "picture")

    page.goto(f"{url}/assets/gps_points?view=events")
    page.wait_for_text("Reported", f"Partition {deployment.days[-1]} observed", "points")
    _shoot(page, "points")


def test_the_backfill_ends_well_in_a_single_run(backfill: str, deployment: Deployment) -> None:
    def status() -> dict[str, Any] | None:
        found = deployment.server.query(BACKFILL, id=backfill)["partitionBackfillOrError"]
        return found if found["status"] not in ("REQUESTED", "IN_PROGRESS") else None

    ended = deployment.server.wait_for("end of the backfill", status)

    assert ended["status"] == "COMPLETED_SUCCESS", deployment.server.tail()
    runs = deployment.runs(dagster__backfill=backfill)
    assert [run["status"] for run in runs] == ["SUCCESS"]
    assert runs[0]["tags"]["dagster/asset_partition_range_start"] == deployment.days[0]
    assert runs[0]["tags"]["dagster/asset_partition_range_end"] == deployment.days[-1]


def test_a_red_day_is_still_red_after_the_next_day_passes(
    backfill: str, deployment: Deployment, page: Page
) -> None:
    """And people are told that the run has failed."""
    red, green = deployment.days[:2]
    damage_a_ledger(deployment.home, dt.date.fromisoformat(red))

    assert run_of_check(deployment, red) == "FAILURE"
    assert run_of_check(deployment, green) == "SUCCESS"

    url = deployment.server.url
    page.goto(f"{url}/assets/segments?view=checks&checkDetail=ledger_balances")
    # the last run of the check has passed, and yet the check is red
    page.wait_for_text("This is a blocking asset check", f"{green}: ", "all accounted for")
    page.wait_for_text("ledger_balances\nFailed")
    _shoot(page, "red-check")
    page.click_text("Partitions", "[role=tabpanel] [role=tab], [role=tab], button")
    page.wait_for_text("Failed (1)", f"Passed ({DAYS - 1})")
    _shoot(page, "red-partitions")
    assert check_statuses(deployment) == {"failed": [red], "succeeded": deployment.days[1:]}
    (message,) = deployment.server.wait_for("message", lambda: deployment.messages)
    assert message["title"] == f"trackflow: the run __ASSET_JOB of {red} has failed"
    assert f"ledger_balances of segments is red. {red}: " in message["message"]


def check_statuses(deployment: Deployment) -> dict[str, list[str]]:
    """Days by what the ledgers' check says of them, as the UI asks for it."""
    node = deployment.server.query(CHECK_STATUSES, key={"path": ["segments"]})["assetNodeOrError"]
    checks = {check["name"]: check for check in node["assetChecksOrError"]["checks"]}
    found: dict[str, list[str]] = {}
    for part in checks["ledger_balances"]["partitionStatuses"]["ranges"]:
        first, last = (dt.date.fromisoformat(part[edge]) for edge in ("startKey", "endKey"))
        days = [str(first + dt.timedelta(days=k)) for k in range((last - first).days + 1)]
        found.setdefault(part["status"].lower(), []).extend(days)
    return found


def damage_a_ledger(home: Path, day: dt.date) -> None:
    """As a mistake of the program would: more points in a class than there are."""
    ledger = day_ledgers.c
    with (
        Context.open(Settings(home=home)) as trackflow_context,
        trackflow_context.store.write() as connection,
    ):
        device = connection.scalar(
            sa.select(sa.func.min(ledger.device_id)).where(ledger.day == day)
        )
        connection.execute(
            sa.update(day_ledgers)
            .where(ledger.device_id == device, ledger.day == day)
            .values(stop=ledger.stop + 7)
        )


def run_of_check(deployment: Deployment, day: str) -> str:
    """Run the ledgers' check of a day, as the UI does, and wait for the run's end; its status."""
    launched = deployment.server.query(
        LAUNCH_CHECK,
        params={
            "mode": "default",
            "selector": {
                "repositoryLocationName": "trackflow",
                "repositoryName": "__repository__",
                "pipelineName": "__ASSET_JOB",
                "assetSelection": [],
                "assetCheckSelection": [
                    {"assetKey": {"path": ["segments"]}, "name": "ledger_balances"}
                ],
            },
            "executionMetadata": {"tags": [{"key": "dagster/partition", "value": day}]},
        },
    )["launchPipelineExecution"]
    assert launched["__typename"] == "LaunchRunSuccess", launched

    def ended() -> str | None:
        found = deployment.server.query(RUN_STATUS, id=launched["run"]["runId"])["runOrError"]
        return found["status"] if found["status"] in ("SUCCESS", "FAILURE", "CANCELED") else None

    return str(deployment.server.wait_for("end of the run", ended))


def _materialized(deployment: Deployment) -> dict[str, int]:
    nodes = deployment.server.query(PARTITIONS)["assetNodes"]
    return {
        node["assetKey"]["path"][-1]: node["partitionStats"]["numMaterialized"]
        for node in nodes
        if node["assetKey"]["path"][-1] in ASSETS[2:]
    }


def _shoot(page: Page, name: str) -> None:
    """Keep a picture of the page for people, where they ask for it."""
    if _SCREENSHOTS:
        Path(_SCREENSHOTS).mkdir(parents=True, exist_ok=True)
        page.screenshot(Path(_SCREENSHOTS) / f"{name}.png")


_SCREENSHOTS = os.environ.get("TRACKFLOW_SCREENSHOTS")
"""Read at import: the tests themselves run without any of the caller's settings."""


def test_points_of_another_decade_are_worked_on_without_a_restart(deployment: Deployment) -> None:
    """No partition is that old: runs of it would be refused."""
    old = dt.date(2008, 5, 1)
    import_drives(deployment.home, write_drives(deployment.home / "old.csv", 2, 1, old, points=20))

    def finished() -> list[dict[str, Any]]:
        runs = deployment.runs(dagster__sensor_name="older_days_sensor")
        return runs if runs and all(run["status"] == "SUCCESS" for run in runs) else []

    deployment.server.wait_for("finished run", finished)
    with (
        Context.open(Settings(home=deployment.home)) as trackflow_context,
        trackflow_context.store.read() as connection,
    ):
        done = batch_lists.counts(connection, first=old, last=old + dt.timedelta(days=1))
    assert done["completed"] == 2
