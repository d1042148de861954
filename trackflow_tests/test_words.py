"""Words of people are compared as people mean them."""

import re
from pathlib import Path

from trackflow import words
from trackflow.words import CATEGORIES, category_named

GERMAN = Path(words.__file__).parent / "web/static/words-de-all.js"


def test_a_known_category_is_itself_in_any_case_and_by_the_name_that_german_pages_show() -> None:
    pages = dict(re.findall(r"^  '(\w+)': '(\w+)',$", GERMAN.read_text("utf-8"), re.MULTILINE))
    for name in CATEGORIES:
        for text in (name, pages[name]):
            for one in (text, text.upper(), text.title(), f" {text} "):
                assert category_named(one) == name
    assert category_named(" Sales trip ") == " Sales trip "
