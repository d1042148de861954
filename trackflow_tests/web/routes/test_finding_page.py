"""Finding things on the map page, in a real browser."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from trackflow.context import Context
from trackflow.usecases.days.run import run
from trackflow_tests.helpers.browser import WEBGL, Page, needed_chromium, open_page
from trackflow_tests.helpers.running_api import running_api
from trackflow_tests.helpers.stores import NOON, batch_of_device, deliver, drive, open_context

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("finding-page")]

MIDDLE = "24.95,60.17"
TYPE = (
    "(i => {{ i.focus(); i.value = {text!r}; i.dispatchEvent(new Event('input')) }})"
    "(document.getElementById('search'))"
)
CHOOSE = (
    "[...document.querySelectorAll('.found')].find(f => f.innerText.includes({text!r})).click()"
)


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Context]:
    home = tmp_path_factory.mktemp("finding")
    with open_context(f"sqlite:///{home / 'trackflow.db'}", home) as opened:
        deliver(opened.store, batch_of_device("van-7", drive(NOON, 100)))
        deliver(opened.store, batch_of_device("bus", drive(NOON, 100, lat=60.18)))
        run(opened)
        yield opened


@pytest.fixture(scope="module")
def api(context: Context) -> Iterator[httpx.Client]:
    with running_api(context) as client:
        yield client


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    chromium = needed_chromium()
    profile: Path = tmp_path_factory.mktemp("chromium") / "profile"
    with open_page(chromium, profile, WEBGL) as opened:
        opened.prefer(reduced_motion="reduce")
        opened.resize(1200, 800)
        yield opened


def on_map(page: Page, api: httpx.Client, state: str = "tab=devices") -> None:
    page.goto("about:blank")
    page.goto(f"{str(api.base_url).rstrip('/')}/#day=2026-03-02&{state}")
    page.wait_for("document.body.dataset.mapReady")


def search(page: Page, text: str, choose: str) -> None:
    page.eval(TYPE.format(text=text))
    page.wait_for(
        f"[...document.querySelectorAll('.found')].some(f => f.innerText.includes({choose!r}))"
    )
    page.eval(CHOOSE.format(text=choose))
    page.wait_for("document.getElementById('search-results').hidden")


def test_a_key_leads_to_the_search_and_a_date_to_its_day(page: Page, api: httpx.Client) -> None:
    on_map(page, api)
    page.press("/")
    page.wait_for("document.activeElement.id === 'search'")
    search(page, "1 March 2026", "1")
    page.wait_for("location.hash.includes('day=2026-03-01')")
    page.eval("document.getElementById('search').select()")
    page.write("2 March 2026")  # faster than the answer
    page.press("Enter")
    page.wait_for("location.hash.includes('day=2026-03-02')")
    assert "box=" not in page.eval("location.hash")
    search(page, "60.3, 25.1", "60.30000, 25.10000")
    page.wait_for("Math.abs(document.getElementById('map').map.getCenter().lng - 25.1) < 0.05")
    search(page, "helsin", "Helsinki")
    page.wait_for("Math.abs(document.getElementById('map').map.getCenter().lat - 60.17) < 0.05")


def test_a_date_is_typed_by_the_keyboard_alone(page: Page, api: httpx.Client) -> None:
    """The first digits of a year are no year yet, and nothing takes the field away meanwhile."""
    on_map(page, api)
    field = "document.querySelector('[data-date=day]')"
    page.eval(f"window.field = {field}; {field}.focus()")
    page.press(*"0301")
    page.press(*"2026")
    assert "day=2026-03-02" in page.eval("location.hash")
    page.press("Enter")
    page.wait_for("location.hash.includes('day=2026-03-01')")
    page.wait_for("!document.body.classList.contains('loading')")
    assert page.eval(f"document.activeElement === {field} && window.field === {field}") is True
    page.eval("history.back()")
    page.wait_for(f"{field}.value === '2026-03-02'")


def test_an_address_that_is_no_day_opens_the_newest(page: Page, api: httpx.Client) -> None:
    for day in ("9999-12-31", "0002-03-01", "2026-02-31"):
        page.goto("about:blank")
        page.goto(f"{str(api.base_url).rstrip('/')}/#day={day}")
        page.wait_for("document.body.dataset.mapReady")
        assert "day=2026-03-02" in page.eval("location.hash")


def test_names_from_right_to_left_turn_no_words_around(page: Page, api: httpx.Client) -> None:
    on_map(page, api)
    page.eval(
        "import(document.querySelector('script[type=module]').src.replace(/[^/]*$/, 'words.js'))"
        ".then(words => { window.told = words.tr('{a} to {b}', { a: '\u05d0', b: 'b' }); })"
    )
    page.wait_for_value("window.told", "\u2068\u05d0\u2069 to b")


def test_when_was_i_here_lists_tracks_and_leads_to_them(page: Page, api: httpx.Client) -> None:
    """The address alone is enough; what is chosen has its graph, and the line its spot."""
    on_map(page, api, f"near={MIDDLE},50")
    page.wait_for("document.querySelectorAll('#here .track').length === 1")
    page.wait_for("document.getElementById('here').innerText.includes('van-7')")
    page.eval("document.querySelector('#here .track').click()")
    page.wait_for("!!document.querySelector('.graph')")
    page.eval("document.querySelector('.graph').focus()")
    page.press("ArrowRight")
    page.wait_for("!!document.querySelector('.spot')")
    page.wait_for("/km.h/.test(document.querySelector('.graph-says').innerText)")
    page.eval("document.querySelector('[data-key=here-close]').click()")
    page.wait_for("!location.hash.includes('near')")
    page.wait_for("document.getElementById('here').hidden")


def test_choosing_is_not_filtering_and_a_device_is_followed_until_stopped(
    page: Page, api: httpx.Client
) -> None:
    on_map(page, api)
    page.wait_for("document.querySelectorAll('.device').length === 2")
    page.eval("document.querySelector('[data-key=device-bus]').click()")
    page.wait_for("Math.abs(document.getElementById('map').map.getCenter().lat - 60.18) < 0.01")
    assert "device=" not in page.eval("location.hash")
    page.eval("document.querySelector('[data-key=pick-bus]').click()")
    page.wait_for("location.hash.includes('device=van-7')")
    page.eval("document.querySelector('[data-key=pick-bus]').click()")
    page.wait_for("!location.hash.includes('device=')")
    page.eval("document.querySelector('[data-key=follow-van-7]').click()")
    page.wait_for("location.hash.includes('follow=van-7')")
    page.wait_for("!document.getElementById('following').hidden")
    page.eval("document.querySelector('[data-key=stop-following]').click()")
    page.wait_for("!location.hash.includes('follow')")
    page.wait_for("document.getElementById('following').hidden")
    page.eval("document.querySelector('[data-key=follow-van-7]').click()")
    page.wait_for("location.hash.includes('follow=van-7')")
    page.drag((900, 300), (700, 500))
    page.wait_for("!location.hash.includes('follow')")


def test_a_box_is_drawn_and_lists_its_tracks(page: Page, api: httpx.Client) -> None:
    on_map(page, api, "map=14.00/60.17000/24.95000")
    search(page, "", "Draw a box")
    page.wait_for("!!document.querySelector('.drawing')")
    page.drag((500, 200), (1000, 600))
    page.wait_for("!!document.getElementById('box-dialog')")
    page.eval("document.querySelector('[data-key=box-find]').click()")
    page.wait_for("location.hash.includes('box=')")
    page.wait_for("document.querySelectorAll('#here .track').length > 0")


def test_a_finger_that_stays_asks_when_i_was_there(page: Page, api: httpx.Client) -> None:
    """One that moves the map asks nothing."""
    page.resize(390, 844, phone=True)
    on_map(page, api, "map=14.00/60.17000/24.95000")
    middle = page.eval(
        "(({ x, y }) => [x, y])(document.getElementById('map').map.project([24.95, 60.17]))"
    )
    page.swipe((100, 150), (160, 150))
    page.wait_for(
        "(map => Math.abs(map.getCenter().lng - 24.95) > 1e-6 && !map.isMoving())"
        "(document.getElementById('map').map)"
    )
    assert page.eval("document.querySelectorAll('.maplibregl-popup').length") == 0
    page.touch("touchStart", middle)
    page.wait_for("document.querySelectorAll('.maplibregl-popup').length === 1")
    page.touch("touchEnd")
    page.wait_for("!!document.querySelector('[data-key=when-here]')")
    page.eval("document.querySelector('[data-key=when-here]').click()")
    page.wait_for("location.hash.includes('near=')")
    page.wait_for("!document.getElementById('here').hidden")
    page.resize(1200, 800)
