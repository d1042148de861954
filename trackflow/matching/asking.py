"""Asks the engine about a window until an answer will do.

The engine is asked with the radius that the points' noise suggests. Where its answer leaves points
in a row without a road, makes detours, or is one of several that the points allow, it is asked with
other radii too, and `judging` says which answer explains the points best. Where all of them are
broken, the same roads are tried with one-ways ignored.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from trackflow.matching.engines.protocol import Engine, MatchRequest
from trackflow.matching.judging import BREAK_COST_M, Verdict, fit, judge
from trackflow.matching.pieces import Piece, Trace, pieces_of, without
from trackflow.matching.splicing import difference, differing, spliced
from trackflow.matching.windows import MatchSettings

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
class JudgedAnswer:
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
class WindowPieces:
    """What the line of a window is made of."""

    pieces: list[Piece]
    doubt: float
    against_oneway: bool = False


class WindowQuery:
    """Asks the engine about one window until an answer will do."""

    def __init__(self, engine: Engine, trace: Trace, settings: MatchSettings) -> None:
        self.engine = engine
        self.trace = trace
        self.settings = settings

    def found(self) -> WindowPieces:
        """Stretches of road for the kept points, without what no device can have driven."""
        answer = self.best(self.engine, self.trace.kept, self.settings.other_radii_m)
        if (other := self._either_way(answer)) is not None:
            return WindowPieces(other.driven(), other.doubt, against_oneway=True)
        parts = self._parts(answer)
        if len(parts) > 1:
            # What lies beyond a detour may have been matched only to get there: ask without it.
            # Not with other radii again: all of them made that detour, or worse.
            asked = [self.best(self.engine, p, ()) for p in parts if len(p) > 1]
            cost_m = sum(part.verdict.cost_m for part in asked) + BREAK_COST_M * (len(parts) - 1)
            if cost_m < answer.verdict.cost_m:
                doubt = max((part.doubt for part in asked), default=0.0)
                return WindowPieces([piece for part in asked for piece in part.driven()], doubt)
        return WindowPieces(answer.driven(), answer.doubt)

    def _either_way(self, answer: JudgedAnswer) -> JudgedAnswer | None:
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

    def best(self, engine: Engine, part: Sequence[int], others_m: Sequence[float]) -> JudgedAnswer:
        """The answer that explains some points best; several are asked for only in doubt."""
        answers: list[JudgedAnswer] = []
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
            answers.append(JudgedAnswer(pieces, verdict))
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
        answer: JudgedAnswer,
        others: Sequence[JudgedAnswer],
        clearly_m: float = 0.0,
    ) -> JudgedAnswer:
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
                    answer = JudgedAnswer(pieces, verdict)
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

    def _parts(self, answer: JudgedAnswer) -> list[list[int]]:
        """The kept points, parted where a device cannot have followed the line."""
        parts, rest = [], list(self.trace.kept)
        for piece, bad in zip(answer.pieces, answer.verdict.bad, strict=True):
            for low, high in bad:
                parts.append([k for k in rest if k <= piece.points[low]])
                rest = [k for k in rest if k >= piece.points[high]]
        return [*parts, rest]
