"""Map tiles: where they lie on Earth, and the outermost shell of Mapbox vector tiles.

A vector tile (version 2.1 of its specification) is a protobuf message whose field 3 is a layer,
repeated; a layer's field 1 is its name. No more than that is read here.
"""

import math
from collections.abc import Iterator

from trackflow.geo.bbox import Bbox
from trackflow.geo.varint import read_varint

LAYER, NAME = 3, 1


def exists(zoom: int, x: int, y: int) -> bool:
    """Whether there is such a tile on Earth."""
    return 0 <= zoom <= 30 and 0 <= x < 1 << zoom and 0 <= y < 1 << zoom


def tile_bbox(zoom: int, x: int, y: int) -> Bbox:
    """West, south, east and north of a tile in degrees (Web Mercator, y from the north)."""
    size = 1 << zoom
    west, east = x / size * 360 - 180, (x + 1) / size * 360 - 180
    return Bbox(west, _latitude(y + 1, size), east, _latitude(y, size))


def _latitude(row: int, size: int) -> float:
    return math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * row / size))))


def overlaps(bbox: Bbox, zoom: int, x: int, y: int) -> bool:
    """Whether a tile and a bbox overlap or touch.

    Args:
        bbox: not across the antimeridian.
        zoom: of the tile.
        x: column of the tile, from the west.
        y: row of the tile, from the north.
    """
    tile = tile_bbox(zoom, x, y)
    beside = tile.west > bbox.east or bbox.west > tile.east
    return not (beside or tile.south > bbox.north or bbox.south > tile.north)


def lies_within(bbox: Bbox, zoom: int, x: int, y: int) -> bool:
    """Whether a whole tile lies within a bbox."""
    tile = tile_bbox(zoom, x, y)
    across = bbox.west <= tile.west and tile.east <= bbox.east
    return across and bbox.south <= tile.south and tile.north <= bbox.north


def keep_layers(tile: bytes, names: frozenset[str]) -> bytes:
    """A vector tile with some of its layers only.

    Raises:
        ValueError: it is no vector tile.
    """
    kept = []
    for field, start, body, end in message_fields(tile):
        if field == LAYER and _name(tile[body:end]) in names:
            kept.append(tile[start:end])
    return b"".join(kept)


def _name(layer: bytes) -> str:
    for field, _, body, end in message_fields(layer):
        if field == NAME:
            return layer[body:end].decode()
    raise ValueError("a layer has no name")


def message_fields(message: bytes) -> Iterator[tuple[int, int, int, int]]:
    """The fields of a message: number, where each starts, where its value starts and ends."""
    at = 0
    while at < len(message):
        start = at
        key, at = read_varint(message, at)
        match key & 7:
            case 2:
                size, at = read_varint(message, at)
            case 0:
                size = read_varint(message, at)[1] - at
            case 1:
                size = 8
            case 5:
                size = 4
            case _:
                raise ValueError("not a protobuf message")
        if at + size > len(message):
            raise ValueError("a protobuf message that ends too early")
        yield key >> 3, start, at, at + size
        at += size
