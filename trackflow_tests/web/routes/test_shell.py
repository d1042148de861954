"""What pages have in common: heads with all modules, and a worker that opens them offline."""

import re
import shutil
from pathlib import Path
from typing import Any

import orjson
import pytest

from trackflow.context import utc_now
from trackflow.usecases.days.run import run
from trackflow.web import static_files
from trackflow.web.page_heads import modules_of
from trackflow.web.routes.page import PAGES
from trackflow.web.static_files import OWN, shell_addresses, static_file
from trackflow_tests.helpers.browser import Page, needed_chromium, open_page
from trackflow_tests.helpers.running_api import running_api
from trackflow_tests.helpers.stores import NOON, batch_of_device, deliver, drive, open_context

HTML = sorted(path.name for path in OWN.glob("*.html"))
KEPT = """window.kept = null; void (async () => {
  const found = {};
  for (const name of await caches.keys()) {
    found[name] = (await (await caches.open(name)).keys()).map(r => new URL(r.url).pathname);
  }
  window.kept = found;
})()"""

SHOWN = "(document.querySelector('[data-figure=distance_m]')?.innerText ?? '').split('\\n')[0]"


@pytest.mark.parametrize("name", HTML)
def test_a_head_has_what_all_have_and_each_module_once(name: str) -> None:
    page = static_file(name).body.decode()
    assert "<!-- head -->" not in page
    assert page.count("<meta charset") == page.count('rel="manifest"') == 1
    assert page.count("<title") == 1
    below = f"/static/@{static_files.shell_version()}/"
    script = re.search(rf'<script type="module" src="{below}(.*?)">', page)
    assert script is not None
    preloads = re.findall(rf'rel="modulepreload" href="{below}(.*?)"', page)
    assert preloads == modules_of(script[1], OWN)
    assert {"api.js", "dom.js", "login.js"} <= set(preloads)
    for module in preloads:
        assert static_file(module).body


def test_no_module_imports_itself_by_way_of_others() -> None:
    """What a module needs has run before it: in a circle something would not have."""
    found = {path.name: modules_of(path.name, OWN) for path in OWN.glob("*.js")}
    within = {name: {one for one in needed if name in found[one]} for name, needed in found.items()}
    assert {name: circle for name, circle in within.items() if circle} == {}


def test_files_of_a_build_are_kept_for_ever_and_no_others(tmp_path: Path) -> None:
    """A page of a former build still gets its scripts, but does not keep them."""
    build = static_files.shell_version()
    with (
        open_context(f"sqlite:///{tmp_path / 'a.db'}", tmp_path) as context,
        running_api(context) as api,
    ):
        lasting = api.get(f"/static/@{build}/main.js")
        others = [api.get(f"/static/{name}") for name in ("main.js", "@0123abcd/main.js")]
        vendored = api.get(f"/static/@{build}/maplibre-gl/dist/maplibre-gl.mjs")
    assert "immutable" in lasting.headers["cache-control"]
    for other in others:
        assert other.content == lasting.content
        assert other.headers["cache-control"] == "no-cache"
    assert vendored.status_code == 404
    page = static_file("index.html").body.decode()
    assert f'href="/static/@{build}/page.css"' in page
    assert f"@{build}/maplibre" not in page


def test_the_manifest_names_icons_that_are_there() -> None:
    manifest = orjson.loads(static_file("trackflow.webmanifest").body)
    assert {"192x192", "512x512"} <= {icon["sizes"] for icon in manifest["icons"]}
    for icon in manifest["icons"]:
        assert static_file(icon["src"].removeprefix("/static/")).media_type == icon["type"]
    assert {one["url"] for one in manifest["shortcuts"]} <= set(PAGES)


def test_a_manifest_of_another_language_differs_in_its_words_alone() -> None:
    """It is the same application, whichever language somebody installs it in."""
    others = list(OWN.glob("trackflow-*.webmanifest"))
    languages = {path.name.split("-")[1] for path in OWN.glob("words-*.js")}
    assert {path.stem.removeprefix("trackflow-") for path in others} == languages
    english = orjson.loads(static_file("trackflow.webmanifest").body)
    for path in others:
        other = orjson.loads(static_file(path.name).body)
        assert other["lang"] == path.stem.removeprefix("trackflow-")
        assert other["description"] != english["description"]
        assert wordless(other) == wordless(english)


def wordless(value: Any) -> Any:
    """A manifest without what a language changes."""
    if isinstance(value, list):
        return [wordless(one) for one in value]
    if isinstance(value, dict):
        words = {"lang", "name", "description"}
        return {name: wordless(one) for name, one in value.items() if name not in words}
    return value


@pytest.mark.parametrize("name", HTML)
def test_each_page_leads_to_all_others(name: str) -> None:
    page = static_file(name).body.decode()
    addresses = set(re.findall(r'<a class="link" href="(/\w*)">', page))
    own = {"index": "/"}.get(name.removesuffix(".html"), f"/{name.removesuffix('.html')}")
    assert addresses == {*PAGES, "/docs"} - {own}


def test_another_build_has_another_worker(tmp_path: Path) -> None:
    """Browsers compare its bytes, and forget what the last one kept."""
    with (
        open_context(f"sqlite:///{tmp_path / 'a.db'}", tmp_path) as context,
        running_api(context) as api,
    ):
        first = api.get("/worker.js")
        etag = {"If-None-Match": first.headers["etag"]}
        assert api.get("/worker.js", headers=etag).status_code == 304
    assert first.headers["cache-control"] == "no-cache"
    assert static_files.shell_version() in first.text
    kept = first.text.partition("\n")[0]
    assert not re.search(r"/api/|/session|/tiles|worker.js", kept)
    other = tmp_path / "static"
    shutil.copytree(OWN, other)
    assert static_files.version_of(other) == static_files.shell_version()
    (other / "format.js").write_text("// changed")
    assert static_files.version_of(other) != static_files.shell_version()


@pytest.mark.slow
@pytest.mark.xdist_group("page")
def test_pages_open_offline_with_the_readers_units_and_nothing_personal(
    tmp_path: Path,
) -> None:
    chromium = needed_chromium()
    with (
        open_page(chromium, tmp_path / "profile") as tab,
        open_context(f"sqlite:///{tmp_path / 'a.db'}", tmp_path) as context,
    ):
        deliver(context.store, batch_of_device("van", drive(NOON, 300)))
        run(context)
        context.clock = utc_now
        with running_api(context) as api:
            address = str(api.base_url).rstrip("/")
            tab.goto(f"{address}/numbers?all=yes")
            tab.wait_for("document.body?.dataset.ready")
            tab.wait_for("navigator.serviceWorker.controller !== null")
            old = _kept(tab)
            (name,) = old
            assert static_files.shell_version() in name
            assert set(PAGES) <= set(old[name])
            assert set(shell_addresses()) <= set(old[name])
            assert all(path in PAGES or path.startswith("/static/") for path in old[name])
            metric = tab.eval(SHOWN)
            assert metric.endswith(" km")
            tab.eval(
                "(s => {s.value = 'imperial'; s.dispatchEvent(new Event('change'))})"
                "(document.getElementById('units'))"
            )
            tab.wait_for(f"{SHOWN}.endsWith(' mi')")
            km, miles = (float(words.split()[0]) for words in (metric, tab.eval(SHOWN)))
            assert miles == pytest.approx(km / 1.609344, abs=0.06)
            tab.wait_for("document.body?.dataset.ready")
        # the service is away
        tab.goto(f"{address}/catalogue")
        tab.wait_for("document.title === 'trackflow: race tracks'")
        tab.wait_for_text("The server does not answer.")


def _kept(tab: Page) -> dict[str, list[str]]:
    tab.eval(KEPT)
    tab.wait_for("window.kept !== null")
    found: dict[str, list[str]] = tab.eval("window.kept")
    return found
