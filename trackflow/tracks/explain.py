"""Explanations: what became of a point, by which rule, with the measured value and its limit."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from trackflow.errors import BadInputError
from trackflow.geo.points import Ints, Points
from trackflow.geo.steps import between_mm
from trackflow.geo.time import from_us
from trackflow.tracks.agreement import CHANCE, agreed_speeds_ms, rhythms, velocities
from trackflow.tracks.bboxes import bbox_diagonal_m
from trackflow.tracks.cleaning import NO_TIMES
from trackflow.tracks.decisions import Decisions, EndReason, decide
from trackflow.tracks.ends import LONGEST_DEPARTURE_US, lasts_us
from trackflow.tracks.excursions import CLAIM_SHARE
from trackflow.tracks.ranges import contains
from trackflow.tracks.silences import longest_silence_us
from trackflow.tracks.slots import FINE_ACCURACY_M, cut_slots
from trackflow.tracks.speeds import TURN
from trackflow.tracks.stays import MOVING_MS
from trackflow.tracks.thresholds import FROZEN_S, US, Thresholds


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule at one place.

    Attributes:
        rule: name of the rule.
        text: what it found, in plain words.
        measured: the value that decided, or None where there was nothing to measure.
        threshold: the limit that it was compared with, or None.
        unit: of both.
    """

    rule: str
    text: str
    measured: float | None = None
    threshold: float | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True)
class TrackAround:
    """The track that a point is part of, as far as the given points show it.

    Attributes:
        start_us: time of its first point, UTC microseconds.
        end_us: time of its last point.
        points: how many points it has.
        distance_m: its length along the points, in metres.
        began: why it begins there.
        ended: why it ends there.
    """

    start_us: int
    end_us: int
    points: int
    distance_m: float
    began: Finding
    ended: Finding


@dataclass(frozen=True, slots=True)
class Explanation:
    """What became of a point.

    Attributes:
        time_us: time of the point.
        asked_us: the time that was asked for.
        kind: track, stop, excursion, mixed, lone, spike, inaccurate or hidden.
        findings: why, the deciding rule first.
        track: the track around it, if it is part of one.
    """

    time_us: int
    asked_us: int
    kind: str
    findings: tuple[Finding, ...]
    track: TrackAround | None = None

    def lines(self) -> list[str]:
        """The explanation in plain words."""
        lines = [f"Point of {_moment(self.time_us)}: {self.kind}."]
        if self.time_us != self.asked_us:
            away = _duration(abs(self.time_us - self.asked_us) / US)
            lines.append(f"It is the nearest to {_moment(self.asked_us)}, {away} away.")
        lines += [finding.text[:1].upper() + finding.text[1:] for finding in self.findings]
        if self.track is not None:
            track = self.track
            size = f"{track.points:,} points, {track.distance_m:,.0f} m"
            lines += [
                f"Its track of {size} begins at {_moment(track.start_us)}: {track.began.text}",
                f"It ends at {_moment(track.end_us)}: {track.ended.text}",
            ]
        return lines

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def as_dict(self) -> dict[str, Any]:
        """The explanation for programs: times as ISO 8601, measured values as numbers."""
        values = asdict(self)
        del values["asked_us"]
        for part in (values, values["track"] or {}):
            for name in ("time_us", "start_us", "end_us"):
                if name in part:
                    part[name.removesuffix("_us")] = _moment(part.pop(name))
        values["asked"] = _moment(self.asked_us)
        return values


def explain(
    points: Points, time_us: int, thresholds: Thresholds, hidden_us: Ints = NO_TIMES
) -> Explanation:
    """What became of the point nearest to a time.

    Args:
        points: points of one device that are not hidden, in any order, from at least
            `thresholds.reach_s` before the time to as much after it; to see the ends of a long
            track, more.
        time_us: the time; of two points just as near, the earlier is taken.
        thresholds: the limits.
        hidden_us: times of the hidden points around, in any order.

    Raises:
        BadInputError: there are no points.
    """
    if not len(points):
        raise BadInputError(f"There are no points around {_moment(time_us)}.")
    times = np.unique(points.time_us)
    nearest = int(times[np.argmin(np.abs(times - time_us))])
    decisions = decide(points, thresholds, hidden_us)
    cleaned = decisions.cleaned
    same = points[points.time_us == nearest]
    duplicates = _duplicates(same, cleaned.duplicate_us, nearest)
    at = int(np.searchsorted(cleaned.points.time_us, nearest))
    if at == len(cleaned.points) or cleaned.points.time_us[at] != nearest:
        kind, finding = _dropped(decisions, same, at)
        return Explanation(nearest, time_us, kind, (finding, *duplicates))
    if decisions.on_track[at]:
        finding = Finding("track", "no rule cuts or drops it: it is part of a track.")
        around = _track_around(decisions, at)
        return Explanation(nearest, time_us, "track", (finding, *duplicates), around)
    stay = decisions.stay_of(at) or decisions.stay_of(at - 1)
    if stay is not None and decisions.away[at]:
        away = _excursion(decisions, at, stay)
        return Explanation(nearest, time_us, "excursion", (*away, *duplicates))
    if stay is not None:
        return Explanation(nearest, time_us, "stop", (*_stay(decisions, at, stay), *duplicates))
    before, after = _cut(decisions, at - 1, before=True), _cut(decisions, at, before=False)
    if decisions.is_mixed[at]:
        return Explanation(nearest, time_us, "mixed", (before, after, *duplicates))
    alone = Finding("lone", "it is cut off on both sides, and one point is no track.")
    return Explanation(nearest, time_us, "lone", (alone, before, after, *duplicates))


def _duplicates(same: Points, duplicate_us: Any, time_us: int) -> tuple[Finding, ...]:
    others = int(np.count_nonzero(duplicate_us == time_us))
    if not others:
        return ()
    best = float(np.fmin.reduce(same.accuracy_m))
    claim = "none claims an accuracy" if np.isnan(best) else f"the best claims {best:,.1f} m"
    text = (
        f"{len(same)} points have this time; the most accurate was taken ({claim}), "
        f"{others} dropped as duplicates."
    )
    return (Finding("duplicate", text, float(len(same)), 1.0, "points"),)


def _dropped(decisions: Decisions, same: Points, at: int) -> tuple[str, Finding]:
    """Why cleaning dropped the point that would have been number `at` of the kept ones."""
    limits = decisions.thresholds
    time_us = int(same.time_us[0])
    if time_us in decisions.cleaned.inaccurate_us:
        accuracy = float(np.fmin.reduce(same.accuracy_m))
        limit_m = limits.max_accuracy_m
        text = f"it claims to be accurate to {accuracy:,.0f} m only; the limit is {limit_m:,.0f} m."
        return "inaccurate", Finding("max_accuracy_m", text, accuracy, limit_m, "m")
    point = same[np.lexsort((same.lat, same.lon, same.accuracy_m))[:1]]
    kept = decisions.cleaned.points
    before_m, before_s = _apart(kept[at - 1 : at], point)
    after_m, after_s = _apart(point, kept[at : at + 1])
    if not before_m:
        return "spike", _frozen(after_m, after_s, before_s, limits)
    across_m, across_s = _apart(kept[at - 1 : at], kept[at : at + 1])
    speeds = [before_m / before_s * 3.6, after_m / after_s * 3.6]
    turns_back = min(speeds) <= limits.max_speed_kmh
    limit_kmh = limits.max_speed_kmh / TURN if turns_back else limits.max_speed_kmh
    turning = " for going there and back at once" if turns_back else ""
    text = (
        f"it lies {before_m:,.0f} m from the kept point {_duration(before_s)} before it "
        f"({speeds[0]:,.0f} km/h) and {after_m:,.0f} m from the one {_duration(after_s)} after it "
        f"({speeds[1]:,.0f} km/h); the limit is {limit_kmh:,.0f} km/h{turning}. Those two fit "
        f"together: {across_m:,.0f} m in {_duration(across_s)}."
    )
    return "spike", Finding("max_speed_kmh", text, min(speeds), limit_kmh, "km/h")


def _frozen(next_m: float, next_s: float, since_s: float, limits: Thresholds) -> Finding:
    """A repeat of the last position of a device that moved on."""
    speed_kmh = next_m / next_s * 3.6
    text = (
        f"it repeats the position of {_duration(since_s)} before; the next one is {next_m:,.0f} m "
        f"away after {_duration(next_s)} ({speed_kmh:,.0f} km/h). The device moves before and "
        "after, so it had gone on meanwhile, as in a tunnel; such repeats are looked for up to "
        f"{_duration(FROZEN_S)} before a step faster than {limits.max_speed_kmh:,.0f} km/h."
    )
    return Finding("frozen", text, since_s, FROZEN_S, "s")


def _track_around(decisions: Decisions, at: int) -> TrackAround:
    still = np.flatnonzero(~decisions.moving)
    following = int(np.searchsorted(still, at, side="right"))
    first, last = int(still[following - 1]), int(still[following]) - 1
    points = decisions.cleaned.points
    return TrackAround(
        start_us=int(points.time_us[first]),
        end_us=int(points.time_us[last]),
        points=last - first + 1,
        distance_m=float(decisions.cleaned.step_mm[first:last].sum()) / 1000,
        began=_cut(decisions, first - 1, before=True),
        ended=_cut(decisions, last, before=False),
    )


def _cut(decisions: Decisions, step: int, *, before: bool) -> Finding:
    """Why no track goes on across a step, seen from the point after it or before it."""
    other = "before" if before else "after"
    limits, cleaned = decisions.thresholds, decisions.cleaned
    if not 0 <= step < len(cleaned.dt_us):
        limit_s = longest_silence_us(limits) / US
        text = f"no point comes {other} it within {_duration(limit_s)}, or none was given."
        return Finding("silence_s", text, None, limit_s, "s")
    stay = decisions.stay_of(step)
    if stay is not None and before and contains(decisions.left, np.array([step]))[0]:
        return _departure(decisions, step)
    if stay is not None:
        return _stay(decisions, step, stay)[0]
    dt_s, far_m = float(cleaned.dt_us[step]) / US, float(cleaned.step_mm[step]) / 1000
    speed_kmh = far_m / dt_s * 3.6
    if decisions.unseen_mm(np.array([step]))[0]:
        return _pause(decisions, step, before=before)
    reason = decisions.began(step)
    if reason is EndReason.HIDDEN:
        text = f"a person has hidden points between it and the one {other} it."
        return Finding("hidden", text)
    if reason is EndReason.MIXED:
        text = (
            f"the point {other} it is {far_m:,.0f} m away after {_duration(dt_s)}, which is "
            f"{speed_kmh:,.0f} km/h (the limit is {limits.max_speed_kmh:,.0f} km/h), and so are "
            f"others around, while every second point or so fits to one before: two senders under "
            "one id, or a clock that jumps back and forth."
        )
        return Finding("mixed", text, speed_kmh, limits.max_speed_kmh, "km/h")
    if reason is EndReason.SPEED:
        text = (
            f"the point {other} it is {far_m:,.0f} m away after {_duration(dt_s)}, which is "
            f"{speed_kmh:,.0f} km/h; the limit is {limits.max_speed_kmh:,.0f} km/h, beyond "
            f"{limits.noise_m:,.0f} m of noise, for a speed that no neighbouring steps agree on."
        )
        return Finding("max_speed_kmh", text, speed_kmh, limits.max_speed_kmh, "km/h")
    limit_s = longest_silence_us(limits) / US
    text = (
        f"the point {other} it is {_duration(dt_s)} away; the limit of a silence is "
        f"{_duration(limit_s)}."
    )
    return Finding("silence_s", text, dt_s, limit_s, "s")


def _pause(decisions: Decisions, step: int, *, before: bool) -> Finding:
    """A silence that holds a stay: it ends the track before it, and another begins after it."""
    cleaned, limits = decisions.cleaned, decisions.thresholds
    dt_s, far_m = float(cleaned.dt_us[step]) / US, float(cleaned.step_mm[step]) / 1000
    adds = f", and its {far_m:,.0f} m are added to the track" if before else ""
    text = (
        f"a silence of {_duration(dt_s)} with a way of {far_m:,.0f} m leaves time for a stop of "
        f"{_duration(limits.dwell_s)}: the device slept while it was parked{adds}."
    )
    return Finding("dwell_s", text, dt_s, limits.dwell_s, "s")


def _departure(decisions: Decisions, step: int) -> Finding:
    """The step in which a device that reports rarely at rest set out."""
    dt_s = float(decisions.cleaned.dt_us[step]) / US
    far_m = float(decisions.cleaned.step_mm[step]) / 1000
    text = (
        f"the point before it is {_duration(dt_s)} earlier and {far_m:,.0f} m away: the "
        f"device stayed for most of that time and then set out, and the {far_m:,.0f} m are added "
        "to the track."
    )
    if dt_s > LONGEST_DEPARTURE_US / US:
        noise_m = decisions.thresholds.noise_m
        text += f" It was silent while it was parked; {noise_m:,.0f} m and less may be noise."
        return Finding("noise_m", text, far_m, noise_m, "m")
    text += (
        f" So a track begins up to {_duration(LONGEST_DEPARTURE_US / US)} after the last point of "
        "a stop."
    )
    return Finding("departure", text, dt_s, LONGEST_DEPARTURE_US / US, "s")


def _stay(decisions: Decisions, at: int, stay: tuple[int, int]) -> tuple[Finding, ...]:
    """The stop that a point or step belongs to, and what shows that it is one."""
    limits, points = decisions.thresholds, decisions.cleaned.points
    start_us, end_us = (int(points.time_us[k]) for k in stay)
    stay_s, pauses = _lasts_s(decisions, stay), ""
    if contains(decisions.paused, np.array(stay[1:]))[0]:
        pause_s = float(decisions.cleaned.dt_us[stay[1]]) / US
        stay_s += pause_s
        pauses = f"and sleeps there in the silence of {_duration(pause_s)} after it, together "
    lasts = (
        f"it stays at one place from {_moment(start_us)} to {_moment(end_us)}, {pauses}"
        f"{_duration(stay_s)}; a stop is at least {_duration(limits.dwell_s)}."
    )
    found = [Finding("dwell_s", lasts, stay_s, limits.dwell_s, "s")]
    first, last = _around(decisions, at, stay)
    part = points[np.flatnonzero(~decisions.away[first : last + 1]) + first]
    slots = cut_slots(part, np.empty(0, dtype=np.int64), limits)
    size_m = bbox_diagonal_m(slots)
    wide = (
        f"around it, its places of half a minute each lie within a box whose diagonal is "
        f"{size_m:,.0f} m; {2 * limits.dwell_radius_m:,.0f} m are one place for sure, more only if "
        "fixes are rough, scatter without a way, or stay for longer."
    )
    found.append(Finding("dwell_radius_m", wide, size_m, 2 * limits.dwell_radius_m, "m"))
    ends = np.array([0]), np.array([len(part) - 1])
    of = velocities(part, *ends, limits)
    speed_ms = float(agreed_speeds_ms(of)[0])
    if not np.isnan(speed_ms):
        pace = (
            f"neighbouring fixes agree on {speed_ms * 3.6:,.1f} km/h there; from "
            f"{MOVING_MS * 3.6:,.1f} km/h on it would move about."
        )
        found.append(Finding("agreed_speed", pace, speed_ms * 3.6, MOVING_MS * 3.6, "km/h"))
    if rhythm := float(rhythms(of, np.ones(1, dtype=np.bool_))[0]):
        turns = (
            f"that its velocity has always turned by the same angle a few fixes later is sure by "
            f"{rhythm:.1f}; above {CHANCE:.1f}, which chance hardly reaches, it would go round or "
            "to and fro."
        )
        found.append(Finding("rhythm", turns, rhythm, CHANCE))
    return tuple(found)


def _lasts_s(decisions: Decisions, stay: tuple[int, int]) -> float:
    first, last = (np.array([k]) for k in stay)
    moves = decisions.moving
    points, limits = decisions.cleaned.points, decisions.thresholds
    return float(lasts_us(points, first, last, ~moves[first], ~moves[last + 1], limits)[0]) / US


def _around(decisions: Decisions, at: int, stay: tuple[int, int]) -> tuple[int, int]:
    """First and last point of the stay within half a dwell time of a point, excursions too."""
    time_us, half_us = decisions.cleaned.points.time_us, int(decisions.thresholds.dwell_s / 2 * US)
    first = int(np.searchsorted(time_us, time_us[at] - half_us))
    last = int(np.searchsorted(time_us, time_us[at] + half_us, side="right")) - 1
    return max(min(first, at), stay[0]), min(max(last, at + 1), stay[1])


def _excursion(decisions: Decisions, at: int, stay: tuple[int, int]) -> tuple[Finding, ...]:
    """How far from its stop a device claimed to be, for how long, and how surely."""
    points, away = decisions.cleaned.points, decisions.away
    first, last = at, at
    while first > stay[0] and away[first - 1]:
        first -= 1
    while last < stay[1] and away[last + 1]:
        last += 1
    home = [k for k in (first - 1, last + 1) if stay[0] <= k <= stay[1]]
    far_m, _ = _apart(points[slice(home[0], home[0] + 1)], points[slice(at, at + 1)])
    gone_s = float(points.time_us[last] - points.time_us[first]) / US
    seen = f"{last - first + 1} fixes in {_duration(gone_s)}" if last > first else "1 fix"
    near_m = 2 * decisions.thresholds.dwell_radius_m
    text = (
        f"it lies {far_m:,.0f} m from where the device rests before and after it (up to "
        f"{near_m:,.0f} m are one place), reached and left without a fix in between ({seen}): the "
        "device did not go there."
    )
    found = [Finding("excursion", text, far_m, near_m, "m")]
    claim_m = float(points.accuracy_m[at])
    most_m = CLAIM_SHARE * claim_m
    if claim_m > FINE_ACCURACY_M and far_m <= most_m:
        vague = (
            f"it claims to be accurate to {claim_m:,.0f} m only, so it may be wrong by "
            f"{most_m:,.0f} m; it lies {far_m:,.0f} m away."
        )
        found.append(Finding("claim", vague, far_m, most_m, "m"))
    return tuple(found)


def _apart(one: Points, other: Points) -> tuple[float, float]:
    """Metres and seconds between two points."""
    mm = between_mm(one.lon, one.lat, other.lon, other.lat)
    return float(mm[0]) / 1000, float(other.time_us[0] - one.time_us[0]) / US


def _moment(time_us: int) -> str:
    return (
        from_us(time_us)
        .isoformat(timespec="milliseconds" if time_us % US else "seconds")
        .replace("+00:00", "Z")
    )


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{round(seconds, 3):,g} s"
    if seconds < 7200:
        return f"{round(seconds / 60, 1):,g} min"
    return f"{seconds / 3600:,.1f} h"
