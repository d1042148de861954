"""Readers and writers beside each other: nobody sees a half, and nobody waits for ever."""

import datetime as dt
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trackflow.context import Context
from trackflow.store.database import Store
from trackflow.store.devices.settings import change_device
from trackflow.store.intake.acceptance import DeliveryCounts
from trackflow.usecases.days.run import RunMode, run
from trackflow.usecases.days.verify import verify
from trackflow_tests.helpers.stores import (
    NOON,
    batch_of_device,
    contents,
    deliver,
    difference,
    drive,
    open_context,
    part_of,
    statuses,
)

DAY = NOON.date()


@contextmanager
def watching(look: Callable[[], Any]) -> Iterator[list[Any]]:
    """Look again and again in a thread; what was seen, each different thing once in a row."""
    seen: list[Any] = [look()]
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            now = look()
            if now != seen[-1]:
                seen.append(now)

    with ThreadPoolExecutor(1) as pool:
        watcher = pool.submit(watch)
        try:
            yield seen
        finally:
            done.set()
            watcher.result()


def test_a_reader_sees_the_old_day_or_the_new_one(database_url: str, tmp_path: Path) -> None:
    """A device's threshold turns one track into many and back, while somebody looks."""
    with open_context(database_url, tmp_path) as context:
        parts = [drive(NOON + dt.timedelta(minutes=6 * k), 20) for k in range(20)]
        for part in parts:
            deliver(context.store, batch_of_device("a", part))
        run(context)

        def set_gap(gap_s: float | None) -> None:
            own = {"gap_s": gap_s, "silence_s": gap_s}  # any silence of a minute cuts
            with context.store.write() as connection:
                change_device(connection, "a", context.clock(), overrides=own)

        def look(name: str) -> Callable[[], list[str]]:
            return lambda: [row["content_hash"] for row in contents(context.store, name)[name]]

        whole: dict[str, list[list[str]]] = {"tracks": [], "segments": []}
        for gap_s in (60, None):
            set_gap(gap_s)
            run(context)
            for name, states in whole.items():
                states.append(look(name)())
        assert len(whole["tracks"][0]) == 20
        assert len(whole["tracks"][1]) == 1
        with watching(look("tracks")) as tracks, watching(look("segments")) as segments:
            for gap_s in (60, None) * 4:
                set_gap(gap_s)
                run(context)
        assert len(tracks) > 1, "the reader saw something happen"
        for seen, states in ((tracks, whole["tracks"]), (segments, whole["segments"])):
            assert all(state in states for state in seen)


def test_one_read_sees_one_moment(database_url: str, tmp_path: Path) -> None:
    with open_context(database_url, tmp_path) as context:
        deliver(context.store, batch_of_device("a", drive(NOON, 5)))
        with context.store.read() as connection:
            before = _points_in(connection)
            with ThreadPoolExecutor(1) as pool:
                pool.submit(deliver, context.store, batch_of_device("a", drive(NOON, 30))).result()
            assert _points_in(connection) == before
        assert len(contents(context.store)["gps_points"]) == 30


def _points_in(connection: Any) -> int:
    return connection.exec_driver_sql("SELECT count(*) FROM gps_points").scalar()


@pytest.mark.slow
def test_deliveries_and_runs_at_the_same_time_lose_nothing(
    database_url: str, tmp_path: Path
) -> None:
    """Three deliver chunks of days that touch, two work on them; none waits for another's rows."""
    night = dt.datetime.combine(DAY, dt.time(20), dt.UTC)
    whole = [batch_of_device(name, drive(night, 3000, every_s=30)) for name in ("a", "b")]
    with open_context(database_url, tmp_path) as reference:
        for batch in whole:
            deliver(reference.store, batch)
        run(reference, mode=RunMode.BULK)
        expected = contents(reference.store)
    with open_context(_another(database_url), tmp_path) as context:
        random = np.random.default_rng(7)
        chunks = [
            part_of(batch, rows)
            for batch in whole
            for rows in np.array_split(random.permutation(len(batch)), 12)
        ]
        random.shuffle(chunks)  # type: ignore[arg-type]
        with ThreadPoolExecutor(5) as pool:
            jobs = [pool.submit(_deliver_all, context.store, chunks[k::3]) for k in range(3)]
            jobs += [pool.submit(_run_while, context, jobs[:3]) for _ in range(2)]
            for job in jobs:
                job.result()
        report = run(context)
        assert not report.problems
        assert difference(contents(context.store), expected) == []
        assert set(statuses(context.store).values()) == {"completed"}
        assert verify(context).ok


def test_the_same_points_delivered_at_the_same_moment_are_stored_once(
    database_url: str, tmp_path: Path
) -> None:
    with open_context(database_url, tmp_path) as context:
        for k in range(5):
            batch = batch_of_device("a", drive(NOON + dt.timedelta(days=k), 2000))
            barrier = threading.Barrier(4)

            def attempt(batch=batch, barrier=barrier) -> DeliveryCounts:
                barrier.wait()
                return deliver(context.store, batch)

            with ThreadPoolExecutor(4) as pool:
                jobs = [pool.submit(attempt) for _ in range(4)]
            total = sum((job.result() for job in jobs), DeliveryCounts())
            assert total == DeliveryCounts(added=2000, repeated=6000)


def _deliver_all(store: Store, chunks: list[Any]) -> None:
    for chunk in chunks:
        deliver(store, chunk)


def _run_while(context: Context, jobs: list[Any]) -> None:
    while not all(job.done() for job in jobs):
        report = run(context)
        assert not [day for stage in report.stages for day in stage.errors]


def _another(url: str) -> str:
    """An empty database beside this one."""
    if url.startswith("sqlite"):
        return url.replace("trackflow.db", "another.db")
    from trackflow.settings import Settings
    from trackflow.store.database import open_store
    from trackflow_tests.helpers.stores import empty

    store = open_store(Settings(database_url=url))
    empty(store)
    store.close()
    return url
