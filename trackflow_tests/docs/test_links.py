"""Links lead somewhere, and what pages name of the project is there."""

import importlib
import re
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from trackflow.store.tables import metadata
from trackflow_tests.docs.pages import PAGES, ROOT, anchors, name_of, prose

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
TABLES = metadata.tables.values()
PACKAGES = "|".join(path.name for path in (ROOT / "trackflow").iterdir() if path.is_dir())
MODULE = re.compile(rf"`(?:trackflow\.)?((?:{PACKAGES})(?:\.[A-Za-z_]+)+)`")
FILE = re.compile(r"`((?:docs|docker|scripts|trackflow|trackflow_tests)/[\w./-]*)`")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    wrong = [link for link in LINK.findall(prose(page)) if not leads_somewhere(page, link)]
    assert not wrong


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.name != "CHANGELOG.md"], ids=name_of
)
def test_named_files_are_there(page: Path) -> None:
    wrong = [name for name in FILE.findall(prose(page)) if not (ROOT / name).exists()]
    assert not wrong


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.name != "CHANGELOG.md"], ids=name_of
)
def test_named_modules_and_functions_are_there(page: Path) -> None:
    columns = {f"{table.name}.{column.name}" for table in TABLES for column in table.columns}
    files = (".md", ".py", ".yaml")
    named = {name for name in MODULE.findall(prose(page)) if not name.endswith(files)} - columns
    assert not [name for name in sorted(named) if not is_there(name)]


def is_there(name: str) -> bool:
    """Whether a dotted name below trackflow is a module, or something in one."""
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        module = ".".join(["trackflow", *parts[:count]])
        with suppress(ModuleNotFoundError):
            found: object = importlib.import_module(module)
            for attribute in parts[count:]:
                found = getattr(found, attribute, None)
            return found is not None
    return False


@pytest.mark.parametrize("name", ["tracks.no_such_module", "tracks.stays.no_such_function"])
def test_a_name_that_is_not_there_is_found(name: str) -> None:
    assert is_there("tracks.stays")
    assert not is_there(name)


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        links = [urlsplit(link) for link in LINK.findall(prose(page))]
        waiting += [(page.parent / link.path).resolve() for link in links if not link.scheme]
    assert not set(PAGES) - reached


@pytest.mark.parametrize(
    "link", ["nowhere.md", "README.md#no-such-heading", "#no-such-heading", "ftp:", "https://"]
)
def test_a_broken_link_is_found(link: str) -> None:
    assert not leads_somewhere(ROOT / "README.md", link)


def leads_somewhere(page: Path, link: str) -> bool:
    """Whether a link names a file of the project, a heading, or a well-formed web address."""
    parts = urlsplit(link)
    if parts.scheme:  # nothing is fetched: tests need no internet
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    target = (page.parent / parts.path).resolve() if parts.path else page
    if not target.is_relative_to(ROOT) or not target.is_file():
        return False
    return not parts.fragment or parts.fragment in anchors(target)
