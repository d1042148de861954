"""Celery for real: two machines share a backfill, and nothing that dies meanwhile does any harm.

One deployment serves all tests of this module. Each test makes all days anew, from the points, and
waits until the deployment has brought the backfill to its good end by itself.
"""

import datetime as dt
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import psutil
import pytest
import sqlalchemy as sa
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill
from dagster._core.storage.tags import BACKFILL_ID_TAG

from trackflow.context import Context
from trackflow.defs.building import build
from trackflow.defs.days.helping import LEAST_BATCHES
from trackflow.defs.days.running import STAGE_OF_ASSET
from trackflow.defs.machines.signs_of_life import WORKER_TAG
from trackflow.defs.runs import HELPS_TAG
from trackflow.matching.network_sharing import publish_network
from trackflow.matching.networks import RoadNetwork, load_network
from trackflow.settings import Settings
from trackflow.store.tables import metadata
from trackflow.usecases.days.run import run
from trackflow_tests.helpers.busy_days import deliver_busy_days
from trackflow_tests.helpers.machines import (
    REDIS,
    Machines,
    Program,
    machines,
    turn_sensors_off,
    wait_for,
)
from trackflow_tests.helpers.roads import use
from trackflow_tests.helpers.stores import contents

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1200),
    pytest.mark.xdist_group("celery"),
    pytest.mark.filterwarnings("ignore:Function `AssetSelection.sources`:DeprecationWarning"),
    pytest.mark.skipif(REDIS is None, reason="redis-server is not installed"),
]

DEVICES, DAYS = 7, 5
HOURS = (8, 23.75)
"""When tours begin; the last one goes on after midnight, so that there is a day more."""

MADE = ("segments", "day_ledgers", "cached_polylines", "tracks")
OUTAGE_S = 30

SENSORS = {"helpers_sensor", "pending_batches_sensor", "retries_sensor"}
"""What works on the days by itself; the other sensors would only cost time."""


@dataclass
class Deployment:
    """Two machines with Celery's workers, a store full of points, and what has to come out."""

    machines: Machines
    context: Context
    records: dg.DagsterInstance
    definitions: dg.Definitions
    days: list[str]
    expected: dict[str, list[dict[str, Any]]]

    def start_anew(self) -> None:
        """Forget all that was made of the points."""
        with self.context.store.write() as connection:
            for name in (*MADE, "track_aliases"):
                connection.execute(sa.delete(metadata.tables[name]))

    def launch(self) -> str:
        """Start a backfill over all days, as the UI does; its name."""
        backfill = PartitionBackfill.from_asset_partitions(
            backfill_id=uuid.uuid4().hex[:8],
            asset_graph=self.definitions.get_repository_def().asset_graph,
            partition_names=self.days,
            asset_selection=[dg.AssetKey(name) for name in STAGE_OF_ASSET],
            backfill_timestamp=time.time(),
            tags={},
            dynamic_partitions_store=self.records,
            all_partitions=False,
            title=None,
            description=None,
            run_config=None,
        )
        self.records.add_backfill(backfill)
        return backfill.backfill_id

    def leaders(self, backfill: str) -> list[dg.DagsterRun]:
        """The runs of a backfill, the newest first."""
        return list(self.records.get_runs(dg.RunsFilter(tags={BACKFILL_ID_TAG: backfill})))

    def batches(self, condition: sa.ColumnElement[bool]) -> int:
        """How many device-days are like that."""
        with self.context.store.read() as connection:
            query = sa.select(sa.func.count()).select_from(metadata.tables["processing_batches"])
            return connection.scalar(query.where(condition)) or 0

    def wait(self, what: str, ask: Callable[[], Any], every_s: float = 1.0) -> Any:
        """Ask again until the answer is true."""
        return wait_for(what, ask, self.machines.daemon, 400, every_s)

    def wait_until_done(self, backfill: str) -> None:
        """Wait for the good end of a backfill, and of what the sensors have started beside it."""
        status = metadata.tables["processing_batches"].c.status

        def is_done() -> bool:
            found = self.records.get_backfill(backfill)
            assert found is not None
            return (
                found.status is BulkActionStatus.COMPLETED_SUCCESS
                and all(one.is_finished for one in self.records.get_runs())
                and not self.batches(status != "completed")
            )

        self.wait("good end of the backfill", is_done)
        self.check()

    def check(self) -> None:
        """Everything is there, once, and as one process makes it."""
        found = contents(self.context.store, *MADE)
        for name in MADE:
            assert found[name] == self.expected[name], name


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
        started.records() as records,
        Context.open(
            Settings(
                home=folder / "test",
                database_url=started.environment["TRACKFLOW_DATABASE_URL"],
                networks=networks,
                workers=1,
            )
        ) as context,
    ):
        for name in ("one", "two"):
            started.start_worker(name)
        publish_network(helsinki_network, {}, networks)
        built = folder / "test/networks/car" / helsinki_network.version
        shutil.copytree(helsinki_network.folder, built)  # as if it had been built in this home
        use(context, load_network(built))
        deliver_busy_days(
            context,
            context.engine("car"),
            first_day=first_day,
            devices=DEVICES,
            days=DAYS,
            every_s=20,
            hours=HOURS,
        )
        # one process makes what two have to; the sensors find nothing to do later
        assert run(context).problems == []
        days = [(first_day + dt.timedelta(days=k)).isoformat() for k in range(DAYS + 1)]
        expected = contents(context.store, *MADE)
        assert all(expected.values())
        definitions = build(first_day=first_day)
        sensors = {sensor.name for sensor in definitions.sensors or ()}
        assert sensors > SENSORS
        turn_sensors_off(records, sensors - SENSORS)
        ready = Deployment(started, context, records, definitions, days, expected)
        assert ready.batches(sa.true()) > LEAST_BATCHES
        started.start_daemon()
        yield ready
    shutil.rmtree(folder)


@dataclass
class Middle:
    """A backfill under way: its leader stands still in the middle of its claims."""

    backfill: str
    leader: dg.DagsterRun
    worker: Program
    process: psutil.Process

    def go_on(self) -> None:
        self.process.resume()


def in_the_middle(deployment: Deployment) -> Middle:
    """Start a backfill, and halt the run's process as soon as it holds claims."""
    deployment.start_anew()
    backfill = deployment.launch()
    status = metadata.tables["processing_batches"].c.status
    deployment.wait("claims", lambda: deployment.batches(status == "processing"), every_s=0.1)
    (leader,) = deployment.leaders(backfill)
    worker = worker_of(deployment, leader)
    process = next(
        child
        for child in psutil.Process(worker.process.pid).children()
        if leader.run_id in " ".join(child.cmdline())
    )
    process.suspend()
    assert deployment.batches(status != "completed")
    return Middle(backfill, leader, worker, process)


def worker_of(deployment: Deployment, run: dg.DagsterRun) -> Program:
    return next(
        worker
        for worker in deployment.machines.workers
        if run.tags[WORKER_TAG].endswith(f"-{worker.process.pid}")
    )


def test_two_workers_share_a_backfill(deployment: Deployment) -> None:
    middle = in_the_middle(deployment)
    helpers = dg.RunsFilter(tags={HELPS_TAG: middle.leader.run_id})
    deployment.wait(
        "helper",
        lambda: any(
            one.status is dg.DagsterRunStatus.STARTED
            for one in deployment.records.get_runs(helpers)
        ),
    )
    middle.go_on()
    deployment.wait_until_done(middle.backfill)

    (leader,) = deployment.leaders(middle.backfill)
    (helper,) = deployment.records.get_runs(helpers)
    assert leader.status is helper.status is dg.DagsterRunStatus.SUCCESS
    assert worker_of(deployment, leader) is not worker_of(deployment, helper)
    # networks came over the shared folder, once for each machine
    fetched = [
        list((deployment.machines.folder / machine / "networks/car").glob("*"))
        for machine in ("one", "two")
    ]
    assert [len(found) for found in fetched] == [1, 1]


def test_a_restarted_broker_and_a_killed_worker_lose_nothing(deployment: Deployment) -> None:
    """The worker that is left has lost its connection, and gets the retry from the new broker."""
    middle = in_the_middle(deployment)
    (left,) = (w for w in deployment.machines.workers if w is not middle.worker)
    assert deployment.machines.broker is not None
    deployment.machines.broker.kill()
    deployment.machines.start_broker()
    middle.worker.kill()

    def retry() -> dg.DagsterRun | None:
        newest, *_ = deployment.leaders(middle.backfill)
        is_under_way = newest.parent_run_id and newest.status is dg.DagsterRunStatus.STARTED
        return newest if is_under_way else None

    retried = deployment.wait("retry", retry)
    assert worker_of(deployment, retried) is left
    deployment.machines.start_worker("three")
    deployment.wait_until_done(middle.backfill)

    statuses = [one.status for one in deployment.leaders(middle.backfill)]
    assert statuses == [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]


def test_a_database_that_was_away_loses_nothing(deployment: Deployment) -> None:
    middle = in_the_middle(deployment)
    deployment.machines.stop_database()
    try:
        middle.go_on()
        time.sleep(OUTAGE_S)  # what is tested
    finally:
        deployment.machines.start_database()
    deployment.wait_until_done(middle.backfill)
