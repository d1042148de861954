"""One run of a processor: its window of items in hand, its threads, and how it ends.

All runs of a process share one budget of threads (`budget`): a run that finds it used up makes do
with one thread, for which its caller waits.

A thread cannot be killed. The function gets its deadline and should keep it; if it does not, its
result is still given in time, and its thread is abandoned and replaced, as long as the budget has
places. At most `workers` threads are replaced; if more of them hang, the rest of the items is
handed back.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trackflow.concurrency.budget import BUDGET
from trackflow.concurrency.deadline import NEVER, Deadline, TooLateError
from trackflow.concurrency.item_results import ItemResult, ProcessorProgress
from trackflow.concurrency.pools import POOLS, PoolFigures
from trackflow.concurrency.switch import Stop, Switch
from trackflow.errors import StoppedError, SwitchedOffError

if TYPE_CHECKING:
    from trackflow.concurrency.processor import Processor

GRACE_S = 0.2
"""Seconds after its deadline at which a function is given up: its own error explains more than
ours."""

_CHECK_EVERY_S = 0.1
"""How often a waiting caller checks whether to stop."""


@dataclass(slots=True, eq=False)
class _Slot[T, R]:
    """An item in hand. `result` is written once, under the lock."""

    index: int
    item: T
    deadline: Deadline = NEVER
    begun_at: float | None = None
    thread: threading.Thread | None = None
    tries: int = 0
    result: ItemResult[T, R] | None = None
    given_up: bool = False


@dataclass(slots=True, eq=False)
class ProcessorRun[T, R]:
    """One run. The threads share all fields below `on_progress`, guarded by one lock.

    It has two conditions, so that each event wakes only whom it concerns: the caller waits for
    `changed`, the threads for `work`. The caller is woken for the item that it waits for (`first`),
    not for each that is finished meanwhile.

    `running` holds the items whose call is under way: the caller looks at them after each result,
    and a look at all items in hand would take longer than a fast call.
    """

    processor: "Processor"
    items: Iterator[T]
    call: Callable[[T, Deadline], R]
    stop: Stop | None
    kill: Switch | None
    on_progress: Callable[[ProcessorProgress], None] | None
    deadline: Deadline = NEVER
    lock: threading.Lock = field(default_factory=threading.Lock)
    changed: threading.Condition = field(init=False)
    work: threading.Condition = field(init=False)
    window: deque[_Slot[T, R]] = field(default_factory=deque)
    waiting: deque[_Slot[T, R]] = field(default_factory=deque)
    threads: list[threading.Thread] = field(default_factory=list)
    running: set[_Slot[T, R]] = field(default_factory=set)
    hung: set[threading.Thread | None] = field(default_factory=set)
    first: _Slot[T, R] | None = None
    idle: int = 0
    given_up: int = 0
    finished: int = 0
    failed: int = 0
    pulled: int = 0
    is_closed: bool = False
    is_exhausted: bool = False
    is_in_a_hurry: bool = False
    broken: Exception | None = None

    def __post_init__(self) -> None:
        self.changed, self.work = threading.Condition(self.lock), threading.Condition(self.lock)

    def results(self) -> Iterator[ItemResult[T, R]]:
        """The results in order; closing this iterator ends the run."""
        self.deadline = Deadline.after(self.processor.batch_s)
        POOLS.begin(self)
        try:
            while True:
                self._fill()
                if not self.window:
                    break
                yield self._await_first()
            if self.broken is not None:
                raise self.broken
        except (Exception, GeneratorExit):
            raise
        except BaseException:  # Ctrl-C, or Dagster's way to end a run
            self.is_in_a_hurry = True
            raise
        finally:
            POOLS.end(self)
            self._close()

    def figures(self) -> tuple[str, PoolFigures]:
        """The pool's name and the figures of this run."""
        with self.lock:
            live, running, waiting = self._live(), len(self.running), len(self.waiting)
            return self.processor.name, PoolFigures(live, running, waiting, self.given_up)

    def _fill(self) -> None:
        """Take items in hand until there are enough, or until there is a result to yield."""
        most = self.processor.ahead or 32 * self.processor.workers
        while not self.is_exhausted and len(self.window) < most:
            if self.window and (self.window[0].result is not None or self._ending() is not None):
                return
            try:
                item = next(self.items)
            except StopIteration:
                self.is_exhausted = True
                return
            except Exception as error:  # noqa: BLE001  raised after the results before it
                self.is_exhausted, self.broken = True, error
                return
            self._take_in_hand(_Slot(self.pulled, item))
            self.pulled += 1

    def _take_in_hand(self, slot: _Slot[T, R]) -> None:
        ending = self._ending()
        with self.lock:
            self.window.append(slot)
            if ending is not None:
                self._settle(slot, error=ending)
                return
            self.waiting.append(slot)
            if self.idle < len(self.waiting) and self._live() < self.processor.workers:
                self._start_thread()
            self.work.notify()

    def _await_first(self) -> ItemResult[T, R]:
        """The result of the first item in hand."""
        first = self.window[0]
        if first.result is not None and not self.given_up:  # the usual case needs no lock
            self.window.popleft()
            if self.on_progress is not None:
                self.on_progress(self._progress())
            return first.result
        while True:
            ending = self._ending()
            killed = self.kill is not None and self.kill.is_set()
            with self.lock:
                if ending is not None:
                    self._hand_back(ending)
                self._give_up(ending if killed else None)
                result = first.result
                if result is None:
                    self.first = first
                    self.changed.wait(self._patience_s())
                else:
                    self.window.popleft()
                progress = self._progress()
            if self.on_progress is not None:
                self.on_progress(progress)
            if result is not None:
                return result

    def _ending(self) -> Exception | None:
        """The reason to begin no further item; None while there is none."""
        if self.kill is not None and (reason := self.kill.reason) is not None:
            return SwitchedOffError(f"{self.kill.site} is switched off: {reason}")
        if self.stop is not None and self.stop.is_set():
            return StoppedError("stopped before it was done")
        if self.deadline.is_over:
            return TooLateError(
                f"not begun within the {self.processor.batch_s:g} s of the whole batch"
            )
        if self.given_up and self._live() < 1:
            return StoppedError("not begun: too many pieces of work hang beyond their deadline")
        return None

    def _hand_back(self, why: Exception) -> None:
        while self.waiting:
            self._settle(self.waiting.popleft(), error=why)

    def _give_up(self, killed: Exception | None) -> None:
        """Settle calls that are past their deadline, or all calls if the switch is thrown."""
        now = time.monotonic()
        late = [s for s in self.running if killed or now >= s.deadline.at_s + GRACE_S]
        for slot in late:
            begun_at = now if slot.begun_at is None else slot.begun_at
            error = killed or TooLateError(f"took longer than {now - begun_at:.1f} s")
            slot.given_up = True
            self.given_up += 1
            self.hung.add(slot.thread)
            self._settle(slot, error=error)
            if killed is None and self.given_up <= self.processor.workers:
                self._start_thread()

    def _patience_s(self) -> float | None:
        """How long to wait: until the next deadline, or the next check of the switches."""
        ends = [slot.deadline.at_s for slot in self.running]
        next_s = min([*(end + GRACE_S for end in ends), self.deadline.at_s])
        wait_s = max(next_s - time.monotonic(), 0.001)
        if self.processor.item_s is not None:
            # one that begins meanwhile does not tell the caller
            wait_s = min(wait_s, self.processor.item_s + GRACE_S)
        checks = self.stop is not None or self.kill is not None or bool(self.given_up)
        wait_s = min(wait_s, _CHECK_EVERY_S) if checks else wait_s
        return None if wait_s == float("inf") else min(wait_s, threading.TIMEOUT_MAX)

    def _progress(self) -> ProcessorProgress:
        return ProcessorProgress(self.finished, self.failed, len(self.running))

    def _settle(
        self, slot: _Slot[T, R], *, value: R | None = None, error: Exception | None = None
    ) -> None:
        """Write the result of an item that has none yet; the caller holds the lock."""
        if slot.result is not None:
            return
        seconds = 0.0 if slot.begun_at is None else time.monotonic() - slot.begun_at
        slot.result = ItemResult(slot.index, slot.item, value, error, seconds, slot.tries)
        self.running.discard(slot)
        self.finished += 1
        self.failed += error is not None
        if slot is self.first:
            self.changed.notify()

    def _live(self) -> int:
        return len(self.threads) - self.given_up

    def _start_thread(self) -> None:
        """Start a thread if the budget has a place; the first needs none, as the caller waits."""
        is_first = not self.threads
        if not is_first and not BUDGET.take():
            return
        # Daemon threads: one that hangs must not keep the process from ending.
        thread = threading.Thread(
            target=self._work_within_budget, args=(is_first,), name="processor", daemon=True
        )
        self.threads.append(thread)
        thread.start()

    def _work_within_budget(self, is_first: bool) -> None:
        try:
            self._work()
        finally:
            if not is_first:
                BUDGET.give_back()

    def _work(self) -> None:
        """One thread: item after item until there are no more."""
        slot = self._begin()
        while slot is not None:
            value, error = self._call(slot)
            # one lock for the end of a call and the begin of the next one
            goes_on = self.processor.before is None and self._ending_or_error() is None
            with self.lock:
                self._settle(slot, value=value, error=error)
                if slot.given_up:
                    return
                slot = self._taken() if goes_on else None
            slot = slot or self._begin()

    def _call(self, slot: _Slot[T, R]) -> tuple[R | None, Exception | None]:
        def on_try(number: int) -> None:
            if slot.given_up:
                raise StoppedError("given up")
            slot.tries = number

        try:
            return self.processor.retry.call(
                lambda: self.call(slot.item, slot.deadline), slot.deadline, on_try
            ), None
        except Exception as error:  # noqa: BLE001  one bad item never blocks its neighbours
            return None, error

    def _begin(self) -> _Slot[T, R] | None:
        """The next item, its deadline running; None when there is nothing more to begin."""
        while True:
            with self.lock:
                self.idle += 1
                while not self.waiting and not self.is_closed:
                    self.work.wait()
                self.idle -= 1
                if self.is_closed:
                    return None
            error_before = self._call_before()
            ending = self._ending_or_error()
            with self.lock:
                if ending is not None:
                    self._hand_back(ending)
                if error_before is not None and self.waiting:
                    self._settle(self.waiting.popleft(), error=error_before)
                elif (slot := self._taken()) is not None:
                    return slot

    def _taken(self) -> _Slot[T, R] | None:
        """The next item, its deadline running, if there is one; the caller holds the lock."""
        if self.is_closed or not self.waiting:
            return None
        slot = self.waiting.popleft()
        slot.begun_at, slot.tries = time.monotonic(), 1
        slot.thread = threading.current_thread()
        slot.deadline = min(self.deadline, Deadline.after(self.processor.item_s))
        self.running.add(slot)
        return slot

    def _ending_or_error(self) -> Exception | None:
        """The reason to begin no further item; a switch that cannot be read is one as well."""
        try:
            return self._ending()
        except Exception as error:  # noqa: BLE001  a thread that dies would leave its items undone
            return error

    def _call_before(self) -> Exception | None:
        if self.processor.before is not None:
            try:
                self.processor.before(self.deadline)
            except Exception as error:  # noqa: BLE001  it becomes the error of the next item
                return error
        return None

    def _close(self) -> None:
        with self.lock:
            self.is_closed = True
            self.waiting.clear()
            self.work.notify_all()
            running = [slot.deadline for slot in self.running]
        if self.is_in_a_hurry or (self.kill is not None and self.kill.is_set()):
            return
        latest = max(running, default=NEVER)
        for thread in self.threads:
            if thread not in self.hung:
                thread.join(None if latest == NEVER else latest.left_s + GRACE_S)
