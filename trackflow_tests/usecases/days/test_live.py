"""The live worker: what comes in is worked on while it is there, and its presence is known."""

import datetime as dt
import threading
from pathlib import Path

from trackflow.context import Context
from trackflow.store.jobs import workers
from trackflow.usecases.days import live
from trackflow.usecases.days.report import RunReport
from trackflow.usecases.days.run import run
from trackflow_tests.helpers.stores import (
    Clock,
    batch_of_device,
    contents,
    deliver,
    difference,
    drive,
    open_context,
    statuses,
)

NOW = dt.datetime(2026, 3, 2, 9, tzinfo=dt.UTC)
OLD = NOW - dt.timedelta(days=2)


def follow(context: Context, told: live.OnReport, idle_s: float = 0.3) -> int:
    return live.follow_live(
        context, idle_s=idle_s, longest_s=60, on_report=told, run_id="a-run", poll_s=0.02
    )


def test_it_takes_what_is_there_and_what_comes_in_and_leaves(
    database_url: str, tmp_path: Path
) -> None:
    with open_context(database_url, tmp_path, Clock(NOW)) as context:
        deliver(context.store, batch_of_device("van-1", drive(NOW - dt.timedelta(hours=1), 50)))
        deliver(context.store, batch_of_device("van-1", drive(OLD, 50)))
        seen: list[workers.LiveWorker | None] = []

        def told(_: RunReport) -> None:
            with context.store.read() as connection:
                seen.append(workers.newest_worker(connection, context.clock()))
            if len(seen) == 1:
                arrived = drive(NOW - dt.timedelta(minutes=30), 20)
                deliver(context.store, batch_of_device("van-2", arrived))

        assert follow(context, told) == 2

        assert statuses(context.store) == {
            ("van-1", NOW.date()): "completed",
            ("van-2", NOW.date()): "completed",
            ("van-1", OLD.date()): "pending",
        }
        assert [worker and worker.dagster_run_id for worker in seen] == ["a-run", "a-run"]
        with context.store.read() as connection:
            assert workers.newest_worker(connection, context.clock()) is None


def test_a_silent_worker_counts_as_gone(database_url: str, tmp_path: Path) -> None:
    clock = Clock(NOW)
    with open_context(database_url, tmp_path, clock) as context:
        presence = live._Presence(context, live.uuid.uuid4(), None)
        presence.beat()
        with context.store.read() as connection:
            assert workers.newest_worker(connection, clock())
            clock.advance(workers.SILENT_AFTER_S + 1)
            assert workers.newest_worker(connection, clock()) is None


def test_two_at_once_make_what_one_run_makes(database_url: str, tmp_path: Path) -> None:
    with open_context(f"sqlite:///{tmp_path / 'one.db'}", tmp_path, Clock(NOW)) as one:
        _day(one)
        run(one)
        expected = contents(one.store)

    def second() -> None:
        with open_context(database_url, tmp_path, Clock(NOW)) as context:
            follow(context, lambda _: None)

    with open_context(database_url, tmp_path, Clock(NOW)) as context:
        _day(context)
        thread = threading.Thread(target=second)
        thread.start()
        follow(context, lambda _: None)
        thread.join()
        assert difference(expected, contents(context.store)) == []


def _day(context: Context) -> None:
    for device in range(4):
        start = NOW - dt.timedelta(hours=3, minutes=device)
        deliver(context.store, batch_of_device(f"van-{device}", drive(start, 200)))
