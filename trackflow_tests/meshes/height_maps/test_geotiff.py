import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.transform import Affine, from_origin

from trackflow.errors import BadInputError
from trackflow.meshes.height_maps.ground import metres_per_degree
from trackflow.meshes.parameters import HeightEncoding, MeshParameters
from trackflow_tests.meshes.grids import grid_of_image, hills
from trackflow_tests.meshes.height_files import UTM_10_M, geotiff, photograph, terrarium

HEIGHTS = hills(30, 40, 11)
PLAIN = MeshParameters()


def grid_of(file, parameters=PLAIN, name="a.tif"):
    return grid_of_image(file, name, parameters)


@settings(max_examples=60)
@given(
    st.sampled_from(["int16", "int32", "uint16", "float32", "float64"]),
    st.integers(2, 20),
    st.integers(2, 20),
    st.integers(0, 2**32 - 1),
    st.sampled_from([None, "deflate", "lzw"]),
    st.booleans(),
)
def test_heights_are_those_that_were_written(kind, rows, columns, seed, compress, is_big_endian):
    heights = np.abs(hills(rows, columns, seed)).astype(kind)
    others = {"ENDIANNESS": "BIG" if is_big_endian else "LITTLE"}
    grid = grid_of(geotiff(heights, compress=compress, **others))
    assert np.array_equal(grid.heights_m, heights.astype(np.float32))
    assert (grid.pixel_width_m, grid.pixel_height_m) == (10, 10)
    assert grid.void_count == 0


def test_heights_below_the_sea_stay_below():
    grid = grid_of(geotiff((HEIGHTS - 4000).astype(np.float32)))
    assert grid.heights_m == pytest.approx(HEIGHTS - 4000)


@pytest.mark.parametrize(
    ("kind", "nodata", "mark"),
    [
        ("float32", -9999, -9999),
        ("float32", np.nan, np.nan),
        ("float32", None, np.nan),
        ("float32", None, np.inf),
        ("float32", None, -3.4028235e38),
        ("float32", None, -9999),  # nobody said so, but no height is that deep beside these
        ("float64", -1e300, -1e300),
        ("int16", -32768, -32768),
        ("int16", None, -32768),
        ("int16", 0, 0),
        ("uint16", 65535, 65535),
        ("uint16", None, 65535),
    ],
)
def test_voids_are_found_filled_and_counted(kind, nodata, mark):
    heights = (np.abs(HEIGHTS) + 100).astype(kind)
    holed = heights.copy()
    holed[4:9, 10:15] = mark
    holed[0, 0] = mark
    grid = grid_of(geotiff(holed, nodata=nodata))
    assert grid.void_count == 26
    assert np.array_equal(grid.voids, ~(holed == heights))
    assert np.array_equal(grid.heights_m[~grid.voids], heights[~grid.voids].astype(np.float32))
    assert np.isfinite(grid.heights_m).all()
    assert grid.heights_m.min() >= heights.min() - 1
    assert any("26 pixels without a height" in note for note in grid.notes)


def test_a_mask_marks_voids():
    mask = np.full(HEIGHTS.shape, 255, dtype=np.uint8)
    mask[3:5, 7:9] = 0
    grid = grid_of(geotiff(HEIGHTS, mask=mask))
    assert np.array_equal(grid.voids, mask == 0)


def test_an_ocean_of_depths_keeps_its_deepest_place():
    depths = np.linspace(-10_800, -9_000, 1200).reshape(30, 40).astype(np.float32)
    depths[5, 5] = -9999
    assert grid_of(geotiff(depths)).void_count == 0


def test_nothing_but_voids_is_refused():
    with pytest.raises(BadInputError, match="no height anywhere"):
        grid_of(geotiff(np.full((9, 9), -9999, dtype=np.float32), nodata=-9999))


def test_values_that_are_no_metres_are_refused():
    with pytest.raises(BadInputError, match="no heights in metres"):
        grid_of(geotiff((HEIGHTS + 50_000).astype(np.float32)))


def test_scale_offset_and_unit_are_applied():
    stored = np.arange(600, dtype=np.int16).reshape(20, 30)
    grid = grid_of(geotiff(stored, scales=(0.1,), offsets=(-50,), units=("ft",)))
    assert grid.heights_m == pytest.approx((stored * 0.1 - 50) * 0.3048, abs=1e-4)
    assert any("in ft" in note for note in grid.notes)


def test_scaled_voids_stay_voids():
    stored = np.arange(600, dtype=np.int16).reshape(20, 30) + 1
    stored[3, 3] = -32768
    grid = grid_of(geotiff(stored, scales=(0.01,), nodata=-32768))
    assert grid.void_count == 1
    assert grid.range_m == pytest.approx((0.01, 6.0))


def test_degrees_become_metres_at_the_middle_latitude():
    grid = grid_of(geotiff(HEIGHTS, crs="EPSG:4326", transform=from_origin(7, 44, 0.001, 0.002)))
    east_m, north_m = metres_per_degree(44 - 0.03)
    assert (grid.pixel_width_m, grid.pixel_height_m) == pytest.approx(
        (0.001 * east_m, 0.002 * north_m)
    )
    assert grid.georeference.crs == "EPSG:4326"
    assert grid.georeference.origin_lon == pytest.approx(7.02)
    assert grid.georeference.origin_lat == pytest.approx(43.97)
    assert metres_per_degree(0)[0] == pytest.approx(111_319.49, abs=0.01)
    assert metres_per_degree(60) == pytest.approx((55_800, 111_412), abs=1)


def test_the_error_of_one_scale_is_told():
    grid = grid_of(geotiff(HEIGHTS, crs="EPSG:4326", transform=from_origin(7, 60, 0.1, 0.1)))
    assert any("widths are off by" in note for note in grid.notes)


@pytest.mark.parametrize("west", [200.0, 190.0, 180.0, 340.0])
def test_longitudes_from_0_to_360(west):
    grid = grid_of(geotiff(HEIGHTS, crs="EPSG:4326", transform=from_origin(west, 44, 0.01, 0.01)))
    assert grid.georeference.west == pytest.approx(west - 360)
    assert grid.georeference.origin_lon == pytest.approx(west - 360 + 0.2)


def test_rows_from_south_to_north_and_columns_from_east_to_west_are_turned():
    south_up = Affine(10, 0, 370_000, 0, 10, 4_850_000)
    grid = grid_of(geotiff(HEIGHTS, transform=south_up))
    assert np.array_equal(grid.heights_m, HEIGHTS[::-1])
    assert (grid.georeference.south, grid.georeference.north) == (4_850_000, 4_850_300)
    east_first = Affine(-10, 0, 370_000, 0, -10, 4_850_000)
    grid = grid_of(geotiff(HEIGHTS, transform=east_first))
    assert np.array_equal(grid.heights_m, HEIGHTS[:, ::-1])
    assert (grid.georeference.west, grid.georeference.east) == (369_600, 370_000)


def test_a_quarter_turn_is_turned_back_and_any_other_is_refused():
    quarter = Affine(0, 10, 370_000, -10, 0, 4_850_000)  # columns run to the south
    grid = grid_of(geotiff(HEIGHTS, transform=quarter))
    assert np.array_equal(grid.heights_m, HEIGHTS.T)
    rotated = Affine(9.4, 3.4, 370_000, 3.4, -9.4, 4_850_000)
    with pytest.raises(BadInputError, match="gdalwarp"):
        grid_of(geotiff(HEIGHTS, transform=rotated))


@pytest.mark.parametrize(("crs", "metres"), [("EPSG:32632", 10), ("EPSG:2263", 3.048006)])
def test_projected_pixels_by_their_unit(crs, metres):
    at = from_origin(990_000, 210_000, 10, 10) if crs == "EPSG:2263" else UTM_10_M
    grid = grid_of(geotiff(HEIGHTS, crs=crs, transform=at))
    assert grid.pixel_width_m == pytest.approx(metres, rel=1e-6)
    assert grid.georeference.crs == crs
    lon, lat = (-73.98, 40.74) if crs == "EPSG:2263" else (7.38, 43.79)
    assert grid.georeference.origin_lon == pytest.approx(lon, abs=0.02)
    assert grid.georeference.origin_lat == pytest.approx(lat, abs=0.02)


def test_web_mercator_has_its_size_on_the_ground():
    """At 60 degrees a metre of the map is half a metre."""
    at = from_origin(1_000_000, 8_399_738, 10, 10)
    grid = grid_of(geotiff(HEIGHTS, crs="EPSG:3857", transform=at))
    assert grid.pixel_width_m == pytest.approx(5.0, rel=0.01)
    assert any("stretches" in note for note in grid.notes)


def test_no_crs():
    grid = grid_of(geotiff(HEIGHTS, crs=None))
    assert (grid.pixel_width_m, grid.georeference) == (10, None)
    degrees = grid_of(geotiff(HEIGHTS, crs=None, transform=from_origin(7, 44, 0.01, 0.01)))
    assert degrees.georeference.crs == "EPSG:4326"
    nothing = grid_of(geotiff(HEIGHTS, crs=None, transform=Affine.identity()))
    assert nothing.pixel_width_m == 1
    for read in (grid, degrees, nothing):
        assert read.heights_m == pytest.approx(HEIGHTS)
        assert read.notes


def test_degrees_beyond_the_earth_are_refused():
    with pytest.raises(BadInputError, match="beyond the earth"):
        grid_of(geotiff(HEIGHTS, crs="EPSG:4326", transform=from_origin(370_000, 4e6, 10, 10)))


def test_the_first_of_several_bands():
    grid = grid_of(geotiff(np.stack([HEIGHTS, HEIGHTS * 0, HEIGHTS * 0])))
    assert grid.heights_m == pytest.approx(HEIGHTS)
    assert any("first of 3 bands" in note for note in grid.notes)


def test_colours_with_a_place_are_an_encoding_or_a_photograph():
    encoded = np.moveaxis(terrarium(HEIGHTS), 2, 0)
    grid = grid_of(geotiff(encoded, photometric="RGB"))
    assert grid.heights_m == pytest.approx(HEIGHTS, abs=1 / 256)
    assert grid.pixel_width_m == 10
    photo = np.moveaxis(photograph(30, 40), 2, 0)
    assert any("brightness" in note for note in grid_of(geotiff(photo, photometric="RGB")).notes)


def test_whole_numbers_are_metres_or_grey_where_that_is_asked():
    stored = np.arange(0, 250, dtype=np.uint8).reshape(10, 25)
    assert grid_of(geotiff(stored)).range_m == (0, 249)
    asked = MeshParameters(encoding=HeightEncoding.GREY, low_m=10, high_m=20)
    assert grid_of(geotiff(stored), asked).range_m == pytest.approx((10, 10 + 10 * 249 / 255))


def test_width_is_that_of_the_mesh():
    grid = grid_of(geotiff(HEIGHTS), MeshParameters(width_m=780))
    assert (grid.pixel_width_m, grid.pixel_height_m) == (20, 20)


def test_vertical_scale_raises_heights_and_not_the_ground():
    grid = grid_of(geotiff(HEIGHTS), MeshParameters(vertical_scale=2.5))
    assert grid.heights_m == pytest.approx(HEIGHTS * 2.5)
    assert grid.pixel_width_m == 10


@pytest.mark.parametrize("cut", [9, 100, 1000, -1000, -1])
def test_a_file_cut_short_is_refused(cut):
    file = geotiff(hills(200, 200, 3), compress="deflate", tiled=True, blockxsize=64, blockysize=64)
    with pytest.raises(BadInputError, match=r"a\.tif"):
        grid_of(file[:cut])


def test_bombs_are_refused_before_decoding():
    header = bytearray(geotiff(np.zeros((8, 8), np.float32)))
    for tag in (256, 257):  # ImageWidth, ImageLength
        at = header.index(np.uint16(tag).tobytes() + np.uint16(3).tobytes())
        header[at + 8 : at + 10] = np.uint16(60_000).tobytes()
    with pytest.raises(BadInputError, match="60,000 x 60,000"):
        grid_of(bytes(header))


def test_huge_tiles_are_refused():
    file = bytearray(
        geotiff(np.zeros((16, 16), np.float32), tiled=True, blockxsize=16, blockysize=16)
    )
    for tag in (322, 323):  # TileWidth, TileLength
        at = file.index(np.uint16(tag).tobytes() + np.uint16(3).tobytes())
        file[at + 8 : at + 10] = np.uint16(65_520).tobytes()
    with pytest.raises(BadInputError, match="tiles of more than"):
        grid_of(bytes(file))
