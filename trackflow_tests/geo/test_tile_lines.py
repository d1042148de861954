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
from trackflow.geo.tile_lines import BUFFER, CutLines, WorldLines
from trackflow.geo.vector_tiles import EXTENT, lines_layer, points_layer
from trackflow_tests.helpers.tiles import decoded

side = st.integers(-2000, 3000).map(lambda n: n / 1000)
vertex = st.tuples(side, side)
ways = st.lists(st.lists(vertex, min_size=2, max_size=6), min_size=1, max_size=4)
ZOOM, COLUMN, ROW = 4, 8, 5  # lines are shorter than half of the Earth


def on_the_square(found: list[list[tuple[float, float]]]) -> WorldLines:
    """Lines given in sides of the tile."""
    places = np.array([p for line in found for p in line])
    x, y = (places + np.array([COLUMN, ROW])).T / 2**ZOOM
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
    lines = on_the_square(found)
    fewer = tile_lines.at_zoom(lines, ZOOM, step)
    assert len(fewer.x) <= len(lines.x)
    unit = step / (EXTENT * 2.0**ZOOM)
    for k in range(len(found)):
        before, after = (
            np.column_stack([of.x, of.y])[of.starts[k] : of.starts[k + 1]] for of in (lines, fewer)
        )
        if len(after) > 1:
            far = shapely.hausdorff_distance(shapely.LineString(before), shapely.LineString(after))
            assert far <= 3 * unit


@given(st.lists(st.lists(st.tuples(st.floats(-180, 180), st.floats(-85, 85)), min_size=1)))
def test_many_lines_are_decoded_as_each_of_them(found: list[list[tuple[float, float]]]) -> None:
    texts = [polylines.encode(*zip(*line, strict=True)) for line in found]
    lines = tile_lines.world_lines(texts)
    assert len(lines.starts) == len(texts) + 1
    for k, text in enumerate(texts):
        lon = polylines.positions(text)[:, 0]
        assert lines.x[lines.starts[k] : lines.starts[k + 1]] == pytest.approx(lon / 360 + 0.5)


def test_a_line_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="not an encoded polyline"):
        tile_lines.world_lines(["_p~iF~ps|U", "_p~iF"])


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
    before, after = (polylines.positions(x) * metres for x in (text, overview_of(text)))
    far = shapely.hausdorff_distance(shapely.LineString(before), shapely.LineString(after))
    assert far <= OVERVIEW_M * 1.1 + 2
