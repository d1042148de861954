from collections.abc import Iterator
from pathlib import Path

import pytest

from trackflow.context import Context
from trackflow_tests.helpers.stores import Clock, open_context


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def context(database_url: str, tmp_path: Path, clock: Clock) -> Iterator[Context]:
    with open_context(database_url, tmp_path, clock) as opened:
        yield opened
