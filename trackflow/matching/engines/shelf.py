"""A few open road engines: those that were used last."""

from collections import OrderedDict

from trackflow.matching.engines.embedded import EmbeddedEngine
from trackflow.matching.networks import RoadNetwork

MOST_OPEN = 4
"""Networks that a process holds open. A traveller's day touches two or three; each costs memory for
its searches, and a thread."""


class EngineShelf:
    """Engines of road networks, opened when they are first needed; for one thread at a time."""

    def __init__(self, most: int = MOST_OPEN) -> None:
        self._most = most
        self._open: OrderedDict[tuple[str, str], EmbeddedEngine] = OrderedDict()

    def engine(self, network: RoadNetwork) -> EmbeddedEngine:
        """The engine of a network. It may be closed when others have been asked for since.

        Raises:
            EngineUnavailableError: the data set is missing or damaged.
        """
        key = (network.profile, network.version)
        if key not in self._open:
            while len(self._open) >= self._most:
                self._open.popitem(last=False)[1].close()
            self._open[key] = EmbeddedEngine(network.dataset, network.profile, network.version)
        self._open.move_to_end(key)
        return self._open[key]

    def close(self) -> None:
        """Release all of them."""
        for engine in self._open.values():
            engine.close()
        self._open.clear()
