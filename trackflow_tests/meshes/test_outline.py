from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import example, given
from hypothesis import strategies as st
from rasterio.features import rasterize

from trackflow.errors import BadInputError
from trackflow.meshes.closed import volume_m3
from trackflow.meshes.contours import contours_of
from trackflow.meshes.outline import Outline, diagonal_m, extruded, outline_of
from trackflow.meshes.silhouettes import Silhouette
from trackflow_tests.meshes.closedness import assert_closed
from trackflow_tests.meshes.shapes import image_silhouette, silhouettes


def polygons_of(outline: Outline) -> shapely.MultiPolygon:
    rings = np.split(outline.points, outline.starts[1:-1])
    return shapely.MultiPolygon(
        [
            (
                rings[figure],
                [rings[n] for n in np.flatnonzero(outline.owners == figure) if n != figure],
            )
            for figure in np.unique(outline.owners)
        ]
    )


def traced_line(silhouette: Silhouette) -> shapely.Geometry:
    return polygons_of(outline_of(silhouette, 2.0, 0.0)).boundary


def farthest_m(line: shapely.Geometry, other: shapely.Geometry) -> float:
    points = shapely.points(shapely.get_coordinates(shapely.segmentize(line, 0.1)))
    return float(shapely.distance(points, other).max())


@given(silhouettes(), st.sampled_from([0.0, 0.4, 1.0, 3.0, 30.0]))
def test_the_outline_lies_no_farther_from_the_traced_line_than_asked(
    silhouette: Silhouette, limit_m: float
) -> None:
    outline = outline_of(silhouette, 2.0, limit_m)
    simplified, traced = polygons_of(outline), traced_line(silhouette)
    measured_m = farthest_m(traced, simplified.boundary)
    assert measured_m <= limit_m + 1e-9
    assert farthest_m(simplified.boundary, traced) <= limit_m + 1e-9
    # each point's distance is from the line that replaces it; another one may be nearer
    assert measured_m - 1e-9 <= outline.max_error_m <= limit_m + 1e-9
    assert 0 <= outline.mean_error_m <= outline.max_error_m


@given(silhouettes(), st.sampled_from([0.0, 0.4, 1.0, 3.0, 30.0]))
def test_no_hole_or_island_is_lost_and_none_cross(silhouette: Silhouette, limit_m: float) -> None:
    outline = outline_of(silhouette, 2.0, limit_m)
    assert len(outline.starts) == len(contours_of(silhouette.levels).starts)
    assert polygons_of(outline).is_valid


BENT = np.zeros((11, 3), np.float32)
BENT[0, 0], BENT[8], BENT[9, 0], BENT[10, 0] = 1, (-0.25, 0.25, -0.25), 0.25, -0.75
"""Two pixels that touch at a corner: three corners of the line around them may turn it over."""


@given(silhouettes(), st.sampled_from([0.0, 0.4, 3.0, 30.0]), st.floats(0.01, 100))
@example(Silhouette(BENT, ()), 3.0, 1.0)
def test_a_body_is_closed_and_has_the_volume_of_its_outline(
    silhouette: Silhouette, limit_m: float, height_m: float
) -> None:
    outline = outline_of(silhouette, 2.0, limit_m)
    body = extruded(outline, height_m)
    assert_closed(body)
    assert volume_m3(body) == pytest.approx(polygons_of(outline).area * height_m, rel=1e-9)
    assert np.unique(body.vertices[:, 2]).tolist() == [0.0, height_m]


def test_the_image_lies_with_its_middle_at_the_origin_and_its_first_row_in_the_north() -> None:
    levels = np.full((20, 40), -1, np.float32)
    levels[2:5, 30:38] = 1  # in the upper right corner
    body = extruded(outline_of(Silhouette(levels), 0.5, 0.0), 1.0)
    assert body.vertices.min(axis=0).tolist() == [5.0, 2.5, 0.0]
    assert body.vertices.max(axis=0).tolist() == [9.0, 4.0, 1.0]


@pytest.mark.parametrize("name", ["horse.png", "coins.png", "moon.png"])
@pytest.mark.parametrize("detail_factor", [0.001, 0.01, 0.1])
def test_real_images_keep_to_their_limit_on_every_pixel(
    test_data: Path, name: str, detail_factor: float
) -> None:
    silhouette = image_silhouette(str(test_data / "heightmaps" / name))
    limit_m = detail_factor * diagonal_m(silhouette, 1.0)
    outline = outline_of(silhouette, 1.0, limit_m)
    assert_closed(extruded(outline, 10.0))
    rows, columns = silhouette.levels.shape
    drawn = rasterize(
        [polygons_of(outline)],
        (rows, columns),
        transform=(1, 0, -columns / 2, 0, -1, rows / 2),
    )
    wrong = np.argwhere(drawn.astype(bool) != (silhouette.levels > 0))
    points = shapely.points(
        wrong[:, 1] - (columns - 1) / 2, (rows - 1) / 2 - wrong[:, 0].astype(float)
    )
    traced = polygons_of(outline_of(silhouette, 1.0, 0.0)).boundary
    assert len(wrong) == 0 or shapely.distance(points, traced).max() <= limit_m + 1e-6
    # no more corners than GEOS alone keeps, which leaves out where a ring begins too readily
    by_geos = shapely.simplify(polygons_of(outline_of(silhouette, 1.0, 0.0)), limit_m)
    rings = len(outline.owners)
    assert len(outline.points) <= shapely.get_num_coordinates(by_geos) - rings + rings // 4 + 1


def test_grain_is_refused_before_it_costs_minutes() -> None:
    grain = np.random.default_rng(1).random((500, 500)).astype(np.float32) - 0.5
    with pytest.raises(BadInputError, match="smooth it"):
        outline_of(Silhouette(grain), 1.0, 1.0)


def test_the_horse_has_one_figure_with_one_hole(test_data: Path) -> None:
    silhouette = image_silhouette(str(test_data / "heightmaps" / "horse.png"))
    outline = outline_of(silhouette, 1.0, 0.5)
    assert outline.owners.tolist() == [0, 0]
    share = polygons_of(outline).area / silhouette.levels.size
    assert share == pytest.approx(np.count_nonzero(silhouette.levels > 0) / 131_200, rel=0.01)
