"""Figures of the service: what waits, what failed, and sums of the work that was done."""

import datetime as dt
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from trackflow.context import Context
from trackflow.sources.records import Refusal, RefusalReason
from trackflow.store.housekeeping import counters
from trackflow.store.tables import processing_batches
from trackflow.usecases.categories.following import follow_tracks
from trackflow.usecases.days.report import DayReport, StageReport
from trackflow.usecases.days.run import RunMode, run
from trackflow.usecases.housekeeping.counting import sums_of_stage
from trackflow.usecases.housekeeping.figures import read_figures
from trackflow.usecases.jobs.kinds import queue_job
from trackflow_tests.helpers.stores import (
    NOON,
    Clock,
    batch_of_device,
    deliver,
    drive,
    open_context,
)

HOUR = dt.timedelta(hours=1)


@pytest.fixture
def context(database_url: str, tmp_path: Path) -> Context:
    return open_context(database_url, tmp_path, Clock(NOON + HOUR), engine_url="none")


def test_stages_wait_work_and_are_counted(context: Context) -> None:
    with context:
        for name in ("a", "b"):
            deliver(context.store, batch_of_device(name, drive(NOON, 60)), now=NOON)
        before = read_figures(context)
        assert before.stages["segmented"].waiting == 2
        assert before.stages["segmented"].waiting_since == NOON
        assert before.stages["matched"].waiting == before.stages["tracked"].waiting == 0
        assert (before.intake.receipts, before.intake.last_at) == (2, NOON)
        assert before.counters == {}

        run(context)
        after = read_figures(context)
        assert all(state.waiting == 0 for state in after.stages.values())
        assert after.behind == {"legs": 2, "stays": 2, "categories": 2}
        done = {key: value for key, value in after.counters.items() if key[0] != "seconds"}
        assert done == {
            ("batches", "segmented", "done"): 2,
            ("batches", "matched", "done"): 2,
            ("batches", "tracked", "done"): 2,
            ("points", "segmented", "done"): 120,
        }
        assert after.counters["seconds", "segmented", "all"] > 0
        assert after.results.tracks == 2

        run(context, mode=RunMode.BULK)
        again = read_figures(context).counters
        assert again["batches", "matched", "done"] == 4

        follow_tracks(context)
        followed = read_figures(context)
        assert followed.behind == {"legs": 0, "stays": 0, "categories": 0}
        assert followed.counters["batches", "legs", "done"] == 2


@given(days=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.sampled_from("dfw"))))
def test_sums_of_a_stage_are_those_of_its_days(days: list[tuple[int, int, str]]) -> None:
    report = StageReport("matched")
    for cached, more, outcome in days:
        one = DayReport("a", NOON.date(), windows=cached + more, cached_windows=cached)
        one.error, one.deferred = (None if outcome == "d" else "x"), outcome == "w"
        report.days.append(one)
    found = sums_of_stage(report)
    assert sum(found["batches", "matched", how] for how in ("done", "failed", "deferred")) == len(
        days
    )
    assert found["windows", "matched", "cached"] == sum(cached for cached, _, _ in days)
    assert found["windows", "matched", "matched"] == sum(more for _, more, _ in days)


def test_a_day_that_was_given_up_is_counted_at_its_stage(context: Context) -> None:
    with context:
        deliver(context.store, batch_of_device("a", drive(NOON, 60)), now=NOON)
        b = processing_batches.c
        with context.store.write() as connection:
            values = {"status": "failed", "segmented_generation": b.generation}
            connection.execute(sa.update(processing_batches).values(values))
        stages = read_figures(context).stages
        assert {stage: state.failed for stage, state in stages.items()} == {
            "segmented": 0,
            "matched": 1,
            "tracked": 0,
        }
        assert all(state.waiting == 0 for state in stages.values())


def test_jobs_refused_input_and_space_are_counted(context: Context) -> None:
    with context:
        queue_job(context, "rebuild", {})
        refused = [Refusal(RefusalReason.NO_TIME, f"{{{k}}}", "test") for k in range(3)]
        deliver(context.store, batch_of_device("a", drive(NOON, 2)), refused, now=NOON)
        found = read_figures(context)
        assert [(job.kind, job.status, job.jobs) for job in found.jobs] == [
            ("rebuild", "queued", 1)
        ]
        assert found.jobs[0].oldest_at == NOON + HOUR
        assert found.refused == {"no_time": 3}
        assert found.database_bytes > 100_000
        assert bool(found.table_bytes) == context.store.is_postgresql
        assert all(0 < disk.free_bytes <= disk.total_bytes for disk in found.disks)


sums = st.dictionaries(
    st.tuples(st.sampled_from("ab"), st.sampled_from("cd"), st.sampled_from("ef")),
    st.integers(0, 1000),
)


@settings(max_examples=20)
@given(parts=st.lists(sums, max_size=5))
def test_sums_add_up(tmp_path_factory: pytest.TempPathFactory, parts: list[dict]) -> None:
    with open_context("", tmp_path_factory.mktemp("sums")) as context:
        expected: dict[tuple[str, str, str], int] = {}
        for part in parts:
            with context.store.write() as connection:
                counters.add(connection, part)
            for key, value in part.items():
                expected[key] = expected.get(key, 0) + value
        with context.store.read() as connection:
            found = counters.read_all(connection)
    assert found == {key: value for key, value in expected.items() if value}


def test_samples_of_free_space_are_few_and_young(context: Context) -> None:
    every, keep = dt.timedelta(minutes=10), dt.timedelta(hours=6)
    with context:
        for minute in range(0, 24 * 60, 5):
            with context.store.write() as connection:
                now = NOON + dt.timedelta(minutes=minute)
                counters.add_sample(connection, {"home": minute}, now, every=every, keep=keep)
            if minute % 240 == 0:
                with context.store.read() as connection:
                    samples = counters.read_samples(connection)["home"]
                assert len(samples) <= 37
                assert samples[-1][0] - samples[0][0] <= keep
        # a clock that ran ahead leaves nothing that would keep new samples away
        with context.store.write() as connection:
            counters.add_sample(connection, {"home": 7}, NOON, every=every, keep=keep)
        with context.store.read() as connection:
            assert counters.read_samples(connection) == {"home": [(NOON, 7)]}
