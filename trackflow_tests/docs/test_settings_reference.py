import re

from trackflow_tests.conftest import ROOT
from trackflow_tests.docs.settings_reference import settings_page

OF_ITS_OWN_PROCESSES = {
    "TRACKFLOW_FIRST_DAY_FILE",  # `serve` tells its programs where the first day is noted
}


def test_every_variable_that_the_code_reads_is_listed() -> None:
    code = "\n".join(path.read_text() for path in (ROOT / "trackflow").rglob("*.py"))
    read = {name for name in re.findall(r'"(TRACKFLOW_[A-Z_]+)"', code) if not name.endswith("_")}
    assert "TRACKFLOW_FIRST_DAY" in read
    page = settings_page()
    assert {name for name in read - OF_ITS_OWN_PROCESSES if f"`{name}`" not in page} == set()
