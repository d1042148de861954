import dataclasses
import io
import math

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from trackflow.errors import BadInputError
from trackflow.meshes.generate import generate
from trackflow.meshes.parameters import MeshKind, MeshParameters, TextureKind
from trackflow_tests.meshes.grids import grid_of_image, hills
from trackflow_tests.meshes.height_files import geotiff, photograph, picture, terrarium
from trackflow_tests.meshes.real_images import needs_images, real_image
from trackflow_tests.meshes.walking import errors_m, read_glb

PLAIN = MeshParameters(draco=False, thumbnail=False)
HEIGHTS = hills(60, 80, 12)


def with_parameters(**given):
    return dataclasses.replace(PLAIN, **given)


def walked_m(made, grid):
    vertices, faces = read_glb(made.files["mesh.glb"])
    off_m = errors_m(vertices, faces, grid.heights_m, grid.pixel_width_m, grid.pixel_height_m)
    assert np.isfinite(off_m).all()
    return off_m if grid.voids is None else off_m[~grid.voids]


@settings(max_examples=25)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.1, 1.0, 7.5]),
    st.sampled_from([0.2, 5.0, 40.0]) | st.none(),
    st.floats(0.001, 0.5),
    st.floats(0.0, 0.3),
)
def test_the_report_says_what_another_program_measures(
    seed, vertical_scale, max_error_m, detail_factor, void_share
):
    heights = hills(30, 40, seed)
    heights[np.random.default_rng(seed).random(heights.shape) < void_share] = np.nan
    parameters = with_parameters(
        vertical_scale=vertical_scale, max_error_m=max_error_m, detail_factor=detail_factor
    )
    file = geotiff(heights)
    made = generate(file, "a.tif", parameters)
    off_m = walked_m(made, grid_of_image(file, "a.tif", parameters))
    range_m = (np.nanmax(heights) - np.nanmin(heights)) * vertical_scale
    asked_m = detail_factor * range_m if max_error_m is None else max_error_m
    assert made.report.asked_error_m == pytest.approx(asked_m, rel=1e-5)
    assert made.report.max_error_m <= made.report.asked_error_m
    assert off_m.max() <= asked_m
    assert made.report.max_error_m == pytest.approx(off_m.max(), abs=0.01)
    assert made.report.mean_error_m == pytest.approx(off_m.mean(), abs=0.01)
    assert made.report.void_count == np.isnan(heights).sum()
    assert math.isclose(made.report.bounds_m[3] - made.report.bounds_m[0], 390, abs_tol=1e-6)


def test_counts_and_size_are_those_of_the_file():
    made = generate(geotiff(HEIGHTS), "a.tif", PLAIN)
    vertices, faces = read_glb(made.files["mesh.glb"])
    assert (made.report.vertex_count, made.report.triangle_count) == (len(vertices), len(faces))
    assert (made.report.columns, made.report.rows) == (80, 60)
    assert made.report.bounds_m == pytest.approx(
        [*vertices.min(axis=0), *vertices.max(axis=0)], abs=0.001
    )
    assert made.report.crs == "EPSG:32632"
    assert not made.report.is_watertight


def test_levels_have_files_and_numbers():
    made = generate(geotiff(HEIGHTS), "a.tif", with_parameters(max_error_m=2.0, levels=3))
    assert [level.asked_error_m for level in made.report.levels] == [8, 32]
    for level in made.report.levels:
        vertices, faces = read_glb(made.files[level.file])
        assert (level.vertex_count, level.triangle_count) == (len(vertices), len(faces))
        off_m = errors_m(vertices, faces, HEIGHTS, 10, 10)
        assert off_m.max() <= level.asked_error_m
        assert level.max_error_m == pytest.approx(off_m.max(), abs=0.01)


def texture_in(file):
    mesh = trimesh.load(io.BytesIO(file), file_type="glb", force="mesh", process=False)
    return np.asarray(mesh.visual.material.baseColorTexture), mesh.visual.uv


@pytest.mark.parametrize("kind", [TextureKind.HILLSHADE, TextureKind.IMAGE])
def test_textures_lie_where_the_heights_do(kind):
    """A west slope is dark and an east slope light, or the other way: north-west has the light."""
    roof = np.tile(np.abs(np.arange(-20, 21)) * -5.0 + 100, (30, 1))
    pixels = np.round(roof / 100 * 255).astype(np.uint8)
    made = generate(picture(pixels), "a.png", with_parameters(texture=kind, max_error_m=1.0))
    shown, uv = texture_in(made.files["mesh.glb"])
    assert shown.shape[:2] == (30, 41)
    assert uv.min() > 0
    assert uv.max() < 1
    grey = shown[:, :, 0] if shown.ndim == 3 else shown
    if kind == TextureKind.HILLSHADE:
        assert grey[:, 2:18].min() > grey[:, 23:39].max()
    else:
        assert np.array_equal(grey, pixels)


def test_heights_without_a_picture_get_light_and_shadow():
    made = generate(geotiff(HEIGHTS), "a.tif", with_parameters(texture=TextureKind.IMAGE))
    assert texture_in(made.files["mesh.glb"])[0].shape[:2] == (60, 80)
    assert any("light and shadow" in note for note in made.report.notes)


def test_a_photograph_keeps_its_colours():
    pixels = photograph(40, 50)
    asked = with_parameters(texture=TextureKind.IMAGE, kind=MeshKind.TERRAIN)
    shown, _ = texture_in(generate(picture(pixels), "a.png", asked).files["mesh.glb"])
    assert np.array_equal(shown[:, :, :3], pixels)


def test_a_solid_terrain_is_closed():
    asked = with_parameters(solid=True, print_width_mm=120, base_mm=3)
    made = generate(geotiff(HEIGHTS), "a.tif", asked)
    body = trimesh.load(io.BytesIO(made.files["mesh.stl"]), file_type="stl")
    assert body.is_watertight
    assert body.extents[0] == pytest.approx(120, abs=1e-3)
    assert made.report.is_watertight
    assert made.report.open_reason is None
    assert body.volume == pytest.approx(made.report.volume_m3 * (120 / 790) ** 3, rel=1e-3)
    assert "mesh.3mf" in made.files


def test_a_logo_with_a_hole_is_an_outline():
    y, x = np.mgrid[:80, :80]
    distance = np.hypot(x - 40, y - 40)
    ring = np.where((distance < 30) & (distance > 12), 0, 255).astype(np.uint8)
    made = generate(picture(ring), "logo.png", with_parameters(extrusion_m=4.0))
    assert made.report.kind == MeshKind.OUTLINE
    assert made.report.is_watertight
    assert made.report.volume_m3 == pytest.approx(4 * math.pi * (30**2 - 12**2), rel=0.03)
    terrain = generate(picture(ring), "logo.png", with_parameters(kind=MeshKind.TERRAIN))
    assert terrain.report.kind == MeshKind.TERRAIN


def test_files_that_are_asked_for():
    everything = MeshParameters(solid=True, obj=True, levels=2)
    assert set(generate(geotiff(HEIGHTS), "a.tif", everything).files) == {
        "mesh.glb", "mesh.draco.glb", "mesh.stl", "mesh.3mf", "mesh.obj", "level-2.glb",
        "thumbnail.png",
    }  # fmt: skip
    assert set(generate(geotiff(HEIGHTS), "a.tif", PLAIN).files) == {"mesh.glb"}


def test_equal_input_gives_equal_bytes():
    first, second = (generate(geotiff(HEIGHTS), "a.tif", MeshParameters()) for _ in range(2))
    assert first.files == second.files
    assert first.report == second.report


def test_progress_never_goes_back():
    told = []
    generate(geotiff(HEIGHTS), "a.tif", MeshParameters(), lambda share, step: told.append(share))
    assert told == sorted(told)
    assert told[0] == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_error_m", -1.0),
        ("max_error_m", math.nan),
        ("detail_factor", 1.5),
        ("detail_factor", math.nan),
        ("width_m", 0.0),
        ("vertical_scale", 0.0),
        ("vertical_scale", math.inf),
        ("vertical_scale", 1e300),
        ("high_m", 1e300),
        ("low_m", math.inf),
        ("high_m", -1.0),
        ("levels", 0),
    ],
)
def test_parameters_without_sense_are_refused(name, value):
    with pytest.raises(BadInputError, match=name):
        generate(geotiff(HEIGHTS), "a.tif", with_parameters(**{name: value}))


@pytest.mark.parametrize("crs", ["EPSG:32632", "EPSG:3857", "EPSG:2263"])
def test_reports_hold_plain_values(crs):
    """JSON writers and Dagster's metadata refuse numbers of numpy."""
    made = generate(geotiff(HEIGHTS, crs=crs), "a.tif", with_parameters(levels=2, solid=True))

    def check(value):
        if isinstance(value, dict):
            for of in value.values():
                check(of)
        elif isinstance(value, tuple):
            for of in value:
                check(of)
        else:
            assert value is None or type(value) in (int, float, str, bool, MeshKind), value

    check(dataclasses.asdict(made.report))


@needs_images
@pytest.mark.parametrize("limit_m", [25.0, 50.0])
def test_the_real_terrarium_tile(limit_m):
    image = real_image("terrarium.png")
    pixels = np.asarray(Image.open(io.BytesIO(image)).convert("RGB")).astype(np.float64)
    heights = pixels @ [256, 1, 1 / 256] - 32768
    made = generate(image, "terrarium.png", with_parameters(max_error_m=limit_m, width_m=255.0))
    off_m = errors_m(*read_glb(made.files["mesh.glb"]), heights, 1, 1)
    assert off_m.max() <= limit_m
    assert made.report.max_error_m == pytest.approx(off_m.max(), abs=0.001)
    assert made.report.void_count == 0
    assert terrarium(heights).tobytes() == pixels.astype(np.uint8).tobytes()


@needs_images
def test_the_real_srtm_tile():
    image = real_image("hgt/N43E007.hgt.zip")
    made = generate(image, "N43E007.hgt.zip", with_parameters(max_error_m=50.0))
    grid = grid_of_image(image, "N43E007.hgt.zip", PLAIN)
    off_m = walked_m(made, grid)
    assert off_m.max() <= 50
    assert made.report.max_error_m == pytest.approx(off_m.max(), abs=0.05)
    assert made.report.void_count == 1595
    assert made.report.crs == "EPSG:4326"
    assert grid.range_m[1] == 2064


@needs_images
def test_the_real_silhouette():
    made = generate(real_image("horse.png"), "horse.png", with_parameters(solid=True))
    assert made.report.kind == MeshKind.OUTLINE
    assert trimesh.load(io.BytesIO(made.files["mesh.stl"]), file_type="stl").is_watertight


@needs_images
@pytest.mark.parametrize("name", ["coins.png", "moon.png", "multipage.tif"])
def test_real_grey_pictures(name):
    made = generate(real_image(name), name, with_parameters(kind=MeshKind.TERRAIN))
    assert made.report.max_error_m <= made.report.asked_error_m
    assert made.report.bounds_m[2] >= 0
    assert made.report.bounds_m[5] <= 100
