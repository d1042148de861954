"""Every page for people who hear it, who use the keyboard, or who need contrast: WCAG 2.2 AA.

One service, one browser: axe-core looks at every page in the states that matter, in both colour
schemes and on a phone, and a walk by the Tab key reaches whatever a mouse reaches.
"""

import json
from collections.abc import Iterator

import pytest

from trackflow.store.access.tokens import Scope
from trackflow_tests.helpers.browser import Page
from trackflow_tests.helpers.running_api import token_for
from trackflow_tests.web.page_states import (
    QUESTIONS,
    READY,
    STATES,
    Site,
    axe_script,
    loads,
    open_site,
    violations,
)

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("accessibility")]

ROUNDS = 3
"""What comes while a walk is under way is reached by the next one."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with open_site(tmp_path_factory.mktemp("accessibility")) as opened:
        yield opened


LAST_IN_SIGHT = """(last => {
  last.scrollIntoView({ block: 'center' });
  const box = last.getBoundingClientRect();
  return last.contains(document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2));
})([...document.querySelectorAll('.device')].at(-1))"""


@pytest.mark.parametrize("names", loads(STATES), ids=" ".join)
def test_a_page_is_for_everyone(site: Site, tab: Page, names: list[str]) -> None:
    """Nothing for axe in three looks, and no key that leads nowhere."""
    _look_as(tab, "light")
    for name in site.walk(tab, STATES, names):
        found = {}
        tab.eval(axe_script())
        found["light"] = violations(tab)
        if name not in QUESTIONS:
            _walk_by_keyboard(tab)
        _look_as(tab, "dark")
        found["dark"] = violations(tab)
        tab.resize(390, 844, phone=True)
        found["phone"] = violations(tab)
        assert tab.eval("document.documentElement.scrollWidth") <= 390
        if name == "map":
            tab.resize(720, 450)
            assert tab.eval(LAST_IN_SIGHT), "at 200 % there is no room between head and foot"
        assert not any(found.values()), f"{name}: {json.dumps(found, indent=1)}"
        _look_as(tab, "light")


def _look_as(tab: Page, color_scheme: str) -> None:
    tab.resize(1280, 900)
    tab.prefer(color_scheme=color_scheme, reduced_motion="reduce")


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
    site.open(tab, STATES["data"])
    tab.eval(axe_script())
    tab.eval("document.getElementById('main').append(document.createElement('button'))")
    assert [rule for rule, *_ in violations(tab)] == ["button-name"]


def test_a_reader_signs_in_by_the_keyboard(site: Site, tab: Page) -> None:
    """Last, as from then on every page needs a token."""
    secret = token_for(site.context, Scope.READ)
    tab.resize(1280, 900)
    tab.prefer(color_scheme="dark", reduced_motion="reduce")
    tab.goto("about:blank")
    tab.goto(f"{site.address}/catalogue")
    tab.wait_for("document.getElementById('login')?.open")
    tab.eval(axe_script())
    assert violations(tab) == []
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
