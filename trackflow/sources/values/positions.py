"""Positions in one text: both coordinates, and the height where it is there.

Cells of tables have them, members of records, and databases print their points so.
"""

import json
import re
import struct

import numpy as np

from trackflow.sources.values.digits import ascii_digits
from trackflow.sources.values.units import (
    LETTERS,
    SIGNS,
    TEXT_MAX_CHARS,
    Quantity,
    coordinate,
    measure,
)

_PLAIN_PAIR = re.compile(
    r"\s*(?:geo:)?([+-]?[0-9]{1,3}\.[0-9]+)\s*\xb0?\s*,\s*([+-]?[0-9]{1,3}\.[0-9]+)\s*\xb0?\s*"
)
"""What nearly all are, read without a look at the rare ones."""

_SPREAD = re.compile(r"\s*\xb1\s*[0-9.]+(?:\s*m(?:et(?:er|re)s?)?\b)?")
"""How exact a coordinate is, behind it, as Snapchat writes it."""

_WELL_KNOWN_BINARY = re.compile(r"0[01](?:[0-9A-Fa-f]{2}){20,40}")
_WITH_SRID = 0x20000000
_WITH_HEIGHT = 0x80000000
_POINTS, _WITH_Z = {1, 1001, 2001, 3001}, {1001, 3001}
_WGS84 = 4326
_POINT = re.compile(
    r"(?:SRID=4326;)?\s*POINT\s*(ZM?|M)?\s*\(\s*(\S+)\s+(\S+?)(?:\s+(\S+?))?(?:\s+\S+)?\s*\)",
    re.IGNORECASE,
)


type Position = tuple[float, float, float]
"""Latitude and longitude in degrees, height in metres: NaN where the text has none."""


def position(text: str, *, lon_first: bool = False) -> Position | None:
    """The position in a text; None if it has no latitude and longitude, or more.

    Args:
        text: such as "60.1,24.9", "60,1, 24,9", "60,1 24,9", "60.1°, 24.9°", "N 60.1 E 24.9",
            "geo:60.1,24.9;u=35", "POINT (24.9 60.1)".
        lon_first: the longitude comes first where no letter marks which is which.
    """
    if len(text) > TEXT_MAX_CHARS:
        return None
    text = ascii_digits(text)
    plain = _PLAIN_PAIR.fullmatch(text)
    if plain is not None and not lon_first:
        return float(plain[1]), float(plain[2]), np.nan
    if _WELL_KNOWN_BINARY.fullmatch(text.strip()):
        return point_in(bytes.fromhex(text.strip()))  # as PostGIS prints it
    if text.lstrip().startswith("{"):
        return _of_object(text)
    text = _SPREAD.sub("", text.translate(SIGNS)).strip()
    if text.lower().startswith("geo:"):
        text = text[4:].partition(";")[0]
    height = ""
    wkt = _POINT.fullmatch(text)
    if wkt is not None:
        lon_first = True
        text, height = f"{wkt[2]} {wkt[3]}", ("" if wkt[1] in ("M", "m") else wkt[4] or "")
    text = text.strip("()[]{} ")
    for first, second, third in _halves(text):
        for one, two in ((second, first), (first, second)) if lon_first else (
            (first, second), (second, first),
        ):  # fmt: skip
            lat = coordinate(one, Quantity.LATITUDE)
            lon = coordinate(two, Quantity.LONGITUDE)
            if lat is not None and lon is not None:
                return lat, lon, measure(height or third, Quantity.LENGTH)
    return None


def _of_object(text: str) -> Position | None:
    """The position of a JSON object in a cell: a point of GeoJSON, or both by name."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    pair = found.get("coordinates")
    if isinstance(pair, list) and len(pair) >= 2:
        north, east, height = pair[1], pair[0], (pair[2] if len(pair) > 2 else None)
    else:
        named = {name.lower().lstrip("_"): value for name, value in found.items()}
        north, east, height = (
            next((named[name] for name in names if name in named), None)
            for names in (
                ("lat", "latitude", "y"),
                ("lon", "lng", "long", "longitude", "x"),
                ("alt", "altitude", "ele", "z"),
            )
        )
    lat, lon = measure(north, Quantity.LATITUDE), measure(east, Quantity.LONGITUDE)
    if np.isnan(lat) or np.isnan(lon):
        return None
    return lat, lon, measure(height, Quantity.LENGTH)


def point_in(data: bytes) -> Position | None:
    """The position of a point as well-known binary, with or without PostGIS' numbers in it.

    None if it is another shape, or not in WGS 84.
    """
    order = "<" if data[:1] == b"\1" else ">"
    try:
        (kind,) = struct.unpack_from(f"{order}I", data, 1)
        start = 9 if kind & _WITH_SRID else 5
        if kind & 0xFFFF not in _POINTS:
            return None
        if start == 9 and struct.unpack_from(f"{order}I", data, 5)[0] != _WGS84:
            return None
        lon, lat = struct.unpack_from(f"{order}dd", data, start)
        is_high = kind & _WITH_HEIGHT or kind & 0xFFFF in _WITH_Z
        (height_m,) = struct.unpack_from(f"{order}d", data, start + 16) if is_high else (np.nan,)
    except struct.error:
        return None
    return lat, lon, height_m


def _halves(text: str) -> list[tuple[str, str, str]]:
    """The ways to cut a text into two coordinates and a height, the surest first."""
    halves: list[tuple[str, str, str]] = []
    letters = list(LETTERS.finditer(text)) or list(re.finditer(r"[NSEW]", text))
    if len(letters) == 2:
        at = letters[1].start() if letters[0].start() == 0 else letters[0].end()
        halves.append((text[:at].strip(" ,;/|"), text[at:].strip(" ,;/|"), ""))
    for mark in (r"\s*[;/|]\s*", r",\s+", r"\s*(?<=\xb0),\s*", r"\s+", r",", r"\s*,\s*"):
        parts = re.split(mark, text)
        if len(parts) == 2 or (len(parts) == 3 and "." in parts[0] and "." in parts[1]):
            halves.append((parts[0], parts[1], parts[2] if len(parts) > 2 else ""))
    parts = text.split(",")
    if len(parts) == 4:
        halves.append((",".join(parts[:2]), ",".join(parts[2:]), ""))
    return halves
