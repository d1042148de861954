"""Limits of services in the store: one for all processes; a killed one holds nothing for long."""

import datetime as dt
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import sqlalchemy as sa

from trackflow.concurrency import permits
from trackflow.concurrency.deadline import Deadline, TooLateError
from trackflow.concurrency.permits import PermitUse
from trackflow.concurrency.processor import Processor
from trackflow.concurrency.retrying import Retry
from trackflow.concurrency.switch import Switch
from trackflow.errors import SourceUnavailableError, StoppedError
from trackflow.store.database import Store, open_store
from trackflow.store.service_figures import read_pools, read_retries, read_services
from trackflow.store.service_limits import StoreLedger, StoreTurns
from trackflow.store.service_tables import service_leases, service_limits
from trackflow.store.services import Services
from trackflow_tests.helpers.stores import settings_of
from trackflow_tests.helpers.waiting import PATIENCE_S, wait_until

SERVICE = "geocoder example.org"


@pytest.fixture
def store(database_url: str, tmp_path: Path) -> Iterator[Store]:
    store = open_store(settings_of(database_url, tmp_path))
    yield store
    store.close()


def ledgers(store: Store, most: int, count: int) -> list[StoreLedger]:
    """Of so many processes."""
    return [StoreLedger(store, SERVICE, uuid.uuid4(), most) for _ in range(count)]


def use(wanted: int, held: int = 0) -> PermitUse:
    return PermitUse(wanted, held, in_use=held)


def test_a_process_alone_has_all_and_gives_some_to_the_next(store: Store) -> None:
    first, second = ledgers(store, 8, 2)
    assert first.report(use(20)) == 8
    assert second.report(use(20)) == 0, "all are held"
    assert first.report(use(20, 8)) == 4, "its share, from now on"
    assert second.report(use(20)) == 0, "its requests are still under way"
    assert first.report(use(20, 4)) == 4
    assert second.report(use(20)) == 4
    assert second.report(use(0)) == 0
    assert first.report(use(20, 4)) == 8


def test_more_processes_than_connections_take_turns(store: Store) -> None:
    three = ledgers(store, 2, 3)
    held = [0, 0, 0]
    had = [0, 0, 0]
    for _ in range(6):
        for i, ledger in enumerate(three):
            held[i] = ledger.report(use(1, held[i]))
            had[i] += held[i]
            with store.read() as connection:
                granted = connection.scalar(sa.select(sa.func.sum(service_leases.c.granted)))
            assert granted <= 2
    assert min(had) > 0


def test_requests_of_all_processes_keep_the_limit(store: Store) -> None:
    processes = [Services(store) for _ in range(3)]
    limits = [services.connections(SERVICE, 4) for services in processes]
    lock, at_once = threading.Lock(), [0, 0]

    def request(number: int, _: Deadline) -> None:
        with limits[number % 3].held(Deadline.after(PATIENCE_S)):
            with lock:
                at_once[0] += 1
                at_once[1] = max(at_once)
            time.sleep(0.005)
            with lock:
                at_once[0] -= 1

    for outcome in Processor(9).run(range(120), request):
        outcome.result()
    for services in processes:
        services.close()
    assert 1 <= at_once[1] <= 4
    with store.read() as connection:
        found = read_services(connection)[SERVICE]
    assert (found.requests, found.timeouts, found.granted, found.processes) == (120, 0, 0, 0)
    assert found.connections == 4


def test_what_a_killed_process_held_is_free_when_its_lease_ends(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    url = store.engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-m", "trackflow_tests.helpers.permit_holder"]
    options = [url, SERVICE, "2", "2", str(tmp_path)]
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == b"held\n"
            services = Services(store)
            limit = services.connections(SERVICE, 2)
            with pytest.raises(TooLateError), limit.held(Deadline.after(1.0)):
                pass
        finally:
            process.kill()
    with limit.held(Deadline.after(permits.LEASE_S + PATIENCE_S)):
        pass
    services.close()


def test_a_switch_ends_the_wait_for_a_connection(store: Store) -> None:
    (other,) = ledgers(store, 1, 1)
    assert other.report(use(1)) == 1
    services, switch = Services(store), Switch("a site")
    switch.throw("enough")
    with pytest.raises(StoppedError), services.connections(SERVICE, 1).held(stop=switch):
        pass
    services.close()


def test_how_requests_end_is_counted(store: Store) -> None:
    services = Services(store)
    limit = services.connections(SERVICE, 1)
    with limit.held():
        pass
    with pytest.raises(TooLateError), limit.held():
        raise TooLateError
    services.close()
    with store.read() as connection:
        found = read_services(connection)[SERVICE]
    assert (found.requests, found.timeouts, found.broken) == (2, 1, 0)


def test_pools_are_told_while_they_work(store: Store) -> None:
    services, seen = Services(store), threading.Event()

    def look(_: int, deadline: Deadline) -> None:
        while not deadline.is_over and not seen.is_set():
            with store.read() as connection:
                found = read_pools(connection)
            if "looking" in found and found["looking"].running == 2:
                seen.set()
            time.sleep(0.05)

    services.show()
    list(Processor(2, name="looking", item_s=PATIENCE_S).run(range(4), look))
    services.close()
    assert seen.is_set()
    with store.read() as connection:
        assert read_pools(connection) == {}


def test_tries_again_are_told(store: Store) -> None:
    def read() -> int:
        with store.read() as connection:
            return read_retries(connection).get("something", 0)

    services, again = Services(store), Retry(attempts=3, wait_first_s=0.0, name="something")
    with pytest.raises(SourceUnavailableError):
        again.call(_fails)
    assert wait_until(read) == 2, "while the process lives"
    with pytest.raises(SourceUnavailableError):
        again.call(_fails)
    services.close()
    assert read() == 4


def _fails() -> None:
    raise SourceUnavailableError("away")


def test_turns_of_all_processes_are_spaced(store: Store) -> None:
    turns = [StoreTurns(store, SERVICE) for _ in range(3)]
    began, latest = time.monotonic(), []
    for number in range(30):
        wait_s = turns[number % 3].reserve(0.5, 1000.0)
        assert wait_s is not None
        latest.append(time.monotonic() + wait_s - began)
    # however long each took, the n-th turn cannot come before its time
    assert all(at >= 0.5 * n - 0.1 for n, at in enumerate(sorted(latest)))


def test_two_processes_together_keep_the_rate(store: Store, tmp_path: Path) -> None:
    """Each alone would be done in half the time."""
    per_s, turns = 10.0, 15
    url = store.engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-m", "trackflow_tests.helpers.turn_taker"]
    command += [url, SERVICE, str(per_s), str(turns), str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with ExitStack() as running:
        processes = [running.enter_context(subprocess.Popen(command, **pipes)) for _ in range(2)]
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        began = time.monotonic()
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        told = [process.communicate(timeout=PATIENCE_S)[0] for process in processes]
    moments = sorted(float(line) for text in told for line in text.split())
    assert len(moments) == 2 * turns
    assert moments[-1] - began > 0.9 * (2 * turns - 1) / per_s


def test_a_turn_that_is_too_late_is_not_taken(store: Store) -> None:
    first, second = StoreTurns(store, SERVICE), StoreTurns(store, SERVICE)
    assert first.reserve(100.0, 10.0) is not None
    assert second.reserve(100.0, 10.0) is None
    later = second.reserve(100.0, 1000.0)
    assert later is not None
    assert 50.0 < later <= 100.0


def test_many_turns_cost_few_writes(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    turns, writes = StoreTurns(store, SERVICE), []
    write = store.write
    monkeypatch.setattr(store, "write", lambda: (writes.append(1), write())[1])
    for _ in range(2_000):
        assert turns.reserve(0.000_1, PATIENCE_S) is not None
    assert len(writes) < 200


def test_a_rest_is_kept_by_all_processes(store: Store) -> None:
    first, second = StoreTurns(store, SERVICE), StoreTurns(store, SERVICE)
    first.rest(500.0)
    assert second.reserve(1.0, 10.0) is None
    assert second.resting_s() > 400.0
    assert first.reserve(1.0, 10.0) is None


def test_times_of_a_wrong_clock_stop_nobody(store: Store) -> None:
    far = dt.datetime.now(dt.UTC) + dt.timedelta(days=300)
    with store.write() as connection:
        connection.execute(
            sa.insert(service_limits).values(service=SERVICE, next_turn_at=far, rest_until=far)
        )
    assert StoreTurns(store, SERVICE).reserve(1.0, 10.0) is not None
