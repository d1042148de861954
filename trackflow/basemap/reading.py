"""Reads an OpenStreetMap extract for the base map: one line of GeoJSON for each thing in a layer.

A country has some ten million of them, so that geometries become text within osmium, and nothing is
kept but the coastline and the cells of the area that is covered.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import shapely
from shapely.geometry import Polygon

from trackflow.basemap import schema
from trackflow.basemap.ocean import Coast, sea_polygons
from trackflow.basemap.schema import Shown
from trackflow.errors import BaseMapError

DETAIL_ZOOM = 8
"""Below it, a coast of the whole world is exact enough, and the extract's own is not drawn."""

COVER_DEGREES = 0.01
"""The area that an extract covers is the hull of the cells of this size that have streets."""

COUNTRY, REGION = 2, 4
"""Levels of borders that are shown."""

NODES = "sparse_mem_array"
"""How osmium keeps the places of nodes: 16 bytes for each; its default grows with their numbers."""


def read_features(extract: Path) -> Iterator[bytes]:
    """The things of an extract that a base map shows, as lines of GeoJSON for tippecanoe.

    Args:
        extract: an OpenStreetMap file that osmium reads: pbf, or XML plain or packed.

    Raises:
        BaseMapError: it cannot be read.
    """
    # the reader of extracts takes a tenth of a second to load: only where a map is built
    import osmium

    reader = _Reader(osmium)
    try:
        borders = _borders(osmium, extract)
        yield from reader.things(extract, borders)
    except RuntimeError as error:
        raise BaseMapError(f"{extract.name} cannot be read ({error}): download it again") from None
    yield from reader.sea()


def _borders(osmium: Any, extract: Path) -> dict[int, int]:
    """The ways that are borders of countries and regions, with the highest level of each."""
    found: dict[int, int] = {}
    levels = {"2": COUNTRY, "4": REGION}
    relations = osmium.FileProcessor(extract, osmium.osm.RELATION)
    for relation in relations.with_filter(osmium.filter.TagFilter(("boundary", "administrative"))):
        level = levels.get(relation.tags.get("admin_level") or "")
        if level is None:
            continue
        for member in relation.members:
            if member.type == "w":
                found[member.ref] = min(level, found.get(member.ref, level))
    return found


class _Reader:
    """One pass over an extract, and what it leaves for the sea."""

    def __init__(self, osmium: Any) -> None:
        self._osmium = osmium
        self._geojson = osmium.geom.GeoJSONFactory()
        self._coasts: list[Coast] = []
        self._cells: set[tuple[int, int]] = set()

    def things(self, extract: Path, borders: dict[int, int]) -> Iterator[bytes]:
        """All features but the sea."""
        osmium = self._osmium
        processor = (
            osmium.FileProcessor(extract)
            .with_locations(NODES)
            .with_areas(osmium.filter.KeyFilter(*schema.AREA_KEYS))
            .with_filter(osmium.filter.KeyFilter(*schema.KEYS))
        )
        for item in processor:
            if item.is_node():
                if item.location.valid():
                    yield from self._features(item, schema.of_point(item.tags))
            elif item.is_way():
                yield from self._way(item, borders)
            elif item.is_area():
                yield from self._features(item, schema.of_area(item.tags))

    def _way(self, way: Any, borders: dict[int, int]) -> Iterator[bytes]:
        tags = way.tags
        if tags.get("natural") == "coastline":
            self._coast(way)
        if tags.get("highway") and len(way.nodes) and way.nodes[0].location.valid():
            place = way.nodes[0].location
            self._cells.add((int(place.lon // COVER_DEGREES), int(place.lat // COVER_DEGREES)))
        yield from self._features(way, schema.of_line(tags, borders.get(way.id)))

    def _coast(self, way: Any) -> None:
        places = [node.location for node in way.nodes if node.location.valid()]
        if len(places) > 1:
            self._coasts.append(np.array([(place.lon, place.lat) for place in places]))
            at = self._coasts[-1] // COVER_DEGREES
            self._cells.update((int(x), int(y)) for x, y in at)

    def _features(self, item: Any, shown: Iterator[Shown]) -> Iterator[bytes]:
        geometry: str | None = None
        for one in shown:
            if geometry is None:
                geometry = self._geometry(item)
                if geometry is None:
                    return
            # an area's name is one point: a polygon would get one in each tile
            is_name = one.layer.endswith("_labels") and item.is_area()
            yield _line(one, _middle(geometry) if is_name else geometry.encode())

    def _geometry(self, item: Any) -> str | None:
        """The geometry as GeoJSON; None if the extract has only a part of it."""
        make: Any = self._geojson
        try:
            if item.is_node():
                text = make.create_point(item)
            elif item.is_way():
                text = make.create_linestring(item)
            else:
                text = make.create_multipolygon(item)
        except (RuntimeError, self._osmium.InvalidLocationError):
            return None
        return str(text)

    def sea(self) -> Iterator[bytes]:
        """The covered area and the sea in it."""
        area = self._area()
        if area is None:
            return
        yield _line(Shown("covered", DETAIL_ZOOM), shapely.to_geojson(area).encode())
        for polygon in sea_polygons(self._coasts, area):
            yield _line(Shown("ocean", DETAIL_ZOOM), shapely.to_geojson(polygon).encode())

    def _area(self) -> Polygon | None:
        """The hull of the cells with streets or coast; None without any."""
        if not self._cells:
            return None
        corner = np.array(sorted(self._cells), dtype=float) * COVER_DEGREES
        corners = np.concatenate([corner, corner + COVER_DEGREES])
        hull = shapely.convex_hull(shapely.multipoints(corners))
        return hull if isinstance(hull, Polygon) else hull.envelope


def _middle(geometry: str) -> bytes:
    """A point within an area, as GeoJSON."""
    area = shapely.from_geojson(geometry)
    return str(shapely.to_geojson(shapely.point_on_surface(area))).encode()


def _line(shown: Shown, geometry: bytes) -> bytes:
    """A feature as a line; osmium's text is put in as it is."""
    properties = orjson.dumps(dict(shown.properties))
    where = orjson.dumps({"layer": shown.layer, "minzoom": shown.zoom})
    return b"".join(
        (
            b'{"type":"Feature","tippecanoe":',
            where,
            b',"properties":',
            properties,
            b',"geometry":',
            geometry,
            b"}\n",
        )
    )
