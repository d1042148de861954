"""The job record: one worker at a time, nothing stuck, and an end that stays."""

import datetime as dt
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from trackflow.errors import BadInputError, NotFoundError, StaleClaimError
from trackflow.store.database import Store, open_store
from trackflow.store.jobs import jobs
from trackflow.store.jobs.jobs import SILENT_AFTER_S, Job, JobStatus
from trackflow.usecases.jobs.progress import seconds_left
from trackflow_tests.helpers.stores import NOON, Clock, contents, settings_of

MAX_TRIES = 3
ENDED = (JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED)
ALLOWED = {
    (JobStatus.QUEUED, JobStatus.RUNNING),
    (JobStatus.QUEUED, JobStatus.CANCELLED),
    (JobStatus.QUEUED, JobStatus.FAILED),  # taken up too often
    *((JobStatus.RUNNING, status) for status in ENDED),
    (JobStatus.FAILED, JobStatus.QUEUED),
    (JobStatus.CANCELLED, JobStatus.QUEUED),
    *((status, status) for status in JobStatus),
}


class OneJob(RuleBasedStateMachine):
    """A job that workers, people and bad luck do things to, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.store = open_store(settings_of("", Path(self.folder.name)))
        self.clock = Clock()
        with self.store.write() as connection:
            self.before = jobs.create(connection, "rebuild", {"from": None}, self.clock())
        self.holders: list[Job] = []
        self.claims_in_row = 0

    def teardown(self) -> None:
        """Whatever has happened, it ends, if every worker from now on is killed at once."""
        for _ in range(MAX_TRIES + 1):
            self.clock.advance(SILENT_AFTER_S + 1)
            with self.store.write() as connection:
                for found in jobs.waiting(connection, self.clock()):
                    jobs.claim(connection, found.job_id, MAX_TRIES, self.clock())
        self.clock.advance(SILENT_AFTER_S + 1)
        with self.store.read() as connection:
            assert jobs.waiting(connection, self.clock()) == []
        assert self.now().status in ENDED
        self.store.close()
        self.folder.cleanup()

    def now(self) -> Job:
        with self.store.read() as connection:
            return jobs.read_job(connection, self.before.job_id)

    def is_free(self, job: Job) -> bool:
        silent = job.heartbeat_at is not None and (
            job.heartbeat_at < self.clock() - dt.timedelta(seconds=SILENT_AFTER_S)
        )
        return job.status is JobStatus.QUEUED or (job.status is JobStatus.RUNNING and silent)

    @rule(seconds=st.sampled_from([1.0, SILENT_AFTER_S / 2, SILENT_AFTER_S + 1]))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule()
    def claim(self) -> None:
        old = self.now()
        with self.store.write() as connection:
            got = jobs.claim(connection, old.job_id, MAX_TRIES, self.clock())
        may = self.is_free(old) and not old.cancel_requested and old.tries < MAX_TRIES
        assert (got is not None) == may
        if got is not None:
            assert got.epoch > max((held.epoch for held in self.holders), default=0)
            assert (got.completed, got.result) == (old.completed, old.result), "it goes on there"
            self.holders.append(got)
            self.claims_in_row += 1
            assert self.claims_in_row <= MAX_TRIES

    @precondition(lambda self: self.holders)
    @rule(data=st.data(), how=st.sampled_from(["beat", "advance", "complete", "fail", "cancelled"]))
    def tell(self, data: st.DataObject, how: str) -> None:
        """A worker says something, be it the one at work or one that was taken for dead."""
        held = data.draw(st.sampled_from(self.holders))
        old, at = self.now(), self.clock()
        is_current = held.epoch == old.epoch and old.status is JobStatus.RUNNING
        try:
            with self.store.write() as connection:
                match how:
                    case "beat":
                        jobs.beat(connection, held, at, completed=old.completed)
                    case "advance":
                        jobs.advance(connection, held, at, completed=old.completed + 1)
                        self.claims_in_row = 1
                    case "complete":
                        jobs.end(connection, held, JobStatus.COMPLETED, at, result={"n": 1})
                    case "fail":
                        jobs.end(connection, held, JobStatus.FAILED, at, error="broken")
                    case _:
                        jobs.end(connection, held, JobStatus.CANCELLED, at)
        except StaleClaimError:
            assert not is_current
            assert self.now() == old
        else:
            assert is_current

    @rule()
    def cancel(self) -> None:
        old = self.now()
        with self.store.write() as connection:
            new = jobs.request_cancel(connection, old.job_id, self.clock())
        if old.status in ENDED:
            assert new == old
        else:
            assert new.cancel_requested
            assert new.status is (JobStatus.CANCELLED if self.is_free(old) else JobStatus.RUNNING)

    @rule()
    def resume(self) -> None:
        old = self.now()
        try:
            with self.store.write() as connection:
                new = jobs.resume(connection, old.job_id)
        except BadInputError:
            assert old.status is JobStatus.COMPLETED
            return
        assert not new.cancel_requested
        assert new.status in (JobStatus.QUEUED, JobStatus.RUNNING)
        assert new.completed == old.completed
        if old.status in ENDED:
            self.claims_in_row = 0

    @invariant()
    def moves_only_as_allowed(self) -> None:
        new = self.now()
        assert (self.before.status, new.status) in ALLOWED
        assert new.epoch >= self.before.epoch
        if self.before.status is JobStatus.COMPLETED:
            assert new == self.before
        assert (new.finished_at is not None) == (new.status in ENDED)
        assert new.started_at is None or self.before.started_at in (None, new.started_at)
        self.before = new


TestOneJob = OneJob.TestCase
TestOneJob.settings = settings(max_examples=15, stateful_step_count=25, deadline=None)


@pytest.fixture
def store(database_url: str, tmp_path: Path) -> Iterator[Store]:
    store = open_store(settings_of(database_url, tmp_path))
    yield store
    store.close()


def test_of_many_who_take_it_up_one_gets_it(store: Store) -> None:
    with store.write() as connection:
        job = jobs.create(connection, "rebuild", {}, NOON)
    barrier = threading.Barrier(8)

    def attempt(now: dt.datetime) -> Job | None:
        barrier.wait()
        with store.write() as connection:
            return jobs.claim(connection, job.job_id, MAX_TRIES, now)

    for hour in range(2):
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(attempt, [NOON + dt.timedelta(hours=hour)] * 8))
        assert len([one for one in found if one]) == 1


def test_a_stale_worker_takes_its_work_back_with_it(store: Store) -> None:
    """Progress and work are one transaction: who is not at it any more changes neither."""
    with store.write() as connection:
        job = jobs.create(connection, "rebuild", {}, NOON)
        stale = jobs.claim(connection, job.job_id, MAX_TRIES, NOON)
        assert stale is not None
        later = NOON + dt.timedelta(hours=1)
        assert jobs.claim(connection, job.job_id, MAX_TRIES, later)
    before = contents(store, "jobs")

    def work_on() -> None:
        with store.write() as connection:
            jobs.create(connection, "what it did", {}, NOON)
            jobs.advance(connection, stale, NOON, completed=5)

    with pytest.raises(StaleClaimError):
        work_on()
    assert contents(store, "jobs") == before


def test_the_newest_are_listed_first_and_the_oldest_worked_on_first(store: Store) -> None:
    with store.write() as connection:
        ids = [
            jobs.create(connection, "rebuild", {"n": k}, NOON + dt.timedelta(seconds=k)).job_id
            for k in range(3)
        ]
        assert [job.job_id for job in jobs.recent(connection, 2)] == [ids[2], ids[1]]
        assert [job.job_id for job in jobs.waiting(connection, NOON)] == ids
        assert jobs.read_job(connection, ids[1]).parameters == {"n": 1}
        with pytest.raises(NotFoundError, match="no job"):
            jobs.read_job(connection, uuid4())


@pytest.mark.parametrize(
    ("done", "remaining", "elapsed_s", "expected"),
    [(0, 10, 5, None), (5, 10, 5, 10.0), (5, 0, 5, 0.0), (1, 99, 0.5, 49.5), (-2, 3, 5, None)],
)
def test_time_left(done: int, remaining: int, elapsed_s: float, expected: float | None) -> None:
    assert seconds_left(done, remaining, elapsed_s) == expected
