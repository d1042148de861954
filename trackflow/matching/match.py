"""One window's points to one window's line: which answer of the engine, and what of it is used.

The engine is asked with the radius that the points' noise suggests. Where its answer leaves points
in a row without a road, makes detours, or is one of several that the points allow, it is asked with
other radii too, and `judging` says which answer explains the points best. Where all of them are
broken, the same roads are tried with one-ways ignored. What no device can have driven is cut out
of the answer: there the line is the points themselves.

The line covers the window's context too; `seams` cuts it to size once the neighbours' are there.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import polyline_rs

from trackflow.geo import polylines
from trackflow.geo.points import Floats, Ints
from trackflow.matching.compact import pack, unpack
from trackflow.matching.engine import Engine, MatchRequest
from trackflow.matching.judging import BREAK_COST_M, Verdict, fit, judge
from trackflow.matching.pieces import Piece, Trace, pieces_of, steps, without
from trackflow.matching.splicing import difference, differing, spliced
from trackflow.matching.windows import MatchSettings, Window

RAW_BELOW_SHARE = 0.4
"""The line is raw where less of the time and less of the way than this is on roads: shreds are no
match. A vehicle that parks beside the road was still on it for most of the way."""

RAW_BELOW_CONFIDENCE = 0.05
"""The line is raw where it explains its points as badly as this: a battlement round the blocks
reaches .04. On real drives lines of more than .9 are wrong for one metre in 500."""

FITS = 0.5
"""A line that explains its points so well needs no road against its one-way."""

CLEARLY_M = 50.0
"""An answer is clearly better than another if its cost is less by so much. Roads are driven against
a one-way only where that is clearly better."""

STILL_BROKEN = 0.75
"""And by this factor where that answer is broken, too: a road may be missing besides."""

WIDEST_NEEDED_M = 30.0
"""A wider radius than this helps only points that have found no road."""


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
        confidence: how well the line explains its points (`judging.fit`), less half of what an
            equally good answer puts elsewhere; None if nothing matched.
        is_raw: whether the line is the points themselves.
        point_count: vertices of `line`.
        source_coordinates_count: the window's own points.
        against_oneway: whether one-ways had to be ignored.
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
    against_oneway: bool = False
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
        pairs: Floats = polylines.grid(self.line) / 1e6
        return pairs[:, 1], pairs[:, 0]


def match_window(engine: Engine, window: Window, settings: MatchSettings) -> WindowMatch:
    """The line of a window. No match is an ordinary answer: then it is the points themselves."""
    started = time.perf_counter()
    trace = Trace.of(window, settings)
    match = _record(window, trace, _Asker(engine, trace, settings).found(), settings)
    elapsed_ms = round((time.perf_counter() - started) * 1000, 3)
    return replace(match, processing_duration_ms=elapsed_ms)


@dataclass(frozen=True, slots=True)
class _Answer:
    """An engine's answer for some points, judged.

    Attributes:
        pieces: as the engine gave them.
        verdict: what is to be said of them.
        doubt: how much an answer that explains the points as well puts elsewhere, 0 to 1.
    """

    pieces: list[Piece]
    verdict: Verdict
    doubt: float = 0.0

    def driven(self) -> list[Piece]:
        """The pieces without what no device can have driven."""
        return [
            part
            for piece, bad in zip(self.pieces, self.verdict.bad, strict=True)
            for part in without(piece, bad)
        ]


@dataclass(frozen=True, slots=True)
class _Found:
    """What the line of a window is made of."""

    pieces: list[Piece]
    doubt: float
    against_oneway: bool = False


class _Asker:
    """Asks the engine about one window until an answer will do."""

    def __init__(self, engine: Engine, trace: Trace, settings: MatchSettings) -> None:
        self.engine = engine
        self.trace = trace
        self.settings = settings

    def found(self) -> _Found:
        """Stretches of road for the kept points, without what no device can have driven."""
        answer = self.best(self.engine, self.trace.kept, self.settings.other_radii_m)
        if (other := self._either_way(answer)) is not None:
            return _Found(other.driven(), other.doubt, against_oneway=True)
        parts = self._parts(answer)
        if len(parts) > 1:
            # What lies beyond a detour may have been matched only to get there: ask without it.
            # Not with other radii again: all of them made that detour, or worse.
            asked = [self.best(self.engine, p, ()) for p in parts if len(p) > 1]
            cost_m = sum(part.verdict.cost_m for part in asked) + BREAK_COST_M * (len(parts) - 1)
            if cost_m < answer.verdict.cost_m:
                doubt = max((part.doubt for part in asked), default=0.0)
                return _Found([piece for part in asked for piece in part.driven()], doubt)
        return _Found(answer.driven(), answer.doubt)

    def _either_way(self, answer: _Answer) -> _Answer | None:
        """The answer with one-ways ignored, where that explains the points much better.

        Not for points far apart: they do not show which way a device took.
        """
        ordinary = answer.verdict
        if not ordinary.is_doubtful or ordinary.is_sparse:
            return None
        fits = fit(self.trace, answer.driven(), self.settings.slowest_ms) > FITS
        if fits and not ordinary.is_broken:
            return None
        if (engine := self.engine.either_way()) is None:
            return None
        other = self.best(engine, self.trace.kept, ())
        limit_m = ordinary.cost_m * (STILL_BROKEN if other.verdict.is_broken else 1.0)
        if other.verdict.cost_m + CLEARLY_M >= limit_m:
            return None
        # Only where that helps: elsewhere the same one-ways tell which carriageway was driven.
        mixed = self._better(self.trace, self.trace.kept, answer, [other], CLEARLY_M)
        return mixed if mixed is not answer else other

    def best(self, engine: Engine, part: Sequence[int], others_m: Sequence[float]) -> _Answer:
        """The answer that explains some points best; several are asked for only in doubt."""
        answers: list[_Answer] = []
        best = 0
        trace = self.trace
        for radius_m in (None, *others_m):
            if radius_m and radius_m > WIDEST_NEEDED_M and not answers[best].verdict.lost:
                continue  # all points have found a road nearer than that
            wider = list(part)
            if radius_m:
                known = answers[best].verdict
                wider = known.lost if radius_m > WIDEST_NEEDED_M else known.suspect
            pieces = self._ask(engine, part, radius_m, wider)
            if not answers:
                trace = trace.quieter(pieces, self.settings)
            verdict = judge(trace, part, pieces, self.settings.slowest_ms)
            answers.append(_Answer(pieces, verdict))
            if verdict.cost_m < answers[best].verdict.cost_m:
                best = len(answers) - 1
            if not verdict.is_doubtful:
                break
        others = [*answers[:best], *answers[best + 1 :]]
        chosen = self._better(trace, part, answers[best], others)
        doubts = (
            difference(chosen.pieces, other.pieces)
            * math.exp((chosen.verdict.cost_m - other.verdict.cost_m) / CLEARLY_M)
            for other in others
        )
        return replace(chosen, doubt=max(doubts, default=0.0))

    def _better(
        self,
        trace: Trace,
        part: Sequence[int],
        answer: _Answer,
        others: Sequence[_Answer],
        clearly_m: float = 0.0,
    ) -> _Answer:
        """An answer with the stretches of others that explain their points better.

        Args:
            trace: the window's points.
            part: indices of those that were asked for.
            answer: the one that is best as a whole.
            others: to the same points.
            clearly_m: by how much the cost has to be less.
        """
        for other in others:
            stretches = differing(part, answer.pieces, other.pieces)
            for stretch in stretches if len(stretches) > 1 else ():
                pieces = spliced(answer.pieces, other.pieces, stretch)
                verdict = judge(trace, part, pieces, self.settings.slowest_ms)
                if verdict.cost_m + clearly_m < answer.verdict.cost_m:
                    answer = _Answer(pieces, verdict)
        return answer

    def _ask(
        self, engine: Engine, part: Sequence[int], radius_m: float | None, wider: Sequence[int]
    ) -> list[Piece]:
        """The engine's answer for some points.

        Args:
            engine: which one.
            part: indices of the points.
            radius_m: None for the radius of the points' own noise.
            wider: the points for which a wider one than that is used: it costs the square.
        """
        index, points = np.asarray(part), self.trace.points
        radii_m = self.trace.noise_m[index]
        if radius_m is not None:
            narrower_m = np.minimum(radii_m, radius_m)
            wider_m = np.maximum(radii_m, radius_m)
            is_narrow = radius_m < self.settings.radius_m
            radii_m = narrower_m if is_narrow else np.where(np.isin(index, wider), wider_m, radii_m)
        seconds = points.time_us[index] // 1_000_000
        # The engine matches nothing if two points share a second; a second more does no harm.
        places = np.arange(len(index))
        seconds = np.maximum.accumulate(seconds - places) + places
        answer = engine.match(MatchRequest(points.lon[index], points.lat[index], seconds, radii_m))
        return pieces_of(self.trace, part, answer)

    def _parts(self, answer: _Answer) -> list[list[int]]:
        """The kept points, parted where a device cannot have followed the line."""
        parts, rest = [], list(self.trace.kept)
        for piece, bad in zip(answer.pieces, answer.verdict.bad, strict=True):
            for low, high in bad:
                parts.append([k for k in rest if k <= piece.points[low]])
                rest = [k for k in rest if k >= piece.points[high]]
        return [*parts, rest]


@dataclass(slots=True)
class _Chain:
    """A whole line with its anchors, in the making."""

    lon: list[float] = field(default_factory=list)
    lat: list[float] = field(default_factory=list)
    points: list[int] = field(default_factory=list)
    vertex: list[int] = field(default_factory=list)
    on_road: list[bool] = field(default_factory=list)

    @classmethod
    def of(cls, trace: Trace, pieces: Sequence[Piece]) -> "_Chain":
        """One line of all pieces, straight from point to point where there is none."""
        chain = cls()
        starts = {piece.points[0]: piece for piece in pieces}
        skip_to = -1
        for k in trace.kept:
            if k <= skip_to:
                continue
            if piece := starts.get(k):
                chain.add_piece(piece)
                skip_to = piece.points[-1]
            else:
                chain.add_point(k, float(trace.points.lon[k]), float(trace.points.lat[k]))
        return chain

    def add_piece(self, piece: Piece) -> None:
        """Go on with a stretch of road."""
        base, low, high = len(self.lon), piece.vertex[0], piece.vertex[-1] + 1
        self.on_road += [False] * bool(self.points) + [True] * (len(piece.points) - 1)
        self.lon += piece.lon[low:high].tolist()
        self.lat += piece.lat[low:high].tolist()
        self.points += piece.points
        self.vertex += [base + v - low for v in piece.vertex]

    def add_point(self, k: int, lon: float, lat: float) -> None:
        """Go on straight to a point."""
        self.on_road += [False] * bool(self.points)
        self.vertex.append(len(self.lon))
        self.points.append(k)
        self.lon.append(lon)
        self.lat.append(lat)


def _record(window: Window, trace: Trace, found: _Found, settings: MatchSettings) -> WindowMatch:
    """The match as it is stored; raw where too little of the line, or too bad a line, was found."""
    chain = _Chain.of(trace, found.pieces)
    times = trace.points.time_us[np.asarray(chain.points)]
    share = _share(times, chain.on_road, window)
    confidence = fit(trace, found.pieces, settings.slowest_ms) * (1 - found.doubt / 2)
    way_share = _way_share(trace, chain, window)
    is_shreds = max(share, way_share) < RAW_BELOW_SHARE
    if found.pieces and (is_shreds or confidence < RAW_BELOW_CONFIDENCE):
        return _record(window, trace, _Found([], 0.0), settings)
    return WindowMatch(
        window.start_us,
        window.end_us,
        polyline_rs.encode_latlon(list(zip(chain.lat, chain.lon, strict=True)), 6),
        tuple(times.tolist()),
        tuple(chain.vertex),
        tuple(chain.on_road),
        share,
        round(confidence, 4) if found.pieces else None,
        not found.pieces,
        len(chain.lon),
        window.own_count,
        found.against_oneway,
    )


def _way_share(trace: Trace, chain: _Chain, window: Window) -> float:
    """Share of the window's own way, along its points, whose steps follow roads."""
    index = np.asarray(chain.points)
    step_m = np.hypot(steps(trace.x[index]), steps(trace.y[index]))
    own = (index[:-1] >= window.first) & (index[1:] <= window.last)
    on_road = np.array(chain.on_road, dtype=bool)
    return float(step_m[own & on_road].sum()) / max(float(step_m[own].sum()), 1.0)


def _share(times: Ints, on_road: Sequence[bool], window: Window) -> float:
    """Share of the window's own time whose steps follow roads."""
    clipped = np.minimum(np.maximum(times, window.start_us), window.end_us)
    covered = float(steps(clipped)[np.array(on_road, dtype=bool)].sum())
    return round(covered / max(window.end_us - window.start_us, 1), 4)
