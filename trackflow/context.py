"""What every use case needs: settings, the store, the clock, and road engines by profile.

The engines' modules are imported when an engine is first needed: their import takes a fifth of a
second, which would delay commands that match nothing.
"""

import datetime as dt
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from trackflow.errors import NetworkBuildError, NoNetworkError
from trackflow.geo.time import to_us
from trackflow.matching.coverage import Coverage, choose
from trackflow.matching.networks import PROFILES, load_network
from trackflow.settings import Settings
from trackflow.store.database import SpareEngines, Store, open_store
from trackflow.store.roads import networks

if TYPE_CHECKING:
    from trackflow.categories.mode_map import ModeMap
    from trackflow.matching.engines.http import HttpEngine
    from trackflow.matching.engines.protocol import Engine
    from trackflow.matching.engines.shelf import EngineShelf
    from trackflow.matching.networks import RoadNetwork
    from trackflow.matching.windows import Window
    from trackflow.store.roads.guarded_engine import GuardedEngine
    from trackflow.store.roads.networks import StoredNetwork
    from trackflow.store.services import Services

type Roads = Callable[["Window"], "Engine"]
"""Gives the road engine that a window is matched on."""

type Clock = Callable[[], dt.datetime]

_SPARES = SpareEngines()

NO_ENGINE = "none"
"""The value of `TRACKFLOW_ENGINE_URL` that switches matching off: tracks keep their raw lines."""


def mode_map_folder(home: Path, version: str) -> Path:
    """Where the rails, paths and stops of a road network's extract are.

    Not in the network's own folder: its files are counted to see whether it is complete.
    """
    return home / "mode_maps" / version


def base_map_folder(home: Path, version: str) -> Path:
    """Where the map tiles of a network's extract are, not in its folder for the same reason."""
    return home / "base_maps" / version


def road_tiles_folder(home: Path, version: str) -> Path:
    """Where the tiles that a road engine has made of a network are kept."""
    return home / "tiles" / "".join(c if c.isalnum() else "_" for c in version)


def utc_now() -> dt.datetime:
    """The time."""
    return dt.datetime.now(dt.UTC)


@dataclass(slots=True)
class Context:
    """The dependencies of a use case. Engines are opened when first needed and kept."""

    settings: Settings
    store: Store
    clock: Clock = utc_now
    _engines: "dict[str, Engine]" = field(default_factory=dict)
    _coverages: "dict[tuple[str, str], Coverage]" = field(default_factory=dict)
    _embedded: "EngineShelf | None" = None
    _mode_map: "tuple[tuple[Path, ...], ModeMap] | None" = None
    _services: "Services | None" = None

    @classmethod
    def open(cls, settings: Settings, clock: Clock = utc_now, *, often: bool = False) -> "Context":
        """A context with the store of these settings.

        Args:
            settings: where the store is, and everything else.
            clock: tells the time.
            often: whether this process opens such contexts one after another: the next one finds
                its statements compiled.
        """
        return cls(settings, open_store(settings, _SPARES if often else None), clock)

    @property
    def now_us(self) -> int:
        """The time in microseconds since 1970."""
        return to_us(self.clock())

    @property
    def matches(self) -> bool:
        """Whether lines are matched at all."""
        return self.settings.engine_url != NO_ENGINE

    def engine(self, profile: str) -> "Engine":
        """The road engine for a profile: the server's, or that of its largest network.

        Raises:
            NoNetworkError: there is no road network for it.
            NetworkFetchError: there is one on another machine, and it cannot be fetched.
            EngineUnavailableError: no server answers, or the network is damaged.
        """
        if self.settings.engine_url:
            from trackflow.concurrency.connections import HttpClient
            from trackflow.matching.engines.http import HttpEngine, server_name

            if profile not in self._engines:
                self._engines[profile] = self.guard(
                    HttpEngine(
                        self.settings.engine_url,
                        profile,
                        client=HttpClient(self.settings.engine_connections),
                        connections=self.services.connections(
                            server_name(self.settings.engine_url),
                            self.settings.engine_connections,
                        ),
                    )
                )
            return self._engines[profile]
        network = self.network(profile)
        if network is None:
            raise self._no_network(profile)
        return self._shelf().engine(network)

    def roads(self, profile: str) -> "Roads":
        """The road engine for each window of a profile's devices.

        Without a server it is that of the smallest network that knows the window's points best: the
        choice depends on the networks in use now and on these points alone.

        Raises:
            NoNetworkError: there is no road network for the profile.
            EngineUnavailableError: no server answers.
        """
        if self.settings.engine_url:
            server = self.engine(profile)
            return lambda _: server
        with self.store.read() as connection:
            found = networks.read_candidates(connection, profile, self._coverages)
        if not found:
            raise self._no_network(profile)
        from trackflow.matching.engines.no_roads import NoRoads

        stored = {network.name: network for network, _ in found}
        loaded: dict[str, RoadNetwork] = {}

        def engine_for(window: "Window") -> "Engine":
            name = choose([candidate for _, candidate in found], window.points)
            if name is None:
                return NoRoads(profile)
            if name not in loaded:
                loaded[name] = self.files_of(stored[name])
            return self._shelf().engine(loaded[name])

        return engine_for

    def network(self, profile: str, name: str | None = None) -> "RoadNetwork | None":
        """A road network in use; None if there is none.

        Args:
            profile: car, bicycle or foot.
            name: of the network; without one it is the largest of the profile.

        Raises:
            NetworkBuildError: its files are gone or damaged.
            NetworkFetchError: it cannot be fetched.
        """
        with self.store.read() as connection:
            found = networks.read_networks(connection, profile)
        found = [one for one in found if name in (None, one.name)]
        if not found:
            return None
        return self.files_of(max(found, key=lambda one: (one.area_km2 or 0.0, one.name)))

    def files_of(self, network: "StoredNetwork") -> "RoadNetwork":
        """The data set of a network in use.

        One that another machine has published is fetched, once for all processes of this machine.

        Raises:
            NetworkBuildError: its files are gone or damaged.
            NetworkFetchError: it cannot be fetched.
        """
        home, version = self.settings.home.absolute(), network.version
        try:
            return load_network(network.located(home))
        except NetworkBuildError:
            if not self.settings.networks:
                raise
        from trackflow.matching.network_sharing import BASE_MAP, MODE_MAP, fetch_network

        return fetch_network(
            network.profile,
            version,
            self.settings.networks,
            networks.networks_folder(home),
            {
                MODE_MAP: mode_map_folder(home, version),
                BASE_MAP: base_map_folder(home, version),
            },
        )

    def mode_map(self) -> "ModeMap | None":
        """The rails, paths and stops of all networks in use; None if there are none.

        Networks of one name and several profiles are of one extract: the first one's map is taken.
        """
        from trackflow.categories.mode_map import ModeMap

        with self.store.read() as connection:
            found = networks.read_networks(connection)
        found.sort(key=lambda one: (one.name, PROFILES.index(one.profile)))
        folders: dict[str, Path] = {}
        for network in found:
            with suppress(NetworkBuildError):
                if network.name not in folders:
                    self.files_of(network)
                    folder = mode_map_folder(self.settings.home, network.version)
                    if folder.exists():
                        folders[network.name] = folder
        if not folders:
            return None
        key = tuple(folders.values())
        if self._mode_map is None or self._mode_map[0] != key:
            self._mode_map = key, ModeMap.together([ModeMap.load(folder) for folder in key])
        return self._mode_map[1]

    def _no_network(self, profile: str) -> NoNetworkError:
        return NoNetworkError(
            f"there is no road network for {profile}: build one with "
            f"`trackflow network build FILE.osm.pbf --profile {profile}`, or set "
            f"TRACKFLOW_ENGINE_URL={NO_ENGINE} for tracks without roads"
        )

    def _shelf(self) -> "EngineShelf":
        if self._embedded is None:
            from trackflow.matching.engines.shelf import EngineShelf

            self._embedded = EngineShelf()
        return self._embedded

    @property
    def services(self) -> "Services":
        """The limits of services, shared with all other processes."""
        if self._services is None:
            from trackflow.store.services import Services

            self._services = Services(self.store)
        return self._services

    def guard(self, engine: "HttpEngine") -> "GuardedEngine":
        """The engine behind the breaker that all processes share for its server and profile."""
        from trackflow.store.roads.guarded_engine import GuardedEngine

        return GuardedEngine(engine, engine.service, self.store, self.clock)

    def close(self) -> None:
        """Close engines and connections."""
        for engine in self._engines.values():
            engine.close()
        self._engines.clear()
        if self._embedded is not None:
            self._embedded.close()
        if self._services is not None:
            self._services.close()
        self.store.close()

    def __enter__(self) -> "Context":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
