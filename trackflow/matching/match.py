"""One window's points to one window's line: thinning, the retry ladder, the quality gate.

The line covers the window's context too; `seams` cuts it to size once the neighbours' are there.
"""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import polyline_rs
from numpy.typing import NDArray

from trackflow.geo.distance import METRES_PER_DEGREE
from trackflow.geo.points import Bools, Floats, Ints, Points
from trackflow.matching.compact import pack, unpack
from trackflow.matching.engine import Engine, MatchRequest
from trackflow.matching.judging import BREAK_COST_M, Verdict, judge
from trackflow.matching.pieces import Piece, Trace, pieces_of, steps, without
from trackflow.matching.windows import MatchSettings, Window

MAX_CALLS = 8
"""Of the engine for one window; points that need more of them follow no roads anyway."""

RAW_BELOW_SHARE = 0.4
"""The line is raw where fewer of the steps than this are on roads: shreds are no match."""

LOST_POINTS = 3
"""So many points in a row may lie off the road before a wider radius is tried."""

MIN_STEP_S = 0.001
"""Keeps speeds finite."""

DETOUR_RATIO = 1.5
"""Roads between two points are longer than the straight line by less than this as a rule."""


@dataclass(frozen=True, slots=True)
class WindowMatch:
    """A window's line with its context: plain values, to be stored and joined later.

    Attributes:
        start_us, end_us: of the window.
        line: encoded polyline of precision 6: context, own part, context.
        anchor_us: times of the points that the line was made from.
        anchor_vertex: which vertex each of them was put at; never backwards.
        on_road: per step from one anchor to the next, whether it follows the road network.
        matched_share: share of the own time whose steps do.
        confidence: the engine's own, None if nothing matched.
        is_raw: whether the line is the points themselves.
        point_count: vertices of `line`.
        source_coordinates_count: the window's own points.
        processing_duration_ms: what matching took; no part of equality.
    """

    start_us: int
    end_us: int
    line: str
    anchor_us: tuple[int, ...]
    anchor_vertex: tuple[int, ...]
    on_road: tuple[bool, ...]
    matched_share: float
    confidence: float | None
    is_raw: bool
    point_count: int
    source_coordinates_count: int
    processing_duration_ms: float = field(default=0.0, compare=False)

    def to_bytes(self) -> bytes:
        """For the cache."""
        return pack(self)

    @classmethod
    def from_bytes(cls, stored: bytes) -> "WindowMatch":
        """What `to_bytes` made, now or in an earlier version."""
        return cls(**unpack(stored))

    def vertices(self) -> tuple[Floats, Floats]:
        """Longitudes and latitudes of the line, context included."""
        pairs = np.array(polyline_rs.decode_latlon(self.line, 6), dtype=np.float64).reshape(-1, 2)
        return pairs[:, 1], pairs[:, 0]


@dataclass(slots=True)
class _Chain:
    """A whole line with its anchors, in the making."""

    lon: list[float]
    lat: list[float]
    points: list[int]
    vertex: list[int]
    on_road: list[bool]


class _Matcher:
    """One window on its way to a line."""

    def __init__(self, engine: Engine, window: Window, settings: MatchSettings) -> None:
        self.engine = engine
        self.window = window
        self.settings = settings
        self.points: Points = window.points
        self.calls = 0
        self.trace = Trace.of(window, settings)
        self.kept = self.trace.kept

    def ask(self, kept: Sequence[int], radius_m: Floats) -> list[Piece]:
        """The engine's answer for some points."""
        self.calls += 1
        index = np.asarray(kept)
        seconds = self.points.time_us[index] // 1_000_000
        # The engine matches nothing if two points share a second; a second more does no harm.
        places = np.arange(len(index))
        seconds = np.maximum.accumulate(seconds - places) + places
        answer = self.engine.match(
            MatchRequest(self.points.lon[index], self.points.lat[index], seconds, radius_m)
        )
        return pieces_of(self.trace, kept, answer)

    def pieces(self) -> list[Piece]:
        """Stretches of road for the kept points, without what no device can have driven."""
        pieces, verdict = self._best(self.kept)
        found = _driven(pieces, verdict)
        cut = self._parts(pieces, verdict)
        if len(cut) > 1 and self.calls < MAX_CALLS:
            # What lies beyond a detour may have been matched only to get there: ask without it.
            asked = [self._best(part) for part in cut if len(part) > 1]
            if sum(v.cost_m for _, v in asked) + BREAK_COST_M * (len(cut) - 1) < verdict.cost_m:
                found = [piece for answer in asked for piece in _driven(*answer)]
        return [piece for piece in found if len(piece.points) > 1]

    def _parts(self, pieces: Sequence[Piece], verdict: Verdict) -> list[list[int]]:
        """The kept points, parted where a device cannot have followed the line."""
        ends = [
            (piece.points[low], piece.points[high])
            for piece, bad in zip(pieces, verdict.bad, strict=True)
            for low, high in bad
        ]
        parts, rest = [], list(self.kept)
        for low, high in ends:
            parts.append([k for k in rest if k <= low])
            rest = [k for k in rest if k >= high]
        return [*parts, rest]

    def _best(self, part: Sequence[int]) -> tuple[list[Piece], Verdict]:
        """The best answer for some points; others than the first are asked for only in doubt."""
        slowest_ms = self.settings.detour_kmh / 3.6
        noise_m = self.trace.noise_m[np.asarray(part)]
        answers = []
        for radius_m in (None, *self.settings.other_radii_m):
            if radius_m and radius_m > 30 and not min(answers, key=lambda a: a[:2])[3].lost:
                continue  # all points have found a road nearer than that
            radii_m = noise_m if radius_m is None else np.full(len(part), radius_m)
            pieces = self.ask(part, radii_m)
            verdict = judge(self.trace, part, pieces, slowest_ms)
            answers.append((verdict.cost_m, len(answers), pieces, verdict))
            if not verdict.is_doubtful:
                break
        best = min(answers, key=lambda a: a[:2])
        return best[2], best[3]

    def chain(self, pieces: Sequence[Piece]) -> _Chain:
        """One line of all pieces, straight from point to point where there is none."""
        chain = _Chain([], [], [], [], [])
        starts = {piece.points[0]: piece for piece in pieces}
        skip_to = -1
        for k in self.kept:
            if k <= skip_to:
                continue
            if piece := starts.get(k):
                base = len(chain.lon)
                chain.on_road += [False] * bool(chain.points) + [True] * (len(piece.points) - 1)
                low, high = piece.vertex[0], piece.vertex[-1] + 1
                chain.lon += piece.lon[low:high].tolist()
                chain.lat += piece.lat[low:high].tolist()
                chain.points += piece.points
                chain.vertex += [base + v - low for v in piece.vertex]
                skip_to = piece.points[-1]
            else:
                chain.on_road += [False] * bool(chain.points)
                chain.vertex.append(len(chain.lon))
                chain.points.append(k)
                chain.lon.append(float(self.points.lon[k]))
                chain.lat.append(float(self.points.lat[k]))
        return chain

    def record(self, chain: _Chain, pieces: Sequence[Piece]) -> WindowMatch:
        """The match as it is stored."""
        window = self.window
        times = self.points.time_us[np.asarray(chain.points)]
        share = _share(times, chain.on_road, window)
        is_raw = share < RAW_BELOW_SHARE
        confidence = None
        if pieces and not is_raw:
            total = sum(piece.confidence * len(piece.points) for piece in pieces)
            confidence = round(total / sum(len(piece.points) for piece in pieces), 4)
        return WindowMatch(
            window.start_us,
            window.end_us,
            polyline_rs.encode_latlon(list(zip(chain.lat, chain.lon, strict=True)), 6),
            tuple(times.tolist()),
            tuple(chain.vertex),
            tuple(chain.on_road),
            share,
            confidence,
            is_raw,
            len(chain.lon),
            window.own_count,
        )


def match_window(engine: Engine, window: Window, settings: MatchSettings) -> WindowMatch:
    """The line of a window. No match is an ordinary answer: then it is the points themselves."""
    started = time.perf_counter()
    matcher = _Matcher(engine, window, settings)
    pieces = matcher.pieces()
    match = matcher.record(matcher.chain(pieces), pieces)
    if match.is_raw and pieces:
        match = matcher.record(matcher.chain([]), [])
    elapsed_ms = round((time.perf_counter() - started) * 1000, 3)
    object.__setattr__(match, "processing_duration_ms", elapsed_ms)
    return match


def _driven(pieces: Sequence[Piece], verdict: Verdict) -> list[Piece]:
    return [
        part
        for piece, bad in zip(pieces, verdict.bad, strict=True)
        for part in without(piece, bad)
    ]


def _share(times: Ints, on_road: Sequence[bool], window: Window) -> float:
    """Share of the window's own time whose steps follow roads."""
    clipped = np.minimum(np.maximum(times, window.start_us), window.end_us)
    covered = float(steps(clipped)[np.array(on_road, dtype=bool)].sum())
    return round(covered / max(window.end_us - window.start_us, 1), 4)


