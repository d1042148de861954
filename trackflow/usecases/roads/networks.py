"""Builds road networks, puts them to use, lists and removes them."""

import datetime as dt
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from trackflow.categories.mode_map import build_mode_map
from trackflow.context import Context, base_map_folder, mode_map_folder, road_tiles_folder
from trackflow.errors import NetworkBuildError, NetworkFetchError, NotFoundError
from trackflow.files import workshop
from trackflow.geo.bbox import Bbox
from trackflow.matching.coverage import Coverage
from trackflow.matching.network_building import build_network, read_coverage
from trackflow.matching.network_sharing import BASE_MAP, MODE_MAP, publish_network
from trackflow.matching.networks import RoadNetwork, load_network
from trackflow.store.roads import networks
from trackflow.store.roads.networks import StoredNetwork
from trackflow.usecases.roads.base_maps import make_base_map


def build(
    context: Context, extract: Path, profile: str, progress: Callable[[str], None] | None = None
) -> tuple[RoadNetwork, bool]:
    """Build a network in `home/networks` and use it; returns it, and whether it is a new one.

    It takes the place of the network of the same name and profile; others stay in use beside it.

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
    coverage = read_coverage(network)
    others = _unknown_coverages(context, network)
    with context.store.write() as connection:
        now = context.clock()
        load_network(network.folder)  # somebody may have removed it meanwhile
        for other, known in others:
            networks.use_network(connection, other, home, now, known)
        return network, networks.use_network(connection, network, home, now, coverage)


def _unknown_coverages(context: Context, added: RoadNetwork) -> list[tuple[RoadNetwork, Coverage]]:
    """Other networks of the profile whose coverage is not known yet, with what they cover.

    An older trackflow has built them. Alone, such a network serves every window; beside another one
    it needs its borders. One whose files are gone stays as it is.
    """
    with context.store.read() as connection:
        stored = networks.read_networks(connection, added.profile)
    found = []
    for one in stored:
        if one.area_km2 is None and one.name != added.name:
            with suppress(NetworkBuildError, NetworkFetchError):
                files = context.files_of(one)
                found.append((files, read_coverage(files)))
    return found


@dataclass(frozen=True, slots=True)
class NetworkState:
    """A road network in use.

    Attributes:
        profile: car, bicycle or foot.
        name: of its extract; with the profile it names the network.
        version: changes whenever the roads do.
        source_name: file name of its extract.
        bbox: of its roads.
        area_km2: of the cells that hold its roads; None for a network of an older trackflow.
        size_bytes: of the road network's files, without the maps beside it.
        built_at: UTC.
        days: how many days of devices have lines on it.
    """

    profile: str
    name: str
    version: str
    source_name: str
    bbox: Bbox
    area_km2: float | None
    size_bytes: int
    built_at: dt.datetime
    days: int


def list_networks(context: Context) -> list[NetworkState]:
    """The road networks in use, by profile and name."""
    with context.store.read() as connection:
        days = networks.days_matched(connection)
        return [_state(one, days) for one in networks.read_networks(connection)]


def _state(one: StoredNetwork, days: Mapping[str, int]) -> NetworkState:
    return NetworkState(
        one.profile,
        one.name,
        one.version,
        one.source_name,
        one.bbox,
        one.area_km2,
        one.size_bytes,
        one.built_at,
        days.get(one.version, 0),
    )


def remove(context: Context, name: str, profile: str | None = None) -> list[NetworkState]:
    """Remove road networks with their files; what they had matched is matched again.

    Days of a profile that has no network left keep their lines, and wait for one. Files outside of
    the home folder stay, and so does what was published for other machines.

    Args:
        context: the store and settings.
        name: of the network.
        profile: car, bicycle or foot; None for all that have a network of this name.

    Returns:
        What was removed, as it was.

    Raises:
        NotFoundError: there is no such network.
    """
    home = context.settings.home.absolute()
    with context.store.write() as connection:
        wanted = [one for one in networks.read_networks(connection, profile) if one.name == name]
        if not wanted:
            raise NotFoundError(_no_such(name, profile, networks.read_networks(connection)))
        days = networks.days_matched(connection)
        found = [_state(one, days) for one in wanted]
        for one in wanted:
            networks.remove_network(connection, one.profile, one.name, context.clock())
    # only now: a reader who finds the network in the table finds its files as well
    for one in wanted:
        _delete_files(home, one)
    return found


def _no_such(name: str, profile: str | None, stored: list[StoredNetwork]) -> str:
    there = ", ".join(f"{one.name} ({one.profile})" for one in stored) or "none"
    of_profile = f" for {profile}" if profile else ""
    return f"there is no road network {name[:100]!r}{of_profile}; there are: {there}"


def _delete_files(home: Path, network: StoredNetwork) -> None:
    """Delete a network and its maps. A folder goes whole: it is renamed first."""
    into = networks.networks_folder(home)
    folder = network.located(home)
    folder_of_kind = (mode_map_folder, base_map_folder, road_tiles_folder)
    own = [folder_of(home, network.version) for folder_of in folder_of_kind]
    if folder.resolve().is_relative_to(into.resolve()):
        own.append(folder)
    into.mkdir(parents=True, exist_ok=True)
    with workshop(into) as temporary:
        for number, path in enumerate(own):
            with suppress(FileNotFoundError):
                path.rename(temporary / str(number))


def network_in_use(context: Context, profile: str, name: str | None = None) -> RoadNetwork | None:
    """A network in use for a profile, None if there is none.

    Args:
        context: the store and settings.
        profile: car, bicycle or foot.
        name: of the network; without one it is the largest of the profile.

    Raises:
        NetworkBuildError: its files are gone or damaged.
        NetworkFetchError: it is on another machine and cannot be fetched.
    """
    return context.network(profile, name)
