"""Joining neighbouring windows: lines that meet exactly, with no gap and nothing twice.

Both windows at a seam have matched points on either side of it. They are joined at the point next
to the seam that both put at the same place of the road, so that each goes on where the other ends.
What a window's final line is depends on itself and its two neighbours only, so a window that has
changed changes no more than three lines.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from trackflow.geo import polylines
from trackflow.geo.points import Floats
from trackflow.matching.match import WindowMatch

SAME_PLACE_DEG = 2e-6
"""Two grid cells of the engine, 0.2 m: the same place of the same road."""


@dataclass(frozen=True, slots=True, eq=False)
class WindowLine:
    """A window's final line. Its first position is the last one of the window before.

    Attributes:
        start_us, end_us: of the window.
        lon, lat: vertices in degrees, rounded to what `encoded_polyline` holds.
        encoded_polyline: of precision 5.
        matched_share, confidence, is_raw, against_oneway, point_count, source_coordinates_count,
            processing_duration_ms: as in `WindowMatch`; `point_count` is that of this line.
    """

    start_us: int
    end_us: int
    lon: Floats
    lat: Floats
    encoded_polyline: str
    matched_share: float
    confidence: float | None
    is_raw: bool
    against_oneway: bool
    point_count: int
    source_coordinates_count: int
    processing_duration_ms: float


@dataclass(frozen=True, slots=True)
class _Seam:
    """Where the left line ends and where the right line goes on: vertices of each."""

    left: int
    right: int


def trim(matches: Sequence[WindowMatch]) -> list[WindowLine]:
    """The final lines of consecutive windows; windows that do not touch are not joined."""
    if not matches:
        return []
    drawn, seams = _seamed(matches)
    return [
        _line(drawn[k - 1] if k else None, before, this, after)
        for k, (before, this, after) in enumerate(
            zip([None, *seams], drawn, [*seams, None], strict=True)
        )
    ]


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A match with its vertices decoded."""

    match: WindowMatch
    lon: Floats
    lat: Floats

    def vertex_at(self, time_us: int) -> int:
        """Where the device was at a time, or at the last anchor before it, or at the first."""
        return self.match.anchor_vertex[max(bisect_right(self.match.anchor_us, time_us) - 1, 0)]

    def span(self, before: "_Seam | None", after: "_Seam | None") -> tuple[int, int]:
        """The first and the last vertex of the final line."""
        low = before.right if before else self.vertex_at(self.match.start_us)
        return low, after.left if after else self.vertex_at(self.match.end_us)

    def anchors(self, above_us: int, below_us: int) -> dict[int, int]:
        """Vertices by time of the anchors between two times, both excluded."""
        low = bisect_right(self.match.anchor_us, above_us)
        high = bisect_left(self.match.anchor_us, below_us)
        times, vertices = self.match.anchor_us[low:high], self.match.anchor_vertex[low:high]
        return dict(zip(times, vertices, strict=True))


def _seamed(matches: Sequence[WindowMatch]) -> tuple[list[_Drawn], list[_Seam | None]]:
    """Consecutive matches with their vertices, and where each goes over into the next."""
    drawn = [_Drawn(match, *match.vertices()) for match in matches]
    seams = [
        _find_seam(left, right) if left.match.end_us == right.match.start_us else None
        for left, right in pairwise(drawn)
    ]
    return drawn, seams


def _line(
    left: _Drawn | None, before: _Seam | None, this: _Drawn, after: _Seam | None
) -> WindowLine:
    match = this.match
    low, high = this.span(before, after)
    lon, lat = this.lon[low : high + 1], this.lat[low : high + 1]
    if left and before:
        # Where the two agree this is the same place again; where not, the way across.
        lon = np.concatenate([left.lon[before.left : before.left + 1], lon])
        lat = np.concatenate([left.lat[before.left : before.left + 1], lat])
    lon, lat = lon.round(polylines.PRECISION), lat.round(polylines.PRECISION)
    moved = np.ones(len(lon), dtype=bool)
    moved[1:] = (lon[1:] != lon[:-1]) | (lat[1:] != lat[:-1])
    lon, lat = lon[moved], lat[moved]
    return WindowLine(
        match.start_us,
        match.end_us,
        lon,
        lat,
        polylines.encode(lon.tolist(), lat.tolist()),
        match.matched_share,
        match.confidence,
        match.is_raw,
        match.against_oneway,
        len(lon),
        match.source_coordinates_count,
        match.processing_duration_ms,
    )


def _find_seam(left: _Drawn, right: _Drawn) -> _Seam:
    """Where to go from one line to the next.

    Points that both know are tried from the seam outwards, up to the middle of either window, so
    that the two seams of a window never pass each other. If the lines agree at none of them, the
    right line is reached straight across from where the left one has the seam.
    """
    seam_us = left.match.end_us
    lowest = (left.match.start_us + seam_us) // 2
    highest = (seam_us + right.match.end_us) // 2
    ours, theirs = left.anchors(lowest, highest), right.anchors(lowest, highest)
    for time_us in sorted(ours.keys() & theirs.keys(), key=lambda t: (abs(t - seam_us), t)):
        a, b = ours[time_us], theirs[time_us]
        dlon, dlat = left.lon[a] - right.lon[b], left.lat[a] - right.lat[b]
        if abs(dlon) <= SAME_PLACE_DEG and abs(dlat) <= SAME_PLACE_DEG:
            return _Seam(a, b)
    return _Seam(left.vertex_at(seam_us), right.vertex_at(seam_us))
