"""One window's points to one window's line.

`asking` finds the stretches of road. What no device can have driven is cut out of them: there the
line is the points themselves. The line covers the window's context too; `seams` cuts it to size
once the neighbours' are there.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import polyline_rs

from trackflow.geo import polylines
from trackflow.geo.points import Floats, Ints
from trackflow.matching.asking import WindowPieces, WindowQuery
from trackflow.matching.chains import Chain
from trackflow.matching.compact import pack, unpack
from trackflow.matching.engines.protocol import Engine
from trackflow.matching.judging import fit
from trackflow.matching.pieces import Trace, steps
from trackflow.matching.windows import MatchSettings, Window

RAW_BELOW_SHARE = 0.4
"""The line is raw where less of the time and less of the way than this is on roads: shreds are no
match. A vehicle that parks beside the road was still on it for most of the way."""

RAW_BELOW_CONFIDENCE = 0.05
"""The line is raw where it explains its points as badly as this: a battlement round the blocks
reaches .04. On real drives lines of more than .9 are wrong for one metre in 500."""


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
    match = _record(window, trace, WindowQuery(engine, trace, settings).found(), settings)
    elapsed_ms = round((time.perf_counter() - started) * 1000, 3)
    return replace(match, processing_duration_ms=elapsed_ms)


def _record(
    window: Window, trace: Trace, found: WindowPieces, settings: MatchSettings
) -> WindowMatch:
    """The match as it is stored; raw where too little of the line, or too bad a line, was found."""
    chain = Chain.of(trace, found.pieces)
    times = trace.points.time_us[np.asarray(chain.points)]
    share = _share(times, chain.on_road, window)
    confidence = fit(trace, found.pieces, settings.slowest_ms) * (1 - found.doubt / 2)
    way_share = _way_share(trace, chain, window)
    is_shreds = max(share, way_share) < RAW_BELOW_SHARE
    if found.pieces and (is_shreds or confidence < RAW_BELOW_CONFIDENCE):
        return _record(window, trace, WindowPieces([], 0.0), settings)
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


def _way_share(trace: Trace, chain: Chain, window: Window) -> float:
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
