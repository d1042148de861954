"""Tracks on a terrain: a line becomes a raised ribbon on it, or a groove in its solid.

The ribbon follows the triangles exactly, not the image that they were made from: it is what an
upright wall around the line and a layer on the terrain have in common, which cuts the line
wherever it crosses from one triangle into another, and off where the terrain ends.
"""

from collections.abc import Iterable, Sequence

import manifold3d
import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Transformer

from trackflow.errors import BadInputError
from trackflow.meshes.closed import body_of, manifold_of
from trackflow.meshes.heights import Georeference
from trackflow.meshes.solid import border_of
from trackflow.meshes.triangles import Triangles

type Lonlat = NDArray[np.float64]
"""Longitude and latitude in degrees; shape (n, 2)."""

type Line = NDArray[np.float64]
"""x to the east and y to the north, in metres from a mesh's origin; shape (n, 2)."""

_QUADRANT_SEGMENTS = 4
_PIECE_POINTS = 32
_DECIMALS = 6
_SMOOTHING_SHARE = 1 / 50
"""The edges of a ribbon are as smooth as this share of its width."""

_SUNK_SHARE = 0.5
"""A ribbon reaches into the terrain by this share of its height, so that both print as one."""


def local_lines(
    lines: Iterable[Lonlat], place: Georeference, ground_width_m: float, ground_height_m: float
) -> list[Line]:
    """Lines in metres from a mesh's origin; where a line cannot be projected, it is cut.

    Args:
        lines: in WGS 84.
        place: where the mesh lies.
        ground_width_m: from the western edge of the first pixel to the eastern one of the last.
        ground_height_m: from the southern edge to the northern one.
    """
    transformer = Transformer.from_crs("EPSG:4326", place.crs, always_xy=True)
    local = []
    for line in lines:
        x, y = transformer.transform(line[:, 0], line[:, 1])
        if transformer.target_crs is not None and transformer.target_crs.is_geographic:
            middle = (place.west + place.east) / 2
            x = middle + (np.asarray(x) - middle + 180) % 360 - 180  # 0-360° images as well
        projected = np.column_stack(
            [
                ((x - place.west) / (place.east - place.west) - 0.5) * ground_width_m,
                ((y - place.south) / (place.north - place.south) - 0.5) * ground_height_m,
            ]
        )
        usable = np.isfinite(projected).all(axis=1)
        cuts = np.flatnonzero(np.diff(usable)) + 1
        local += [part for part in np.split(projected, cuts) if np.isfinite(part).all()]
    return local


def ribbon_on(
    surface: Triangles, lines: Sequence[Line], width_m: float, height_m: float
) -> Triangles | None:
    """A closed body on a terrain along lines; None where no line touches the terrain.

    Args:
        surface: the terrain.
        lines: in metres from its origin; parts beside it are cut off.
        width_m: of the ribbon.
        height_m: how far it stands out of the terrain.
    """
    ground = footprint_of(surface, lines, width_m)
    below = _near(surface, ground)
    if not len(below.faces):
        return None
    layer = manifold_of(_layer(below, height_m, -_SUNK_SHARE * height_m))
    low, high = _height_range(below)
    ribbon = layer ^ _prism(ground, low - 2 * height_m, high + 2 * height_m)
    return None if ribbon.is_empty() else body_of(ribbon, "track")


def groove_in(solid: Triangles, lines: Sequence[Line], width_m: float, depth_m: float) -> Triangles:
    """A terrain's solid with a groove along lines; the same solid where no line touches it.

    Args:
        solid: a closed body with a flat underside.
        lines: in metres from its origin; parts beside it have no effect.
        width_m: of the groove.
        depth_m: of the groove, below the terrain.

    Raises:
        BadInputError: the groove would cut through the underside.
    """
    ground = footprint_of(solid, lines, width_m)
    if ground.is_empty:
        return solid
    heights = solid.vertices[:, 2]
    low, high = _height_range(solid)
    thinnest_m = float(heights[heights > low].min()) - low
    if depth_m >= thinnest_m:
        raise BadInputError(
            f"a groove {depth_m:g} m deep would cut through the solid, which is {thinnest_m:g} m "
            "thick at its thinnest: ask for a thicker base or a shallower groove"
        )
    body = manifold_of(solid)
    cut = _prism(ground, low - depth_m / 2, high + depth_m) - body.translate((0, 0, -depth_m))
    return body_of(body - cut, solid.name)


def _height_range(body: Triangles) -> tuple[float, float]:
    heights = body.vertices[:, 2]
    return float(heights.min()), float(heights.max())


def footprint_of(body: Triangles, lines: Sequence[Line], width_m: float) -> shapely.Geometry:
    """The ground that lines of a width cover, on and near a body.

    Each line is widened piece by piece: a hundred laps cross each other millions of times, which
    takes minutes as lines, and nothing once they are areas that swallow each other.
    """
    low, high = body.vertices[:, :2].min(axis=0), body.vertices[:, :2].max(axis=0)
    near = shapely.box(*(low - width_m), *(high + width_m))
    # steps of no length to speak of make GEOS divide by zero
    rounded = [np.round(line, _DECIMALS) for line in lines]
    pieces = [
        shapely.LineString(line[first : first + _PIECE_POINTS + 1])
        for line in rounded
        if len(np.unique(line, axis=0)) > 1
        for first in range(0, len(line) - 1, _PIECE_POINTS)
    ]
    areas = shapely.buffer(
        shapely.intersection(pieces, near),
        width_m / 2,
        quad_segs=_QUADRANT_SEGMENTS,
        cap_style="round",
    )
    return shapely.simplify(shapely.union_all(areas), width_m * _SMOOTHING_SHARE)


def _near(surface: Triangles, ground: shapely.Geometry) -> Triangles:
    """The part of a terrain that some ground touches, seen from above: cutting it costs less.

    Where parts of it would meet in a point only, the triangles around that point are taken too:
    walls down from its border would meet in a line there, and enclose no body.
    """
    corners = surface.vertices[surface.faces][:, :, :2]
    boxes = shapely.box(*corners.min(axis=1).T, *corners.max(axis=1).T)
    taken = np.zeros(len(boxes), dtype=np.bool_)
    taken[shapely.STRtree(boxes).query(ground, predicate="intersects")] = True
    while True:
        part = Triangles(surface.vertices, surface.faces[taken])
        start, _end = border_of(part)
        met = np.flatnonzero(np.bincount(start, minlength=len(surface.vertices)) > 1)
        if not len(met):
            break
        taken |= np.isin(surface.faces, met).any(axis=1)
    used, faces = np.unique(part.faces, return_inverse=True)
    return Triangles(surface.vertices[used], faces.reshape(-1, 3).astype(np.uint32))


def _prism(ground: shapely.Geometry, low_m: float, high_m: float) -> manifold3d.Manifold:
    """An upright body over some ground."""
    rings = shapely.get_rings(shapely.get_parts(ground))
    section = manifold3d.CrossSection(
        [shapely.get_coordinates(ring)[:-1] for ring in rings], manifold3d.FillRule.EvenOdd
    )
    return section.extrude(high_m - low_m).translate((0, 0, low_m))


def _layer(surface: Triangles, above_m: float, below_m: float) -> Triangles:
    """A closed body between a terrain moved up and the same moved down."""
    count = len(surface.vertices)
    top, bottom = surface.vertices.copy(), surface.vertices.copy()
    top[:, 2] += above_m
    bottom[:, 2] += below_m
    start, end = border_of(surface)
    over = surface.faces.astype(np.int64)
    faces = [
        over,
        over[:, ::-1] + count,
        np.column_stack([start + count, end + count, end]),
        np.column_stack([start + count, end, start]),
    ]
    return Triangles(np.concatenate([top, bottom]), np.concatenate(faces).astype(np.uint32))
