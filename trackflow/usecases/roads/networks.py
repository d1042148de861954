"""Builds road networks and puts them to use."""

from collections.abc import Callable
from pathlib import Path

from trackflow.categories.mode_map import build_mode_map
from trackflow.context import Context, base_map_folder, mode_map_folder
from trackflow.matching.network_building import build_network
from trackflow.matching.network_sharing import BASE_MAP, MODE_MAP, publish_network
from trackflow.matching.networks import RoadNetwork
from trackflow.store.roads import networks
from trackflow.usecases.roads.base_maps import make_base_map


def build(
    context: Context, extract: Path, profile: str, progress: Callable[[str], None] | None = None
) -> tuple[RoadNetwork, bool]:
    """Build a network in `home/networks` and use it; returns it, and whether it is a new one.

    Args:
        context: the store and settings.
        extract: an OpenStreetMap extract (.osm.pbf).
        profile: car, bicycle or foot.
        progress: called with a line about each step.

    Raises:
        NetworkBuildError: the extract cannot be made into a network, or it cannot be published.
    """
    home = context.settings.home.absolute()
    into = networks.networks_folder(home)
    network = build_network(extract, profile, into, on_progress=progress)
    map_folder = mode_map_folder(home, network.version)
    if not map_folder.exists():
        if progress:
            progress("rails, paths and stops, for travel modes")
        build_mode_map(extract, map_folder, network.version)
    make_base_map(context, extract, network.version, progress)
    if address := context.settings.networks:
        # before it is used, as other machines fetch it then
        if progress:
            progress("publish for other machines")
        beside = {MODE_MAP: map_folder, BASE_MAP: base_map_folder(home, network.version)}
        publish_network(network, beside, address)
    with context.store.write() as connection:
        return network, networks.use_network(connection, network, home, context.clock())


def network_in_use(context: Context, profile: str) -> RoadNetwork | None:
    """The network in use for a profile, None if there is none.

    Raises:
        NetworkBuildError: its files are gone or damaged.
        NetworkFetchError: it is on another machine and cannot be fetched.
    """
    return context.network(profile)
