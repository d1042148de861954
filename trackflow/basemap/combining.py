"""One vector tile of several: where extracts overlap or meet, a tile shows what each of them knows.

A vector tile (version 2.1 of its specification) is a list of layers; a layer has features and lists
of keys and values, and a feature's tags are places in these lists. Layers of one name become one:
the lists are put one behind the other, and the tags are moved along. Geometries stay as they are.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from trackflow.geo.tiles import LAYER, NAME, message_fields
from trackflow.geo.varint import append_varint, read_varint

FEATURE, KEY, VALUE = 2, 3, 4
TAGS = 2
BYTES = 2
"""How protobuf marks a field whose length is written before it."""


@dataclass(slots=True)
class _Layer:
    """The parts of a layer, each with its mark and length."""

    features: list[bytes] = field(default_factory=list)
    keys: list[bytes] = field(default_factory=list)
    values: list[bytes] = field(default_factory=list)
    rest: list[bytes] = field(default_factory=list)


def combine(tiles: Sequence[bytes]) -> bytes:
    """A tile with the features of all of them, those of the last tile above the others.

    Args:
        tiles: vector tiles of the same place, not packed, whose layers have the same resolution.

    Raises:
        ValueError: one of them is no vector tile.
    """
    found: dict[bytes, _Layer] = {}
    for tile in tiles:
        for number, _, body, end in message_fields(tile):
            if number == LAYER:
                _add(found, tile[body:end])
    return b"".join(_packed(LAYER, b"".join(_parts(layer))) for layer in found.values())


def _parts(layer: _Layer) -> Iterator[bytes]:
    for parts in (layer.rest, layer.features, layer.keys, layer.values):
        yield from parts


def _add(found: dict[bytes, _Layer], content: bytes) -> None:
    parts = [
        (number, content[start:end], content[body:end])
        for number, start, body, end in message_fields(content)
    ]
    name = next((value for number, _, value in parts if number == NAME), None)
    if name is None:
        raise ValueError("a layer has no name")
    is_first = name not in found
    layer = found.setdefault(name, _Layer())
    moved_keys, moved_values = len(layer.keys), len(layer.values)
    for number, whole, value in parts:
        if number == KEY:
            layer.keys.append(whole)
        elif number == VALUE:
            layer.values.append(whole)
        elif number == FEATURE:
            layer.features.append(whole if is_first else _moved(value, moved_keys, moved_values))
        elif is_first:
            layer.rest.append(whole)


def _moved(feature: bytes, keys: int, values: int) -> bytes:
    """A feature whose tags are places further down in the lists of keys and values."""
    out = bytearray()
    for number, start, body, end in message_fields(feature):
        if number != TAGS:
            out += feature[start:end]
            continue
        tags, at, is_key = bytearray(), body, True
        while at < end:
            place, at = read_varint(feature, at)
            append_varint(tags, place + (keys if is_key else values))
            is_key = not is_key
        out += _packed(TAGS, bytes(tags))
    return _packed(FEATURE, bytes(out))


def _packed(number: int, content: bytes) -> bytes:
    out = bytearray()
    append_varint(out, number << 3 | BYTES)
    append_varint(out, len(content))
    return bytes(out) + content
