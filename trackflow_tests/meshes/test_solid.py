import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.errors import BadInputError
from trackflow.meshes.closed import open_reason, union_of, volume_m3
from trackflow.meshes.solid import print_scale, solid_of, underside_of
from trackflow.meshes.triangles import Triangles
from trackflow_tests.meshes.closedness import assert_closed
from trackflow_tests.meshes.shapes import hill, terrain_from, terrains


@given(terrains(), st.floats(0.5, 100))
def test_a_solid_is_closed_and_fills_what_lies_under_the_terrain(
    surface: Triangles, base_m: float
) -> None:
    underside_m = float(surface.vertices[:, 2].min()) - base_m
    solid = solid_of(surface, underside_m)
    assert_closed(solid)
    corners = surface.vertices[surface.faces]
    u, v = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    areas = (u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]) / 2
    heights = corners[:, :, 2].mean(axis=1) - underside_m
    assert volume_m3(solid) == pytest.approx(float(areas @ heights), rel=1e-9)
    assert np.array_equal(solid.vertices[: len(surface.vertices)], surface.vertices)


@given(terrains(), st.floats(0.1, 20), st.floats(10, 500))
def test_the_base_is_as_thick_in_print_as_asked(
    surface: Triangles, base_mm: float, width_mm: float
) -> None:
    scale = print_scale(surface, width_mm)
    solid = solid_of(surface, underside_of(surface, base_mm, scale))
    lowest_m = surface.vertices[:, 2].min()
    assert (lowest_m - solid.vertices[:, 2].min()) * scale == pytest.approx(base_mm)
    assert np.ptp(solid.vertices[:, 0]) * scale == pytest.approx(width_mm)


def test_tiles_with_a_common_base_stand_on_one_plane_and_meet() -> None:
    heights = hill(41)
    west, east = terrain_from(heights[:, :21], 1.0), terrain_from(heights[:, 20:], 1.0)
    solids = [solid_of(tile, underside_of(tile, 2.0, 0.5, -100.0)) for tile in (west, east)]
    assert {float(solid.vertices[:, 2].min()) for solid in solids} == {-100.0}


def test_a_common_base_that_is_not_below_the_terrain_is_refused() -> None:
    surface = terrain_from(hill(), 1.0)
    with pytest.raises(BadInputError, match="lower base_height_m"):
        underside_of(surface, 2.0, 1.0, 0.0)


def test_each_way_of_being_open_is_told() -> None:
    surface = terrain_from(hill(), 5.0)
    solid = solid_of(surface, -100.0)
    assert "one triangle only" in str(open_reason(surface))
    missing = Triangles(solid.vertices, solid.faces[1:])
    assert open_reason(missing) == "3 sides belong to one triangle only"
    doubled = Triangles(solid.vertices, np.concatenate([solid.faces, solid.faces[:1]]))
    assert "several triangles" in str(open_reason(doubled))
    inside_out = Triangles(solid.vertices, solid.faces[:, ::-1])
    assert open_reason(inside_out) == "its triangles face inwards"
    assert open_reason(Triangles(solid.vertices, solid.faces[:0])) == "it has no triangles"


def test_bodies_that_overlap_become_one() -> None:
    first = solid_of(terrain_from(np.zeros((2, 3), np.float32), 1.0), -10.0)
    second = Triangles(first.vertices + np.array([5, 0, 3]), first.faces)
    union = union_of(first, second)
    assert_closed(union)
    assert volume_m3(union) == pytest.approx(2 * 2000 - 15 * 10 * 7)


def test_an_open_surface_cannot_be_united() -> None:
    with pytest.raises(BadInputError, match="no closed body"):
        union_of(terrain_from(hill(), 5.0))
