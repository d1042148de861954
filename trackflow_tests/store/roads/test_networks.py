"""Where road networks lie, when the home folder is moved or copied."""

import shutil
from pathlib import Path

import pytest
import sqlalchemy as sa

from trackflow.context import Context
from trackflow.demo.extract import helsinki_extract
from trackflow.errors import NetworkBuildError
from trackflow.matching.networks import RoadNetwork
from trackflow.store.roads.networks import networks_folder, use_network
from trackflow.store.tables import road_networks
from trackflow.usecases.housekeeping.archive import backup
from trackflow.usecases.housekeeping.restoring import restore
from trackflow.usecases.roads import networks as building
from trackflow.usecases.roads.road_tiles import RoadTiles
from trackflow_tests.helpers.stores import open_context


@pytest.fixture(scope="module")
def network(helsinki_network: RoadNetwork) -> RoadNetwork:
    return helsinki_network


def in_home(network: RoadNetwork, home: Path) -> Path:
    """The network's own place in a home folder."""
    folder = networks_folder(home) / network.profile / network.version
    shutil.copytree(network.folder, folder)
    return folder


def store_folder(context: Context, folder: Path) -> None:
    """As an older trackflow did: an absolute path."""
    with context.store.write() as connection:
        connection.execute(sa.update(road_networks).values(folder=str(folder)))


def found(context: Context) -> RoadNetwork | None:
    return context.network("car")


@pytest.mark.parametrize("is_old_row", [False, True])
@pytest.mark.parametrize("old_home_stays", [False, True])
def test_a_home_that_is_moved_or_copied_keeps_its_network(
    database_url: str,
    network: RoadNetwork,
    tmp_path: Path,
    *,
    is_old_row: bool,
    old_home_stays: bool,
) -> None:
    before, after = tmp_path / "before", tmp_path / "deep" / "after"
    folder = in_home(network, before)
    with open_context(database_url, before) as context:
        built, is_new = building.build(context, helsinki_extract(), "car")
        assert (built.folder, is_new) == (folder, True), "built before: used as it is"
        if is_old_row:
            store_folder(context, folder)
    shutil.copytree(before, after)
    if not old_home_stays:
        shutil.rmtree(before)

    with open_context(database_url, after, engine_url="") as context:
        moved = found(context)
        assert moved is not None
        assert moved.folder == networks_folder(after) / "car" / network.version
        assert context.engine("car").network_version == network.version
        tiles = RoadTiles(context)
        assert tiles.tile(None, 14, 9327, 4742)
        tiles.close()
        backup(context, tmp_path / "b.zip")
    with open_context("", tmp_path / "restored") as context:
        restore(context, tmp_path / "b.zip")
    (tmp_path / "restored").rename(tmp_path / "moved")
    with open_context("", tmp_path / "moved") as context:
        again = found(context)
        assert again is not None
        assert again.version == network.version


def test_a_network_outside_of_the_home_folder_is_found_where_it_is(
    database_url: str, network: RoadNetwork, tmp_path: Path
) -> None:
    with open_context(database_url, tmp_path) as context:
        with context.store.write() as connection:
            use_network(connection, network, tmp_path, context.clock())
        assert found(context) == network
    with open_context(database_url, tmp_path / "another home") as context:
        assert found(context) == network


def test_a_network_that_is_nowhere_says_so(
    database_url: str, network: RoadNetwork, tmp_path: Path
) -> None:
    with open_context(database_url, tmp_path) as context:
        with context.store.write() as connection:
            use_network(connection, network, tmp_path, context.clock())
        store_folder(context, tmp_path / "gone")
        with pytest.raises(NetworkBuildError, match="no road network in"):
            found(context)
