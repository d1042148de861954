"""The size of pixels where an image does not say it."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.meshes.height_maps.ground import tile_pixel_m

WORLD_PIXEL_M = 156_543.03392804097
"""Of the Web Mercator tile of zoom 0, 256 pixels wide (OpenStreetMap wiki, "Zoom levels")."""


def mountains(rng_seed: int, pixel_m: float) -> np.ndarray:
    """Slopes of all directions, nine tenths of them below 35 degrees."""
    rng = np.random.default_rng(rng_seed)
    heights = np.cumsum(np.cumsum(rng.normal(size=(64, 64)), axis=0), axis=1)
    along, across = np.gradient(heights)
    steep = np.percentile(np.hypot(along, across), 90)
    return (heights / steep * pixel_m * math.tan(math.radians(35))).astype(np.float32)


@given(seed=st.integers(0, 1000), zoom=st.integers(0, 20))
def test_the_zoom_level_is_found_from_natural_slopes(seed: int, zoom: int) -> None:
    pixel_m = WORLD_PIXEL_M / 2**zoom
    assert tile_pixel_m(mountains(seed, pixel_m)) == pytest.approx(pixel_m)


@given(seed=st.integers(0, 1000), factor=st.floats(0.75, 1.3))
def test_neighbours_of_about_the_same_steepness_have_the_same_size(
    seed: int, factor: float
) -> None:
    heights = mountains(seed, WORLD_PIXEL_M / 2**12)
    assert tile_pixel_m(heights) == tile_pixel_m(heights * np.float32(factor))


def test_flat_ground_has_no_likely_size() -> None:
    assert tile_pixel_m(np.full((4, 4), 7, np.float32)) == 1.0
