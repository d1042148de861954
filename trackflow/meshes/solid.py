"""A closed body for printing: a terrain with walls and an underside.

Lengths are metres; files for printers are written in millimetres, by a scale.
"""

import numpy as np
from numpy.typing import NDArray

from trackflow.errors import BadInputError
from trackflow.meshes.triangles import Triangles

type Indices = NDArray[np.int64]


def print_scale(body: Triangles, print_width_mm: float) -> float:
    """Millimetres of the print per metre of a body, which becomes so wide from west to east."""
    width_m = float(np.ptp(body.vertices[:, 0]))
    return print_width_mm / width_m


def underside_of(
    surface: Triangles, base_mm: float, mm_per_m: float, common_height_m: float | None = None
) -> float:
    """The height of a print's underside, in metres.

    Args:
        surface: a terrain.
        base_mm: thickness of the print below the terrain's lowest point.
        mm_per_m: scale of the print.
        common_height_m: the underside of all tiles that are printed side by side; None takes this
            tile's own lowest point, less `base_mm`.

    Raises:
        BadInputError: the terrain reaches down to the underside.
    """
    lowest_m = float(surface.vertices[:, 2].min())
    if common_height_m is None:
        return lowest_m - base_mm / mm_per_m
    if common_height_m >= lowest_m:
        raise BadInputError(
            f"the base's underside at {common_height_m:g} m is not below the terrain's lowest "
            f"point, {lowest_m:g} m: give a lower base_height_m"
        )
    return common_height_m


def solid_of(surface: Triangles, underside_m: float) -> Triangles:
    """A closed body: a terrain, walls down from its border, and a flat underside.

    Args:
        surface: a terrain whose border is seen whole from its middle, such as a rectangle.
        underside_m: the height of the underside, lower than any point of the terrain.
    """
    start, end = border_of(surface)
    count = len(surface.vertices)
    border = np.unique(start)
    below = np.zeros(count, dtype=np.int64)
    below[border] = count + np.arange(len(border))
    foot = surface.vertices[border]
    middle = (foot.min(axis=0) + foot.max(axis=0)) / 2
    vertices = np.concatenate([surface.vertices, foot, middle[None]])
    vertices[count:, 2] = underside_m
    centre = np.full(len(start), count + len(border))
    faces = [
        surface.faces,
        np.column_stack([below[start], below[end], end]),
        np.column_stack([below[start], end, start]),
        np.column_stack([below[end], below[start], centre]),
    ]
    return Triangles(vertices, np.concatenate(faces).astype(np.uint32), name=surface.name)


def border_of(surface: Triangles) -> tuple[Indices, Indices]:
    """Start and end of each side that belongs to one triangle only, that lying to its left."""
    faces = surface.faces.astype(np.int64)
    count = len(surface.vertices)
    start, end = faces.ravel(), np.roll(faces, -1, axis=1).ravel()
    lone = ~np.isin(start * count + end, end * count + start)
    return start[lone], end[lone]
