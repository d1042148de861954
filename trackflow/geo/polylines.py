"""Encoded polylines (Google's format, precision 5), the form in which lines are stored and served.

The codec is polyline-rs, about ten times as fast as the pure-Python one.
"""

from collections.abc import Iterable

import numpy as np
import polyline_rs

from trackflow.geo.points import Floats

PRECISION = 5
"""Decimals of a degree; 5 (about 1 m) is what web maps and routing engines take by default."""


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
