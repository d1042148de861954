"""A person's month in a real browser: a purpose, a rule, a correction, the report."""

import datetime as dt
import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from trackflow.context import Context
from trackflow.geo.points import Points
from trackflow.usecases.categories.following import follow_tracks
from trackflow.usecases.days.run import run
from trackflow.usecases.mileage.closing import close_due
from trackflow.usecases.mileage.fleet import put_device, put_driver, save_vehicle
from trackflow_tests.helpers.browser import WEBGL, Page, find_chromium, open_page
from trackflow_tests.helpers.running_api import running_api
from trackflow_tests.helpers.stores import NOON, Clock, batch_of_device, deliver, open_context

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.xdist_group("page")]

HTML = "<b>Visit</b> to Smith"
"""A purpose that must stay what it is: text."""

DAYS = 12
FIRST_ENTRY = "document.querySelector('[data-entry]')"


def month() -> Points:
    """Two drives of twenty minutes on each of some days, the last one yesterday."""
    times: list[int] = []
    steps: list[int] = []
    for day in range(DAYS, 0, -1):
        for hour in (-5, 4):
            start = NOON - dt.timedelta(days=day) + dt.timedelta(hours=hour)
            times += [round((start.timestamp() + 10 * k) * 1e6) for k in range(120)]
            steps += [k if hour < 0 else 119 - k for k in range(120)]
    lat = [60.1 + 0.0008 * k for k in steps]
    return Points.of(times, [24.9 + 0.0008 * k for k in steps], lat)


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    chromium = find_chromium()
    if chromium is None:
        message = "no Chromium found: apt-get install chromium"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    with open_page(chromium, tmp_path_factory.mktemp("chromium") / "profile", WEBGL) as opened:
        yield opened


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    url = f"sqlite:///{tmp_path / 'trackflow.db'}"
    with open_context(url, tmp_path, Clock(NOON)) as opened:
        deliver(opened.store, batch_of_device("van-1", month()))
        save_vehicle(opened, "van", plate="ABC-123")
        put_device(opened, "van", "van-1")
        put_driver(opened, "van", "Ada")
        run(opened)
        follow_tracks(opened)
        close_due(opened)
        yield opened


def test_a_persons_month(context: Context, tab: Page) -> None:
    with running_api(context) as api:
        tab.goto(f"{api.base_url}/logbook")
        tab.wait_for("document.body?.dataset.ready")
        waiting = "document.querySelectorAll('[data-entry]').length"
        before = tab.wait_for(waiting)
        first = tab.eval(f"{FIRST_ENTRY}.dataset.entry")
        tab.eval(f"{FIRST_ENTRY}.querySelector('select').value = 'business'")
        tab.eval(f"{FIRST_ENTRY}.querySelector('[name=purpose]').value = {HTML!r}")
        other = "document.querySelectorAll('[data-entry]')[1].querySelector('[name=purpose]')"
        tab.eval(f"{other}.value = 'half writ'")
        tab.eval(f"{other}.dispatchEvent(new Event('input', {{ bubbles: true }}))")
        tab.eval(f"{FIRST_ENTRY}.querySelector('button').click()")
        tab.wait_for(f"{waiting} === {before - 1}")
        saved = entry(api, first)
        assert (saved["content"]["category"], saved["content"]["purpose"]) == ("business", HTML)

        tab.eval("document.getElementById('month').value = '2026-02'")
        tab.eval("document.getElementById('choice').dispatchEvent(new Event('change'))")
        tab.wait_for_text(HTML, "The book is intact", "closed")
        written = f"{FIRST_ENTRY}.querySelector('[name=purpose]').value"
        assert tab.eval(written) == "half writ", "what is not saved yet stays"
        assert tab.eval("document.querySelectorAll('td b').length") == 0

        tab.click_text("Preview")
        tab.wait_for_text("would change if these rules were applied to the past")
        tab.click_text("Save", "#save-rules")
        tab.wait_for_text("Saved as version 1")
        assert api.get("/api/v1/rules").json()["version"] == 1
        shoot(tab, "logbook")

        pdf = tab.eval("document.querySelector('.files a').href")
        report = api.get(pdf)
        assert report.headers["content-type"] == "application/pdf"
        assert report.content[:5] == b"%PDF-"


def test_a_mode_is_corrected_on_the_map(context: Context, tab: Page) -> None:
    with running_api(context) as api:
        track = api.get("/api/v1/tracks", params={"from": "2026-02-20T00:00:00Z"}).json()[
            "features"
        ][-1]
        assert track["properties"]["travel_mode"] == "driving"
        day = track["properties"]["start_time"][:10]
        address = f"{api.base_url}/#day={day}&colour=mode&tab=tracks&track={track['id']}"
        tab.goto(address)
        tab.wait_for_text("How and what for", "driving")
        select = "document.querySelector('.leg select')"
        tab.wait_for(f"{select}?.value === 'driving'")
        tab.eval(f"{select}.value = 'bus'")
        tab.eval(f"{select}.dispatchEvent(new Event('change'))")
        tab.wait_for_text("by hand")
        tab.wait_for("document.getElementById('legend').innerText.includes('bus')")
        shoot(tab, "map-modes")
        again = api.get(f"/api/v1/tracks/{track['id']}").json()
        assert again["properties"]["travel_mode"] == "bus"


def entry(api: httpx.Client, entry_id: str) -> dict[str, dict[str, str]]:
    """An entry as the API has it."""
    found: dict[str, dict[str, str]] = api.get(f"/api/v1/logbook/{entry_id}").json()
    return found


def shoot(tab: Page, name: str) -> None:
    """A picture for those who want to look at it."""
    if folder := os.environ.get("TRACKFLOW_SCREENSHOTS"):
        tab.screenshot(Path(folder) / f"{name}.png")
