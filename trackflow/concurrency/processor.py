"""Calls a slow function for many items at once: bounded, in order, with a result for every item.

`Processor.run` takes items and a function and yields one `ItemResult` per item, in the order of the
items; an error is a result too. The items may be an iterator of any length: it is read in the
caller's thread, at most `ahead` items before the one whose result is yielded next, so memory stays
flat. The calls run in threads, which suits functions that wait (requests, disks); how is in
`processor_run`.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from trackflow.concurrency.deadline import Deadline
from trackflow.concurrency.item_results import ItemResult, ProcessorProgress
from trackflow.concurrency.processor_run import ProcessorRun
from trackflow.concurrency.retrying import ONCE, Retry
from trackflow.concurrency.switch import Stop, Switch
from trackflow.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Processor:
    """How many things to do at once, and how long each may take.

    Attributes:
        workers: threads at most, and so the largest number of calls at once.
        ahead: the largest number of items in hand; the more, the less one slow item delays the
            others. None: 32 for each worker.
        item_s: total deadline of an item in seconds, all tries included; None for none.
        batch_s: total deadline of a run in seconds; items not begun by then are handed back.
        retry: how to try again; by default not at all.
        before: called with the run's deadline before an item is begun, while the item's own
            deadline does not run yet; for example to wait for a service's rest
            (`RateLimit.wait_for_rest`). Its error becomes that of the next item, which is not
            begun.
        name: of the pool in the metrics.
    """

    workers: int
    ahead: int | None = None
    item_s: float | None = None
    batch_s: float | None = None
    retry: Retry = ONCE
    before: Callable[[Deadline], None] | None = None
    name: str = "other"

    def run[T, R](
        self,
        items: Iterable[T],
        call: Callable[[T, Deadline], R],
        *,
        stop: Stop | None = None,
        kill: Switch | None = None,
        on_progress: Callable[[ProcessorProgress], None] | None = None,
    ) -> Iterator[ItemResult[T, R]]:
        """One result per item, in the order of the items.

        An error of the iterator itself is raised after the results of all items before it. When
        the caller closes the iterator early, that waits for the calls under way.

        Args:
            items: the inputs of the calls.
            call: called with an item and its deadline.
            stop: ends gracefully: calls under way are finished, the rest is handed back.
            kill: ends at once: calls under way are given up as well.
            on_progress: called in the caller's thread after every result, and now and then.

        Raises:
            SettingsError: there is no worker.
        """
        if self.workers < 1 or (self.ahead is not None and self.ahead < 1):
            raise SettingsError("at least one worker and one item in hand are needed")
        return ProcessorRun(self, iter(items), call, stop, kill, on_progress).results()
