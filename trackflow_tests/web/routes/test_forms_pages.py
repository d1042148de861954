"""Forms on the pages: sent once, answered in sight, kept while they are filled in.

One service whose days are those of America/St_Johns, and one browser.
"""

import datetime as dt
import json
from collections.abc import Iterator
from zoneinfo import ZoneInfo

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackflow.context import Context
from trackflow.store.access.tokens import Scope
from trackflow.usecases.access.tokens import tokens_in_use
from trackflow.usecases.days.run import run
from trackflow.usecases.jobs.kinds import queue_job
from trackflow.usecases.mileage.fleet import save_vehicle
from trackflow_tests.helpers.browser import WEBGL, Page, needed_chromium, open_page
from trackflow_tests.helpers.running_api import running_api, token_for
from trackflow_tests.helpers.stores import NOON, batch_of_device, deliver, drive, open_context

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("forms")]

ZONE = "America/St_Johns"
LONG_NAME = "n" * 120
ON_BODY = "document.activeElement === document.body"
SLOW_ANSWERS = """(() => {
  const usual = window.fetch;
  window.held = [];
  window.fetch = (...asked) => (!asked[0].includes('/hidings?') ? usual(...asked)
    : new Promise((go) => { window.held.push(go); }).then(() => usual(...asked)));
  window.release = () => { window.fetch = usual; for (const go of window.held) go(); };
})()"""
"""The list of hidden points is on its way until `release`."""


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Context]:
    folder = tmp_path_factory.mktemp("forms")
    url = f"sqlite:///{folder / 'trackflow.db'}"
    with open_context(url, folder, time_zone=ZONE) as opened:
        for device in ("bus", LONG_NAME):
            deliver(opened.store, batch_of_device(device, drive(NOON, 60)))
        run(opened)
        yield opened


@pytest.fixture(scope="module")
def api(context: Context) -> Iterator[httpx.Client]:
    with running_api(context) as client:
        yield client


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    profile = tmp_path_factory.mktemp("chromium") / "profile"
    with open_page(needed_chromium(), profile, WEBGL) as opened:
        opened.prefer(reduced_motion="reduce")
        yield opened


def show(tab: Page, api: httpx.Client, path: str) -> None:
    tab.resize(1200, 800)
    tab.goto("about:blank")
    tab.goto(str(api.base_url).rstrip("/") + path)
    tab.wait_for("document.body?.dataset.ready || document.body?.dataset.mapReady")


def element(selector: str) -> str:
    return f"document.querySelector({json.dumps(selector)})"


def fill_in(tab: Page, selector: str, value: str) -> None:
    tab.wait_for(f"!!{element(selector)}")
    tab.eval(f"{element(selector)}.focus()")
    tab.eval(f"{element(selector)}.select?.()")
    tab.write(value)


def double_click(tab: Page, selector: str) -> None:
    """As a mouse does it: the second click comes at once, and says that it is one."""
    tab.eval(f"{element(selector)}.scrollIntoView({{ block: 'center' }})")
    x, y = tab.eval(
        f"(({{ x, y, width, height }}) => [x + width / 2, y + height / 2])"
        f"({element(selector)}.getBoundingClientRect())"
    )
    for clicks in (1, 2):
        for kind in ("mousePressed", "mouseReleased"):
            at = {"x": x, "y": y, "button": "left", "clickCount": clicks}
            tab.call("Input.dispatchMouseEvent", type=kind, **at)


def hide(tab: Page, start: str, *, by: str = "click") -> None:
    """Hide the points of the bus from a time on, by the form."""
    tab.wait_for(f"!!{element('[data-key=hide]')}")
    tab.eval(f"{element('#hidden-body [name=device]')}.value = 'bus'")
    tab.eval(f"{element('#hidden-body [name=from]')}.value = {json.dumps(start)}")
    if by == "click":
        tab.eval(f"{element('[data-key=hide]')}.click()")


def hidings(api: httpx.Client) -> list[dict[str, str]]:
    found: list[dict[str, str]] = api.get("/api/v1/points/hidings").json()["hidings"]
    return found


def test_a_double_click_does_once_what_a_click_does(tab: Page, api: httpx.Client) -> None:
    show(tab, api, "/data")
    hide(tab, "2026-03-02T08:30:00", by="nothing yet")
    double_click(tab, "[data-key=hide]")
    tab.wait_for(f"!!{element('[data-key^=restore-]')}")
    double_click(tab, "[data-key=rebuild]")
    tab.wait_for_text("watch it on the map page")
    jobs = api.get("/api/v1/jobs").json()["jobs"]
    assert (len(hidings(api)), len(jobs)) == (1, 1)


def test_what_waits_with_nobody_at_work_says_what_begins_it(
    tab: Page, context: Context, api: httpx.Client
) -> None:
    queue_job(context, "rebuild", {"from": "2026-03-02", "to": "2026-03-02"})
    later = "{ const now = Date.now; Date.now = () => now() + 366 * 86400e3; }"
    script = tab.call("Page.addScriptToEvaluateOnNewDocument", source=later)
    show(tab, api, "/#tab=work")
    tab.wait_for("document.querySelector('.nobody')?.innerText.includes('trackflow serve')")
    tab.call("Page.removeScriptToEvaluateOnNewDocument", **script)


def test_what_is_done_is_said_in_sight_and_the_focus_stays_where_it_was_done(
    tab: Page, api: httpx.Client
) -> None:
    show(tab, api, "/data")
    hide(tab, "2026-03-02T08:32:00")
    tab.wait_for(f"!!{element('[data-key^=restore-]')}")
    while tab.eval(f"!!{element('[data-key^=restore-]')}"):
        tab.eval(f"{element('[data-key^=restore-]')}.focus()")
        key = tab.eval("document.activeElement.dataset.key")
        tab.press("Enter")
        tab.wait_for(f"!document.querySelector('[data-key={key}]')")
        tab.wait_for("document.getElementById('told')?.innerText.includes('restored')")
        assert not tab.eval(ON_BODY), "the Tab key would begin at the top of the page"
    fill_in(tab, "#device-form [name=gap_s]", "")
    tab.eval(f"{element('[data-key=save-device]')}.click()")
    tab.wait_for("document.getElementById('told')?.innerText === 'Saved'")


def test_what_is_typed_stays_when_something_else_is_done(tab: Page, api: httpx.Client) -> None:
    show(tab, api, "/data")
    tab.eval("document.querySelector('#device-form details').open = true")
    fill_in(tab, "#device-form [name=gap_s]", "77")
    for minute in (33, 34, 35):  # what the first one draws anew is drawn when the last one has
        before = tab.eval("document.querySelectorAll('[data-key^=restore-]').length")
        hide(tab, f"2026-03-02T08:{minute}:00")
        tab.wait_for(f"document.querySelectorAll('[data-key^=restore-]').length > {before}")
    assert tab.eval(f"{element('#device-form [name=gap_s]')}.value") == "77"
    tab.eval(SLOW_ANSWERS)
    left = tab.eval("document.querySelectorAll('[data-key^=restore-]').length") - 1
    tab.eval(f"{element('[data-key^=restore-]')}.click()")
    tab.wait_for("window.held.length")
    fill_in(tab, "#hidden-body [name=area]", "24,60,")  # while the list is on its way
    tab.eval("window.release()")
    tab.wait_for(f"document.querySelectorAll('[data-key^=restore-]').length === {left}")
    tab.write("25,61")
    assert tab.eval(f"{element('#hidden-body [name=area]')}.value") == "24,60,25,61"
    tab.eval(f"{element('[data-key=hide]')}.click()")  # what is sent is done with
    tab.wait_for(f"document.querySelectorAll('[data-key^=restore-]').length === {left + 1}")
    assert tab.eval(f"{element('#hidden-body [name=area]')}.value") == ""


def test_what_is_wrong_is_in_sight_wherever_its_form_is(tab: Page, api: httpx.Client) -> None:
    show(tab, api, "/data")
    hide(tab, "")
    tab.eval(f"{element('[data-key=hide]')}.scrollIntoView({{ block: 'end' }})")
    tab.wait_for_text("Say from when, until when or where points are hidden.")
    top = tab.eval("document.getElementById('problem').getBoundingClientRect().top")
    assert 0 <= top < 800

    for form in ("download", "rebuild", "hidden-body form"):  # a time that ends before it begins
        end = element(f"#{form} [name=to]")
        begin = element(f"#{form} [name=from]")
        tab.eval(f"{begin}.value = {begin}.type === 'date' ? '2026-03-02' : '2026-03-02T10:00'")
        tab.eval(f"{begin}.dispatchEvent(new Event('input', {{ bubbles: true }}))")
        tab.eval(f"{end}.value = {end}.type === 'date' ? '2026-03-01' : '2026-03-02T09:00'")
        assert tab.eval(f"{end}.validity.rangeUnderflow"), form


def test_times_of_the_data_are_in_the_zone_that_they_name(tab: Page, api: httpx.Client) -> None:
    show(tab, api, "/data")
    before = {one["hiding_id"] for one in hidings(api)}
    hide(tab, "2026-03-02T05:06:07")
    tab.wait_for(f"document.querySelectorAll('[data-key^=restore-]').length > {len(before)}")
    (new,) = [one for one in hidings(api) if one["hiding_id"] not in before]
    assert new["start_time"] == "2026-03-02T08:36:07Z"
    tab.wait_for_text(f"From ({ZONE})", f"Times are those of {ZONE}")
    tab.wait_for("/05:06 . now on/.test(document.body.innerText)")


def test_a_wall_clock_time_is_the_moment_that_its_zone_means(tab: Page, api: httpx.Client) -> None:
    show(tab, api, "/data")
    load(tab, "zones")

    @settings(max_examples=60, deadline=None)
    @given(st.integers(86400, 80 * 365 * 86400).map(_shown))
    def holds(shown: dt.datetime) -> None:
        expected = shown.replace(tzinfo=ZoneInfo(ZONE)).astimezone(dt.UTC)
        found = tab.eval(f"window.zones.momentOf('{shown.isoformat()}').toISOString()")
        assert dt.datetime.fromisoformat(found) == expected

    holds()
    for gap_or_twice in ("2026-03-08T02:30:00", "2026-11-01T01:30:00"):
        holds.hypothesis.inner_test(dt.datetime.fromisoformat(gap_or_twice))


def test_an_age_has_one_unit_so_that_a_narrow_row_holds_it(tab: Page, api: httpx.Client) -> None:
    show(tab, api, "/data")
    load(tab, "format")
    ages = {30: "30 s ago", 3480: "58 min ago", 3660: "1 h ago", 81060: "22 h ago"}
    ages |= {47 * 3600 + 3540: "47 h ago", 73 * 3600: "3 days ago"}
    for seconds, words in ages.items():
        assert tab.eval(f"window.format.ago(Date.now() - {seconds * 1000})") == words


def load(tab: Page, name: str) -> None:
    """Make the names of a module of the page those of a property of its window."""
    module = tab.eval(
        f"performance.getEntriesByType('resource').find(r => r.name.endsWith('/{name}.js')).name"
    )
    tab.eval(f"void import({json.dumps(module)}).then(m => {{ window.{name} = m; }})")
    tab.wait_for(f"!!window.{name}")


def _shown(seconds: int) -> dt.datetime:
    """A wall-clock time: it has no zone."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC).replace(tzinfo=None)


def test_all_that_a_row_of_a_device_offers_is_reached_by_the_tab_key(
    tab: Page, api: httpx.Client
) -> None:
    show(tab, api, "/#day=2026-03-02&zone=utc")
    tab.wait_for("document.querySelectorAll('.device').length === 2")
    tab.eval("document.querySelectorAll('.device')[1].focus()")
    row = "document.querySelectorAll('.device')[1].closest('.row')"
    wanted = tab.eval(f"[...{row}.querySelectorAll('.only')].map(b => b.className)")
    reached = []
    for _ in wanted:
        tab.press("Tab")
        assert tab.eval(f"{row}.contains(document.activeElement)")
        reached.append(tab.eval("document.activeElement.className"))
    assert reached == wanted
    assert len(wanted) == 3
    tab.press("Enter")
    tab.wait_for("document.getElementById('look')?.open")
    tab.press("Escape")
    tab.wait_for("!document.getElementById('look')")
    assert tab.eval("document.activeElement.classList.contains('edit')")


def test_names_are_changed_on_a_phone(tab: Page, api: httpx.Client) -> None:
    show(tab, api, "/#day=2026-03-02&zone=utc")
    tab.resize(390, 844, phone=True)
    tab.wait_for("document.querySelectorAll('.edit').length === 2")
    box = "document.querySelector('.edit').getBoundingClientRect()"
    assert tab.eval(f"{box}.width >= 24 && {box}.height >= 24 && {box}.right <= 390")
    tab.eval("document.querySelector('.edit').click()")
    tab.wait_for("document.getElementById('look')?.open")
    assert tab.eval("document.documentElement.scrollWidth") <= 390


def test_a_long_name_leaves_the_figures_of_a_table_in_sight(tab: Page, api: httpx.Client) -> None:
    show(tab, api, "/numbers?from=2026-03-01&to=2026-03-31")
    tab.wait_for(f"document.body.innerText.includes('{LONG_NAME}')")
    assert tab.eval(f"{element('#groups')}.scrollWidth <= {element('#groups')}.clientWidth")


def test_the_book_that_is_shown_is_in_the_address(
    tab: Page, context: Context, api: httpx.Client
) -> None:
    for vehicle in ("car", "van"):
        save_vehicle(context, vehicle)
    show(tab, api, "/logbook?vehicle=van&month=2026-03")
    chosen = "['vehicle', 'month'].map(id => document.getElementById(id).value)"
    assert tab.eval(chosen) == ["van", "2026-03"]
    change = "dispatchEvent(new Event('change', { bubbles: true }))"
    tab.eval(f"document.getElementById('vehicle').value = 'car'; {element('#vehicle')}.{change}")
    tab.wait_for("location.search === '?vehicle=car&month=2026-03'")
    show(tab, api, tab.eval("location.pathname + location.search"))
    assert tab.eval(chosen) == ["car", "2026-03"]
    show(tab, api, "/logbook?vehicle=nobody&month=2026-13")
    today = dt.datetime.now(ZoneInfo(ZONE))
    assert tab.eval(chosen) == ["car", f"{today:%Y-%m}"]


def test_saving_what_is_said_of_a_track_leaves_the_focus_on_its_button(
    tab: Page, api: httpx.Client
) -> None:
    show(tab, api, "/#day=2026-03-02&zone=utc&tab=tracks")
    tab.wait_for(f"!!{element('.track')}")
    tab.eval(f"{element('.track')}.click()")
    for field, button in (("track-note", "save-note"), ("track-purpose", "save-purpose")):
        fill_in(tab, f"[data-key={field}]", "to the depot")
        tab.eval(f"{element('#told')}?.remove(); {element(f'[data-key={button}]')}.focus()")
        tab.press("Enter")
        tab.wait_for("document.getElementById('told')?.innerText === 'Saved'")
        tab.wait_for(f"document.activeElement.dataset.key === '{button}'")


def test_closing_what_covers_the_map_leaves_the_focus_on_it(tab: Page, api: httpx.Client) -> None:
    show(tab, api, "/#day=2026-03-02&zone=utc&near=24.94,60.17,5000")
    tab.wait_for(f"!!{element('[data-key=here-close]')}")
    tab.eval(f"{element('[data-key=here-close]')}.focus()")
    tab.press("Enter")
    tab.wait_for("document.getElementById('here').hidden")
    assert not tab.eval(ON_BODY)


def test_what_is_asked_for_while_it_is_under_way_is_sent_once(
    tab: Page, context: Context, api: httpx.Client
) -> None:
    """As by the Enter key that is kept pressed. From here on there is a token."""
    show(tab, api, "/data")
    fill_in(tab, "#tokens-body [name=name]", "Ada")
    form = element("#tokens-body form")
    tab.eval(f"for (let k = 0; k < 5; k += 1) {form}.requestSubmit()")
    tab.wait_for("!!document.querySelector('.secret')")
    tab.wait_for("document.querySelectorAll('[data-key^=revoke-]').length > 0")
    assert [one.name for one in tokens_in_use(context).values()] == ["Ada"]
    tab.call("Network.clearBrowserCookies")


@pytest.mark.parametrize("path", ["/data", "/"])
def test_escape_leaves_no_page_without_its_question(
    tab: Page, context: Context, api: httpx.Client, path: str
) -> None:
    """Last, as from then on every page needs a token."""
    token_for(context, Scope.READ)
    tab.goto("about:blank")
    tab.goto(str(api.base_url).rstrip("/") + path)
    tab.wait_for("document.getElementById('login')?.open")
    for _ in range(3):
        tab.press("Escape")
    tab.wait_for("document.getElementById('login').open")
    tab.wait_for("document.activeElement.id === 'token'")
    assert "`" not in tab.eval("document.getElementById('login-why').innerText")
