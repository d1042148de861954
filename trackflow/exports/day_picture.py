"""A small map picture of a day: lines in, a PNG out. A pure function, with no drawing library.

It is meant for a glance in the Dagster UI: which way did things go, does a line zigzag, what could
not be matched. It shows no place names and no coordinates, only shapes and a scale bar.
"""

import base64
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trackflow.geo.distance import METRES_PER_DEGREE, wrap_degrees
from trackflow.geo.points import Floats, Ints
from trackflow.usecases.queries.day_summary import DayLine

WIDTH_PX, HEIGHT_PX = 480, 300
MARGIN_PX = 14
FINE = 3
"""Pixels are drawn this much finer in both directions and then averaged, for smooth edges."""

SHADES = FINE * FINE
SMALLEST_EXTENT_M = 200.0
"""A parked day would otherwise be blown up until its noise fills the picture."""

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
"""Colours that people with poor colour vision can tell apart as well; devices take them in turn."""

_INKS = (RAW, INK, *HUES)
"""Where lines cross, the one that covers more of the pixel shows."""


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
    traces: dict[int, list[Ints]] = {}
    for line in lines:
        ink = 0 if line.raw else 2 + devices[line.device_id] % len(HUES)
        traces.setdefault(ink, []).append(_trace(*view.project(line.lon, line.lat)))
    bar_m = _round_length(WIDTH_PX / 4 / view.px_per_m)
    traces[1] = [_bar(bar_m * view.px_per_m)]
    return DayPicture(_png(_composed(traces)), bar_m)


@dataclass(frozen=True, slots=True)
class _View:
    """What part of the world the picture shows: its centre and its scale."""

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

    def project(self, lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
        """Fine pixels to the right and down."""
        scale = self.px_per_m * METRES_PER_DEGREE * FINE
        east = wrap_degrees(lon - self.lon)
        x = WIDTH_PX * FINE / 2 + east * scale * np.cos(np.radians(self.lat))
        y = HEIGHT_PX * FINE / 2 - (lat - self.lat) * scale
        return x, y


def _trace(x: Floats, y: Floats) -> Ints:
    """The fine pixels along a line, as places in the flattened picture; shape (n,)."""
    steps = np.maximum(np.hypot(np.diff(x), np.diff(y)), 1e-9)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    at = np.arange(0.0, along[-1] + 1.0)
    column = np.rint(np.interp(at, along, x)).astype(np.int64)
    row = np.rint(np.interp(at, along, y)).astype(np.int64)
    return row * (WIDTH_PX * FINE) + column


def _bar(length_px: float) -> Ints:
    left, bottom, tick = MARGIN_PX * FINE, (HEIGHT_PX - 6) * FINE, 3 * FINE
    right = left + length_px * FINE
    x = np.array([left, left, right, right], dtype=np.float64)
    y = np.array([bottom - tick, bottom, bottom, bottom - tick], dtype=np.float64)
    return _trace(x, y)


def _round_length(longest_m: float) -> int:
    """The largest of 1, 2, 5, 10, 20, … metres that is not longer."""
    power = 10 ** int(np.floor(np.log10(max(longest_m, 1.0))))
    return int(max(k * power for k in (1, 2, 5) if k * power <= max(longest_m, 1.0)))


def _composed(traces: dict[int, list[Ints]]) -> Ints:
    """The picture as numbers of colours: 0 is paper, then `SHADES` for each ink."""
    wide = WIDTH_PX * FINE
    brush = [dy * wide + dx for dy in range(-2, 3) for dx in range(-2, 3) if dx * dx + dy * dy < 6]
    strongest = np.zeros((HEIGHT_PX, WIDTH_PX), dtype=np.int64)
    colour = np.zeros((HEIGHT_PX, WIDTH_PX), dtype=np.int64)
    inks = {ink: np.concatenate(parts) for ink, parts in traces.items()}
    # a bus that drives everywhere must not hide the others: who covers most is drawn first
    for ink, centres in sorted(inks.items(), key=lambda item: (item[0] > 0, -len(item[1]))):
        fine = np.zeros(HEIGHT_PX * FINE * wide, dtype=np.uint8)
        for offset in brush:
            fine[centres + offset] = 1
        boxes = fine.reshape(HEIGHT_PX, FINE, WIDTH_PX, FINE)
        covered = np.zeros_like(strongest)
        for place in range(SHADES):
            covered += boxes[:, place // FINE, :, place % FINE]
        wins = (covered > 0) & (covered >= strongest)
        strongest[wins] = covered[wins]
        colour[wins] = ink * SHADES + covered[wins]
    return colour


def _png(colour: Ints) -> bytes:
    """An indexed PNG: one byte for a pixel, a few kilobytes in all."""
    rows = np.zeros((HEIGHT_PX, WIDTH_PX + 1), dtype=np.uint8)  # each row begins with its filter
    rows[:, 1:] = colour
    header = struct.pack(">2I5B", WIDTH_PX, HEIGHT_PX, 8, 3, 0, 0, 0)
    chunks = (
        (b"IHDR", header),
        (b"PLTE", _palette()),
        (b"IDAT", zlib.compress(rows.tobytes(), 6)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, content) for name, content in chunks)


def _chunk(name: bytes, content: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(name + content))
    return struct.pack(">I", len(content)) + name + content + checksum


def _palette() -> bytes:
    colours = [PAPER]
    for ink in _INKS:
        for shade in range(1, SHADES + 1):
            mixed = (round(p + (i - p) * shade / SHADES) for p, i in zip(PAPER, ink, strict=True))
            colours.append((next(mixed), next(mixed), next(mixed)))
    return bytes(value for colour in colours for value in colour)
