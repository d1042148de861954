"""The page of the meshes in a real browser: upload, progress, turning, download, failures."""

import base64
import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from trackflow.context import Context, utc_now
from trackflow.errors import StoppedError
from trackflow.meshes.drape import ribbon_on
from trackflow.meshes.generate import GENERATOR_VERSION, GeneratedMesh, generate
from trackflow.meshes.heights import HeightGrid
from trackflow.meshes.parameters import MeshParameters
from trackflow.meshes.report import OnProgress
from trackflow.meshes.scene import Scene
from trackflow.meshes.terrain import terrain_of
from trackflow.meshes.writing import WRITERS
from trackflow.usecases.access.tokens import Scope
from trackflow.usecases.jobs.control import waiting_jobs
from trackflow.usecases.jobs.kinds import JobKind, run_job
from trackflow.usecases.meshes import batching
from trackflow.usecases.meshes.running import run_due_meshes
from trackflow.usecases.meshes.tools import MeshTools, storage_of
from trackflow_tests.helpers.browser import Page
from trackflow_tests.helpers.running_api import running_api, token_for
from trackflow_tests.helpers.stores import open_context
from trackflow_tests.helpers.waiting import wait_until
from trackflow_tests.web.meshes import hill_png, made_mesh, ring_png

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("page")]

HTML = "<img src=x onerror=document.title='owned'><b>bold<_b>.png"
"""A name that must stay what it is: text. A file's name holds no stroke."""

VIEWER = "document.getElementById('viewer')"
READY = f"{VIEWER}.dataset.state === 'ready'"
METER = "+document.querySelector('#mesh-facts .meter')?.getAttribute('aria-valuenow')"
LOADED = "performance.getEntriesByType('resource').map(e => e.name)"
VIOLATIONS = "window.violations"
WATCH = """window.violations = [];
document.addEventListener('securitypolicyviolation', e => window.violations.push(e.blockedURI));"""


@dataclass
class HeldGenerator:
    """The real generator, which waits before its work until a test lets it go on."""

    version: str = GENERATOR_VERSION
    allowed_share: float = 1.0
    shares: list[float] = field(default_factory=lambda: [0.2, 0.5])

    def generate(
        self,
        image: bytes,
        name: str,
        parameters: MeshParameters,
        *,
        on_progress: OnProgress = lambda _share, _step: None,
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> GeneratedMesh:
        for share in self.shares:
            while self.allowed_share <= share:
                on_progress(share, "triangulating")
                if is_cancelled():
                    raise StoppedError("cancelled")
                time.sleep(0.05)
        return generate(image, name, parameters)

    def close(self) -> None:
        pass


@dataclass(frozen=True)
class Site:
    """A running service with a worker that makes what is asked."""

    context: Context
    api: httpx.Client
    generator: HeldGenerator

    def url(self, path: str = "") -> str:
        return f"{self.api.base_url}/meshes{path}"

    def meshes(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.api.get("/api/v1/meshes").json()["meshes"]
        return found


@contextmanager
def worker(context: Context, generator: HeldGenerator) -> Iterator[None]:
    """Makes meshes and batches that are asked for, as the sensors' runs do."""
    over = threading.Event()
    tools = MeshTools(generator, storage_of(context.settings))
    batch = JobKind(
        batching.check_batch,
        lambda context, claimed: batching.run_batch_with(context, claimed, tools),
        batching.summary,
    )

    def run() -> None:
        while not over.wait(0.1):
            for job in waiting_jobs(context):
                run_job(context, job.job_id, kinds={batching.KIND: batch})
            run_due_meshes(context, generator, stop=over)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.fixture(scope="module")
def tab(tab: Page) -> Page:
    tab.prefer(reduced_motion="reduce")
    tab.call("Page.addScriptToEvaluateOnNewDocument", source=WATCH)
    return tab


@pytest.fixture
def page(tab: Page) -> Page:
    tab.resize(1200, 1000)
    tab.prefer(color_scheme="light", reduced_motion="reduce")
    tab.goto("about:blank")
    return tab


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    url = f"sqlite:///{tmp_path / 'trackflow.db'}"
    with open_context(url, tmp_path) as context, running_api(context) as api:
        context.clock = utc_now
        generator = HeldGenerator()
        with worker(context, generator):
            yield Site(context, api, generator)


def _open(page: Page, url: str) -> None:
    page.goto(url)
    page.wait_for("document.body?.dataset.ready")


def _choose(page: Page, *paths: Path) -> None:
    """Choose files as a person does in the browser's dialog."""
    root = page.call("DOM.getDocument")["root"]["nodeId"]
    node = page.call("DOM.querySelector", nodeId=root, selector="#files")["nodeId"]
    page.call("DOM.setFileInputFiles", nodeId=node, files=[str(path) for path in paths])


def _drop(page: Page, files: dict[str, bytes]) -> None:
    """Drop files onto the page."""
    packed = json.dumps([[name, base64.b64encode(data).decode()] for name, data in files.items()])
    page.eval(
        f"""(() => {{
          const dataTransfer = new DataTransfer();
          for (const [name, data] of {packed}) {{
            const bytes = Uint8Array.from(atob(data), c => c.charCodeAt(0));
            dataTransfer.items.add(new File([bytes], name));
          }}
          const at = document.getElementById('drop');
          at.dispatchEvent(new DragEvent('dragover', {{ dataTransfer, bubbles: true }}));
          at.dispatchEvent(new DragEvent('drop', {{ dataTransfer, bubbles: true }}));
        }})()"""
    )


@dataclass(frozen=True)
class Picture:
    """What the viewer shows.

    Attributes:
        width: of the canvas, in pixels.
        height: of the canvas, in pixels.
        digest: of the picture; all of it would fill the record of a failure.
        is_blank: whether it is too small a file to show a mesh.
    """

    width: int
    height: int
    digest: str
    is_blank: bool


def _snapshot(page: Page) -> Picture:
    width, height, address = page.eval(
        f"((viewer) => [viewer.canvas.width, viewer.canvas.height, viewer.snapshot()])"
        f"({VIEWER}.viewer)"
    )
    digest = hashlib.sha256(address.encode()).hexdigest()[:16]
    return Picture(width, height, digest, len(address) < 4000)


def _settled(page: Page) -> Picture:
    """The picture once the page no longer moves: its bars may still come."""
    seen = [_snapshot(page)]

    def is_settled() -> bool:
        seen.append(_snapshot(page))
        return seen[-1] == seen[-2] and not seen[-1].is_blank

    wait_until(is_settled, lambda: seen[-3:], pause_s=0.3)
    return seen[-1]


def _changed(page: Page, before: Picture) -> Picture:
    """The picture once it differs from the one before."""
    wait_until(lambda: _snapshot(page) != before, "the view does not change", pause_s=0.2)
    return _snapshot(page)


def _drag(page: Page, dx: float, dy: float) -> None:
    x, y = page.eval(
        f"(() => {{ const r = {VIEWER}.viewer.canvas.getBoundingClientRect();"
        " return [r.left + r.width / 2, r.top + r.height / 2]; })()"
    )
    events = (("mousePressed", 0.0), ("mouseMoved", 0.5), ("mouseMoved", 1.0), ("mouseReleased", 1))
    for kind, share in events:
        page.call(
            "Input.dispatchMouseEvent",
            type=kind,
            x=x + dx * share,
            y=y + dy * share,
            button="left",
            buttons=1,
            clickCount=1,
        )


def test_a_person_sends_an_image_watches_turns_and_downloads(
    site: Site, page: Page, tmp_path: Path
) -> None:
    image = tmp_path / HTML
    image.write_bytes(hill_png(64))
    site.generator.allowed_share = 0.0
    _open(page, site.url())
    page.wait_for_text("No meshes yet")
    page.eval("document.getElementById('wishes').open = true")
    page.eval("document.getElementById('wish-detail_factor').value = '0.02'")
    page.eval("document.getElementById('wish-levels').value = '2'")
    _choose(page, image)
    page.wait_for(f"{METER} === 20")
    assert page.eval("location.pathname").startswith("/meshes/")
    site.generator.allowed_share = 0.3
    page.wait_for(f"{METER} === 50")
    page.wait_for_text("triangulating, 50 %")
    _shoot(page, "progress")
    site.generator.allowed_share = 1.0
    page.wait_for(READY)

    (mesh,) = site.meshes()
    assert mesh["image_name"] == HTML
    assert mesh["parameters"] == {"detail_factor": 0.02, "levels": 2}
    page.wait_for_value(f"+{VIEWER}.dataset.triangles", mesh["triangle_count"])
    page.wait_for_text(f"{mesh['triangle_count']:,}", "finished", HTML)
    page.wait_for_value("document.title", "trackflow: meshes")
    assert page.eval("document.querySelectorAll('main b').length") == 0
    loaded = page.eval(LOADED)
    assert any(name.endswith("draco_decoder.wasm") for name in loaded), "as Draco"
    assert {httpx.URL(name).host for name in loaded if name.startswith("http")} == {"127.0.0.1"}
    _shoot(page, "mesh")
    _turn(page)
    page.eval(
        "(() => { const s = document.getElementById('level'); s.value = 'level-2.glb';"
        " s.dispatchEvent(new Event('change')); })()"
    )
    coarser = mesh["report"]["levels"][0]["triangle_count"]
    page.wait_for(f"+{VIEWER}.dataset.triangles === {coarser}")
    _download(site, page, tmp_path)
    assert page.eval(VIOLATIONS) == []


def _turn(page: Page) -> None:
    """Everything that changes the view changes its pixels, and a reset brings them back."""
    page.eval(f"{VIEWER}.scrollIntoView({{block: 'center'}})")
    first = _settled(page)
    _drag(page, 80, 20)
    seen = [first, _changed(page, first)]
    page.eval(f"{VIEWER}.viewer.canvas.focus()")
    for key in ("ArrowLeft", "ArrowUp", "+"):
        page.press(key)
        seen.append(_changed(page, seen[-1]))
    page.eval("document.getElementById('wires').click()")
    seen.append(_changed(page, seen[-1]))
    assert len(set(seen)) == 6
    page.eval("document.getElementById('wires').click()")
    page.press("0")
    wait_until(lambda: _snapshot(page) == first, lambda: [first, _snapshot(page)], pause_s=0.2)


def _download(site: Site, page: Page, folder: Path) -> None:
    target = folder / "downloads"
    target.mkdir()
    page.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(target))
    (listed,) = site.meshes()
    mesh = site.api.get(f"/api/v1/meshes/{listed['mesh_id']}").json()
    (file,) = (f for f in mesh["files"] if f["name"] == "mesh.glb")
    page.click_text("GLB, for viewers and games")
    found = wait_until(lambda: list(target.glob("*.glb")), lambda: list(target.iterdir()))
    assert hashlib.sha256(found[0].read_bytes()).hexdigest() == file["sha256"]


def test_several_images_are_a_batch_and_one_that_is_none_says_why(site: Site, page: Page) -> None:
    _open(page, site.url())
    files = {f"hill-{k}.png": hill_png(seed=k) for k in range(3)}
    _drop(page, {**files, "notes.txt": b"no image"})
    page.wait_for_text("finished, 3 of 4, 1 failed")
    page.wait_for("document.querySelectorAll('#meshes .mesh-card').length === 4")
    page.wait_for("document.querySelectorAll('#meshes .thumb img').length === 3")
    _shoot(page, "batch")
    page.eval(
        "(() => { const s = document.getElementById('status'); s.value = 'failed';"
        " s.dispatchEvent(new Event('change')); })()"
    )
    page.wait_for("document.querySelectorAll('#meshes .mesh-card').length === 1")
    page.eval("document.querySelector('.mesh-card').click()")
    page.wait_for_text("notes.txt is no image that trackflow reads", "Another try would fail")
    page.wait_for_value(f"{VIEWER}.dataset.state", "none")
    _shoot(page, "failed")
    page.click_text("Delete…")
    page.wait_for("document.getElementById('ask').open")
    page.eval("document.getElementById('ask-yes').click()")
    page.wait_for_text("No such meshes")
    page.wait_for_value("location.pathname", "/meshes")
    assert len(site.meshes()) == 3


def test_a_mesh_in_work_is_cancelled_and_tried_again(site: Site, page: Page) -> None:
    site.generator.allowed_share = 0.0
    _open(page, site.url())
    page.eval("document.getElementById('address').focus()")
    page.write("http://127.0.0.1:9/hill.png")
    page.press("Enter")
    page.wait_for_text("TRACKFLOW_MESH_ALLOW_HOSTS", "The address cannot be used")
    page.eval("document.querySelector('[data-key=close-mesh]').click()")
    _drop(page, {"hill.png": hill_png()})
    page.wait_for(f"{METER} === 20")
    page.click_text("Cancel")
    page.wait_for_text("Try again")
    site.generator.allowed_share = 1.0
    page.click_text("Try again")
    page.wait_for(READY)


def test_a_phone_a_dark_room_and_a_reader_who_may_not_change(site: Site, page: Page) -> None:
    mesh_id = made_mesh(site.context, ring_png(), "ring.png", solid=True)
    secret = token_for(site.context, Scope.READ)
    page.resize(390, 844, phone=True)
    page.prefer(color_scheme="dark", reduced_motion="reduce")
    page.goto(site.url(f"/{mesh_id}"))
    page.wait_for("document.getElementById('login')?.open")
    page.eval("document.getElementById('token').focus()")
    page.write(secret)
    page.press("Enter")
    page.wait_for(READY)
    assert page.eval("document.documentElement.scrollWidth") <= 390
    _shoot(page, "phone")
    page.wait_for("document.getElementById('new').hidden")
    assert "Delete" not in page.text()
    page.wait_for_text("watertight", "STL, for printing")


def test_everything_can_be_reached_by_keyboard(site: Site, page: Page) -> None:
    mesh_id = made_mesh(site.context, hill_png(), "hill.png")
    _open(page, site.url())
    page.wait_for("!!document.querySelector('.mesh-card')")
    wanted = {"files", "address", "fetch", "status", "project", f"mesh-{mesh_id}"}
    reached = _tabbed(page, 25)
    assert wanted <= reached, wanted - reached
    page.eval(f"document.querySelector('[data-key=\"mesh-{mesh_id}\"]').focus()")
    page.press("Enter")
    page.wait_for(READY)
    page.wait_for_value("document.activeElement.id", "mesh")
    inside = _tabbed(page, 16)
    assert {"remove", "close-mesh", "wires", "colours", "lift", "file-mesh.glb"} <= inside
    assert page.eval(f"{VIEWER}.viewer.canvas.tabIndex") == 0


def _tabbed(page: Page, times: int) -> set[str]:
    """The ids and keys of what has the focus after each press of Tab."""
    found = set()
    for _ in range(times):
        page.press("Tab")
        found.add(page.eval("document.activeElement.id || document.activeElement.dataset.key"))
    return found


def test_a_view_that_does_not_load_says_so(site: Site, page: Page) -> None:
    """Such as in a browser without WebGL: the picture stays, and the downloads."""
    mesh_id = made_mesh(site.context, hill_png(), "hill.png")
    page.call("Network.enable")
    page.call("Network.setBlockedURLs", urls=["*three.core.js*"])
    try:
        _open(page, site.url(f"/{mesh_id}"))
        page.wait_for_text("No view in 3D")
        page.wait_for(f"{VIEWER}.querySelector('img')?.complete")
        page.wait_for_text("GLB, for viewers and games")
    finally:
        page.call("Network.setBlockedURLs", urls=[])


def test_a_track_on_a_terrain_keeps_its_colour(site: Site, page: Page) -> None:
    mesh_id = made_mesh(site.context, hill_png(), "hill.png")
    _open(page, site.url(f"/{mesh_id}"))
    page.wait_for(READY)
    data = base64.b64encode(_with_track()).decode()
    page.eval(f"{VIEWER}.viewer.load('data:model/gltf-binary;base64,{data}')")
    page.wait_for(f"!!{VIEWER}.viewer.model?.getObjectByName('track')")
    for colours, terrain in (("heights", "ffffff"), ("plain", "a3a88c")):
        page.eval(f"{VIEWER}.viewer.setLook({{ colour: '{colours}' }})")
        found = page.eval(
            f"['terrain', 'track'].map(n => {VIEWER}.viewer.model.getObjectByName(n)"
            ".material.color.getHexString())"
        )
        assert found == [terrain, "e8552d"]


def _with_track() -> bytes:
    """A GLB of a terrain with a track on it."""
    grid = HeightGrid(np.zeros((20, 20), np.float32), 1.0, 1.0)
    terrain = terrain_of(grid, 0.0).surface
    track = ribbon_on(terrain, [np.array([[-5.0, 0.0], [5.0, 2.0]])], 1.0, 0.5)
    assert track is not None
    return WRITERS["draco"].write(Scene([terrain, track], error_m=0.1))


def test_the_other_pages_lead_to_the_meshes(site: Site, page: Page) -> None:
    _open(page, f"{site.api.base_url}/catalogue")
    page.click_text("Meshes")
    page.wait_for("document.title === 'trackflow: meshes'")
    page.click_text("Map")
    page.wait_for("document.title === 'trackflow'")
    page.wait_for("!!document.querySelector('.foot a[href=\"/meshes\"]')")


def _shoot(page: Page, name: str) -> None:
    """Keep a picture of the page for people, where they ask for it."""
    if _SCREENSHOTS:
        Path(_SCREENSHOTS).mkdir(parents=True, exist_ok=True)
        page.screenshot(Path(_SCREENSHOTS) / f"meshes-{name}.png")


_SCREENSHOTS = os.environ.get("TRACKFLOW_SCREENSHOTS")
