import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer

from trackflow.errors import BadInputError
from trackflow.meshes.closed import volume_m3
from trackflow.meshes.drape import footprint_of, groove_in, local_lines, ribbon_on
from trackflow.meshes.heights import Georeference
from trackflow.meshes.solid import solid_of
from trackflow.meshes.triangles import Triangles
from trackflow_tests.meshes.closedness import assert_closed
from trackflow_tests.meshes.shapes import hill, terrain_from, terrains

LINES = st.lists(
    st.lists(st.tuples(st.floats(-70, 70), st.floats(-70, 70)), min_size=2, max_size=6).map(
        np.array
    ),
    min_size=1,
    max_size=3,
)


def ground_of(surface: Triangles, lines: list[np.ndarray], width_m: float) -> shapely.Geometry:
    """What lines of a width cover of a terrain."""
    low, high = surface.vertices[:, :2].min(axis=0), surface.vertices[:, :2].max(axis=0)
    return footprint_of(surface, lines, width_m) & shapely.box(*low, *high)


def heights_at(surface: Triangles, points: np.ndarray) -> np.ndarray:
    """Heights of a surface, triangle by triangle."""
    found = np.full(len(points), np.nan)
    for a, b, c in surface.vertices[surface.faces]:
        edges = np.array([b[:2] - a[:2], c[:2] - a[:2]]).T
        if abs(np.linalg.det(edges)) < 1e-12:
            continue
        u, v = np.linalg.solve(edges, (points - a[:2]).T)
        inside = (u >= -1e-7) & (v >= -1e-7) & (u + v <= 1 + 1e-7)
        found[inside] = (a[2] + u * (b[2] - a[2]) + v * (c[2] - a[2]))[inside]
    return found


@given(terrains(), LINES, st.sampled_from([1.0, 7.0, 30.0]))
def test_the_ground_of_lines_is_what_lies_within_half_their_width(
    surface: Triangles, lines: list[np.ndarray], width_m: float
) -> None:
    found = footprint_of(surface, lines, width_m)
    low, high = surface.vertices[:, :2].min(axis=0), surface.vertices[:, :2].max(axis=0)
    terrain = shapely.box(*low, *high)
    rounded = [np.round(line, 6) for line in lines]
    shapes = [shapely.LineString(line) for line in rounded if len(np.unique(line, axis=0)) > 1]
    exact = shapely.union_all([shapely.buffer(shape, width_m / 2) for shape in shapes])
    assert found.is_valid
    assert shapely.difference(exact & terrain, found.buffer(width_m / 20)).area < 1e-6
    assert shapely.difference(found & terrain, exact.buffer(width_m / 20)).area < 1e-6


@given(terrains(), LINES, st.sampled_from([1.0, 7.0, 30.0]), st.sampled_from([0.5, 4.0]))
@settings(max_examples=60)
def test_a_ribbon_lies_on_the_triangles_along_its_lines(
    surface: Triangles, lines: list[np.ndarray], width_m: float, height_m: float
) -> None:
    ground = ground_of(surface, lines, width_m)
    ribbon = ribbon_on(surface, lines, width_m, height_m)
    if ribbon is None:
        assert ground.area < 1e-6
        return
    assert ribbon.name == "track"
    manifold_volume = volume_m3(ribbon)
    # upright cuts keep areas seen from above; it reaches half its height into the terrain
    assert manifold_volume == pytest.approx(ground.area * height_m * 1.5, rel=1e-6, abs=1e-6)
    points = shapely.points(ribbon.vertices[:, :2])
    assert shapely.distance(points, ground).max() < 1e-6
    above = ribbon.vertices[:, 2] - heights_at(surface, ribbon.vertices[:, :2])
    is_flank = np.isclose(above, height_m, atol=1e-5) | np.isclose(above, -height_m / 2, atol=1e-5)
    assert is_flank.all()


@given(terrains(), LINES, st.sampled_from([1.0, 7.0, 30.0]))
@settings(max_examples=60)
def test_a_groove_takes_its_depth_along_its_lines_and_nothing_else(
    surface: Triangles, lines: list[np.ndarray], width_m: float
) -> None:
    solid = solid_of(surface, float(surface.vertices[:, 2].min()) - 10)
    cut = groove_in(solid, lines, width_m, 3.0)
    taken = volume_m3(solid) - volume_m3(cut)
    ground = ground_of(surface, lines, width_m)
    assert taken == pytest.approx(ground.area * 3, rel=1e-6, abs=1e-5)
    assert cut.vertices[:, 2].min() == solid.vertices[:, 2].min()


def test_a_winding_track_on_a_hill_is_closed_in_both_forms() -> None:
    surface = terrain_from(hill(), 0.5)
    along = np.linspace(-250, 250, 120)  # it leaves the terrain on both sides
    lines = [np.column_stack([along, 90 * np.sin(along / 25)]), np.array([[0, -300], [0, 300]])]
    ribbon = ribbon_on(surface, lines, 6.0, 2.0)
    assert ribbon is not None
    assert_closed(ribbon)
    assert np.abs(ribbon.vertices[:, :2]).max() == pytest.approx(195)
    cut = groove_in(solid_of(surface, -50.0), lines, 6.0, 2.0)
    assert_closed(cut)


def test_a_hundred_laps_are_one_ribbon() -> None:
    turns = np.linspace(0, 2 * np.pi * 100, 20_000)
    radius = 100 + 20 * np.sin(3 * turns)
    noise = np.random.default_rng(1).normal(size=(20_000, 2)) * 1.5
    laps = np.column_stack([radius * np.cos(turns), radius * np.sin(turns)]) + noise
    ribbon = ribbon_on(terrain_from(hill(), 0.5), [laps], 3.0, 1.0)
    assert ribbon is not None
    assert_closed(ribbon)
    assert len(ribbon.faces) < 100_000  # as lines, they cross each other two million times


def test_a_track_beside_the_terrain_is_none() -> None:
    surface = terrain_from(hill(), 1.0)
    beside = [np.array([[500.0, 0.0], [600.0, 50.0]])]
    assert ribbon_on(surface, beside, 5.0, 1.0) is None
    assert ribbon_on(surface, [np.array([[0.0, 0.0]])], 5.0, 1.0) is None
    solid = solid_of(surface, -50.0)
    assert groove_in(solid, beside, 5.0, 1.0) is solid


def test_a_groove_through_the_underside_is_refused() -> None:
    solid = solid_of(terrain_from(hill(), 1.0), -31.0)
    with pytest.raises(BadInputError, match="cut through"):
        groove_in(solid, [np.array([[-100.0, 0.0], [100.0, 0.0]])], 5.0, 40.0)


@given(
    st.sampled_from(
        [
            Georeference("EPSG:4326", 7.0, 43.0, 8.0, 44.0, 7.5, 43.5),
            Georeference("EPSG:4326", 190.0, -20.0, 191.0, -19.0, -169.5, -19.5),  # 0-360°
            Georeference("EPSG:4326", 179.5, -20.0, 180.5, -19.0, 180.0, -19.5),
            Georeference("EPSG:32632", 400_000, 5_000_000, 410_000, 5_010_000, 7.79, 45.2),
            Georeference("EPSG:3857", 800_000, 5_500_000, 810_000, 5_510_000, 7.2, 44.2),
        ]
    ),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_a_place_on_the_earth_lies_at_its_place_in_the_image(
    place: Georeference, east_share: float, north_share: float
) -> None:
    x = place.west + east_share * (place.east - place.west)
    y = place.south + north_share * (place.north - place.south)
    lon, lat = Transformer.from_crs(place.crs, "EPSG:4326", always_xy=True).transform(x, y)
    lonlat = np.array([[(lon + 180) % 360 - 180, lat]])
    (line,) = local_lines([lonlat], place, 800.0, 600.0)
    assert line[0] == pytest.approx([(east_share - 0.5) * 800, (north_share - 0.5) * 600], abs=1e-4)


def test_points_that_cannot_be_projected_cut_their_line() -> None:
    place = Georeference("EPSG:3857", 0, 0, 1000, 1000, 0.004, 0.004)
    line = np.array([[0, 0], [0.001, 0], [0, 91.0], [0.002, 0], [0.003, 0]])
    assert [len(part) for part in local_lines([line], place, 1000, 1000)] == [2, 2]
