"""Long ranges on the map page: drawn from tiles, chosen by a click, told by the bars above them."""

import datetime as dt
from collections.abc import Iterator

import pytest

from trackflow.context import Context
from trackflow.settings import Settings
from trackflow_tests.benchmarks import long_history
from trackflow_tests.helpers.browser import WEBGL, Page, needed_chromium, open_page
from trackflow_tests.helpers.running_api import running_api

TRACKS = 1100
LAST = long_history.LAST
ALL = f"days={LAST - dt.timedelta(days=3649)}..{LAST}"
MAP = "document.getElementById('map').map"
DRAWN = f"""{MAP}.getLayer('long') && {MAP}.queryRenderedFeatures({{layers: ['long']}}).length"""

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("page")]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("long")
    with Context.open(Settings(home=home, engine_url="none")) as context:
        long_history.person(context, TRACKS, points=12)
        with running_api(context) as api:
            yield str(api.base_url)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    found = needed_chromium()
    with open_page(found, tmp_path_factory.mktemp("chromium") / "profile", WEBGL) as opened:
        yield opened


def _open(page: Page, url: str) -> None:
    page.goto("about:blank")
    page.goto(url)
    page.wait_for("document.body?.dataset.mapReady")


def test_ten_years_are_drawn_from_tiles_and_a_track_is_chosen(address: str, page: Page) -> None:
    _open(page, f"{address}#{ALL}&tab=tracks")
    page.wait_for(f"{DRAWN} > 0")
    page.wait_for_text(f"Tracks {TRACKS:,}", "These are the newest 200")
    assert page.eval("document.body.dataset.firstView !== undefined")
    page.wait_for_value("document.querySelectorAll('.bar').length", 12)
    page.wait_for_value("document.getElementById('days').dataset.unit", "year")
    page.wait_for_text(str(LAST.year), "a year")
    track = page.eval(f"{MAP}.queryRenderedFeatures({{layers: ['long']}})[0].properties.track_id")
    page.eval(f"location.hash = location.hash + '&track={track}'")
    page.wait_for_text("Why does it start")


SEEN = f"""{MAP}.querySourceFeatures('long', {{ sourceLayer: 'often' }})[0].geometry.coordinates"""
ROADS = f"""(() => {{
  const at = {MAP}.querySourceFeatures('long', {{ sourceLayer: 'often' }})
    .map(f => {MAP}.project(f.geometry.coordinates)).filter((p, k) => k < 500);
  return {MAP}.areTilesLoaded() && at.some((a, k) => at.some((b, n) => k !== n
    && Math.hypot(a.x - b.x, a.y - b.y) < 10 && Math.hypot(a.x - b.x, a.y - b.y) > 1));
}})()"""
"""Points beside one another on the map: farther apart, they are blobs and no roads."""


def test_a_heat_map_tells_how_often(address: str, page: Page) -> None:
    _open(page, f"{address}#days={LAST - dt.timedelta(days=200)}..{LAST}&colour=often")
    page.wait_for(f"!!{MAP}.getLayer('long-often')")
    page.wait_for_text("passed once", "most often")
    page.eval(f"void {MAP}.jumpTo({{ center: {SEEN}, zoom: 14 }})")
    page.wait_for(ROADS)
    page.wait_for_value("document.getElementById('days').dataset.unit", "week")
    page.eval("document.querySelector('.bar.chosen').click()")
    page.wait_for("location.hash.includes('days=')")


def test_few_tracks_are_drawn_as_they_are(address: str, page: Page) -> None:
    _open(page, f"{address}#days={LAST - dt.timedelta(days=60)}..{LAST}")
    page.wait_for(f"{MAP}.queryRenderedFeatures({{layers: ['tracks']}}).length > 0")
    assert page.eval(f"!{MAP}.getLayer('long')")
