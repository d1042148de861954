"""Where tiles lie, and vector tiles with fewer layers."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.geo.bbox import Bbox
from trackflow.geo.tiles import exists, keep_layers, overlaps, tile_bbox

ZOOMS = st.integers(0, 20)


def tile_at(lon: float, lat: float, zoom: int) -> tuple[int, int]:
    """The tile of a place, by the usual formula."""
    size = 1 << zoom
    across = math.asinh(math.tan(math.radians(lat)))
    x, y = (lon + 180) / 360 * size, (1 - across / math.pi) / 2 * size
    return min(int(x), size - 1), min(int(y), size - 1)


@given(ZOOMS, st.floats(-180, 179.999), st.floats(-85, 85))
def test_a_place_lies_in_its_tile(zoom: int, lon: float, lat: float) -> None:
    x, y = tile_at(lon, lat, zoom)
    assert exists(zoom, x, y)
    west, south, east, north = tile_bbox(zoom, x, y)
    assert west - 1e-9 <= lon <= east + 1e-9
    assert south - 1e-9 <= lat <= north + 1e-9
    assert overlaps(Bbox(lon - 1e-9, lat - 1e-9, lon + 1e-9, lat + 1e-9), zoom, x, y)
    far = (lon + 180) % 360 - 180 - 90, 0.0
    if zoom > 4 and abs(lat) > 30:
        assert not overlaps(Bbox(far[0], far[1], far[0], far[1]), zoom, x, y)


@pytest.mark.parametrize("place", [(-1, 0, 0), (2, 4, 0), (2, 0, 4), (31, 0, 0), (2, -1, 0)])
def test_there_are_no_tiles_beyond_the_earth(place: tuple[int, int, int]) -> None:
    assert not exists(*place)


def _field(number: int, body: bytes) -> bytes:
    assert len(body) < 128
    return bytes([number << 3 | 2, len(body)]) + body


def _layer(name: str, body: bytes) -> bytes:
    # a version, which comes last, has a wire type of its own
    return _field(3, _field(1, name.encode()) + _field(2, body) + bytes([15 << 3, 2]))


NAMES = st.text("abcdef", min_size=1, max_size=8)


@given(st.lists(st.tuples(NAMES, st.binary(max_size=60)), max_size=6), st.frozensets(NAMES))
def test_layers_are_kept_whole_or_not_at_all(
    layers: list[tuple[str, bytes]], names: frozenset[str]
) -> None:
    tile = b"".join(_layer(*layer) for layer in layers)
    expected = b"".join(_layer(*layer) for layer in layers if layer[0] in names)
    assert keep_layers(tile, names) == expected


@given(st.binary(max_size=100))
def test_other_bytes_are_refused_or_read_to_their_end(data: bytes) -> None:
    try:
        kept = keep_layers(data, frozenset({"a"}))
    except ValueError:
        return
    assert len(kept) <= len(data)
