"""Which things of OpenStreetMap a base map shows, in which layer, and from which zoom.

Layers and their `kind`s are those of Shortbread 1.0 (https://shortbread-tiles.org/schema/1.0/), a
public schema of several providers: a style made for it draws our tiles, and ours draws theirs. Two
layers are left out (`addresses`, `pois`), as a map under tracks has to be calm; one is added:
`covered`, the area that the tiles know about.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

HIGHEST_ZOOM = 14
"""A map library shows these tiles larger at higher zooms: 4096 steps are half a metre there."""


class Tags(Protocol):
    """The tags of a thing: what is asked of osmium's list, or of a dictionary."""

    def get(self, key: str, /) -> str | None:
        """The value of a key."""


@dataclass(frozen=True, slots=True)
class Shown:
    """How a thing is shown.

    Attributes:
        layer: the layer's name.
        zoom: the lowest zoom that shows it.
        properties: what the tile says about it.
    """

    layer: str
    zoom: int
    properties: Mapping[str, str | int | bool] = field(default_factory=dict)


STREETS = {
    "motorway": 5,
    "trunk": 6,
    "primary": 8,
    "secondary": 9,
    "tertiary": 10,
    "unclassified": 12,
    "residential": 12,
    "busway": 12,
    "living_street": 12,
    "pedestrian": 12,
    "service": 13,
    "track": 13,
    "footway": 13,
    "path": 13,
    "cycleway": 13,
    "bridleway": 13,
    "steps": 13,
}
"""The lowest zoom of each kind of street."""

NAMES_FROM = {"motorway": 10, "trunk": 10, "primary": 12, "secondary": 12, "tertiary": 13}
"""The lowest zoom of the names of large streets; others are named from 14."""

RAILS = {"rail": 8, "narrow_gauge": 8, "light_rail": 10, "tram": 10, "subway": 10, "funicular": 10}

PLACES = {
    "city": 6,
    "town": 7,
    "village": 10,
    "suburb": 10,
    "hamlet": 11,
    "quarter": 12,
    "neighbourhood": 13,
    "island": 10,
    "isolated_dwelling": 13,
    "locality": 13,
}
CAPITAL_ZOOM = 4

LAND: Mapping[tuple[str, str], tuple[str, int]] = {
    ("natural", "wood"): ("forest", 7),
    ("landuse", "forest"): ("forest", 7),
    ("natural", "glacier"): ("glacier", 7),
    ("natural", "wetland"): ("wetland", 10),
    ("natural", "scrub"): ("scrub", 11),
    ("natural", "heath"): ("heath", 11),
    ("natural", "grassland"): ("grassland", 11),
    ("natural", "beach"): ("beach", 10),
    ("natural", "sand"): ("sand", 10),
    ("natural", "bare_rock"): ("bare_rock", 11),
    ("landuse", "grass"): ("grass", 11),
    ("landuse", "meadow"): ("meadow", 11),
    ("landuse", "village_green"): ("village_green", 11),
    ("landuse", "recreation_ground"): ("recreation_ground", 11),
    ("landuse", "farmland"): ("farmland", 10),
    ("landuse", "orchard"): ("orchard", 10),
    ("landuse", "vineyard"): ("vineyard", 10),
    ("landuse", "allotments"): ("allotments", 11),
    ("landuse", "cemetery"): ("cemetery", 12),
    ("landuse", "residential"): ("residential", 10),
    ("landuse", "commercial"): ("commercial", 10),
    ("landuse", "retail"): ("retail", 10),
    ("landuse", "industrial"): ("industrial", 10),
    ("landuse", "railway"): ("railway", 11),
    ("landuse", "quarry"): ("quarry", 11),
    ("leisure", "park"): ("park", 11),
    ("leisure", "garden"): ("garden", 13),
    ("leisure", "golf_course"): ("golf_course", 11),
    ("leisure", "pitch"): ("pitch", 13),
    ("leisure", "playground"): ("playground", 13),
}

WATERS = {"water": 4, "glacier": 4}
WATERWAYS = {"river": 9, "canal": 9, "stream": 13, "ditch": 14, "drain": 14}
STATIONS = {"station": 12, "halt": 13, "tram_stop": 14, "subway_entrance": 14}
LANGUAGES = ("en", "de")

KEYS = (
    *("highway", "railway", "route", "place", "waterway", "natural", "water", "landuse", "leisure"),
    *("building", "man_made", "boundary", "aeroway"),
)
"""Without one of these keys a thing is not shown."""

AREA_KEYS = (
    "natural",
    "waterway",
    "landuse",
    "leisure",
    "building",
    "highway",
    "man_made",
    "aeroway",
)
"""The same for areas: countries are no areas here, and putting them together takes long."""


def names(tags: Tags) -> dict[str, str]:
    """The name of a thing, and what it is called elsewhere where that differs."""
    name = tags.get("name")
    if not name:
        return {}
    found = {"name": name}
    for language in LANGUAGES:
        other = tags.get(f"name:{language}")
        if other and other != name:
            found[f"name_{language}"] = other
    return found


def of_point(tags: Tags) -> Iterator[Shown]:
    """How a point is shown: places and stations."""
    name = names(tags)
    place = tags.get("place")
    if name and place in PLACES:
        capital = place in ("city", "town") and tags.get("capital") in ("yes", "2")
        kind = "capital" if capital else place
        zoom = CAPITAL_ZOOM if capital else PLACES[place]
        population = _number(tags.get("population"))
        yield Shown("place_labels", zoom, {"kind": kind, "population": population, **name})
    station = tags.get("railway")
    if name and station in STATIONS:
        yield Shown("public_transport", STATIONS[station], {"kind": station, **name})


def of_line(tags: Tags, border: int | None = None) -> Iterator[Shown]:
    """How a line is shown: streets, rails, waters, ferries, borders.

    Args:
        tags: of the way.
        border: the level of the border that it is part of, 2 for countries; None for no border.
    """
    yield from _street(tags)
    rail = tags.get("railway")
    if rail in RAILS and not (tags.get("service") and rail == "tram"):
        properties: dict[str, str | int | bool] = {"kind": rail, "rail": True}
        if service := tags.get("service"):
            properties["service"] = service
        yield Shown("streets", 13 if service else RAILS[rail], properties | _levels(tags))
    water = tags.get("waterway")
    if water in WATERWAYS:
        zoom = WATERWAYS[water]
        yield Shown("water_lines", zoom, {"kind": water} | _levels(tags))
        if name := names(tags):
            yield Shown("water_lines_labels", max(zoom, 12), {"kind": water, **name})
    if tags.get("route") == "ferry":
        yield Shown("ferries", 10, {"kind": "ferry", **names(tags)})
    if tags.get("man_made") in ("pier", "breakwater", "groyne"):
        yield Shown("pier_lines", 13, {"kind": str(tags.get("man_made"))})
    if tags.get("aeroway") in ("runway", "taxiway"):
        yield Shown("streets", 11, {"kind": str(tags.get("aeroway"))})
    if border is not None:
        maritime = tags.get("maritime") == "yes"
        yield Shown(
            "boundaries", 0 if border == 2 else 7, {"admin_level": border, "maritime": maritime}
        )


def _street(tags: Tags) -> Iterator[Shown]:
    highway = tags.get("highway") or ""
    kind = highway.removesuffix("_link")
    if kind not in STREETS or tags.get("area") == "yes":
        return
    is_link = kind != highway
    zoom = max(STREETS[kind], 11) if is_link else STREETS[kind]
    if tags.get("service") in ("parking_aisle", "driveway", "drive-through"):
        zoom = 14
    properties: dict[str, str | int | bool] = {"kind": kind}
    if is_link:
        properties["link"] = True
    if service := tags.get("service"):
        properties["service"] = service
    yield Shown("streets", zoom, properties | _levels(tags))
    labels: dict[str, str | int | bool] = {"kind": kind, **names(tags)}
    if ref := tags.get("ref"):
        labels["ref"] = ref
    if len(labels) > 1 and not is_link:
        yield Shown("street_labels", NAMES_FROM.get(kind, 14), labels)


def _levels(tags: Tags) -> dict[str, str | int | bool]:
    """Whether a line goes over or under others."""
    found: dict[str, str | int | bool] = {}
    if tags.get("tunnel") not in (None, "no"):
        found["tunnel"] = True
    if tags.get("bridge") not in (None, "no"):
        found["bridge"] = True
    return found


def of_area(tags: Tags) -> Iterator[Shown]:
    """How an area is shown: waters, land, buildings, squares, runways."""
    natural = tags.get("natural")
    if natural == "water" or tags.get("waterway") in ("riverbank", "dock"):
        kind = tags.get("water") or "water"
        yield Shown("water_polygons", WATERS["water"], {"kind": kind})
        if name := names(tags):
            yield Shown("water_polygons_labels", 10, {"kind": kind, **name})
        return
    for (key, value), (kind, zoom) in LAND.items():
        if tags.get(key) == value:
            yield Shown("land", zoom, {"kind": kind})
            if kind in ("park", "cemetery") and (name := names(tags)):
                yield Shown("land_labels", 14, {"kind": kind, **name})
            break
    if tags.get("building") not in (None, "no"):
        yield Shown("buildings", HIGHEST_ZOOM)
    if tags.get("highway") in ("pedestrian", "footway", "service") and tags.get("area") == "yes":
        yield Shown("street_polygons", 13, {"kind": str(tags.get("highway"))})
        if name := names(tags):
            yield Shown("street_polygons_labels", 14, {"kind": "pedestrian", **name})
    if tags.get("man_made") in ("pier", "breakwater", "bridge"):
        yield Shown("pier_polygons", 13, {"kind": str(tags.get("man_made"))})
    if tags.get("aeroway") in ("aerodrome", "runway"):
        yield Shown("sites", 11, {"kind": str(tags.get("aeroway"))})


def _number(text: str | None) -> int:
    """A population; 0 for none that can be read."""
    digits = (text or "").replace(" ", "").replace(",", "")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 10 else 0
