"""Grids of heights for tests."""

import numpy as np
from hypothesis import strategies as st

from trackflow.meshes.heights import HeightGrid
from trackflow.meshes.images import grid_of, read_raster
from trackflow.meshes.terrain import terrain_of


def grid(heights, pixel_width_m=1.0, pixel_height_m=1.0, **others):
    return HeightGrid(
        np.ascontiguousarray(heights, dtype=np.float32), pixel_width_m, pixel_height_m, **others
    )


def grid_of_image(image, name, parameters):
    return grid_of(read_raster(image, name), name, parameters)


def surface_of(grid, max_error_m):
    return terrain_of(grid, max_error_m).surface


def hills(rows, columns, seed, roughness=0.3):
    """Heights with large and small features, from -200 to 3,000 m or so."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:rows, :columns]
    heights = np.zeros((rows, columns))
    for wave in (40, 13, 5, 2):
        a, b, c = random.uniform(-1, 1, 3)
        heights += wave * 30 * np.sin((a * x + b * y) / wave + 6 * c)
    heights += random.normal(0, 30 * roughness, heights.shape)
    return (heights + random.uniform(-200, 2000)).astype(np.float32)


@st.composite
def any_heights(draw, largest=24):
    """Hills, steps, noise, single spikes and plains of any small size."""
    rows, columns = draw(st.integers(2, largest)), draw(st.integers(2, largest))
    seed = draw(st.integers(0, 2**32 - 1))
    random = np.random.default_rng(seed)
    kind = draw(st.sampled_from(["hills", "noise", "steps", "spike", "plain", "slope"]))
    base_m = draw(st.sampled_from([0.0, -430.0, 8000.0, 1e-3]))
    heights = {
        "hills": lambda: hills(rows, columns, seed),
        "noise": lambda: random.uniform(0, 1000, (rows, columns)),
        "steps": lambda: np.round(random.uniform(0, 3, (rows, columns))) * 100,
        "spike": lambda: _spike(random, rows, columns),
        "plain": lambda: np.zeros((rows, columns)),
        "slope": lambda: np.add.outer(np.arange(rows) * 0.1, np.arange(columns) * 3.3),
    }[kind]()
    return (heights + base_m).astype(np.float32)


def _spike(random, rows, columns):
    heights = np.zeros((rows, columns))
    heights[random.integers(rows), random.integers(columns)] = 500
    return heights
