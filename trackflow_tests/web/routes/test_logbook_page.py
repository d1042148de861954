"""A person's month in a real browser: a purpose, a rule, a correction, the report."""

import datetime as dt
import json
import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from trackflow.context import Context
from trackflow.geo.points import Points
from trackflow.store.access.tokens import Scope
from trackflow.usecases.categories.following import follow_tracks
from trackflow.usecases.days.run import run
from trackflow.usecases.mileage.closing import close_due
from trackflow.usecases.mileage.fleet import put_device, put_driver, save_vehicle
from trackflow.usecases.mileage.rate_table import save_rates
from trackflow.usecases.places import editing
from trackflow.usecases.places.reading import list_places
from trackflow_tests.helpers.browser import Page
from trackflow_tests.helpers.made_once import MadeOnce
from trackflow_tests.helpers.running_api import running_api, token_for
from trackflow_tests.helpers.stores import NOON, Clock, batch_of_device, deliver, open_context

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("page")]

SCREENSHOTS = os.environ.get("TRACKFLOW_SCREENSHOTS")
"""Read at once: tests run without any such variable."""

HTML = "<b>Visit</b> to Smith"
"""A purpose that must stay what it is: text."""

DAYS = 12
FIRST_ENTRY = "document.querySelector('[data-entry]')"


def month(oldest: int = DAYS, newest: int = 1) -> Points:
    """Two drives of twenty minutes on each of some days, the last one yesterday."""
    times: list[int] = []
    steps: list[int] = []
    for day in range(oldest, newest - 1, -1):
        for hour in (-5, 4):
            start = NOON - dt.timedelta(days=day) + dt.timedelta(hours=hour)
            times += [round((start.timestamp() + 10 * k) * 1e6) for k in range(120)]
            steps += [k if hour < 0 else 119 - k for k in range(120)]
    lat = [60.1 + 0.0008 * k for k in steps]
    return Points.of(times, [24.9 + 0.0008 * k for k in steps], lat)


@pytest.fixture
def context(tmp_path: Path, made_once: MadeOnce) -> Iterator[Context]:
    url = f"sqlite:///{tmp_path / 'trackflow.db'}"
    clock = Clock(NOON - dt.timedelta(days=DAYS + 1))  # the book sees each trip when it ends

    def make() -> None:
        deliver(opened.store, batch_of_device("van-1", month()))
        save_vehicle(opened, "van", plate="ABC-123")
        put_device(opened, "van", "van-1")
        put_driver(opened, "van", "Ada")
        run(opened)
        follow_tracks(opened)
        clock.time = NOON
        close_due(opened)

    with open_context(url, tmp_path, clock) as opened:
        made_once.bring(opened.store, make)
        clock.time = NOON
        yield opened


RATES_TO_COME = """
[[rate]]
id = "own"
from = 2027-01-01
category = "business"
currency = "EUR"
unit = "km"
amount = 0.3
"""


def test_a_persons_month(context: Context, tab: Page) -> None:
    save_rates(context, RATES_TO_COME)
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
        tab.eval("document.getElementById('choice').requestSubmit()")
        tab.wait_for_text(HTML, "The book is intact", "closed")
        tab.wait_for_text("no rate is for its day", "1 trip not paid")
        written = f"{FIRST_ENTRY}.querySelector('[name=purpose]').value"
        assert tab.eval(written) == "half writ", "what is not saved yet stays"
        assert tab.eval("document.querySelectorAll('td b').length") == 0

        row = f"document.querySelector('[data-row=\"{first}\"]')"  # a slip, seen before it closes
        assert isinstance(context.clock, Clock)
        context.clock.time += dt.timedelta(minutes=1)
        tab.eval(f"{row}.querySelector('[data-key^=amend-]').click()")
        tab.eval(f"{row}.nextElementSibling.querySelector('select').value = 'commute'")
        tab.eval(f"{row}.nextElementSibling.querySelector('button').click()")
        tab.wait_for(f"{row}.innerText.includes('commute')")
        assert entry(api, first)["content"]["category"] == "commute"

        _counts_two_as_one(tab, api, tab.eval(f"{FIRST_ENTRY}.dataset.entry"))
        _fits(tab)
        tab.click_text("Preview")
        tab.wait_for_text("would change if these rules were applied to the past")
        tab.click_text("Save", "#save-rules")
        tab.wait_for_text("Saved as version 1")
        assert api.get("/api/v1/rules").json()["version"] == 1
        _uses_rules_for_the_past(tab, api)
        shoot(tab, "logbook")

        pdf = tab.eval("document.querySelector('.files a').href")
        report = api.get(pdf)
        assert report.headers["content-type"] == "application/pdf"
        assert report.content[:5] == b"%PDF-"


def _counts_two_as_one(tab: Page, api: httpx.Client, first: str) -> None:
    def trips() -> dict[str, int]:
        found = api.get("/api/v1/logbook", params={"month": "2026-02"}).json()["entries"]
        return {one["entry_id"]: len(one["now"]["track_ids"]) for one in found}

    rows, before = "document.querySelectorAll('#book [data-row]').length", trips()
    tab.eval(f"document.querySelector('[data-key=amend-{first}]').click()")
    tab.eval(f"document.querySelector('[data-key=join-{first}]').click()")
    tab.wait_for(f"{rows} === {len(before) - 1}")
    (joined,) = [one for one, tracks in trips().items() if tracks == 2]
    tab.eval(f"document.querySelector('[data-key=amend-{joined}]').click()")
    tab.eval(f"document.querySelector('[data-key=undo-join-{joined}]').click()")
    tab.wait_for(f"{rows} === {len(before)}")
    assert trips() == before


def _fits(tab: Page) -> None:
    """Where the place is too narrow for the book's columns, they lie one below the other."""
    table = "document.querySelector('#book table')"
    for width, found in ((390, "true"), (820, f"{table}.matches('.stacked')"), (1500, "false")):
        tab.resize(width, 1000)
        fits = f"{table}.offsetWidth <= {table}.parentElement.clientWidth"
        tab.wait_for(f"{fits} && {table}.matches('.stacked') === {found}")


def _uses_rules_for_the_past(tab: Page, api: httpx.Client) -> None:
    def counting() -> list[int]:
        uses = api.get("/api/v1/rules/history").json()["uses"]
        return [one["use_no"] for one in uses if not one["undone_at"]]

    days = "form.from.value = '2026-02-01'; form.to.value = '2026-02-28'"
    form = "const form = document.querySelector('#rule-uses form')"
    tab.eval(f"(() => {{ {form}; {days}; form.requestSubmit(); }})()")
    tab.wait_for("!!document.querySelector('[data-key=undo-use-2]')")
    assert counting() == [2, 1]
    tab.eval("document.querySelector('[data-key=undo-use-2]').click()")
    tab.wait_for("!document.querySelector('[data-key=undo-use-2]')")
    assert counting() == [1]
    rules = "document.getElementById('rules-text').value"
    before = tab.eval(rules)
    tab.eval(f"{FIRST_ENTRY}.querySelector('[data-key^=rule-]').click()")
    tab.wait_for(f"{rules} !== {json.dumps(before)}")
    assert tab.eval(rules).endswith(f"\n{before}"), "above the others: the first one decides"


def test_a_late_trip_is_said_what_it_was_for_and_amended(context: Context, tab: Page) -> None:
    out = [*range(119, 60, -1), *range(60, 120)]
    start_us = round((NOON - dt.timedelta(days=10)).timestamp() * 1e6)
    times = [start_us + 10_000_000 * k for k in range(len(out))]
    there = Points.of(times, [24.9 + 0.0008 * k for k in out], [60.1 + 0.0008 * k for k in out])
    with running_api(context) as api:
        tab.goto(f"{api.base_url}/logbook")
        tab.wait_for("document.body?.dataset.ready")
        deliver(context.store, batch_of_device("van-1", there))
        run(context)
        follow_tracks(context)
        (added,) = [
            one
            for one in api.get("/api/v1/logbook?needs_purpose=true").json()["entries"]
            if one["status"] == "added"
        ]
        tab.eval("document.getElementById('month').value = '2026-02'")
        tab.eval("document.getElementById('choice').requestSubmit()")
        trip = f"document.querySelector('[data-entry=\"{added['entry_id']}\"]')"
        tab.wait_for(f"{trip}?.innerText.includes('came after closing')")
        tab.eval(f"{trip}.querySelector('select').value = 'business'")
        tab.eval(f"{trip}.querySelector('[name=purpose]').value = {HTML!r}")
        tab.eval(f"{trip}.querySelector('button').click()")
        tab.wait_for(f"!{trip}")
        row = f"document.querySelector('[data-row=\"{added['entry_id']}\"]')"
        tab.wait_for(f"{row}?.innerText.includes({HTML!r}) && {row}.innerText.includes('added')")

        tab.eval(f"{row}.querySelector('[data-key^=amend-]').click()")
        form = "document.querySelector('#book form')"
        tab.wait_for(f"!!{form}")
        meanwhile = {"reason": "from another tab", "partner": "Bo"}
        api.post(f"/api/v1/logbook/{added['entry_id']}/amend", json=meanwhile).raise_for_status()
        tab.eval(f"{form}.querySelector('[name=partner]').value = 'lost'")
        tab.eval(f"{form}.querySelector('[name=reason]').value = 'forgotten'")
        tab.eval(f"{form}.querySelector('button').click()")
        tab.wait_for_text("Others have changed this trip meanwhile")
        tab.wait_for(f"{row}?.innerText.includes('Bo') && !{form}")

        tab.eval(f"{row}.querySelector('[data-key^=amend-]').click()")
        tab.wait_for(f"document.activeElement === {form}?.querySelector('select')")
        tab.eval(f"{form}.querySelector('[name=partner]').value = 'Ada & Co'")
        tab.eval(f"{form}.querySelector('[name=reason]').value = 'forgotten'")
        shoot(tab, "logbook-amend")
        tab.eval(f"{form}.querySelector('button').click()")
        tab.wait_for(f"{row}?.innerText.includes('Ada & Co')")
        now = entry(api, added["entry_id"])
        assert (now["now"]["purpose"], now["now"]["partner"]) == (HTML, "Ada & Co")
        assert [one["reason"] for one in now["amendments"]][-1] == "forgotten"
        tab.eval(f"{row}.querySelector('[data-key^=amendments-]').click()")
        said = tab.eval(f"{row}.nextElementSibling.innerText")
        assert "forgotten" in said
        assert "→ Ada & Co" in said


def test_a_book_that_has_not_changed_is_not_asked_for_again(context: Context, tab: Page) -> None:
    asked = "performance.getEntriesByType('resource').map(e => new URL(e.name).pathname)"
    with running_api(context) as api:
        tab.goto(f"{api.base_url}/logbook")
        tab.wait_for("document.body?.dataset.ready")
        before = tab.eval(asked)
        assert before.count("/api/v1/logbook/verify") == 1
        again = "document.getElementById('choice').requestSubmit()"
        tab.eval(again)
        tab.wait_for(f"{asked}.length > {len(before)}")
        save_vehicle(context, "van", plate="XYZ-9")
        tab.eval(again)
        tab.wait_for(f"{asked}.filter(path => path === '/api/v1/logbook/verify').length === 2")
        polls = tab.eval(asked)[len(before) :]
        assert polls.count("/api/v1/logbook/versions") == 2
        assert polls.count("/api/v1/logbook/verify") == 1


def test_of_thousands_of_trips_without_a_purpose_some_are_shown(
    context: Context, tab: Page
) -> None:
    """A history of years that was imported at once must not stop the browser."""
    deliver(context.store, batch_of_device("van-1", month(40, DAYS + 1)))
    run(context)
    follow_tracks(context)
    with running_api(context) as api:
        total = api.get("/api/v1/logbook?needs_purpose=true&limit=1").json()["total"]
        assert 50 < total <= 100
        tab.goto(f"{api.base_url}/logbook")
        tab.wait_for("document.body?.dataset.ready")
        shown = "document.querySelectorAll('[data-entry]').length"
        assert tab.eval(shown) == 50
        tab.click_text(f"Show more of {total}")
        tab.wait_for(f"{shown} === {total}")
        assert tab.eval("document.querySelector('#purposes .more')") is None


def test_places_are_decided_by_click(context: Context, tab: Page) -> None:
    (home,) = [one for one in list_places(context) if one.kind == "home"]
    by_click = editing.PlaceDraft(HTML, "customer", 24.9, 60.5, device_id="van-1")
    other = editing.add_place(context, by_click, "anna").place_id
    place = f"document.querySelector('[data-place=\"{home.place_id}\"]')"
    with running_api(context) as api:
        tab.goto(f"{api.base_url}/logbook")
        tab.wait_for("document.body?.dataset.ready")
        tab.wait_for(f"{place}?.innerText.includes('sure')")

        def click(words: str) -> None:
            found = f"[...{place}.querySelectorAll('button')].find(b => b.innerText === '{words}')"
            tab.wait_for(f"!!{found}")
            tab.eval(f"{found}.click()")

        def status() -> tuple[str, str]:
            shown = api.get(f"/api/v1/places/{home.place_id}").json()["place"]
            return shown["name"], shown["status"]

        click("Confirm")
        tab.wait_for(f"{place}.dataset.status === 'confirmed'")
        click("Rename")
        tab.wait_for(f"!!{place}.querySelector('form')")
        tab.eval(f"{place}.querySelector('input').value = 'Depot North'")
        typed = "dispatchEvent(new Event('input', { bubbles: true }))"
        tab.eval(f"{place}.querySelector('input').{typed}")
        tab.eval(f"document.getElementById('place-filter').{typed}")  # what is drawn anew keeps it
        shoot(tab, "logbook-places", of="places-title")
        click("Save")
        tab.wait_for(f"{place}.innerText.includes('Depot North')")
        assert status() == ("Depot North", "confirmed")
        click("Merge")
        tab.wait_for(f"!!{place}.querySelector('form select option')")
        options = tab.eval(f"[...{place}.querySelectorAll('option')].map(o => o.value)")
        assert str(other) in options
        tab.eval(f"{place}.querySelector('select').value = '{other}'")
        click("Merge")
        tab.wait_for(f"{place}?.dataset.status === 'merged'")  # in sight, with its way back
        assert tab.eval(f"{place}.innerText").count("merged into <b>Visit</b>")
        click("Undo")
        tab.wait_for(f"{place}.dataset.status === 'confirmed'")
        click("Reject")
        tab.wait_for(f"{place}.dataset.status === 'rejected'")
        click("Undo")
        tab.wait_for(f"{place}.dataset.status === 'confirmed'")
        assert status() == ("Depot North", "confirmed")
        shown = "document.querySelectorAll('[data-place]').length"
        tab.eval("document.getElementById('place-filter').value = 'customer'")
        tab.eval("document.getElementById('place-filter').dispatchEvent(new Event('input'))")
        tab.wait_for(f"{shown} === 1")

        reader = token_for(context, Scope.READ)
        session = "fetch('/session', {method: 'POST', headers: {'Content-Type': "
        session += f"'application/json'}}, body: JSON.stringify({{token: '{reader}'}})}})"
        tab.eval(f"{session}.then(() => window.signedIn = true)")
        tab.wait_for("window.signedIn")
        tab.goto(f"{api.base_url}/logbook")
        tab.wait_for("document.body?.dataset.ready")
        tab.wait_for(f"!!{place}")
        assert tab.eval(f"{place}.querySelectorAll('button').length") == 0, "it may only read"
        tab.eval("fetch('/session', {method: 'DELETE'}).then(() => window.signedOut = true)")
        tab.wait_for("window.signedOut")


def test_other_thresholds_are_compared(context: Context, tab: Page) -> None:
    with running_api(context) as api:
        tab.goto(f"{api.base_url}/logbook")
        tab.wait_for("document.body?.dataset.ready")
        value = "document.querySelector('#what-if [name=min_track_m]')"
        tab.wait_for(f"{value}?.value === '100'")
        compare = "document.querySelector('#what-if-form button').click()"
        tab.eval(compare)
        tab.wait_for_text("Change at least one threshold")
        tab.eval(f"{value}.value = '1000000'")
        tab.eval(compare)
        tab.wait_for_text("14 removed", "trackflow device --set min_track_m=1000000 van-1")
        for width, height, name in ((1500, 1000, "logbook-what-if"), (390, 844, "logbook-phone")):
            tab.resize(width, height, phone=width < 500)
            shoot(tab, name, of="what-if-title")
            wide = "document.querySelector('main').scrollWidth"
            assert tab.eval(f"document.body.scrollWidth <= {width} && {wide} <= {width}")
        shade = "getComputedStyle(document.querySelector('.table-box')).backgroundAttachment"
        assert "local" in tab.eval(shade), "its edge says that there is more to the side"
        for name in ("purposes", "month", "places"):
            shoot(tab, f"logbook-phone-{name}", of=f"{name}-title")
        tab.resize(1500, 1000)
        tab.prefer(color_scheme="dark")
        shoot(tab, "logbook-dark", of="month-title")
        shoot(tab, "logbook-dark-places", of="places-title")
        tab.prefer(color_scheme="light")
        tab.eval(f"{value}.value = '-1'")
        tab.eval(compare)
        tab.wait_for("!!document.querySelector('#what-if-result [role=alert]')")


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
        tab.eval("document.querySelector('[data-key=undo-leg]').click()")
        tab.wait_for(f"{select}?.value === 'driving'")

        form = "document.querySelector('.purpose')"
        tab.eval(f"{form}.querySelector('[name=partner]').value = 'Bo'")
        tab.eval(f"{form}.querySelector('[name=purpose]').focus()")
        tab.write(HTML)
        tab.press("Enter")
        tab.wait_for("!!document.querySelector('[data-key=undo-purpose]')")
        (decided,) = api.get("/api/v1/categories/decisions").json()["decisions"]
        assert (decided["purpose"], decided["partner"]) == (HTML, "Bo")
        shown = tab.eval(f"{form}.querySelector('[name=partner]').value")
        assert shown == "Bo", "saved once more without it, it would be lost"
        assert tab.eval(f"{form}.querySelector('[name=purpose]').value") == HTML
        tab.eval("document.querySelector('[data-key=undo-purpose]').click()")
        tab.wait_for(f"{form}.querySelector('[name=purpose]').value === ''")


def entry(api: httpx.Client, entry_id: str) -> dict[str, dict[str, str]]:
    """An entry as the API has it."""
    found: dict[str, dict[str, str]] = api.get(f"/api/v1/logbook/{entry_id}").json()
    return found


def shoot(tab: Page, name: str, of: str = "") -> None:
    """A picture for those who want to look at it; of the part of the page that has a heading."""
    if SCREENSHOTS:
        if of:
            tab.eval(f"document.getElementById({of!r}).scrollIntoView()")
        tab.screenshot(Path(SCREENSHOTS) / f"{name}.png")
