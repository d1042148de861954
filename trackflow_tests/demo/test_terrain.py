"""The demo's terrain: the same hills each time, below the whole of its track."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.demo.terrain import HEIGHTS_M, box_around, geotiff, hills
from trackflow.geo.bbox import Bbox
from trackflow.geo.distance import METRES_PER_DEGREE
from trackflow.meshes.parameters import MeshParameters
from trackflow.usecases.queries.track_lines import TrackLine
from trackflow_tests.meshes.grids import grid_of_image

LINES = st.lists(
    st.tuples(st.floats(24.7, 25.2), st.floats(60.0, 60.4)), min_size=2, max_size=30
).map(lambda found: np.array(found))


@given(lonlat=LINES)
def test_the_box_is_square_on_the_ground_and_holds_the_line(lonlat: np.ndarray) -> None:
    line = TrackLine(0, 1, lonlat[:, 0], lonlat[:, 1])
    west, south, east, north = box_around(line)
    assert west < line.lon.min() <= line.lon.max() < east
    assert south < line.lat.min() <= line.lat.max() < north
    width_m = (east - west) * METRES_PER_DEGREE * np.cos(np.radians((south + north) / 2))
    assert width_m == pytest.approx((north - south) * METRES_PER_DEGREE)
    assert width_m >= 500


def test_its_hills_are_the_same_each_time_and_lie_where_the_track_does() -> None:
    heights = hills(64)
    assert np.array_equal(heights, hills(64))
    assert (heights.min(), heights.max()) == pytest.approx(HEIGHTS_M)
    box = Bbox(24.9, 60.1, 25.0, 60.2)
    grid = grid_of_image(geotiff(heights, box), "hills.tif", MeshParameters())
    place = grid.georeference
    assert place is not None
    assert (place.west, place.south, place.east, place.north) == pytest.approx(box)
    assert grid.heights_m.shape == heights.shape
    assert sorted(grid.heights_m.ravel()) == pytest.approx(sorted(heights.ravel()), abs=1e-3)
