"""Every page for people who hear it, who use the keyboard, or who need contrast: WCAG 2.2 AA.

One service, one browser: axe-core looks at every page in the states that matter, in both colour
schemes and on a phone, and a walk by the Tab key reaches whatever a mouse reaches.
"""

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from trackflow.context import Context, utc_now
from trackflow.store.access.tokens import Scope
from trackflow.usecases.categories.categorising import update_between
from trackflow.usecases.days.run import run
from trackflow.usecases.jobs.kinds import queue_job, run_job
from trackflow_tests.helpers.browser import WEBGL, Page, needed_chromium, open_page
from trackflow_tests.helpers.npm import package_folder
from trackflow_tests.helpers.running_api import running_api, token_for
from trackflow_tests.helpers.stores import batch_of_device, deliver, drive, open_context
from trackflow_tests.web.meshes import hill_png, made_logo, made_mesh

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.xdist_group("accessibility")]

AXE = "axe-core@4.14.1"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
ROUNDS = 3
"""What comes while a walk is under way is reached by the next one."""

READY = "document.body?.dataset.ready || document.body?.dataset.mapReady"
LIST = """id,name,town,country,lat,lon,laps
north,North Raceway,Oulu,Finland,65,25,1200
south,South Circuit,Lyon,France,45.7,4.8,30
"""


@dataclass(frozen=True)
class State:
    """A page in a state.

    Attributes:
        path: its address, with `{mesh}` and `{day}`.
        click: selectors to click on one after another; each is waited for.
        then: what has to be true then.
    """

    path: str
    click: tuple[str, ...] = ()
    then: str = "true"


OPEN = "!document.getElementById('{}').hidden"
VIEWER = "['ready', 'still'].includes(document.getElementById('viewer')?.dataset.state)"
TRACK = "document.querySelector('.track')"
STATES = {
    "map": State("/#day={day}&zone=utc", then="document.querySelector('.device')"),
    "map-tracks": State(
        "/#day={day}&zone=utc", ("#tab-tracks",), "document.querySelector('.track')"
    ),
    "map-track": State("/#day={day}&zone=utc", ("#tab-tracks", ".track"), OPEN.format("details")),
    "map-work": State("/#day={day}&zone=utc", ("#tab-work",), "document.querySelector('.work')"),
    "catalogue": State("/catalogue", then="document.querySelector('#tracks tbody tr')"),
    "race-track": State("/catalogue#track=north", then=OPEN.format("track")),
    "kill-switch": State(
        "/catalogue", ("[data-key=switch-file]",), "document.getElementById('ask').open"
    ),
    "numbers": State("/numbers?all=yes"),
    "logbook": State("/logbook"),
    "meshes": State("/meshes"),
    "mesh": State("/meshes/{mesh}", then=VIEWER),
    "data": State("/data"),
    "api": State("/docs", then="document.querySelector('.swagger-ui .opblock-tag')"),
}


@dataclass(frozen=True)
class Site:
    """A service with something on every page."""

    context: Context
    address: str
    names: dict[str, str]

    def open(self, tab: Page, name: str) -> None:
        state = STATES[name]
        tab.goto("about:blank")
        tab.goto(self.address + state.path.format(**self.names))
        tab.wait_for(READY)
        for selector in state.click:
            found = f"document.querySelector({json.dumps(selector)})"
            tab.wait_for(f"!!{found}")
            tab.eval(f"{found}.click()")
        tab.wait_for(f"!!({state.then})")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("accessibility")
    (folder / "list.csv").write_text(LIST)
    url = f"sqlite:///{folder / 'trackflow.db'}"
    with open_context(url, folder, catalogue_file=str(folder / "list.csv")) as context:
        noon = context.clock().replace(hour=12, minute=0, second=0, microsecond=0)
        noon -= dt.timedelta(days=1)
        for number, device in enumerate(("van-7", "bus-3")):
            start = noon + dt.timedelta(minutes=40 * number)
            deliver(context.store, batch_of_device(device, drive(start, 300)))
        run(context)
        update_between(context, None, None, None)
        run_job(context, queue_job(context, "catalogue_sync", {"source": "file"}).job_id)
        made_logo(context, "file", "north")
        mesh = made_mesh(context, hill_png(), "hill.png")
        context.clock = utc_now
        with running_api(context) as api:
            day = {"mesh": mesh, "day": f"{noon:%Y-%m-%d}"}
            api.post("/ingest/geojson", content=b'{"type": "Feature"}').raise_for_status()
            yield Site(context, str(api.base_url).rstrip("/"), day)


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    chromium = needed_chromium()
    with open_page(chromium, tmp_path_factory.mktemp("chromium") / "profile", WEBGL) as opened:
        yield opened


@pytest.mark.parametrize("name", STATES)
def test_a_page_is_for_everyone(site: Site, tab: Page, name: str) -> None:
    """Nothing for axe in three looks, and no key that leads nowhere."""
    found = {}
    tab.resize(1280, 900)
    tab.prefer(color_scheme="light", reduced_motion="reduce")
    site.open(tab, name)
    tab.eval(_axe())
    found["light"] = _violations(tab)
    if name != "kill-switch":  # a question that waits for its answer
        _walk_by_keyboard(tab)
    tab.prefer(color_scheme="dark", reduced_motion="reduce")
    found["dark"] = _violations(tab)
    tab.resize(390, 844, phone=True)
    found["phone"] = _violations(tab)
    assert tab.eval("document.documentElement.scrollWidth") <= 390
    assert not any(found.values()), json.dumps(found, indent=1)


def _walk_by_keyboard(tab: Page) -> None:
    """The Tab key reaches everything, and what has the focus is in view and marked."""
    left_out = f"{TABBABLE}.filter(e => !reached.has(e)).map(e => e.outerHTML.slice(0, 200))"
    for _ in range(ROUNDS):
        tab.eval("document.activeElement?.blur()")
        tab.eval("window.reached = new Set(); window.unseen = []; window.before = null;")
        for _ in range(tab.eval(f"{TABBABLE}.length") * 2 + 40):
            tab.press("Tab")
            if tab.eval(NOTE_FOCUS) == "again":
                break
        found = tab.eval(left_out), tab.eval("window.unseen")
        if found == ([], []):
            return
    raise AssertionError(found)


def test_axe_finds_what_is_wrong(site: Site, tab: Page) -> None:
    site.open(tab, "data")
    tab.eval(_axe())
    tab.eval("document.getElementById('main').append(document.createElement('button'))")
    assert [rule for rule, *_ in _violations(tab)] == ["button-name"]


def test_a_reader_signs_in_by_the_keyboard(site: Site, tab: Page) -> None:
    """Last, as from then on every page needs a token."""
    secret = token_for(site.context, Scope.READ)
    tab.resize(1280, 900)
    tab.prefer(color_scheme="dark", reduced_motion="reduce")
    tab.goto("about:blank")
    tab.goto(f"{site.address}/catalogue")
    tab.wait_for("document.getElementById('login')?.open")
    tab.eval(_axe())
    assert _violations(tab) == []
    tab.wait_for("document.activeElement.id === 'token'")
    tab.write(secret)
    tab.press("Enter")
    tab.wait_for(READY)
    tab.wait_for("!!document.querySelector('#tracks tbody tr')")


TABBABLE = """[...document.querySelectorAll(
  'a[href], button, input, select, textarea, summary, [tabindex], .maplibregl-canvas')]
  .filter(e => e.tabIndex >= 0 && !e.disabled && e.checkVisibility({visibilityProperty: true})
    && e.type !== 'radio' && !e.closest('.swagger-ui')
    && !e.matches('details:not([open]) > :not(summary) *'))"""

NOTE_FOCUS = """(() => {
  const e = document.activeElement;
  if (!e || e === document.body) return 'out';
  if (e === window.before) return 'within';  // the next part of a date
  window.before = e;
  if (reached.has(e)) return 'again';
  reached.add(e);
  const box = e.getBoundingClientRect();
  const inView = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
  const label = e.labels?.[0];
  const shown = [e, label].filter(Boolean).some(one => {
    const style = getComputedStyle(one);
    return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1;
  });
  if (!inView || !shown) unseen.push([inView, shown, e.outerHTML.slice(0, 200)]);
  return 'new';
})()"""


@cache
def _axe() -> str:
    folder: Path = package_folder(AXE)
    return (folder / "node_modules" / "axe-core" / "axe.min.js").read_text()


def _violations(tab: Page) -> list[list[str]]:
    """The rule, the element and what is wrong with it. Swagger UI's own parts are not ours."""
    context = {"exclude": [[".swagger-ui"], [".maplibregl-canvas-container"]]}
    options = {"runOnly": RULES, "resultTypes": ["violations"]}
    tab.eval(
        "window.axeFound = null; void axe.run("
        f"{json.dumps(context)}, {json.dumps(options)}).then(r => {{ window.axeFound ="
        "r.violations.flatMap(v => v.nodes.map(n =>"
        "[v.id, n.html.slice(0, 200), n.failureSummary.slice(0, 300)])); },"
        "e => { window.axeFound = [['axe', String(e), '']]; })"
    )
    tab.wait_for("window.axeFound !== null")
    found: list[list[str]] = tab.eval("window.axeFound")
    return found
