"""The live worker: what comes in is worked on while it is there, and its presence is known."""

import datetime as dt
import threading
from pathlib import Path

import pytest

from trackflow.context import Work
from trackflow.store.jobs import workers
from trackflow.usecases.days import live
from trackflow.usecases.days.report import RunReport
from trackflow.usecases.days.run import run
from trackflow_tests.stores import (
    Clock,
    batch_of_device,
    contents,
    deliver,
    difference,
    drive,
    open_work,
    statuses,
)

NOW = dt.datetime(2026, 3, 2, 9, tzinfo=dt.UTC)
OLD = NOW - dt.timedelta(days=2)


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "POLL_S", 0.02)


def follow(work: Work, told: live.Told, idle_s: float = 0.3) -> int:
    return live.follow_live(work, idle_s=idle_s, longest_s=60, told=told, run_id="a-run")


def test_it_takes_what_is_there_and_what_comes_in_and_leaves(
    database_url: str, tmp_path: Path
) -> None:
    with open_work(database_url, tmp_path, Clock(NOW)) as work:
        deliver(work.store, batch_of_device("van-1", drive(NOW - dt.timedelta(hours=1), 50)))
        deliver(work.store, batch_of_device("van-1", drive(OLD, 50)))
        seen: list[workers.LiveWorker | None] = []

        def told(_: RunReport) -> None:
            with work.store.read() as connection:
                seen.append(workers.at_work(connection, work.clock()))
            if len(seen) == 1:
                arrived = drive(NOW - dt.timedelta(minutes=30), 20)
                deliver(work.store, batch_of_device("van-2", arrived))

        assert follow(work, told) == 2

        assert statuses(work.store) == {
            ("van-1", NOW.date()): "completed",
            ("van-2", NOW.date()): "completed",
            ("van-1", OLD.date()): "pending",
        }
        assert [worker and worker.dagster_run_id for worker in seen] == ["a-run", "a-run"]
        with work.store.read() as connection:
            assert workers.at_work(connection, work.clock()) is None


def test_a_silent_worker_counts_as_gone(database_url: str, tmp_path: Path) -> None:
    clock = Clock(NOW)
    with open_work(database_url, tmp_path, clock) as work:
        presence = live._Presence(work, live.uuid.uuid4(), None)
        presence.beat()
        with work.store.read() as connection:
            assert workers.at_work(connection, clock())
            clock.advance(workers.SILENT_AFTER_S + 1)
            assert workers.at_work(connection, clock()) is None


def test_two_at_once_make_what_one_run_makes(database_url: str, tmp_path: Path) -> None:
    with open_work(f"sqlite:///{tmp_path / 'one.db'}", tmp_path, Clock(NOW)) as one:
        _day(one)
        run(one)
        expected = contents(one.store)

    def second() -> None:
        with open_work(database_url, tmp_path, Clock(NOW)) as work:
            follow(work, lambda _: None)

    with open_work(database_url, tmp_path, Clock(NOW)) as work:
        _day(work)
        thread = threading.Thread(target=second)
        thread.start()
        follow(work, lambda _: None)
        thread.join()
        assert difference(expected, contents(work.store)) == []


def _day(work: Work) -> None:
    for device in range(4):
        start = NOW - dt.timedelta(hours=3, minutes=device)
        deliver(work.store, batch_of_device(f"van-{device}", drive(start, 200)))
