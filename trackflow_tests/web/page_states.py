"""Every page in the states that matter, over one service that has something on each of them."""

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from trackflow.context import Context, utc_now
from trackflow.usecases.categories.categorising import update_between
from trackflow.usecases.categories.following import follow_tracks
from trackflow.usecases.days.run import run
from trackflow.usecases.jobs.kinds import queue_job, run_job
from trackflow.usecases.mileage.fleet import put_device, save_vehicle
from trackflow_tests.helpers.browser import Page
from trackflow_tests.helpers.npm import package_folder
from trackflow_tests.helpers.running_api import running_api
from trackflow_tests.helpers.stores import batch_of_device, deliver, drive, open_context
from trackflow_tests.web.meshes import hill_png, made_logo, made_mesh

AXE = "axe-core@4.14.1"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
LONG_NAME = "the bus of the night line, whose name is wider than a phone: " + "3" * 60
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
QUESTIONS = ("kill-switch", "look", "delete-refused", "undo-sync")
"""States whose dialog waits for its answer: the keyboard reaches nothing else."""
STATES = {
    "map": State("/#day={day}&zone=utc", then="document.querySelector('.device')"),
    "map-tracks": State(
        "/#day={day}&zone=utc", ("#tab-tracks",), "document.querySelector('.track')"
    ),
    "map-work": State("/#day={day}&zone=utc", ("#tab-work",), "document.querySelector('.work')"),
    "map-track": State(
        "/#day={day}&zone=utc", ("#tab-tracks", ".track"), "document.querySelector('#details .leg')"
    ),
    "catalogue": State("/catalogue", then="document.querySelector('#tracks tbody tr')"),
    "race-track": State("/catalogue#track=north", then=OPEN.format("track")),
    "kill-switch": State(
        "/catalogue", ("[data-key=switch-file]",), "document.getElementById('ask').open"
    ),
    "look": State(
        "/#day={day}&zone=utc",
        ("#tab-devices", "[data-key^=look-]"),
        "document.getElementById('look').open",
    ),
    "delete-refused": State(
        "/data", ("[data-key^=delete-]",), "document.getElementById('ask').open"
    ),
    "numbers": State("/numbers?all=yes"),
    "logbook": State("/logbook"),
    "meshes": State("/meshes"),
    "mesh": State("/meshes/{mesh}", then=VIEWER),
    "data": State("/data"),
    "api": State("/docs", then="document.querySelector('.swagger-ui .opblock-tag')"),
}


def loads(states: Mapping[str, State]) -> list[list[str]]:
    """Names of states by the load of a page that shows them one after another.

    Loading a map costs more processor time than all else that is done with it. A dialog is the last
    of its load.
    """
    found = []
    for path in dict.fromkeys(state.path for state in states.values()):
        names = [name for name, state in states.items() if state.path == path]
        asking = [name for name in names if name in QUESTIONS]
        found.append([name for name in names if name not in asking] + asking[:1])
        found += [[name] for name in asking[1:]]
    return found


@dataclass(frozen=True)
class Site:
    """A service with something on every page."""

    context: Context
    address: str
    names: dict[str, str]

    def open(self, tab: Page, state: State) -> None:
        """Show a page in a state, loaded anew."""
        tab.goto("about:blank")
        tab.goto(self.address + state.path.format(**self.names))
        tab.wait_for(READY)
        self._bring(tab, state)

    def walk(self, tab: Page, states: Mapping[str, State], names: list[str]) -> Iterator[str]:
        """Show a page in one state after another, loaded for the first; gives their names."""
        for name in names:
            (self.open if name == names[0] else self._bring)(tab, states[name])
            yield name

    def _bring(self, tab: Page, state: State) -> None:
        for selector in state.click:
            found = f"document.querySelector({json.dumps(selector)})"
            tab.wait_for(f"!!{found}")
            tab.eval(f"{found}.click()")
        tab.wait_for(f"!!({state.then})")


@contextmanager
def open_site(folder: Path) -> Iterator[Site]:
    """A running service with devices, tracks, a logbook, a catalogue, meshes and refused input."""
    (folder / "list.csv").write_text(LIST)
    url = f"sqlite:///{folder / 'trackflow.db'}"
    with open_context(url, folder, catalogue_file=str(folder / "list.csv")) as context:
        noon = context.clock().replace(hour=12, minute=0, second=0, microsecond=0)
        noon -= dt.timedelta(days=1)
        for number, device in enumerate(("van-7", LONG_NAME)):
            start = noon + dt.timedelta(minutes=40 * number)
            deliver(context.store, batch_of_device(device, drive(start, 300)))
        save_vehicle(context, "van", plate="ABC-123")
        put_device(context, "van", "van-7")
        run(context)
        follow_tracks(context)
        update_between(context, None, None, None)
        run_job(context, queue_job(context, "catalogue_sync", {"source": "file"}).job_id)
        made_logo(context, "file", "north")
        mesh = made_mesh(context, hill_png(), "hill.png")
        context.clock = utc_now
        with running_api(context) as api:
            day = {"mesh": mesh, "day": f"{noon:%Y-%m-%d}"}
            api.post("/ingest/geojson", content=b'{"type": "Feature"}').raise_for_status()
            yield Site(context, str(api.base_url).rstrip("/"), day)


@cache
def axe_script() -> str:
    """The text of axe-core."""
    folder: Path = package_folder(AXE)
    return (folder / "node_modules" / "axe-core" / "axe.min.js").read_text()


def violations(tab: Page) -> list[list[str]]:
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
