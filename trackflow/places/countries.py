"""In which countries positions and lines lie: borders of Natural Earth, without any service.

The world is looked at in squares of a quarter of a degree. In most of them lies one country, and
what moves there needs no closer look; only beside borders the line itself is followed.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from math import floor
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from trackflow.geo.bbox import Bbox
from trackflow.geo.points import Floats

GAZETTEER = Path(__file__).parents[1] / "web" / "vendored" / "gazetteer"

SQUARES_PER_DEGREE = 4
MOST_SQUARES = 400
"""Of a box: what goes further is followed by its line at once."""

NEAR_DEGREES = 0.02
"""Coasts are drawn to a mile or so: who is as close to a country is in it."""

CORNERS = 3
"""Islands that are drawn with fewer are no areas."""

type Square = tuple[int, int]


@dataclass(slots=True)
class Countries:
    """The countries of the world.

    Attributes:
        names: of the countries of all areas.
        shapes: the areas: mainlands and islands.
    """

    names: Sequence[str]
    shapes: list[Any]
    _tree: Any = None
    _squares: dict[Square, dict[str, Any]] = field(default_factory=dict)
    _boxes: dict[tuple[int, ...], set[str] | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._tree = shapely.STRtree(list(self.shapes))

    def of_box(self, box: Bbox) -> set[str] | None:
        """The country in and around a box; none at sea, and None where there are several."""
        squares = tuple(floor(edge * SQUARES_PER_DEGREE) for edge in box)
        # most trips are made where many others are: tens of thousands share a few answers
        if squares not in self._boxes:
            self._boxes[squares] = self._of_squares(*squares)
        return self._boxes[squares]

    def _of_squares(self, west: int, south: int, east: int, north: int) -> set[str] | None:
        if west > east or (east - west + 1) * (north - south + 1) > MOST_SQUARES:
            return None
        found: set[str] = set()
        for x in range(west, east + 1):
            for y in range(south, north + 1):
                found |= self._of_square((x, y)).keys()
                if len(found) > 1:
                    return None
        return found

    def of_line(self, lon: Floats, lat: Floats) -> set[str]:
        """The countries in which a line has vertices."""
        # a vertex every hundred metres or so is enough; complex numbers sort faster than rows
        positions = np.unique(np.round(lon, 3) + 1j * np.round(lat, 3))
        lon, lat = (positions.real + 180) % 360 - 180, positions.imag
        squares = np.floor(lon * SQUARES_PER_DEGREE) + 1j * np.floor(lat * SQUARES_PER_DEGREE)
        found: set[str] = set()
        for square in set(squares.tolist()):
            parts = self._of_square((int(square.real), int(square.imag)))
            if len(parts) < 2:
                found |= parts.keys()
            else:
                mine = squares == square
                found |= self._among(parts, np.column_stack([lon[mine], lat[mine]]))
        return found

    def _among(self, parts: dict[str, Any], positions: Floats) -> set[str]:
        """The countries of positions in a square, from the parts of countries in it."""
        found: set[str] = set()
        left = np.ones(len(positions), dtype=np.bool_)
        for name, part in parts.items():
            inside = shapely.contains_xy(part, positions[:, 0], positions[:, 1])
            if inside.any():
                found.add(name)
            left &= ~inside
        for position in shapely.points(positions[left]):
            near = {name: shapely.distance(part, position) for name, part in parts.items()}
            closest = min(near, key=near.__getitem__)
            if near[closest] <= NEAR_DEGREES:
                found.add(closest)
        return found

    def _of_square(self, square: Square) -> dict[str, Any]:
        """The parts of countries in a square and a little around it, by name."""
        found = self._squares.get(square)
        if found is None:
            x, y = (edge / SQUARES_PER_DEGREE for edge in square)
            size = 1 / SQUARES_PER_DEGREE + NEAR_DEGREES
            edges = (x - NEAR_DEGREES, y - NEAR_DEGREES, x + size, y + size)
            pieces: dict[str, list[Any]] = {}
            for k in self._tree.query(shapely.box(*edges)).tolist():
                if not shapely.is_valid(self.shapes[k]):  # some coasts touch themselves
                    self.shapes[k] = shapely.make_valid(self.shapes[k])
                piece = shapely.clip_by_rect(self.shapes[k], *edges)
                if not piece.is_empty:
                    pieces.setdefault(self.names[k], []).append(piece)
            found = {name: shapely.union_all(some) for name, some in pieces.items()}
            for part in found.values():
                shapely.prepare(part)
            self._squares[square] = found
        return found


@cache
def load_countries() -> Countries:
    """The countries of the gazetteer; they are read once."""
    topology = json.loads((GAZETTEER / "countries.json").read_bytes())
    scale, move = (np.array(topology["transform"][name]) for name in ("scale", "translate"))
    arcs = [np.cumsum(np.array(arc), axis=0) * scale + move for arc in topology["arcs"]]
    names, shapes = [], []
    for country in topology["objects"]["countries"]["geometries"]:
        name = country.get("properties", {}).get("name")
        if name and country.get("arcs"):
            many = country["arcs"] if country["type"] == "MultiPolygon" else [country["arcs"]]
            areas = [area for rings in many for area in _areas(rings, arcs)]
            shapes += areas
            names += [name] * len(areas)
    return Countries(names, shapes)


def _areas(rings: Iterable[Sequence[int]], arcs: Sequence[Floats]) -> list[Any]:
    """The area within rings; twice if it crosses the antimeridian, once for each side."""
    closed = [
        np.concatenate([arcs[k] if k >= 0 else arcs[~k][::-1] for k in ring]) for ring in rings
    ]
    closed = [ring for ring in closed if len(ring) > CORNERS]
    if not closed:
        return []
    for ring in closed:
        ring[:, 0] = np.unwrap(ring[:, 0], period=360)
    area = shapely.Polygon(closed[0], closed[1:])
    west, _, east, _ = area.bounds
    if west >= -180 and east <= 180:
        return [area]
    aside = np.array([-360.0 if east > 180 else 360.0, 0.0])
    return [area, shapely.transform(area, lambda positions: positions + aside)]
