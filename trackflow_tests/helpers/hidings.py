"""Random hidings, given by shares of a history: so they hide some of its points."""

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from trackflow.geo.bbox import Bbox
from trackflow.geo.points import Points
from trackflow.tracks.hiding import Hiding


@dataclass(frozen=True)
class HidingOf:
    """A hiding of some history.

    Attributes:
        first: share of the points before its begin; 0 for no begin.
        last: share of the points before its end; 1 for no end.
        centre: share of the points before the one in the middle of its area; None for anywhere.
        size: half the width of the area, in degrees.
    """

    first: float
    last: float
    centre: float | None
    size: float

    def of(self, points: Points) -> Hiding:
        """The hiding, for a history with points."""
        order = np.argsort(points.time_us, kind="stable")

        def row(share: float) -> int:
            return int(order[min(int(share * len(order)), len(order) - 1)])

        start_us = int(points.time_us[row(self.first)]) if self.first > 0 else None
        end_us = int(points.time_us[row(self.last)]) + 1 if self.last < 1 else None
        if self.centre is None:
            return Hiding(start_us, end_us)
        lon, lat = float(points.lon[row(self.centre)]), float(points.lat[row(self.centre)])
        west, east = (_wrapped(round(lon + side * self.size, 7)) for side in (-1, 1))
        south, north = max(lat - self.size, -90.0), min(lat + self.size, 90.0)
        return Hiding(start_us, end_us, Bbox(west, round(south, 7), east, round(north, 7)))


def _wrapped(lon: float) -> float:
    return lon if -180 <= lon <= 180 else (lon + 180) % 360 - 180


@st.composite
def hidings_of(draw: st.DrawFn) -> HidingOf:
    first, last = sorted((draw(shares), draw(shares)))
    centre = draw(st.none() | shares)
    if (first, last, centre) == (0, 1, None):
        last = 0.5  # without any limit it is none
    return HidingOf(first, last, centre, draw(st.sampled_from([0.0001, 0.003, 0.05, 3.0])))


shares = st.sampled_from([0.0, 0.1, 0.25, 0.4, 0.5, 0.51, 0.75, 0.9, 1.0])
