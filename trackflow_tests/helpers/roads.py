"""The road network that all tests share, put to use in a store."""

from trackflow.context import Context
from trackflow.matching.networks import RoadNetwork
from trackflow.store.roads.networks import use_network


def use(context: Context, network: RoadNetwork) -> None:
    """Match on a network that is built already: building one takes seconds."""
    with context.store.write() as connection:
        use_network(connection, network, context.settings.home, context.clock())
