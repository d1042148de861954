"""Every noun of a table, a command or a class of tracks, matching and use cases is explained."""

import ast
import re
from pathlib import Path

import trackflow
from trackflow.store.tables import metadata
from trackflow_tests.docs.cli_reference import commands
from trackflow_tests.docs.generate import DOCS

PACKAGE = Path(trackflow.__file__).parent

ORDINARY = {
    *("around", "basis", "build", "busy", "content", "count", "create", "delete", "drawn", "end"),
    *(
        "error",
        "expected",
        "fetch",
        "file",
        "filter",
        "input",
        "limit",
        "list",
        "local",
        "message",
        "no",
        "number",
        "of",
    ),
    *(
        "query",
        "range",
        "remove",
        "request",
        "row",
        "scope",
        "selection",
        "short",
        "show",
        "state",
        "status",
    ),
    *("sum", "text", "time", "timed", "unpack", "value"),
}
"""English words that mean in code what they mean anywhere; all others are explained."""


def test_the_glossary_explains_every_noun() -> None:
    explained = {singular(word) for word in words_of_terms()} | ORDINARY
    missing = {
        word: names for word, names in nouns().items() if not explained & {word, singular(word)}
    }
    assert not missing, f"explain in docs/glossary.md: {', '.join(sorted(missing))}"


def test_no_word_is_explained_twice() -> None:
    found = terms()
    assert len(found) == len(set(found))


def test_few_words_need_no_entry() -> None:
    assert len(ORDINARY) <= 50
    assert not ORDINARY & set(terms()), "an ordinary word is explained: take it off the list"


def test_nouns_are_found_in_classes_tables_and_commands() -> None:
    assert {"segment", "ledgers", "import"} <= set(nouns())


def nouns() -> dict[str, set[str]]:
    """Each word with the names that it is a part of."""
    found: dict[str, set[str]] = {}
    for name in [*class_names(), *metadata.tables, *(words for words, _ in commands())]:
        for word in split(name):
            found.setdefault(word, set()).add(name)
    del found["trackflow"]
    return found


def class_names() -> set[str]:
    """Classes of the packages whose words are the product's own."""
    return {
        node.name
        for package in ("tracks", "matching", "usecases")
        for path in (PACKAGE / package).rglob("*.py")
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.ClassDef)
    }


def split(name: str) -> list[str]:
    """`WindowMatch`, `road_networks` and `device list` as lower-case words."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)]


def singular(word: str) -> str:
    """Near enough to compare by: batches and batch, days and day, status and status."""
    if word.endswith(("ss", "us", "is", "as")):
        return word
    return re.sub(r"(?<=[sxh])es$|s$", "", word)


def terms() -> list[str]:
    """What the glossary explains: the first cells of its tables, without brackets."""
    rows = re.findall(r"^\| ([^|]+) \|", (DOCS / "glossary.md").read_text("utf-8"), re.MULTILINE)
    listed = ",".join(row for row in rows if row != "word")
    return [term.strip() for term in re.sub(r"\([^)]*\)", "", listed).split(",")]


def words_of_terms() -> set[str]:
    return {word for term in terms() for word in split(term)}
