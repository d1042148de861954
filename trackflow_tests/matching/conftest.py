from collections.abc import Iterator

import pytest

from trackflow.demo.extract import helsinki_extract
from trackflow.matching.engines.embedded import EmbeddedEngine
from trackflow.matching.networks import build_network


@pytest.fixture(scope="session")
def helsinki(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedEngine]:
    """A real engine on central Helsinki."""
    network = build_network(helsinki_extract(), "car", tmp_path_factory.mktemp("networks"))
    engine = EmbeddedEngine(network.dataset, network.profile, network.version)
    yield engine
    engine.close()
