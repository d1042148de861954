"""All decisions about the points of one device: what is kept, where tracks are cut, what is a stop.

Three kinds of steps between neighbouring kept points settle everything else: steps of a stop, cuts,
and moving steps. A point beside a moving step is part of a track, so a line reaches the place where
somebody parked and begins there again; else a point beside a step of a stop is a stop point; else
it is alone.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from trackflow.geo.points import Bools, Ints, Points
from trackflow.tracks.cleaning import NO_TIMES, US, Cleaned, clean, impossible_steps
from trackflow.tracks.stops import stop_steps
from trackflow.tracks.thresholds import RANGES, Thresholds

CORE_TIME, CORE_SIZE = 0.5, 0.25
"""Of the dwell time and of the dwell radius: what makes the core of a stop."""


class Reason(StrEnum):
    """Why a segment or a track begins or ends."""

    GAP = "gap"
    """No point for a while, or at all: a chunk cannot tell the two apart."""
    JUMP = "jump"
    """The next point is so far away that nobody saw what lies between."""
    SPEED = "speed"
    """Nothing could have moved to the next point that fast."""
    STOP = "stop"
    """The device stayed where it was."""
    MIDNIGHT = "midnight"
    """It does not: the track goes on in the neighbouring day."""


@dataclass(frozen=True, slots=True, eq=False)
class Decisions:
    """What was decided about the points of one device.

    Attributes:
        cleaned: kept points, their steps, and what was dropped. n points.
        stops: which steps belong to a stop. Shape (max(n - 1, 0),).
        moving: element i says whether the step from point i - 1 to point i is part of a track; the
            first and the last say no. Shape (n + 1,).
        thresholds: the limits that were applied.
    """

    cleaned: Cleaned
    stops: Bools
    moving: Bools
    thresholds: Thresholds

    @property
    def on_track(self) -> Bools:
        """Which points are part of a track. Shape (n,)."""
        on_track: Bools = self.moving[:-1] | self.moving[1:]
        return on_track

    @property
    def stopped(self) -> Bools:
        """Which points are part of a stop and of no track. Shape (n,)."""
        stopped = np.zeros(len(self.cleaned.points), dtype=np.bool_)
        stopped[:-1] |= self.stops
        stopped[1:] |= self.stops
        stopped &= ~self.on_track
        return stopped

    def reason(self, step: int) -> Reason:
        """Why the step from point `step` to the next is not part of a track."""
        if not 0 <= step < len(self.stops):
            return Reason.GAP
        if self.stops[step]:
            return Reason.STOP
        if self.cleaned.dt_us[step] > self.thresholds.gap_s * US:
            return Reason.GAP
        here = slice(step, step + 1)
        impossible = impossible_steps(
            self.cleaned.dt_us[here], self.cleaned.step_mm[here], self.thresholds
        )
        return Reason.SPEED if len(impossible) else Reason.JUMP


def decide(points: Points, thresholds: Thresholds) -> Decisions:
    """Decide about all points of one device, given in any order."""
    cleaned = clean(points, thresholds)
    kept = cleaned.points
    cuts = _cuts(cleaned, thresholds)
    stops = stop_steps(kept.time_us, kept.lon, kept.lat, cuts, thresholds)
    _give_way_to_tracks(stops, kept, cuts, thresholds)
    moving = np.zeros(len(kept) + 1, dtype=np.bool_)
    if len(kept):
        np.logical_not(stops, out=moving[1:-1])
        moving[cuts + 1] = False
    return Decisions(cleaned, stops, moving, thresholds)


def _give_way_to_tracks(stops: Bools, points: Points, cuts: Ints, thresholds: Thresholds) -> None:
    """Unmark the steps of stops in which a device still drives in, or drives out already.

    The box of a stop takes in up to its diagonal of the road there and back: a track would end that
    far from where it went. So a stop begins and ends with its core, where half the time is spent in
    a box of a quarter of the size, if there is one soon enough: who wanders about for longer than
    the dwell time is not on the way in. Steps beside a cut stay, as no track goes on there.
    """
    turns = np.flatnonzero(np.diff(stops, prepend=False, append=False))
    if not len(turns):
        return
    begins, ends = turns[::2], turns[1::2]  # points: the first and the last of each stop
    dwell_us = int(thresholds.dwell_s * US)
    time_us = points.time_us
    core = _core_steps(points, begins, ends, thresholds)
    if not len(core):
        return
    is_cut = np.zeros(len(stops) + 1, dtype=np.bool_)
    is_cut[cuts] = True
    is_cut[-1] = True  # before the first step (as index -1) and after the last one
    first = core[np.minimum(np.searchsorted(core, begins), len(core) - 1)]
    last = core[np.searchsorted(core, ends) - 1]
    has_core = (first >= begins) & (first < ends)
    comes_in = has_core & ~is_cut[begins - 1] & (time_us[first] - time_us[begins] <= dwell_us)
    goes_out = has_core & ~is_cut[ends] & (time_us[ends] - time_us[last + 1] <= dwell_us)
    for begin, end in zip(begins[comes_in].tolist(), first[comes_in].tolist(), strict=True):
        stops[begin:end] = False
    for begin, end in zip((last + 1)[goes_out].tolist(), ends[goes_out].tolist(), strict=True):
        stops[begin:end] = False


def _core_steps(points: Points, begins: Ints, ends: Ints, thresholds: Thresholds) -> Ints:
    """Steps of the cores of stops, in order; only near the ends of each, where they matter.

    Whatever lies within the dwell time of an end is known from twice that.
    """
    time_us, reach_us = points.time_us, 2 * int(thresholds.dwell_s * US)
    head_ends = np.minimum(np.searchsorted(time_us, time_us[begins] + reach_us), ends)
    tails = np.searchsorted(time_us, time_us[ends] - reach_us, side="right") - 1
    tails = np.maximum(tails, begins)
    long = tails > head_ends
    low = np.sort(np.concatenate([begins, tails[long]]))
    high = np.sort(np.concatenate([np.where(long, head_ends, ends), ends[long]]))
    sizes = high - low + 1
    closing = np.cumsum(sizes) - 1
    rows = np.arange(closing[-1] + 1) + np.repeat(low - (closing + 1 - sizes), sizes)
    narrow = replace(
        thresholds,
        dwell_s=max(thresholds.dwell_s * CORE_TIME, RANGES["dwell_s"][0]),
        dwell_radius_m=max(thresholds.dwell_radius_m * CORE_SIZE, RANGES["dwell_radius_m"][0]),
    )
    core = stop_steps(time_us[rows], points.lon[rows], points.lat[rows], closing[:-1], narrow)
    steps: Ints = rows[np.flatnonzero(core)]
    return steps


def _cuts(cleaned: Cleaned, thresholds: Thresholds) -> Ints:
    """Indices of the steps across which no track goes on, in order; stops come on top."""
    if not len(cleaned.dt_us):
        return NO_TIMES
    cut = cleaned.dt_us > int(thresholds.gap_s * US)  # a float would convert the array
    cut |= cleaned.step_mm > thresholds.jump_m * 1000
    cut[impossible_steps(cleaned.dt_us, cleaned.step_mm, thresholds)] = True
    return np.flatnonzero(cut)
