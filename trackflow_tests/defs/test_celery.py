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

import psutil
import pytest
import sqlalchemy as sa

from trackflow.context import Context
from trackflow.matching.network_sharing import publish_network
from trackflow.matching.networks import RoadNetwork, load_network
from trackflow.settings import Settings
from trackflow.store.tables import metadata
from trackflow.usecases.days.run import run
from trackflow_tests.helpers.busy_days import deliver_busy_days
from trackflow_tests.helpers.machines import REDIS, Machines, Program, machines, wait_for
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

    def claims(self) -> int:
        """How many device-days workers hold."""
        b = metadata.tables["processing_batches"].c
        with self.context.store.read() as connection:
            query = sa.select(sa.func.count()).where(b.status == "processing")
            return connection.scalar(query) or 0

    def unfinished_batches(self) -> int:
        """How many device-days are not completed."""
        b = metadata.tables["processing_batches"].c
        with self.context.store.read() as connection:
            query = sa.select(sa.func.count()).where(b.status != "completed")
            return connection.scalar(query) or 0

    def answers(self) -> bool:
        """Whether Dagster has its database."""
        try:
            self.runs()
        except (AssertionError, OSError):
            return False
        return True

    def settle(self) -> None:
        """Wait until what the sensors have started beside the backfill is done as well."""
        self.wait(
            "end of all work",
            lambda: not self.unfinished_batches() and not unfinished(self.runs()),
        )

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
        publish_network(helsinki_network, {}, networks)
        built = folder / "test/networks/car" / helsinki_network.version
        shutil.copytree(helsinki_network.folder, built)  # as if it had been built in this home
        for each in (alone, context):
            use(each, load_network(built))
            deliver_busy_days(
                each,
                alone.engine("car"),
                first_day=first_day,
                devices=DEVICES,
                days=DAYS,
                every_s=10,
            )
            # the sensors find nothing to do later
            assert run(each).problems == []
        for name in ("one", "two"):
            started.start_worker(name)
        started.start_dagster()
        days = [(first_day + dt.timedelta(days=k)).isoformat() for k in range(DAYS + 1)]
        ready = Deployment(started, context, days, contents(alone.store, *MADE))
        ready.check()
        yield ready
    shutil.rmtree(folder)


@dataclass
class Middle:
    """A backfill under way: its leader stands still in the middle of its claims."""

    backfill: str
    leader: dict[str, Any]
    worker: Program
    process: psutil.Process

    def go_on(self) -> None:
        self.process.resume()


def in_the_middle(deployment: Deployment) -> Middle:
    """Start a backfill, and halt the run's process as soon as it holds claims."""
    deployment.start_anew()
    backfill = deployment.launch()

    def leader_of() -> dict[str, Any] | None:
        found = deployment.runs_of(backfill)
        return found[-1] if found and found[-1]["status"] == "STARTED" else None

    leader = deployment.wait("leader", leader_of)
    worker = next(
        w
        for w in deployment.machines.workers
        if leader["tags"]["trackflow/worker"].endswith(f"-{w.process.pid}")
    )
    process = next(
        child
        for child in psutil.Process(worker.process.pid).children()
        if leader["runId"] in " ".join(child.cmdline())
    )
    deployment.wait("claims", lambda: deployment.claims())
    process.suspend()
    assert deployment.unfinished_batches()
    return Middle(backfill, leader, worker, process)


def test_two_workers_share_a_backfill(deployment: Deployment) -> None:
    middle = in_the_middle(deployment)

    def helps() -> bool:
        helper = deployment.runs_of(middle.backfill)[0]
        return "trackflow/helps" in helper["tags"] and helper["status"] == "STARTED"

    deployment.wait("helper", helps)
    middle.go_on()
    deployment.wait_until_done(middle.backfill)
    deployment.check()
    runs = deployment.runs_of(middle.backfill)
    assert [one["status"] for one in runs] == ["SUCCESS", "SUCCESS"]
    assert len({one["tags"]["trackflow/worker"] for one in runs}) == 2
    # networks came over the shared folder, once for each machine
    fetched = [
        list((deployment.machines.folder / machine / "networks/car").glob("*"))
        for machine in ("one", "two")
    ]
    assert max(map(len, fetched)) == 1


def test_a_killed_worker_loses_nothing(deployment: Deployment) -> None:
    middle = in_the_middle(deployment)
    middle.worker.kill()
    deployment.wait_until_done(middle.backfill)
    deployment.settle()
    deployment.check()
    statuses = {one["runId"]: one["status"] for one in deployment.runs()}
    assert statuses[middle.leader["runId"]] == "FAILURE"  # its silence was noticed
    retried = [
        one
        for one in deployment.runs()
        if one["tags"].get("dagster/parent_run_id") == middle.leader["runId"]
    ]
    assert [one["status"] for one in retried] == ["SUCCESS"]
    deployment.machines.start_worker("three")


def test_a_restarted_broker_loses_nothing(deployment: Deployment) -> None:
    middle = in_the_middle(deployment)
    assert deployment.machines.broker is not None
    deployment.machines.broker.kill()
    middle.go_on()
    deployment.machines.start_broker()
    deployment.wait_until_done(middle.backfill)
    deployment.settle()
    deployment.check()
    # the workers have found the new broker
    deployment.wait_until_done(deployment.launch())
    deployment.check()


def test_a_database_that_was_away_loses_nothing(deployment: Deployment) -> None:
    middle = in_the_middle(deployment)
    deployment.machines.stop_database()
    try:
        middle.go_on()
        time.sleep(OUTAGE_S)  # what is tested
    finally:
        deployment.machines.start_database()
    deployment.wait("Dagster", deployment.answers)
    deployment.wait_until_done(middle.backfill)
    deployment.settle()
    deployment.check()
