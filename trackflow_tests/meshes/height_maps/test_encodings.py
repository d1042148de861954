import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackflow.errors import BadInputError
from trackflow.meshes.images import kind_of, read_raster
from trackflow.meshes.parameters import HeightEncoding, MeshKind, MeshParameters
from trackflow_tests.meshes.grids import grid_of_image, hills
from trackflow_tests.meshes.height_files import photograph, picture, terrain_rgb, terrarium

WRITERS = {HeightEncoding.TERRARIUM: terrarium, HeightEncoding.TERRAIN_RGB: terrain_rgb}
STEPS_M = {HeightEncoding.TERRARIUM: 1 / 512, HeightEncoding.TERRAIN_RGB: 0.051}
encodings = st.sampled_from(sorted(WRITERS))


def grid_of(pixels, encoding=None):
    return grid_of_image(picture(pixels), "a.png", MeshParameters(encoding=encoding))


@settings(max_examples=100)
@given(
    encodings,
    st.integers(8, 60),
    st.integers(8, 60),
    st.integers(0, 2**32 - 1),
    st.sampled_from([-9500.0, -3000.0, 0.0, 4000.0]),
    st.sampled_from([0.02, 0.3, 1.0, 2.5]),
)
def test_encodings_are_told_by_their_values(encoding, rows, columns, seed, base_m, steepness):
    relief = hills(rows, columns, seed)
    heights = np.clip((relief - relief.mean()) * steepness + base_m, -9_990, 8_850)
    grid = grid_of(WRITERS[encoding](heights))
    assert grid.heights_m == pytest.approx(heights, abs=STEPS_M[encoding])
    assert grid.void_count == 0
    assert any("values are" in note for note in grid.notes)


@pytest.mark.parametrize("encoding", sorted(WRITERS))
def test_a_setting_that_fits_is_followed(encoding):
    heights = hills(40, 40, 1)
    grid = grid_of(WRITERS[encoding](heights), encoding)
    assert grid.heights_m == pytest.approx(heights, abs=STEPS_M[encoding])


@pytest.mark.parametrize("written", sorted(WRITERS))
@pytest.mark.parametrize("asked", sorted(HeightEncoding))
def test_a_setting_that_would_give_spikes_is_refused_with_the_right_one(written, asked):
    if asked != written:
        with pytest.raises(BadInputError, match=f"spikes; set encoding {written}"):
            grid_of(WRITERS[written](hills(40, 40, 1)), asked)


@pytest.mark.parametrize("encoding", sorted(WRITERS))
@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_tiles_that_were_saved_with_losses_are_refused(encoding, kind):
    """A red that is off by one is 256 metres."""
    asked = MeshParameters(encoding=encoding)
    pixels = WRITERS[encoding](hills(80, 80, 1))
    with pytest.raises(BadInputError, match="send it as PNG"):
        grid_of_image(picture(pixels, kind, quality=95), "a", asked)
    if kind == "WEBP":
        grid = grid_of_image(picture(pixels, kind, lossless=True), "a", asked)
        assert grid.heights_m == pytest.approx(hills(80, 80, 1), abs=STEPS_M[encoding])


@pytest.mark.parametrize("asked", sorted(WRITERS))
def test_a_photograph_is_no_encoding(asked):
    with pytest.raises(BadInputError, match="set encoding grey"):
        grid_of(photograph(40, 40), asked)
    with pytest.raises(BadInputError, match="set encoding grey"):
        grid_of(photograph(40, 40)[:, :, 0], asked)


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(85, 155), st.integers(1, 8))
def test_a_photograph_in_terrariums_range_is_read_by_brightness(seed, middle, spread):
    """All its red lies where Terrarium's lies: heights on the earth, if they were encoded."""
    random = np.random.default_rng(seed)
    light = middle + random.normal(0, spread / 3, (30, 30))
    pixels = np.stack([light, light * 0.9, light * 0.8 + 3], axis=-1)
    grid = grid_of(np.clip(pixels, 82, 162).astype(np.uint8))
    assert any("brightness" in note for note in grid.notes)
    assert grid.heights_m.min() >= 0
    assert grid.heights_m.max() <= 100


def test_a_photograph_is_read_by_brightness():
    pixels = photograph(40, 50)
    expected = pixels @ np.array([0.299, 0.587, 0.114]) / 255 * 100
    grid = grid_of(pixels)
    assert grid.heights_m == pytest.approx(expected, abs=0.01)
    assert any("brightness" in note for note in grid.notes)


@pytest.mark.parametrize("encoding", sorted(WRITERS))
def test_black_and_transparent_pixels_of_an_encoding_are_voids(encoding):
    pixels = WRITERS[encoding](hills(40, 40, 1))
    with_alpha = np.dstack([pixels, np.full((40, 40), 255, np.uint8)])
    with_alpha[3:5, 3:5] = 0
    with_alpha[10, 10] = (0, 0, 0, 255)
    grid = grid_of(with_alpha)
    assert grid.void_count == 5
    assert read_raster(picture(with_alpha), "a").alpha is not None
    assert kind_of(read_raster(picture(with_alpha), "a")) == MeshKind.TERRAIN


def test_sea_level_everywhere_is_flat():
    for write in (terrarium, terrain_rgb):
        assert grid_of(write(np.zeros((16, 16)))).range_m == (0, 0)


def test_grey_lies_between_black_and_white():
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    asked = MeshParameters(low_m=-20, high_m=235)
    grid = grid_of_image(picture(ramp), "a.png", asked)
    assert grid.heights_m == pytest.approx(ramp.astype(float) - 20, abs=1e-4)
    assert grid.pixel_width_m == 1


def test_a_photograph_or_a_silhouette():
    assert kind_of(read_raster(picture(photograph(40, 40)), "a")) == MeshKind.TERRAIN
    disc = np.full((60, 60), 255, np.uint8)
    y, x = np.mgrid[:60, :60]
    disc[np.hypot(x - 30, y - 30) < 20] = 0
    assert kind_of(read_raster(picture(disc), "a")) == MeshKind.OUTLINE
    logo = np.dstack([photograph(60, 60), 255 - disc])
    assert kind_of(read_raster(picture(logo), "a")) == MeshKind.OUTLINE
