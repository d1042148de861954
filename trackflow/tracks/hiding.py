"""Hidden points: those that a person left out, by time and area.

Whether a point is hidden follows from that point alone, and whether a track goes on over hidden
points follows from those between two neighbours. So hiding is as local as every other rule: however
the work is cut up, the tracks are the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trackflow.geo.bbox import Bbox
from trackflow.geo.points import Bools, Ints, Points
from trackflow.tracks.thresholds import US, Thresholds


@dataclass(frozen=True, slots=True)
class Hiding:
    """Which points of a device are hidden: those that meet all limits.

    Attributes:
        start_us: from when, UTC microseconds since 1970; None for no limit.
        end_us: until when, not included; None for no limit.
        area: where, its edges included; None for anywhere.
    """

    start_us: int | None = None
    end_us: int | None = None
    area: Bbox | None = None

    def covers(self, points: Points) -> Bools:
        """Which of some points are hidden. Shape (n,)."""
        found = np.ones(len(points), dtype=np.bool_)
        if self.start_us is not None:
            found &= points.time_us >= self.start_us
        if self.end_us is not None:
            found &= points.time_us < self.end_us
        if self.area is not None:
            found &= _lies_in(points, self.area)
        return found


def _lies_in(points: Points, area: Bbox) -> Bools:
    after_west, before_east = points.lon >= area.west, points.lon <= area.east
    across = area.west > area.east
    between = after_west | before_east if across else after_west & before_east
    return (points.lat >= area.south) & (points.lat <= area.north) & between


def split_hidden(points: Points, hidings: Sequence[Hiding]) -> tuple[Points, Points]:
    """Points that no hiding covers, and those that one does; each in the given order."""
    hidden = np.zeros(len(points), dtype=np.bool_)
    for hiding in hidings:
        hidden |= hiding.covers(points)
    if not hidden.any():
        return points, Points.empty()
    return points[~hidden], points[hidden]


def hidden_steps(time_us: Ints, hidden_us: Ints, thresholds: Thresholds) -> Ints:
    """Indices of the steps that lead over hidden points and end a track, in order.

    Leaving out a few wrong points mends a line: over no more points, in no more time, than a spike
    may have, the track goes on as if they had never been there. Over more it ends, as a line across
    them would tell where they were.

    Args:
        time_us: of the kept points, strictly increasing.
        hidden_us: of the hidden points, in any order.
        thresholds: the limits.
    """
    if not len(hidden_us) or len(time_us) < 2:
        return np.empty(0, dtype=np.int64)
    before = np.sort(hidden_us).searchsorted(time_us, side="right")
    count = before[1:] - before[:-1]
    over = count > thresholds.spike_points
    over |= (count > 0) & (time_us[1:] - time_us[:-1] > int(thresholds.spike_s * US))
    found: Ints = over.nonzero()[0]
    return found
