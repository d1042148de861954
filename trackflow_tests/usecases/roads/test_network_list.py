"""Networks in a home: built side by side, listed, kept by a backup, removed with their maps."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from trackflow.context import Context, base_map_folder, mode_map_folder
from trackflow.demo.extract import helsinki_extract
from trackflow.geo.bbox import Bbox
from trackflow.geo.points import Points
from trackflow.matching.networks import RoadNetwork
from trackflow.matching.windows import MatchSettings, Window, cut_windows
from trackflow.store.access import tokens
from trackflow.store.access.tokens import Scope
from trackflow.store.roads.networks import networks_folder
from trackflow.store.tables import road_networks
from trackflow.usecases.housekeeping.archive import backup
from trackflow.usecases.housekeeping.restoring import restore
from trackflow.usecases.roads.base_maps import BaseMaps
from trackflow.usecases.roads.networks import build, list_networks, remove
from trackflow.usecases.roads.road_tiles import RoadTiles
from trackflow_tests.helpers.drives import a_tour, driven
from trackflow_tests.helpers.extracts import cut_out
from trackflow_tests.helpers.running_api import running_api
from trackflow_tests.helpers.stores import open_context
from trackflow_tests.helpers.tiles import tile_at

pytestmark = pytest.mark.xdist_group("network-list")

WEST = Bbox(24.935, 60.164, 24.9445, 60.18)


@pytest.fixture(scope="module")
def home(helsinki_network: RoadNetwork, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two networks of real extracts with all that belongs to them, as the command makes them."""
    folder = tmp_path_factory.mktemp("home")
    built = networks_folder(folder) / "car" / helsinki_network.version
    shutil.copytree(helsinki_network.folder, built)
    west = cut_out(helsinki_extract(), WEST, folder / "west-261128.osm.pbf")
    with open_context("", folder, engine_url="") as context:
        assert build(context, helsinki_extract(), "car")[1]
        with context.store.write() as connection:  # as an older trackflow has left it
            connection.execute(sa.update(road_networks).values(coverage=None, area_km2=None))
        assert [one.area_km2 for one in list_networks(context)] == [None]
        assert build(context, west, "car")[1]
        assert not build(context, west, "car")[1], "it is in use already"
    return folder


@pytest.fixture
def context(home: Path, tmp_path: Path) -> Iterator[Context]:
    shutil.copytree(home, tmp_path / "copy")
    with open_context("", tmp_path / "copy", engine_url="") as opened:
        yield opened


def names(context: Context) -> list[str]:
    return [one.name for one in list_networks(context)]


def a_window(context: Context, *, west: bool) -> Window:
    """On roads of the west only, or of the east only."""
    lon, lat = a_tour(context.engine("car"))
    points = driven(lon, lat)
    inside = points.lon < 24.9405 if west else points.lon > 24.9485
    windows = cut_windows(Points.empty(), points[inside], Points.empty(), MatchSettings())
    return windows[0]


def test_networks_of_several_extracts_are_in_use_side_by_side(context: Context) -> None:
    whole, west = list_networks(context)
    assert (west.name, west.source_name) == ("west", "west-261128.osm.pbf")
    assert whole.area_km2 is not None, "found out when another one came"
    assert west.area_km2 is not None
    assert 0 < west.area_km2 < whole.area_km2
    roads = context.roads("car")
    assert roads(a_window(context, west=False)).network_version == whole.version
    assert context.engine("car").network_version == whole.version, "the largest"
    network = context.network("car", "west")
    assert network is not None
    assert network.version == west.version


def test_maps_show_what_all_networks_know(context: Context) -> None:
    found = context.mode_map()
    assert found is not None
    assert found.version == " ".join(one.version for one in list_networks(context))
    maps, roads = BaseMaps(context), RoadTiles(context)
    x, y = tile_at(14, 24.938, 60.17)
    both, both_roads = maps.tile(14, x, y), roads.tile(None, 14, x, y)
    version = maps.version()
    remove(context, "west")
    assert maps.version() != version
    assert both
    assert maps.tile(14, x, y)
    alone = roads.tile(None, 14, x, y)
    assert alone
    assert len(both_roads) > len(alone), "both draw it"
    maps.close()
    roads.close()
    only = context.mode_map()
    assert only is not None
    assert " " not in only.version


def test_a_backup_holds_all_of_them(context: Context, tmp_path: Path) -> None:
    before = list_networks(context)
    backup(context, tmp_path / "b.zip")
    with open_context("", tmp_path / "restored", engine_url="") as restored:
        report = restore(restored, tmp_path / "b.zip")
        assert len(report.networks) == 2
        assert list_networks(restored) == before
        for one in before:
            network = restored.network("car", one.name)
            assert network is not None
            assert base_map_folder(restored.settings.home, one.version).is_dir()
        window = a_window(restored, west=True)
        assert (
            restored.roads("car")(window).network_version
            == context.roads("car")(window).network_version
        )


def test_a_network_is_removed_with_its_maps_and_nothing_else(context: Context) -> None:
    home = context.settings.home
    whole, west = list_networks(context)

    def folders(version: str) -> list[bool]:
        return [
            (networks_folder(home) / "car" / version).exists(),
            mode_map_folder(home, version).exists(),
            base_map_folder(home, version).exists(),
        ]

    assert folders(west.version) == folders(whole.version) == [True] * 3
    assert [one.name for one in remove(context, "west")] == ["west"]
    assert folders(west.version) == [False] * 3
    assert folders(whole.version) == [True] * 3
    assert names(context) == [whole.name]
    assert not list(networks_folder(home).glob(".building-*"))


def test_the_same_extract_under_another_name_is_the_same_network(context: Context) -> None:
    before = names(context)
    same = context.settings.home / "same.osm.pbf"
    shutil.copy(helsinki_extract(), same)
    assert not build(context, same, "car")[1]
    assert names(context) == before


def test_by_http_an_administrator_removes_what_everybody_may_list(context: Context) -> None:
    with context.store.write() as connection:
        keys = {
            scope: tokens.create(connection, scope.value, scope, None, context.clock())[0]
            for scope in (Scope.READ, Scope.ADMIN)
        }
    with running_api(context) as api:

        def ask(method: str, path: str, scope: Scope) -> httpx.Response:
            headers = {"Authorization": f"Bearer {keys[scope]}"}
            return api.request(method, path, headers=headers)

        listed = ask("GET", "/api/v1/networks", Scope.READ).json()["networks"]
        assert [one["name"] for one in listed] == names(context)
        assert listed[1]["area_km2"] > 0
        assert listed[1]["days"] == 0
        assert ask("DELETE", "/api/v1/networks/west", Scope.READ).status_code == 403
        missing = ask("DELETE", "/api/v1/networks/west?profile=foot", Scope.ADMIN)
        assert missing.status_code == 404
        assert "west (car)" in missing.json()["error"]
        removed = ask("DELETE", "/api/v1/networks/west?profile=car", Scope.ADMIN).json()["removed"]
        assert [one["name"] for one in removed] == ["west"]
    assert "west" not in names(context)
