"""Page: the map of long ranges in a real browser, beside the same history as one GeoJSON.

A person's ten years (12,000 tracks, 2 million points, three countries) and a fleet's month (1,000
vehicles, 120,000 tracks) lie in SQLite. Chromium opens the page at "all", a year, a month and a
day; then a bare MapLibre page that loads the whole history as one GeoJSON. Both draw by the
processor. For each: milliseconds to the first picture of tracks and until the map stands still,
the longest block of the main thread, the bytes of all answers that show tracks, and the memory of
the page's scripts. The browser has the page's files already.
"""

import datetime as dt
import json
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import orjson

from trackflow import web
from trackflow.context import Context
from trackflow.geo import polylines
from trackflow.settings import Settings
from trackflow.store.access import tokens
from trackflow.store.access.tokens import Scope
from trackflow.store.days import tracks
from trackflow.web.security.access import COOKIE
from trackflow_tests.benchmarks import long_history
from trackflow_tests.benchmarks.api import served
from trackflow_tests.helpers.browser import WEBGL, Page, find_chromium, open_page

VENDORED = Path(web.__file__).parent / "vendored"
LAST = long_history.LAST
VIEWS = {
    "all": (LAST - dt.timedelta(days=3649), LAST),
    "a year": (LAST - dt.timedelta(days=364), LAST),
    "a month": (LAST - dt.timedelta(days=29), LAST),
    "a day": (LAST, LAST),
}
WATCH = """
globalThis.longest = 0;
new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) longest = Math.max(longest, duration);
}).observe({ type: 'longtask', buffered: true });
performance.setResourceTimingBufferSize(10000);
"""
BYTES = """performance.getEntriesByType('resource')
  .filter((e) => /tiles.tracks|api.v1.tracks|all.geojson/.test(e.name))
  .reduce((sum, e) => sum + e.encodedBodySize, 0)"""
BARE = """<!doctype html><body style="margin:0"><div id="map" style="height:100vh"></div>
<script type="module">
import * as maplibregl from '/static/maplibre-gl/dist/maplibre-gl.mjs';
const data = await (await fetch('/all.geojson')).json();
const map = new maplibregl.Map({ container: 'map', center: [12, 52], zoom: 3.4,
  style: { version: 8, sources: { all: { type: 'geojson', data } },
    layers: [{ id: 'all', type: 'line', source: 'all', paint: { 'line-color': '#06c' } }] } });
map.on('render', () => {
  if (!map.isSourceLoaded('all') || document.body.dataset.mapReady) return;
  document.body.dataset.firstView = document.body.dataset.mapReady = String(performance.now());
});
</script>"""


def run(count: int = 12_000, vehicles: int = 1000) -> dict[str, float | int | str]:
    chromium = find_chromium()
    if chromium is None:
        return {"no Chromium": "nothing measured"}
    figures: dict[str, float | int | str] = {"tracks": count, "vehicles": vehicles}
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder) / "person", engine_url="none")
        with Context.open(settings) as context:
            long_history.person(context, count)
            _write_bare(context, Path(folder))
            secret = _token(context)
        with served(settings, secret) as client, _page(chromium, client, secret) as page:
            _open(page, f"{client.base_url}#{_span(*VIEWS['a day'])}")  # the page's files
            for name, (first, last) in VIEWS.items():
                figures |= _measure(page, name, f"{client.base_url}#{_span(first, last)}")
            with _served_folder(Path(folder)) as url:
                figures |= _measure(page, "one GeoJSON", f"{url}/bare.html")
        if vehicles:
            figures |= _fleet(chromium, Path(folder) / "fleet", vehicles)
    return figures


def _fleet(chromium: str, home: Path, vehicles: int) -> dict[str, float]:
    settings = Settings(home=home, engine_url="none")
    with Context.open(settings) as context:
        long_history.fleet(context, vehicles)
        secret = _token(context)
    with served(settings, secret) as client, _page(chromium, client, secret) as page:
        _open(page, f"{client.base_url}#{_span(*VIEWS['a day'])}")
        return _measure(page, "a fleet's month", f"{client.base_url}#{_span(*VIEWS['a month'])}")


def _token(context: Context) -> str:
    with context.store.write() as connection:
        now = dt.datetime.now(dt.UTC)
        return tokens.create(connection, "benchmark", Scope.READ, None, now)[0]


@contextmanager
def _page(chromium: str, client: httpx.Client, secret: str) -> Iterator[Page]:
    with (
        tempfile.TemporaryDirectory() as profile,
        open_page(chromium, Path(profile), WEBGL) as page,
    ):
        url = str(client.base_url)
        page.call("Network.setCookie", url=url, name=COOKIE, value=secret, httpOnly=True)
        page.call("Page.addScriptToEvaluateOnNewDocument", source=WATCH)
        page.call("Performance.enable")
        yield page


def _span(first: dt.date, last: dt.date) -> str:
    return f"days={first}..{last}"


def _open(page: Page, url: str) -> None:
    page.goto("about:blank")
    page.wait_for("location.href === 'about:blank'")
    page.goto(url)
    page.wait_for("document.body && document.body.dataset.mapReady", 120)


def _measure(page: Page, name: str, url: str) -> dict[str, float]:
    _open(page, url)
    body = json.loads(page.eval("JSON.stringify(document.body.dataset)"))
    page.call("HeapProfiler.collectGarbage")
    metrics = {m["name"]: m["value"] for m in page.call("Performance.getMetrics")["metrics"]}
    return {
        f"{name}: first picture, ms": float(body.get("firstView", body["mapReady"])),
        f"{name}: map drawn, ms": float(body["mapReady"]),
        f"{name}: longest block, ms": float(page.eval("globalThis.longest")),
        f"{name}: tracks, kB": page.eval(BYTES) / 1000,
        f"{name}: memory of scripts, MB": metrics["JSHeapUsedSize"] / 1e6,
    }


def _write_bare(context: Context, folder: Path) -> None:
    with context.store.read() as connection:
        features = [
            {
                "type": "Feature",
                "properties": {"track_id": str(row["track_id"])},
                "geometry": {
                    "type": "LineString",
                    "coordinates": polylines.positions(row["matched_polyline"]).tolist(),
                },
            }
            for row in tracks.track_rows(connection)
        ]
    whole = {"type": "FeatureCollection", "features": features}
    (folder / "all.geojson").write_bytes(orjson.dumps(whole))
    (folder / "bare.html").write_text(BARE)
    (folder / "static").symlink_to(VENDORED)


@contextmanager
def _served_folder(folder: Path) -> Iterator[str]:
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
