"""Runs: on one worker or many, with bad devices, dead workers and missing roads."""

import datetime as dt
import multiprocessing
import signal
import subprocess
import sys
import threading
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest
import sqlalchemy as sa

from trackflow.context import Context
from trackflow.errors import SettingsError
from trackflow.store.days import batch_state, batches
from trackflow.store.devices.settings import change_device, read_device
from trackflow.store.tables import devices, processing_batches, segments
from trackflow.usecases.days import run as running
from trackflow.usecases.days import worker_pool
from trackflow.usecases.days.run import RunMode, run, settled_day
from trackflow.usecases.days.verify import verify
from trackflow.usecases.days.worker_pool import DIED
from trackflow.usecases.housekeeping.status import read_status
from trackflow_tests.helpers.stores import (
    NOON,
    Clock,
    batch_of_device,
    contents,
    deliver,
    difference,
    drive,
    empty,
    far_overrides,
    open_context,
    statuses,
)
from trackflow_tests.helpers.waiting import PATIENCE_S

DAY = NOON.date()


def fleet(context: Context, devices: int = 3, days: int = 6) -> None:
    for device in range(devices):
        for day in range(days):
            start = NOON + dt.timedelta(days=day, hours=10 + device)
            deliver(context.store, batch_of_device(f"van-{device}", drive(start, 300)))


@pytest.mark.slow
def test_two_workers_give_what_one_gives(database_url: str, tmp_path: Path) -> None:
    with open_context(database_url, tmp_path) as context:
        fleet(context)
        alone = run(context)
        expected = contents(context.store)
        empty(context.store)
    with open_context(database_url, tmp_path, workers=2) as context:
        fleet(context)
        together = run(context)
        assert difference(contents(context.store), expected) == []
        assert set(statuses(context.store).values()) == {"completed"}
        for stage in ("segmented", "matched", "tracked"):
            assert together[stage].days == alone[stage].days


def test_a_run_leaves_nothing_to_do(database_url: str, tmp_path: Path) -> None:
    """Late points change a journey that goes on into the next days: one run is enough."""
    with open_context(database_url, tmp_path) as context:
        start = dt.datetime.combine(DAY, dt.time(20), dt.UTC)
        whole = drive(start, 1200, every_s=120)
        late = (whole.time_us // 1_000_000) % 7 == 0
        deliver(context.store, batch_of_device("a", whole[~late]))
        for mode in RunMode:
            run(context, mode=mode)
        deliver(context.store, batch_of_device("a", whole[late]))
        assert not run(context).problems
        assert set(statuses(context.store).values()) == {"completed"}
        assert [len(stage.days) for stage in run(context).stages] == [0, 0, 0]


def test_late_points_of_one_day_are_dealt_with_in_one_run(
    database_url: str, tmp_path: Path
) -> None:
    """The days beside it are not cut again, but what crosses midnight is looked at again."""
    with open_context(database_url, tmp_path) as context:
        whole = drive(NOON, 1500, every_s=120)
        day_us = 86_400_000_000
        hours = whole.time_us % day_us // 3_600_000_000
        late = (whole.time_us // day_us == whole.time_us[0] // day_us + 1) & (hours == 12)
        deliver(context.store, batch_of_device("a", whole[~late]))
        run(context)
        assert len(statuses(context.store)) == 3
        deliver(context.store, batch_of_device("a", whole[late]))
        report = run(context)
        assert [day.day for day in report["segmented"].days] == [DAY + dt.timedelta(days=1)]
        assert set(statuses(context.store).values()) == {"completed"}
        assert verify(context).ok


def test_day_by_day_gives_what_all_at_once_gives(database_url: str, tmp_path: Path) -> None:
    with open_context(database_url, tmp_path) as context:
        start = dt.datetime.combine(DAY, dt.time(22, 30), dt.UTC)
        deliver(context.store, batch_of_device("a", drive(start, 2000, every_s=120)))
        deliver(context.store, batch_of_device("b", drive(NOON, 2)))
        run(context)
        expected = contents(context.store)
        days = sorted({day for _, day in statuses(context.store)})
        for day in reversed(days):
            report = run(context, mode=RunMode.BULK, first=day, last=day)
            assert not any(one.changed for stage in report.stages for one in stage.days)
        assert contents(context.store) == expected


def test_cutting_again_keeps_what_merging_has_found_too_short(
    database_url: str, tmp_path: Path
) -> None:
    with open_context(database_url, tmp_path) as context:
        deliver(context.store, batch_of_device("a", drive(NOON, 5)))
        run(context)
        (ledger,) = contents(context.store)["day_ledgers"]
        assert (ledger["track"], ledger["short"]) == (0, 5)
        run(context, mode=RunMode.BULK, stages=("segmented",))
        assert contents(context.store)["day_ledgers"] == [ledger]
        assert verify(context).ok


@pytest.mark.parametrize("mode", list(RunMode))
def test_a_run_again_changes_nothing(database_url: str, tmp_path: Path, mode: RunMode) -> None:
    with open_context(database_url, tmp_path) as context:
        fleet(context, devices=1, days=3)
        run(context)
        before = contents(context.store), statuses(context.store)
        report = run(context, mode=mode)
        assert not any(day.changed for stage in report.stages for day in stage.days)
        assert (contents(context.store), statuses(context.store)) == before


def test_a_run_takes_only_what_it_is_asked_for(database_url: str, tmp_path: Path) -> None:
    with open_context(database_url, tmp_path) as context:
        fleet(context, devices=2, days=3)
        first = DAY + dt.timedelta(days=1)
        run(context, first=first, last=first, device_id="van-1", mode=RunMode.BULK)
        done = {key for key, status in statuses(context.store).items() if status == "completed"}
        assert done == {("van-1", first)}


@pytest.mark.parametrize(("hour", "day"), [(5, 1), (7, 2)])
def test_daily_means_yesterday_once_it_is_settled(tmp_path: Path, hour: int, day: int) -> None:
    clock = Clock(dt.datetime.combine(DAY + dt.timedelta(days=3), dt.time(hour), dt.UTC))
    with open_context("", tmp_path, clock) as context:
        fleet(context, devices=1, days=3)
        assert settled_day(context.clock()) == DAY + dt.timedelta(days=day)
        run(context, mode=RunMode.DAILY)
        done = [key for key, status in statuses(context.store).items() if status == "completed"]
        assert done == [("van-0", settled_day(context.clock()))]


def _break(context: Context, device_id: str, thresholds: str = '{"gap_s": -1}') -> None:
    with context.store.write() as connection:
        connection.execute(
            sa.update(devices)
            .where(devices.c.device_id == device_id)
            .values(thresholds=sa.text(f"'{thresholds}'"))
        )


@pytest.mark.parametrize("thresholds", ['{"gap_s": -1}', '["odd"]'])
def test_a_bad_device_does_not_block_the_others(
    database_url: str, tmp_path: Path, thresholds: str
) -> None:
    clock = Clock()
    with open_context(database_url, tmp_path, clock, max_tries=2) as context:
        fleet(context, devices=3, days=2)
        _break(context, "van-1", thresholds)
        for tries in (1, 2):
            report = run(context)
            assert {day.device_id for day in report.problems} == {"van-1"}
            assert all(day.error and "\n" not in day.error for day in report.problems)
            state = statuses(context.store)
            assert {s for (d, _), s in state.items() if d != "van-1"} == {"completed"}
            bad = {s for (d, _), s in state.items() if d == "van-1"}
            assert bad == {"pending" if tries == 1 else "failed"}
            clock.advance(3600)
        assert not run(context).problems, "it was given up"
        _break(context, "van-1", "{}")
        assert running.retry_failed(context) == 2
        assert not run(context).problems
        assert verify(context).ok


def test_damaged_segments_fail_their_batch_only(database_url: str, tmp_path: Path) -> None:
    clock = Clock()
    with open_context(database_url, tmp_path, clock) as context:
        fleet(context, devices=2, days=1)
        run(context, stages=("segmented",))
        with context.store.write() as connection:
            broken = sa.update(segments).where(segments.c.device_id == "van-0")
            connection.execute(broken.values(points=b"broken"))
        report = run(context)
        (message,) = {day.error for day in report.problems}
        assert "damaged" in (message or "") or "mark" in (message or "")
        assert statuses(context.store)["van-1", DAY] == "completed"
        clock.advance(3600)
        assert not run(context, mode=RunMode.BULK).problems
        assert verify(context).ok


def test_thresholds_that_look_further_than_a_day_are_refused_when_they_are_set(
    database_url: str, tmp_path: Path
) -> None:
    """Days are read with their neighbours only: they would be cut otherwise than in one pass."""
    with open_context(database_url, tmp_path) as context:
        fleet(context, devices=1, days=1)
        with context.store.write() as connection:
            change_device(connection, "van-0", NOON, overrides=far_overrides())
        for further in ({"gap_s": 21_600}, {"spike_s": 3_600, "gap_s": 7_200}):
            with (
                pytest.raises(SettingsError, match=r"look \d+\.\d h around a point"),
                context.store.write() as connection,
            ):
                change_device(connection, "van-0", NOON, overrides=further)
        with context.store.read() as connection:
            assert read_device(connection, "van-0").overrides == far_overrides()
        assert not run(context).problems


def test_thresholds_of_an_older_version_that_look_too_far_mark_all_they_may(
    database_url: str, tmp_path: Path
) -> None:
    """Points come in all the same, and the run says what is wrong."""
    with open_context(database_url, tmp_path) as context:
        fleet(context, devices=1, days=2)
        run(context)
        _break(context, "van-0", '{"gap_s": 21600, "dwell_s": 21600}')
        noon = dt.datetime.combine(DAY, dt.time(11), dt.UTC)
        deliver(context.store, batch_of_device("van-0", drive(noon, 3, lon=25.5)))
        assert set(statuses(context.store).values()) == {"pending"}
        assert "h around a point" in (run(context).problems[0].error or "")


def test_without_a_road_network_tracks_come_raw_and_matching_waits(
    database_url: str, tmp_path: Path
) -> None:
    with open_context(database_url, tmp_path, engine_url="") as context:
        fleet(context, devices=1, days=2)
        epochs = []
        for _ in range(2):
            report = run(context)
            with context.store.read() as connection:
                epochs.append(connection.scalar(sa.select(sa.func.sum(processing_batches.c.epoch))))
            assert not report["segmented"].errors
            assert len(report["matched"].deferred) == 2
            assert report["matched"].deferred[0].lacks_network
            assert "network build" in (report["matched"].deferred[0].error or "")
            assert len(contents(context.store)["tracks"]) == 2
            assert set(statuses(context.store).values()) == {"pending"}
        assert epochs[0] == epochs[1], "what is known to wait is not tried again"
    with open_context(database_url, tmp_path) as context:
        assert not run(context).problems
        assert set(statuses(context.store).values()) == {"completed"}


def test_unknown_devices_are_said(tmp_path: Path) -> None:
    with open_context("", tmp_path) as context, pytest.raises(SettingsError, match="no device 'x'"):
        run(context, device_id="x")


LEFT_S = 300
"""A lease that outlasts a run of a fleet, however busy the machine is."""


@pytest.mark.slow
def test_a_worker_that_dies_takes_nothing_with_it(
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    monkeypatch.setattr(worker_pool, "POOL_FROM_BATCHES", 2)
    # as Dagster leaves it to the workers where its process ignores SIGINT
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    request.addfinalizer(lambda: signal.signal(signal.SIGTERM, before))
    clock = Clock(dt.datetime.now(dt.UTC))
    with open_context(database_url, tmp_path, clock, workers=2, lease_s=1) as context:
        fleet(context, devices=12, days=4)
        killed = threading.Event()
        left = (
            "van-9",
            DAY + dt.timedelta(days=1),
        )  # the last in order, claimed by a worker that is gone
        with context.store.write() as connection:
            assert batches.claim(connection, *left, "segmented", lease_s=LEFT_S, now=clock())

        def kill(stage: str, done: int, total: int) -> None:
            """As soon as the first result is there: the others are at work."""
            if not killed.is_set():
                killed.set()
                multiprocessing.active_children()[0].kill()

        report = run(context, mode=RunMode.BULK, progress=kill)
        assert killed.is_set()
        assert all(day.error == DIED for day in report["segmented"].deferred)
        told = {(day.device_id, day.day) for day in report["segmented"].days}
        held = {key for key, status in statuses(context.store).items() if status == "processing"}
        assert left in held
        assert held <= told
        clock.time = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=LEFT_S + 1)
        assert not run(context).problems
        assert set(statuses(context.store).values()) == {"completed"}
        assert verify(context).ok


@pytest.mark.slow
def test_a_worker_that_is_ended_while_it_starts_ends(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """A broken pool ends its other workers; one that went on would keep the pool waiting."""
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    request.addfinalizer(lambda: signal.signal(signal.SIGTERM, before))
    with open_context("", tmp_path, workers=1) as context:
        pool = worker_pool.WorkerPool(context.settings)
        (job,) = pool._submit("segmented", [[("van-0", DAY)]], False)
        (worker,) = multiprocessing.active_children()
        worker.terminate()
        with pytest.raises(BrokenProcessPool):
            job.result(timeout=PATIENCE_S)
        pool.close()


@pytest.mark.slow
def test_a_script_without_a_main_guard_may_use_several_workers(tmp_path: Path) -> None:
    """Workers do not import the main module: that may be all of Dagster, or call `run` again."""
    with open_context("", tmp_path) as context:
        fleet(context, devices=2, days=8)
    script = tmp_path / "script.py"
    script.write_text(
        "from pathlib import Path\n"
        "from trackflow.usecases.days.run import run\n"
        "from trackflow.context import Context\n"
        "from trackflow.settings import Settings\n"
        f"home = Path({str(tmp_path)!r})\n"
        "with Context.open(Settings(home=home, engine_url='none', workers=2)) as context:\n"
        "    print(len(run(context)['tracked'].days))\n"
    )
    done = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "16\n"), done.stderr


def test_what_rests_after_a_failure_is_told_with_its_time_and_reason(
    database_url: str, tmp_path: Path
) -> None:
    clock = Clock()
    with open_context(database_url, tmp_path, clock) as context:
        fleet(context, devices=2, days=2)
        _break(context, "van-1")
        assert len(run(context).problems) == 2
        report = run(context)
        assert not any(stage.days for stage in report.stages)
        assert {(one.device_id, one.day) for one in report.resting} == {
            ("van-1", DAY),
            ("van-1", DAY + dt.timedelta(days=1)),
        }
        (soonest, _) = report.resting
        assert soonest.next_try_at == clock() + dt.timedelta(seconds=batch_state.FIRST_RETRY_S)
        assert "gap_s" in soonest.message
        assert run(context, device_id="van-0").resting == []
        assert run(context, first=DAY, last=DAY).resting == [soonest]
        (one, two) = read_status(context).messages
        assert one.next_try_at == two.next_try_at == soonest.next_try_at
        clock.advance(3600)
        assert len(run(context).problems) == 2
