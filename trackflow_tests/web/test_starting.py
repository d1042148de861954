"""Pages that cannot begin say so and try again by themselves: no page says "Loading" for ever."""

from collections.abc import Iterator

import pytest

from trackflow.context import utc_now
from trackflow.usecases.days.run import run
from trackflow.web.routes.page import PAGES
from trackflow_tests.helpers.browser import Page, needed_chromium, open_page
from trackflow_tests.helpers.faults import Faults, faulty_api
from trackflow_tests.helpers.stores import NOON, batch_of_device, deliver, drive, open_context

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("starting")]

IS_OPEN = "!!document.body?.dataset.ready || !!document.querySelector('#chip[data-level=good]')"
SAYS = (
    "['notice', 'problem', 'lost'].map(i => document.getElementById(i)?.innerText ?? '').join('')"
)
FOREVER = 1000
WITHOUT_WEBGL = ("--disable-gpu", "--disable-3d-apis")
HURRY = """{
  const [later, deadline] = [setTimeout.bind(globalThis), AbortSignal.timeout.bind(AbortSignal)];
  globalThis.setTimeout = (f, ms, ...rest) => later(f, ms / 10, ...rest);
  AbortSignal.timeout = (ms) => deadline(ms / 10);
}"""
"""Waits of a tenth: whoever waits is the page, not the test."""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Faults]]:
    home = tmp_path_factory.mktemp("starting")
    with open_context(f"sqlite:///{home / 'a.db'}", home) as context:
        deliver(context.store, batch_of_device("van", drive(NOON, 300)))
        run(context)
        context.clock = utc_now
        with faulty_api(context) as found:
            yield found


@pytest.fixture
def faults(service: tuple[str, Faults]) -> Iterator[Faults]:
    service[1].heal()
    yield service[1]
    service[1].heal()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A browser without WebGL, and without the service worker that would have each file already."""
    profile = tmp_path_factory.mktemp("chromium") / "profile"
    with open_page(needed_chromium(), profile, WITHOUT_WEBGL) as opened:
        opened.call("Network.enable")
        opened.call("Network.setBypassServiceWorker", bypass=True)
        opened.call("Network.setCacheDisabled", cacheDisabled=True)
        opened.call("Page.addScriptToEvaluateOnNewDocument", source=HURRY)
        yield opened


def go(page: Page, service: tuple[str, Faults], path: str) -> None:
    page.goto("about:blank")
    page.goto(service[0] + path)


def says(page: Page, *words: str) -> str:
    for word in words:
        page.wait_for(f"({SAYS}).includes({word!r})")
    return str(page.eval(SAYS))


def test_a_file_that_does_not_come_at_first_is_loaded_again(
    page: Page, service: tuple[str, Faults], faults: Faults
) -> None:
    faults.refused = {"/dom.js": 2}  # browsers ask a second time for what they loaded in advance
    go(page, service, "/")
    page.wait_for(IS_OPEN)
    assert faults.refused == {"/dom.js": 0}
    assert page.eval("document.getElementById('lost')") is None


@pytest.mark.parametrize("file", ["/dom.js", "/page.css", "/words-de-all.js", "/language.js"])
def test_a_file_that_never_comes_is_told_and_not_asked_for_without_end(
    page: Page, service: tuple[str, Faults], faults: Faults, file: str
) -> None:
    """In German too: the words of this are in no dictionary."""
    is_german = file == "/words-de-all.js"
    page.speak(*(("de-DE", "de") if is_german else ("en-US", "en")))
    faults.refused = {file: FOREVER}
    go(page, service, "/numbers")
    lost, again = (
        ("konnte nicht ganz geladen werden", "von selbst")
        if is_german
        else ("could not be loaded whole", "by itself")
    )
    page.wait_for(f"(s => s.includes({lost!r}) && !s.includes({again!r}))({SAYS})")
    # without its dictionary a page is in English, and not taken from under anybody's hands
    assert faults.asked["/numbers"] == (2 if is_german else 5)
    faults.refused = {}
    page.eval("document.querySelector('#lost button').click()")
    page.wait_for(IS_OPEN)
    page.wait_for("document.getElementById('lost') === null")
    page.speak("en-US", "en")


def test_a_file_that_is_never_answered_is_told(
    page: Page, service: tuple[str, Faults], faults: Faults
) -> None:
    faults.silent = {"/format.js"}
    go(page, service, "/")
    says(page, "This page could not be loaded whole.")
    assert "Loading" not in page.text()
    faults.heal()
    page.wait_for(IS_OPEN)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_says_what_is_wrong_and_tries_until_it_begins(
    page: Page, service: tuple[str, Faults], faults: Faults, path: str
) -> None:
    """A server that accepts and never answers, and an answer that nobody expected."""
    faults.silent = {"/api/v1/page"}
    go(page, service, path)
    says(page, "The server does not answer.", "It is tried again by itself.")
    faults.replaced = {"/api/v1/page": "null"}
    faults.silent.clear()
    says(page, "Something unexpected went wrong", "It is tried again by itself.")
    faults.heal()
    page.wait_for(IS_OPEN)
    page.wait_for(f"!({SAYS})")


def test_what_the_api_says_is_english_on_a_german_page(
    page: Page, service: tuple[str, Faults], faults: Faults
) -> None:
    """So it is read aloud in English; and a range that there is not leaves the page in use."""
    page.speak("de-DE", "de")
    go(page, service, "/numbers?from=2026-03-05&to=2026-03-01")
    page.wait_for("!!document.querySelector('#problem [lang=en]')")
    shown = "(b => b.innerText === b.querySelector('[lang=en]').innerText)"
    assert page.eval(f"{shown}(document.getElementById('problem'))")
    page.eval("document.querySelector('#presets [data-key=all]').click()")
    page.wait_for(f"{IS_OPEN} && !({SAYS})")
    page.speak("en-US", "en")


def test_polling_goes_on_after_what_nobody_expected(
    page: Page, service: tuple[str, Faults], faults: Faults
) -> None:
    go(page, service, "/")
    page.wait_for(IS_OPEN)
    faults.replaced = {"/worker/status": "null"}
    says(page, "Something unexpected went wrong")
    faults.heal()
    page.wait_for(f"!({SAYS})")


def test_without_webgl_the_lists_are_there_and_the_map_says_why(
    page: Page, service: tuple[str, Faults], faults: Faults
) -> None:
    assert page.eval("!document.createElement('canvas').getContext('webgl2')")
    go(page, service, "/#day=2026-03-02&tab=tracks")
    page.wait_for("document.querySelectorAll('.track').length === 1")
    page.wait_for("document.getElementById('map').innerText.includes('no WebGL')")
    page.eval("document.querySelector('.track').click()")
    page.wait_for("!document.getElementById('details').hidden")
    page.eval("document.getElementById('tab-devices').click()")
    page.wait_for("document.querySelectorAll('.device').length === 1")
    assert page.eval(SAYS) == ""
