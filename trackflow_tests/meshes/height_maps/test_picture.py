import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from trackflow.errors import BadInputError
from trackflow.meshes.height_maps.picture import read_picture
from trackflow.meshes.parameters import MeshParameters
from trackflow_tests.meshes.grids import grid_of_image, hills
from trackflow_tests.meshes.height_files import (
    geotiff,
    photograph,
    picture,
    png_claiming,
    raster_file,
)

RAMP = np.arange(600, dtype=np.uint16).reshape(20, 30) * 100
GREY = (RAMP >> 8).astype(np.uint8)
EIGHT, SIXTEEN = MeshParameters(high_m=255), MeshParameters(high_m=65535)


def heights_of(file, parameters=EIGHT):
    return grid_of_image(file, "a", parameters).heights_m


def notes_of(file):
    return " ".join(grid_of_image(file, "a", EIGHT).notes)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP", "GIF", "PPM", "WEBP", "JPEG2000"])
def test_grey_of_8_bits(kind):
    options = {"lossless": True} if kind == "WEBP" else {}
    assert heights_of(picture(GREY, kind, **options)) == pytest.approx(GREY, abs=0.01)


@pytest.mark.parametrize("kind", ["JPEG", "AVIF"])
def test_grey_with_losses(kind):
    assert heights_of(picture(GREY, kind, quality=95)) == pytest.approx(GREY, abs=5)


@pytest.mark.parametrize(
    "file",
    [
        picture(RAMP),
        picture(RAMP, "TIFF"),
        picture(Image.frombytes("I;16B", (30, 20), RAMP.astype(">u2").tobytes()), "TIFF"),
        b"P5 30 20 65535\n" + RAMP.astype(">u2").tobytes(),
    ],
    ids=["png", "tiff", "big-endian tiff", "pgm"],
)
def test_grey_of_16_bits_keeps_them(file):
    assert heights_of(file, SIXTEEN) == pytest.approx(RAMP, abs=0.01)


@pytest.mark.parametrize("kind", ["PNG", "GTiff"])
@pytest.mark.parametrize("bands", [2, 3, 4])
def test_colour_and_alpha_of_16_bits_keep_them(bands, kind):
    full = np.full_like(RAMP, 65535)
    layers = [RAMP, full] if bands == 2 else [RAMP, RAMP, RAMP, full][:bands]
    options = {"ALPHA": "YES"} if kind == "GTiff" and bands != 3 else {}
    if kind == "GTiff" and bands > 2:
        options["photometric"] = "RGB"
    file = raster_file(np.stack(layers), driver=kind, **options)
    assert heights_of(file, SIXTEEN) == pytest.approx(RAMP, abs=0.01)


def test_transparent_pixels_of_16_bits_are_voids():
    alpha = np.full_like(RAMP, 65535)
    alpha[2:4, 5:8] = 0
    for kind, options in [("PNG", {}), ("GTiff", {"ALPHA": "YES"})]:
        file = raster_file(np.stack([RAMP, alpha]), driver=kind, **options)
        assert np.array_equal(grid_of_image(file, "a", SIXTEEN).voids, alpha == 0)


def test_floating_point_and_signed_values_are_metres():
    heights = hills(20, 30, 4) - 900
    assert heights_of(picture(Image.fromarray(heights), "TIFF")) == pytest.approx(heights)
    whole = np.round(heights).astype(np.int32)
    assert heights_of(picture(Image.fromarray(whole), "TIFF")) == pytest.approx(whole)


def test_one_bit_and_palettes():
    bits = Image.fromarray(np.where(GREY > 90, 255, 0).astype(np.uint8)).convert("1")
    assert set(np.unique(heights_of(picture(bits)))) == {0, 255}
    palette = Image.fromarray(GREY).convert("P")
    assert heights_of(picture(palette)) == pytest.approx(GREY, abs=0.01)
    colours = Image.fromarray(photograph(20, 30)).convert("P", palette=Image.Palette.ADAPTIVE)
    assert "brightness" in notes_of(picture(colours))


def test_transparent_pixels_are_voids():
    alpha = np.full(GREY.shape, 255, np.uint8)
    alpha[2:4, 5:8] = 0
    alpha[9, 9] = 1  # next to nothing is still something
    grid = grid_of_image(picture(np.dstack([GREY, alpha])), "a", EIGHT)
    assert np.array_equal(grid.voids, alpha == 0)
    file = picture(Image.fromarray(GREY), transparency=int(GREY[0, 0]))
    assert np.array_equal(grid_of_image(file, "a", EIGHT).voids, GREY[0, 0] == GREY)
    with pytest.raises(BadInputError, match="no height anywhere"):
        heights_of(picture(np.dstack([GREY, alpha * 0])))


def test_printing_colours():
    for kind in ("JPEG", "TIFF"):
        file = picture(Image.fromarray(photograph(20, 30)).convert("CMYK"), kind)
        assert "CMYK" in notes_of(file)
        plain = heights_of(picture(photograph(20, 30)))
        assert heights_of(file) == pytest.approx(plain, abs=12)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
@pytest.mark.parametrize(("turn", "upright"), [(3, GREY[::-1, ::-1]), (6, np.rot90(GREY, -1))])
def test_exif_rotation_is_applied(kind, turn, upright):
    exif = Image.Exif()
    exif[274] = turn
    file = picture(GREY, kind, exif=exif)
    assert heights_of(file) == pytest.approx(upright, abs=5)


def test_exif_rotation_keeps_16_bits():
    exif = Image.Exif()
    exif[274] = 8
    assert heights_of(picture(RAMP, exif=exif), SIXTEEN) == pytest.approx(np.rot90(RAMP), abs=0.01)


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("least", [0, 1, 78, 255])
def test_colours_of_16_bits_are_read_as_those_of_8(turn, least):
    """Turned as EXIF says, and as opaque."""
    alpha = np.full(GREY.shape, 255, np.uint8)
    alpha[3:9, 2:7] = least
    pixels = np.dstack([photograph(*GREY.shape), alpha])
    exif = Image.Exif()
    exif[274] = turn
    tags = exif.tobytes().removeprefix(b"Exif\0\0")
    body = b"eXIf" + tags
    chunk = struct.pack(">I", len(tags)) + body + struct.pack(">I", zlib.crc32(body))
    deep = raster_file(np.moveaxis(pixels.astype(np.uint16), 2, 0) * 257, driver="PNG")
    found = read_picture(deep[:33] + chunk + deep[33:], "a")
    plain = read_picture(picture(Image.fromarray(pixels), exif=exif), "a")
    assert np.array_equal(found.bands, plain.bands.astype(np.uint16) * 257)
    assert found.notes == plain.notes
    assert (found.alpha is None) == (plain.alpha is None)
    assert plain.alpha is None or np.array_equal(found.alpha, plain.alpha)


def test_animations_and_pages_give_their_first():
    other = Image.fromarray(255 - GREY)
    for kind, what in [("GIF", "frame"), ("TIFF", "page"), ("PNG", "frame"), ("WEBP", "frame")]:
        options = {"lossless": True} if kind == "WEBP" else {}
        file = picture(GREY, kind, save_all=True, append_images=[other, other], **options)
        assert heights_of(file) == pytest.approx(GREY, abs=0.01)
        assert f"first {what}" in notes_of(file)


def test_colour_profiles_are_left_aside():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    file = picture(GREY, icc_profile=profile)
    assert heights_of(file) == pytest.approx(GREY, abs=0.01)
    assert "colour profile" in notes_of(file)


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1)])
def test_a_line_is_no_terrain(shape):
    for file in (picture(np.zeros(shape, np.uint8)), geotiff(np.zeros(shape, np.float32))):
        with pytest.raises(BadInputError, match="two rows and two columns"):
            heights_of(file)


JPEG, PNG = picture(photograph(90, 90), "JPEG"), picture(photograph(90, 90))


@pytest.mark.parametrize(
    ("file", "problem"),
    [
        (b"", "empty"),
        (b"\0", "no image"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "no image"),
        (b"%PDF-1.7 ...", "no image"),
        (b"<VRTDataset rasterXSize='9' rasterYSize='9'></VRTDataset>", "no image"),
        (JPEG[:500], "cut short"),
        (JPEG[: len(JPEG) // 2], "cut short"),
        (PNG[:40], "cut short|no image"),
        (PNG[: len(PNG) // 2], "cut short"),
        (picture(GREY, "GIF")[:-200], "cut short"),
        (picture(GREY, "BMP")[:-200], "cut short"),
        (png_claiming(30_000, 30_000), "pixels"),
        (png_claiming(10_000, 10_000), "pixels"),
        (png_claiming(2_000_000_000, 1), "pixels"),
        (b"P5 30000 30000 255\n", "pixels"),
        (
            b"BM" + bytes(12) + b"\x28\0\0\0" + b"\x30\x75\0\0" * 2 + b"\1\0\x08\0" + bytes(24),
            "pix",
        ),
    ],
)
def test_what_is_no_image_is_refused(file, problem):
    with pytest.raises(BadInputError, match=problem):
        heights_of(file)


def test_any_damage_is_told_as_such():
    """No exception of a library gets out, whichever byte is wrong."""
    random = np.random.default_rng(5)
    files = [PNG, JPEG, picture(GREY, "TIFF"), picture(GREY, "GIF"), geotiff(hills(20, 20, 1))]
    refused = 0
    for file in files:
        for _ in range(40):
            damaged = bytearray(file)
            for at in random.integers(0, min(len(file), 400), 3):
                damaged[at] = random.integers(0, 256)
            try:
                heights_of(bytes(damaged))
            except BadInputError:
                refused += 1
    assert refused > 20
