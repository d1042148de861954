"""Journeys as one run of points: what is done to each point is done once for all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from trackflow.geo.points import Ints, Points


@dataclass(frozen=True, slots=True, eq=False)
class Journeys:
    """The points of journeys, one journey after another; each has two or more.

    Attributes:
        points: in order of time in each journey, no two of one time.
        edges: number of the first point of each journey, and n.
        numbers: of these journeys among those that were given.
    """

    points: Points
    edges: Ints
    numbers: Ints

    @classmethod
    def of(cls, journeys: Sequence[Sequence[Points]]) -> Self:
        """Those that have two points or more; of two points with one time the first counts.

        Args:
            journeys: the points of the tracks of each, in order of time.
        """
        points = Points.concat([track for journey in journeys for track in journey])
        sizes = np.array([sum(map(len, journey)) for journey in journeys], dtype=np.int64)
        keep = np.ones(len(points), dtype=bool)
        keep[1:] = points.time_us[1:] > points.time_us[:-1]
        keep[np.cumsum(sizes[:-1])[sizes[1:] > 0]] = True
        if not keep.all() or (sizes < 2).any():
            of_point = np.repeat(np.arange(len(sizes)), sizes)
            sizes = np.bincount(of_point[keep], minlength=len(sizes))
            points = points[keep & (sizes > 1)[of_point]]
        numbers = np.flatnonzero(sizes > 1)
        return cls(points, np.concatenate([[0], np.cumsum(sizes[numbers])]), numbers)
