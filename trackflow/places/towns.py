"""The town in which a position lies: towns of GeoNames, without any service.

The file says where a town's middle is and how many people live there. A town is taken to reach as
far as such towns usually do.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from functools import cache
from math import cos, floor, hypot, radians, sqrt
from typing import NamedTuple

from trackflow.geo.distance import METRES_PER_DEGREE
from trackflow.places.countries import GAZETTEER

SQUARE_DEGREES = 0.25
LEAST_REACH_M = 1500.0
METRES_PER_ROOT = 8.0
"""A town of a million people reaches 1,500 m + 8 m * 1,000 from its middle."""


PLACE_DIGITS = 3
"""Of degrees: a hundred metres."""

MOST_KNOWN = 100_000
"""Places whose towns are kept: some ten MB."""


class Town(NamedTuple):
    """A town with its middle.

    Attributes:
        name: as its people write it.
        country: code of ISO 3166, such as FI.
        lon: degrees.
        lat: degrees.
        population: people.
    """

    name: str
    country: str
    lon: float
    lat: float
    population: int

    @property
    def reach_m(self) -> float:
        """How far it is taken to reach."""
        return LEAST_REACH_M + METRES_PER_ROOT * sqrt(self.population)


@dataclass(slots=True)
class Towns:
    """The towns of the world, by squares."""

    squares: defaultdict[tuple[int, int], list[Town]] = field(
        default_factory=lambda: defaultdict(list)
    )
    _known: dict[tuple[float, float], Town | None] = field(default_factory=dict)

    def at(self, lon: float, lat: float) -> Town | None:
        """The town at a position; of several, the one whose middle is nearest for its size.

        Positions that agree in `PLACE_DIGITS` have one answer, which is kept: devices stay at the
        same places again and again.
        """
        place = round(lon, PLACE_DIGITS), round(lat, PLACE_DIGITS)
        if place not in self._known:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            self._known[place] = self._nearest(*place)
        return self._known[place]

    def _nearest(self, lon: float, lat: float) -> Town | None:
        across = METRES_PER_DEGREE * cos(radians(lat))
        best: tuple[float, Town] | None = None
        x, y = floor(lon / SQUARE_DEGREES), floor(lat / SQUARE_DEGREES)
        # towns reach further to the east and west in degrees, the nearer they are to a pole
        wide = 1 + floor(1 / max(cos(radians(lat)), 0.1) / 2)
        for column in range(x - wide, x + wide + 1):
            for row in (y - 1, y, y + 1):
                for town in self.squares.get((column, row), ()):
                    away_m = hypot((town.lon - lon) * across, (town.lat - lat) * METRES_PER_DEGREE)
                    share = away_m / town.reach_m
                    if share <= 1 and (best is None or share < best[0]):
                        best = share, town
        return None if best is None else best[1]


@cache
def load_towns() -> Towns:
    """The towns of the gazetteer; they are read once."""
    found = Towns()
    with (GAZETTEER / "towns.tsv").open(encoding="utf-8") as lines:
        for line in lines:
            name, country, lon, lat, population = line.rstrip("\n").split("\t")
            town = Town(name, country, float(lon), float(lat), int(population))
            square = floor(town.lon / SQUARE_DEGREES), floor(town.lat / SQUARE_DEGREES)
            found.squares[square].append(town)
    return found
