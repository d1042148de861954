"""Page: the map of long ranges in a real browser, beside the same history as one GeoJSON.

A person's ten years (12,000 tracks, 2 million points, three countries) and a fleet's month (1,000
vehicles, 120,000 tracks) lie in SQLite. Chromium opens the page at "all", a year, a month and a
day; then a bare MapLibre page that loads the whole history as one GeoJSON, and one that draws
nothing. All draw by the processor. The browser has the page's files already; each view is opened
twice, and the second time counts: the service has the tracks in its memory then.

For each: milliseconds to the first picture of tracks and until the map stands still; the longest
block of the main thread, and the processor time of the longest task: what is left are waits for
the process that draws. Then the bytes of all answers that show tracks, and the memory of scripts.
Last, what the service has to do, in processor seconds, and base maps of the extracts at hand.

`--folder FOLDER` keeps the stores there, for the next time.
"""

import datetime as dt
import json
import tempfile
import threading
import time
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
from trackflow_tests.benchmarks import long_history, page_service
from trackflow_tests.benchmarks.api import served
from trackflow_tests.helpers.browser import LARGE_WINDOW, WEBGL, Page, find_chromium, open_page
from trackflow_tests.helpers.tasks import longest_task

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
const data = await (await fetch('/NAME.geojson')).json();
const map = new maplibregl.Map({ container: 'map', center: [12, 52], zoom: 3.4,
  style: { version: 8, sources: { all: { type: 'geojson', data } },
    layers: [{ id: 'all', type: 'line', source: 'all', paint: { 'line-color': '#06c' } }] } });
map.on('render', () => {
  if (!map.isSourceLoaded('all') || document.body.dataset.mapReady) return;
  document.body.dataset.firstView = document.body.dataset.mapReady = String(performance.now());
});
</script>"""

type Figures = dict[str, float | int | str]


def run(count: int = 12_000, vehicles: int = 1000, *, folder: Path | None = None) -> Figures:
    with tempfile.TemporaryDirectory() as temporary:
        kept = folder or Path(temporary)
        figures: Figures = {"tracks": count, "vehicles": vehicles}
        started = time.process_time()
        person, fleet = kept / f"person-{count}", kept / f"fleet-{vehicles}"
        _prepare(person, partial(long_history.person, count=count))
        _prepare(fleet, partial(long_history.fleet, vehicles=vehicles))
        figures["stores made (or found), processor s"] = time.process_time() - started
        chromium = find_chromium()
        if chromium is None:
            figures["no Chromium"] = "no page measured"
        else:
            figures |= _person(chromium, person, Path(temporary))
            figures |= _fleet(chromium, fleet)
        figures |= page_service.of_person(person) | page_service.of_fleet(fleet)
        return figures | page_service.base_maps(Path(temporary))


def _prepare(home: Path, write: partial[None]) -> None:
    """Make a store, unless a whole one is there."""
    done = home / "whole"
    if not done.exists():
        with Context.open(Settings(home=home, engine_url="none")) as context:
            write(context)
        done.touch()


def _person(chromium: str, home: Path, folder: Path) -> Figures:
    settings = Settings(home=home, engine_url="none")
    with Context.open(settings) as context:
        _write_bare(context, folder)
        secret = _token(context)
    figures: Figures = {}
    with served(settings, secret) as client, _page(chromium, client, secret) as page:
        _open(page, f"{client.base_url}#{_span(*VIEWS['a day'])}")  # the page's files
        for name, (first, last) in VIEWS.items():
            figures |= _measure(page, name, f"{client.base_url}#{_span(first, last)}")
        with _served_folder(folder) as url:
            figures |= _measure(page, "one GeoJSON", f"{url}/all.html")
            figures |= _measure(page, "a map of nothing", f"{url}/none.html")
    return figures


def _fleet(chromium: str, home: Path) -> Figures:
    settings = Settings(home=home, engine_url="none")
    with Context.open(settings) as context:
        secret = _token(context)
    with served(settings, secret) as client, _page(chromium, client, secret) as page:
        _open(page, f"{client.base_url}#{_span(*VIEWS['a day'])}")
        return _measure(page, "a fleet's month", f"{client.base_url}#{_span(*VIEWS['a month'])}")


def _token(context: Context) -> str:
    with context.store.write() as connection:
        now = dt.datetime.now(dt.UTC)
        return tokens.create(connection, f"benchmark {now}", Scope.READ, None, now)[0]


@contextmanager
def _page(chromium: str, client: httpx.Client, secret: str) -> Iterator[Page]:
    with (
        tempfile.TemporaryDirectory() as profile,
        open_page(chromium, Path(profile), (*WEBGL, LARGE_WINDOW)) as page,
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
    page.wait_for("document.body && document.body.dataset.mapReady")


def _measure(page: Page, name: str, url: str) -> Figures:
    _open(page, url)
    first = page.eval("document.body.dataset.firstView ?? document.body.dataset.mapReady")
    _open(page, url)
    body = json.loads(page.eval("JSON.stringify(document.body.dataset)"))
    longest = page.eval("globalThis.longest")
    size = page.eval(BYTES) / 1000
    page.call("HeapProfiler.collectGarbage")
    metrics = {m["name"]: m["value"] for m in page.call("Performance.getMetrics")["metrics"]}
    task_ms = longest_task(page, partial(_open, page, url))
    return {
        f"{name}: first picture, the first time, ms": float(first),
        f"{name}: first picture, ms": float(body.get("firstView", body["mapReady"])),
        f"{name}: map drawn, ms": float(body["mapReady"]),
        f"{name}: longest block, ms": float(longest),
        f"{name}: longest task, processor ms": task_ms,
        f"{name}: tracks, kB": size,
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
    for name, some in (("all", features), ("none", [])):
        whole = {"type": "FeatureCollection", "features": some}
        (folder / f"{name}.geojson").write_bytes(orjson.dumps(whole))
        (folder / f"{name}.html").write_text(BARE.replace("NAME", name))
    (folder / "static").symlink_to(VENDORED)


@contextmanager
def _served_folder(folder: Path) -> Iterator[str]:
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
