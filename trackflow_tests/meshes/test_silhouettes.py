import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from trackflow.errors import BadInputError
from trackflow.meshes.silhouettes import otsu_threshold, silhouette_of

GREYS = arrays(
    np.float32, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.floats(0, 1, width=32)
)


@given(GREYS, st.integers(4, 60))
def test_a_figure_and_its_negative_have_the_same_outline_or_both_have_none(
    grey: np.ndarray, step: int
) -> None:
    def inside(image: np.ndarray, level: float) -> np.ndarray | None:
        try:
            return silhouette_of(image, None, level, "image").levels > 0
        except BadInputError:
            return None

    exact = np.round(grey * 64) / 64
    level = (step + 0.5) / 64  # no pixel has it, in the negative neither
    border = np.concatenate([exact[0], exact[-1], exact[1:-1, 0], exact[1:-1, -1]])
    assume(2 * np.count_nonzero(border > level) != border.size)  # both halves may be the ground
    first, second = inside(exact, level), inside(1 - exact, 1 - level)
    if first is None or second is None:
        assert first is second is None
    else:
        assert np.array_equal(first, second)


@given(GREYS)
def test_the_border_mostly_shows_the_ground(grey: np.ndarray) -> None:
    try:
        inside = silhouette_of(grey, None, None, "image").levels > 0
    except BadInputError:
        return
    border = np.concatenate([inside[0], inside[-1], inside[1:-1, 0], inside[1:-1, -1]])
    assert 2 * np.count_nonzero(border) <= border.size


@given(st.integers(0, 255), st.integers(0, 255), st.integers(1, 60))
def test_the_threshold_of_a_drawing_is_midway_between_its_two_values(
    low: int, high: int, count: int
) -> None:
    if low == high:
        return
    grey = np.full((8, 8), low / 255, np.float32)
    grey.ravel()[:count] = high / 255
    assert otsu_threshold(grey) == pytest.approx((low + high) / 2 / 255, abs=1e-6)


def test_transparent_ground_tells_the_figure_whatever_its_colours() -> None:
    grey = np.random.default_rng(1).random((20, 20)).astype(np.float32)
    alpha = np.zeros((20, 20), np.float32)
    alpha[5:15, 5:15] = 1
    found = silhouette_of(grey, alpha, None, "logo")
    assert np.array_equal(found.levels > 0, alpha > 0.5)


def test_a_few_soft_pixels_in_the_corners_are_no_transparent_ground() -> None:
    grey = np.ones((40, 40), np.float32)
    grey[10:30, 10:30] = 0
    alpha = np.ones((40, 40), np.float32)
    alpha[[0, 0, -1, -1], [0, -1, 0, -1]] = 0.4
    found = silhouette_of(grey, alpha, None, "horse")
    assert np.array_equal(found.levels > 0, grey < 0.5)


def test_small_holes_in_a_plate_of_one_colour_are_its_ground() -> None:
    alpha = np.ones((40, 40), np.float32)
    alpha[20, 20] = 0
    found = silhouette_of(np.full((40, 40), 0.3, np.float32), alpha, None, "plate")
    assert np.array_equal(found.levels > 0, alpha > 0.5)


@pytest.mark.parametrize(
    ("grey", "alpha", "threshold", "message"),
    [
        (np.full((5, 5), 0.7), None, None, "one brightness only"),
        (np.eye(5) * 0.2, None, 0.9, "no figure"),
        (np.eye(5), np.zeros((5, 5)), None, "no figure"),
    ],
)
def test_an_image_without_a_figure_is_refused(
    grey: np.ndarray, alpha: np.ndarray | None, threshold: float | None, message: str
) -> None:
    with pytest.raises(BadInputError, match=message):
        silhouette_of(
            grey.astype(np.float32),
            None if alpha is None else alpha.astype(np.float32),
            threshold,
            "image",
        )
