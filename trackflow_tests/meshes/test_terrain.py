import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackflow.errors import BadInputError
from trackflow.meshes import measuring
from trackflow.meshes.formats import glb
from trackflow.meshes.levels import LEVEL_FACTOR, coarser_levels
from trackflow.meshes.measuring import Tin, errors_on_pixels
from trackflow.meshes.scene import Scene
from trackflow.meshes.terrain import terrain_of
from trackflow_tests.meshes.grids import any_heights, grid, hills, surface_of
from trackflow_tests.meshes.walking import errors_m, read_glb

limits_m = st.sampled_from([0.0, 1e-6, 0.01, 0.5, 3.0, 40.0, 1e5])


@settings(deadline=None, max_examples=120)
@given(any_heights(), limits_m, st.sampled_from([1.0, 0.01, 30.87]), st.sampled_from([1.0, 92.6]))
def test_no_pixel_of_the_file_is_further_off_than_the_limit(heights, limit_m, width_m, height_m):
    made = terrain_of(grid(heights, width_m, height_m), limit_m)
    vertices, faces = read_glb(glb.write(Scene([made.surface])))
    off_m = errors_m(vertices, faces, heights, width_m, height_m)
    rounding_m = 1e-5 * (1 + np.abs(heights).max())  # of the walk, and of files in 32 bits
    assert np.isfinite(off_m).all(), "a pixel has no triangle over it"
    assert off_m.max() <= limit_m + rounding_m
    assert made.error.max_m <= limit_m
    assert made.error.max_m == pytest.approx(off_m.max(), abs=rounding_m)
    assert made.error.mean_m == pytest.approx(off_m.mean(), abs=rounding_m)


@settings(deadline=None, max_examples=120)
@given(any_heights(), limits_m)
def test_triangles_cover_the_grid_once_and_look_up(heights, limit_m):
    surface = surface_of(grid(heights), limit_m)
    x, y = surface.vertices[surface.faces][:, :, :2].transpose(2, 0, 1)
    areas = (x[:, 1] - x[:, 0]) * (y[:, 2] - y[:, 0]) - (x[:, 2] - x[:, 0]) * (y[:, 1] - y[:, 0])
    assert (areas > 0).all()
    rows, columns = heights.shape
    assert areas.sum() / 2 == pytest.approx((rows - 1) * (columns - 1))
    assert len(np.unique(surface.vertices[:, :2], axis=0)) == len(surface.vertices)
    assert np.isin(np.arange(len(surface.vertices)), surface.faces).all()


@settings(deadline=None, max_examples=60)
@given(any_heights(), limits_m, st.integers(1, 100))
def test_measuring_in_portions_gives_the_same(heights, limit_m, pixels_at_once):
    surface = surface_of(grid(heights), limit_m)
    rows, columns = heights.shape
    tin = Tin(
        np.round((rows - 1) / 2 - surface.vertices[:, 1]).astype(np.int64),
        np.round(surface.vertices[:, 0] + (columns - 1) / 2).astype(np.int64),
        surface.faces,
    )
    whole = errors_on_pixels(tin, heights)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measuring, "_PIXELS_AT_ONCE", pixels_at_once)
        assert errors_on_pixels(tin, heights) == pytest.approx(whole, abs=1e-4)


@pytest.mark.parametrize("shape", [(2, 400), (400, 2), (400, 7), (7, 400)])
def test_narrow_images_are_measured_too(shape):
    heights = hills(*shape, 6)
    made = terrain_of(grid(heights), 5.0)
    vertices, faces = read_glb(glb.write(Scene([made.surface])))
    off_m = errors_m(vertices, faces, heights, 1, 1)
    assert made.error.max_m == pytest.approx(off_m.max(), abs=0.01)
    assert made.error.mean_m == pytest.approx(off_m.mean(), abs=0.01)


def test_a_plain_takes_few_triangles():
    flat = np.full((50, 70), 812.3)
    made = terrain_of(grid(flat), 0.0)
    assert made.error.max_m == 0
    assert len(made.surface.faces) <= 10


def test_equal_grids_give_equal_meshes():
    first, second = (surface_of(grid(hills(90, 60, 5)), 3.0) for _ in range(2))
    assert np.array_equal(first.vertices, second.vertices)
    assert np.array_equal(first.faces, second.faces)


def test_a_smaller_error_takes_more_triangles():
    counts = [len(surface_of(grid(hills(90, 60, 5)), limit).faces) for limit in (1, 10, 100)]
    assert counts == sorted(counts, reverse=True)
    assert len(set(counts)) == 3


def test_too_many_triangles_are_refused_with_a_hint(monkeypatch):
    monkeypatch.setattr("trackflow.meshes.terrain.MAX_TRIANGLES", 1000)
    for limit_m in (0.0, 1e-3):
        with pytest.raises(BadInputError, match="larger max_error_m"):
            surface_of(grid(hills(60, 60, 1)), limit_m)


def test_normals_stand_on_the_slope():
    rows, columns = 20, 30
    slope = np.add.outer(-np.arange(rows) * 5.0, np.arange(columns) * 2.0)  # rises east and north
    surface = surface_of(grid(slope, 4.0, 10.0), 0.1)
    expected = np.array([-0.5, -0.5, 1.0])
    assert surface.normals == pytest.approx(
        np.tile(expected / np.linalg.norm(expected), (len(surface.vertices), 1)), abs=1e-5
    )


def test_uv_put_each_vertex_on_the_middle_of_its_pixel():
    surface = surface_of(grid(hills(20, 30, 2), 5.0, 7.0), 1.0)
    north_west = np.argmin(surface.vertices[:, 0] - surface.vertices[:, 1])
    assert surface.uv[north_west] == pytest.approx([0.5 / 30, 0.5 / 20])
    assert surface.uv.min() > 0
    assert surface.uv.max() < 1


def test_levels_grow_coarser_within_their_limits():
    of = grid(hills(120, 120, 3))
    finest = terrain_of(of, 2.0)
    levels = list(coarser_levels(of, finest, 4))
    assert [level.asked_error_m for level in levels] == [2 * LEVEL_FACTOR**k for k in (1, 2, 3)]
    counts = [len(level.surface.faces) for level in (finest, *levels)]
    assert counts == sorted(counts, reverse=True)
    assert all(level.error.max_m <= level.asked_error_m for level in levels)
    assert all(level.error.max_m > finest.error.max_m for level in levels)


def test_levels_end_where_nothing_is_left_to_simplify():
    of = grid(np.zeros((10, 10)))
    assert not list(coarser_levels(of, terrain_of(of, 1.0), 5))
