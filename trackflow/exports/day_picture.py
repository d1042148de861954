"""A small map picture of a day: lines in, a PNG out. A pure function.

It gives a glance in the Dagster UI: where devices went, whether a line zigzags, which parts were
not matched. It shows no place names and no coordinates, only shapes and a scale bar.
"""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from trackflow.geo.distance import METRES_PER_DEGREE, wrap_degrees
from trackflow.geo.points import Floats
from trackflow.usecases.queries.day_summary import DayLine

WIDTH_PX, HEIGHT_PX = 480, 300
MARGIN_PX = 14
FINE = 3
"""Pixels are drawn this much finer in both directions and then averaged, for smooth edges."""

SHADES = FINE * FINE
LINE_PX = 5
"""Width of a line, in fine pixels."""

SMALLEST_EXTENT_M = 200.0
"""Smallest side of a picture: without it, the noise of a parked day would fill the picture."""

PAPER = (247, 247, 243)
INK = (110, 114, 120)
RAW = (172, 172, 168)
HUES = (
    (0, 114, 178),
    (213, 94, 0),
    (0, 148, 108),
    (170, 68, 153),
    (184, 134, 11),
    (86, 150, 215),
    (136, 34, 85),
    (96, 122, 36),
    (68, 68, 170),
    (200, 60, 60),
)
"""Colours that people with poor colour vision can also distinguish; devices take them in turn."""

_INKS = (RAW, INK, *HUES)
"""The colours by number; where lines cross, the one that covers more of the pixel shows."""


type Stroke = list[tuple[float, float]]
"""A line in the picture: fine pixels to the right and down."""

type Bytes = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]


@dataclass(frozen=True, slots=True)
class DayPicture:
    """A PNG, and the length that its scale bar stands for."""

    png: bytes
    bar_m: int

    @property
    def data_uri(self) -> str:
        """The picture as text that an <img> shows without another request."""
        return "data:image/png;base64," + base64.b64encode(self.png).decode()

    @property
    def bar_text(self) -> str:
        """The bar's length for people."""
        return f"{self.bar_m / 1000:g} km" if self.bar_m >= 1000 else f"{self.bar_m} m"


def draw_day(lines: Sequence[DayLine]) -> DayPicture | None:
    """The picture of a day's lines; None if there is nothing to draw."""
    lines = [line for line in lines if len(line.lon)]
    if not lines:
        return None
    view = _View.of(lines)
    devices = {name: k for k, name in enumerate(sorted({line.device_id for line in lines}))}
    strokes: dict[int, list[Stroke]] = {}
    for line in lines:
        ink = 0 if line.raw else 2 + devices[line.device_id] % len(HUES)
        strokes.setdefault(ink, []).append(view.project(line.lon, line.lat))
    bar_m = _round_length(WIDTH_PX / 4 / view.px_per_m)
    strokes[1] = [_bar(bar_m * view.px_per_m)]
    return DayPicture(_png(_composed(strokes)), bar_m)


@dataclass(frozen=True, slots=True)
class _View:
    """The part of the world that the picture shows: its centre and its scale."""

    lon: float
    lat: float
    px_per_m: float

    @classmethod
    def of(cls, lines: Sequence[DayLine]) -> "_View":
        lon = np.concatenate([line.lon for line in lines])
        lat = np.concatenate([line.lat for line in lines])
        middle_lat = float(lat.min() + lat.max()) / 2
        # measured from any of the points, so that lines over the date line stay together
        turn = wrap_degrees(lon - lon[0])
        middle_lon = float(lon[0] + (turn.min() + turn.max()) / 2)
        wide_m = np.ptp(turn) * METRES_PER_DEGREE * np.cos(np.radians(middle_lat))
        high_m = np.ptp(lat) * METRES_PER_DEGREE
        px_per_m = min(
            (WIDTH_PX - 2 * MARGIN_PX) / max(float(wide_m), SMALLEST_EXTENT_M),
            (HEIGHT_PX - 2 * MARGIN_PX) / max(float(high_m), SMALLEST_EXTENT_M),
        )
        return cls(middle_lon, middle_lat, px_per_m)

    def project(self, lon: Floats, lat: Floats) -> Stroke:
        """A line in the picture."""
        scale = self.px_per_m * METRES_PER_DEGREE * FINE
        east = wrap_degrees(lon - self.lon)
        x = WIDTH_PX * FINE / 2 + east * scale * np.cos(np.radians(self.lat))
        y = HEIGHT_PX * FINE / 2 - (lat - self.lat) * scale
        x, y = np.rint(x), np.rint(y)
        # vertices within one fine pixel are not visible, and drawing them takes time
        moves = np.ones(len(x), dtype=np.bool_)
        moves[1:] = (x[1:] != x[:-1]) | (y[1:] != y[:-1])
        return [*zip(x[moves].tolist(), y[moves].tolist(), strict=True)]


def _bar(length_px: float) -> Stroke:
    left, bottom, tick = MARGIN_PX * FINE, (HEIGHT_PX - 6) * FINE, 3 * FINE
    right = left + length_px * FINE
    return [(left, bottom - tick), (left, bottom), (right, bottom), (right, bottom - tick)]


def _round_length(longest_m: float) -> int:
    """The largest of 1, 2, 5, 10, 20, … metres that is not longer."""
    power = 10 ** int(np.floor(np.log10(max(longest_m, 1.0))))
    return int(max(k * power for k in (1, 2, 5) if k * power <= max(longest_m, 1.0)))


def _composed(strokes: dict[int, list[Stroke]]) -> Image.Image:
    """The picture in numbers of colours: 0 is paper, then `SHADES` for each ink."""
    strongest = np.zeros((HEIGHT_PX, WIDTH_PX), dtype=np.uint8)
    colour = np.zeros_like(strongest)
    covers = {ink: _cover(lines) for ink, lines in strokes.items()}
    # a bus that drives everywhere must not hide the others: the largest area is drawn first
    for ink, covered in sorted(covers.items(), key=lambda item: (item[0] > 0, -int(item[1].sum()))):
        wins = (covered > 0) & (covered >= strongest)
        strongest[wins] = covered[wins]
        colour[wins] = ink * SHADES + covered[wins]
    return Image.fromarray(colour)


def _cover(lines: list[Stroke]) -> Bytes:
    """The cover of each pixel by lines, from 0 to `SHADES`; shape (height, width)."""
    fine = Image.new("L", (WIDTH_PX * FINE, HEIGHT_PX * FINE))
    draw = ImageDraw.Draw(fine)
    for line in lines:
        draw.line(line, fill=255, width=LINE_PX)
        draw.circle(line[0], LINE_PX / 2, fill=255)  # a line of one place has no length
    return np.rint(np.asarray(fine.reduce(FINE)) / 255 * SHADES).astype(np.uint8)


def _png(picture: Image.Image) -> bytes:
    """An indexed PNG: one byte for a pixel, a few kilobytes in all."""
    picture.putpalette(_palette())
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True)
    return file.getvalue()


def _palette() -> bytes:
    colours = [PAPER]
    for ink in _INKS:
        for shade in range(1, SHADES + 1):
            mixed = (round(p + (i - p) * shade / SHADES) for p, i in zip(PAPER, ink, strict=True))
            colours.append((next(mixed), next(mixed), next(mixed)))
    return bytes(value for colour in colours for value in colour)
