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
from trackflow.matching.networks import PROFILES
from trackflow.settings import Settings
from trackflow.store.database import Store, open_store
from trackflow.store.roads import networks

if TYPE_CHECKING:
    from trackflow.categories.mode_map import ModeMap
    from trackflow.matching.engines.http import HttpEngine
    from trackflow.matching.engines.protocol import Engine
    from trackflow.matching.networks import RoadNetwork
    from trackflow.store.roads.guarded_engine import GuardedEngine
    from trackflow.store.services import Services

type Clock = Callable[[], dt.datetime]

NO_ENGINE = "none"
"""The value of `TRACKFLOW_ENGINE_URL` that switches matching off: tracks keep their raw lines."""


def mode_map_folder(home: Path, version: str) -> Path:
    """Where the rails, paths and stops of a road network's extract are.

    Not in the network's own folder: its files are counted to see whether it is complete.
    """
    return home / "mode_maps" / version


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
    _mode_map: "ModeMap | None" = None
    _services: "Services | None" = None

    @classmethod
    def open(cls, settings: Settings, clock: Clock = utc_now) -> "Context":
        """A context with the store of these settings."""
        return cls(settings, open_store(settings), clock)

    @property
    def now_us(self) -> int:
        """The time in microseconds since 1970."""
        return to_us(self.clock())

    @property
    def matches(self) -> bool:
        """Whether lines are matched at all."""
        return self.settings.engine_url != NO_ENGINE

    def engine(self, profile: str) -> "Engine":
        """The road engine for a profile.

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
            raise NoNetworkError(
                f"there is no road network for {profile}: build one with "
                f"`trackflow network build FILE.osm.pbf --profile {profile}`, or set "
                f"TRACKFLOW_ENGINE_URL={NO_ENGINE} for tracks without roads"
            )
        engine = self._engines.get(profile)
        if engine is None or engine.network_version != network.version:
            if engine is not None:
                engine.close()
            from trackflow.matching.engines.embedded import EmbeddedEngine

            engine = EmbeddedEngine(network.dataset, profile, network.version)
            self._engines[profile] = engine
        return engine

    def network(self, profile: str) -> "RoadNetwork | None":
        """The road network in use for a profile; None if there is none.

        One that another machine has published is fetched, once for all processes of this machine.

        Raises:
            NetworkBuildError: its files are gone or damaged.
            NetworkFetchError: it cannot be fetched.
        """
        home = self.settings.home.absolute()
        with self.store.read() as connection:
            try:
                return networks.read_network(connection, profile, home)
            except NetworkBuildError:
                if not self.settings.networks:
                    raise
                version = networks.versions(connection).get(profile, "")
        from trackflow.matching.network_sharing import fetch_network

        into = networks.networks_folder(home)
        return fetch_network(
            profile, version, self.settings.networks, into, mode_map_folder(home, version)
        )

    def mode_map(self) -> "ModeMap | None":
        """The rails, paths and stops of the road network in use; None if there are none."""
        from trackflow.categories.mode_map import ModeMap

        for profile in PROFILES:
            with suppress(NetworkBuildError):
                network = self.network(profile)
                if network is None:
                    continue
                folder = mode_map_folder(self.settings.home, network.version)
                if folder.exists():
                    if self._mode_map is None or self._mode_map.version != network.version:
                        self._mode_map = ModeMap.load(folder)
                    return self._mode_map
        return None

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
        if self._services is not None:
            self._services.close()
        self.store.close()

    def __enter__(self) -> "Context":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
