"""The sea of an extract, from its coastline.

OpenStreetMap has no polygons of the sea: it has lines with the land on their left and the water on
their right. An extract holds the pieces within its area. Closed ones are islands; the others cut
the area into faces, and each face is sea or land by what its coast says about that side of it.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import shapely
from shapely.geometry import LineString, Polygon
from shapely.geometry.base import BaseGeometry

from trackflow.geo.points import Bools, Floats

ASIDE_DEGREES = 1e-6
"""A tenth of a metre: how far beside a coast it is asked on which face that side lies."""

MOST_VERTICES = 2_000
"""Larger polygons are cut into quarters: an ocean with its islands would be one huge one."""

SMALLEST_DEGREES = 0.01

type Coast = Floats
"""A piece of coastline: longitudes and latitudes in degrees, shape (n, 2), the sea on its right."""


def sea_polygons(coasts: Sequence[Coast], area: Polygon) -> Iterator[Polygon]:
    """The sea within an area, cut into polygons that are not too large.

    Args:
        coasts: pieces of coastline in any order, each with the sea on its right.
        area: the area of the extract.
    """
    if not coasts:
        return
    merged = shapely.line_merge(
        shapely.multilinestrings([LineString(c) for c in coasts]), directed=True
    )
    lines = [line for line in shapely.get_parts(merged) if len(line.coords) > 1]
    rings = [line for line in lines if line.is_ring]
    open_lines = [line for line in lines if not line.is_ring]
    faces = _faces(open_lines, area)
    wet = _is_sea(faces, open_lines, rings)
    islands = np.array([Polygon(r.coords) for r in rings if shapely.is_ccw(r)], dtype=object)
    pools = [Polygon(ring.coords) for ring in rings if not shapely.is_ccw(ring)]
    sea = [face for face, is_wet in zip(faces, wet, strict=True) if is_wet]
    sea += [pool.intersection(area) for pool in pools]
    tree = shapely.STRtree(islands)
    for polygon in sea:
        for piece in _cut(shapely.make_valid(polygon)):
            near = islands[tree.query(piece, predicate="intersects")]
            left = (
                piece.difference(shapely.union_all(shapely.make_valid(near)))
                if len(near)
                else piece
            )
            yield from _polygons(left)


def _faces(lines: Sequence[LineString], area: Polygon) -> list[Polygon]:
    """The parts into which lines cut an area; a line that ends within is led to its edge."""
    edge = area.exterior
    within = shapely.get_parts(shapely.intersection(np.array(lines, dtype=object), area))
    ends = []
    for line in within:
        if line.geom_type != "LineString":
            continue
        for place in (line.coords[0], line.coords[-1]):
            end = shapely.Point(place)
            if edge.distance(end) > 1e-9:
                ends.append(end)
    # where two pieces meet is no end
    counts: dict[tuple[float, float], int] = {}
    for end in ends:
        counts[end.x, end.y] = counts.get((end.x, end.y), 0) + 1
    led = [shapely.shortest_line(shapely.Point(p), edge) for p, n in counts.items() if n == 1]
    noded = shapely.union_all([edge, *within, *led])
    return list(shapely.get_parts(shapely.polygonize(shapely.get_parts(noded))))


def _is_sea(
    faces: Sequence[Polygon], lines: Sequence[LineString], rings: Sequence[LineString]
) -> Bools:
    """Of each face, whether more of the coast along it says sea than land."""
    votes = np.zeros(len(faces))
    tree = shapely.STRtree(faces)
    for line in lines:
        _vote(votes, tree, line, right=True)
        _vote(votes, tree, line, right=False)
    for ring in rings:
        # what lies inside is no part of the face around it
        _vote(votes, tree, ring, right=bool(shapely.is_ccw(ring)))
    return votes > 0


def _vote(votes: Floats, tree: shapely.STRtree, line: LineString, *, right: bool) -> None:
    """Add a coast's length to the faces on one of its sides: sea on its right, land on its left."""
    at = shapely.get_coordinates(line)
    step = np.diff(at, axis=0)
    length = np.hypot(step[:, 0], step[:, 1])
    kept = length > 0
    middle, step, length = (at[:-1] + at[1:])[kept] / 2, step[kept], length[kept]
    normal = np.column_stack([step[:, 1], -step[:, 0]]) / length[:, None]
    side = middle + normal * (ASIDE_DEGREES if right else -ASIDE_DEGREES)
    of_point, of_face = tree.query(shapely.points(side), predicate="within")
    np.add.at(votes, of_face, length[of_point] if right else -length[of_point])


def _cut(geometry: BaseGeometry) -> Iterator[Polygon]:
    """Polygons with few vertices that make up the same area."""
    for polygon in _polygons(geometry):
        west, south, east, north = polygon.bounds
        is_small = shapely.get_num_coordinates(polygon) <= MOST_VERTICES
        if is_small or max(east - west, north - south) < SMALLEST_DEGREES:
            yield polygon
            continue
        lon, lat = (west + east) / 2, (south + north) / 2
        for quarter in (
            (west, south, lon, lat),
            (lon, south, east, lat),
            (west, lat, lon, north),
            (lon, lat, east, north),
        ):
            yield from _cut(shapely.make_valid(shapely.clip_by_rect(polygon, *quarter)))


def _polygons(geometry: BaseGeometry) -> Iterator[Polygon]:
    for part in shapely.get_parts(geometry):
        if part.geom_type == "Polygon" and not part.is_empty:
            yield part
        elif part.geom_type in ("MultiPolygon", "GeometryCollection"):
            yield from _polygons(part)
