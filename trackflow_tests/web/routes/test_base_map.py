"""The base map as the page gets it, and as a reader sees it with no internet."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from trackflow.context import Context, base_map_folder
from trackflow.demo.extract import helsinki_extract
from trackflow.matching.networks import RoadNetwork
from trackflow.usecases.roads.base_maps import make_base_map
from trackflow_tests.helpers.browser import WEBGL, Page, needed_chromium, open_page
from trackflow_tests.helpers.http_servers import answering, server_that
from trackflow_tests.helpers.roads import use
from trackflow_tests.helpers.running_api import running_api
from trackflow_tests.helpers.stores import open_context
from trackflow_tests.helpers.tiles import tile_at

pytestmark = pytest.mark.xdist_group("base-map")

LON, LAT = 24.9415, 60.1690
TILE = "/tiles/base/14/{}/{}.mvt".format(*tile_at(14, LON, LAT))

MAP = "document.getElementById('map').map"
OF_CHROMIUM = re.compile(r"(^|\.)(google|googleapis|gvt1)\.com(:\d+)?$")
"""Machines that the browser asks by itself, whatever page it shows."""

NAMES = (
    f"new Set({MAP}.queryRenderedFeatures().filter(f => f.layer.type === 'symbol')"
    ".map(f => f.properties.name))"
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def context(home: Path, helsinki_network: RoadNetwork) -> Iterator[Context]:
    with open_context(f"sqlite:///{home / 'trackflow.db'}", home) as opened:
        use(opened, helsinki_network)
        make_base_map(opened, helsinki_extract(), helsinki_network.version)
        yield opened


@pytest.fixture(scope="module")
def api(context: Context) -> Iterator[httpx.Client]:
    with running_api(context) as client:
        yield client


def test_a_tile_is_packed_and_kept_as_long_as_its_version(api: httpx.Client) -> None:
    version = api.get("/api/v1/page").json()["base_map"]
    assert version
    first = api.get(TILE, params={"version": version})
    assert first.headers["content-encoding"] == "gzip"
    assert first.headers["content-type"] == "application/vnd.mapbox-vector-tile"
    assert "max-age=604800" in first.headers["cache-control"]
    assert b"Mannerheimintie" in first.content
    assert "max-age=600" in api.get(TILE).headers["cache-control"]
    assert "max-age=600" in api.get(TILE, params={"version": "old"}).headers["cache-control"]
    again = api.get(TILE, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    plain = api.get(TILE, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == first.content


@pytest.mark.parametrize(
    ("place", "status"),
    [
        ("14/0/0", 200),
        ("0/0/0", 200),
        ("22/1/1", 200),
        ("14/16384/0", 404),
        ("0/0/1", 404),
        ("30/1073741824/0", 404),
        ("31/0/0", 422),
        ("-1/0/0", 422),
        ("14/-1/0", 422),
        ("14/1e3/0", 422),
        ("14/99999999999999999999999/0", 404),
        ("..%2F..%2Fetc/0/0", 404),
        ("14/0/0%00", 422),
    ],
)
def test_a_place_that_is_hostile_or_nowhere_gets_no_tile(
    api: httpx.Client, place: str, status: int
) -> None:
    answer = api.get(f"/tiles/base/{place}.mvt")
    assert answer.status_code == status
    if status == 200:
        assert b"Mannerheimintie" not in answer.content


def test_without_a_map_the_page_says_so_and_tiles_are_empty(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'trackflow.db'}"
    with open_context(url, tmp_path) as context, running_api(context) as api:
        assert api.get("/api/v1/page").json()["base_map"] == ""
        assert api.get(TILE).content == b""


def test_a_map_that_is_made_or_damaged_meanwhile_is_noticed(
    tmp_path: Path, context: Context, helsinki_network: RoadNetwork
) -> None:
    made = base_map_folder(context.settings.home, helsinki_network.version) / "tiles.pmtiles"
    url = f"sqlite:///{tmp_path / 'trackflow.db'}"
    with open_context(url, tmp_path) as other, running_api(other) as api:
        use(other, helsinki_network)
        assert api.get(TILE).content == b""
        folder = base_map_folder(tmp_path, helsinki_network.version)
        folder.mkdir(parents=True)
        (folder / "new").write_bytes(made.read_bytes())
        (folder / "new").replace(folder / "tiles.pmtiles")
        version = api.get("/api/v1/page").json()["base_map"]
        assert version
        assert b"Mannerheimintie" in api.get(TILE).content
        (folder / "new").write_bytes(made.read_bytes()[:5000])
        (folder / "new").replace(folder / "tiles.pmtiles")
        assert api.get("/api/v1/page").json()["base_map"] == ""
        assert api.get(TILE).content == b""


def test_a_file_of_the_settings_is_sent_by_ranges(tmp_path: Path) -> None:
    file = tmp_path / "mine.pmtiles"
    file.write_bytes(bytes(range(200)))
    url = f"sqlite:///{tmp_path / 'trackflow.db'}"
    with open_context(url, tmp_path, tiles_url=str(file)) as context, running_api(context) as api:
        assert api.get("/api/v1/page").json()["tiles_url"] == "/tiles/archive.pmtiles"
        part = api.get("/tiles/archive.pmtiles", headers={"Range": "bytes=10-19"})
        assert (part.status_code, part.content) == (206, bytes(range(10, 20)))
        beyond = api.get("/tiles/archive.pmtiles", headers={"Range": "bytes=500-"})
        assert beyond.status_code == 416
    with open_context(url, tmp_path) as context, running_api(context) as api:
        assert api.get("/tiles/archive.pmtiles").status_code == 404


@pytest.fixture(scope="module")
def internet() -> Iterator[tuple[str, list[str]]]:
    """A proxy that stands for all other machines: its address, and what it was asked."""
    with server_that(answering(502)) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def tab(
    tmp_path_factory: pytest.TempPathFactory, internet: tuple[str, list[str]]
) -> Iterator[Page]:
    chromium = needed_chromium()
    flags = (f"--proxy-server={internet[0]}", *WEBGL)  # this machine itself needs no proxy
    with open_page(chromium, tmp_path_factory.mktemp("chromium") / "profile", flags) as opened:
        opened.prefer(reduced_motion="reduce")
        yield opened


def show(tab: Page, api: httpx.Client, place: str) -> None:
    tab.resize(900, 640)
    tab.goto("about:blank")
    tab.goto(f"{api.base_url}#map={place}")
    tab.wait_for("document.body?.dataset.mapReady")


@pytest.mark.slow
def test_the_map_has_names_and_asks_no_other_machine(
    tab: Page, api: httpx.Client, internet: tuple[str, list[str]]
) -> None:
    for scheme in ("light", "dark"):
        tab.prefer(reduced_motion="reduce", color_scheme=scheme)
        show(tab, api, f"16/{LAT}/{LON}")
        tab.wait_for(f"{NAMES}.has('Mannerheimintie')")
        credits_ = tab.eval("document.querySelector('.maplibregl-ctrl-attrib').textContent")
        assert "© OpenStreetMap contributors" in credits_
        assert "Natural Earth" in credits_
        tab.eval(f"void {MAP}.jumpTo({{center: [10, 30], zoom: 2.2}})")
        tab.wait_for(f"{NAMES}.has('Algeria')")
    asked = {head.split()[1].removeprefix("http://").split("/")[0] for head in internet[1]}
    assert [host for host in asked if not OF_CHROMIUM.search(host)] == []


@pytest.mark.slow
def test_a_provider_that_is_away_leaves_the_own_map(
    tab: Page, context: Context, internet: tuple[str, list[str]]
) -> None:
    settings = replace(context.settings, tiles_url="https://tiles.example/style.json")
    with running_api(replace(context, settings=settings)) as api:
        show(tab, api, f"16/{LAT}/{LON}")
        tab.wait_for(f"{NAMES}.has('Mannerheimintie')")
    assert any("tiles.example" in asked for asked in internet[1])


@pytest.mark.slow
def test_a_pmtiles_file_is_drawn_as_the_own_map_is(
    tab: Page, context: Context, helsinki_network: RoadNetwork
) -> None:
    file = base_map_folder(context.settings.home, helsinki_network.version) / "tiles.pmtiles"
    settings = replace(context.settings, tiles_url=str(file))
    with running_api(replace(context, settings=settings)) as api:
        show(tab, api, f"16/{LAT}/{LON}")
        tab.wait_for(f"{NAMES}.has('Mannerheimintie')")
        assert tab.eval(f"{MAP}.getStyle().sources.tiles.url").startswith("pmtiles://")
