"""Writing Mapbox vector tiles (version 2.1 of the specification): layers of lines and of points.

Coordinates of all features of a layer are written at once by numpy: a tile has tens of thousands,
and libraries for such tiles take a loop for each.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from trackflow.geo.points import Ints
from trackflow.geo.varint import append_varint

EXTENT = 4096
"""Units along a side of a tile."""

LAYER, VERSION = 3, 2
POINT, LINE = 1, 2
MOVE, DRAW = 1, 2

type Value = str | int
type Properties = Mapping[str, Value]


def lines_layer(
    name: str, vertices: Ints, parts: Ints, features: Ints, properties: Sequence[Properties]
) -> bytes:
    """A layer of lines that may have several parts.

    Args:
        name: of the layer.
        vertices: all of them in order, in units of the tile, shape (n, 2).
        parts: where each part begins in `vertices`; each has two vertices or more.
        features: where each feature begins in `parts`.
        properties: of each feature.
    """
    ends = np.append(parts[1:], len(vertices))
    counts = ends - parts
    begins = np.concatenate([[0], np.cumsum(2 * counts + 2)])
    values = np.empty(begins[-1], np.int64)
    steps = np.diff(vertices, axis=0, prepend=np.zeros((1, 2), np.int64))
    first = parts[features]
    steps[first] = vertices[first]  # each feature's pen starts at the corner of the tile
    folded = (steps << 1) ^ (steps >> 63)
    values[begins[:-1]] = 1 << 3 | MOVE
    values[begins[:-1] + 3] = (counts - 1) << 3 | DRAW
    within = np.arange(len(vertices)) - np.repeat(parts, counts)
    places = np.repeat(begins[:-1], counts) + 2 * within + np.where(within == 0, 1, 2)
    values[places], values[places + 1] = folded[:, 0], folded[:, 1]
    shapes = _slices(values, np.append(begins[features], begins[-1]))
    return _layer(name, LINE, shapes, properties)


def points_layer(name: str, places: Ints, properties: Sequence[Properties]) -> bytes:
    """A layer of points, of places in units of the tile, shape (n, 2)."""
    values = np.empty((len(places), 3), np.int64)
    values[:, 0] = 1 << 3 | MOVE
    values[:, 1:] = (places << 1) ^ (places >> 63)
    return _layer(name, POINT, _slices(values.ravel(), np.arange(len(places) + 1) * 3), properties)


def _slices(values: Ints, edges: Ints) -> list[bytes]:
    """Numbers that are not negative, as varints, cut at edges."""
    sizes = 1 + np.searchsorted(1 << 7 * np.arange(1, 5), values, side="right")
    ends = np.concatenate([[0], np.cumsum(sizes)])
    out = np.empty(ends[-1], np.uint8)
    for k in range(int(sizes.max(initial=0))):
        has = sizes > k
        more = np.where(sizes[has] > k + 1, 0x80, 0)
        out[ends[:-1][has] + k] = values[has] >> 7 * k & 0x7F | more
    whole, cuts = out.tobytes(), ends[edges].tolist()
    return [whole[a:b] for a, b in pairwise(cuts)]


def _layer(
    name: str, kind: int, shapes: Sequence[bytes], properties: Sequence[Properties]
) -> bytes:
    keys: dict[str, int] = {}
    values: dict[Value, int] = {}
    body = bytearray(_field(1, name.encode()))
    for shape, given in zip(shapes, properties, strict=True):
        tags = bytearray()
        for key, value in given.items():
            append_varint(tags, keys.setdefault(key, len(keys)))
            append_varint(tags, values.setdefault(value, len(values)))
        body += _field(2, _field(2, bytes(tags)) + bytes((3 << 3, kind)) + _field(4, shape))
    for key in keys:
        body += _field(3, key.encode())
    for value in values:
        body += _field(4, _value(value))
    for number, setting in ((5, EXTENT), (15, VERSION)):
        append_varint(body, number << 3)
        append_varint(body, setting)
    return _field(LAYER, bytes(body))


def _value(value: Value) -> bytes:
    if isinstance(value, str):
        return _field(1, value.encode())
    out = bytearray((5 << 3,))
    append_varint(out, value)
    return bytes(out)


def _field(number: int, content: bytes) -> bytes:
    out = bytearray()
    append_varint(out, number << 3 | 2)
    append_varint(out, len(content))
    return bytes(out) + content
