"""The circuit breaker as a value, whatever happens to it in whatever order."""

import datetime as dt
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from trackflow.concurrency.breaker import (
    FAILURES_TO_OPEN,
    FIRST_OPEN_S,
    LONGEST_OPEN_S,
    PROBE_S,
    Breaker,
    Phase,
)

NOON = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
MOST_REST_S = 3600.0


@dataclass
class Service:
    """Callers that behave: who is turned away does not call, and only a trial says it is one."""

    breaker: Breaker = field(default_factory=Breaker)
    now: dt.datetime = NOON

    def ask(self) -> bool | None:
        """Whether a call is a trial, None if it is not let through."""
        phase = self.breaker.phase(self.now)
        if phase is Phase.CLOSED:
            return False
        if self.breaker.may_probe(self.now):
            self.breaker = self.breaker.probing(self.now)
            return True
        return None


EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.floats(0, 200)),
        st.tuples(st.just("fails"), st.one_of(st.none(), st.floats(0, MOST_REST_S))),
        st.tuples(st.just("works"), st.none()),
        st.tuples(st.just("is killed"), st.none()),
        st.tuples(st.just("late failure"), st.none()),
        st.tuples(st.just("late success"), st.none()),
    ),
    max_size=60,
)


def is_open(breaker: Breaker) -> bool:
    return breaker.open_until is not None


@given(EVENTS)
def test_nothing_keeps_it_open_for_ever_or_lets_two_try_at_once(events: list) -> None:
    service = Service()
    for what, value in events:
        before = service.breaker
        match what:
            case "wait":
                service.now += dt.timedelta(seconds=value)
            case "late failure":
                service.breaker = before.failed(service.now, "late")
                assert service.breaker == before or not is_open(before), "it tells nothing new"
            case "late success":
                service.breaker = before.succeeded()
                assert service.breaker == before or not is_open(before)
            case _:
                call(service, what, value)
        check_bounds(service)


def call(service: Service, what: str, rest_s: float | None) -> None:
    """One call from beginning to end; one that is killed has none."""
    is_trial = service.ask()
    if is_trial is None:
        return
    if is_trial:
        assert service.ask() is None, "one at a time"
    if what == "fails":
        service.breaker = service.breaker.failed(
            service.now, "down", is_probe=is_trial, rest_s=rest_s
        )
        opened = service.breaker.phase(service.now) is Phase.OPEN
        assert opened or not (is_trial or rest_s)
    elif what == "works":
        service.breaker = service.breaker.succeeded(is_probe=is_trial)
        assert service.breaker.phase(service.now) is Phase.CLOSED
        assert service.breaker.failures == 0


def check_bounds(service: Service) -> None:
    longest = dt.timedelta(seconds=max(LONGEST_OPEN_S, MOST_REST_S))
    until = service.breaker.open_until
    assert until is None or until <= service.now + longest
    at_last = service.now + longest + dt.timedelta(seconds=PROBE_S)
    assert until is None or service.breaker.may_probe(at_last)


@given(st.integers(0, 12))
def test_it_opens_after_failures_in_a_row_for_longer_each_time(trials: int) -> None:
    breaker = Breaker()
    for k in range(FAILURES_TO_OPEN):
        assert breaker.phase(NOON) is Phase.CLOSED, k
        breaker = breaker.failed(NOON, "down")
    now, lasted = NOON, []
    for _ in range(trials):
        assert breaker.open_until is not None
        lasted.append((breaker.open_until - now).total_seconds())
        now = breaker.open_until
        breaker = breaker.probing(now).failed(now, "down", is_probe=True)
    assert lasted == [min(FIRST_OPEN_S * 2**k, LONGEST_OPEN_S) for k in range(trials)]


def test_five_failures_open_it_for_half_a_minute_at_most_and_one_may_probe() -> None:
    """The numbers that users are told, for all services alike."""
    breaker = Breaker()
    for _ in range(4):
        breaker = breaker.failed(NOON, "down")
    assert breaker.phase(NOON) is Phase.CLOSED
    breaker = breaker.failed(NOON, "down")
    assert breaker.phase(NOON) is Phase.OPEN
    now = NOON
    for _ in range(20):  # a service that has been away for long
        assert breaker.open_until is not None
        now = breaker.open_until
        breaker = breaker.probing(now)
        assert not breaker.may_probe(now), "one at a time"
        breaker = breaker.failed(now, "down", is_probe=True)
    assert breaker.open_until == now + dt.timedelta(seconds=30)


def test_single_failures_do_not_open_it() -> None:
    breaker = Breaker()
    for _ in range(10):
        for _ in range(FAILURES_TO_OPEN - 1):
            breaker = breaker.failed(NOON, "hiccup")
        assert breaker.phase(NOON) is Phase.CLOSED
        breaker = breaker.succeeded()


def test_what_asks_to_be_left_alone_is() -> None:
    breaker = Breaker().failed(NOON, "busy", rest_s=900)
    assert breaker.open_until == NOON + dt.timedelta(seconds=900)
    assert not breaker.may_probe(NOON + dt.timedelta(seconds=899))
    assert breaker.may_probe(NOON + dt.timedelta(seconds=900))
