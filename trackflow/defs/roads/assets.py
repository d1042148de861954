"""The road network's asset."""

from enum import Enum
from pathlib import Path

import dagster as dg
from pydantic import Field

from trackflow.context import Context
from trackflow.defs import metadata
from trackflow.defs.errors import StepError, step
from trackflow.defs.intake.observing import DATA_VERSION
from trackflow.defs.owners import OWNERS
from trackflow.defs.resources import TrackflowResource
from trackflow.matching.networks import RoadNetwork
from trackflow.usecases.roads.networks import (
    NetworkState,
    build,
    list_networks,
    network_in_use,
)

CODE_VERSION = "1"
"""Raise it when the same extract would give another network."""

COMPARED = 50
"""The newest materializations that are looked through for a network."""


class Profile(Enum):
    """The travel mode of the network."""

    car = "car"
    bicycle = "bicycle"
    foot = "foot"


class RoadNetworkConfig(dg.Config):
    """The input of a road network."""

    extract: str = Field(
        default="",
        description="Path of an OpenStreetMap extract (.osm.pbf, .osm, .osm.gz or .osm.bz2) on the "
        "machine that runs this, such as one from download.geofabrik.de. Empty: keep the network "
        "that is in use and only report it.",
    )
    profile: Profile = Field(
        default=Profile.car,
        description="Who moves on it: decides which roads count and which way they may be used. "
        "Each profile that your devices have needs a network of its own.",
    )


@dg.asset(
    group_name="roads",
    owners=OWNERS,
    kinds={"python", "osrm", "openstreetmap"},
    tags={"trackflow/stage": "roads"},
    code_version=CODE_VERSION,
    metadata=metadata.of_table("road_networks"),
    description="""
The roads that lines are matched to, built from an **OpenStreetMap extract** with OSRM.

To build one, choose *Open launchpad* in the menu beside *Materialize*, write the path of an
`.osm.pbf` file after `extract` and materialize; a town takes seconds, a country many minutes. The
same is done by `trackflow network build FILE.osm.pbf`. Networks of several extracts are used side
by side: each window of a track is matched by the smallest one that covers it, and one of the same
name is replaced. Days that another network may change become pending again. `in_use` counts the
networks of the profile; the rest describes the one that was built, or the largest.
""",
)
@step
def road_network(
    context: dg.AssetExecutionContext,
    config: RoadNetworkConfig,
    trackflow: dg.ResourceParam[TrackflowResource],
) -> dg.MaterializeResult[None]:
    """Build a network and put it to use, or report the one that is in use."""
    profile = config.profile.value
    network: RoadNetwork | None
    with trackflow.open() as trackflow_context:
        if config.extract:
            network, is_new = build(
                trackflow_context, Path(config.extract), profile, context.log.info
            )
        else:
            network, is_new = network_in_use(trackflow_context, profile), False
        in_use = [one for one in list_networks(trackflow_context) if one.profile == profile]
    if network is None:
        raise StepError(
            f"There is no road network for {profile} yet: put the path of an .osm.pbf file into "
            "`extract` in the launchpad (in the menu beside Materialize)."
        )
    return dg.MaterializeResult(
        metadata={**describe(network), "in_use": len(in_use), "new": is_new},
        data_version=dg.DataVersion(" ".join(sorted(one.version for one in in_use))),
    )


def report_networks(
    instance: dg.DagsterInstance, resource: TrackflowResource, trackflow_context: Context
) -> None:
    """Report the networks in use that were built outside of Dagster, each once.

    Args:
        instance: Dagster's records.
        resource: the names of the assets.
        trackflow_context: the store.
    """
    key, known = resource.key("road_network"), set[object]()
    for record in instance.fetch_materializations(key, limit=COMPARED).records:
        shown = record.asset_materialization
        known.update([shown.metadata["version"].value] if shown is not None else [])
    for network in list_networks(trackflow_context):
        if network.version not in known:
            tags = {DATA_VERSION: network.version}
            instance.report_runless_asset_event(
                dg.AssetMaterialization(key, metadata=describe(network), tags=tags)
            )


def describe(network: RoadNetwork | NetworkState) -> dict[str, metadata.Value]:
    """Metadata of a network; its bbox is rounded, as it may show where people live."""
    west, south, east, north = (round(edge) for edge in network.bbox)
    return {
        "name": network.name,
        "version": network.version,
        "profile": network.profile,
        "source": network.source_name,
        "size_mb": round(network.size_bytes / 1e6, 2),
        "extent": f"{west}° to {east}° E, {south}° to {north}° N (rounded)",
        "built_at": dg.MetadataValue.timestamp(network.built_at),
    }
