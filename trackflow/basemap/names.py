"""Names of streets and places of an extract, to be searched: one sorted text file beside the tiles.

Written while the tiles are made, from the same features. A street is many ways; those of one name
that lie near each other are one entry with one box. The file is searched where it lies, at the
speed of memory: a country's names are some ten megabytes.
"""

import mmap
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, Self

import orjson

from trackflow.geo.bbox import Bbox
from trackflow.words import folded, rank

NAMES = "names.tsv"

KINDS = {
    "street_labels": "street",
    "street_polygons_labels": "street",
    "place_labels": "place",
    "water_polygons_labels": "water",
    "water_lines_labels": "water",
    "land_labels": "park",
    "public_transport": "station",
    "ferries": "ferry",
}
"""Kinds of names, by the layers of tiles that have them."""

TOGETHER_DEGREES = 0.005
"""Ways of one name so near to each other are one street."""

MOST_HITS = 20_000
"""Lines that are looked at for one search."""


class NamedThing(NamedTuple):
    """A street, place or water with its name.

    Attributes:
        name: as it is written there.
        kind: one of `KINDS`, or for places city, town, village and so on.
        bbox: where it is.
    """

    name: str
    kind: str
    bbox: Bbox

    @property
    def middle(self) -> tuple[float, float]:
        """Longitude and latitude of the middle of its box."""
        return (self.bbox.west + self.bbox.east) / 2, (self.bbox.south + self.bbox.north) / 2


class NameCollector:
    """Collects names from the features of a base map as they pass by."""

    def __init__(self) -> None:
        self._boxes: defaultdict[tuple[str, str, str], list[Bbox]] = defaultdict(list)

    def passing(self, lines: Iterable[bytes]) -> Iterator[bytes]:
        """The same features; their names are noted."""
        for line in lines:
            if b'"name"' in line:
                self._note(orjson.loads(line))
            yield line

    def _note(self, feature: dict[str, dict[str, object]]) -> None:
        layer = str(feature["tippecanoe"]["layer"])
        properties = feature["properties"]
        name = str(properties.get("name") or "").replace("\t", " ").replace("\n", " ").strip()
        if layer not in KINDS or not name:
            return
        kind = str(properties["kind"]) if layer == "place_labels" else KINDS[layer]
        box = _box_of(feature["geometry"]["coordinates"])
        others = (str(properties[key]) for key in ("name_en", "name_de") if key in properties)
        for word in {folded(one) for one in (name, *others)} - {""}:
            _add(self._boxes[word, name, kind], box)

    def write(self, path: Path) -> None:
        """Write the file, sorted."""
        with path.open("w", encoding="utf-8") as file:
            for (word, name, kind), boxes in sorted(self._boxes.items()):
                for box in _together(boxes):
                    edges = "\t".join(f"{edge:.5f}" for edge in box)
                    file.write(f"{word}\t{name}\t{kind}\t{edges}\n")


def _box_of(coordinates: object) -> Bbox:
    """The box of GeoJSON coordinates of any depth."""
    west, south, east, north = 180.0, 90.0, -180.0, -90.0
    todo = [coordinates]
    while todo:
        one = todo.pop()
        assert isinstance(one, list)
        if one and isinstance(one[0], list):
            todo += one
        else:
            west, east = min(west, one[0]), max(east, one[0])
            south, north = min(south, one[1]), max(north, one[1])
    return Bbox(west, south, east, north)


def _add(boxes: list[Bbox], box: Bbox) -> None:
    """Add a box to those that are apart, in place: the last one grows if it is near."""
    if boxes and _are_near(boxes[-1], box):
        boxes[-1] = _around(boxes[-1], box)
    else:
        boxes.append(box)


def _together(boxes: list[Bbox]) -> list[Bbox]:
    """Boxes none of which are near each other."""
    todo, found = sorted(boxes), list[Bbox]()
    while todo:
        box = todo.pop()
        near = [other for other in found if _are_near(other, box)]
        if near:
            found = [other for other in found if other not in near]
            for other in near:
                box = _around(box, other)
            todo.append(box)  # it has grown, and may touch others now
        else:
            found.append(box)
    return sorted(found)


def _are_near(one: Bbox, other: Bbox) -> bool:
    apart = TOGETHER_DEGREES
    return (
        one.west <= other.east + 2 * apart
        and other.west <= one.east + 2 * apart
        and one.south <= other.north + apart
        and other.south <= one.north + apart
    )


def _around(one: Bbox, other: Bbox) -> Bbox:
    return Bbox(
        min(one.west, other.west),
        min(one.south, other.south),
        max(one.east, other.east),
        max(one.north, other.north),
    )


class NameFile:
    """The names of one base map; may be used by several threads."""

    def __init__(self, folder: Path) -> None:
        """Open the file in a base map's folder.

        Raises:
            FileNotFoundError: there is none: the base map is of an older trackflow.
        """
        with (folder / NAMES).open("rb") as file:
            file.seek(0, 2)
            is_empty = file.tell() == 0
            self._map = None if is_empty else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def find(self, text: str) -> list[tuple[int, NamedThing]]:
        """What has a name that fits a text, with how well: see `words.rank`; in no order."""
        wanted = folded(text)
        if self._map is None or not wanted:
            return []
        needle = max(wanted.split(), key=len).encode()
        found: dict[NamedThing, int] = {}
        at, hits = self._map.find(needle), 0
        while at >= 0 and hits < MOST_HITS:
            hits += 1
            begin = self._map.rfind(b"\n", 0, at) + 1
            end = self._map.find(b"\n", at)
            word, name, kind, *edges = self._map[begin:end].decode().split("\t")
            how = rank(word, wanted)
            if how is not None:
                thing = NamedThing(name, kind, Bbox(*map(float, edges)))
                found[thing] = min(how, found.get(thing, how))
            at = self._map.find(needle, end)
        return [(how, thing) for thing, how in found.items()]

    def close(self) -> None:
        """Release the file."""
        if self._map is not None:
            self._map.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
