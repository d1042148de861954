"""Pools, retries and breakers are in one place: no second one grows elsewhere unseen."""

import re
from pathlib import Path

import pytest

import trackflow

ROOT = Path(trackflow.__file__).parent

ALLOWED = {
    r"ThreadPoolExecutor|ProcessPoolExecutor|multiprocessing\.Pool|ThreadPool\(": {
        "matching/engines/embedded.py",  # one thread: a call of the engine can hang
        "web/reception.py",  # one thread: the API's writer
        "usecases/days/worker_pool.py",  # processes that compute: they wait for nothing
    },
    r"import (stamina|tenacity|backoff)": set(),
    r"\bhttpx\.(get|post|Client|AsyncClient)\b.": set(),
    r"httpcore\.ConnectionPool": set(),
    r"failures_in_row = |class \w*Breaker\b": set(),
    r"\bBreaker\(": {"store/breakers.py"},  # the state that all processes share
}
"""Patterns of code, and the files outside of `concurrency` that may have them."""


@pytest.mark.parametrize("pattern", ALLOWED)
def test_there_is_no_second_one(pattern: str) -> None:
    found = {
        str(path.relative_to(ROOT))
        for path in ROOT.rglob("*.py")
        if "concurrency" not in path.relative_to(ROOT).parts
        and re.search(pattern, path.read_text())
    }
    assert found == ALLOWED[pattern]
