"""Neighbouring tiles meet: no wall and no crack where they share an edge."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from trackflow.meshes.levels import coarser_levels
from trackflow.meshes.terrain import terrain_of
from trackflow.meshes.voids import fill_voids
from trackflow_tests.meshes.grids import grid, hills, surface_of


def along_column(surface, x):
    """Places and heights of the vertices on a line from north to south, in order."""
    on_line = surface.vertices[surface.vertices[:, 0] == x]
    return on_line[np.argsort(on_line[:, 1])][:, 1:]


def along_row(surface, y):
    on_line = surface.vertices[surface.vertices[:, 1] == y]
    return on_line[np.argsort(on_line[:, 0])][:, [0, 2]]


@settings(deadline=None, max_examples=60)
@given(
    st.integers(2, 40),
    st.integers(3, 60),
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.0, 0.1, 5.0, 50.0, 1e4]),
    st.data(),
)
def test_halves_of_a_grid_have_the_same_vertices_on_their_edge(rows, columns, seed, limit_m, data):
    heights = hills(rows, columns, seed)
    cut = data.draw(st.integers(1, columns - 2))
    west = surface_of(grid(heights[:, : cut + 1], 3.0, 2.0), limit_m)
    east = surface_of(grid(heights[:, cut:], 3.0, 2.0), limit_m)
    west_edge = along_column(west, west.vertices[:, 0].max())
    assert np.array_equal(west_edge, along_column(east, east.vertices[:, 0].min()))
    north = surface_of(grid(heights[:, : cut + 1].T, 3.0, 2.0), limit_m)
    south = surface_of(grid(heights[:, cut:].T, 3.0, 2.0), limit_m)
    north_edge = along_row(north, north.vertices[:, 1].min())
    assert np.array_equal(north_edge, along_row(south, south.vertices[:, 1].max()))


def test_halves_meet_on_every_level():
    heights = hills(80, 121, 9)
    halves = [grid(heights[:, :61]), grid(heights[:, 60:])]
    west, east = (list(coarser_levels(half, terrain_of(half, 1.0), 3)) for half in halves)
    for of_west, of_east in zip(west, east, strict=True):
        edges = along_column(of_west.surface, 30.0), along_column(of_east.surface, -30.0)
        assert np.array_equal(*edges)
        assert 2 < len(edges[0]) < 80


def test_halves_meet_where_their_edge_has_voids():
    heights = hills(60, 101, 4)
    heights[20:31, 45:58] = np.nan  # crosses the common edge, and reaches less far into the east
    heights[40:44, 50:90] = np.nan
    west = surface_of(grid(fill_voids(heights[:, :51])), 3.0)
    east = surface_of(grid(fill_voids(heights[:, 50:])), 3.0)
    assert np.array_equal(along_column(west, 25.0), along_column(east, -25.0))
