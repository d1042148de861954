"""What the book of a month leaves out, in a real browser: a line, its list, and putting one in."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from trackflow.categories.modes import Mode
from trackflow.context import Context
from trackflow.geo.time import ONE_DAY
from trackflow.usecases.categories.correcting import correct_mode
from trackflow.usecases.categories.following import follow_tracks
from trackflow.usecases.days.run import run
from trackflow.usecases.devices.settings import change_settings
from trackflow.usecases.mileage.fleet import put_device, save_vehicle
from trackflow_tests.helpers.browser import Page
from trackflow_tests.helpers.running_api import running_api
from trackflow_tests.helpers.stores import NOON, Clock, batch_of_device, deliver, open_context
from trackflow_tests.helpers.waiting import wait_until
from trackflow_tests.usecases.categories.test_legs import moves
from trackflow_tests.web.routes.test_logbook_page import shoot

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("page")]

MARKED = "<b>Bo</b>"
"""A name that must stay what it is: text."""

LINE = "document.querySelector('#left-out summary')"
ROWS = "[...document.querySelectorAll('#left-out li')].map(row => row.innerText.trim())"
IS_OPEN = "document.querySelector('#left-out').open"


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    """A phone that was put into a car: it walks, goes by train, and drives with its tracker."""
    url = f"sqlite:///{tmp_path / 'trackflow.db'}"
    clock = Clock(NOON + 4 * ONE_DAY)
    with open_context(url, tmp_path, clock) as opened:
        for device, day, kmh in (
            ("phone", 0, 5.0),
            ("phone", 1, 60.0),
            ("phone", 2, 60.0),
            ("tracker", 2, 60.0),
        ):
            points = moves([(0, kmh, 30)], NOON + day * ONE_DAY)
            deliver(opened.store, batch_of_device(device, points))
        save_vehicle(opened, "car", plate="ABC-123")
        put_device(opened, "car", "tracker")
        put_device(opened, "car", "phone", NOON - ONE_DAY)
        change_settings(opened, "phone", preset="phone")
        run(opened)
        follow_tracks(opened)
        start = NOON + ONE_DAY
        correct_mode(opened, "phone", start, start + ONE_DAY / 24, Mode.TRAIN, decided_by=MARKED)
        clock.advance(1)  # of two corrections the later one counts
        yield opened


def show_month(tab: Page, address: str, language: str = "en-GB") -> None:
    """The book of the month in which all of it was."""
    tab.speak(language)
    tab.goto("about:blank")
    tab.goto(f"{address}/logbook?month=2026-03")
    tab.wait_for("document.body?.dataset.ready")
    tab.wait_for(f"!!{LINE}")


def test_a_quiet_line_opens_the_list_by_key(context: Context, tab: Page) -> None:
    with running_api(context) as api:
        address = str(api.base_url).rstrip("/")
        show_month(tab, address)
        told = "Not in the vehicle: 2 tracks, 32.4 km · Recorded twice: 1 track, 29.9 km"
        assert tab.eval(f"{LINE}.innerText") == told
        assert not tab.eval(IS_OPEN)
        tab.eval(f"{LINE}.focus()")
        tab.press("Enter")
        tab.wait_for(IS_OPEN)
        walk, train, twice = tab.eval(ROWS)
        assert walk.startswith("Mon 2 Mar, 12:00 \u2013 12:30 · 2.5 km · never faster than 10 km/h")
        assert f"train, as {MARKED} said" in train
        assert tab.eval("document.querySelectorAll('#left-out b').length") == 0
        assert "another device has recorded it" in twice
        tab.press("Tab")
        focused = "document.activeElement.getAttribute('aria-label')"
        assert tab.eval(focused) == "The track of Mon 2 Mar, 12:00 on the map"
        shoot(tab, "logbook-left-out", of="month-title")

        # what is drawn anew stays open, and whoever was in it stays there
        save_vehicle(context, "car", plate="XYZ-9")
        tab.eval("window.before = document.querySelector('#left-out')")
        tab.eval("document.getElementById('choice').requestSubmit()")
        tab.wait_for("document.querySelector('#left-out') !== window.before")
        assert tab.eval(IS_OPEN)
        assert tab.eval(focused) == "The track of Mon 2 Mar, 12:00 on the map"

        for width, height in ((390, 844), (1500, 1000)):
            tab.resize(width, height, phone=width < 500)
            wide = "document.querySelector('main').scrollWidth"
            assert tab.eval(f"document.body.scrollWidth <= {width} && {wide} <= {width}")
            shoot(tab, f"logbook-left-out-{width}", of="left-out")


def test_a_track_is_put_into_the_book_on_the_map(context: Context, tab: Page) -> None:
    with running_api(context) as api:
        address = str(api.base_url).rstrip("/")
        show_month(tab, address)
        tab.eval(f"{LINE}.click()")
        tab.eval("document.querySelectorAll('#left-out a')[1].click()")
        select = "document.querySelector('.leg select')"
        tab.wait_for(f"{select}?.value === 'train'")
        tab.eval(f"{select}.value = 'driving'")
        tab.eval(f"{select}.dispatchEvent(new Event('change'))")
        book = "/api/v1/logbook?vehicle=car"
        wait_until(lambda: len(api.get(book).json()["entries"]) == 2)
        show_month(tab, address)
        assert tab.eval(f"{LINE}.innerText").startswith("Not in the vehicle: 1 track, 2.5 km")
        listed = api.get(book).json()["entries"]
        assert [one["content"]["local_day"] for one in listed] == ["2026-03-03", "2026-03-04"]


def test_the_list_speaks_the_readers_language_and_units(context: Context, tab: Page) -> None:
    with running_api(context) as api:
        address = str(api.base_url).rstrip("/")
        show_month(tab, address)
        tab.eval("localStorage.setItem('trackflow-units', 'imperial')")
        show_month(tab, address, "de-DE")
        assert tab.eval(f"{LINE}.innerText").startswith("Nicht im Fahrzeug: 2 Fahrten, 20,1 mi")
        tab.eval(f"{LINE}.click()")
        walk, train, _ = tab.eval(ROWS)
        assert "nie schneller als 6 mph" in walk
        assert f"Zug, wie {MARKED} gesagt hat" in train


def test_of_a_private_track_the_kilometres_are_shown(context: Context, tab: Page) -> None:
    with running_api(context) as api:
        address = str(api.base_url).rstrip("/")
        walk = api.get("/api/v1/logbook/left-out").json()["tracks"][0]
        said = {"track_id": walk["track_id"], "category": "private"}
        assert api.post("/api/v1/categories/decisions", json=said).status_code == 200
        show_month(tab, address)
        tab.eval(f"{LINE}.click()")
        assert tab.eval(ROWS)[0] == "Mon 2 Mar · 2.5 km · private"


def test_without_anything_left_out_there_is_no_line(context: Context, tab: Page) -> None:
    save_vehicle(context, "idle")
    with running_api(context) as api:
        show_month(tab, str(api.base_url).rstrip("/"))
        tab.eval("document.getElementById('vehicle').value = 'idle'")
        tab.eval("document.getElementById('choice').requestSubmit()")
        tab.wait_for_text("No trips in this month")
        assert tab.eval(f"{LINE} === null")
