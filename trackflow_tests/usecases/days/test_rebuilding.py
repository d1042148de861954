"""Rebuilds as jobs: everything again, slice by slice, to be stopped and taken up again."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from trackflow.context import Context
from trackflow.errors import BadInputError, SettingsError
from trackflow.store.jobs import jobs
from trackflow.store.jobs.jobs import SILENT_AFTER_S, Job, JobStatus
from trackflow.store.tables import devices, segments, tracks
from trackflow.usecases.days.run import run
from trackflow.usecases.jobs import kinds, progress
from trackflow.usecases.jobs.kinds import KINDS, as_dict, queue_job, rebuild
from trackflow_tests.helpers.made_once import MadeOnce
from trackflow_tests.helpers.stores import (
    NOON,
    Clock,
    batch_of_device,
    contents,
    deliver,
    difference,
    drive,
    generations,
    open_context,
    statuses,
)

DAY = NOON.date()
DEVICES = 2
BATCHES = 3 * DEVICES


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def context(
    database_url: str,
    tmp_path: Path,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    made_once: MadeOnce,
) -> Iterator[Context]:
    """A fleet that drives over each midnight, done; slices of a day, told of at once."""

    def make() -> None:
        for device in range(DEVICES):
            start = dt.datetime.combine(DAY, dt.time(20), dt.UTC)
            points = drive(start, 1100, every_s=120)
            deliver(context.store, batch_of_device(f"van-{device}", points))
        run(context)

    monkeypatch.setattr(progress, "BEAT_EVERY_S", 0)
    with open_context(database_url, tmp_path, clock) as context:
        made_once.bring(context.store, make)
        assert len(statuses(context.store)) == BATCHES
        yield context


IN_SMALL_SLICES = KINDS | {"rebuild": rebuild(slice_batches=1)}

run_job = partial(kinds.run_job, kinds=IN_SMALL_SLICES)


def read(context: Context, job: Job) -> Job:
    with context.store.read() as connection:
        return jobs.read_job(connection, job.job_id)


def done_again(context: Context, before: dict) -> dict[tuple[str, dt.date], int]:
    after = generations(context.store)
    return {key: after[key] - before[key] for key in after if after[key] != before[key]}


def test_everything_is_made_again_and_comes_out_the_same(context: Context) -> None:
    before, expected = generations(context.store), contents(context.store)
    with context.store.write() as connection:  # whatever was wrong with it is made good
        connection.execute(sa.delete(segments).where(segments.c.device_id == "van-1"))
        connection.execute(sa.delete(tracks).where(tracks.c.device_id == "van-1"))
    told: list[Job] = []
    ended = run_job(context, queue_job(context, "rebuild", {}).job_id, on_change=told.append)
    assert ended is not None
    assert (ended.status, ended.completed, ended.total) == (JobStatus.COMPLETED, BATCHES, BATCHES)
    assert ended.message == "6 batches made again"
    assert ended.result == {"batches": BATCHES, "failed": 0, "waiting": 0}
    assert set(done_again(context, before)) == set(before)
    assert set(statuses(context.store).values()) == {"completed"}
    assert difference(contents(context.store), expected) == []
    shown = [job.completed for job in told]
    assert shown == sorted(shown)
    assert len(set(shown)) > 3
    assert any(job.seconds_left is not None for job in told)


def test_only_what_was_asked_for_is_made_again(context: Context) -> None:
    before = generations(context.store)
    second = DAY + dt.timedelta(days=1)
    wish = {"from": second, "to": str(second), "device": "van-1"}
    ended = run_job(context, queue_job(context, "rebuild", wish).job_id)
    assert ended is not None
    assert ended.parameters == {"from": str(second), "to": str(second), "device": "van-1"}
    assert done_again(context, before) == {("van-1", second): 1}


def test_a_cancelled_job_stops_after_its_slice_and_can_be_taken_up(context: Context) -> None:
    before, expected = generations(context.store), contents(context.store)
    job = queue_job(context, "rebuild", {})

    def cancel(_: Job) -> None:
        with context.store.write() as connection:
            jobs.request_cancel(connection, job.job_id, context.clock())

    stopped = run_job(context, job.job_id, on_change=cancel)
    assert stopped is not None
    assert stopped.status is JobStatus.CANCELLED
    assert set(done_again(context, before).values()) == {1}
    assert {day for _, day in done_again(context, before)} == {DAY}
    assert set(statuses(context.store).values()) == {"completed"}, "nothing is half done"
    assert run_job(context, job.job_id) is None

    with context.store.write() as connection:
        jobs.resume(connection, job.job_id)
    ended = run_job(context, job.job_id)
    assert ended is not None
    assert (ended.status, ended.completed, ended.total) == (JobStatus.COMPLETED, BATCHES, BATCHES)
    assert done_again(context, before) == dict.fromkeys(before, 1)
    assert contents(context.store) == expected


def test_who_was_taken_for_dead_stops_at_its_next_word(context: Context, clock: Clock) -> None:
    before = generations(context.store)
    job = queue_job(context, "rebuild", {})
    taken: list[Job | None] = []

    def take_over(_: Job) -> None:
        if not taken:
            clock.advance(SILENT_AFTER_S + 1)
            taken.append(None)
            taken[0] = run_job(context, job.job_id)

    assert run_job(context, job.job_id, on_change=take_over) is None
    assert taken[0] is not None
    assert read(context, job) == taken[0]
    assert taken[0].status is JobStatus.COMPLETED
    assert done_again(context, before) == dict.fromkeys(before, 1)


def test_bad_batches_are_counted_and_do_not_stop_it(context: Context) -> None:
    with context.store.write() as connection:
        connection.execute(
            sa.update(devices)
            .where(devices.c.device_id == "van-1")
            .values(thresholds=sa.text("""'{"gap_s": -1}'"""))
        )
    ended = run_job(context, queue_job(context, "rebuild", {}).job_id)
    assert ended is not None
    assert (ended.status, ended.failed) == (JobStatus.COMPLETED, BATCHES // 2)
    assert ended.message == "6 batches made again, 3 of them failed"


def test_a_job_that_breaks_says_why(context: Context) -> None:
    def broken(*_: object) -> dict[str, Any]:
        raise ValueError("no such thing")

    job = queue_job(context, "rebuild", {})
    broken_kind = replace(KINDS["rebuild"], run=broken)
    ended = run_job(context, job.job_id, kinds={"rebuild": broken_kind})
    assert ended is not None
    assert ended.status is JobStatus.FAILED
    assert (ended.error or "").startswith("ValueError: no such thing (test_rebuilding.py:")
    assert as_dict(ended)["status"] == "failed"


def test_a_kind_that_a_newer_version_knows_is_left_to_it_by_name(context: Context) -> None:
    with context.store.write() as connection:
        job = jobs.create(connection, "of tomorrow", {}, context.clock())
    ended = run_job(context, job.job_id)
    assert ended is not None
    assert "'of tomorrow': update" in (ended.error or "")


@pytest.mark.parametrize(
    ("kind", "wish", "says"),
    [
        ("paint", {}, "no kind of job 'paint'; there are rebuild"),
        ("rebuild", {"from": "yesterday"}, "from is not a day"),
        ("rebuild", {"from": "2026-02-01", "to": "2026-01-01"}, "after"),
        ("rebuild", {"device": "x"}, "no device 'x'"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, kind: str, wish: dict, says: str) -> None:
    with open_context("", tmp_path) as context:
        with pytest.raises((BadInputError, SettingsError), match=says):
            queue_job(context, kind, wish)
        assert contents(context.store, "jobs") == {"jobs": []}


def test_an_empty_store_is_rebuilt_in_no_time(tmp_path: Path) -> None:
    with open_context("", tmp_path) as context:
        ended = run_job(context, queue_job(context, "rebuild", {}).job_id)
    assert ended is not None
    assert (ended.status, ended.completed, ended.total) == (JobStatus.COMPLETED, 0, 0)
