"""Rate limit, retries, switch and deadline."""

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.concurrency.clock import Clock
from trackflow.concurrency.deadline import NEVER, Deadline, TooLateError
from trackflow.concurrency.rate_limit import MemoryTurns, RateLimit
from trackflow.concurrency.retrying import Retry, can_get_better
from trackflow.concurrency.switch import Switch
from trackflow.errors import (
    RetryableError,
    SettingsError,
    SourceBusyError,
    StoppedError,
    SwitchedOffError,
    TrackflowError,
)

QUICK = Retry(attempts=4, wait_first_s=0.001, wait_most_s=0.002, jitter_s=0.001)


class PassingTime:
    """A clock whose time passes only where something sleeps."""

    def __init__(self) -> None:
        self.at_s = 1000.0
        self.clock = Clock(lambda: self.at_s, self.sleep)

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.at_s += seconds


@given(rate=st.sampled_from([0.5, 2.0, 64.0]), gaps_s=st.lists(st.floats(0, 8), max_size=20))
def test_requests_begin_as_soon_as_the_rate_allows(rate: float, gaps_s: list[float]) -> None:
    time_ = PassingTime()
    limit = RateLimit(rate, clock=time_.clock)
    free_s = time_.at_s
    for gap_s in gaps_s:
        time_.at_s += gap_s
        expected_s = max(time_.at_s, free_s)
        limit.wait()
        assert time_.at_s == pytest.approx(expected_s, abs=1e-9)
        free_s = expected_s + 1 / rate


@given(rest_s=st.floats(0.001, 5000), rate=st.sampled_from([0.5, 64.0]))
def test_a_rest_is_waited_for_and_not_longer(rest_s: float, rate: float) -> None:
    time_ = PassingTime()
    limit = RateLimit(rate, clock=time_.clock)
    limit.rest(rest_s)
    limit.wait_for_rest()
    assert time_.at_s == pytest.approx(1000 + rest_s)
    limit.wait()
    assert time_.at_s == pytest.approx(1000 + rest_s)


@given(spacings=st.lists(st.floats(0.01, 10), min_size=1, max_size=20))
def test_turns_are_as_far_apart_as_wanted(spacings: list[float]) -> None:
    turns = MemoryTurns()
    earliest, latest = [], []
    for spacing_s in spacings:
        before = time.monotonic()
        wait_s = turns.reserve(spacing_s, within_s=1e9)
        assert wait_s is not None
        earliest.append(before + wait_s)
        latest.append(time.monotonic() + wait_s)
    for first, second, spacing_s in zip(earliest, latest[1:], spacings, strict=False):
        assert second >= first + spacing_s - 1e-6


def test_threads_share_the_spacing() -> None:
    limit, times, lock = RateLimit(200), [], threading.Lock()

    def ask() -> None:
        for _ in range(5):
            limit.wait()
            with lock:
                times.append(time.monotonic())

    threads = [threading.Thread(target=ask) for _ in range(4)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # However the threads are scheduled, the n-th turn cannot come before its time.
    assert all(at >= began + n / 200 - 0.001 for n, at in enumerate(sorted(times)))
    assert len(times) == 20


def test_a_turn_beyond_the_deadline_is_not_taken() -> None:
    turns = MemoryTurns()
    limit = RateLimit(0.01, turns)
    limit.wait()
    before = turns.reserve(0, 1e9)
    with pytest.raises(TooLateError):
        limit.wait(Deadline.after(1))
    after = turns.reserve(0, 1e9)
    assert before is not None
    assert after is not None
    assert after <= before


def test_a_rest_holds_everybody_and_a_stop_ends_the_wait() -> None:
    limit = RateLimit(1000)
    limit.wait_for_rest()
    limit.rest(3600)
    with pytest.raises(TooLateError):
        limit.wait(Deadline.after(1))
    with pytest.raises(TooLateError):
        limit.wait_for_rest(Deadline.after(1))
    stop = threading.Event()
    stop.set()
    with pytest.raises(StoppedError):
        limit.wait(stop=stop)
    with pytest.raises(StoppedError):
        limit.wait_for_rest(stop=stop)


def test_a_rest_that_begins_meanwhile_holds_who_waits() -> None:
    time_ = PassingTime()

    def sleep(seconds: float) -> None:
        if time_.at_s == 1000.0:
            limit.rest(2.5)
        time_.sleep(seconds)

    limit = RateLimit(0.5, clock=Clock(lambda: time_.at_s, sleep))
    limit.wait()
    limit.wait()
    assert time_.at_s >= 1002.5, "it would have waited for 2 s"


@pytest.mark.parametrize("rate", [0, -1, float("nan")])
def test_a_rate_has_to_be_positive(rate: float) -> None:
    with pytest.raises(SettingsError):
        RateLimit(rate)


@given(failures=st.integers(0, 6), attempts=st.integers(1, 4))
def test_tries_are_bounded(failures: int, attempts: int) -> None:
    tries: list[int] = []

    def context() -> str:
        if len(tries) <= failures:
            raise RetryableError(f"failure {len(tries)}")
        return "fine"

    retry = Retry(attempts, wait_first_s=0.0001, wait_most_s=0.0001, jitter_s=0)
    if failures < attempts:
        assert retry.call(context, on_try=tries.append) == "fine"
        assert tries == list(range(1, failures + 2))
    else:
        with pytest.raises(RetryableError, match=f"failure {attempts}"):
            retry.call(context, on_try=tries.append)
        assert tries == list(range(1, attempts + 1))


def test_tries_print_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """What a command prints as JSON can be read by a program, however often it tried."""

    def fail() -> None:
        raise RetryableError("no")

    with pytest.raises(RetryableError):
        QUICK.call(fail)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("error", [TrackflowError("no"), ValueError("no"), TooLateError("no")])
def test_what_cannot_get_better_is_not_tried_again(error: Exception) -> None:
    tries: list[int] = []

    def context() -> None:
        raise error

    with pytest.raises(type(error)):
        QUICK.call(context, on_try=tries.append)
    assert tries == [1]
    assert not can_get_better(error)


def test_a_time_that_an_error_names_is_waited_for() -> None:
    at: list[float] = []

    def context() -> str:
        at.append(time.monotonic())
        if len(at) < 2:
            raise SourceBusyError("busy", 0.15)
        return "fine"

    assert QUICK.call(context) == "fine"
    assert at[1] - at[0] >= 0.15


def test_a_time_beyond_the_deadline_ends_it() -> None:
    tries: list[int] = []

    def context() -> None:
        raise SourceBusyError("busy", 3600)

    with pytest.raises(SourceBusyError):
        QUICK.call(context, Deadline.after(1), tries.append)
    assert tries == [1]


def test_tries_end_with_the_deadline() -> None:
    deadline, tries = Deadline.after(0.05), []

    def context() -> None:
        time.sleep(0.03)
        raise RetryableError("again")

    retry = Retry(1000, wait_first_s=0.001, wait_most_s=0.001, jitter_s=0)
    with pytest.raises(RetryableError, match="again"):
        retry.call(context, deadline, tries.append)
    assert tries in ([1], [1, 2])


def test_a_switch_keeps_its_first_reason_and_asks_outside_now_and_then() -> None:
    answers: list[str | None] = [None, None, "the owner's wish"]
    asked: list[str | None] = []

    def ask() -> str | None:
        asked.append(answers[len(asked)])
        return asked[-1]

    switch = Switch("here", ask, every_s=0.0)
    assert not switch.is_set()
    switch.check()
    with pytest.raises(SwitchedOffError, match="here is switched off: the owner's wish"):
        switch.check()
    switch.throw("another")
    assert switch.reason == "the owner's wish"
    assert len(asked) == 3

    seldom = Switch("here", lambda: asked.append("x"), every_s=3600)
    for _ in range(5):
        assert not seldom.is_set()
    assert len(asked) == 4


def test_deadlines_compare_and_run_out() -> None:
    assert Deadline.after(None) == NEVER
    assert min(NEVER, Deadline.after(5)) != NEVER
    assert NEVER.left_s == float("inf")
    over = Deadline.after(-1)
    assert over.left_s == 0
    with pytest.raises(TooLateError):
        over.check()
