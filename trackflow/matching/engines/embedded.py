"""The road engine in this process: no server, one data set, mapped into memory.

All processes of a machine that map the same files share them in memory, so a country's network is
there once, however many workers match on it.

It does not release the GIL while it works, so threads gain nothing; processes do.

OSRM keeps the memory of its searches for each thread, and makes it as large as the first data set
needs that is used in the thread. A larger one then writes beyond it, and the process dies now and
then. So a thread serves one data set: the first. Every other has a thread of its own.
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from trackflow.errors import EngineUnavailableError, TrackflowError
from trackflow.geo.points import Floats
from trackflow.matching.engines.answers import GEOMETRY, match_answer, no_match
from trackflow.matching.engines.answers import route as route_of
from trackflow.matching.engines.protocol import MatchAnswer, MatchRequest, Route
from trackflow.matching.networks import EITHER_WAY_DATASET, is_dataset

NO_ANSWER = ("NoMatch", "NoSegment", "NoRoute", "Could not match", "Could not find")
"""Words of the engine for "there is nothing here", which is no error."""


_of_thread = threading.local()
"""`dataset`: the first data set that this thread has searched in."""


class EmbeddedEngine:
    """OSRM on a data set that `build_network` made.

    Raises:
        EngineUnavailableError: the data set is missing or damaged.
    """

    def __init__(self, dataset: Path, profile: str, network_version: str) -> None:
        import osrm  # loads a large library, and not every process matches

        self.profile = profile
        self.network_version = network_version
        self._osrm = osrm
        self._either_way_dataset = dataset.with_name(EITHER_WAY_DATASET)
        self._either_way: EmbeddedEngine | None = None
        self._dataset = (dataset.resolve(), network_version)
        self._thread: ThreadPoolExecutor | None = None
        has_either_way = dataset.name != EITHER_WAY_DATASET and is_dataset(self._either_way_dataset)
        self.either_way_version = network_version if has_either_way else ""
        try:
            self._engine: Any = osrm.OSRM(
                algorithm="MLD",
                storage_config=str(dataset),
                use_shared_memory=False,
                use_mmap=True,  # the processes of a machine share one copy of the data set
                max_locations_map_matching=-1,
                max_locations_viaroute=-1,
            )
        except RuntimeError as error:
            raise EngineUnavailableError(
                f"the road network {network_version} for {profile} cannot be loaded; build it "
                "again with `trackflow network build`"
            ) from error

    def either_way(self) -> "EmbeddedEngine | None":
        """The same roads with one-ways ignored; None if the network was built without them."""
        if self._either_way is None and self.either_way_version:
            self._either_way = EmbeddedEngine(
                self._either_way_dataset, self.profile, self.either_way_version
            )
        return self._either_way

    def match(self, request: MatchRequest) -> MatchAnswer:
        """Snap points to roads."""
        points = len(request.lon)
        parameters = self._osrm.MatchParameters(
            coordinates=list(zip(request.lon.tolist(), request.lat.tolist(), strict=True)),
            timestamps=request.time_s.tolist(),
            radiuses=request.radius_m.tolist(),
            gaps=request.gaps,
            tidy=request.tidy,
            geometries=GEOMETRY,
            overview="full",
            generate_hints=False,
        )
        try:
            return match_answer(self._search(self._engine.Match, parameters), points)
        except RuntimeError as error:
            self._raise_unless_nothing(error)
            return no_match(points)

    def route(self, lon: Floats, lat: Floats) -> Route | None:
        """The way through the given places in order, None where there is none."""
        parameters = self._osrm.RouteParameters(
            coordinates=list(zip(lon.tolist(), lat.tolist(), strict=True)),
            geometries=GEOMETRY,
            overview="full",
            generate_hints=False,
        )
        try:
            return route_of(self._search(self._engine.Route, parameters))
        except RuntimeError as error:
            self._raise_unless_nothing(error)
            return None

    def tile(self, zoom: int, x: int, y: int) -> bytes:
        """A vector tile of the network, with the layers speeds, turns and osmnodes; zoom 12 to 19.

        Raises:
            TrackflowError: there is no such tile.
        """
        try:
            made: bytes = self._engine.Tile(self._osrm.TileParameters([x, y, zoom]))
        except RuntimeError as error:
            raise TrackflowError(f"the road engine makes no tile {zoom}/{x}/{y}") from error
        return made

    def close(self) -> None:
        """Release the data sets."""
        self._engine = None
        if self._thread is not None:
            self._thread.shutdown()
            self._thread = None
        if self._either_way is not None:
            self._either_way.close()
            self._either_way = None

    def _search(self, search: Callable[[Any], Any], parameters: Any) -> Any:
        """The answer of a search, made in a thread that searches in no other data set."""
        if not hasattr(_of_thread, "dataset"):
            _of_thread.dataset = self._dataset
        if _of_thread.dataset == self._dataset:
            return search(parameters)
        if self._thread is None:
            self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="osrm")
        return self._thread.submit(search, parameters).result()

    def _raise_unless_nothing(self, error: RuntimeError) -> None:
        """OSRM names what is wrong with a request in the error's text, positions not among it."""
        if not any(words in str(error) for words in NO_ANSWER):
            raise TrackflowError(f"the road engine refuses a request: {error}") from error
