"""A small history on real roads: two devices, three device-days, one journey over midnight."""

import datetime as dt
from dataclasses import dataclass

from trackflow.context import Context
from trackflow.geo.points import Points
from trackflow.geo.time import to_us
from trackflow.matching.engines.embedded import EmbeddedEngine
from trackflow.matching.networks import RoadNetwork
from trackflow_tests.helpers.drives import a_tour, driven
from trackflow_tests.helpers.roads import use
from trackflow_tests.helpers.stores import NOON, batch_of_device, deliver

BEFORE_MIDNIGHT = dt.datetime.combine(NOON.date(), dt.time(23, 45), dt.UTC)
BATCHES = 3


@dataclass(frozen=True)
class Town:
    """A network, and who drives on it.

    Attributes:
        night: a journey over midnight.
        noon: one at noon.
    """

    network: RoadNetwork
    night: Points
    noon: Points

    def open(self, context: Context) -> None:
        """Use the network in this store."""
        use(context, self.network)

    def deliver(self, context: Context) -> None:
        """Let the points come in."""
        deliver(context.store, batch_of_device("night", self.night))
        deliver(context.store, batch_of_device("noon", self.noon))


def build_town(network: RoadNetwork) -> Town:
    engine = EmbeddedEngine(network.dataset, network.profile, network.version)
    lon, lat = a_tour(engine)
    engine.close()
    return Town(
        network,
        driven(lon, lat, every_s=10, start_us=to_us(BEFORE_MIDNIGHT)),
        driven(lon, lat, every_s=20, start_us=to_us(NOON), seed=2),
    )
