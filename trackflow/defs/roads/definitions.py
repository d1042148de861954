"""Definitions of road networks."""

import dagster as dg

from trackflow.defs.resources import TrackflowResource
from trackflow.defs.roads.assets import road_network
from trackflow.defs.roads.jobs import build_road_network_job


def definitions(_: TrackflowResource) -> dg.Definitions:
    """The road network, and the job that builds it."""
    return dg.Definitions(assets=[road_network], jobs=[build_road_network_job])
