"""Running a job: each way in which its work ends leaves the matching status, and no other does."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.context import Context
from trackflow.errors import (
    BadInputError,
    NotFoundError,
    RetryableError,
    StaleClaimError,
    StoreUnavailableError,
)
from trackflow.store.jobs import jobs
from trackflow.store.jobs.jobs import SILENT_AFTER_S, Job, JobStatus
from trackflow.usecases.jobs.control import (
    cancel_job,
    read_job,
    recent_jobs,
    resume_job,
    stop_job_here,
    waiting_jobs,
)
from trackflow.usecases.jobs.kinds import KINDS, JobKind, as_dict, queue_job, run_job
from trackflow.usecases.jobs.progress import CancelledError, ClaimedJob, seconds_left
from trackflow_tests.helpers.stores import Clock, open_context

type Work = Callable[[Context, ClaimedJob], dict[str, Any]]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def context(database_url: str, tmp_path: Path, clock: Clock) -> Iterator[Context]:
    with open_context(database_url, tmp_path, clock) as opened:
        yield opened


def kinds_of(work: Work) -> Mapping[str, JobKind]:
    return {"rebuild": JobKind(KINDS["rebuild"].check, work, lambda result: f"{result['n']} done")}


def ended_with(context: Context, work: Work, **more: Any) -> Job | None:
    return run_job(context, queued(context).job_id, kinds=kinds_of(work), **more)


def queued(context: Context) -> Job:
    return queue_job(context, "rebuild", {})


def test_what_comes_out_is_kept_with_its_words(context: Context) -> None:
    def work(_: Context, claimed: ClaimedJob) -> dict[str, Any]:
        with context.store.write() as connection:
            claimed.advance(connection, 1, total=3)
        return {"n": 3}

    ended = ended_with(context, work)
    assert ended is not None
    assert (ended.status, ended.result, ended.message) == (JobStatus.COMPLETED, {"n": 3}, "3 done")
    assert (ended.completed, ended.total, ended.error) == (3, 3, None)
    assert read_job(context, ended.job_id) == ended
    assert recent_jobs(context) == [ended]
    assert waiting_jobs(context) == []
    assert as_dict(ended)["finished_at"] == context.clock().strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@pytest.mark.parametrize(
    ("error", "status", "says"),
    [
        (BadInputError("mend the file"), JobStatus.FAILED, "mend the file"),
        (ZeroDivisionError("of us"), JobStatus.FAILED, "ZeroDivisionError: of us (test_kinds.py:"),
        (CancelledError("cancelled"), JobStatus.CANCELLED, None),
    ],
)
def test_an_error_ends_it_and_says_why(
    context: Context, error: Exception, status: JobStatus, says: str | None
) -> None:
    def work(*_: object) -> dict[str, Any]:
        raise error

    ended = ended_with(context, work)
    assert ended is not None
    assert ended.status is status
    assert (ended.error or "").startswith(says or "")
    assert (ended.error is None) == (says is None)
    assert resume_job(context, ended.job_id).status is JobStatus.QUEUED


def test_while_the_database_is_away_it_stays_with_its_worker(
    context: Context, clock: Clock
) -> None:
    def work(*_: object) -> dict[str, Any]:
        raise StoreUnavailableError("away")

    job = queued(context)
    with pytest.raises(RetryableError, match="away"):
        run_job(context, job.job_id, kinds=kinds_of(work))
    assert read_job(context, job.job_id).status is JobStatus.RUNNING
    assert waiting_jobs(context) == []
    clock.advance(SILENT_AFTER_S + 1)
    assert [found.job_id for found in waiting_jobs(context)] == [job.job_id]
    ended = run_job(context, job.job_id, kinds=kinds_of(lambda *_: {"n": 1}))
    assert ended is not None
    assert ended.status is JobStatus.COMPLETED


def test_who_lost_it_to_another_worker_changes_nothing(context: Context, clock: Clock) -> None:
    def work(_: Context, claimed: ClaimedJob) -> dict[str, Any]:
        clock.advance(SILENT_AFTER_S + 1)
        other = run_job(context, claimed.job.job_id, kinds=kinds_of(lambda *_: {"n": 7}))
        assert other is not None
        with pytest.raises(StaleClaimError), context.store.write() as connection:
            claimed.advance(connection, 1)
        return {"n": 0}

    job = queued(context)
    assert run_job(context, job.job_id, kinds=kinds_of(work)) is None
    assert read_job(context, job.job_id).result == {"n": 7}


def test_nobody_runs_it_twice(context: Context) -> None:
    def work(_: Context, claimed: ClaimedJob) -> dict[str, Any]:
        assert run_job(context, claimed.job.job_id, kinds=kinds_of(work)) is None
        return {"n": 1}

    ended = ended_with(context, work)
    assert ended is not None
    assert run_job(context, ended.job_id, kinds=kinds_of(work)) is None
    with pytest.raises(BadInputError):
        resume_job(context, ended.job_id)


def test_a_cancelled_one_stops_at_its_next_word_and_a_waiting_one_at_once(
    context: Context,
) -> None:
    told: list[Job] = []

    def work(_: Context, claimed: ClaimedJob) -> dict[str, Any]:
        cancel_job(context, claimed.job.job_id)
        with context.store.write() as connection:
            claimed.advance(connection, 1, total=2)
        claimed.stop_if_cancelled()
        raise AssertionError("it goes on")

    ended = ended_with(context, work, on_change=told.append)
    assert ended is not None
    assert (ended.status, ended.completed) == (JobStatus.CANCELLED, 1)
    assert [job.completed for job in told] == [1]
    waiting = queued(context)
    assert cancel_job(context, waiting.job_id).status is JobStatus.CANCELLED
    assert run_job(context, waiting.job_id, kinds=kinds_of(work)) is None


def test_one_that_its_process_gives_up_waits_for_a_person(context: Context, clock: Clock) -> None:
    def work(_: Context, claimed: ClaimedJob) -> dict[str, Any]:
        stop_job_here(context, claimed.job.job_id)
        raise KeyboardInterrupt

    job = queued(context)
    with pytest.raises(KeyboardInterrupt):
        run_job(context, job.job_id, kinds=kinds_of(work))
    clock.advance(SILENT_AFTER_S + 1)
    assert waiting_jobs(context) == []
    assert resume_job(context, job.job_id).status is JobStatus.QUEUED


def test_signs_of_life_are_not_written_more_often_than_anyone_looks(context: Context) -> None:
    told: list[Job] = []

    def work(_: Context, claimed: ClaimedJob) -> dict[str, Any]:
        for k in range(1000):
            claimed.beat(k)
        return {"n": 1000}

    ended_with(context, work, on_change=told.append)
    assert len(told) < 1000


def test_ids_that_are_none_are_said_to_be_none(context: Context) -> None:
    unknown = queued(context).job_id
    with context.store.write() as connection:
        connection.execute(jobs.jobs.delete())
    for use in (read_job, cancel_job, resume_job, stop_job_here, run_job):
        with pytest.raises(NotFoundError):
            use(context, unknown)


@given(
    done=st.integers(0, 10**6), remaining=st.integers(-5, 10**6), elapsed_s=st.floats(0.01, 10**6)
)
def test_the_time_left_is_that_of_the_speed_so_far(
    done: int, remaining: int, elapsed_s: float
) -> None:
    left = seconds_left(done, remaining, elapsed_s)
    if remaining <= 0:
        assert left == 0
    elif done == 0:
        assert left is None
    else:
        assert left == pytest.approx(elapsed_s * remaining / done, abs=0.06, rel=1e-9)
