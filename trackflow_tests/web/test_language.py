"""The pages in other languages: nothing that people read bypasses the dictionaries.

A language is added as `docs/how-to/add-a-language.md` says: one whose dictionaries write the same
sentences in Greek letters. Dates and numbers are Intl's, which are Greek as well. So every Latin
letter that a page shows bypassed something, unless it is data.
"""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from trackflow.store.access.tokens import Scope
from trackflow.web import static_files
from trackflow.web.static_files import OWN
from trackflow_tests.helpers.browser import Page
from trackflow_tests.helpers.running_api import token_for
from trackflow_tests.web.page_states import (
    LONG_NAME,
    STATES,
    Site,
    State,
    axe_script,
    loads,
    open_site,
    violations,
)
from trackflow_tests.web.sentences import (
    UnreadableCallError,
    dictionaries,
    dictionary,
    placeholders,
    sentences_of_html,
    sentences_of_module,
    wanted,
)

LANGUAGES = sorted({path.name.split("-")[1] for path in OWN.glob("words-*.js")})
pytestmark = pytest.mark.xdist_group("language")

# ---- dictionaries --------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_dictionary_has_what_its_page_says_and_nothing_else(language: str) -> None:
    """What several pages say is in the shared one: no page loads what only another says.

    `python -m trackflow_tests.web.sentences LANGUAGE` prints what to add and to take out.
    """
    needed = {name: set(words) for name, words in wanted(OWN).items()}
    assert {name: set(words) for name, words in dictionaries(language, OWN).items()} == needed


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_has_the_values_and_the_forms_of_its_sentence(language: str) -> None:
    many = {one: other for words in wanted(OWN).values() for one, other in words.items()}
    there = dictionaries(language, OWN)
    for one, entry in (pair for words in there.values() for pair in words.items()):
        if isinstance(entry, str):
            assert many[one] is None, one
            assert placeholders(entry) == placeholders(one), one
            assert entry.strip() == entry != "", one
            assert not re.search(r"\|", entry), one
            continue
        plural = many[one]
        assert plural is not None, one
        assert "other" in entry, one
        assert placeholders(entry["other"]) == placeholders(plural), one
        for form in entry.values():
            assert set(placeholders(form)) <= set(placeholders(plural)), one


SPOKEN = {
    "Amend the trip of {day}": "Amend",
    "Amend the trip of {day}, {time}": "Amend",
    "Change the trip of {day}, {time}": "Change…",
    "Show only {device}": "only",
}
"""Names of buttons, which say more, and what stands on them."""


@pytest.mark.parametrize("language", ["en", *LANGUAGES])
def test_a_button_is_called_by_what_stands_on_it(language: str) -> None:
    """Who speaks to a browser says what they see (WCAG 2.5.3)."""
    there = {} if language == "en" else dictionaries(language, OWN)
    known = {one: entry for words in there.values() for one, entry in words.items()}
    for name, text in SPOKEN.items():
        seen = known.get(text, text).rstrip(" …").casefold()
        assert seen in known.get(name, name).casefold(), name


def test_sentences_are_found_where_they_are_written() -> None:
    module = """
    // tr(never)
    const A = { b: tr('One'), c: x ? tr('Two {n}', { n }) : plural('{n} day', '{n} days', n) };
    """
    assert sentences_of_module(module) == {"One": None, "Two {n}": None, "{n} day": "{n} days"}
    with pytest.raises(UnreadableCallError):
        sentences_of_module("tr(words)")
    html = """<title>T</title><p title="W">A <code>x</code> opens
      it.</p><h1><svg></svg>H</h1><label>From <input placeholder="P"></label><b translate="no">N</b>
      <select><option value="">all</option></select>"""
    assert sentences_of_html(html) == {"T", "W", "A {code} opens it.", "H", "From", "P", "all"}


# ---- pages in a browser --------------------------------------------------------------------------

GREEK = str.maketrans(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "αβψδεφγηιξκλμνοπθρστυωχςύζΑΒΨΔΕΦΓΗΙΞΚΛΜΝΟΠΘΡΣΤΥΩΧΫΎΖ",
)

DATA = (
    rf"{LONG_NAME}|"
    r"van-7|bus-3|Helsinki|hill\.png|north|North Raceway|South Circuit|Oulu|Lyon|Finland|France|FI"
    r"|ABC-123|van|csv|geojson|file|liverc|live\.liverc\.com|\S+\.csv|[0-9a-f]{8}"
)
"""What the service of these tests has been given."""

FORMATS = (
    "GPX|GeoJSON|CSV|GeoParquet|PDF|Excel|Markdown|Terrarium|Terrain-RGB|PNG|OBJ|OwnTracks|Overland"
    "|GPSLogger|Colota|Traccar|Home Assistant|km|mi|ft|kB|MB|mm|UTC|trackflow|English|Deutsch"
    r"|MapLibre|OpenStreetMap|Natural Earth|GeoNames|SRTM|Draco|https?://\S+|[A-Z]\w+/[A-Z]\w+"
)
"""Names that are the same in every language."""

LEAKS = """((same) => {
  const alone = '[lang]:not(html), [translate=no], code, pre, script, style, noscript, .swagger-ui,'
    + ' textarea, .hash, .maplibregl-ctrl-attrib-inner';
  const found = new Set();
  const look = (text, where) => {
    const rest = text.replaceAll(new RegExp(same, 'gu'), '');
    if (/[A-Za-z]{2}/.test(rest)) found.add(`${where}: ${text.trim().slice(0, 200)}`);
  };
  const isShown = (e) => e.localName === 'title'
    || (e.closest('select, datalist') ?? e).checkVisibility();
  for (const e of document.querySelectorAll('title, body, body *')) {
    if (e.closest(alone) || !isShown(e)) continue;
    for (const name of ['aria-label', 'title', 'placeholder', 'alt', 'aria-valuetext']) {
      if (e.hasAttribute(name)) look(e.getAttribute(name), `${e.localName}[${name}]`);
    }
    for (const child of e.childNodes) {
      if (child.nodeType === Node.TEXT_NODE) look(child.data, e.localName + (e.id && `#${e.id}`));
    }
  }
  return [...found];
})"""
"""The visible texts with Latin letters, but for what is the same in every language."""


def _leaks(tab: Page) -> list[str]:
    same = rf"\b(?:{FORMATS}|{DATA})(?!\w)"
    found: list[str] | None = tab.eval(f"{LEAKS}({json.dumps(same)})")
    assert found is not None, "the page could not be looked at"
    return found


THERE = "document.querySelector"
FOCUS = "document.getElementById('search').focus()"
SHOWN = f"{THERE}('#search-results button')"
MORE = {
    "search": State("/#day={day}&zone=utc", then=f"({FOCUS}, {SHOWN})"),
    "here": State("/#day={day}&zone=utc&box=20,55,30,65", then=f"{THERE}('#here .track')"),
    "span": State(
        "/#days={day}..{day}&zone=utc&tab=tracks&colour=mode",
        then="document.querySelector('.track')",
    ),
    "report": State(
        "/catalogue", ("[data-key^=report-]",), "!document.getElementById('report').hidden"
    ),
    "undo-sync": State(
        "/catalogue", ("[data-key^=report-]", "#undo"), "document.getElementById('ask').open"
    ),
    "book": State("/logbook", then=f"{THERE}('[data-entry]')"),
    "wishes": State("/meshes", ("#wishes summary",), "document.getElementById('wishes').open"),
}
ALL = STATES | MORE
PHONE = {name: state for name, state in ALL.items() if name != "search"}
"""The finds lie above the handle of a phone's lists, whose size axe then takes for too small."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A service whose pages speak one more language, as the how-to adds it."""
    pages_of_it = tmp_path_factory.mktemp("pages") / "static"
    shutil.copytree(OWN, pages_of_it)
    for path in OWN.glob("words-de-*.js"):
        name = path.name.replace("-de-", "-el-")
        (pages_of_it / name).write_text(_in_greek_letters(path), "utf-8")
    head = (OWN / "language.js").read_text("utf-8")
    assert "de: 'Deutsch'" in head
    (pages_of_it / "language.js").write_text(
        head.replace("de: 'Deutsch'", "de: 'Deutsch', el: 'Ελληνικά'"), "utf-8"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(static_files, "OWN", pages_of_it)
        static_files._paths.cache_clear()
        with open_site(tmp_path_factory.mktemp("language")) as opened:
            yield opened
    static_files._paths.cache_clear()


def _in_greek_letters(path: Path) -> str:
    def spelled(sentence: str) -> str:
        pieces = re.split(r"(\{\w+\})", sentence.rpartition("|")[2])
        return "".join(p if p.startswith("{") else p.translate(GREEK) for p in pieces)

    entries = {
        one: spelled(one) if isinstance(entry, str) else dict.fromkeys(entry, spelled(one))
        for one, entry in dictionary(path).items()
    }
    return f"export default {json.dumps(entries, ensure_ascii=False)};\n"


CUT = """[...document.querySelectorAll('button, label, a, th, dt, h1, h2, h3')].filter(e => {
  const box = e.getBoundingClientRect();
  return e.checkVisibility() && box.width > 1 && !e.closest('.table-box, .scroll, .maplibregl-map')
    && (box.right > innerWidth + 1 || box.left < -1);
}).map(e => e.outerHTML.slice(0, 200))"""
"""What reaches out of a phone's window."""


@pytest.mark.parametrize("names", loads(ALL), ids=" ".join)
@pytest.mark.slow
def test_nothing_that_people_read_bypasses_the_dictionaries(
    site: Site, tab: Page, names: list[str]
) -> None:
    tab.speak("el")
    tab.resize(1280, 900)
    for name in site.walk(tab, ALL, names):
        assert tab.eval("document.documentElement.lang") == "el"
        assert _leaks(tab) == [], name


@pytest.mark.parametrize("names", loads(PHONE), ids=" ".join)
@pytest.mark.slow
def test_a_page_in_german_is_for_everyone_and_fits_a_phone(
    site: Site, tab: Page, names: list[str]
) -> None:
    tab.speak("de-AT", "de", "en")
    tab.resize(390, 844, phone=True)
    tab.prefer(color_scheme="light", reduced_motion="reduce")
    for name in site.walk(tab, PHONE, names):
        assert tab.eval("document.documentElement.lang") == "de"
        assert tab.eval("document.documentElement.scrollWidth") <= 390, name
        assert tab.eval(CUT) == [], name
        if name == "catalogue":
            assert "Finnland" in tab.eval("document.getElementById('tracks').innerText")
        tab.eval(axe_script())
        assert violations(tab) == [], name


CHOOSE = """(language => {
  const select = document.getElementById('language');
  select.value = language;
  select.dispatchEvent(new Event('change'));
})"""
LANGUAGE = "document.documentElement.lang"

SEEN = """window.seen = '';
(function look() {
  window.seen += document.body?.innerText ?? '';
  requestAnimationFrame(look);
})();"""
"""Keeps all that could be read at any time, from the very beginning."""


@pytest.mark.slow
def test_a_reader_chooses_the_language_and_never_sees_another(site: Site, tab: Page) -> None:
    """It is kept on all pages, and is the browser's own before anything is chosen."""
    tab.resize(1280, 900)
    tab.speak("fi", "de-CH", "en")
    watching = tab.call("Page.addScriptToEvaluateOnNewDocument", source=SEEN)
    site.open(tab, STATES["numbers"])
    assert tab.eval(LANGUAGE) == "de"
    assert "Summen" in tab.eval("window.seen")
    assert "Totals" not in tab.eval("window.seen")
    assert "Finnland" in tab.text(), "countries have names of their own in each language"
    short = json.dumps(["Turkey", "Bosnia and Herz.", "S. Sudan"])
    tab.eval(
        "import('/static/country-names.js').then(m => { window.named ="
        f" {short}.map(name => [m.countryName(name), m.countryLabel().includes(name)]); }})"
    )
    tab.wait_for("window.named")
    named = [["Türkei", True], ["Bosnien und Herzegowina", True], ["Südsudan", True]]
    assert tab.eval("window.named") == named, "also where Natural Earth abbreviates"
    tab.call("Page.removeScriptToEvaluateOnNewDocument", identifier=watching["identifier"])
    assert tab.eval("document.getElementById('language').selectedOptions[0].text") == "Deutsch"
    tab.eval(f"{CHOOSE}('en')")
    tab.wait_for(f"{LANGUAGE} === 'en'")
    site.open(tab, STATES["catalogue"])
    assert tab.eval(LANGUAGE) == "en"
    assert "The catalogue" in tab.text()
    site.open(tab, STATES["data"])
    assert "|" not in tab.text(), "contexts are for translators only"
    tab.eval("localStorage.clear()")
    tab.speak("fi")
    site.open(tab, STATES["catalogue"])
    assert tab.eval(LANGUAGE) == "en", "English where the browser has no language of the pages"


@pytest.mark.slow
def test_a_page_whose_words_do_not_come_is_in_english(site: Site, tab: Page) -> None:
    tab.speak("de")
    tab.call("Network.enable")
    tab.call("Network.setBypassServiceWorker", bypass=True)
    tab.call("Network.setBlockedURLs", urls=["*/static/*words-*"])
    try:
        site.open(tab, STATES["numbers"])
        lost = "document.getElementById('lost')"
        # once it is loaded again, as the words may come
        tab.wait_for(f"!!{lost} && !{lost}.innerText.includes('von selbst')")
        tab.wait_for(f"{LANGUAGE} === 'en' && document.body.innerText.includes('Totals')")
    finally:
        tab.call("Network.disable")
        tab.call("Network.setBypassServiceWorker", bypass=False)


IMPORT = """(() => {
  const input = document.getElementById('files');
  const files = new DataTransfer();
  const rows = 'device,time,lat,lon\\nbus-3,2026-01-01T00:00:00Z,60,25\\nbus-3,,60,25\\n';
  files.items.add(new File([rows], 'hill.csv'));
  input.files = files.files;
  input.dispatchEvent(new Event('change'));
})()"""


@pytest.mark.slow
def test_what_came_of_doing_something_is_translated(site: Site, tab: Page) -> None:
    """An import and its undoing; at last the dialog that asks for a token."""
    tab.resize(1280, 900)
    tab.speak("el")
    site.open(tab, STATES["data"])
    tab.eval(IMPORT)
    tab.wait_for("!!document.querySelector('#import-result [data-key=undo-import]')")
    tab.wait_for("!!document.querySelector('#imports button')")
    assert _leaks(tab) == []
    tab.eval("document.querySelector('#import-result [data-key=undo-import]').click()")
    tab.wait_for("!!document.querySelector('#import-result [role=status]')")
    assert _leaks(tab) == []
    token_for(site.context, Scope.ADMIN)
    tab.goto(f"{site.address}/catalogue")
    tab.wait_for("document.getElementById('login')?.open")
    assert _leaks(tab) == []
