"""Celery for real: two machines share a backfill, and nothing that dies meanwhile does any harm.

One deployment serves all tests of this module. Each test makes all days anew, from the points.
"""

import datetime as dt
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from trackflow.context import Context
from trackflow.matching.network_sharing import publish_network
from trackflow.matching.networks import RoadNetwork
from trackflow.settings import Settings
from trackflow.store.tables import metadata
from trackflow.usecases.days.run import run
from trackflow_tests.helpers.busy_days import deliver_busy_days
from trackflow_tests.helpers.machines import REDIS, Machines, machines, wait_for
from trackflow_tests.helpers.roads import use
from trackflow_tests.helpers.stores import contents

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1500),
    pytest.mark.xdist_group("celery"),
    pytest.mark.skipif(REDIS is None, reason="redis-server is not installed"),
]

DEVICES, DAYS = 8, 8
MADE = ("segments", "day_ledgers", "cached_polylines", "tracks")
PATIENCE_S = 600
OUTAGE_S = 30

LAUNCH = """mutation Launch($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}"""

BACKFILL = """query Backfill($id: String!) { partitionBackfillOrError(backfillId: $id) {
  ... on PartitionBackfill { status }
} }"""

RUNS = """query Runs { runsOrError { ... on Runs { results {
  runId status jobName tags { key value }
} } } }"""

SENSORS = """query Sensors($selector: RepositorySelector!) {
  sensorsOrError(repositorySelector: $selector) { ... on Sensors { results { id name sensorState {
    selectorId
  } } } }
}"""

STOP_SENSOR = """mutation Stop($id: String!) { stopSensor(id: $id) { __typename } }"""


@dataclass
class Deployment:
    """Two machines with Celery's workers, a store full of points, and what has to come out."""

    machines: Machines
    context: Context
    days: list[str]
    expected: dict[str, list[dict[str, Any]]]

    def query(self, text: str, **variables: Any) -> dict[str, Any]:
        assert self.machines.server is not None
        return self.machines.server.query(text, **variables)

    def start_anew(self) -> None:
        """Forget all that was made of the points."""
        b = metadata.tables["processing_batches"]
        with self.context.store.write() as connection:
            for name in (*MADE, "track_aliases"):
                connection.execute(sa.delete(metadata.tables[name]))
            connection.execute(sa.update(b).values(retry_count=0, error_message=None))

    def launch(self) -> str:
        """Start a backfill over all days, as the UI does."""
        launched = self.query(
            LAUNCH,
            params={
                "assetSelection": [
                    {"path": [name]} for name in ("segments", "matched_polylines", "tracks")
                ],
                "partitionNames": self.days,
            },
        )["launchPartitionBackfill"]
        assert launched["__typename"] == "LaunchBackfillSuccess", launched
        return str(launched["backfillId"])

    def runs(self) -> list[dict[str, Any]]:
        """All runs, the newest first."""
        found: list[dict[str, Any]] = self.query(RUNS)["runsOrError"]["results"]
        for one in found:
            one["tags"] = {tag["key"]: tag["value"] for tag in one["tags"]}
        return found

    def runs_of(self, backfill: str) -> list[dict[str, Any]]:
        """The runs of a backfill and their helpers."""
        found = self.runs()
        leaders = {r["runId"] for r in found if r["tags"].get("dagster/backfill") == backfill}
        return [r for r in found if leaders & {r["runId"], r["tags"].get("trackflow/helps")}]

    def made(self) -> int:
        """How many device-days have tracks by now."""
        with self.context.store.read() as connection:
            table = metadata.tables["tracks"]
            return connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0

    def wait(self, what: str, ask: Callable[[], Any]) -> Any:
        return wait_for(what, ask, self.machines.dagster, PATIENCE_S)

    def wait_until_done(self, backfill: str) -> None:
        def done() -> bool:
            status = self.query(BACKFILL, id=backfill)["partitionBackfillOrError"]["status"]
            return status.startswith("COMPLETED") and not unfinished(self.runs())

        self.wait("end of the backfill", done)

    def check(self) -> None:
        """Everything is there, once, and as one process makes it."""
        b = metadata.tables["processing_batches"].c
        with self.context.store.read() as connection:
            left = connection.execute(
                sa.select(b.device_id, b.day, b.status, b.error_message).where(
                    b.status != "completed"
                )
            ).all()
        assert left == []
        found = contents(self.context.store, *MADE)
        for name in MADE:
            assert found[name] == self.expected[name], name


def unfinished(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [r for r in runs if r["status"] not in ("SUCCESS", "FAILURE", "CANCELED")]


@pytest.fixture(scope="module")
def deployment(helsinki_network: RoadNetwork) -> Iterator[Deployment]:
    folder = Path(tempfile.mkdtemp(prefix="trackflow-machines-"))
    first_day = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=DAYS + 10)
    networks = str(folder / "networks")
    with (
        machines(
            folder,
            TRACKFLOW_MACHINES="2",
            TRACKFLOW_WORKERS="1",
            TRACKFLOW_NETWORKS=networks,
            TRACKFLOW_FIRST_DAY=first_day.isoformat(),
        ) as started,
        Context.open(Settings(home=folder / "alone", workers=1)) as alone,
        Context.open(
            Settings(
                home=folder / "test",
                database_url=started.environment["TRACKFLOW_DATABASE_URL"],
                networks=networks,
            )
        ) as context,
    ):
        publish_network(helsinki_network, folder / "no-map", networks)
        for each in (alone, context):
            use(each, helsinki_network)
            deliver_busy_days(
                each,
                alone.engine("car"),
                first_day=first_day,
                devices=DEVICES,
                days=DAYS,
                every_s=4,
            )
        assert run(alone).problems == []
        for name in ("one", "two"):
            started.start_worker(name)
        started.start_dagster()
        days = [(first_day + dt.timedelta(days=k)).isoformat() for k in range(DAYS + 1)]
        ready = Deployment(started, context, days, contents(alone.store, *MADE))
        # what the sensors start for the new points is not the backfill
        ready.wait("first run", lambda: ready.made() == len(ready.expected["tracks"]))
        ready.wait("end of the first runs", lambda: not unfinished(ready.runs()))
        ready.check()
        yield ready
    shutil.rmtree(folder)


def test_two_workers_share_a_backfill(deployment: Deployment) -> None:
    deployment.start_anew()
    backfill = deployment.launch()
    deployment.wait_until_done(backfill)
    deployment.check()
    runs = deployment.runs_of(backfill)
    assert [one["status"] for one in runs] == ["SUCCESS", "SUCCESS"]
    assert len({one["tags"]["trackflow/worker"] for one in runs}) == 2
    # networks came over the shared folder, once for each machine
    for machine in ("one", "two"):
        homes = deployment.machines.folder / machine / "networks/car"
        assert len(list(homes.iterdir())) == 1


def in_the_middle(deployment: Deployment) -> str:
    """Start a backfill; returns when some tracks are there and most are not."""
    deployment.start_anew()
    backfill = deployment.launch()
    b = metadata.tables["processing_batches"].c

    def working() -> bool:
        with deployment.context.store.read() as connection:
            count = sa.select(sa.func.count()).where(b.status == "processing")
            return bool(connection.scalar(count))

    deployment.wait("claims", working)
    deployment.wait("helper", lambda: len(deployment.runs_of(backfill)) > 1)
    return backfill


def test_a_killed_worker_loses_nothing(deployment: Deployment) -> None:
    backfill = in_the_middle(deployment)
    leader = deployment.runs_of(backfill)[-1]
    assert leader["status"] == "STARTED"
    worker = next(
        w
        for w in deployment.machines.workers
        if leader["tags"]["trackflow/worker"].endswith(f"-{w.process.pid}")
    )
    worker.kill()
    deployment.wait_until_done(backfill)
    deployment.check()
    statuses = {one["runId"]: one["status"] for one in deployment.runs_of(backfill)}
    assert statuses[leader["runId"]] == "FAILURE"  # noticed by its silence, and tried again
    assert "SUCCESS" in statuses.values()
    deployment.machines.start_worker("three")


def test_a_restarted_broker_loses_nothing(deployment: Deployment) -> None:
    backfill = in_the_middle(deployment)
    assert deployment.machines.broker is not None
    deployment.machines.broker.kill()
    deployment.machines.start_broker()
    deployment.wait_until_done(backfill)
    deployment.check()
    again = deployment.launch()  # the workers have found the new broker
    deployment.wait_until_done(again)
    deployment.check()


def test_a_database_that_was_away_loses_nothing(deployment: Deployment) -> None:
    backfill = in_the_middle(deployment)
    deployment.machines.stop_database()
    try:
        time.sleep(OUTAGE_S)  # what is tested
    finally:
        deployment.machines.start_database()

    def answers() -> bool:
        try:
            return bool(deployment.runs())
        except AssertionError:
            return False

    deployment.wait("Dagster", answers)
    deployment.wait_until_done(backfill)
    deployment.wait("batches", lambda: deployment.made() == len(deployment.expected["tracks"]))
    deployment.wait("end of later runs", lambda: not unfinished(deployment.runs()))
    deployment.check()
