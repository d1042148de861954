"""Where a road network knows the roads, and which of several networks a window is matched on.

A coverage is the set of cells of about half a kilometre that hold a node of the network. Boxes
would not do: those of neighbouring countries overlap for hundreds of kilometres.

The choice depends on the window's points and on the set of networks alone, so it is the same in
whatever order points and networks came.
"""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from trackflow.geo.distance import METRES_PER_DEGREE
from trackflow.geo.lookup import find_in
from trackflow.geo.points import Floats, Ints, Points, e7

CELL_E7 = 50_000
"""Edge of a cell in ten-millionths of a degree: 560 m from south to north, more than a road may lie
away from its points."""

CELL_DEGREES = CELL_E7 / 1e7

COLUMNS = 3_600_000_000 // CELL_E7
ROWS = COLUMNS // 2

MOST_BYTES = 1_000_000_000
"""Of an unpacked coverage: the whole Earth has a quarter of it."""

NOWHERE = "-"
"""The version of no network: of windows that none covers."""

_AROUND = tuple((row, column) for row in (-1, 0, 1) for column in (-1, 0, 1))


@dataclass(frozen=True, slots=True, eq=False)
class Coverage:
    """Cells with roads: `row * COLUMNS + column`, counted from the south-west, in order."""

    cells: NDArray[np.int64]

    @classmethod
    def of(cls, lon: Floats, lat: Floats) -> Self:
        """The coverage of nodes, in degrees."""
        return cls(np.unique(_cells(lon, lat)))

    @classmethod
    def together(cls, parts: Iterable[Self]) -> Self:
        """All cells that any of the parts has."""
        cells = [part.cells for part in parts]
        return cls(np.unique(np.concatenate([np.zeros(0, np.int64), *cells])))

    def to_bytes(self) -> bytes:
        """For the store."""
        steps = np.diff(self.cells, prepend=0).astype("<u4")
        return zlib.compress(steps.tobytes(), 6)

    @classmethod
    def from_bytes(cls, stored: bytes) -> Self:
        """The coverage that `to_bytes` has packed.

        Raises:
            ValueError: it has packed no such thing.
        """
        unpacker = zlib.decompressobj()
        try:
            steps = np.frombuffer(unpacker.decompress(stored, MOST_BYTES), "<u4")
        except zlib.error as error:
            raise ValueError(str(error)) from None
        cells = np.cumsum(steps, dtype=np.int64)
        in_order = bool((steps[1:] > 0).all())
        if not unpacker.eof or not in_order or (len(cells) and cells[-1] >= ROWS * COLUMNS):
            raise ValueError("these are no cells")
        return cls(cells)

    @property
    def area_km2(self) -> float:
        """The size of all cells together, to a hundredth of a square kilometre."""
        south = (self.cells // COLUMNS) * CELL_DEGREES - 90
        edge_km = CELL_DEGREES * METRES_PER_DEGREE / 1000
        return round(float(np.cos(np.radians(south)).sum()) * edge_km**2, 2)

    def known(self, points: Points) -> int:
        """How well these points are known, a whole number; 0 if no road is near any of them.

        A point counts 3 in a cell with roads on all sides, 2 in another cell with roads, 1 beside
        one.
        """
        if not len(self.cells) or not len(points):
            return 0
        found, counts = np.unique(_cells(points.lon, points.lat), return_counts=True)
        row, column = found // COLUMNS, found % COLUMNS
        around = np.stack(
            [
                find_in(self.cells, (row + up) * COLUMNS + (column + right) % COLUMNS)[1]
                for up, right in _AROUND
            ]
        )
        own = around[_AROUND.index((0, 0))]
        value = around.any(axis=0).astype(np.int64) + own + around.all(axis=0)
        return int((value * counts).sum())


@dataclass(frozen=True, slots=True)
class Candidate:
    """A network that a window may be matched on.

    Attributes:
        name: of the network.
        coverage: None if it is not known, as of a network of an older trackflow: then every point
            counts as if it lay beside its roads, and its area as the largest.
        area_km2: of the coverage.
    """

    name: str
    coverage: Coverage | None
    area_km2: float

    def known(self, points: Points) -> int:
        """How well the network knows these points."""
        return len(points) if self.coverage is None else self.coverage.known(points)


def choose(candidates: Iterable[Candidate], points: Points) -> str | None:
    """The name of the network to match a window on: the smallest of those that know it best.

    Args:
        candidates: the networks, in any order; no two have the same name.
        points: of the window, with its context.

    Returns:
        None where no network knows a road.
    """
    known = [(one, one.known(points)) for one in candidates]
    ranked = [(-count, one.area_km2, one.name) for one, count in known if count]
    return min(ranked)[2] if ranked else None


def _cells(lon: Floats, lat: Floats) -> Ints:
    # whole numbers: a division of floats may round a position into the cell beside it
    row = np.minimum((e7(lat) + 900_000_000) // CELL_E7, ROWS - 1)
    column = (e7(lon) + 1_800_000_000) // CELL_E7 % COLUMNS
    found: Ints = row * COLUMNS + column
    return found
