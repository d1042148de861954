"""The map page in a real headless browser, against a real API on a store with a small fleet.

The tests of the fleet share one store and one tab; each opens the page anew.
"""

import datetime as dt
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import httpx
import numpy as np
import pytest

from trackflow.context import Context
from trackflow.demo.fleet import simulate_fleet
from trackflow.errors import SettingsError
from trackflow.geo.points import Points
from trackflow.geo.time import to_us
from trackflow.matching.networks import RoadNetwork
from trackflow.settings import Settings
from trackflow.store.access.tokens import Scope
from trackflow.store.breakers import note_failure
from trackflow.usecases.days import run as pipeline
from trackflow.web.static_files import content_policy
from trackflow_tests.helpers.browser import WEBGL, Page, needed_chromium, open_page
from trackflow_tests.helpers.roads import use
from trackflow_tests.helpers.running_api import running_api, token_for
from trackflow_tests.helpers.stores import batch_of_device, deliver, drive, open_context

in_browser = [pytest.mark.slow, pytest.mark.xdist_group("page")]

HTML = "<img src=x onerror=document.title='owned'><b>bold</b>"
"""A name that must stay what it is: text."""

MAP = "document.getElementById('map').map"
DRAWN = (
    f"new Set({MAP}.queryRenderedFeatures({{layers: ['tracks']}})"
    ".map(f => f.properties.track_id)).size"
)
POLLS = "performance.getEntriesByType('resource').filter(e => e.name.endsWith('/status')).length"
A_PLACE = f"""(() => {{
  const free = (x, y) => document.elementFromPoint(x, y)?.classList.contains('maplibregl-canvas');
  const at = (x, y, layer) => {MAP}.queryRenderedFeatures([x, y], {{layers: [layer]}});
  for (let y = 60; y < innerHeight - 20; y += 4) for (let x = 20; x < innerWidth - 20; x += 4) {{
    if (!free(x, y)) continue;
    const found = at(x, y, 'tracks');
    const dots = {MAP}.queryRenderedFeatures([[x - 9, y - 9], [x + 9, y + 9]],
      {{layers: ['stops', 'positions']}});
    if (found.length && !dots.length) return [x, y, found[0].properties.track_id];
  }}
  return null;
}})()"""


@dataclass(frozen=True)
class Service:
    """A store with a fleet, its API and the day that the fleet drove."""

    context: Context
    api: httpx.Client
    day: dt.date

    def url(self, state: str = "") -> str:
        return f"{self.api.base_url}#{state}"


@pytest.fixture(scope="module")
def chromium() -> str:
    return needed_chromium()


@pytest.fixture(scope="module")
def service(
    tmp_path_factory: pytest.TempPathFactory, helsinki_network: RoadNetwork
) -> Iterator[Service]:
    home = tmp_path_factory.mktemp("page")
    day = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)
    with Context.open(Settings(home=home, workers=1)) as context:
        use(context, helsinki_network)
        fleet = simulate_fleet(
            context.engine("car"), helsinki_network.bbox, vehicles=3, days=1, first_day=day
        )
        for vehicle in fleet:
            deliver(context.store, batch_of_device(vehicle.device_id, vehicle.reported))
        noon = dt.datetime.combine(day, dt.time(12), dt.UTC)
        deliver(context.store, batch_of_device(HTML, drive(noon, 60)))
        pipeline.run(context)
        with running_api(context) as api:
            yield Service(context, api, day)


@pytest.fixture(scope="module")
def tab(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with open_page(chromium, tmp_path_factory.mktemp("chromium") / "profile", WEBGL) as opened:
        opened.prefer(reduced_motion="reduce")
        yield opened


@pytest.fixture
def page(tab: Page) -> Page:
    """A tab in the middle size, with nothing open."""
    tab.resize(1000, 700)
    tab.goto("about:blank")
    return tab


def _open(page: Page, url: str) -> None:
    page.goto(url)
    page.wait_for("document.body?.dataset.mapReady")


class TestFleet:
    pytestmark = in_browser

    def test_a_day_is_drawn_and_a_click_tells_why_a_track_is_one(
        self, service: Service, page: Page
    ) -> None:
        _open(page, service.url(f"day={service.day}&zone=utc"))
        tracks = service.api.get(
            "/api/v1/tracks",
            params={
                "from": f"{service.day}T00:00Z",
                "to": f"{service.day + dt.timedelta(days=1)}T00:00Z",
                "limit": 1000,
            },
        ).json()["features"]
        assert len(tracks) > 10
        page.wait_for(f"{DRAWN} === {len(tracks)}")
        page.wait_for(f"{MAP}.queryRenderedFeatures({{layers: ['road-slow']}}).length > 10")
        page.wait_for_text("Devices 4", f"Tracks {len(tracks)}")
        print("first view after", page.eval("document.body.dataset.firstView"), "ms")
        _shoot(page, "day")

        x, y, track_id = page.wait_for(A_PLACE)
        page.click_at(x, y)

        page.wait_for_text("Why does it start and end here?", "a stop is at least", "On roads")
        assert track_id in page.eval("location.hash")
        chosen = service.api.get(f"/api/v1/tracks/{track_id}").json()["properties"]
        page.wait_for(
            f"document.getElementById('details').innerText.includes('{chosen['device_id']}')"
        )
        page.eval("document.querySelector('[data-key=line-raw]').click()")
        page.wait_for(f"{MAP}.queryRenderedFeatures({{layers: ['raw']}}).length > 0")
        _shoot(page, "details")

        page.eval(f"void {MAP}.jumpTo({{ zoom: 1 }})")  # the track is in sight, as a dot
        page.eval("document.getElementById('tab-tracks').click()")
        page.eval(f"document.querySelector('.track:not([data-key*=\"{track_id}\"])').click()")
        page.wait_for(f"{MAP}.getZoom() > 8")

    def test_a_new_point_appears_without_reload(self, service: Service, page: Page) -> None:
        # of two days: on the edge of two days the fleet's last drive may be more than 24 h ago
        _open(page, service.url("last=48&tab=tracks"))
        page.wait_for(f"{DRAWN} > 0")
        page.eval("window.sameDocument = true")

        self._drive_until_now(service, "newcomer")
        pipeline.run(service.context)

        page.wait_for_text("newcomer")
        page.wait_for(
            f"{MAP}.queryRenderedFeatures({{layers: ['positions']}})"
            ".some(f => f.properties.device_id === 'newcomer')"
        )
        assert page.eval("window.sameDocument") is True

    def test_a_long_range_shows_later_what_comes_too_soon_after_something_else(
        self, service: Service, page: Page
    ) -> None:
        _open(page, service.url("last=168&tab=tracks"))
        page.eval("performance.setResourceTimingBufferSize(10000)")
        page.wait_for(f"{DRAWN} > 0")

        self._drive_until_now(service, "from far")
        page.wait_for(f"{POLLS} >= {page.eval(POLLS) + 2}")  # points wait: the range is read again
        pipeline.run(service.context)
        page.wait_for(f"{POLLS} >= {page.eval(POLLS) + 2}")  # tracks are there: too soon to read it
        page.eval("{ const now = Date.now; Date.now = () => now() + 30000; }")

        page.wait_for_text("from far")

    def _drive_until_now(self, service: Service, device_id: str) -> None:
        """A new device sends the last minutes' drive."""
        now = dt.datetime.now(dt.UTC).replace(microsecond=0)
        path = drive(now - dt.timedelta(minutes=10), 50, lon=24.938, lat=60.17)
        deliver(service.context.store, batch_of_device(device_id, path), now=now)

    def test_names_and_messages_stay_text(self, service: Service, page: Page) -> None:
        with service.context.store.write() as connection:
            for _ in range(20):
                note_failure(connection, "engine", HTML, dt.datetime.now(dt.UTC), rest_s=3600)
        _open(page, service.url(f"day={service.day}&zone=utc&device={quote(HTML)}"))
        page.wait_for_text(HTML)
        page.eval("document.getElementById('tab-tracks').click()")
        page.eval("document.querySelector('.track').click()")
        page.wait_for_text("Why does it start")
        page.wait_for_value("document.querySelector('#details h2').textContent", HTML)
        page.eval("document.getElementById('tab-work').click()")
        page.wait_for_text("What needs it waits")
        page.wait_for_text(HTML)
        assert page.eval("document.querySelectorAll('img, b').length") == 0
        assert page.eval("document.title") == "trackflow"

    def test_a_phone_shows_map_lists_and_details(self, service: Service, page: Page) -> None:
        page.resize(390, 844, phone=True)
        _open(page, service.url(f"day={service.day}&zone=utc"))
        page.wait_for(f"{DRAWN} > 0")
        assert page.eval("document.documentElement.scrollWidth") <= 390
        heights = "['low', 'half', 'full'].indexOf(document.body.dataset.sheet)"
        page.wait_for_value(heights, 1)
        page.eval("document.getElementById('handle').click()")
        page.wait_for_value(heights, 2)
        page.eval("document.getElementById('tab-tracks').click()")
        page.eval("document.querySelector('.track').click()")
        page.wait_for_text("Why does it start")
        top = page.eval("document.getElementById('details').getBoundingClientRect().top")
        assert 200 < top < 700
        page.wait_for_value(heights, 1)
        _shoot(page, "phone")

    def test_everything_can_be_reached_by_keyboard(self, service: Service, page: Page) -> None:
        _open(page, service.url(f"day={service.day}&zone=utc"))
        page.wait_for("document.querySelectorAll('.device').length >= 4")
        for _ in range(60):
            page.press("Tab")
            if page.eval("document.activeElement.id") == "tab-devices":
                break
        else:
            pytest.fail("Tab does not lead to the lists")
        page.press("ArrowRight")
        page.wait_for("document.activeElement.id === 'tab-tracks'")
        page.wait_for("document.querySelectorAll('.track').length > 3")
        page.press("Tab")
        page.wait_for("document.activeElement.classList.contains('track')")
        page.press("ArrowDown", "ArrowDown")
        page.wait_for("document.activeElement === document.querySelectorAll('.track')[2]")
        third = page.eval("document.activeElement.dataset.key")
        page.press("Enter")
        page.wait_for_text("Why does it start")
        page.press("Escape")
        page.wait_for("document.getElementById('details').hidden")
        page.wait_for_value("document.activeElement.dataset.key", third)


@pytest.mark.slow
@pytest.mark.xdist_group("page")
def test_what_needs_attention_is_said_with_what_to_do(tab: Page, tmp_path: Path) -> None:
    """Two senders under one id; names stay text."""
    noon = dt.datetime.combine(dt.datetime.now(dt.UTC).date(), dt.time(), dt.UTC)
    noon -= dt.timedelta(hours=12)
    k = np.arange(64)
    time_us = to_us(noon) + k * 5_000_000
    mixed = Points.of(time_us, 24.9 + k * 1e-4 + (k % 2) * 0.27, np.full(64, 60.17))
    with open_context(f"sqlite:///{tmp_path / 'trackflow.db'}", tmp_path) as context:
        deliver(context.store, batch_of_device(HTML, mixed))
        deliver(context.store, batch_of_device("van", drive(noon, 300)))
        pipeline.run(context)
        with running_api(context) as api:
            api.get("/ingest/traccar?id=x&lat=%25LAT&lon=24.9").raise_for_status()
            tab.goto("about:blank")
            tab.goto(f"{api.base_url}")
            tab.wait_for_text("Work 1!")
            tab.eval("document.getElementById('tab-work').click()")
            tab.wait_for_text("Needs attention")
            tab.wait_for_text("interleave two ways: two senders under one id")
            tab.wait_for_text("What to do: give each sender an id of its own")
            tab.wait_for_text("van looks like: phone")
            tab.wait_for_text("placeholder: a placeholder such as %LAT or {0} was sent")
            tab.wait_for_text("Refused and kept: 1 placeholder.")
            assert tab.eval("document.title") != "owned"
            assert tab.eval("document.querySelectorAll('.attention code').length") == 1
            assert tab.eval("document.querySelector('.attention .strong').textContent") == HTML


@pytest.mark.slow
@pytest.mark.xdist_group("page")
def test_a_token_opens_the_page_and_signing_out_closes_it(tab: Page, tmp_path: Path) -> None:
    with open_context(f"sqlite:///{tmp_path / 'trackflow.db'}", tmp_path) as context:
        secret = token_for(context, Scope.READ)
        with running_api(context) as api:
            tab.goto(f"{api.base_url}")
            tab.wait_for("document.getElementById('login').open")
            tab.eval("document.getElementById('token').focus()")
            tab.write("tf_wrong")
            tab.press("Enter")
            tab.wait_for_text("check that it was copied whole")
            tab.write(secret)  # the wrong one is selected
            tab.press("Enter")
            tab.wait_for_text("No points yet")
            assert tab.eval("document.cookie") == ""
            assert tab.eval("document.getElementById('login').open") is False
            tab.eval("document.getElementById('sign-out').click()")
            tab.wait_for("document.getElementById('login').open")


@pytest.mark.slow
@pytest.mark.xdist_group("page")
def test_a_drive_over_180_degrees_fills_the_map(tab: Page, tmp_path: Path) -> None:
    with open_context(f"sqlite:///{tmp_path / 'trackflow.db'}", tmp_path) as context:
        noon = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
        east = drive(noon, 120, lon=179.99, lat=-16.8)
        lon = (east.lon + 180) % 360 - 180
        deliver(context.store, batch_of_device("d", Points.of(east.time_us, lon, east.lat)))
        pipeline.run(context)
        with running_api(context) as api:
            _open(tab, f"{api.base_url}#day=2026-03-02")
            tab.wait_for(f"{DRAWN} === 1")
            west, _, east_, _ = tab.wait_for(f"{MAP}.getBounds().toArray().flat()")
            assert east_ - west < 1
            there = "{lng} + Math.round(({map}.getCenter().lng - {lng}) / 360) * 360"
            for lng in (179.99, float(lon[-1])):
                at = f"{MAP}.project([{there.format(lng=f'({lng})', map=MAP)}, -16.8]).x"
                assert 0 < tab.eval(at) < tab.eval(f"{MAP}.getContainer().clientWidth")


def test_the_session_cookie_is_for_this_page_alone(tmp_path: Path) -> None:
    with open_context(f"sqlite:///{tmp_path / 'trackflow.db'}", tmp_path) as context:
        secret, ingest = token_for(context, Scope.READ), token_for(context, Scope.INGEST)
        with running_api(context) as api:
            answer = api.post("/session", json={"token": f" {secret}\n"})
            assert answer.status_code == 204
            cookie = answer.headers["set-cookie"].lower()
            assert "httponly" in cookie
            assert "samesite=strict" in cookie
            assert api.get("/api/v1/page").json() == {
                "tiles_url": "",
                "base_map": "",
                "time_zone": "UTC",
                "scope": "read",
                "by_cookie": True,
            }
            assert api.get("/session").status_code == 403, "it is no admin's"
            assert api.delete("/session").status_code == 204
            assert api.get("/api/v1/page").status_code == 401
            assert api.get("/session").status_code == 401
            admin = {"token": token_for(context, Scope.ADMIN)}
            assert api.post("/session", json=admin).status_code == 204
            assert api.get("/session").status_code == 204
            strange = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}
            assert api.get("/session", headers=strange).status_code == 401
            assert api.post("/session", json={"token": "no"}).status_code == 401
            assert api.post("/session", json={"token": ingest}).status_code == 403
            foreign = {"Origin": "https://evil.example"}
            login = {"token": secret}
            assert api.post("/session", json=login, headers=foreign).status_code == 403


def test_files_are_sent_once_and_nothing_else_is_sent(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'trackflow.db'}"
    with open_context(url, tmp_path) as context, running_api(context) as api:
        for path in (
            "/",
            "/static/maplibre-gl/dist/maplibre-gl.mjs",
            "/static/main.js",
            "/static/world/land.geojson",
            "/static/favicon.svg",
        ):
            first = api.get(path)
            assert first.status_code == 200, path
            etag = first.headers["etag"]
            for known in (etag, f'"x", W/{etag}', "*"):  # a proxy that packs makes it weak
                again = api.get(path, headers={"If-None-Match": known})
                assert (again.status_code, again.content) == (304, b"")
            plain = api.get(path, headers={"Accept-Encoding": "identity"})
            assert plain.content == first.content
        for name in ("nothing.js", "..%2Fpage.py", "__init__.py", "%2Fetc%2Fpasswd"):
            assert api.get(f"/static/{name}").status_code == 404


def test_the_page_may_run_nothing_but_its_own_files() -> None:
    rules = dict(rule.split(" ", 1) for rule in content_policy("").split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == "'self'"
    assert rules["style-src"] == "'self'"
    with_tiles = content_policy("https://tiles.example:8443/{z}/{x}/{y}.png?key=1")
    assert "connect-src 'self' data: blob: https://tiles.example:8443;" in with_tiles
    assert "script-src 'self';" in with_tiles


@pytest.mark.parametrize(
    "address",
    [
        "tiles.example/{z}",
        "https://x.example/; script-src *",
        "https://x'y/{z}",
        "https://x.example/",
        "/etc/passwd",
    ],
)
def test_an_address_that_is_no_tile_address_is_refused(address: str) -> None:
    with pytest.raises(SettingsError, match="TRACKFLOW_TILES_URL"):
        Settings.from_env({"TRACKFLOW_TILES_URL": address})


def _shoot(page: Page, name: str) -> None:
    """Keep a picture of the page for people, where they ask for it."""
    if _SCREENSHOTS:
        Path(_SCREENSHOTS).mkdir(parents=True, exist_ok=True)
        page.screenshot(Path(_SCREENSHOTS) / f"page-{name}.png")


_SCREENSHOTS = os.environ.get("TRACKFLOW_SCREENSHOTS")
"""Read at import: the tests themselves run without any of the caller's settings."""
