"""Bounding boxes of many stretches of slots at once."""

import numpy as np

from trackflow.geo.distance import METRES_PER_DEGREE
from trackflow.geo.points import Floats, Ints
from trackflow.geo.steps import cos_latitude
from trackflow.tracks.slots import E7, Slots

SMALL = np.iinfo(np.int32).max
"""Longitudes up to this, about 214 degrees, take half of the memory."""


class BboxTable:
    """Bounding boxes of stretches of slots.

    A stretch is the union of two overlapping stretches of 2**level slots; the boxes of all
    stretches of that length are made from those of half the length, level by level.

    Args:
        slots: in order of time.
        longest: how many slots a stretch has at most.
    """

    def __init__(self, slots: Slots, longest: int) -> None:
        # With two signs turned, the box around two boxes is their maximum.
        lon, lat = slots.lon_e7, slots.lat_e7
        self.size, self.levels = len(slots), 1
        is_small = len(slots) and max(int(lon.max()), -int(lon.min())) <= SMALL
        dtype = np.int32 if is_small else np.int64
        self.table = np.empty((longest.bit_length(), len(slots), 4), dtype)
        corners = self.table[0]
        corners[:, 1], corners[:, 3] = lon, lat
        np.negative(corners[:, 1::2], out=corners[:, ::2])
        # By the number of slots of a stretch: the level, and where in the table its two parts are.
        self.level = np.frexp(np.arange(longest + 1))[1].astype(np.int64) - 1
        self.head = self.level * self.size
        self.tail = self.head + 1 - (1 << np.maximum(self.level, 0))

    def diagonals_m(self, begin: Ints, end: Ints) -> Floats:
        """Diagonals of the boxes from slot `begin` to slot `end`, included.

        The cosine is that of the latitude nearest to the equator: a box inside another never has
        the longer diagonal.
        """
        if not len(begin):
            return np.empty(0)
        count = end - begin + 1
        while self.levels <= self.level[count.max()]:
            self._add_level()
        rows = self.table.reshape(-1, 4)
        bboxes = rows.take(begin + self.head[count], axis=0)
        np.maximum(bboxes, rows.take(end + self.tail[count], axis=0), out=bboxes)
        return _diagonal_m(bboxes.T)

    def _add_level(self) -> None:
        half = 1 << (self.levels - 1)
        below, here = self.table[self.levels - 1 : self.levels + 1]
        count = max(self.size - 2 * half + 1, 0)
        np.maximum(below[:count], below[half : half + count], out=here[:count])
        self.levels += 1


def bbox_diagonal_m(slots: Slots) -> float:
    """Diagonal of the box around all of some slots, at least one, in metres."""
    lon, lat = slots.lon_e7, slots.lat_e7
    corners = np.stack([-lon, lon, -lat, lat]).max(axis=1, keepdims=True)
    return float(_diagonal_m(corners)[0])


def _diagonal_m(bboxes: Ints) -> Floats:
    """Diagonals of boxes of shape (4, k)."""
    west, east, south, north = bboxes
    width = np.add(west, east, dtype=np.float64) * cos_latitude(
        np.maximum(-np.minimum(south, north), 0) / E7
    )
    height = np.add(south, north, dtype=np.float64)
    diagonal: Floats = np.sqrt(width * width + height * height) * (METRES_PER_DEGREE / E7)
    return diagonal
