"""Addresses of stays: asked of a real HTTP server, each once, in order, and none is lost."""

import datetime as dt
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from trackflow.concurrency.retrying import ONCE, Retry
from trackflow.context import Context, utc_now
from trackflow.errors import SettingsError
from trackflow.places.geocoding import Coordinates
from trackflow.places.stays import cell_of
from trackflow.store.places import addresses
from trackflow.usecases.categories.following import follow_tracks
from trackflow.usecases.days import run as pipeline
from trackflow.usecases.devices.purging import purge
from trackflow.usecases.housekeeping.kill_switches import stop_everything
from trackflow.usecases.jobs.control import JobStatus, read_job, resume_job, waiting_jobs
from trackflow.usecases.jobs.kinds import queue_job, run_job
from trackflow.usecases.places.address_jobs import queue_if_due
from trackflow.usecases.places.addresses import addresses_at
from trackflow.usecases.places.addressing import (
    AddressingReport,
    AddressLimits,
    Watcher,
    address_all,
    queue_length,
)
from trackflow.usecases.places.reading import read_visits
from trackflow.usecases.queries.lines import TimeRange
from trackflow_tests.helpers.address_job import killed_job
from trackflow_tests.helpers.place_server import PlaceServer, running
from trackflow_tests.helpers.stores import (
    NOON,
    batch_of_device,
    contents,
    deliver,
    drive,
    settings_of,
)
from trackflow_tests.helpers.waiting import PATIENCE_S, wait_until

HASTY = AddressLimits(
    retry=Retry(attempts=3, wait_first_s=0.01, wait_most_s=0.02, jitter_s=0.0),
    try_again=dt.timedelta(milliseconds=50),
    patience_s=PATIENCE_S,
    item_s=PATIENCE_S,
    between_s=0.2,
)


def address_due(
    context: Context, watcher: Watcher | None = None, limits: AddressLimits = HASTY
) -> AddressingReport:
    """Ask once for what is due."""
    return address_all(context, watcher, replace(limits, patience_s=0.0))


@pytest.fixture
def server() -> Iterator[PlaceServer]:
    with running(PlaceServer()) as server:
        yield server


def opened(url: str, home: Path, server: PlaceServer, **more: Any) -> Context:
    usual = {"geocoder_per_s": 100_000.0, "geocoder_connections": 8, "geocoder_url": server.url}
    return Context.open(settings_of(url, home, **(usual | more)), utc_now)


def want(context: Context, count: int) -> list[str]:
    """Queue positions; returns their cells in the order in which they are to be asked for."""
    cells = [cell_of(20 + k * 0.01, 60.0) for k in range(count)]
    with context.store.write() as connection:
        addresses.want(connection, cells, "nominatim", utc_now())
    return cells


def rows_of(context: Context) -> list[dict[str, Any]]:
    return contents(context.store, "addresses")["addresses"]


def answered(context: Context) -> list[str]:
    return [row["cell"] for row in rows_of(context) if row["address"] is not None]


def test_each_address_is_asked_for_once_and_failures_come_later(
    database_url: str, tmp_path: Path, server: PlaceServer
) -> None:
    server.latency_s, server.fail_every = 0.01, 20
    with opened(database_url, tmp_path, server) as context:
        cells = want(context, 200)
        first = address_due(context, limits=AddressLimits(retry=ONCE))
        assert first.answered + first.deferred == 200
        assert first.deferred == 200 // 20
        assert queue_length(context) == first.deferred  # kept for later, not asked at once
        assert address_due(context).due == 0
        with context.store.write() as connection:
            tired = [row._replace(next_try_at=utc_now()) for row in _waiting(connection)]
            assert {row.tries for row in tired} == {1}
            addresses.keep(connection, tired)
        assert address_all(context, limits=HASTY).answered == first.deferred
        assert answered(context) == sorted(cells)
        assert set(server.asked.values()) == {1}
        assert 1 < server.most_at_once <= 8
        assert first.layer == "pool"
        where = Coordinates(20.01004, 60.00003)
        assert addresses_at(context, [where]) == ["Road of 20.01000,60.00000 1, Town"]
        assert addresses_at(context, [Coordinates(1.0, 1.0)]) == [None]


def _waiting(connection: Any) -> list[addresses.AddressRow]:
    return addresses.due(connection, utc_now() + dt.timedelta(days=1))


def test_answers_are_stored_in_the_order_of_the_queue(tmp_path: Path, server: PlaceServer) -> None:
    """A run that is ended in the middle has stored a beginning of the queue, and no more."""
    stop = threading.Event()
    server.latency_s = 0.02
    with opened("", tmp_path, server) as context:
        cells = want(context, 120)
        seen: list[int] = []

        def progress(_answered: int, _due: int) -> None:
            seen.append(server.requests)
            if server.requests >= 40:
                stop.set()

        report = address_due(context, Watcher(stop=stop, progress=progress))
        assert report.handed_back > 0
        assert report.answered + report.handed_back == 120
        assert answered(context) == sorted(cells[: report.answered])
        assert queue_length(context) == report.handed_back
        assert address_all(context, limits=HASTY).answered == report.handed_back
        assert set(server.asked.values()) == {1}


def test_a_dead_geocoder_is_left_alone_and_the_rest_is_answered_later(
    database_url: str, tmp_path: Path, server: PlaceServer
) -> None:
    server.dead = True
    with opened(database_url, tmp_path, server) as context:
        cells = want(context, 300)
        report = address_due(context, limits=HASTY)
        assert report.deferred == 300
        assert report.left_alone
        assert server.requests < 100  # the breaker refused the others
        with context.store.read() as connection:
            tries = [row.tries for row in _waiting(connection)]
        assert tries.count(0) > 200  # what was refused has used up no try
        shift: list[dt.timedelta] = [dt.timedelta()]
        context.clock = lambda: utc_now() + shift[0]

        def revive() -> None:
            server.dead, shift[0] = False, dt.timedelta(minutes=10)  # the breaker's rest is over

        threading.Timer(0.5, revive).start()
        assert address_all(context, limits=HASTY).answered == 300
        assert answered(context) == sorted(cells)


def test_stays_ask_for_their_addresses_by_a_job(tmp_path: Path, server: PlaceServer) -> None:
    with opened("", tmp_path, server) as context:
        for hours in (0, 2):
            start = NOON + dt.timedelta(hours=hours)
            deliver(context.store, batch_of_device("van", drive(start, 60)))
        pipeline.run(context)
        for _ in range(2):
            follow_tracks(context, everything=True)
        (job,) = waiting_jobs(context)
        run_job(context, job.job_id)
        (visit,) = read_visits(context, ["van"], TimeRange(NOON, NOON + dt.timedelta(hours=3)), 9)
        assert visit.address is not None
        assert visit.address.startswith("Road of")
        follow_tracks(context, everything=True)
        assert waiting_jobs(context) == []
        assert server.requests == 1


def test_a_thrown_switch_keeps_the_queue(tmp_path: Path, server: PlaceServer) -> None:
    with opened("", tmp_path, server) as context:
        want(context, 20)
        stop_everything(context, server.url.removeprefix("http://"))
        assert address_all(context, limits=HASTY).handed_back == 20
        assert queue_length(context) == 20
        assert server.requests == 0


def test_a_thrown_switch_queues_no_jobs(tmp_path: Path, server: PlaceServer) -> None:
    """Each would end at once, and the next pass would queue another."""
    with opened("", tmp_path, server) as context:
        want(context, 20)
        stop_everything(context, server.url.removeprefix("http://"))
        assert not queue_if_due(context)
        assert waiting_jobs(context) == []


def test_of_two_jobs_one_asks(database_url: str, tmp_path: Path, server: PlaceServer) -> None:
    server.latency_s = 1.0
    with opened(database_url, tmp_path, server) as context:
        want(context, 100)
        jobs = [queue_job(context, "address_stays", {}) for _ in range(2)]
        with ThreadPoolExecutor(1) as pool:
            pool.submit(run_job, context, jobs[0].job_id)
            wait_until(lambda: server.requests, "the first job")
            run_job(context, jobs[1].job_id)
            server.latency_s = 0.0
        assert len(answered(context)) == 100
        assert server.requests == 100
        ended = sorted(read_job(context, job.job_id).message or "" for job in jobs)
        assert ended[0] == "100 addresses found"
        assert ended[1].startswith("left to the job")
        assert not queue_if_due(context)


def test_more_connections_than_turns_make_no_failures(tmp_path: Path, server: PlaceServer) -> None:
    """A thread waits for its turn within the time of its address."""
    limits = replace(HASTY, item_s=2.5)
    with opened("", tmp_path, server, geocoder_per_s=10.0, geocoder_connections=32) as context:
        want(context, 40)
        report = address_due(context, limits=limits)
        assert (report.found, report.deferred) == (40, 0)


def test_a_purge_leaves_no_address_and_no_job_brings_one_back(
    database_url: str, tmp_path: Path, server: PlaceServer
) -> None:
    last = 24.94 + 59 * 2e-4
    with opened(database_url, tmp_path, server) as context:
        deliver(context.store, batch_of_device("van", drive(NOON, 60)))
        for hours, lon in ((1, last), (2, last + 1e-3)):  # a drive that begins a little beside
            start = NOON + dt.timedelta(hours=hours)
            deliver(context.store, batch_of_device("van", drive(start, 60, lon=lon)))
            pipeline.run(context)
            follow_tracks(context)
            if hours == 1:
                address_due(context)
        assert {row["address"] is None for row in rows_of(context)} == {True, False}
        gone: list[str] = []

        def purge_meanwhile(*_: int) -> None:
            if not gone:
                gone.append(purge(context, "van").device_id)

        assert address_due(context, Watcher(progress=purge_meanwhile)).answered
        assert gone == ["van"]
        assert rows_of(context) == []


def test_nothing_is_asked_unless_it_is_set_up(tmp_path: Path, server: PlaceServer) -> None:
    for more in ({"addresses": False}, {"geocoder_url": ""}):
        with opened("", tmp_path, server, **more) as context, pytest.raises(SettingsError):
            address_due(context)
    assert server.requests == 0


def test_a_killed_job_is_resumed_and_none_is_lost(tmp_path: Path, server: PlaceServer) -> None:
    server.latency_s = 0.1
    with opened("", tmp_path, server) as context:
        cells = want(context, 1000)
        job = queue_job(context, "address_stays", {})
        killed_job(job.job_id, tmp_path, server.url, 4, lambda: 0 < len(answered(context)) < 1000)
        server.latency_s = 0.0
        before = answered(context)
        assert 0 < len(before) < 1000
        assert before == sorted(cells)[: len(before)]
        resume_job(context, job.job_id)
        context.clock = lambda: utc_now() + dt.timedelta(minutes=10)  # its heartbeat has stopped
        run_job(context, job.job_id)
        ended = read_job(context, job.job_id)
        assert ended.status is JobStatus.COMPLETED
        assert answered(context) == sorted(cells)
        asked_twice = sum(count - 1 for count in server.asked.values())
        assert asked_twice <= 500 + 4  # what was answered and not stored yet
