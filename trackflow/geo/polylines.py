"""Encoded polylines (Google's format, precision 5), the form in which lines are stored and served.

Whole lines go through polyline-rs or numpy: lines of a store have millions of vertices, and the
package `polyline` reads 1 million a second where those read 3 to 5. It is the quickest for a vertex
or two, because it makes no array.
"""

from collections.abc import Iterable, Sequence
from itertools import batched

import numpy as np
import polyline
import polyline_rs

from trackflow.geo.points import Floats, Ints

PRECISION = 5
"""Decimals of a degree; 5 (about 1 m) is what web maps and routing engines take by default."""

TOGETHER = 100
"""Lines that are decoded at once: more take memory, fewer take longer."""


def encode(lon: Iterable[float], lat: Iterable[float]) -> str:
    """An encoded polyline of parallel longitudes and latitudes."""
    return polyline_rs.encode_latlon(list(zip(lat, lon, strict=True)), PRECISION)


def decode(text: str) -> tuple[Floats, Floats]:
    """Longitudes and latitudes, each of shape (n,).

    Raises:
        ValueError: `text` is not an encoded polyline.
    """
    if not text:
        return np.empty(0), np.empty(0)
    pairs = np.asarray(polyline_rs.decode_latlon(text, PRECISION), dtype=np.float64)
    return pairs[:, 1], pairs[:, 0]


def head(text: str) -> str:
    """The encoded polyline of the first vertex alone."""
    ends = (k for k, char in enumerate(text) if ord(char) - 63 < 32)
    next(ends)
    return text[: next(ends) + 1]


def first_vertex(text: str) -> tuple[float, float]:
    """Longitude and latitude of the first vertex, as `positions` gives it.

    Raises:
        ValueError: `text` is not an encoded polyline.
    """
    try:
        ((lon, lat),) = polyline.decode(head(text), PRECISION, geojson=True)
    except (IndexError, StopIteration):
        raise ValueError("not an encoded polyline") from None
    return lon, lat


def last_vertices(texts: Sequence[str]) -> list[list[float]]:
    """Longitude and latitude of the last vertex of each line, as `positions` gives it.

    Raises:
        ValueError: one of them is not an encoded polyline, or has no vertex.
    """
    last: list[list[float]] = []
    for some in batched(texts, TOGETHER):
        found, starts = grids(some)
        if not np.all(np.diff(starts)):
            raise ValueError("an encoded polyline without a vertex")
        last += (found[starts[1:] - 1, ::-1] / 10.0**PRECISION).tolist()
    return last


def positions(text: str) -> Floats:
    """Longitude and latitude of each vertex, shape (n, 2), exactly on the grid of `PRECISION`.

    Several times faster than `decode` for long lines, for readers of many at once.

    Raises:
        ValueError: `text` is not an encoded polyline.
    """
    found: Floats = grid(text)[:, ::-1] / 10.0**PRECISION
    return np.ascontiguousarray(found)


def grid(text: str) -> Ints:
    """Latitude and longitude of each vertex in units of the last decimal, shape (n, 2).

    Raises:
        ValueError: `text` is not an encoded polyline.
    """
    return grids([text])[0]


def grids(texts: Sequence[str]) -> tuple[Ints, Ints]:
    """The vertices of lines as `grid` has them, line after line; and where each line begins.

    The last of the begins is the number of all vertices.

    Raises:
        ValueError: one of them is not an encoded polyline.
    """
    groups = np.frombuffer("".join(texts).encode(), np.uint8).astype(np.int64) - 63
    ends = np.flatnonzero(groups < 32)
    edges = np.concatenate([[0], np.cumsum([len(text) for text in texts], dtype=np.int64)])
    numbers = np.searchsorted(ends, edges)
    starts = numbers // 2
    if not len(groups):
        return np.empty((0, 2), np.int64), starts
    # a line ends where a number does, and has two for each vertex
    breaks = groups[edges[edges > 0] - 1] >= 32
    if breaks.any() or np.any(numbers % 2) or groups.min() < 0 or groups.max() > 63:
        raise ValueError("not an encoded polyline")
    begins = np.zeros_like(ends)
    begins[1:] = ends[:-1] + 1
    place = np.arange(len(groups)) - np.repeat(begins, ends - begins + 1)
    folded = np.add.reduceat((groups & 31) << (5 * place), begins)
    steps = np.where(folded & 1, ~(folded >> 1), folded >> 1).reshape(-1, 2)
    sums = np.concatenate([np.zeros((1, 2), np.int64), np.cumsum(steps, axis=0)])
    found: Ints = sums[1:]
    if len(texts) > 1:
        found = found - np.repeat(sums[starts[:-1]], np.diff(starts), axis=0)
    return found, starts
