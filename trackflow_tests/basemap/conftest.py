"""The base map of a real extract, made once."""

from pathlib import Path

import pytest

from trackflow.basemap.making import build_base_map
from trackflow.demo.extract import helsinki_extract


@pytest.fixture(scope="package")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("tiles") / "map"
    build_base_map(helsinki_extract(), made, "7")
    return made
