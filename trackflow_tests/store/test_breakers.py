"""Breakers in the store: one state for all processes, and one of them that tries."""

import datetime as dt
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import sqlalchemy as sa

from trackflow.concurrency.breaker import FAILURES_TO_OPEN, PROBE_S, Phase
from trackflow.concurrency.deadline import TooLateError
from trackflow.errors import EngineUnavailableError
from trackflow.store import breakers
from trackflow.store.database import Store, open_store
from trackflow.store.service_guard import ServiceGuard
from trackflow_tests.helpers.stores import NOON, settings_of
from trackflow_tests.helpers.waiting import PATIENCE_S

SERVICE = "osrm car at http://osrm:5000"
LATER = NOON + dt.timedelta(hours=1)


@pytest.fixture
def store(database_url: str, tmp_path: Path) -> Iterator[Store]:
    store = open_store(settings_of(database_url, tmp_path))
    yield store
    store.close()


def fail(store: Store, now: dt.datetime = NOON, **more: object) -> None:
    with store.write() as connection:
        breakers.note_failure(connection, SERVICE, "no answer", now, **more)


def phase(store: Store, now: dt.datetime, service: str = SERVICE) -> Phase:
    with store.read() as connection:
        return breakers.read_breaker(connection, service).phase(now)


def test_failures_of_all_processes_count_together(store: Store) -> None:
    barrier = threading.Barrier(FAILURES_TO_OPEN)

    def attempt(_: int) -> None:
        barrier.wait()
        fail(store)

    with ThreadPoolExecutor(FAILURES_TO_OPEN) as pool:
        list(pool.map(attempt, range(FAILURES_TO_OPEN)))
    assert phase(store, NOON) is Phase.OPEN
    assert phase(store, NOON, "another service") is Phase.CLOSED
    with store.read() as connection:
        (found,) = breakers.read_breakers(connection).values()
    assert (found.failures, found.last_error) == (FAILURES_TO_OPEN, "no answer")


def test_of_many_one_tries_until_it_is_given_up(store: Store) -> None:
    for _ in range(FAILURES_TO_OPEN):
        fail(store)
    barrier = threading.Barrier(8)

    def attempt(now: dt.datetime) -> bool:
        barrier.wait()
        with store.write() as connection:
            return breakers.take_probe(connection, SERVICE, now)

    for now, winners in (
        (NOON, 0),
        (LATER, 1),
        (LATER + dt.timedelta(seconds=PROBE_S - 1), 0),
        (LATER + dt.timedelta(seconds=PROBE_S), 1),
    ):
        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(attempt, [now] * 8)) == winners
    fail(store, LATER, is_probe=True)
    assert phase(store, LATER) is Phase.OPEN


def test_a_trial_that_goes_well_closes_it(store: Store) -> None:
    for _ in range(FAILURES_TO_OPEN):
        fail(store)
    with store.write() as connection:
        breakers.note_success(connection, SERVICE, LATER)
    assert phase(store, LATER) is Phase.HALF_OPEN, "that call began before it opened"
    with store.write() as connection:
        assert breakers.take_probe(connection, SERVICE, LATER)
        breakers.note_success(connection, SERVICE, LATER, is_probe=True)
    assert phase(store, LATER) is Phase.CLOSED


def test_a_failure_between_successes_is_not_written(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service that failed every twentieth call once cost two writes for each of them."""
    guard, writes = guard_of(store), []
    guard.call(lambda: None)
    write = store.write
    monkeypatch.setattr(store, "write", lambda: (writes.append(1), write())[1])
    for _ in range(20):
        fail_once(guard)
        guard.call(lambda: None)
    assert writes == []


def test_failures_in_a_row_of_one_process_open_it(store: Store) -> None:
    guard = guard_of(store)
    guard.call(lambda: None)
    for _ in range(FAILURES_TO_OPEN):
        assert phase(store, NOON) is Phase.CLOSED
        fail_once(guard)
    assert phase(store, NOON) is Phase.OPEN
    with store.read() as connection:
        assert breakers.count_openings(connection) == {SERVICE: 1}


def test_no_call_waits_while_a_failure_is_written(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a database that was slow or away, all threads stood in line for it."""
    guard, write = guard_of(store), store.write
    is_writing, may_write = threading.Event(), threading.Event()

    def slow_write() -> AbstractContextManager[sa.Connection]:
        is_writing.set()
        may_write.wait(PATIENCE_S)
        return write()

    monkeypatch.setattr(store, "write", slow_write)
    with ThreadPoolExecutor(2) as pool:
        failing = pool.submit(fail_once, guard)
        try:
            assert is_writing.wait(PATIENCE_S)
            for _ in range(3):
                pool.submit(guard.call, lambda: None).result(10)
        finally:
            may_write.set()
        failing.result(PATIENCE_S)
    with store.read() as connection:
        assert breakers.read_breaker(connection, SERVICE).failures == 0, "calls went well since"


def test_processes_of_one_call_each_open_it_together(store: Store) -> None:
    for _ in range(FAILURES_TO_OPEN):
        fail_once(guard_of(store))
    assert phase(store, NOON) is Phase.OPEN
    with pytest.raises(EngineUnavailableError, match="left alone"):
        guard_of(store).call(lambda: None)


def test_a_probe_that_was_not_made_says_nothing_of_the_service(store: Store) -> None:
    for _ in range(FAILURES_TO_OPEN):
        fail_once(guard_of(store))

    def too_late() -> None:
        raise TooLateError("no place was free in time")

    with pytest.raises(TooLateError):
        guard_of(store, LATER).call(too_late)
    assert phase(store, LATER) is not Phase.CLOSED


def guard_of(store: Store, now: dt.datetime = NOON) -> ServiceGuard:
    """That of another process."""
    return ServiceGuard(SERVICE, "the engine", EngineUnavailableError, store, lambda: now)


def fail_once(guard: ServiceGuard) -> None:
    def call() -> None:
        raise EngineUnavailableError("no answer")

    with pytest.raises(EngineUnavailableError):
        guard.call(call)
