"""The road engine in every kind of trouble: batches wait, the rest goes on, all is made good."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from trackflow.concurrency.breaker import FAILURES_TO_OPEN, Breaker, Phase
from trackflow.concurrency.connections import HttpClient
from trackflow.context import Context
from trackflow.matching.engines.http import HttpEngine, service_name
from trackflow.store import breakers
from trackflow.store.devices.settings import change_device
from trackflow.usecases.days.run import retry_failed, run
from trackflow.usecases.days.waiting import find_waiting
from trackflow_tests.helpers.http_servers import Behaviour, Out, answering, osrm_server, server_that
from trackflow_tests.helpers.stores import (
    NOON,
    Clock,
    batch_of_device,
    contents,
    deliver,
    difference,
    open_context,
    statuses,
)
from trackflow_tests.helpers.town import Town
from trackflow_tests.helpers.waiting import PATIENCE_S

pytestmark = pytest.mark.xdist_group("engine-trouble")

DEADLINE_S = 0.3
"""For servers that never answer in time; others are waited for."""
CARS = 5
"""Device-days with cars; there is one with a bicycle as well."""


@dataclass
class Front:
    """What stands before a real OSRM, and answers for it while that is in trouble.

    Attributes:
        osrm: its base URL.
        client: to ask it with.
        trouble: what cars get; None while all is well.
        after: so many requests of cars go well first.
        services: whose requests meet the trouble.
        heads: of all requests so far.
    """

    osrm: str
    client: httpx.Client
    trouble: Behaviour | None = None
    after: int = 0
    services: tuple[str, ...] = ("nearest", "match")
    heads: list[str] = field(default_factory=list)

    def __call__(self, out: Out) -> None:
        path = self.heads[-1].split()[1]
        asked = self.asked_for_cars()
        meant = "/car/" in path and path.split("/")[1] in self.services
        if self.trouble and meant and asked > self.after:
            self.trouble(out)
            return
        answer = self.client.get(self.osrm + path)
        answering(answer.status_code, answer.content)(out)

    def asked_for_cars(self) -> int:
        return sum("/car/" in head for head in self.heads)


@pytest.fixture(scope="module")
def osrm(town: Town) -> Iterator[str]:
    with osrm_server(town.network.dataset) as url:
        yield url


@contextmanager
def fronted(osrm: str) -> Iterator[tuple[Front, str]]:
    # a server closes kept connections when it likes
    limits = httpx.Limits(max_keepalive_connections=0)
    with httpx.Client(trust_env=False, verify=False, limits=limits, timeout=PATIENCE_S) as client:
        front = Front(osrm, client)
        with server_that(front) as (url, heads):
            front.heads = heads
            yield front, url


def fleet(context: Context, town: Town) -> None:
    town.deliver(context)
    deliver(context.store, batch_of_device("bike", town.noon))
    noon = town.noon
    for days in (1, 2):
        later_us = noon.time_us + days * 86_400_000_000
        shifted = type(noon).of(later_us, noon.lon, noon.lat)
        deliver(context.store, batch_of_device("noon", shifted))
    with context.store.write() as connection:
        change_device(connection, "bike", NOON, profile="bicycle")


@pytest.fixture(scope="module")
def expected(osrm: str, town: Town, tmp_path_factory: pytest.TempPathFactory) -> dict:
    """The state where nothing ever went wrong."""
    with open_context("", tmp_path_factory.mktemp("well"), engine_url=osrm) as context:
        fleet(context, town)
        assert not run(context).problems
        found = contents(context.store)
    assert not any(row["is_raw"] for row in found["cached_polylines"])
    return found


def hang_up(out: Out) -> None:
    """As a proxy whose server is down."""


def be_slow(out: Out) -> None:
    time.sleep(PATIENCE_S)


def drip(out: Out) -> None:
    out.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    for _ in range(100_000):
        out.write(b" ")
        out.flush()
        time.sleep(DEADLINE_S / 10)


def refusing(code: str) -> Behaviour:
    return answering(400, json.dumps({"code": code, "message": "no"}).encode())


TROUBLES: dict[str, Behaviour] = {
    "down": hang_up,
    "slow": be_slow,
    "dripping": drip,
    "garbage": answering(200, b"<html>Hello</html>"),
    "other JSON": answering(200, b'{"status": "fine"}'),
    "half an answer": answering(200, b'{"code": "Ok", "matchings": [{}], "tracepoints"'),
    "wrong answer": answering(200, b'{"code": "Ok", "matchings": [], "tracepoints": []}'),
    "broken": answering(500),
    "behind a proxy": answering(502, b"Bad gateway"),
    "restarting": answering(503, Retry_After="7"),
    "busy": answering(429, Retry_After="900"),
    "busy without end": answering(429),
    **{
        code: refusing(code)
        for code in (
            "InvalidUrl", "InvalidService", "InvalidVersion", "NotImplemented", "DisabledDataset",
        )
    },
}  # fmt: skip


def breaker(context: Context, profile: str) -> Breaker:
    with context.store.read() as connection:
        return breakers.read_breaker(connection, service_name(context.settings.engine_url, profile))


def batch_rows(context: Context) -> list[dict]:
    return contents(context.store, "processing_batches")["processing_batches"]


def check_that_all_wait(
    context: Context, clock: Clock, front: Front, town: Town, expected: dict
) -> None:
    """From trouble to a state as if there had been none."""
    fleet(context, town)
    misses_it = front.trouble in (be_slow, drip)
    engine = HttpEngine(
        context.settings.engine_url,
        "car",
        client=HttpClient(),
        deadline_s=DEADLINE_S if misses_it else PATIENCE_S,
    )
    context._engines["car"] = context.guard(engine)
    report = run(context)
    assert not any(stage.errors for stage in report.stages)
    assert {(d.device_id, d.deferred) for d in report["matched"].deferred} == {
        ("night", True), ("noon", True),
    }  # fmt: skip
    state = statuses(context.store)
    assert {status for (device, _), status in state.items() if device == "bike"} == {"completed"}
    waiting = [row for row in batch_rows(context) if row["status"] == "pending"]
    assert {row["retry_count"] for row in waiting} == {0}
    assert all(row["error_message"] for row in waiting)
    assert len(contents(context.store)["tracks"]) == len(expected["tracks"]), "raw until then"

    assert breaker(context, "bicycle").phase(clock()) is Phase.CLOSED
    assert breaker(context, "car").phase(clock()) is Phase.OPEN
    asked = front.asked_for_cars()
    assert asked <= front.after + 2 * FAILURES_TO_OPEN, "a kept connection may be tried twice"
    assert len(run(context)["matched"].deferred) == len(waiting)
    assert front.asked_for_cars() == asked, "it is left alone"
    assert find_waiting(context).days == []

    opened_until = breaker(context, "car").open_until
    assert opened_until is not None
    clock.time = opened_until
    run(context)  # somebody tries, in vain
    assert front.asked_for_cars() - asked in (1, 2)
    opened_again = breaker(context, "car").open_until
    assert opened_again is not None
    assert opened_again > clock()

    front.trouble = None
    clock.time = opened_again
    assert len(find_waiting(context).days) >= 1, "as soon as it may be tried"
    context._engines.pop("car").close()
    assert not run(context).problems
    assert set(statuses(context.store).values()) == {"completed"}
    assert {row["retry_count"] for row in batch_rows(context)} == {0}
    assert breaker(context, "car").phase(clock()) is Phase.CLOSED
    assert difference(contents(context.store), expected) == []


@pytest.mark.parametrize("name", TROUBLES)
def test_batches_wait_while_the_engine_is_in_trouble(
    name: str, osrm: str, town: Town, tmp_path: Path, expected: dict
) -> None:
    clock = Clock()
    with (
        fronted(osrm) as (front, url),
        open_context("", tmp_path, clock, engine_url=url) as context,
    ):
        front.trouble = TROUBLES[name]
        check_that_all_wait(context, clock, front, town, expected)


@pytest.mark.parametrize("after", [1, 6])
def test_trouble_that_begins_in_the_middle_of_a_day(
    after: int, database_url: str, osrm: str, town: Town, tmp_path: Path, expected: dict
) -> None:
    """No reader ever sees half a day's lines."""
    clock = Clock()
    with (
        fronted(osrm) as (front, url),
        open_context(database_url, tmp_path, clock, engine_url=url) as context,
    ):
        front.trouble, front.after = hang_up, after
        check_that_all_wait(context, clock, front, town, expected)


@pytest.mark.parametrize("code", ["InvalidValue", "InvalidOptions", "InvalidQuery", "TooBig", "?"])
def test_what_is_wrong_with_a_request_counts_as_tries(
    code: str, osrm: str, town: Town, tmp_path: Path, expected: dict
) -> None:
    """It does not get better by waiting, and must not keep the others waiting."""
    clock = Clock()
    with (
        fronted(osrm) as (front, url),
        open_context("", tmp_path, clock, engine_url=url, max_tries=2) as context,
    ):
        fleet(context, town)
        front.trouble, front.services = refusing(code), ("match",)
        for _ in range(2):
            run(context)
            assert breaker(context, "car").phase(clock()) is Phase.CLOSED
            clock.advance(3600)
        found = list(statuses(context.store).values())
        assert (found.count("failed"), found.count("completed")) == (CARS, 1)
        assert not run(context).problems, "they are given up"
        front.trouble = None
        assert retry_failed(context) == CARS
        assert not run(context).problems
        assert difference(contents(context.store), expected) == []


@pytest.mark.parametrize("code", ["NoMatch", "NoSegment"])
def test_no_match_is_no_trouble(code: str, osrm: str, town: Town, tmp_path: Path) -> None:
    with fronted(osrm) as (front, url), open_context("", tmp_path, engine_url=url) as context:
        fleet(context, town)
        front.trouble, front.services = refusing(code), ("match",)
        assert not run(context).problems
        assert set(statuses(context.store).values()) == {"completed"}
        lines = contents(context.store)["cached_polylines"]
        assert {row["is_raw"] for row in lines} == {False, True}
        assert {row["is_raw"] for row in lines if row["device_id"] != "bike"} == {True}


def test_failures_are_heard_of_by_other_processes(osrm: str, town: Town, tmp_path: Path) -> None:
    clock = Clock()
    with (
        fronted(osrm) as (front, url),
        open_context("", tmp_path, clock, engine_url=url) as one,
        open_context("", tmp_path, clock, engine_url=url) as other,
    ):
        fleet(one, town)
        front.trouble = hang_up
        run(one)
        asked = front.asked_for_cars()
        assert len(run(other)["matched"].deferred) == CARS
        assert front.asked_for_cars() == asked
