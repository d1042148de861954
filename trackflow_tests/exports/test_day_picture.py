"""The picture of a day, read back."""

import io

import numpy as np
import pytest
from PIL import Image

from trackflow.exports.day_picture import (
    HEIGHT_PX,
    HUES,
    PAPER,
    RAW,
    WIDTH_PX,
    DayPicture,
    draw_day,
)
from trackflow.usecases.queries.day_summary import DayLine

EAST = np.linspace(24.90, 24.96, 50)
LEVEL = np.full(50, 60.17)


def pixels(picture: DayPicture | None) -> np.ndarray:
    """Red, green and blue of each pixel."""
    assert picture is not None
    return np.asarray(Image.open(io.BytesIO(picture.png)).convert("RGB"))


def has(image: np.ndarray, colour: tuple[int, int, int]) -> bool:
    return bool((image == colour).all(axis=2).any())


def test_nothing_to_draw() -> None:
    assert draw_day([]) is None
    assert draw_day([DayLine("van", np.empty(0), np.empty(0))]) is None


def test_devices_have_colours_of_their_own_and_raw_lines_are_grey() -> None:
    image = pixels(
        draw_day(
            [
                DayLine("a", EAST, LEVEL),
                DayLine("b", EAST, LEVEL + 0.01),
                DayLine("b", EAST, LEVEL + 0.02, raw=True),
            ]
        )
    )

    assert image.shape == (HEIGHT_PX, WIDTH_PX, 3)
    assert all(has(image, colour) for colour in (PAPER, RAW, HUES[0], HUES[1]))
    assert not has(image, HUES[2])


def test_north_is_up_and_shapes_keep_their_proportions() -> None:
    square_lon = np.array([24.90, 24.92, 24.92, 24.90, 24.90])
    square_lat = np.array([60.17, 60.17, 60.18, 60.18, 60.17])  # 60 degrees north: 2 to 1
    lines = [DayLine("a", square_lon, square_lat), DayLine("b", square_lon[2:4], square_lat[2:4])]
    image = pixels(draw_day(lines))

    rows, columns = np.nonzero((image == HUES[0]).all(axis=2))
    upper = np.nonzero((image == HUES[1]).all(axis=2))[0]
    assert np.ptp(columns) / np.ptp(rows) == pytest.approx(1, abs=0.03)
    assert upper.size == 0 or upper.max() < rows.mean()


@pytest.mark.parametrize(
    ("lon", "lat"),
    [
        ([24.9], [60.1]),  # one point
        ([24.9, 24.9], [60.1, 60.1]),  # twice the same
        ([179.99, -179.99], [-16.8, -16.8]),  # over the date line
        ([-170.0, 170.0, 0.0], [80.0, -80.0, 0.0]),  # the whole world
    ],
)
def test_odd_lines_draw_as_well(lon: list[float], lat: list[float]) -> None:
    picture = draw_day([DayLine("a", np.array(lon), np.array(lat))])

    image = pixels(picture)
    assert (image[: HEIGHT_PX - 12] != PAPER).any()  # beside the bar at the bottom


def test_the_date_line_does_not_tear_a_line_apart() -> None:
    picture = draw_day([DayLine("a", np.array([179.99, -179.99]), np.array([0.0, 0.0]))])

    assert picture is not None
    assert picture.bar_text == "500 m"


def test_a_busy_day_stays_small() -> None:
    rng = np.random.default_rng(7)
    lines = [
        DayLine(
            f"van-{k % 40}",
            24.9 + np.cumsum(rng.normal(0, 3e-4, 200)) + rng.normal(0, 0.03),
            60.17 + np.cumsum(rng.normal(0, 2e-4, 200)) + rng.normal(0, 0.02),
        )
        for k in range(400)
    ]
    picture = draw_day(lines)

    assert picture is not None
    assert len(picture.data_uri) < 60_000
