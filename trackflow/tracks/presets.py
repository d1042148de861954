"""Presets: thresholds by what is tracked, and a guess of what that is.

A preset holds only what it changes; the defaults are good for vehicles and phones without any. One
table, `PRESETS`, gives each number with its reason; documentation and `--help` are made from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from trackflow.errors import SettingsError
from trackflow.geo.points import Floats, Points
from trackflow.geo.steps import between_mm
from trackflow.tracks.thresholds import US, Thresholds


@dataclass(frozen=True, slots=True)
class ThresholdChange:
    """One threshold that a preset changes, and why."""

    value: float
    reason: str


@dataclass(frozen=True, slots=True)
class Preset:
    """Thresholds for one kind of device."""

    name: str
    what: str
    changes: Mapping[str, ThresholdChange]

    @property
    def values(self) -> dict[str, float]:
        """The thresholds that differ from the defaults."""
        return {name: change.value for name, change in self.changes.items()}


PRESETS: Mapping[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset("vehicle", "cars, vans, buses, ploughs: a built-in tracker", {}),
        Preset(
            "phone",
            "a person's phone, at home and on the way",
            {
                "max_accuracy_m": ThresholdChange(
                    200, "a worse claim is a cell tower; Wi-Fi in a town is better than this"
                ),
                "min_track_m": ThresholdChange(
                    150, "a walk through a building, with its drift, is no trip of its own"
                ),
            },
        ),
        Preset(
            "asset",
            "trailers, containers, machines: reports every quarter of an hour to every few hours",
            {
                "gap_s": ThresholdChange(
                    3_600, "reports up to an hour apart are the rhythm, no silence"
                ),
                "silence_s": ThresholdChange(
                    21_600, "with four reports a day, six hours between two are one journey"
                ),
                "dwell_s": ThresholdChange(
                    900, "reports a quarter of an hour apart cannot show a shorter stay"
                ),
            },
        ),
        Preset(
            "sport",
            "watches and bicycle computers: a point every second of an outing",
            {
                "dwell_s": ThresholdChange(
                    600, "a rest of less than ten minutes is part of the outing"
                ),
                "max_speed_kmh": ThresholdChange(
                    120, "nobody descends faster; what does is a wrong fix in a wood or street"
                ),
                "min_track_m": ThresholdChange(
                    50, "a length of a pool or a sprint is meant to be kept"
                ),
            },
        ),
    )
}


def preset_thresholds(name: str | None) -> Thresholds:
    """The thresholds of a preset; the defaults without one.

    Raises:
        SettingsError: there is no such preset.
    """
    if name is None:
        return Thresholds()
    if name not in PRESETS:
        raise SettingsError(f"there is no preset {name!r}; there are {', '.join(PRESETS)}")
    return Thresholds().override(PRESETS[name].values)


FEWEST_POINTS = 20
"""Fewer points say nothing about a device; at one an hour, these are a day."""

SHORTEST_S = 900.0
"""A shorter time may hold one ride or one rest, which any device can have."""

RARE_S = 900.0
"""Whoever reports this rarely saves power: a tracker with a battery of its own."""

DENSE_S = 3.0
"""Sports devices record every second, or every few when they save memory."""

VAGUE_M = 30.0
"""Receivers under the sky claim some metres; phones indoors fall back to Wi-Fi and towers."""

LEGS_KMH = 45.0
"""Runners and cyclists are slower for all but a twentieth of the time that they move."""

WALK_KMH = 7.0
"""Half of the time that a person on foot moves is slower."""

MOVING_MS = 1.0
SPEED_SPAN_S = 10.0
LONGEST_SPAN_S = 120.0
WATCHED_S = 600.0


@dataclass(frozen=True, slots=True)
class PresetGuess:
    """What a device looks like, by what it has sent.

    Attributes:
        preset: name of the preset that fits.
        why: what speaks for it, in plain words with figures.
        interval_s: median time between two points.
        vague_share: share of points that claim an accuracy worse than `VAGUE_M`.
        fast_kmh: 95 % of the moving time it was slower; 0 if it never moved.
        moving_share: share of the time with points in which it moved.
        watched_share: share of the whole time that has a point every ten minutes.
    """

    preset: str
    why: str
    interval_s: float
    vague_share: float
    fast_kmh: float
    moving_share: float
    watched_share: float


def guess_preset(points: Points) -> PresetGuess | None:
    """What the points of a device look like; None if they are too few to tell.

    Args:
        points: of one device, in order of time; the newest thousands are enough.
    """
    dt_s = np.diff(points.time_us) / US
    dt_s = dt_s[dt_s > 0]
    if len(dt_s) < FEWEST_POINTS - 1 or dt_s.sum() < SHORTEST_S:
        return None
    interval_s = float(np.median(dt_s))
    claims = points.accuracy_m[points.accuracy_m > 0]
    vague_share = float((claims > VAGUE_M).sum() / len(points))
    speeds_kmh, moving_share = _moving_speeds_kmh(points)
    fast_kmh = float(np.percentile(speeds_kmh, 95)) if len(speeds_kmh) else 0.0
    usual_kmh = float(np.median(speeds_kmh)) if len(speeds_kmh) else 0.0
    watched_share = float(dt_s[dt_s <= WATCHED_S].sum() / dt_s.sum())
    every = f"a point every {_duration(interval_s)}"
    if interval_s >= RARE_S:
        preset, why = "asset", every
    elif vague_share >= 0.1:
        preset = "phone"
        why = f"{vague_share:.0%} of its points claim to be accurate to over {VAGUE_M:.0f} m only"
    elif interval_s <= DENSE_S and 0 < fast_kmh <= LEGS_KMH and moving_share >= 0.5:
        preset, why = "sport", f"{every}, nearly always moving, seldom over {fast_kmh:.0f} km/h"
    elif 0 < usual_kmh <= WALK_KMH and watched_share >= 0.5:
        preset, why = "phone", f"{every}, also at rest, and mostly on foot when it moves"
    else:
        preset, why = "vehicle", f"{every}, up to {fast_kmh:.0f} km/h"
    return PresetGuess(preset, why, interval_s, vague_share, fast_kmh, moving_share, watched_share)


def _moving_speeds_kmh(points: Points) -> tuple[Floats, float]:
    """Speeds over at least 10 s while it moved, and the share of spans in which it did.

    Over one second, the noise of a receiver looks like a run.
    """
    end = np.searchsorted(points.time_us, points.time_us + int(SPEED_SPAN_S * US))
    begin = np.flatnonzero(end < len(points))
    end = end[begin]
    span_s = (points.time_us[end] - points.time_us[begin]) / US
    near = span_s <= LONGEST_SPAN_S
    begin, end, span_s = begin[near], end[near], span_s[near]
    if not len(begin):
        return np.zeros(0), 0.0
    mm = between_mm(points.lon[begin], points.lat[begin], points.lon[end], points.lat[end])
    speeds_ms = mm / 1000 / span_s
    moving = speeds_ms > MOVING_MS
    return speeds_ms[moving] * 3.6, float(moving.mean())


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7_200 else f"{seconds / 3600:.1f} h"
