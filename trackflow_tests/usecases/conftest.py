import pytest

from trackflow.matching.networks import RoadNetwork
from trackflow_tests.helpers.town import Town, build_town


@pytest.fixture(scope="session")
def town(helsinki_network: RoadNetwork) -> Town:
    return build_town(helsinki_network)
