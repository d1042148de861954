"""Vector tiles of road networks, from the road engine: a base map that needs no internet.

A tile is requested from the engine once and then kept on disk, under the network's version. The
embedded engine here is one of its own, loaded when the first tile is missing, and it makes one tile
at a time: it is no thread-safe object. No matched line ever waits for it.
"""

import math
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx

from trackflow.basemap.combining import combine
from trackflow.concurrency.connections import HttpClient
from trackflow.concurrency.deadline import TooLateError
from trackflow.concurrency.http import TooLargeError, ask
from trackflow.context import NO_ENGINE, Context, road_tiles_folder
from trackflow.errors import EngineUnavailableError, NotFoundError
from trackflow.files import whole_file
from trackflow.geo import tiles
from trackflow.geo.bbox import Bbox
from trackflow.matching.engines.http import HttpEngine
from trackflow.matching.engines.shelf import EngineShelf
from trackflow.store.roads.networks import StoredNetwork, read_networks

LOWEST_ZOOM, HIGHEST_ZOOM = 12, 16
"""The engine makes no tiles below; above, a map shows the highest ones larger."""

LAYERS = frozenset({"speeds"})
"""The layer of roads; turns and nodes, three quarters of a tile, only help to debug routing."""

EMPTY = b""

VERSION_KEPT_S = 60.0
"""Seconds for which a server's network is assumed to be unchanged."""

DEADLINE_S = 10.0
MOST_BYTES = 20_000_000


@dataclass(frozen=True, slots=True)
class _Source:
    """The source of tiles: a network's version, its bbox if it is known, and its engine."""

    version: str
    bbox: Bbox | None
    make: Callable[[int, int, int], bytes]


class RoadTiles:
    """Makes and keeps tiles; may be used by several threads."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._embedded = EngineShelf()
        self._client: HttpClient | None = None
        self._servers: dict[str, tuple[float, str]] = {}

    def tile(self, profile: str | None, zoom: int, x: int, y: int) -> bytes:
        """A Mapbox vector tile; empty where there are no roads, and at zooms without tiles.

        Args:
            profile: car, bicycle or foot; None for the first that has one, on a server for car.
            zoom: zoom level, 0 for the whole Earth.
            x: column, from the west.
            y: row, from the north.

        Raises:
            NotFoundError: there is no such tile on Earth, or no network for the profile.
            EngineUnavailableError: the engine cannot be loaded or reached.
        """
        if not tiles.exists(zoom, x, y):
            raise NotFoundError("there is no such tile")
        sources = [
            source
            for source in self._sources(profile)
            if source.bbox is None or tiles.overlaps(source.bbox, zoom, x, y)
        ]
        if not LOWEST_ZOOM <= zoom <= HIGHEST_ZOOM:
            return EMPTY
        # roads that several networks have are drawn twice, at the same place
        made = [tile for source in sources if (tile := self._tile(source, zoom, x, y))]
        return combine(made) if len(made) > 1 else b"".join(made)

    def _tile(self, source: _Source, zoom: int, x: int, y: int) -> bytes:
        folder = road_tiles_folder(self._context.settings.home, source.version)
        path = folder / str(zoom) / str(x) / f"{y}.mvt"
        with suppress(OSError):
            return path.read_bytes()
        try:
            made = tiles.keep_layers(source.make(zoom, x, y), LAYERS)
        except ValueError:
            raise EngineUnavailableError("the road engine answers with no vector tile") from None
        _keep(path, made)
        return made

    def close(self) -> None:
        """Release the engine."""
        with self._lock:
            self._embedded.close()
            if self._client is not None:
                self._client.close()
            self._client = None

    def _sources(self, profile: str | None) -> list[_Source]:
        """The networks that tiles show: those of one profile, the largest first."""
        url = self._context.settings.engine_url
        if url not in ("", NO_ENGINE):
            served = profile or "car"
            version = self._server_version(url, served)
            return [_Source(version, None, partial(self._fetch, url, served))]
        with self._context.store.read() as connection:
            networks = read_networks(connection, profile)
        if not networks:
            raise NotFoundError("there is no road network: make one with `trackflow network build`")
        shown = [one for one in networks if one.profile == networks[0].profile]
        shown.sort(key=lambda one: (-(one.area_km2 or math.inf), one.name))
        return [_Source(one.version, one.bbox, partial(self._make, one)) for one in shown]

    def _make(self, network: StoredNetwork, zoom: int, x: int, y: int) -> bytes:
        with self._lock:
            return self._embedded.engine(self._context.files_of(network)).tile(zoom, x, y)

    def _server_version(self, url: str, profile: str) -> str:
        checked_at, version = self._servers.get(profile, (float("-inf"), ""))
        if time.monotonic() - checked_at > VERSION_KEPT_S:
            version = HttpEngine(url, profile, client=self._http()).network_version
            self._servers[profile] = (time.monotonic(), version)
        return f"{profile}-{version}"

    def _fetch(self, url: str, profile: str, zoom: int, x: int, y: int) -> bytes:
        address = httpx.URL(f"{url.rstrip('/')}/tile/v1/{profile}/tile({x},{y},{zoom}).mvt")
        try:
            reply = ask(self._http(), address, deadline_s=DEADLINE_S, max_bytes=MOST_BYTES)
        except (TooLateError, TooLargeError, httpx.HTTPError) as error:
            reason = type(error).__name__
            raise EngineUnavailableError(f"the road engine gives no tile: {reason}") from None
        if reply.status != 200:
            raise EngineUnavailableError(f"the road engine gives no tile: status {reply.status}")
        return reply.body

    def _http(self) -> HttpClient:
        with self._lock:
            if self._client is None:
                self._client = HttpClient()
            return self._client


def _keep(path: Path, tile: bytes) -> None:
    """Put a tile on disk, whole or not at all; a disk that is full or read-only is no error."""
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path, private=True) as file:
            file.write(tile)
