"""All decisions about the points of one device: what is kept, where tracks are cut, what is a stay.

Three kinds of steps between neighbouring kept points settle everything else: steps of a stay, cuts,
and moving steps. A point beside a moving step is part of a track, so a line ends where the device
parked and begins there again; else a point beside a step of a stay is a stop point; else
it is alone.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from trackflow.geo.points import Bools, Ints, Points
from trackflow.geo.steps import between_mm, wrapped
from trackflow.tracks.arrivals import with_rests
from trackflow.tracks.cleaning import NO_TIMES, CleanPoints, clean
from trackflow.tracks.ends import stay_points
from trackflow.tracks.excursions import excursions
from trackflow.tracks.hiding import hidden_steps
from trackflow.tracks.laps import lap_slots
from trackflow.tracks.ranges import contains, distinct, flat_ranges, running, runs
from trackflow.tracks.silences import late_wakings, longest_silence_us, pauses, still_silences
from trackflow.tracks.slots import Slots, cut_slots
from trackflow.tracks.stays import stay_steps
from trackflow.tracks.thresholds import Thresholds
from trackflow.tracks.walks import without_walks


class EndReason(StrEnum):
    """Why a segment or a track begins or ends."""

    GAP = "gap"
    """No point for a long time, or none at all (a chunk cannot distinguish the two), and the points
    around the silence do not show what happened in it."""
    SPEED = "speed"
    """Nothing could have moved to the next point that fast."""
    MIXED = "mixed"
    """The points around belong to two senders, or to a clock that jumps."""
    HIDDEN = "hidden"
    """A person has hidden the points in between."""
    STOP = "stop"
    """The device stayed where it was."""
    MIDNIGHT = "midnight"
    """It does not: the track goes on in the neighbouring day."""


@dataclass(frozen=True, eq=False)  # no slots: what follows from the decisions is kept once asked
class Decisions:
    """What was decided about the points of one device.

    Attributes:
        cleaned: kept points, their steps, and what was dropped. n points.
        stays: first and last points of stays, in order. Shapes (k,).
        away: which points are excursions from a stay. Shape (n,).
        moving: element i is true if the step from point i - 1 to point i is part of a track; the
            first and the last are false. Shape (n + 1,).
        paused: indices of the silent steps that hold a stay before the begin of a track, in order.
        left: indices of the last steps of stays that hold a departure, be it from a silence, in
            order.
        hidden: indices of the steps over hidden points that end a track, in order.
        thresholds: the limits that were applied.
    """

    cleaned: CleanPoints
    stays: tuple[Ints, Ints]
    away: Bools
    moving: Bools
    paused: Ints
    left: Ints
    hidden: Ints
    thresholds: Thresholds

    @cached_property
    def on_track(self) -> Bools:
        """Which points are part of a track. Shape (n,)."""
        on_track: Bools = self.moving[:-1] | self.moving[1:]
        return on_track

    @cached_property
    def stopped(self) -> Bools:
        """Which points are part of a stay, but neither of a track nor excursions. Shape (n,)."""
        stopped = np.zeros(len(self.cleaned.points), dtype=np.bool_)
        for first, last in zip(*(ends.tolist() for ends in self.stays), strict=True):
            stopped[first : last + 1] = True
        stopped &= ~self.on_track
        stopped &= ~self.away
        return stopped

    @cached_property
    def is_mixed(self) -> Bools:
        """Which points lie in a mixture, and in neither a track nor a stay. Shape (n,)."""
        found = np.zeros(len(self.cleaned.points), dtype=np.bool_)
        if len(self.cleaned.mixed):
            found[self.cleaned.mixed] = True
            found[self.cleaned.mixed + 1] = True
            found &= ~(self.on_track | self.stopped | self.away)
        return found

    def stay_of(self, step: int) -> tuple[int, int] | None:
        """First and last point of the stay that holds a step, None if none does."""
        k = int(np.searchsorted(self.stays[0], step, side="right")) - 1
        if k < 0 or step >= self.stays[1][k]:
            return None
        return int(self.stays[0][k]), int(self.stays[1][k])

    def ended(self, step: int) -> EndReason:
        """Why no track goes on from point `step`."""
        none = np.empty(0, dtype=np.int64)
        return self.reasons(none, np.array([step]))[1][0]

    def began(self, step: int) -> EndReason:
        """Why no track leads to the point after `step`."""
        reason: EndReason = self._reasons(np.array([step]))[0]
        return reason

    def reasons(self, began: Ints, ended: Ints) -> tuple[list[EndReason], list[EndReason]]:
        """The reasons of `began` for some steps, and of `ended` for others."""
        found = self._reasons(np.concatenate([began, ended]))
        found[len(began) :][contains(self.paused, ended)] = EndReason.STOP
        return found[: len(began)].tolist(), found[len(began) :].tolist()

    def _reasons(self, steps: Ints) -> NDArray[np.object_]:
        """Why no track goes over steps, seen from the points after them."""
        cleaned, (first, last) = self.cleaned, self.stays
        found = np.empty(len(steps), dtype=np.object_)
        found.fill(EndReason.GAP)
        inside = ((steps >= 0) & (steps < len(cleaned.dt_us))).nonzero()[0]
        steps = steps[inside]
        silent = cleaned.dt_us[steps] > longest_silence_us(self.thresholds)
        of_stay = first.searchsorted(steps, side="right") > last.searchsorted(steps, side="right")
        found[inside[contains(cleaned.impossible, steps) & ~silent]] = EndReason.SPEED
        found[inside[contains(cleaned.mixed, steps)]] = EndReason.MIXED
        # of a silence a chunk may lack the other end, and with it what is hidden
        found[inside[contains(self.hidden, steps) & ~silent]] = EndReason.HIDDEN
        found[inside[of_stay]] = EndReason.STOP
        return found

    def unseen_mm(self, steps: Ints) -> Ints:
        """Lengths of ways before the points after steps that belong to their tracks unseen."""
        found = np.zeros(len(steps), dtype=np.int64)
        if len(self.paused) or len(self.left):
            seen = contains(self.paused, steps) | contains(self.left, steps)
            found[seen] = self.cleaned.step_mm[steps[seen]]
        return found


def decide(points: Points, thresholds: Thresholds, hidden_us: Ints = NO_TIMES) -> Decisions:
    """Decide about all points of one device, given in any order.

    Args:
        points: of one device, without those that are hidden.
        thresholds: the limits.
        hidden_us: times of its hidden points, UTC microseconds since 1970, in any order.
    """
    cleaned = clean(points, thresholds)
    kept, dt_us = cleaned.points, cleaned.dt_us
    cut = dt_us > longest_silence_us(thresholds)
    cut[cleaned.impossible] = True
    cut[cleaned.mixed] = True
    hidden = hidden_steps(kept.time_us, hidden_us, thresholds)
    cut[hidden] = True
    slots = cut_slots(kept, cut.nonzero()[0], thresholds)
    stays, left, away = _stays(kept, slots, cut, thresholds)
    staying = np.zeros(len(dt_us), dtype=np.bool_)
    for first, last in zip(*(ends.tolist() for ends in stays), strict=True):
        staying[first:last] = True
    still = still_silences(cleaned, cut, thresholds)
    staying[still] = True
    paused = pauses(cleaned, staying, cut, thresholds)
    cut[paused] = True
    stays = runs(staying)
    rests = with_rests(cleaned, stays, paused, cut, thresholds)
    if len(rests[0]):
        for first, last in zip(*(ends.tolist() for ends in rests), strict=True):
            staying[first:last] = True
        stays = runs(staying)
    woken, ends = late_wakings(cleaned, still, stays, cut, thresholds)
    if len(woken):
        staying[flat_ranges(woken + 1, ends)] = False
        stays, left = runs(staying), np.union1d(left, woken)
    moving = np.zeros(len(kept) + 1, dtype=np.bool_)
    if len(kept):
        np.logical_not(staying | cut, out=moving[1:-1])
    return Decisions(cleaned, stays, away, moving, paused, left, hidden, thresholds)


def _stays(
    points: Points, slots: Slots, cut: Bools, thresholds: Thresholds
) -> tuple[tuple[Ints, Ints], Ints, Bools]:
    """First and last points of stays, steps of departures, and which points are excursions."""
    cut_after = cut[slots.last[:-1]]
    away = excursions(points, slots, cut_after, thresholds)
    free_before, free_after = np.ones((2, len(slots)), dtype=np.bool_)
    np.logical_or(cut_after, away[:-1], out=free_before[1:])
    np.logical_or(cut_after, away[1:], out=free_after[:-1])
    here, here_cut, at = slots, cut_after, np.arange(len(slots))
    if away.any():
        at = (~away).nonzero()[0]
        here, free_before, free_after = slots[at], free_before[at], free_after[at]
        cuts = running(cut_after)[at]
        here_cut = cuts[1:] > cuts[:-1]

    def laps(rows: Ints) -> Bools:
        return lap_slots(points, slots, at[rows], thresholds)

    steps = stay_steps(points, here, here_cut, laps, thresholds)
    first, last, left = stay_points(points, here, steps, (free_before, free_after), thresholds)
    first, last = without_walks(points, first, last, left, cut)
    first, last = _with_edges(first, last, slots, away, cut_after)
    return (first, last), left, _away_points(points, slots, away, first, last, thresholds)


def _with_edges(
    first: Ints, last: Ints, slots: Slots, away: Bools, cut_after: Bools
) -> tuple[Ints, Ints]:
    """Stays with the excursions that lie directly before or after them."""
    if not away.any() or not len(first):
        return first, last
    of_first = np.searchsorted(slots.first, first, side="right") - 1
    of_last = np.searchsorted(slots.first, last, side="right") - 1
    joins_before = np.append(False, away[:-1] & ~cut_after)
    joins_after = np.append(away[1:] & ~cut_after, False)
    first = np.where(joins_before[of_first], slots.first[np.maximum(of_first - 1, 0)], first)
    last = np.where(joins_after[of_last], slots.last[np.minimum(of_last + 1, len(slots) - 1)], last)
    return first, last


def _away_points(
    points: Points, slots: Slots, away: Bools, first: Ints, last: Ints, thresholds: Thresholds
) -> Bools:
    """Which points of stays are far from where their slot is, or in a slot that is an excursion."""
    found = np.zeros(len(points), dtype=np.bool_)
    if not len(first):
        return found
    begin = slots.first.searchsorted(first, side="right") - 1
    end = slots.first.searchsorted(last, side="right")
    within = distinct(flat_ranges(begin, end))
    # A slot of one point is where that point is.
    some = within[(slots.last > slots.first)[within]]
    count = slots.last[some] - slots.first[some] + 1
    rows = flat_ranges(slots.first[some], slots.last[some] + 1)
    centre = wrapped(slots.lon[some]).repeat(count), slots.lat[some].repeat(count)
    apart_mm = between_mm(points.lon.take(rows), points.lat.take(rows), *centre)
    found[rows] = apart_mm > 2 * thresholds.dwell_radius_m * 1000
    gone = within[away[within]]
    found[flat_ranges(slots.first[gone], slots.last[gone] + 1)] = True
    # Stays begin and end within slots.
    rows = found.nonzero()[0]
    outside = first.searchsorted(rows, side="right") == last.searchsorted(rows)
    found[rows[outside]] = False
    return found
