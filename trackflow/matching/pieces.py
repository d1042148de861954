"""The answer of the engine, as connected stretches of road beside the points that they explain."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from trackflow.geo.distance import METRES_PER_DEGREE, wrap_degrees
from trackflow.geo.points import Floats, Ints, Points
from trackflow.matching.engines.protocol import MatchAnswer
from trackflow.matching.thinning import kept_points, noise_m, to_metres
from trackflow.matching.windows import MatchSettings, Window

MEDIAN_BESIDE = 0.6745
ENOUGH = 6
"""Fewer points give no median worth the name."""

ERROR_S = 10.0
"""Errors of positions last for about so long."""


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """A window's points on a plane, and those of them that the engine is given.

    Attributes:
        points: context and own points of the window.
        x, y: where they are, metres; shape (n,).
        time_s: when, seconds since 1970; shape (n,).
        kept: indices of those to match.
        along_m: how far along the kept points each of them lies, NaN for the others; shape (n,).
        noise_m: standard deviation that each point is taken to have per axis; shape (n,).
        seam: indices of the window's first and last own point.
    """

    points: Points
    x: Floats
    y: Floats
    time_s: Floats
    kept: list[int]
    along_m: Floats
    noise_m: Floats
    seam: tuple[int, int]

    @classmethod
    def of(cls, window: Window, settings: MatchSettings) -> "Trace":
        """The trace of a window."""
        points = window.points
        x, y = to_metres(points)
        measured_m = noise_m(points, x, y)
        kept = kept_points(window, x, y, measured_m, settings)
        claimed = np.clip(points.accuracy_m, settings.radius_min_m, settings.radius_max_m)
        assumed = min(max(settings.radius_m, measured_m), settings.radius_max_m)
        along_m = np.full(len(points), np.nan)
        along_m[kept] = summed(np.hypot(steps(x[kept]), steps(y[kept])))
        return cls(
            points,
            x,
            y,
            points.time_us / 1e6,
            kept,
            along_m,
            np.where(np.isnan(claimed), assumed, claimed),
            (window.first, window.last),
        )

    def quieter(self, pieces: Sequence["Piece"], settings: MatchSettings) -> "Trace":
        """With less noise where an answer puts the points nearer to roads than was assumed.

        Half of all points lie within .67 standard deviations of their road.
        """
        off_m = np.concatenate([piece.off_m for piece in pieces]) if pieces else np.empty(0)
        if len(off_m) < ENOUGH:
            return self
        seen_m = max(quantile(off_m, 0.5) / MEDIAN_BESIDE, settings.radius_min_m)
        return replace(self, noise_m=np.minimum(self.noise_m, seen_m))

    def weights(self, asked: Sequence[int]) -> Floats:
        """The weight of each of some points: errors last, so points close in time share one.

        Shape (n,); 0 for all other points.
        """
        index = np.asarray(asked)
        gap_s = steps(self.time_s[index])
        near_s = np.full(len(index), np.inf)
        near_s[1:] = gap_s
        near_s[:-1] = np.minimum(near_s[:-1], gap_s)
        weight = np.zeros(len(self.points))
        weight[index] = np.minimum(near_s / ERROR_S, 1.0)
        return weight

    def on_plane(self, lon: Floats, lat: Floats) -> tuple[Floats, Floats]:
        """Places on the plane of `x` and `y`."""
        scale = math.cos(math.radians(self.points.lat[0])) * METRES_PER_DEGREE
        x = wrap_degrees(lon - self.points.lon[0]) * scale
        return x, (lat - self.points.lat[0]) * METRES_PER_DEGREE


@dataclass(slots=True, eq=False)
class Piece:
    """A connected stretch of road and the points that lie on it.

    Attributes:
        points: indices of the points, in order of time.
        vertex: which vertex of the line each was put at; never backwards.
        off_m: how far each lies from there.
        lon, lat: the line's vertices in degrees; shape (m,).
        x, y: the same on the trace's plane, metres; shape (m,).
        along_m: how far along the line each vertex lies; shape (m,).
        confidence: the engine's own.
        lost: indices of points between the first and the last that were not put on the line.
        lost_off_m: how far each of those lies from the line between its neighbours on it.
        lost_leg: which leg that is.
    """

    points: list[int]
    vertex: list[int]
    off_m: Floats
    lon: Floats
    lat: Floats
    x: Floats
    y: Floats
    along_m: Floats
    confidence: float
    lost: list[int]
    lost_off_m: Floats
    lost_leg: list[int]

    def legs_m(self) -> Floats:
        """Length of the way from each point to the next."""
        return steps(self.along_m[self.vertex])

    def part(self, low: int, high: int) -> "Piece":
        """The piece from its point number `low` to before number `high`."""
        cut = slice(low, high)
        inside = [i for i, leg in enumerate(self.lost_leg) if low <= leg < high - 1]
        return replace(
            self,
            points=self.points[cut],
            vertex=self.vertex[cut],
            off_m=self.off_m[cut],
            lost=[self.lost[i] for i in inside],
            lost_off_m=self.lost_off_m[inside],
            lost_leg=[self.lost_leg[i] - low for i in inside],
        )


def pieces_of(trace: Trace, asked: Sequence[int], answer: MatchAnswer) -> list[Piece]:
    """The answer to a request for the points with the indices `asked`, in order of time."""
    index, vertex = answer.matching_index.tolist(), answer.vertex.tolist()
    pieces = []
    for which, matching in enumerate(answer.matchings):
        on = [k for k, i in enumerate(index) if i == which]
        if not on:
            continue
        x, y = trace.on_plane(matching.lon, matching.lat)
        vertices = [vertex[k] for k in on]
        lost: list[int] = []
        legs: list[int] = []
        off_m: list[float] = []
        if len(on) <= on[-1] - on[0]:
            for leg, (low, high) in enumerate(pairwise(on)):
                for k in range(low + 1, high):
                    way = slice(vertices[leg], vertices[leg + 1] + 1)
                    lost.append(asked[k])
                    legs.append(leg)
                    off_m.append(_off_m(trace.x[asked[k]], trace.y[asked[k]], x[way], y[way]))
        pieces.append(
            Piece(
                [asked[k] for k in on],
                vertices,
                answer.snapped_m[on],
                matching.lon,
                matching.lat,
                x,
                y,
                summed(np.hypot(steps(x), steps(y))),
                matching.confidence,
                lost,
                np.array(off_m, dtype=np.float64),
                legs,
            )
        )
    return pieces


def _off_m(x_m: float, y_m: float, line_x: Floats, line_y: Floats) -> float:
    """How far a place lies from a line, metres."""
    if len(line_x) < 2:
        return float(np.hypot(line_x[0] - x_m, line_y[0] - y_m))
    dx, dy = steps(line_x), steps(line_y)
    px, py = x_m - line_x[:-1], y_m - line_y[:-1]
    along = np.clip((px * dx + py * dy) / np.maximum(dx * dx + dy * dy, 1e-9), 0, 1)
    return float(np.hypot(px - along * dx, py - along * dy).min())


def without(piece: Piece, bad: Sequence[tuple[int, int]]) -> Iterator[Piece]:
    """What is left of a piece without some ranges of its legs (leg k goes from point k to k + 1).

    Args:
        piece: to cut.
        bad: ranges `[first, last)` of legs, in order, that do not touch.
    """
    low = 0
    for first, last in bad:
        if first > low:
            yield piece.part(low, first + 1)
        low = last
    if low < len(piece.points) - 1:
        yield piece.part(low, len(piece.points))


def steps[T: (Floats, Ints)](values: T) -> T:
    """Differences of neighbours: `np.diff` takes ten times as long for a few values."""
    return values[1:] - values[:-1]


def summed(lengths: Floats) -> Floats:
    """Running sums, with a zero before the first."""
    total = np.zeros(len(lengths) + 1)
    np.cumsum(lengths, out=total[1:])
    return total


def quantile(values: Floats, share: float) -> float:
    """As `np.quantile` (one or more values), which takes five times as long for a few values."""
    ordered = np.sort(values).tolist()
    rank = share * (len(ordered) - 1)
    low = int(rank)
    high = min(low + 1, len(ordered) - 1)
    return float(ordered[low] + (ordered[high] - ordered[low]) * (rank - low))
