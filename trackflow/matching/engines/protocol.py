"""What matching asks of a road engine and what it gets back, the same for every engine."""

from dataclasses import dataclass
from typing import Literal, Protocol

from trackflow.geo.points import Floats, Ints


@dataclass(frozen=True, slots=True, eq=False)
class MatchRequest:
    """Points to snap, in order of time. All arrays have shape (n,), n >= 2.

    Attributes:
        time_s: whole seconds, strictly increasing (equal ones make OSRM match nothing).
        radius_m: how far each point may lie from its road.
        gaps: whether long steps in time split the answer or are bridged.
        tidy: let the engine drop points that add nothing.
    """

    lon: Floats
    lat: Floats
    time_s: Ints
    radius_m: Floats
    gaps: Literal["split", "ignore"] = "ignore"
    tidy: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Matching:
    """One connected line on the network, in the direction of travel.

    Attributes:
        lon, lat: its vertices in degrees, shape (m,).
        confidence: the engine's own (0 to 1), which is not accuracy.
        distance_m: its length on the network.
        duration_s: the engine's driving time for it.
    """

    lon: Floats
    lat: Floats
    confidence: float
    distance_m: float
    duration_s: float


@dataclass(frozen=True, slots=True, eq=False)
class MatchAnswer:
    """The engine's answer; no matchings at all is an ordinary one (a parked car, a field).

    Attributes:
        matchings: connected lines in order of time.
        matching_index: which of `matchings` each requested point belongs to, -1 for none; (n,).
        snapped_lon, snapped_lat: where each point was put, NaN for none; (n,).
        snapped_m: how far that is from the point, NaN for none; (n,).
        vertex: which vertex of its matching's line that is, -1 for none; (n,). Every snapped
            point is a vertex of the line, and within a matching they never run backwards.
    """

    matchings: tuple[Matching, ...]
    matching_index: Ints
    snapped_lon: Floats
    snapped_lat: Floats
    snapped_m: Floats
    vertex: Ints


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """The engine's way between places: vertices in degrees, length and driving time."""

    lon: Floats
    lat: Floats
    distance_m: float
    duration_s: float


class Engine(Protocol):
    """A road engine for one profile and one road network.

    Every method raises EngineUnavailableError when the engine cannot answer now (a retry may
    help) and TrackflowError when it refuses the request itself.
    """

    @property
    def profile(self) -> str:
        """The profile its network was built for: car, bicycle or foot."""

    @property
    def network_version(self) -> str:
        """Changes whenever the road network or its profile does."""

    @property
    def either_way_version(self) -> str:
        """The version of the same roads with one-ways ignored, empty where there are none."""

    def either_way(self) -> "Engine | None":
        """An engine for those, loaded when it is first asked for; closed with this one."""

    def match(self, request: MatchRequest) -> MatchAnswer:
        """Snap points to roads."""

    def route(self, lon: Floats, lat: Floats) -> Route | None:
        """The way through the given places in order, None where there is none."""

    def close(self) -> None:
        """Release the engine; it must not be used afterwards."""


def roads_version(engine: Engine) -> str:
    """All that a match depends on of an engine: its network, and the one used before raw."""
    return f"{engine.network_version} {engine.either_way_version}"
