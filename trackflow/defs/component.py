"""A Dagster component: trackflow in a `defs.yaml` of a company's own project."""

from collections.abc import Sequence

import dagster as dg

from trackflow.defs.building import build
from trackflow.defs.owners import OWNERS


class TrackflowComponent(dg.Component, dg.Model, dg.Resolvable):
    """GPS points in, road-matched tracks out: all of trackflow's assets, jobs and sensors.

    Attributes:
        key_prefix: what the keys of all assets begin with.
        first_day: the first daily partition (UTC); by default TRACKFLOW_FIRST_DAY or 2015-01-01.
        owners: of everything, such as `team:gps` or `anna@example.org`.
        home: the folder of the store; by default TRACKFLOW_HOME.
    """

    key_prefix: Sequence[str] = ()
    first_day: str = ""
    owners: Sequence[str] = tuple(OWNERS)
    home: str = ""

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Build the definitions by `trackflow.defs.build`."""
        del context  # unused: the folder of a defs.yaml does not name a store
        return build(
            key_prefix=self.key_prefix,
            first_day=self.first_day or None,
            owners=self.owners,
            home=self.home,
        )
