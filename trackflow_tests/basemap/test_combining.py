"""Tiles of several extracts in one: nothing is lost, and every name stays with its street."""

import gzip
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.basemap.archive import TileArchive
from trackflow.basemap.combining import combine
from trackflow.basemap.making import base_map_file
from trackflow_tests.helpers.tiles import STREET, decoded, tile_at

pytestmark = pytest.mark.xdist_group("base-map")


def contents(layers: dict[str, list[Any]]) -> dict[str, Counter[str]]:
    """What each layer says of its features, without their places."""
    return {
        name: Counter(str(sorted(feature["properties"].items())) for feature in features)
        for name, features in layers.items()
    }


def test_a_combined_tile_says_what_its_parts_say(folder: Path, tmp_path: Path) -> None:
    place = (14, *tile_at(14, *STREET))
    with TileArchive(base_map_file(folder)) as archive:
        zoom, x, y = place
        tiles = [archive.tile(zoom, x, y), archive.tile(zoom, x, y - 1), archive.tile(zoom, x, y)]
    parts = [gzip.decompress(tile) for tile in tiles if tile]
    assert len(parts) >= 2
    expected: dict[str, Counter[str]] = {}
    for part in parts:
        for name, said in contents(decoded(gzip.compress(part), *place, tmp_path)).items():
            expected[name] = expected.get(name, Counter()) + said
    whole = decoded(gzip.compress(combine(parts)), *place, tmp_path)
    assert contents(whole) == expected
    assert combine(parts[:1]) == combine([combine(parts[:1])])


def test_nothing_and_nothing_is_nothing() -> None:
    assert combine([b"", b""]) == b""


@given(st.lists(st.binary(max_size=60), max_size=3))
def test_what_is_no_tile_is_refused_or_gives_a_tile(tiles: list[bytes]) -> None:
    try:
        found = combine(tiles)
    except ValueError:
        return
    assert combine([found]) == found
