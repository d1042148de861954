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
from trackflow.matching.engine import Engine, MatchAnswer, MatchRequest
from trackflow.matching.thinning import kept_points, noise_m, to_metres
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
class _Piece:
    """A connected stretch of road: which points lie on it and where."""

    points: list[int]
    vertex: list[int]
    off_m: Floats
    lon: Floats
    lat: Floats
    confidence: float


@dataclass(slots=True)
class _Chain:
    """A whole line with its anchors, in the making."""

    lon: list[float]
    lat: list[float]
    points: list[int]
    vertex: list[int]
    on_road: list[bool]


class _Matcher:
    """One window on its way through the ladder."""

    def __init__(self, engine: Engine, window: Window, settings: MatchSettings) -> None:
        self.engine = engine
        self.window = window
        self.settings = settings
        self.points: Points = window.points
        self.calls = 0
        self.x, self.y = to_metres(self.points)
        noise = noise_m(self.points, self.x, self.y)
        self.kept = kept_points(window, self.x, self.y, noise, settings)
        claimed = np.clip(self.points.accuracy_m, settings.radius_min_m, settings.radius_max_m)
        assumed = min(max(settings.radius_m, noise), settings.radius_max_m)
        self.radius_m = np.where(np.isnan(claimed), assumed, claimed)

    def ask(self, kept: Sequence[int], radius_m: Floats) -> MatchAnswer:
        """The engine's answer for some points."""
        self.calls += 1
        index = np.asarray(kept)
        seconds = self.points.time_us[index] // 1_000_000
        # The engine matches nothing if two points share a second; a second more does no harm.
        places = np.arange(len(index))
        seconds = np.maximum.accumulate(seconds - places) + places
        return self.engine.match(
            MatchRequest(self.points.lon[index], self.points.lat[index], seconds, radius_m)
        )

    def pieces(self) -> list[_Piece]:
        """Stretches of road for the kept points, cut where no device can have followed the line."""
        found: list[_Piece] = []
        todo = [self.kept]
        while todo:
            part = todo.pop()
            if len(part) < 2 or self.calls > MAX_CALLS:
                continue
            pieces = self._climb(part)
            for piece in pieces:
                bad = self._first_impossible(piece)
                if bad is None:
                    found.append(piece)
                    continue
                found.append(_part(piece, 0, bad + 1))
                # What follows may have been matched only to get here: ask again without this.
                after = piece.points[bad]
                todo.append([p for p in part if p > after])
                break
        parts = (part for piece in found for part in self._near_parts(piece))
        return [part for part in parts if len(part.points) > 1]

    def _climb(self, part: Sequence[int]) -> list[_Piece]:
        """The ladder: a wider radius for the points that found no road with the smaller one.

        Single points beside the road are left out; that is no failure but what matching is for.
        """
        radius_m = self.radius_m[np.asarray(part)]
        best: list[_Piece] = []
        most, lost = 0, np.zeros(len(part), dtype=bool)
        for wider_m in (0.0, *self.settings.wider_radii_m):
            if wider_m:
                radius_m[lost] = np.maximum(radius_m[lost], wider_m)
            answer = self.ask(part, radius_m)
            anchored = int((answer.matching_index >= 0).sum())
            if anchored > most:
                best, most = list(_pieces_of(part, answer)), anchored
            lost = answer.matching_index < 0
            if not self._breaks_line(part, answer, lost):
                break
        return best

    def _near_parts(self, piece: _Piece) -> Iterator[_Piece]:
        """The piece without the stretches whose points lie too far from it to have been on it.

        With the widest radius even a drive across a field finds roads at its edges. A judgement
        point by point, so that it does not depend on how much road there is around.
        """
        allowed_m = np.maximum(self.radius_m[piece.points] * 3, self.settings.far_m)
        far = piece.off_m > allowed_m
        if not far.any():
            yield piece
            return
        edges = np.flatnonzero(np.diff(far, prepend=False, append=False))
        low = 0
        for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            if end - start > LOST_POINTS:
                yield _part(piece, low, start)
                low = end
        yield _part(piece, low, len(piece.points))

    def _breaks_line(self, part: Sequence[int], answer: MatchAnswer, lost: Bools) -> bool:
        """Whether points without a road leave a hole or an open end in the window's own line."""
        if not lost.any():
            return False
        if len(answer.matchings) != 1:
            return True
        found = np.flatnonzero(~lost)
        open_start = lost[0] and part[found[0]] > self.window.first
        open_end = lost[-1] and part[found[-1]] < self.window.last
        return bool(open_start or open_end or _steps(found).max(initial=0) > LOST_POINTS + 1)

    def _first_impossible(self, piece: _Piece) -> int | None:
        """The first leg that is a detour no device can have made between two points.

        Where a road is missing in the network, the engine goes round: hundreds of metres in the
        few seconds between two points that lie close together. One step between two points at most
        can hide a detour, and only as long a one as there is time for.
        """
        scale = math.cos(math.radians(piece.lat[0])) * METRES_PER_DEGREE
        along = np.zeros(len(piece.lon))
        dx, dy = _steps(piece.lon) * scale, _steps(piece.lat) * METRES_PER_DEGREE
        np.cumsum(np.hypot(dx, dy), out=along[1:])
        leg_m = _steps(along[piece.vertex])
        index = np.array(piece.points)
        straight_m = np.hypot(_steps(self.x[index]), _steps(self.y[index]))
        straight_m += piece.off_m[1:] + piece.off_m[:-1]
        suspicious = leg_m > DETOUR_RATIO * straight_m + self.settings.detour_kmh / 3.6
        if suspicious.any():
            for leg in np.flatnonzero(suspicious).tolist():
                off_m = float(piece.off_m[leg] + piece.off_m[leg + 1])
                if leg_m[leg] > self._longest_m(int(index[leg]), int(index[leg + 1]), off_m):
                    return int(leg)
        return None

    def _longest_m(self, low: int, high: int, off_m: float) -> float:
        """How long the way from point `low` to point `high` can have been.

        Args:
            low: the first point.
            high: the second point.
            off_m: how far both together lie from where they were put on the road.
        """
        near = slice(max(low - 1, 0), high + 2)
        step_m = np.hypot(_steps(self.x[near]), _steps(self.y[near]))
        step_s = np.maximum(_steps(self.points.time_us[near]) / 1e6, MIN_STEP_S)
        speed = max(self.settings.detour_kmh / 3.6, float((step_m / step_s).max()))
        between = slice(low - near.start, high - near.start)
        hidden_m = speed * float(step_s[between].max())
        return DETOUR_RATIO * (float(step_m[between].sum()) + off_m) + hidden_m

    def chain(self, pieces: Sequence[_Piece]) -> _Chain:
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

    def record(self, chain: _Chain, pieces: Sequence[_Piece]) -> WindowMatch:
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


def _pieces_of(part: Sequence[int], answer: MatchAnswer) -> Iterator[_Piece]:
    index, vertex = answer.matching_index.tolist(), answer.vertex.tolist()
    for which, matching in enumerate(answer.matchings):
        on = [k for k, i in enumerate(index) if i == which]
        yield _Piece(
            [part[k] for k in on],
            [vertex[k] for k in on],
            answer.snapped_m[on],
            matching.lon,
            matching.lat,
            matching.confidence,
        )


def _part(piece: _Piece, low: int, high: int) -> _Piece:
    """The piece from its point number `low` to before number `high`."""
    part = slice(low, high)
    return replace(
        piece, points=piece.points[part], vertex=piece.vertex[part], off_m=piece.off_m[part]
    )


def _share(times: Ints, on_road: Sequence[bool], window: Window) -> float:
    """Share of the window's own time whose steps follow roads."""
    clipped = np.minimum(np.maximum(times, window.start_us), window.end_us)
    covered = float(_steps(clipped)[np.array(on_road, dtype=bool)].sum())
    return round(covered / max(window.end_us - window.start_us, 1), 4)


def _steps[T: (np.float64, np.int64)](values: NDArray[T]) -> NDArray[T]:
    """Differences of neighbours: `np.diff` takes ten times as long for a few values."""
    return values[1:] - values[:-1]
