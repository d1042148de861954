"""Which sentences each page has: read from its HTML and from its modules, and its dictionaries.

Sentences are written out where `tr` and `plural` are called, so that they can be found.
`python -m trackflow_tests.web.sentences de` prints what dictionaries lack, and what nothing needs.
"""

import re
import sys
from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

from trackflow.web.page_heads import modules_of
from trackflow.web.static_files import OWN

type Entry = str | dict[str, str]
"""A translation: one sentence, or one for each form of the plural."""

_CALL = re.compile(r"(?<![\w.])(tr|plural)\(")
_TEXT = r"'((?:[^'\\]|\\.)*)'"
_TR = re.compile(_TEXT + r"\s*[,)]")
_PLURAL = re.compile(_TEXT + r",\s*" + _TEXT + r",\s")
_COMMENT = re.compile(r"^\s*(//|/\*\*|\*).*$", re.MULTILINE)
_DYNAMIC = re.compile(r"import\('\./([\w-]+\.js)'\)")
_SCRIPT = re.compile(r'<script type="module" src="/static/([\w-]+\.js)"></script>')
_WORDS = re.compile(r'data-words="(\w+)"')
_NAMES = re.compile(r"\{(\w+)\}")
_LINE = re.compile(r"^  '(.*)': (?:'(.*)'|\{ (.*) \}),$")
_FORM = re.compile(r"(\w+): '([^']*)'")

WORDS = "words.js"
"""The module that translates."""

SHARED = "all"
"""The dictionary of what several pages say."""


class UnreadableCallError(Exception):
    """A sentence that is not written out where it is translated."""


def placeholders(sentence: str) -> list[str]:
    """The names of values in a sentence, sorted."""
    return sorted(set(_NAMES.findall(sentence)))


def sentences_of_module(text: str) -> dict[str, str | None]:
    """Sentences of a module; of those with a number, how they are for many.

    Raises:
        UnreadableCallError: a call's first argument is no text.
    """
    code = _COMMENT.sub("", text)
    found: dict[str, str | None] = {}
    for call in _CALL.finditer(code):
        pattern = _TR if call[1] == "tr" else _PLURAL
        read = pattern.match(code, call.end())
        if read is None:
            raise UnreadableCallError(code[call.start() : call.start() + 80])
        found[read[1]] = None if call[1] == "tr" else read[2]
    return found


class _Reader(HTMLParser):
    """Reads what `translatePage` of words.js reads: own texts of elements, and some attributes."""

    ATTRIBUTES = ("aria-label", "title", "placeholder", "alt")
    ALONE = ("code", "pre", "script", "style", "noscript", "svg")
    VOID = ("meta", "link", "input", "br", "img", "path", "circle")

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.stack: list[tuple[str, list[str], bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        is_alone = self._is_alone or tag in self.ALONE or given.get("translate") == "no"
        if not is_alone:
            self.found |= {given[name] or "" for name in self.ATTRIBUTES if given.get(name)}
        if self.stack:
            self.stack[-1][1].append(f"{{{tag}}}")
        if tag not in self.VOID:
            self.stack.append((tag, [], is_alone))

    handle_startendtag = handle_starttag

    def handle_data(self, data: str) -> None:
        if self.stack:
            self.stack[-1][1].append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag in self.VOID:
            return
        _, pieces, is_alone = self.stack.pop()
        texts = [k for k, piece in enumerate(pieces) if piece.strip() and piece[0] != "{"]
        if texts and not is_alone:
            sentence = "".join(pieces[texts[0] : texts[-1] + 1])
            self.found.add(" ".join(sentence.split()))

    @property
    def _is_alone(self) -> bool:
        return bool(self.stack) and self.stack[-1][2]


def sentences_of_html(text: str) -> set[str]:
    """The sentences of a page as it is stored."""
    reader = _Reader()
    reader.feed(text)
    return reader.found


@dataclass
class PageWords:
    """The sentences that a page needs, with how they are for many where a number is in them."""

    name: str
    needed: dict[str, str | None] = field(default_factory=dict)


def pages(folder: Path) -> list[PageWords]:
    """All pages of a folder with their sentences."""
    found = []
    for path in sorted(folder.glob("*.html")):
        html = path.read_text("utf-8")
        name, script = _WORDS.search(html), _SCRIPT.search(html)
        assert name, f"{path.name} names no dictionary"
        page = PageWords(name[1], dict.fromkeys(sentences_of_html(html)))
        modules = _all_modules(script[1], folder) if script else set()
        for module in modules - {WORDS}:
            page.needed |= sentences_of_module((folder / module).read_text("utf-8"))
        found.append(page)
    return found


def _all_modules(name: str, folder: Path) -> set[str]:
    """A module with those that it needs, and those that these load when they are wanted."""
    found: set[str] = set()
    waiting = {name}
    while waiting:
        one = waiting.pop()
        known = {one, *modules_of(one, folder)} - found
        found |= known
        for module in known:
            waiting |= set(_DYNAMIC.findall((folder / module).read_text("utf-8"))) - found
    return found


def dictionary(path: Path) -> dict[str, Entry]:
    """Read a dictionary: one sentence a line, as `'English': 'German',`."""
    found: dict[str, Entry] = {}
    for line in path.read_text("utf-8").splitlines():
        read = _LINE.match(line)
        if read is None:
            assert not line.startswith("  "), f"{path.name}: not as dictionaries are: {line}"
            continue
        assert read[1] not in found, f"{path.name} has it twice: {read[1]}"
        found[read[1]] = read[2] if read[3] is None else dict(_FORM.findall(read[3]))
    return found


def wanted(folder: Path) -> dict[str, dict[str, str | None]]:
    """The sentences of each dictionary: what several pages say is in the shared one."""
    found = pages(folder)
    users = Counter(sentence for page in found for sentence in page.needed)
    every = {sentence: many for page in found for sentence, many in page.needed.items()}
    shared = {SHARED: {one: many for one, many in every.items() if users[one] > 1}}
    return shared | {
        page.name: {one: many for one, many in page.needed.items() if users[one] == 1}
        for page in found
    }


def dictionaries(language: str, folder: Path) -> dict[str, dict[str, Entry]]:
    """The dictionaries of a language, by the page that each is of."""
    found = folder.glob(f"words-{language}-*.js")
    return {path.stem.split("-")[2]: dictionary(path) for path in found}


def main() -> None:
    """Print the lines that dictionaries lack, to be translated, and those that nothing needs."""
    language = sys.argv[1]
    there = dictionaries(language, OWN)
    for name, needed in wanted(OWN).items():
        has = there.get(name, {})
        print(f"words-{language}-{name}.js")
        for one, many in sorted(needed.items()):
            entry = f"'{one}'" if many is None else f"{{ one: '{one}', other: '{many}' }}"
            if one not in has:
                print(f"+  '{one}': {entry},")
        for one in sorted(set(has) - set(needed)):
            print(f"-  '{one}'")


if __name__ == "__main__":
    main()
