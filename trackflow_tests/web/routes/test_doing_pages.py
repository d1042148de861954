"""What people do on the pages, in a real browser: drop a file, undo, hide, restore, name.

`DOING_PICTURES=FOLDER` keeps pictures of what is seen.
"""

import datetime as dt
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from trackflow.context import Context
from trackflow.matching.networks import RoadNetwork
from trackflow.settings import Settings
from trackflow.store.access.tokens import Scope
from trackflow.usecases.days.run import run
from trackflow_tests.helpers.browser import WEBGL, Page, needed_chromium, open_page
from trackflow_tests.helpers.roads import use
from trackflow_tests.helpers.running_api import running_api, token_for
from trackflow_tests.helpers.stores import NOON, batch_of_device, contents, deliver, drive

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("doing")]

HTML = "<img src=x onerror=document.title='owned'><b>bold</b>"
"""A name that must stay what it is: text."""

CSV = "time,lat,lon\n" + "".join(
    f"2026-03-02T14:{k // 60:02}:{k % 60:02}Z,60.168,{24.935 + k * 2e-5}\n"
    for k in range(0, 600, 5)
)
LINES = (
    "new Set(document.getElementById('map').map.querySourceFeatures('tracks')"
    ".map(f => f.properties.track_id)).size"
)
CHOOSE_VAN = (
    "[...document.querySelectorAll('.track')].find(t => t.innerText.includes('van-7')).click()"
)
TRACK_ROWS = "document.querySelectorAll('.track').length"


@dataclass(frozen=True)
class Service:
    """A store with two devices, its API, and a folder with files to drop."""

    context: Context
    api: httpx.Client
    files: Path

    def url(self, path: str) -> str:
        return str(self.api.base_url).rstrip("/") + path


@pytest.fixture(scope="module")
def chromium() -> str:
    return needed_chromium()


@pytest.fixture(scope="module")
def service(
    tmp_path_factory: pytest.TempPathFactory, helsinki_network: RoadNetwork
) -> Iterator[Service]:
    files = tmp_path_factory.mktemp("files")
    (files / "van-9.csv").write_text(CSV)
    (files / "broken.gpx").write_text("<gpx><trk>")
    with Context.open(Settings(home=tmp_path_factory.mktemp("doing"), workers=1)) as context:
        use(context, helsinki_network)
        deliver(context.store, batch_of_device("van-7", drive(NOON, 60, lat=60.1685, lon=24.936)))
        deliver(context.store, batch_of_device("bus", drive(NOON, 40, lat=60.17, lon=24.938)))
        run(context)
        with running_api(context) as api:
            yield Service(context, api, files)


@pytest.fixture(scope="module")
def page(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with open_page(chromium, tmp_path_factory.mktemp("chromium") / "profile", WEBGL) as opened:
        opened.prefer(reduced_motion="reduce")
        opened.resize(1200, 800)
        yield opened


def picture(page: Page, name: str) -> None:
    """Keep pictures for those who want to look: desktop and phone, light and dark."""
    folder = os.environ.get("DOING_PICTURES")
    if not folder:
        return
    for scheme in ("light", "dark"):
        page.prefer(color_scheme=scheme, reduced_motion="reduce")
        for width, height in ((1200, 800), (390, 844)):
            page.resize(width, height, phone=width < 500)
            page.eval("new Promise(done => setTimeout(done, 700))")
            page.call(
                "Runtime.evaluate",
                expression="new Promise(d => setTimeout(d, 900))",
                awaitPromise=True,
            )
            page.screenshot(Path(folder) / f"{name}-{scheme}-{width}.png")
    page.prefer(color_scheme="light", reduced_motion="reduce")
    page.resize(1200, 800)


def drop(page: Page, *files: Path) -> None:
    """Drop files from the desktop, as a person does."""
    data = {"items": [], "files": [str(file) for file in files], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        page.call("Input.dispatchDragEvent", type=kind, x=600, y=300, data=data)


def on_map(page: Page, service: Service, state: str = "tab=tracks") -> None:
    page.goto("about:blank")
    page.goto(service.url(f"/#day=2026-03-02&{state}"))
    page.wait_for("document.body.dataset.mapReady")


def test_a_file_is_dropped_its_summary_read_and_its_import_undone(
    page: Page, service: Service
) -> None:
    before = contents(service.context.store)
    page.goto(service.url("/data"))
    page.wait_for("document.body.dataset.ready")
    drop(page, service.files / "van-9.csv", service.files / "broken.gpx")
    page.wait_for_text("120 points added from 2 files", "van-9.csv", "broken.gpx")
    page.wait_for_value("document.querySelectorAll('.summary li[data-state=bad]').length", 1)
    picture(page, "data-summary")
    run(service.context)
    assert any(row["device_id"] == "van-9" for row in contents(service.context.store)["tracks"])
    page.eval("document.querySelector('[data-key=undo-import]').click()")
    page.wait_for_text("Undone: 120 points removed", "Nothing else is known of van-9")
    page.wait_for("!!document.querySelector('#imports .off')")
    run(service.context)
    assert contents(service.context.store) == before
    page.wait_for_value("document.title", "trackflow: data")


def test_a_file_that_is_chosen_is_called_as_it_is(page: Page, service: Service) -> None:
    """Its name may be all that names the device; one by the button belongs to no dropped folder."""
    page.goto(service.url("/data"))
    page.wait_for("document.body.dataset.ready")
    chosen = page.call("Runtime.evaluate", expression="document.getElementById('files')")
    page.call(
        "DOM.setFileInputFiles",
        files=[str(service.files / "broken.gpx")],
        objectId=chosen["result"]["objectId"],
    )
    page.wait_for("document.querySelector('#import-result .name')?.innerText === 'broken.gpx'")


def test_a_file_that_is_dropped_on_the_map_is_there_at_once(page: Page, service: Service) -> None:
    on_map(page, service)
    drop(page, service.files / "van-9.csv")
    page.wait_for_text("120 points added from 1 file")
    picture(page, "map-import")
    page.eval("document.querySelector('[data-key=undo-import]').click()")
    page.wait_for_text("Undone: 120 points removed")
    page.click_text("Close")
    page.wait_for("!document.getElementById('import')")
    run(service.context)


def test_points_are_hidden_and_restored_with_the_line_on_the_map(
    page: Page, service: Service
) -> None:
    on_map(page, service)
    page.wait_for(f"{TRACK_ROWS} === 2 && {LINES} === 2")
    page.eval(
        "[...document.querySelectorAll('.track')].find(t => t.innerText.includes('van-7')).click()"
    )
    page.wait_for("!!document.querySelector('[data-key=hide-track]')")
    picture(page, "map-details")
    page.eval("document.querySelector('[data-key=hide-track]').click()")
    page.wait_for_text("60 points hidden")
    run(service.context)
    page.wait_for(f"{TRACK_ROWS} === 1 && {LINES} === 1")
    assert "van-7" not in page.eval("document.querySelector('.list').innerText")
    picture(page, "map-hidden")
    page.eval("document.querySelector('[data-key=restore]').click()")
    page.wait_for("!document.getElementById('hidden-offer')")
    run(service.context)
    page.wait_for(f"{TRACK_ROWS} === 2 && {LINES} === 2")


def test_points_in_a_drawn_box_are_hidden_and_restored(page: Page, service: Service) -> None:
    """Those of the chosen device alone, and not one outside of the box."""
    before = contents(service.context.store)
    on_map(page, service, "tab=tracks&map=16.00/60.16850/24.94200")
    page.eval(
        "(i => { i.focus(); i.dispatchEvent(new Event('input')) })"
        "(document.getElementById('search'))"
    )
    offered = (
        "[...document.querySelectorAll('.found')].find(f => f.innerText.includes('Draw a box'))"
    )
    page.wait_for(f"!!{offered}")
    page.eval(f"{offered}.click()")
    page.wait_for("!!document.querySelector('.drawing')")
    page.drag((850, 250), (1150, 550))
    page.wait_for("document.getElementById('box-dialog')?.open")
    page.eval("document.querySelector('#box-dialog [name=device]').value = 'van-7'")
    picture(page, "map-box")
    page.eval("document.querySelector('[data-key=box-hide]').click()")
    page.wait_for("!!document.getElementById('hidden-offer')")
    (hiding,) = (
        one
        for one in service.api.get("/api/v1/points/hidings").json()["hidings"]
        if one["restored_at"] is None
    )
    west, south, east, north = hiding["area"]
    drawn = drive(NOON, 60, lat=60.1685, lon=24.936)
    inside = (drawn.lon >= west) & (drawn.lon <= east) & (south < drawn.lat) & (drawn.lat < north)
    assert 0 < inside.sum() < len(drawn)
    page.wait_for_text(f"{inside.sum()} points hidden")
    run(service.context)
    assert contents(service.context.store)["tracks"] != before["tracks"]
    page.eval("document.querySelector('[data-key=restore]').click()")
    page.wait_for("!document.getElementById('hidden-offer')")
    run(service.context)
    assert contents(service.context.store)["tracks"] == before["tracks"]


def test_names_notes_and_looks_are_text_and_stay(page: Page, service: Service) -> None:
    on_map(page, service)
    page.eval(
        "[...document.querySelectorAll('.track')].find(t => t.innerText.includes('van-7')).click()"
    )
    page.wait_for("!!document.querySelector('[data-key=track-name]')")
    page.eval(
        f"document.querySelector('[data-key=track-name]').value = {json.dumps(HTML)};"
        "document.querySelector('[data-key=track-note]').value = 'with a ' + "
        f"{json.dumps(HTML)}; document.querySelector('[data-key=save-note]').click()"
    )
    page.wait_for(f"document.querySelector('.details h2')?.innerText === {json.dumps(HTML)}")
    page.wait_for(f"document.querySelector('.list').innerText.includes({json.dumps(HTML)})")
    on_map(page, service, "tab=devices")
    page.wait_for("!!document.querySelector('[data-key=\"look-van-7\"]')")
    page.eval("document.querySelector('[data-key=\"look-van-7\"]').click()")
    page.wait_for("!!document.getElementById('look')")
    page.eval(
        f"document.querySelector('#look [name=name]').value = {json.dumps(HTML)};"
        f"document.querySelector('#look [name=group]').value = {json.dumps(HTML)};"
        "document.querySelector('#look [name=icon]').value = 'van';"
        "document.querySelector('#look [name=own]').checked = true;"
        "document.querySelector('#look [name=colour]').value = '#aa00aa';"
        "document.querySelector('[data-key=save-look]').click()"
    )
    page.wait_for(f"document.querySelector('.list').innerText.includes({json.dumps(HTML)})")
    colour = page.eval(
        "getComputedStyle(document.querySelector('[data-key=\"pick-van-7\"] .swatch'))"
        ".backgroundColor"
    )
    assert colour == "rgb(170, 0, 170)"
    picture(page, "map-devices")
    page.goto(service.url("/data"))
    page.wait_for("document.body.dataset.ready")
    picture(page, "data")
    assert page.eval("document.title") == "trackflow: data", "no markup came alive"
    assert not page.eval("document.querySelectorAll('img[src=x]').length")


def redrawn(page: Page, script: str) -> None:
    """Run a script, and wait until the form of a device has been drawn anew."""
    page.wait_for("!!document.getElementById('device-form')")
    page.eval(
        "(() => { const form = document.getElementById('device-form');"
        f"form.dataset.old = 'yes'; {script} }})()"
    )
    page.wait_for("!!document.querySelector('#device-form:not([data-old])')")


def choose(page: Page, device: str) -> None:
    """Choose a device in the section of devices."""
    redrawn(
        page,
        "const chosen = document.getElementById('device-chosen');"
        f"chosen.value = {json.dumps(device)};"
        "chosen.dispatchEvent(new Event('change', { bubbles: true }));",
    )


def test_limits_are_previewed_and_saved_and_two_devices_made_one(
    page: Page, service: Service
) -> None:
    other = drive(NOON - dt.timedelta(days=1), 50, lat=60.1685, lon=24.936)
    deliver(service.context.store, batch_of_device("old phone", other))
    run(service.context)
    before = contents(service.context.store, "tracks")["tracks"]
    page.goto(service.url("/data"))
    page.wait_for("document.body.dataset.ready")
    choose(page, "bus")
    page.eval(
        "document.getElementById('device-form').elements.min_track_m.value = 90000;"
        "document.querySelector('[data-key=preview-device]').click()"
    )
    page.wait_for_text("1 removed", "1 track, ", "0 tracks, ")
    page.eval(
        "document.querySelector('#device-form details').open = true;"
        "document.getElementById('devices-section').scrollIntoView()"
    )
    picture(page, "data-devices")
    redrawn(page, "form.requestSubmit();")
    run(service.context)
    after = contents(service.context.store, "tracks")["tracks"]
    assert [row for row in before if row["device_id"] != "bus"] == after
    redrawn(page, "form.elements.min_track_m.value = ''; form.requestSubmit();")
    run(service.context)
    assert contents(service.context.store, "tracks")["tracks"] == before

    choose(page, "old phone")
    page.eval(
        "(() => { const form = document.querySelector('form[aria-label=Merge]');"
        "form.elements.into.value = 'van-7'; form.requestSubmit(); })()"
    )
    page.wait_for_text("50 points", "would move to van-7", "Of 0 moments")
    picture(page, "data-merge")
    redrawn(page, "document.querySelector('[data-key=merge-device]').click();")
    run(service.context)
    now = contents(service.context.store, "tracks")["tracks"]
    assert sorted(row["device_id"] for row in now) == ["bus", "van-7", "van-7"]


def test_a_phone_is_set_up_by_a_code_to_scan(page: Page, service: Service) -> None:
    """From here on there is a token, so nobody gets in without one."""
    page.goto(service.url("/data"))
    page.wait_for("document.body.dataset.ready")
    make(page, "me", "admin")
    page.wait_for("document.querySelector('[name=scope]').options.length === 3")
    make(page, "phone of Anna", "ingest", HTML)
    page.wait_for("document.querySelector('.apps img')?.naturalWidth > 100")
    link = page.eval("document.querySelector('.apps a').href")
    assert link.startswith("owntracks:///config?inline=")
    page.wait_for_text("A phone cannot reach this address")
    page.eval("document.querySelector('.apps').scrollIntoView()")
    picture(page, "phone-setup")
    assert page.eval("document.title") == "trackflow: data", "no markup came alive"
    page.eval("[...document.querySelectorAll('[data-key^=revoke-]')].at(-1).click()")
    page.wait_for("document.getElementById('ask')?.open")
    page.eval("document.getElementById('ask-yes').click()")
    page.wait_for("!document.querySelector('.secret')")
    page.eval("document.getElementById('sign-out').click()")
    page.wait_for("document.getElementById('login')?.open")


def make(page: Page, name: str, scope: str, device: str = "") -> None:
    """Make a token by the form."""
    page.wait_for("!!document.querySelector('form[aria-label=\"New token\"]')")
    page.eval(
        "(() => { const form = document.querySelector('form[aria-label=\"New token\"]');"
        f"form.elements.name.value = {json.dumps(name)};"
        f"form.elements.scope.value = {json.dumps(scope)};"
        f"form.elements.device.value = {json.dumps(device)}; form.requestSubmit(); }})()"
    )
    page.wait_for_text(name)


def test_who_may_only_read_gets_no_buttons(page: Page, service: Service) -> None:
    """Last: with a token there is no access without one any more."""
    secret = token_for(service.context, Scope.READ)
    page.goto(service.url("/data"))
    page.wait_for("document.getElementById('login')?.open")
    page.eval(
        f"document.getElementById('token').value = {json.dumps(secret)};"
        "document.getElementById('login-form').requestSubmit()"
    )
    page.wait_for("document.body.dataset.ready")
    shown = "[...document.querySelectorAll('main section')].filter(s => !s.hidden).map(s => s.id)"
    page.wait_for_value(shown, [""])
    drop(page, service.files / "van-9.csv")
    assert not page.eval("document.querySelector('#import-result').innerText")
    on_map(page, service)
    page.eval("document.querySelector('.track').click()")
    page.wait_for("!!document.querySelector('[data-key=download-gpx]')")
    assert not page.eval("document.querySelectorAll('[data-key=hide-track], .note-form').length")
