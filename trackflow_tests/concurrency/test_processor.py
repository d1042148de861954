import threading
import time
from collections.abc import Callable, Iterator
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackflow.concurrency.deadline import NEVER, Deadline, TooLateError
from trackflow.concurrency.item_results import ItemResult, ProcessorProgress
from trackflow.concurrency.processor import Processor
from trackflow.concurrency.retrying import Retry
from trackflow.concurrency.switch import Switch
from trackflow.errors import (
    RetryableError,
    SettingsError,
    SourceBusyError,
    StoppedError,
    SwitchedOffError,
    TrackflowError,
)
from trackflow_tests.helpers.waiting import PATIENCE_S

QUICK = Retry(attempts=3, wait_first_s=0.001, wait_most_s=0.001, jitter_s=0.0)


class Context:
    """A function that notes its calls, and takes given times and fails for given items."""

    def __init__(self, naps_s: list[float], bad: set[int]) -> None:
        self.naps_s, self.bad = naps_s, bad
        self.lock = threading.Lock()
        self.called: list[int] = []
        self.running = self.most = 0

    def __call__(self, item: int, deadline: Deadline) -> int:
        with self.lock:
            self.called.append(item)
            self.running += 1
            self.most = max(self.most, self.running)
        try:
            time.sleep(self.naps_s[item % len(self.naps_s)] if self.naps_s else 0)
            if item in self.bad:
                raise ValueError(item)
            return item * item
        finally:
            with self.lock:
                self.running -= 1


def is_ok(outcome: ItemResult[int, int]) -> bool:
    return outcome.error is None


def was_begun(outcome: ItemResult[int, int]) -> bool:
    """Otherwise the item is handed back untouched."""
    return outcome.tries > 0


naps = st.lists(st.sampled_from([0.0, 0.0005, 0.002]), max_size=5)


@settings(max_examples=60)
@given(
    size=st.integers(0, 40),
    workers=st.integers(1, 6),
    ahead=st.integers(1, 12),
    naps_s=naps,
    bad=st.sets(st.integers(0, 39)),
)
def test_one_outcome_per_item_in_order_within_bounds(
    size: int, workers: int, ahead: int, naps_s: list[float], bad: set[int]
) -> None:
    context, given_out, pulled_ahead = Context(naps_s, bad), [], []
    pulled = 0

    def items() -> Iterator[int]:
        nonlocal pulled
        for item in range(size):
            pulled += 1
            pulled_ahead.append(pulled - len(given_out))
            yield item

    for outcome in Processor(workers, ahead).run(items(), context):
        given_out.append(outcome)  # noqa: PERF402  the iterator looks at it meanwhile

    assert [o.index for o in given_out] == [o.item for o in given_out] == list(range(size))
    assert sorted(context.called) == list(range(size))
    assert context.most <= workers
    assert max(pulled_ahead, default=0) <= ahead
    for outcome in given_out:
        assert outcome.tries == 1
        assert was_begun(outcome)
        assert is_ok(outcome) == (outcome.item not in bad)
        if is_ok(outcome):
            assert outcome.result() == outcome.item**2
        else:
            with pytest.raises(ValueError, match=str(outcome.item)):
                outcome.result()


@settings(max_examples=40)
@given(
    size=st.integers(0, 60),
    workers=st.integers(1, 4),
    naps_s=naps,
    after=st.integers(0, 60),
)
def test_a_stop_finishes_what_is_begun_and_hands_back_the_rest(
    size: int, workers: int, naps_s: list[float], after: int
) -> None:
    stop, context, outcomes = threading.Event(), Context(naps_s, set()), []
    if after == 0:
        stop.set()
    for outcome in Processor(workers, ahead=8).run(range(size), context, stop=stop):
        outcomes.append(outcome)
        if len(outcomes) == after:
            stop.set()

    assert [o.item for o in outcomes] == list(range(size))
    begun = [o.item for o in outcomes if was_begun(o)]
    assert begun == list(range(len(begun)))
    assert sorted(context.called) == begun
    assert all(is_ok(o) for o in outcomes if was_begun(o))
    assert all(isinstance(o.error, StoppedError) for o in outcomes if not was_begun(o))
    if after == 0:
        assert not begun


def test_an_endless_iterator_is_read_no_further_than_needed() -> None:
    pulled = []

    def items() -> Iterator[int]:
        for item in count():
            pulled.append(item)
            yield item

    run = Processor(2, ahead=5).run(items(), Context([], set()))
    first = [next(run).item for _ in range(1000)]
    run.close()  # type: ignore[attr-defined]
    assert first == list(range(1000))
    assert len(pulled) <= 1005


def test_a_function_that_ignores_its_deadline_holds_up_nobody() -> None:
    never = threading.Event()

    def context(item: int, deadline: Deadline) -> int:
        if item in (0, 3):
            never.wait()
        return item

    outcomes = list(Processor(2, item_s=3).run(range(20), context))
    never.set()
    assert [o.item for o in outcomes if not is_ok(o)] == [0, 3]
    assert all(isinstance(outcomes[i].error, TooLateError) for i in (0, 3))


def test_when_too_much_hangs_the_rest_is_handed_back() -> None:
    never = threading.Event()

    def context(item: int, deadline: Deadline) -> None:
        never.wait()

    outcomes = list(Processor(2, item_s=0.5).run(range(9), context))
    never.set()
    # Two workers, and each is replaced once.
    assert [was_begun(o) for o in outcomes] == [True] * 4 + [False] * 5
    assert all(isinstance(o.error, TooLateError) for o in outcomes[:4])
    assert all(isinstance(o.error, StoppedError) for o in outcomes[4:])


def test_the_deadline_of_a_batch_reaches_every_item() -> None:
    def context(item: int, deadline: Deadline) -> int:
        assert deadline != NEVER
        while not deadline.is_over:
            time.sleep(0.001)
        deadline.check()
        return item

    outcomes = list(Processor(2, ahead=4, item_s=60, batch_s=2).run(range(30), context))
    assert [was_begun(o) for o in outcomes] == [True] * 2 + [False] * 28
    assert all(isinstance(o.error, TooLateError) for o in outcomes)


def test_an_item_without_deadline_may_take_its_time() -> None:
    seen = [o.result() for o in Processor(1).run([7], lambda item, deadline: deadline)]
    assert seen == [NEVER]


def test_the_kill_switch_gives_up_what_is_under_way() -> None:
    begun, never, switch = threading.Semaphore(0), threading.Event(), Switch("a site")

    def context(item: int, deadline: Deadline) -> None:
        begun.release()
        never.wait()

    def throw() -> None:
        begun.acquire()
        begun.acquire()
        switch.throw("the owner asks for it")

    thrower = threading.Thread(target=throw)
    thrower.start()
    outcomes = list(Processor(2).run(range(6), context, kill=switch))
    thrower.join()
    never.set()
    assert [was_begun(o) for o in outcomes] == [True] * 2 + [False] * 4
    for outcome in outcomes:
        assert isinstance(outcome.error, SwitchedOffError)
        assert str(outcome.error) == "a site is switched off: the owner asks for it"


def test_an_error_of_the_iterator_comes_after_the_outcomes_before_it() -> None:
    def items() -> Iterator[int]:
        yield from range(3)
        raise LookupError("no more")

    run = Processor(2).run(items(), Context([0.001], set()))
    assert [next(run).item for _ in range(3)] == [0, 1, 2]
    with pytest.raises(LookupError, match="no more"):
        next(run)


def test_a_caller_who_goes_away_early_leaves_nothing_running() -> None:
    context = Context([0.01], set())
    for _ in Processor(3).run(range(100), context):
        break
    assert context.running == 0
    called = len(context.called)
    time.sleep(0.03)
    assert len(context.called) == called


class Interrupted(BaseException):
    """As Dagster ends a run."""


@pytest.mark.parametrize("interrupt", [Interrupted, KeyboardInterrupt])
def test_an_interrupt_does_not_wait_for_what_is_under_way(interrupt: type[BaseException]) -> None:
    begun, may_end, ended = threading.Event(), threading.Event(), threading.Event()

    def call(_item: int, _deadline: Deadline) -> None:
        begun.set()
        may_end.wait(PATIENCE_S)
        ended.set()

    def items() -> Iterator[int]:
        yield 0
        assert begun.wait(PATIENCE_S)
        raise interrupt

    try:
        with pytest.raises(interrupt):
            list(Processor(workers=1).run(items(), call))
        assert not ended.is_set()
    finally:
        may_end.set()


def test_tries_are_counted_and_only_what_can_get_better_is_tried_again() -> None:
    failures = {0: 0, 1: 1, 2: 2, 3: 9}
    tried: dict[int, int] = {}

    def context(item: int, deadline: Deadline) -> str:
        tried[item] = tried.get(item, 0) + 1
        if item == 4:
            raise TrackflowError("for good")
        if tried[item] <= failures[item]:
            raise RetryableError("not yet")
        return "fine"

    outcomes = list(Processor(2, retry=QUICK).run(range(5), context))
    assert [o.tries for o in outcomes] == [1, 2, 3, 3, 1]
    assert [is_ok(o) for o in outcomes] == [True, True, True, False, False]


def test_a_rest_is_waited_for_before_the_clock_of_an_item_starts() -> None:
    rested_at: list[float] = []
    ends_at: list[float] = []

    def before(deadline: Deadline) -> None:
        time.sleep(0.1)
        rested_at.append(time.monotonic())

    def context(item: int, deadline: Deadline) -> None:
        ends_at.append(deadline.at_s)

    outcomes = list(Processor(1, item_s=PATIENCE_S, before=before).run([1], context))
    assert is_ok(outcomes[0])
    assert ends_at[0] >= rested_at[0] + PATIENCE_S

    def fails(deadline: Deadline) -> None:
        raise SourceBusyError("come back tomorrow", 86_400)

    for outcome in Processor(2, before=fails).run([1, 2], context):
        assert isinstance(outcome.error, SourceBusyError)
        assert not was_begun(outcome)


def test_a_switch_that_cannot_be_read_loses_no_item() -> None:
    main = threading.current_thread()

    class Unreadable:
        def is_set(self) -> bool:
            if threading.current_thread() is not main:
                raise RetryableError("the database is away")
            return False

    outcomes = list(Processor(2).run(range(5), Context([], set()), stop=Unreadable()))
    assert [o.item for o in outcomes] == list(range(5))
    assert all(isinstance(o.error, RetryableError) and not was_begun(o) for o in outcomes)


def test_progress_only_grows_and_ends_with_everything() -> None:
    reports: list[ProcessorProgress] = []
    list(Processor(3).run(range(25), Context([0.001, 0.0], {3, 4}), on_progress=reports.append))
    finished = [p.finished for p in reports]
    assert finished == sorted(finished)
    assert reports[-1] == ProcessorProgress(finished=25, failed=2, running=0)
    assert max(p.running for p in reports) <= 3


@pytest.mark.parametrize("make", [lambda: Processor(0), lambda: Processor(1, ahead=0)])
def test_nothing_can_be_done_by_nobody(make: Callable[[], Processor]) -> None:
    with pytest.raises(SettingsError):
        list(make().run([1], Context([], set())))
