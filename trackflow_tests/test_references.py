"""The references are what the code says; `python -m trackflow_tests.references` writes them."""

import re

import pytest

from trackflow_tests.conftest import ROOT
from trackflow_tests.references import FOLDER, PAGES, settings_page

OF_ITS_OWN_PROCESSES = {
    "TRACKFLOW_FIRST_DAY_FILE",  # `serve` tells its programs where the first day is noted
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_up_to_date(name: str) -> None:
    stored = (FOLDER / name).read_text(encoding="utf-8")
    assert stored == PAGES[name](), "run `python -m trackflow_tests.references`"


def test_every_variable_that_the_code_reads_is_listed() -> None:
    code = "\n".join(path.read_text() for path in (ROOT / "trackflow").rglob("*.py"))
    read = {name for name in re.findall(r'"(TRACKFLOW_[A-Z_]+)"', code) if not name.endswith("_")}
    assert "TRACKFLOW_FIRST_DAY" in read
    page = settings_page()
    assert {name for name in read - OF_ITS_OWN_PROCESSES if f"`{name}`" not in page} == set()
