"""What of the final lines follows roads: a measure for tests and benchmarks."""

from collections.abc import Sequence
from itertools import pairwise

from trackflow.geo.points import Floats
from trackflow.matching.match import WindowMatch
from trackflow.matching.seams import _seamed


def road_stretches(matches: Sequence[WindowMatch]) -> list[tuple[Floats, Floats]]:
    """Longitudes and latitudes of each stretch of road in the lines that `trim` gives, in order.

    The rest is points joined by straight lines: the way a device took off the roads.
    """
    if not matches:
        return []
    drawn, seams = _seamed(matches)
    stretches = []
    for before, this, after in zip([None, *seams], drawn, [*seams, None], strict=True):
        low, high = this.span(before, after)
        for first, last in _on_road(this.match, low, high):
            stretches.append((this.lon[first : last + 1], this.lat[first : last + 1]))
    return stretches


def _on_road(match: WindowMatch, low: int, high: int) -> list[tuple[int, int]]:
    """First and last vertices of the stretches of road between two vertices, included."""
    found: list[tuple[int, int]] = []
    for (start, end), is_road in zip(pairwise(match.anchor_vertex), match.on_road, strict=True):
        first, last = max(start, low), min(end, high)
        if not is_road or first >= last:
            continue
        if found and found[-1][1] == first:
            found[-1] = (found[-1][0], last)
        else:
            found.append((first, last))
    return found
