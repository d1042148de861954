"""Fetches the list and pages of a source: politely, many pages at once, each kept on arrival.

Pages are kept in the store in small transactions, together with the job's progress, so that a kill
loses a moment of fetching.
"""

import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from trackflow.catalogue.failures import failure_of
from trackflow.catalogue.records import Details, ListedTrack, Listing
from trackflow.catalogue.sources.protocol import Connector
from trackflow.concurrency.deadline import Deadline
from trackflow.concurrency.item_results import ItemResult, ProcessorProgress
from trackflow.concurrency.polite import PageClient, PoliteClient
from trackflow.concurrency.processor import Processor
from trackflow.concurrency.rate_limit import RateLimit
from trackflow.concurrency.retrying import Retry
from trackflow.concurrency.switch import Switch
from trackflow.context import Context
from trackflow.errors import SourceRestsError, SourceUnavailableError
from trackflow.store.catalogue import checkpoints
from trackflow.store.catalogue.checkpoints import FetchedPage
from trackflow.store.service_guard import ServiceGuard
from trackflow.usecases.jobs.progress import CancelledError, ClaimedJob

_OUT_OF_REACH = frozenset({"network", "busy", "deadline"})


RETRY = Retry(name="race tracks")


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """How patient a sync is with its source, and how much a kill may lose.

    Attributes:
        retry: how to try the list or a page again.
        list_s: total deadline of the list in seconds, all tries included.
        page_s: total deadline of a track's page.
        keep_rows: fetched pages are written when there are so many of them,
        keep_every_s: or after so many seconds; a kill may lose these.
        most_out_of_reach: failures in a row that end the sync: a site that is down must not get a
            thousand requests.
    """

    retry: Retry = RETRY
    list_s: float = 120.0
    page_s: float = 60.0
    keep_rows: int = 25
    keep_every_s: float = 1.0
    most_out_of_reach: int = 50


USUAL_LIMITS = FetchLimits()


@dataclass(slots=True)
class SourceFetcher:
    """Fetches from the source of a sync. A context manager that closes its connections.

    Attributes:
        context: the store and its surroundings.
        claimed: the job.
        connector: of the source.
        switch: of its site; thrown for this process alone when the job is to stop.
        limits: how patient it is.
    """

    context: Context
    claimed: ClaimedJob
    connector: Connector
    switch: Switch
    limits: FetchLimits = USUAL_LIMITS
    _limit: RateLimit = field(init=False)
    _web: PoliteClient = field(init=False)
    _guard: ServiceGuard = field(init=False)

    def __post_init__(self) -> None:
        settings, services = self.context.settings, self.context.services
        service = f"catalogue {self.switch.site}"
        self._limit = services.rate(service, settings.catalogue_per_s)
        connections = services.connections(service, settings.catalogue_concurrency)
        self._web = PoliteClient(self._limit, self.switch, connections=connections)
        self._guard = ServiceGuard(
            service,
            self.connector.site,
            SourceUnavailableError,
            self.context.store,
            self.context.clock,
            SourceRestsError,
            rests_apart=True,
        )

    def __enter__(self) -> "SourceFetcher":
        return self

    def __exit__(self, *_: object) -> None:
        self._web.close()

    def listing(self) -> Listing:
        """The source's list.

        Raises:
            TrackflowError: the list cannot be fetched or read.
            CancelledError: a person has cancelled the job.
        """

        def get(connector: Connector, deadline: Deadline) -> Listing:
            # not the pages: some that are broken must not keep the others from being fetched;
            # a site that is down ends a sync by `most_out_of_reach`, and further syncs here
            return self._guard.call(lambda: connector.list_tracks(self._web, deadline))

        def on_progress(_: ProcessorProgress) -> None:
            self._live(0)

        outcome = next(
            self._processor(1, self.limits.list_s).run(
                [self.connector], get, kill=self.switch, on_progress=on_progress
            )
        )
        self._check()
        return outcome.result()

    def pages(self, rows: list[ListedTrack], total: int, done: int, failed: int) -> None:
        """Fetch the pages of tracks and keep each.

        Args:
            rows: of the list, those that are still to be fetched.
            total: pages of the sync in all.
            done: pages that are kept already.
            failed: those of them that failed.

        Raises:
            SourceUnavailableError: the site has gone away.
            SwitchedOffError: the kill switch is thrown.
            CancelledError: a person has cancelled the job.
            StaleClaimError: another worker has taken the job over.
        """
        keeper = _Keeper(self.context, self.claimed, self.limits, total, done, failed)
        timed = _TimedFetcher(self.connector, self._web, keeper.fresh)
        out_of_reach = 0

        def on_progress(_: ProcessorProgress) -> None:
            keeper.keep()
            self._live(keeper.done)

        outcomes = self._processor(
            self.context.settings.catalogue_concurrency, self.limits.page_s
        ).run(rows, timed.fetch, kill=self.switch, on_progress=on_progress)
        with self._nothing_left_behind():
            for outcome in outcomes:
                kind = _keep_failure(outcome, keeper.fresh)
                out_of_reach = out_of_reach + 1 if kind in _OUT_OF_REACH else 0
                if out_of_reach >= self.limits.most_out_of_reach:
                    keeper.keep(now=True)
                    raise SourceUnavailableError(
                        f"{self.connector.site} did not give {out_of_reach} pages in a row: it is "
                        "left alone; the next sync goes on from here"
                    )
        keeper.keep(now=True)
        self._check()

    def _processor(self, workers: int, item_s: float) -> Processor:
        def hold(deadline: Deadline) -> None:
            self._limit.wait_for_rest(deadline, self.switch)

        return Processor(
            workers, name="catalogue", item_s=item_s, retry=self.limits.retry, before=hold
        )

    @contextmanager
    def _nothing_left_behind(self) -> Iterator[None]:
        """Give up open requests without waiting when the work breaks off, for any reason."""
        try:
            yield
        except BaseException:
            self.switch.throw("the sync was broken off")
            raise

    def _live(self, done: int) -> None:
        """Give a sign of life, and stop if a person has cancelled the job."""
        self.claimed.beat(done)
        if self.claimed.job.cancel_requested:
            self.switch.throw("cancelled")

    def _check(self) -> None:
        if self.claimed.job.cancel_requested:
            raise CancelledError("cancelled")
        self.switch.check()


@dataclass(slots=True)
class _TimedFetcher:
    """Fetches pages in many threads; good ones go to `fresh` at once, not in their order."""

    connector: Connector
    web: PageClient
    fresh: deque[FetchedPage]
    _begun: dict[str, float] = field(default_factory=dict)
    _tries: Counter[str] = field(default_factory=Counter)

    def fetch(self, row: ListedTrack, deadline: Deadline) -> None:
        """Fetch a page; called once per try, by one thread at a time for the same track."""
        begun = self._begun.setdefault(row.slug, time.monotonic())
        self._tries[row.slug] += 1
        details: Details = self.connector.fetch_details(row, self.web, deadline)
        seconds = time.monotonic() - begun
        del self._begun[row.slug]
        tries = self._tries.pop(row.slug)
        self.fresh.append(FetchedPage(row.slug, details, None, round(seconds, 3), tries))


def _keep_failure(outcome: ItemResult[ListedTrack, None], fresh: deque[FetchedPage]) -> str | None:
    """Queue a failed page for keeping, unless it was stopped; returns the failure's kind."""
    failure = failure_of(outcome.item.slug, outcome)
    if failure is None:
        return None
    if failure.kind != "stopped":
        fresh.append(FetchedPage(failure.slug, None, failure, failure.seconds, failure.tries))
    return failure.kind


@dataclass(slots=True)
class _Keeper:
    """Writes fetched pages to the store from time to time.

    Attributes:
        fresh: pages that are fetched and not kept yet; other threads append to it.
    """

    context: Context
    claimed: ClaimedJob
    limits: FetchLimits
    total: int
    done: int
    failed: int
    fresh: deque[FetchedPage] = field(default_factory=deque)
    _kept_at: float = field(default_factory=time.monotonic)

    def keep(self, *, now: bool = False) -> None:
        """Write fetched pages, if it is time to.

        Raises:
            StaleClaimError: another worker has taken the job over.
        """
        is_due = time.monotonic() - self._kept_at >= self.limits.keep_every_s
        if not self.fresh or not (now or is_due or len(self.fresh) >= self.limits.keep_rows):
            return
        rows = [self.fresh.popleft() for _ in range(len(self.fresh))]
        # a page that was given up may still arrive: it is there twice, and the first one counts
        self.done = min(self.done + len(rows), self.total)
        self.failed += sum(row.failure is not None for row in rows)
        with self.context.store.write() as connection:
            checkpoints.keep_fetched(connection, self.claimed.job.job_id, rows)
            self.claimed.advance(connection, self.done, total=self.total, failed=self.failed)
        self.claimed.notify()
        self._kept_at = time.monotonic()
