"""Where road networks lie, when the home folder is moved or copied."""

import shutil
from pathlib import Path

import pytest
import sqlalchemy as sa

from trackflow.demo.extract import helsinki_extract
from trackflow.errors import NetworkBuildError
from trackflow.matching.networks import RoadNetwork
from trackflow.pipeline import networks as building
from trackflow.pipeline.archive import backup
from trackflow.pipeline.restoring import restore
from trackflow.pipeline.road_tiles import RoadTiles
from trackflow.pipeline.work import Work
from trackflow.store.networks import networks_folder, read_network, use_network
from trackflow.store.tables import road_networks
from trackflow_tests.stores import open_work


@pytest.fixture(scope="module")
def network(helsinki_network: RoadNetwork) -> RoadNetwork:
    return helsinki_network


def in_home(network: RoadNetwork, home: Path) -> Path:
    """The network's own place in a home folder."""
    folder = networks_folder(home) / network.profile / network.version
    shutil.copytree(network.folder, folder)
    return folder


def store_folder(work: Work, folder: Path) -> None:
    """As an older trackflow did: an absolute path."""
    with work.store.write() as connection:
        connection.execute(sa.update(road_networks).values(folder=str(folder)))


def found(work: Work) -> RoadNetwork | None:
    with work.store.read() as connection:
        return read_network(connection, "car", work.settings.home)


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
    with open_work(database_url, before) as work:
        built, is_new = building.build(work, helsinki_extract(), "car")
        assert (built.folder, is_new) == (folder, True), "built before: used as it is"
        if is_old_row:
            store_folder(work, folder)
    shutil.copytree(before, after)
    if not old_home_stays:
        shutil.rmtree(before)

    with open_work(database_url, after, engine_url="") as work:
        moved = found(work)
        assert moved is not None
        assert moved.folder == networks_folder(after) / "car" / network.version
        assert work.engine("car").network_version == network.version
        tiles = RoadTiles(work)
        assert tiles.tile(None, 14, 9327, 4742)
        tiles.close()
        backup(work, tmp_path / "b.zip")
    with open_work("", tmp_path / "restored") as work:
        restore(work, tmp_path / "b.zip")
    (tmp_path / "restored").rename(tmp_path / "moved")
    with open_work("", tmp_path / "moved") as work:
        again = found(work)
        assert again is not None
        assert again.version == network.version


def test_a_network_outside_of_the_home_folder_is_found_where_it_is(
    database_url: str, network: RoadNetwork, tmp_path: Path
) -> None:
    with open_work(database_url, tmp_path) as work:
        with work.store.write() as connection:
            use_network(connection, network, tmp_path, work.clock())
        assert found(work) == network
    with open_work(database_url, tmp_path / "another home") as work:
        assert found(work) == network


def test_a_network_that_is_nowhere_says_so(
    database_url: str, network: RoadNetwork, tmp_path: Path
) -> None:
    with open_work(database_url, tmp_path) as work:
        with work.store.write() as connection:
            use_network(connection, network, tmp_path, work.clock())
        store_folder(work, tmp_path / "gone")
        with pytest.raises(NetworkBuildError, match="no road network in"):
            found(work)
