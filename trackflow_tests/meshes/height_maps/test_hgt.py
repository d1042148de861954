import gzip
import io
import zipfile

import numpy as np
import pytest

from trackflow.errors import BadInputError
from trackflow.meshes.parameters import MeshParameters
from trackflow_tests.meshes.grids import grid_of_image, hills

TILE = np.round(hills(1201, 1201, 2)).astype(">i2")


def grid_of(content, name):
    return grid_of_image(content, name, MeshParameters())


def zipped(*members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return file.getvalue()


def test_heights_voids_and_place():
    holed = TILE.copy()
    holed[600:605, 700:703] = -32768
    grid = grid_of(holed.tobytes(), "S05W071.hgt")
    assert grid.void_count == 15
    assert np.array_equal(grid.heights_m[~grid.voids], holed[~grid.voids].astype(np.float32))
    assert grid.georeference.origin_lon == pytest.approx(-70.5)
    assert grid.georeference.origin_lat == pytest.approx(-4.5)
    assert grid.georeference.west == pytest.approx(-71 - 0.5 / 1200)
    assert grid.pixel_height_m == pytest.approx(92.15, abs=0.05)
    assert grid.pixel_width_m == pytest.approx(92.49, abs=0.05)


@pytest.mark.parametrize(("rows", "columns"), [(1201, 1201), (3601, 1801), (1201, 601)])
def test_sizes(rows, columns):
    heights = np.zeros((rows, columns), ">i2")
    heights[0, 0], heights[-1, -1] = 100, -400
    grid = grid_of(heights.tobytes(), "n60e010.HGT")
    assert grid.heights_m.shape == (rows, columns)
    assert (grid.heights_m[0, 0], grid.heights_m[-1, -1]) == (100, -400)
    assert grid.pixel_height_m * (rows - 1) == pytest.approx(111_420, abs=20)


def test_packed_tiles():
    plain = grid_of(TILE.tobytes(), "N43E007.hgt")
    for content, name in [
        (zipped(("N43E007.hgt", TILE.tobytes())), "srtm.zip"),
        (zipped(("folder/", b""), ("folder/N43E007.hgt", TILE.tobytes())), "srtm.zip"),
        (zipped(("readme.txt", b"x"), ("N43E007.HGT", TILE.tobytes())), "srtm.zip"),
        (gzip.compress(TILE.tobytes()), "N43E007.hgt.gz"),
    ]:
        grid = grid_of(content, name)
        assert np.array_equal(grid.heights_m, plain.heights_m)
        assert grid.georeference == plain.georeference


def test_a_name_without_a_place():
    grid = grid_of(TILE.tobytes(), "tile.bin")
    assert grid.georeference is None
    assert grid.pixel_width_m == pytest.approx(92.77, abs=0.01)
    assert any("does not say where" in note for note in grid.notes)


def test_swapped_bytes_are_swapped_back():
    grid = grid_of(TILE.astype("<i2").tobytes(), "N43E007.hgt")
    assert np.array_equal(grid.heights_m, TILE.astype(np.float32))
    assert any("little endian" in note for note in grid.notes)


def test_random_bytes_of_that_size_are_no_tile():
    noise = np.random.default_rng(1).integers(0, 256, TILE.nbytes, dtype=np.uint8)
    with pytest.raises(BadInputError, match="no heights"):
        grid_of(noise.tobytes(), "N43E007.hgt")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (zipped(), "no image"),
        (zipped(("readme.txt", b"x")), "no image"),
        (zipped(("a.png", b"x"), ("b.png", b"x")), "2 images"),
        (zipped(("N43E007.hgt", TILE.tobytes()))[:-500], "damaged zip"),
        (gzip.compress(TILE.tobytes())[:-5000], "cannot be unpacked"),
        (zipped(("a.hgt", b"short")), "no image that trackflow reads"),
    ],
    # zip files hold the time: as names of tests they would differ from process to process
    ids=["empty", "no picture", "two pictures", "cut zip", "cut gzip", "short"],
)
def test_bad_packages_are_refused(content, problem):
    with pytest.raises(BadInputError, match=problem):
        grid_of(content, "srtm.zip")


@pytest.mark.parametrize("pack", [lambda b: zipped(("a.hgt", b)), gzip.compress])
def test_bombs_are_not_unpacked(pack, monkeypatch):
    monkeypatch.setattr("trackflow.meshes.height_maps.packed.MAX_BYTES", 1_000_000)
    bomb = pack(bytes(30_000_000))
    assert len(bomb) < 1_000_000
    with pytest.raises(BadInputError, match="cut it into tiles"):
        grid_of(bomb, "bomb.zip")
