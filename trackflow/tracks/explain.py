"""Explanations: what became of a point, by which rule, with the measured value and its limit."""

import datetime as dt
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from trackflow.errors import BadInputError
from trackflow.geo.points import Points
from trackflow.geo.steps import between_mm
from trackflow.tracks.cleaning import US
from trackflow.tracks.decisions import Decisions, Reason, decide
from trackflow.tracks.thresholds import Thresholds


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule at one place.

    Attributes:
        rule: name of the rule.
        text: what it found, in plain words.
        measured: the value that decided, or None where there was nothing to measure.
        threshold: the limit that it was held against, or None.
        unit: of both.
    """

    rule: str
    text: str
    measured: float | None = None
    threshold: float | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True)
class TrackAround:
    """The track that a point is part of, as far as the given points show it."""

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
        kind: track, stop, lone, spike or inaccurate.
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


def explain(points: Points, time_us: int, thresholds: Thresholds) -> Explanation:
    """What became of the point nearest to a time.

    Args:
        points: points of one device, in any order, from at least `thresholds.reach_s` before the
            time to as much after it; to see the ends of a long track, more.
        time_us: the time; of two points just as near, the earlier is taken.
        thresholds: the limits.

    Raises:
        BadInputError: there are no points.
    """
    if not len(points):
        raise BadInputError(f"There are no points around {_moment(time_us)}.")
    times = np.unique(points.time_us)
    nearest = int(times[np.argmin(np.abs(times - time_us))])
    decisions = decide(points, thresholds)
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
    if decisions.stopped[at]:
        beside = at if at < len(decisions.stops) and decisions.stops[at] else at - 1
        return Explanation(nearest, time_us, "stop", (_stay(decisions, beside), *duplicates))
    alone = Finding("lone", "it is cut off on both sides, and one point is no track.")
    before, after = _cut(decisions, at - 1, before=True), _cut(decisions, at, before=False)
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
    across_m, across_s = _apart(kept[at - 1 : at], kept[at : at + 1])
    speeds = [before_m / before_s * 3.6, after_m / after_s * 3.6]
    turns_back = min(speeds) <= limits.max_speed_kmh
    limit_kmh = limits.max_speed_kmh / 2 if turns_back else limits.max_speed_kmh
    turning = " for going there and back at once" if turns_back else ""
    text = (
        f"it lies {before_m:,.0f} m from the kept point {_duration(before_s)} before it "
        f"({speeds[0]:,.0f} km/h) and {after_m:,.0f} m from the one {_duration(after_s)} after it "
        f"({speeds[1]:,.0f} km/h); the limit is {limit_kmh:,.0f} km/h{turning}. Those two fit "
        f"together: {across_m:,.0f} m in {_duration(across_s)}."
    )
    return "spike", Finding("max_speed_kmh", text, min(speeds), limit_kmh, "km/h")


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
        text = f"no point comes {other} it within {_duration(limits.gap_s)}, or none was given."
        return Finding("gap_s", text, None, limits.gap_s, "s")
    reason = decisions.reason(step)
    if reason is Reason.STOP:
        return _stay(decisions, step)
    dt_s, far_m = float(cleaned.dt_us[step]) / US, float(cleaned.step_mm[step]) / 1000
    if reason is Reason.GAP:
        limit = _duration(limits.gap_s)
        text = f"the point {other} it is {_duration(dt_s)} away; the limit is {limit}."
        return Finding("gap_s", text, dt_s, limits.gap_s, "s")
    if reason is Reason.JUMP:
        text = f"the point {other} it is {far_m:,.0f} m away; the limit is {limits.jump_m:,.0f} m."
        return Finding("jump_m", text, far_m, limits.jump_m, "m")
    speed_kmh = far_m / dt_s * 3.6
    text = (
        f"the point {other} it is {far_m:,.0f} m away after {_duration(dt_s)}, which is "
        f"{speed_kmh:,.0f} km/h; the limit is {limits.max_speed_kmh:,.0f} km/h, beyond "
        f"{limits.noise_m:,.0f} m of noise."
    )
    return Finding("max_speed_kmh", text, speed_kmh, limits.max_speed_kmh, "km/h")


def _stay(decisions: Decisions, step: int) -> Finding:
    """The stop that a step belongs to, with the stops that touch it."""
    limits, points = decisions.thresholds, decisions.cleaned.points
    others = np.concatenate([[-1], np.flatnonzero(~decisions.stops), [len(decisions.stops)]])
    following = int(np.searchsorted(others, step))
    start_us = int(points.time_us[others[following - 1] + 1])
    end_us = int(points.time_us[others[following]])
    stay_s = (end_us - start_us) / US
    text = (
        f"it stays at one place from {_moment(start_us)} to {_moment(end_us)}, "
        f"{_duration(stay_s)}; a stop is at least {_duration(limits.dwell_s)} within a box whose "
        f"diagonal is {2 * limits.dwell_radius_m:,.0f} m."
    )
    return Finding("dwell_s", text, stay_s, limits.dwell_s, "s")


def _apart(one: Points, other: Points) -> tuple[float, float]:
    """Metres and seconds between two points."""
    mm = between_mm(one.lon, one.lat, other.lon, other.lat)
    return float(mm[0]) / 1000, float(other.time_us[0] - one.time_us[0]) / US


def _moment(time_us: int) -> str:
    moment = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=time_us)
    return moment.isoformat(timespec="milliseconds" if time_us % US else "seconds").replace(
        "+00:00", "Z"
    )


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{round(seconds, 3):,g} s"
    if seconds < 7200:
        return f"{round(seconds / 60, 1):,g} min"
    return f"{seconds / 3600:,.1f} h"
