import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from trackflow.geo.bbox import boxes_around
from trackflow.geo.distance import haversine_m

SPOTS = st.tuples(st.floats(-180, 180), st.floats(-90, 90), st.floats(10, 20_000))


@example([(0.0, -90.0, 10.0)], 1.0, 1.0)
@given(st.lists(SPOTS, max_size=8), st.floats(0, 360), st.floats(0, 1))
def test_boxes_hold_the_circles_around_all_spots(
    spots: list[tuple[float, float, float]], bearing: float, share: float
) -> None:
    boxes = boxes_around(spots)
    assert len(boxes) <= len(spots)
    for lon, lat, radius_m in spots:
        step = share * radius_m / 111_320 * np.array([np.sin(bearing), np.cos(bearing)])
        there = lat + step[1]
        if abs(there) > 90:
            continue
        here = (lon + step[0] / max(np.cos(np.radians(there)), 1e-9) + 180) % 360 - 180
        apart_m = haversine_m(*(np.array([one]) for one in (lon, lat, here, there)))[0]
        if apart_m <= radius_m:
            assert any(
                box.west <= here <= box.east and box.south <= there <= box.north for box in boxes
            )
