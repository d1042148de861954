"""A road engine behind a circuit breaker that all processes share.

While the service is down, calls fail at once, so that each batch does not wait for a deadline of
its own; one process at a time sends a probe. The database is written to when a call fails and when
the state changes, never for a success of a closed breaker.
"""

import datetime as dt
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from trackflow.concurrency.breaker import Breaker, Phase
from trackflow.errors import EngineUnavailableError, TrackflowError
from trackflow.geo.points import Floats
from trackflow.matching.engines.http import EngineBusyError, HttpEngine
from trackflow.matching.engines.protocol import MatchAnswer, MatchRequest, Route
from trackflow.store import breakers
from trackflow.store.database import Store

REFRESH_EVERY_S = 2.0
"""How old the known state of a closed breaker may be, and so the delay until failures of other
processes are seen."""


@dataclass(slots=True)
class GuardedEngine:
    """An `Engine` that raises EngineUnavailableError at once while its breaker is open.

    Attributes:
        inner: the engine behind the breaker.
        service: the breaker's name.
        store: keeps the breaker.
        clock: gives the breaker's times.
    """

    inner: HttpEngine
    service: str
    store: Store
    clock: Callable[[], dt.datetime]
    _known: Breaker = field(default_factory=Breaker)
    _refreshed_at: float = float("-inf")

    @property
    def profile(self) -> str:
        """The profile of the engine's network."""
        return self.inner.profile

    @property
    def network_version(self) -> str:
        """The version of the engine's network; for a server this takes one request."""
        known = self.inner.known_version
        # a version that is known without a request is no sign that the server answers
        return known if known is not None else self._guarded(lambda: self.inner.network_version)

    @property
    def either_way_version(self) -> str:
        """As the inner engine's."""
        return self.inner.either_way_version

    def either_way(self) -> None:
        """None: a server holds one data set."""

    def match(self, request: MatchRequest) -> MatchAnswer:
        """Snap points to roads."""
        return self._guarded(lambda: self.inner.match(request))

    def route(self, lon: Floats, lat: Floats) -> Route | None:
        """The route through the given positions in order, None where there is none."""
        return self._guarded(lambda: self.inner.route(lon, lat))

    def close(self) -> None:
        """Release the engine."""
        self.inner.close()

    def _guarded[T](self, call: Callable[[], T]) -> T:
        is_probe = self._admit()
        try:
            answer = call()
        except EngineUnavailableError as error:
            self._failed(error, is_probe)
            raise
        except TrackflowError:
            self._succeeded(is_probe)  # the server refuses this request, but it answers
            raise
        self._succeeded(is_probe)
        return answer

    def _admit(self) -> bool:
        """Admit a call; returns whether it is the probe of a half-open breaker.

        Raises:
            EngineUnavailableError: the breaker is open.
        """
        is_closed = self._known.open_until is None
        if is_closed and time.monotonic() - self._refreshed_at < REFRESH_EVERY_S:
            return False
        now = self.clock()
        self._refresh()
        match self._known.phase(now):
            case Phase.CLOSED:
                return False
            case Phase.HALF_OPEN if self._known.may_probe(now) and self._take_probe():
                return True
        raise EngineUnavailableError(
            f"the road engine is left alone after it failed: {self._known.last_error}"
        )

    def _refresh(self) -> None:
        with self.store.read() as connection:
            self._known = breakers.read_breaker(connection, self.service)
        self._refreshed_at = time.monotonic()

    def _take_probe(self) -> bool:
        with self.store.write() as connection:
            return breakers.take_probe(connection, self.service, self.clock())

    def _failed(self, error: EngineUnavailableError, is_probe: bool) -> None:
        rest_s = error.retry_after_s if isinstance(error, EngineBusyError) else None
        with self.store.write() as connection:
            self._known = breakers.note_failure(
                connection,
                self.service,
                str(error),
                self.clock(),
                is_probe=is_probe,
                rest_s=rest_s,
            )

    def _succeeded(self, is_probe: bool) -> None:
        if not is_probe and not self._known.failures:
            return
        with self.store.write() as connection:
            self._known = breakers.note_success(
                connection, self.service, self.clock(), is_probe=is_probe
            )
