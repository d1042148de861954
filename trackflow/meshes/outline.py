"""A flat body from a silhouette: its outline with few corners, raised to a height."""

import math
from dataclasses import dataclass

import manifold3d
import numpy as np
import shapely
from numpy.typing import NDArray

from trackflow.errors import BadInputError
from trackflow.meshes.contours import Contours, Indices, contours_of
from trackflow.meshes.silhouettes import Silhouette
from trackflow.meshes.triangles import Triangles

type Plane = NDArray[np.float64]
"""Points x, y in metres; shape (n, 2)."""

_TRIES = 12
_MOST_RINGS = 10_000
"""Grain falls apart into more; to keep those from crossing takes minutes, and shows nothing."""
_FEWEST_CORNERS = 3


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """The rings of a figure, in metres from the image's middle.

    Attributes:
        points: x to the east, y to the north, ring by ring; the figure lies to the left.
        starts: index of each ring's first point, and the number of points at the end.
        owners: of each ring, the ring around the figure that it belongs to; see `Contours`.
        asked_error_m: how far the rings were allowed to lie from the line between the pixels.
        max_error_m, mean_error_m: how far they lie, measured at every point of that line.
    """

    points: Plane
    starts: Indices
    owners: Indices
    asked_error_m: float
    max_error_m: float
    mean_error_m: float


def diagonal_m(silhouette: Silhouette, pixel_m: float) -> float:
    """The length of an image's diagonal."""
    rows, columns = silhouette.levels.shape
    return math.hypot(rows, columns) * pixel_m


def outline_of(silhouette: Silhouette, pixel_m: float, max_error_m: float) -> Outline:
    """The outline with few corners; all holes and islands are kept, each with three at least.

    Args:
        silhouette: figure and ground.
        pixel_m: size of a pixel.
        max_error_m: how far the outline may lie from the line between the pixels.

    Raises:
        BadInputError: there are too many figures and holes.
    """
    contours = contours_of(silhouette.levels)
    ring_count = len(contours.owners)
    if ring_count > _MOST_RINGS:
        raise BadInputError(
            f"the image falls apart into {ring_count:,} figures and holes, more than "
            f"{_MOST_RINGS:,}: smooth it, set a threshold, or ask for a terrain"
        )
    rows, columns = silhouette.levels.shape
    middle = np.array([(columns - 1) / 2, (rows - 1) / 2])
    points = (contours.points - middle) * (pixel_m, -pixel_m)
    kept, errors_m = _simplified(points, contours, max_error_m)
    return Outline(
        points[kept],
        _kept_starts(contours, kept),
        contours.owners,
        max_error_m,
        float(errors_m.max()),
        float(errors_m.mean()),
    )


def _simplified(
    points: Plane, contours: Contours, max_error_m: float
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Which points the rings keep, and how far each point lies from them then.

    Rings never cross: GEOS looks at all of them at once (Douglas and Peucker's rule, with a test
    of each new line against all others). At last it leaves out the point at which a ring begins
    where that is near enough, though others were left out beside it: where the sum is too much,
    the point comes back.
    """
    figures = _polygons(points, contours)
    starts = contours.starts[:-1]
    for halvings in range(_TRIES):
        kept = _kept_by_geos(points, figures, max_error_m / 2**halvings)
        errors_m = _distances(points, contours.starts, kept)
        kept[starts[np.maximum.reduceat(errors_m, starts) > max_error_m]] = True
        errors_m = _distances(points, contours.starts, kept)
        if errors_m.max() <= max_error_m and _is_valid(points, contours, kept):
            return kept, errors_m
    return np.ones(len(points), dtype=np.bool_), np.zeros(len(points))


def _kept_by_geos(
    points: Plane, figures: shapely.MultiPolygon, tolerance_m: float
) -> NDArray[np.bool_]:
    simplified = shapely.simplify(figures, tolerance_m, preserve_topology=True)
    corners = np.ascontiguousarray(shapely.get_coordinates(simplified))
    by_place = np.lexsort((points[:, 1], points[:, 0]))
    places = np.ascontiguousarray(points[by_place]).view(np.complex128).ravel()
    kept = np.zeros(len(points), dtype=np.bool_)
    kept[by_place[np.searchsorted(places, corners.view(np.complex128).ravel())]] = True
    return kept


def _kept_starts(contours: Contours, kept: NDArray[np.bool_]) -> Indices:
    before = np.concatenate([[0], np.cumsum(kept)])
    return before[contours.starts].astype(np.int64)


def _is_valid(points: Plane, contours: Contours, kept: NDArray[np.bool_]) -> bool:
    """Whether each ring has an area and its figure still to the left, and no two rings cross.

    A bent ring of which three corners stay may be turned over: its body would be inside out.
    """
    starts = _kept_starts(contours, kept)
    if int(np.diff(starts).min()) < _FEWEST_CORNERS:
        return False
    is_outer = contours.owners == np.arange(len(contours.owners))
    if not np.array_equal(shapely.is_ccw(_linear_rings(points[kept], starts)), is_outer):
        return False
    return bool(
        shapely.is_valid(_polygons(points[kept], Contours(points, starts, contours.owners)))
    )


def _polygons(points: Plane, contours: Contours) -> shapely.MultiPolygon:
    rings = _linear_rings(points, contours.starts)
    by_owner = np.argsort(contours.owners, kind="stable")  # each figure's outer ring comes first
    figures = np.cumsum(np.diff(contours.owners[by_owner], prepend=-1) > 0) - 1
    return shapely.MultiPolygon(list(shapely.polygons(rings[by_owner], indices=figures)))


def _linear_rings(points: Plane, starts: Indices) -> NDArray[np.object_]:
    lengths = np.diff(starts)
    rings: NDArray[np.object_] = shapely.linearrings(
        points, indices=np.repeat(np.arange(len(lengths)), lengths)
    )
    return rings


def _distances(points: Plane, starts: Indices, kept: NDArray[np.bool_]) -> NDArray[np.float64]:
    """How far each point lies from the straight line that replaces it."""
    distances = np.zeros(len(points))
    for low, high in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        ring = points[low:high]
        corners = np.flatnonzero(kept[low:high])
        if len(corners) == len(ring):
            continue
        before = np.searchsorted(corners, np.arange(high - low), side="right") - 1
        start, end = ring[corners[before]], ring[corners[(before + 1) % len(corners)]]
        span, offset = end - start, ring - start
        length2 = np.maximum(np.einsum("ij,ij->i", span, span), 1e-300)
        along = np.clip(np.einsum("ij,ij->i", span, offset) / length2, 0, 1)
        distances[low:high] = np.hypot(*(offset - along[:, None] * span).T)
    return distances


def extruded(outline: Outline, height_m: float) -> Triangles:
    """A closed body from z = 0 up to a height, with an outline's shape."""
    count = len(outline.points)
    low = np.column_stack([outline.points, np.zeros(count)])
    high = np.column_stack([outline.points, np.full(count, height_m)])
    cap = _cap(outline)
    start = np.arange(count)
    end = start + 1
    end[outline.starts[1:] - 1] = outline.starts[:-1]
    walls = [
        np.column_stack([start, end, end + count]),
        np.column_stack([start, end + count, start + count]),
    ]
    faces = np.concatenate([cap + count, cap[:, ::-1], *walls])
    return Triangles(np.concatenate([low, high]), faces.astype(np.uint32), name="outline")


def _cap(outline: Outline) -> Indices:
    """Triangles between the rings; every side of a ring is a side of one of them.

    Not by earcut, which leaves out points on a straight line between others: the walls beside
    them would have nothing to join.
    """
    triangles = []
    by_owner = np.argsort(outline.owners, kind="stable")
    figures = np.split(by_owner, np.flatnonzero(np.diff(outline.owners[by_owner])) + 1)
    for rings in figures:
        spans = [np.arange(outline.starts[ring], outline.starts[ring + 1]) for ring in rings]
        local = manifold3d.triangulate([outline.points[span] for span in spans])
        triangles.append(np.concatenate(spans)[np.asarray(local)])
    return np.concatenate(triangles)
