"""Several runs share a range of days by claims, and a huge device does not hold up the others."""

import datetime as dt
import itertools
import multiprocessing
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from trackflow.context import Context
from trackflow.matching.engines.embedded import EmbeddedEngine
from trackflow.matching.networks import RoadNetwork
from trackflow.settings import Settings
from trackflow.store.days import batches
from trackflow.store.days.batch_lists import PendingBatch
from trackflow.store.days.selected_batches import BatchSelection
from trackflow.store.tables import STAGES
from trackflow.usecases.days import run as runs
from trackflow.usecases.days import sharing
from trackflow.usecases.days.report import RunReport
from trackflow.usecases.days.run import heavy_devices, run
from trackflow.usecases.days.sharing import mark_all, run_alone, run_shared
from trackflow.usecases.days.worker_pool import without_main
from trackflow_tests.helpers.busy_days import deliver_busy_days
from trackflow_tests.helpers.drives import a_tour, driven
from trackflow_tests.helpers.roads import use
from trackflow_tests.helpers.stores import (
    NOON,
    Clock,
    batch_of_device,
    contents,
    deliver,
    drive,
    open_context,
    statuses,
)
from trackflow_tests.helpers.waiting import PATIENCE_S

FIRST_DAY = dt.date(2026, 3, 2)
DEVICES, DAYS = 3, 3
HOURS = (8, 23.75)
"""When tours begin: one within a day, and one over midnight."""
MADE = ("segments", "day_ledgers", "cached_polylines", "tracks")
EVERYTHING = BatchSelection(None, None, None)


@pytest.fixture(scope="module")
def engine(helsinki_network: RoadNetwork) -> Iterator[EmbeddedEngine]:
    opened = EmbeddedEngine(
        helsinki_network.dataset, helsinki_network.profile, helsinki_network.version
    )
    yield opened
    opened.close()


def filled(settings: Settings, network: RoadNetwork, engine: EmbeddedEngine) -> None:
    with Context.open(settings) as context:
        use(context, network)
        deliver_busy_days(
            context,
            engine,
            first_day=FIRST_DAY,
            devices=DEVICES,
            days=DAYS,
            every_s=20,
            hours=HOURS,
        )


def _share(settings: Settings, is_helper: bool, barrier: Any, told: Any) -> None:
    with Context.open(settings) as context:
        barrier.wait(PATIENCE_S)
        report = run_shared(context, EVERYTHING, is_helper=is_helper)
    told.put([(s.stage, r.device_id, r.day, r.error) for s in report.stages for r in s.days])
    told.close()
    told.join_thread()


def shared_by_two(settings: Settings) -> list[list[tuple[str, str, dt.date, str | None]]]:
    """What each of two processes has done of the same days at the same time."""
    processes = multiprocessing.get_context("spawn")
    barrier, told = processes.Barrier(2), processes.Queue()
    with without_main():
        started = [
            processes.Process(target=_share, args=(settings, is_helper, barrier, told))
            for is_helper in (False, True)
        ]
        for process in started:
            process.start()
    done = [told.get(timeout=PATIENCE_S) for _ in started]
    for process in started:
        process.join(PATIENCE_S)
        assert process.exitcode == 0
    return done


def test_two_runs_over_the_same_days_do_each_batch_once(
    database_url: str, tmp_path: Path, helsinki_network: RoadNetwork, engine: EmbeddedEngine
) -> None:
    alone = Settings(home=tmp_path / "alone", workers=1)
    filled(alone, helsinki_network, engine)
    with Context.open(alone) as context:
        assert run(context).problems == []
        expected = contents(context.store, *MADE)
    settings = Settings(home=tmp_path / "shared", database_url=database_url, workers=1)
    filled(settings, helsinki_network, engine)

    for _ in range(2):
        done = shared_by_two(settings)

        with Context.open(settings) as context:
            assert set(statuses(context.store).values()) == {"completed"}
            assert contents(context.store, *MADE) == expected
            counts = Counter(batch[:3] for one in done for batch in one)
            segmented = {key[1:] for key in counts if key[0] == "segmented"}
            assert segmented == statuses(context.store).keys()
            # each is claimed by one; only a day whose neighbour changed is done again
            assert all(counts["segmented", *key] == 1 for key in segmented)
            assert not [batch for one in done for batch in one if batch[3]]
            # the second round: all again, as a backfill asks for it
            mark_all(context, EVERYTHING)


def ticking(clock: Clock) -> Callable[[], dt.datetime]:
    """A clock that goes on by a second whenever it is looked at."""
    looks = itertools.count(1)
    return lambda: clock.time + dt.timedelta(seconds=next(looks))


@pytest.mark.parametrize(
    "shared_or_not",
    [run_shared, partial(run_alone, mode=runs.RunMode.BULK)],
    ids=["shared", "alone"],
)
def test_a_run_waits_for_what_others_have_claimed(
    shared_or_not: Callable[..., RunReport], database_url: str, tmp_path: Path
) -> None:
    """It ends when the days are done, or takes over what a dead worker has left."""
    clock = Clock()
    with open_context(database_url, tmp_path, clock, lease_s=60) as context:
        for name in ("a", "b"):
            deliver(context.store, batch_of_device(name, drive(NOON, 100)))
        with context.store.write() as connection:
            dead = batches.claim(connection, "b", NOON.date(), "segmented", lease_s=60, now=clock())
        assert dead is not None
        context.clock = ticking(clock)
        report = shared_or_not(context, EVERYTHING, poll_s=0.01)
        done = {r.device_id for r in report["tracked"].days}
        assert done == {"a", "b"}
        assert set(statuses(context.store).values()) == {"completed"}


@pytest.mark.parametrize(("stages", "engine_url"), [(STAGES, ""), (STAGES[:1], "none")])
def test_a_run_that_waits_for_others_tries_nothing_in_vain(
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    stages: tuple[str, ...],
    engine_url: str,
) -> None:
    """Neither what waits for a road network, nor stages that it was not asked for."""
    clock = Clock()
    runs_done = 0

    def counting(*args: Any, **options: Any) -> RunReport:
        nonlocal runs_done
        runs_done += 1
        return run(*args, **options)

    monkeypatch.setattr(sharing, "run", counting)
    with open_context(database_url, tmp_path, clock, lease_s=60, engine_url=engine_url) as context:
        for name in ("a", "b"):
            deliver(context.store, batch_of_device(name, drive(NOON, 100)))
        with context.store.write() as connection:
            dead = batches.claim(connection, "b", NOON.date(), "segmented", lease_s=60, now=clock())
        assert dead is not None
        context.clock = ticking(clock)
        run_shared(context, EVERYTHING, stages=stages, poll_s=0.01)
    assert runs_done == 2  # the second takes over what the dead one has left


def test_a_run_ends_although_a_batch_cannot_be_done(database_url: str, tmp_path: Path) -> None:
    with open_context(database_url, tmp_path, engine_url="") as context:
        deliver(context.store, batch_of_device("a", drive(NOON, 100)))
        report = run_shared(context, EVERYTHING)
        assert [r.lacks_network for r in report["matched"].days] == [True]
        assert [r.device_id for r in report["segmented"].days] == ["a"]


def test_devices_with_far_more_points_are_heavy() -> None:
    def batch(device_id: str, points: int | None) -> PendingBatch:
        return PendingBatch(device_id, FIRST_DAY, points)

    usual = [batch(f"d{k}", 1_000 + k) for k in range(9)]
    assert heavy_devices([]) == set()
    assert heavy_devices(usual) == set()
    assert heavy_devices([*usual, batch("new", None)]) == set()
    assert heavy_devices([*usual, batch("huge", 100_000)]) == {"huge"}
    # its days count together, and few points hold up nobody
    assert heavy_devices([*usual, *(batch("huge", 7_000) for _ in range(3))]) == {"huge"}
    assert heavy_devices([*usual, batch("larger", 19_000)]) == set()
    assert heavy_devices([batch(f"d{k}", 100_000) for k in range(9)]) == set()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_huge_device_does_not_hold_up_the_rest(
    tmp_path: Path,
    helsinki_network: RoadNetwork,
    engine: EmbeddedEngine,
    monkeypatch: pytest.MonkeyPatch,
    workers: int,
) -> None:
    """A hundred times the points of the others: their tracks are published before its lines."""
    monkeypatch.setattr(runs, "HEAVY_POINTS", 2_000)
    settings = Settings(home=tmp_path / "home", workers=workers)
    lon, lat = a_tour(engine)
    start_us = int(NOON.timestamp()) * 1_000_000
    with Context.open(settings) as context:
        use(context, helsinki_network)
        for k in range(16):
            small = driven(lon, lat, every_s=60, seed=k, start_us=start_us)
            deliver(context.store, batch_of_device(f"small-{k:02}", small))
        huge = driven(lon, lat, every_s=0.3, seed=99, start_us=start_us)
        assert len(huge) > 100 * len(small)
        deliver(context.store, batch_of_device("a-huge-one", huge))  # the first by name
        when_others_were_done: list[set[str]] = []

        def look(stage: str, done: int, total: int) -> None:
            if stage == "tracked" and done == 16:
                when_others_were_done.append(matched(context))

        report = run(context, progress=look)
        assert report.problems == []
        assert when_others_were_done == [{f"small-{k:02}" for k in range(16)}]
        assert "a-huge-one" in matched(context)


def matched(context: Context) -> set[str]:
    """Devices that have lines."""
    rows = contents(context.store, "cached_polylines")["cached_polylines"]
    return {row["device_id"] for row in rows}
