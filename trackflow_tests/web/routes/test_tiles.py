"""The base map: real tiles of a real network, made once and kept; from a server as well."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from trackflow.context import Context
from trackflow.geo.tiles import keep_layers
from trackflow.matching.engines.embedded import EmbeddedEngine
from trackflow.matching.networks import RoadNetwork
from trackflow.store.roads import networks
from trackflow_tests.helpers.http_servers import answering, osrm_server, server_that
from trackflow_tests.helpers.running_api import running_api
from trackflow_tests.helpers.stores import open_context
from trackflow_tests.helpers.tiles import tile_at

ZOOM = 14
LON, LAT = 24.945, 60.17


@pytest.fixture(scope="module")
def network(helsinki_network: RoadNetwork) -> RoadNetwork:
    return helsinki_network


@pytest.fixture
def context(network: RoadNetwork, tmp_path: Path) -> Iterator[Context]:
    url = f"sqlite:///{tmp_path / 'trackflow.db'}"
    with open_context(url, tmp_path) as opened:
        with opened.store.write() as connection:
            networks.use_network(connection, network, opened.settings.home, opened.clock())
        yield opened


def address(zoom: int, lon: float = LON, lat: float = LAT) -> str:
    x, y = tile_at(zoom, lon, lat)
    return f"/tiles/roads/{zoom}/{x}/{y}.mvt"


def assert_speeds_only(tile: bytes) -> None:
    """The roads are its only layer."""
    assert tile
    assert keep_layers(tile, frozenset({"speeds"})) == tile


def test_a_tile_holds_the_roads_and_is_made_once(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_api(context) as api:
        first = api.get(address(ZOOM))
        assert first.status_code == 200
        assert first.headers["content-type"] == "application/vnd.mapbox-vector-tile"
        assert_speeds_only(first.content)
        etag = first.headers["ETag"]
        same = api.get(address(ZOOM), headers={"If-None-Match": etag})
        assert (same.status_code, same.content) == (304, b"")

    def never(*_: object) -> bytes:
        raise AssertionError("a tile is made again")

    monkeypatch.setattr(EmbeddedEngine, "tile", never)
    with running_api(context) as api:
        assert api.get(address(ZOOM)).content == first.content


def test_there_is_nothing_where_there_are_no_roads(context: Context) -> None:
    with running_api(context) as api:
        for path in (address(ZOOM, lon=0.0), address(5), address(18)):
            answer = api.get(path)
            assert (answer.status_code, answer.content) == (200, b"")
        for path in ("/tiles/roads/14/99999/1.mvt", "/tiles/roads/14/1/99999.mvt"):
            assert api.get(path).status_code == 404
        assert api.get(address(ZOOM), params={"profile": "foot"}).status_code == 404
        assert api.get("/tiles/roads/14/-1/1.mvt").status_code == 422
        assert api.get("/tiles/roads/14/a/b.mvt").status_code == 422
        (listed,) = api.get("/api/v1/networks").json()["networks"]
        assert listed["profile"] == "car"
        assert listed["extent"][0] < LON < listed["extent"][2]


def test_a_disk_that_is_full_only_costs_time(context: Context) -> None:
    (context.settings.home / "tiles").write_text("no folder can be made here")
    with running_api(context) as api:
        assert_speeds_only(api.get(address(ZOOM)).content)


def test_a_server_gives_the_same_tiles(
    network: RoadNetwork, context: Context, tmp_path: Path
) -> None:
    with running_api(context) as api:
        embedded = api.get(address(ZOOM)).content
    home = tmp_path / "other"
    home.mkdir()
    url = f"sqlite:///{home / 'trackflow.db'}"
    with (
        osrm_server(network.dataset) as server,
        open_context(url, home, engine_url=server) as other,
        running_api(other) as api,
    ):
        assert api.get(address(ZOOM)).content == embedded
        assert api.get(address(ZOOM, lon=0.0)).status_code == 200


@pytest.mark.parametrize("body", [b"\xff\xff\xff", b"<html>", b'{"code": "InvalidUrl"}'])
def test_a_server_that_gives_no_tiles_is_told(tmp_path: Path, body: bytes) -> None:
    url = f"sqlite:///{tmp_path / 'trackflow.db'}"
    with (
        server_that(answering(200, body)) as (server, _),
        open_context(url, tmp_path, engine_url=server) as context,
        running_api(context) as api,
    ):
        answer = api.get(address(ZOOM))
    assert answer.status_code == 503
    assert "24.9" not in answer.text
    assert not list(tmp_path.glob("tiles/*/*/*/*.mvt"))


def test_without_a_network_there_is_no_tile(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'trackflow.db'}"
    with open_context(url, tmp_path) as context, running_api(context) as api:
        answer = api.get(address(ZOOM))
    assert answer.status_code == 404
    assert "network build" in answer.json()["error"]
