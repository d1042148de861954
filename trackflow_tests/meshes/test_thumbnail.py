import dataclasses
import io

import numpy as np
from PIL import Image

from trackflow.meshes.drape import ribbon_on
from trackflow.meshes.thumbnail import SIZE_PX, thumbnail_of
from trackflow_tests.meshes.shapes import hill, terrain_from


def pixels_of(png: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(png)) as image:
        assert (image.format, image.mode, image.size) == ("PNG", "RGBA", (SIZE_PX, SIZE_PX))
        return np.asarray(image).astype(int)


def test_a_terrain_fills_the_picture_and_its_surroundings_are_transparent() -> None:
    pixels = pixels_of(thumbnail_of([terrain_from(hill(), 0.5)]))
    shown = np.argwhere(pixels[:, :, 3] == 255)
    assert (pixels[[0, 0, -1, -1], [0, -1, 0, -1], 3] == 0).all()
    assert np.ptp(shown, axis=0).max() > 0.9 * SIZE_PX
    assert len(shown) > 0.25 * SIZE_PX**2


def test_the_light_comes_from_the_upper_left() -> None:
    size = 60
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    cone = (200 * np.maximum(0, 0.7 - np.hypot(x, y))).astype(np.float32)
    pixels = pixels_of(thumbnail_of([terrain_from(cone, 0.5)]))
    shown = pixels[:, :, 3] == 255
    middle = int(np.argwhere(shown)[:, 1].mean())
    top = int(np.argwhere(shown[:, middle])[0, 0])
    rows = slice(top + 60, top + 110)  # across the cone, a little below its tip
    left, right = (
        pixels[rows, middle - 60 : middle - 20, 0],
        pixels[rows, middle + 20 : middle + 60, 0],
    )
    assert left.mean() > right.mean() + 20


def test_a_track_is_seen_in_its_own_colour() -> None:
    surface = terrain_from(hill(), 0.5)
    ribbon = ribbon_on(surface, [np.array([[-150.0, -150.0], [150.0, -100.0]])], 12.0, 4.0)
    assert ribbon is not None
    pixels = pixels_of(thumbnail_of([surface, ribbon]))
    without = pixels_of(thumbnail_of([surface]))

    def red(shown: np.ndarray) -> int:
        return np.count_nonzero((shown[:, :, 0] > 1.8 * shown[:, :, 2]) & (shown[:, :, 3] == 255))

    assert red(pixels) > 1000
    assert red(without) == 0


def test_equal_bodies_give_equal_pictures() -> None:
    surface = terrain_from(hill(), 0.5)
    assert thumbnail_of([surface]) == thumbnail_of([dataclasses.replace(surface)])
