import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from trackflow.meshes import rasteriser
from trackflow.meshes.rasteriser import seen_triangles

SIZE = 12


def seen_by_brute_force(corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each pixel and triangle: depth (none outside it), and whether its middle is near a side.

    Where it is, or where two triangles are as near, either answer is right.
    """
    y, x = np.mgrid[:SIZE, :SIZE] + 0.5
    depth = np.full((len(corners), SIZE, SIZE), -np.inf)
    unsure = np.zeros((SIZE, SIZE), dtype=bool)
    for number, (a, b, c) in enumerate(corners):
        area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
        if abs(area) < 1e-6:
            continue
        u = ((x - a[0]) * (c[1] - a[1]) - (y - a[1]) * (c[0] - a[0])) / area
        v = ((b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0])) / area
        least = np.minimum(np.minimum(u, v), 1 - u - v)
        depth[number] = np.where(least > 0, a[2] + u * (b[2] - a[2]) + v * (c[2] - a[2]), -np.inf)
        unsure |= np.abs(least) < 1e-6
    return depth, unsure


@given(
    arrays(
        np.float64,
        st.tuples(st.integers(1, 8), st.just(3), st.just(3)),
        elements=st.integers(-40, 160).map(lambda tenths: tenths / 10),
    ),
    st.sampled_from([1, 40, 500_000]),
)
def test_each_pixel_shows_the_nearest_triangle(corners: np.ndarray, at_once: int) -> None:
    faces = np.arange(len(corners) * 3, dtype=np.uint32).reshape(-1, 3)
    before = rasteriser._PIXELS_AT_ONCE
    rasteriser._PIXELS_AT_ONCE = at_once
    try:
        nearest = seen_triangles(corners.reshape(-1, 3), faces, SIZE)
    finally:
        rasteriser._PIXELS_AT_ONCE = before
    depth, unsure = seen_by_brute_force(corners)
    best = depth.max(axis=0)
    sure = ~unsure
    assert np.array_equal((nearest >= 0)[sure], np.isfinite(best)[sure])
    seen = sure & (nearest >= 0)
    rows, columns = np.nonzero(seen)
    assert np.allclose(depth[nearest[seen], rows, columns], best[seen], atol=1e-6)


def test_nothing_is_seen_of_triangles_beside_the_picture() -> None:
    corners = np.array([[[-9, -9, 0], [-5, -9, 0], [-9, -5, 0]], [[0, 0, 0], [5, 5, 1], [9, 9, 2]]])
    faces = np.arange(6, dtype=np.uint32).reshape(2, 3)
    assert (seen_triangles(corners.reshape(-1, 3).astype(float), faces, SIZE) == -1).all()
