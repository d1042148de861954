"""The page quotes what trackflow really says: a message that is changed has to be changed there."""

import ast
import re
from collections.abc import Iterator

import pytest

from trackflow_tests.docs.guide import GUIDE
from trackflow_tests.docs.pages import ROOT

LEAST = 5
"""Shorter pieces of a message would be found anywhere."""


def quoted() -> list[str]:
    """The messages in the first cells of the tables "it says"."""
    text = (GUIDE / "troubleshoot.md").read_text("utf-8")
    tables = re.findall(r"^\| it says .*\n\|.*\n((?:\|.*\n)+)", text, re.MULTILINE)
    rows = "".join(tables).splitlines()
    return [found[1] for row in rows if (found := re.match(r"\| `([^`]+)`", row))]


def said() -> Iterator[str]:
    """Every text in the code; values in it are left out."""
    for path in (ROOT / "trackflow").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = (
                    part.value if isinstance(part, ast.Constant) else "…" for part in node.values
                )
                yield "".join(map(str, parts))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


@pytest.fixture(scope="module")
def texts() -> list[str]:
    return list(said())


def test_there_are_messages() -> None:
    assert len(quoted()) >= 10
    assert all(any(len(part) >= LEAST for part in one.split("…")) for one in quoted())


@pytest.mark.parametrize("message", quoted())
def test_it_is_said(message: str, texts: list[str]) -> None:
    pattern = re.compile(".*?".join(map(re.escape, message.split("…"))), re.DOTALL)
    assert any(pattern.search(text) for text in texts)


def test_a_message_that_nobody_says_is_found(texts: list[str]) -> None:
    assert not any("the moon is in the way of" in text for text in texts)
