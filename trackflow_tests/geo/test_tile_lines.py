"""Lines in tiles: none is lost, none is off by more than the grid, and tiles say what they hold."""

import gzip
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from trackflow.geo import polylines, tile_lines
from trackflow.geo.overviews import OVERVIEW_M, overview_of
from trackflow.geo.tile_lines import BUFFER, WORLD, CutLines, WorldLines
from trackflow.geo.vector_tiles import EXTENT, lines_layer, points_layer
from trackflow_tests.helpers.tiles import decoded

side = st.integers(-2000, 3000).map(lambda n: n / 1000)
vertex = st.tuples(side, side)
ways = st.lists(st.lists(vertex, min_size=2, max_size=6), min_size=1, max_size=4)
ZOOM, COLUMN, ROW = 4, 8, 5  # lines are shorter than half of the Earth


def on_the_square(found: list[list[tuple[float, float]]]) -> WorldLines:
    """Lines given in sides of the tile."""
    places = np.array([p for line in found for p in line])
    x, y = np.rint((places + np.array([COLUMN, ROW])).T * (WORLD >> ZOOM)).astype(np.int32)
    return WorldLines(x, y, np.concatenate([[0], np.cumsum([len(line) for line in found])]))


def drawn(found: CutLines, line: int) -> shapely.Geometry:
    ends = np.append(found.parts, len(found.vertices))[1:]
    return shapely.union_all(
        [
            shapely.LineString(found.vertices[a:b])
            for a, b, owner in zip(found.parts, ends, found.line, strict=True)
            if owner == line
        ]
    )


def farthest(line: shapely.Geometry, other: shapely.Geometry) -> float:
    """How far a line goes away from another, in units; 0 if either is not there."""
    if line.is_empty or other.is_empty:
        return 0.0
    places = shapely.points(shapely.get_coordinates(shapely.segmentize(line, 100)))
    return float(shapely.distance(places, other).max())


@given(ways)
def test_a_tile_has_just_what_lies_in_it(found: list[list[tuple[float, float]]]) -> None:
    cut = tile_lines.cut(on_the_square(found), ZOOM, COLUMN, ROW)
    whole = shapely.box(-BUFFER, -BUFFER, EXTENT + BUFFER, EXTENT + BUFFER)
    for k, line in enumerate(found):
        true = shapely.intersection(shapely.LineString(np.array(line) * EXTENT), whole)
        mine = drawn(cut, k)
        assert farthest(true, mine) < 2
        assert true.is_empty or farthest(mine, true) < 2
        assert true.length < 2 or not mine.is_empty


@given(ways, st.integers(1, 40))
def test_fewer_vertices_are_off_by_little(
    found: list[list[tuple[float, float]]], step: int
) -> None:
    cut = tile_lines.cut(on_the_square(found), ZOOM, COLUMN, ROW)
    fewer = tile_lines.simplified(cut, step)
    assert len(fewer.vertices) <= len(cut.vertices)
    assert fewer.line.tolist() == cut.line.tolist()
    for k in range(len(found)):
        before, after = drawn(cut, k), drawn(fewer, k)
        assert before.is_empty == after.is_empty
        assert before.is_empty or shapely.hausdorff_distance(before, after) <= step + 1


@given(st.lists(st.lists(st.tuples(st.floats(-180, 180), st.floats(-85, 85)), min_size=1)))
def test_many_lines_are_decoded_as_each_of_them(found: list[list[tuple[float, float]]]) -> None:
    texts = [polylines.encode(*zip(*line, strict=True)) for line in found]
    lines = tile_lines.world_lines(texts)
    assert len(lines.starts) == len(texts) + 1
    for k, text in enumerate(texts):
        lon = np.unwrap(polylines.positions(text)[:, 0], period=360)
        x = lines.x[lines.starts[k] : lines.starts[k + 1]]
        away = x / WORLD - (lon / 360 + 0.5)
        # half of the Earth is as far either way
        assert np.all(np.abs(away - np.round(away)) < 1 / WORLD)
        assert np.all(np.abs(np.diff(x.astype(float))) <= WORLD / 2 + 1)


def test_a_line_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="not an encoded polyline"):
        tile_lines.world_lines(["_p~iF~ps|U", "_p~iF"])


@given(st.lists(st.lists(st.tuples(st.floats(-180, 180), st.floats(-85, 85)), min_size=1)))
def test_stored_lines_are_read_together_as_they_were(
    found: list[list[tuple[float, float]]],
) -> None:
    lines = tile_lines.read_bytes([tile_lines.world_bytes(np.array(line)) for line in found])
    alone = [tile_lines.world_bytes(np.array(line)) for line in found]
    assert len(lines.starts) == len(found) + 1
    for k, stored in enumerate(alone):
        part = slice(lines.starts[k], lines.starts[k + 1])
        assert np.column_stack([lines.x[part], lines.y[part]]).astype("<i4").tobytes() == stored


def test_the_way_across_the_antimeridian_is_the_short_one() -> None:
    lines = tile_lines.world_lines([polylines.encode([179.9, -179.9], [10.0, 10.1])])
    middle, west, east = (tile_lines.cut(lines, 2, column, 1) for column in (1, 0, 3))
    assert not len(middle.parts)
    assert len(west.parts) == len(east.parts) == 1


@given(st.lists(st.tuples(st.integers(0, 65535), st.integers(0, 20)), min_size=1))
def test_only_what_is_wholly_below_others_is_not_seen(pairs: list[tuple[int, int]]) -> None:
    pairs.sort(key=lambda pair: pair[1])
    cells, line = np.array(pairs).T
    seen = {min(k for c, k in pairs if c == cell) for cell, _ in pairs}
    assert set(tile_lines.topmost(cells, line).tolist()) == seen


def test_other_programs_read_the_tiles(tmp_path: Path) -> None:
    vertices = np.array([[0, 0], [4096, 4096], [2048, 0], [2048, 2048], [100, 100], [90, 3000]])
    lines = lines_layer(
        "tracks", vertices, np.array([0, 2, 4]), np.array([0, 2]), [{"id": "a"}, {"id": "ä"}]
    )
    points = points_layer("often", np.array([[1024, 1024]]), [{"n": 300}])
    layers = decoded(gzip.compress(lines + points), 0, 0, 0, tmp_path)
    one, other = layers["tracks"]
    assert [len(part) for part in one["geometry"]["coordinates"]] == [2, 2]
    assert other["properties"] == {"id": "ä"}
    assert other["geometry"]["type"] == "LineString"
    (point,) = layers["often"]
    assert point["properties"] == {"n": 300}
    assert point["geometry"]["coordinates"] == pytest.approx([-90, 66.51326], abs=1e-4)


@given(st.lists(st.tuples(st.floats(24, 25), st.floats(60, 61)), min_size=2, max_size=30))
def test_an_overview_stays_close(line: list[tuple[float, float]]) -> None:
    text = polylines.encode(*zip(*line, strict=True))
    metres = np.array([111_195 * np.cos(np.radians(60.5)), 111_195])
    kept = tile_lines.read_bytes([overview_of(text)])
    lon, y = kept.x / WORLD * 360 - 180, kept.y / WORLD
    lat = np.degrees(np.arctan(np.sinh((0.5 - y) * 2 * np.pi)))
    before, after = polylines.positions(text) * metres, np.column_stack([lon, lat]) * metres
    far = shapely.hausdorff_distance(shapely.LineString(before), shapely.LineString(after))
    assert far <= OVERVIEW_M * 1.1 + 2
