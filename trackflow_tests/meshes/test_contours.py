import numpy as np
import shapely
from hypothesis import given

from trackflow.meshes.contours import contours_of
from trackflow.meshes.silhouettes import Silhouette
from trackflow_tests.meshes.shapes import silhouettes


def rings_of(levels: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
    contours = contours_of(levels)
    return np.split(contours.points, contours.starts[1:-1]), contours.owners


@given(silhouettes())
def test_the_rings_part_the_middles_of_pixels_exactly(silhouette: Silhouette) -> None:
    rings, _owners = rings_of(silhouette.levels)
    rows, columns = silhouette.levels.shape
    y, x = np.mgrid[:rows, :columns]
    wound = np.zeros((rows, columns), dtype=np.int64)
    for ring in rings:
        around = shapely.contains_xy(shapely.Polygon(ring), x.ravel(), y.ravel())
        wound += around.reshape(rows, columns) * (1 if _area(ring) > 0 else -1)
    assert np.array_equal(wound, (silhouette.levels > 0).astype(np.int64))


@given(silhouettes())
def test_each_hole_lies_in_its_figure_and_no_rings_meet(silhouette: Silhouette) -> None:
    rings, owners = rings_of(silhouette.levels)
    for number, ring in enumerate(rings):
        is_hole = owners[number] != number
        assert (_area(ring) < 0) == is_hole
        if is_hole:
            owner = rings[owners[number]]
            assert owners[owners[number]] == owners[number]
            assert shapely.Polygon(owner).contains_properly(shapely.Polygon(ring))
    lines = [shapely.LinearRing(ring) for ring in rings]
    assert all(line.is_simple for line in lines)
    tree = shapely.STRtree(lines)
    first, second = tree.query(lines, predicate="intersects")
    assert np.array_equal(first, second)


@given(silhouettes())
def test_figures_that_touch_at_a_corner_are_one(silhouette: Silhouette) -> None:
    _rings, owners = rings_of(silhouette.levels)
    assert len(np.unique(owners)) == _figures(silhouette.levels > 0)


def test_a_ramp_is_cut_between_pixels_where_it_passes_zero() -> None:
    levels = np.tile(np.linspace(-1, 1, 11, dtype=np.float32) + 0.05, (4, 1))
    (ring,), _owners = rings_of(levels)
    western = ring[ring[:, 0] < 4.9]
    assert len(western) == 4
    assert np.allclose(western[:, 0], 4.75)


def test_a_figure_at_the_edge_ends_at_the_edge() -> None:
    (ring,), _owners = rings_of(np.ones((3, 5), np.float32))
    assert ring.min(axis=0).tolist() == [-0.5, -0.5]
    assert ring.max(axis=0).tolist() == [4.5, 2.5]


def _area(ring: np.ndarray) -> float:
    """Above zero where the figure lies to the left of the ring, north (smaller y) being up."""
    x, y = ring.T
    return float(np.sum(np.roll(x, -1) * y - x * np.roll(y, -1))) / 2


def _figures(inside: np.ndarray) -> int:
    """Connected parts, corners counting: by flooding, unlike the code."""
    left = set(zip(*np.nonzero(inside), strict=True))
    count = 0
    while left:
        count += 1
        edge = [left.pop()]
        while edge:
            row, column = edge.pop()
            for near in [(row + dr, column + dc) for dr in (-1, 0, 1) for dc in (-1, 0, 1)]:
                if near in left:
                    left.remove(near)
                    edge.append(near)
    return count
