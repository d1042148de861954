"""What the engine answered, as connected stretches of road beside the points that they explain."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from trackflow.geo.distance import METRES_PER_DEGREE
from trackflow.geo.points import Floats, Ints, Points
from trackflow.matching.engine import MatchAnswer
from trackflow.matching.thinning import kept_points, noise_m, to_metres
from trackflow.matching.windows import MatchSettings, Window


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


@dataclass(slots=True, eq=False)
class Piece:
    """A connected stretch of road and the points that lie on it.

    Attributes:
        points: indices of the points, in order of time.
        vertex: which vertex of the line each was put at; never backwards.
        off_m: how far each lies from there.
        lon, lat: the line's vertices in degrees; shape (m,).
        along_m: how far along the line each vertex lies; shape (m,).
        confidence: the engine's own.
    """

    points: list[int]
    vertex: list[int]
    off_m: Floats
    lon: Floats
    lat: Floats
    along_m: Floats
    confidence: float

    def legs_m(self) -> Floats:
        """Length of the way from each point to the next."""
        return steps(self.along_m[self.vertex])

    def part(self, low: int, high: int) -> "Piece":
        """The piece from its point number `low` to before number `high`."""
        cut = slice(low, high)
        return replace(
            self, points=self.points[cut], vertex=self.vertex[cut], off_m=self.off_m[cut]
        )


def pieces_of(asked: Sequence[int], answer: MatchAnswer) -> list[Piece]:
    """The answer to a request for the points with the indices `asked`, in order of time."""
    index, vertex = answer.matching_index.tolist(), answer.vertex.tolist()
    return [
        Piece(
            [asked[k] for k in on],
            [vertex[k] for k in on],
            answer.snapped_m[on],
            matching.lon,
            matching.lat,
            _line_along_m(matching.lon, matching.lat),
            matching.confidence,
        )
        for which, matching in enumerate(answer.matchings)
        if (on := [k for k, i in enumerate(index) if i == which])
    ]


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
    return values[1:] - values[:-1]  # type: ignore[return-value]


def summed(lengths: Floats) -> Floats:
    """Running sums, with a zero before the first."""
    total = np.zeros(len(lengths) + 1)
    np.cumsum(lengths, out=total[1:])
    return total


def _line_along_m(lon: Floats, lat: Floats) -> Floats:
    scale = math.cos(math.radians(lat[0])) * METRES_PER_DEGREE
    return summed(np.hypot(steps(lon) * scale, steps(lat) * METRES_PER_DEGREE))
