"""Vector tiles of the road network, from the road engine: a base map that needs no internet.

A tile is requested from the engine once and then kept on disk, under the network's version. The
embedded engine here is one of its own, loaded when the first tile is missing, and it makes one tile
at a time: it is no thread-safe object. No matched line ever waits for it.
"""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx

from trackflow.concurrency.connections import HttpClient
from trackflow.concurrency.deadline import TooLateError
from trackflow.concurrency.http import TooLargeError, ask
from trackflow.context import NO_ENGINE, Context
from trackflow.errors import EngineUnavailableError, NotFoundError
from trackflow.files import whole_file
from trackflow.geo import tiles
from trackflow.geo.bbox import Bbox
from trackflow.matching.engines.embedded import EmbeddedEngine
from trackflow.matching.engines.http import HttpEngine
from trackflow.matching.networks import load_network
from trackflow.store.days import queries
from trackflow.store.roads.networks import located

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
        self._embedded: EmbeddedEngine | None = None
        self._client: HttpClient | None = None
        self._servers: dict[str, tuple[float, str]] = {}

    def tile(self, profile: str | None, zoom: int, x: int, y: int) -> bytes:
        """A Mapbox vector tile; empty where there are no roads, and at zooms without tiles.

        Args:
            profile: car, bicycle or foot; None for any network, on a server for car.
            zoom: zoom level, 0 for the whole Earth.
            x: column, from the west.
            y: row, from the north.

        Raises:
            NotFoundError: there is no such tile on Earth, or no network for the profile.
            EngineUnavailableError: the engine cannot be loaded or reached.
        """
        if not tiles.exists(zoom, x, y):
            raise NotFoundError("there is no such tile")
        source = self._source(profile)
        outside = source.bbox is not None and not tiles.overlaps(source.bbox, zoom, x, y)
        if outside or not LOWEST_ZOOM <= zoom <= HIGHEST_ZOOM:
            return EMPTY
        path = self._folder(source.version) / str(zoom) / str(x) / f"{y}.mvt"
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
            if self._embedded is not None:
                self._embedded.close()
            if self._client is not None:
                self._client.close()
            self._embedded = self._client = None

    def _folder(self, version: str) -> Path:
        safe = "".join(c if c.isalnum() else "_" for c in version)
        return self._context.settings.home / "tiles" / safe

    def _source(self, profile: str | None) -> _Source:
        with self._context.store.read() as connection:
            networks = queries.network_rows(connection)
        url = self._context.settings.engine_url
        if url not in ("", NO_ENGINE):
            served = profile or "car"
            version = self._server_version(url, served)
            return _Source(version, None, partial(self._fetch, url, served))
        network = next((n for n in networks if profile in (None, n.profile)), None)
        if network is None:
            raise NotFoundError("there is no road network: make one with `trackflow network build`")
        bbox = Bbox(network.west, network.south, network.east, network.north)
        return _Source(network.version, bbox, partial(self._make, network))

    def _make(self, network: queries.NetworkRow, zoom: int, x: int, y: int) -> bytes:
        with self._lock:
            engine = self._embedded
            if engine is None or engine.network_version != network.version:
                dataset = load_network(
                    located(
                        network.folder,
                        network.profile,
                        network.version,
                        self._context.settings.home,
                    )
                ).dataset
                engine = EmbeddedEngine(dataset, network.profile, network.version)
                self._embedded = engine
            return engine.tile(zoom, x, y)

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
