from collections.abc import Iterator

import pytest

from trackflow.matching.engines.embedded import EmbeddedEngine
from trackflow.matching.networks import RoadNetwork


@pytest.fixture(scope="session")
def helsinki(helsinki_network: RoadNetwork) -> Iterator[EmbeddedEngine]:
    """A real engine on central Helsinki."""
    network = helsinki_network
    engine = EmbeddedEngine(network.dataset, network.profile, network.version)
    yield engine
    engine.close()
