import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.fill import fillnodata

from trackflow.meshes.voids import fill_voids
from trackflow_tests.meshes.grids import any_heights, hills


@settings(deadline=None, max_examples=100)
@given(any_heights(), st.floats(0.0, 1.0), st.integers(0, 2**32 - 1))
def test_known_heights_stay_and_voids_get_heights_between_them(heights, share, seed):
    random = np.random.default_rng(seed)
    voids = random.random(heights.shape) < share
    voids[random.integers(heights.shape[0]), random.integers(heights.shape[1])] = False
    filled = fill_voids(np.where(voids, np.float32(np.nan), heights))
    known = heights[~voids]
    assert np.array_equal(filled[~voids], known)
    rounding_m = 1e-5 * np.abs(known).max()
    assert filled.min() >= known.min() - rounding_m
    assert filled.max() <= known.max() + rounding_m


def test_the_grid_that_was_given_stays_as_it_is():
    heights = hills(20, 20, 1)
    heights[5:9, 5:9] = np.nan
    fill_voids(heights)
    assert np.isnan(heights).sum() == 16


@pytest.mark.parametrize("radius", [2, 6, 15])
def test_fills_as_well_as_gdal(radius):
    """Inverse distances, as GDAL's `gdal_fillnodata` takes them, is what most people use."""
    heights = hills(100, 100, 7, roughness=0.0)
    y, x = np.mgrid[:100, :100]
    voids = np.hypot(y - 50, x - 45) <= radius
    filled = fill_voids(np.where(voids, np.float32(np.nan), heights))
    theirs = fillnodata(heights.copy(), mask=~voids, max_search_distance=200)
    ours_m, theirs_m = (
        np.sqrt(np.mean((of[voids] - heights[voids]) ** 2)) for of in (filled, theirs)
    )
    assert ours_m <= 1.15 * theirs_m


def test_a_void_in_a_slope_continues_the_slope():
    slope = np.add.outer(np.arange(41) * 2.0, np.arange(41) * 3.0).astype(np.float32)
    holed = slope.copy()
    holed[15:25, 12:30] = np.nan
    assert fill_voids(holed) == pytest.approx(slope, abs=8)
