"""The engine of windows that no road network knows: it finds nothing, so they stay raw."""

from trackflow.geo.points import Floats
from trackflow.matching.coverage import NOWHERE
from trackflow.matching.engines.answers import no_match
from trackflow.matching.engines.protocol import MatchAnswer, MatchRequest, Route


class NoRoads:
    """An engine without roads."""

    network_version = NOWHERE
    either_way_version = ""

    def __init__(self, profile: str) -> None:
        self.profile = profile

    def either_way(self) -> None:
        """None: there is no way at all."""

    def match(self, request: MatchRequest) -> MatchAnswer:
        """Snap no point."""
        return no_match(len(request.lon))

    def route(self, lon: Floats, lat: Floats) -> Route | None:
        """No way."""

    def close(self) -> None:
        """Nothing is held."""
