"""Groups of stays at the same spot: DBSCAN (Ester et al., 1996) on small cells. Pure.

Stays are first counted in cells of 11 m, so a thousand nights at home cost as much as one. A cell
is dense if stays of enough different days lie around it; dense cells near each other are one group,
and other cells near a dense one belong to the nearest. The result depends on the set of stays
alone, not on their order.
"""

from collections import defaultdict
from collections.abc import Collection, Hashable, Mapping, Sequence
from itertools import product
from math import cos, dist, radians, sin

from trackflow.geo.distance import EARTH_RADIUS_M

STEP_DEG = 1e-4
NEAR_M = 60.0
"""Positions of stays at one place are no further apart: receivers err by 10 to 45 m there."""

type Cell = tuple[int, int]
type _Xyz = tuple[float, float, float]


def cell_at(longitude: float, latitude: float) -> Cell:
    """The cell of a position."""
    return round(longitude / STEP_DEG), round(latitude / STEP_DEG)


def group_cells(
    days_of_cells: Mapping[Cell, Collection[Hashable]], least_days: int
) -> list[list[Cell]]:
    """Groups of cells, each sorted, in the order of their first cells.

    Args:
        days_of_cells: for each cell with stays, their days: any values that can be compared.
        least_days: number of different days around a dense cell.
    """
    cells = sorted(days_of_cells)
    near = _neighbours(cells)
    dense = [
        len({day for k in near[i] for day in days_of_cells[cells[k]]}) >= least_days
        for i in range(len(cells))
    ]
    group = _connected(near, dense)
    at = [_xyz(cell) for cell in cells]
    members: dict[int, list[Cell]] = defaultdict(list)
    for i, cell in enumerate(cells):
        if not dense[i]:
            cores = [k for k in near[i] if dense[k]]
            if not cores:
                continue
            nearest = min(cores, key=lambda k, i=i: (_apart_m(at[i], at[k]), k))  # type: ignore[misc]
            group[i] = group[nearest]
        members[group[i]].append(cell)
    return sorted(members.values())


def _neighbours(cells: Sequence[Cell]) -> list[list[int]]:
    """For each cell the indices of those within `NEAR_M`, itself included, in order.

    In space, where neither the poles nor the antimeridian are special.
    """
    at = [_xyz(cell) for cell in cells]
    boxes: dict[tuple[int, ...], list[int]] = defaultdict(list)
    keys = [tuple(int(value // NEAR_M) for value in xyz) for xyz in at]
    for i, key in enumerate(keys):
        boxes[key].append(i)
    found = []
    for i, (x, y, z) in enumerate(keys):
        beside = [
            k
            for dx, dy, dz in product((-1, 0, 1), repeat=3)
            for k in boxes.get((x + dx, y + dy, z + dz), ())
            if _apart_m(at[i], at[k]) <= NEAR_M
        ]
        found.append(sorted(beside))
    return found


def _connected(near: Sequence[Sequence[int]], dense: Sequence[bool]) -> list[int]:
    """For each dense cell the lowest index of the dense cells that it is connected with."""
    group = list(range(len(near)))
    seen = [False] * len(near)
    for start in range(len(near)):
        if seen[start] or not dense[start]:
            continue
        waiting, seen[start] = [start], True
        while waiting:
            i = waiting.pop()
            group[i] = start
            for k in near[i]:
                if dense[k] and not seen[k]:
                    seen[k] = True
                    waiting.append(k)
    return group


def _xyz(cell: Cell) -> _Xyz:
    lon, lat = radians(cell[0] * STEP_DEG), radians(cell[1] * STEP_DEG)
    ring = EARTH_RADIUS_M * cos(lat)
    return ring * cos(lon), ring * sin(lon), EARTH_RADIUS_M * sin(lat)


def _apart_m(one: _Xyz, other: _Xyz) -> float:
    return dist(one, other)
