"""A road engine behind a circuit breaker that all processes share."""

import datetime as dt
from collections.abc import Callable

from trackflow.errors import EngineUnavailableError
from trackflow.geo.points import Floats
from trackflow.matching.engines.http import HttpEngine
from trackflow.matching.engines.protocol import MatchAnswer, MatchRequest, Route
from trackflow.store.database import Store
from trackflow.store.service_guard import ServiceGuard


class GuardedEngine:
    """An `Engine` that raises EngineUnavailableError at once while its breaker is open."""

    def __init__(
        self, inner: HttpEngine, service: str, store: Store, clock: Callable[[], dt.datetime]
    ) -> None:
        """An engine with its breaker.

        Args:
            inner: the engine behind the breaker.
            service: the breaker's name.
            store: keeps the breaker.
            clock: gives the breaker's times.
        """
        self.inner = inner
        self._guard = ServiceGuard(service, "the road engine", EngineUnavailableError, store, clock)

    @property
    def profile(self) -> str:
        """The profile of the engine's network."""
        return self.inner.profile

    @property
    def network_version(self) -> str:
        """The version of the engine's network; for a server this takes one request."""
        known = self.inner.known_version
        # a version that is known without a request is no sign that the server answers
        if known is not None:
            return known
        return self._guard.call(lambda: self.inner.network_version)

    @property
    def either_way_version(self) -> str:
        """As the inner engine's."""
        return self.inner.either_way_version

    def either_way(self) -> None:
        """None: a server holds one data set."""

    def match(self, request: MatchRequest) -> MatchAnswer:
        """Snap points to roads."""
        return self._guard.call(lambda: self.inner.match(request))

    def route(self, lon: Floats, lat: Floats) -> Route | None:
        """The route through the given positions in order, None where there is none."""
        return self._guard.call(lambda: self.inner.route(lon, lat))

    def close(self) -> None:
        """Release the engine."""
        self.inner.close()
