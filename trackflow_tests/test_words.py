"""Words of people are compared as people mean them."""

import re
from pathlib import Path

import pytest

from trackflow import words
from trackflow.words import CATEGORIES, category_named, is_seen

GERMAN = Path(words.__file__).parent / "web/static/words-de-all.js"


def test_a_known_category_is_itself_in_any_case_and_by_the_name_that_german_pages_show() -> None:
    pages = dict(re.findall(r"^  '(\w+)': '(\w+)',$", GERMAN.read_text("utf-8"), re.MULTILINE))
    for name in CATEGORIES:
        for text in (name, pages[name]):
            for one in (text, text.upper(), text.title(), f" {text} "):
                assert category_named(one) == name
    assert category_named(" Sales trip ") == " Sales trip "


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("van 7", True),
        ("\U0001f468\u200d\U0001f527 Müller", True),  # a mechanic
        ("\U0001f3f3\ufe0f\u200d\U0001f308", True),  # a flag of the rainbow
        ("می\u200cروم", True),  # Persian: "I go"
        ("van\u200d-7", False),
        ("é\u200dé\u200d", False),
        ("é\u200d\u200dé", False),
        ("\u202egnitekcart", False),
        ("van\x1b[2J", False),
        ("a\nb", False),
    ],
)
def test_a_text_is_seen_where_nothing_in_it_hides(text: str, expected: bool) -> None:
    assert is_seen(text) == expected
