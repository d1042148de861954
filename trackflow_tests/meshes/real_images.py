"""Real images, which are not part of this repository."""

import os
from pathlib import Path

import pytest

FOLDER = (
    Path(os.environ.get("TRACKFLOW_TEST_DATA") or Path(__file__).parents[2] / "../shared/data")
    / "heightmaps"
)
needs_images = pytest.mark.skipif(not FOLDER.is_dir(), reason="needs the folder of test data")


def real_image(name: str) -> bytes:
    return (FOLDER / name).read_bytes()
