"""Map tiles in tests: which one shows a place."""

import math


def tile_at(zoom: int, lon: float, lat: float) -> tuple[int, int]:
    """Column and row of the tile that shows a place."""
    size = 1 << zoom
    across = math.asinh(math.tan(math.radians(lat)))
    return int((lon + 180) / 360 * size), int((1 - across / math.pi) / 2 * size)
