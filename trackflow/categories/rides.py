"""How a ride goes over twenty minutes: where it brakes, and how steady it is.

All sums are of whole numbers, as those of the features.
"""

from dataclasses import dataclass

import numpy as np

from trackflow.categories.features import MMS_PER_MS, TICK_US, Slots, Ticks
from trackflow.geo.points import Bools, Floats, Ints

STILL_MMS = 2 * MMS_PER_MS
"""Slower than this is a halt: positions of a train in its station move as well."""

STATION_MMS = 14 * MMS_PER_MS
"""50 km/h: what a train reaches between almost any two stations, and a bus in a town seldom."""

SLOWING_MMS = 5 * MMS_PER_MS
"""18 km/h: so much slower and faster again is a corner, a light or another car."""

DRIVEN_MMS = 4 * MMS_PER_MS
"""Who walks halts from less than this: it says nothing of vehicles."""

BEFORE_HALT, BESIDE = 12, 4
"""Ticks in which a halt's ride is looked for, and those to both sides of a slowing."""

SEEN_US = 20_000_000
"""Between points that are further apart nobody sees a ride brake."""

SEEN_TICKS = 60
"""Half of the twenty minutes."""


@dataclass(frozen=True, slots=True, eq=False)
class Rides:
    """The twenty minutes around each slot; all arrays have shape (n,).

    Attributes:
        stations: halts from more than `STATION_MMS`.
        slowings: slowings without a halt, and halts from less.
        speed_ms: mean speed.
        change_ms2: mean change of speed.
        seen_ms: mean speed where points are close; 0 where they are so for less than half of it.
        seen_change_ms2: and its mean change there.
    """

    stations: Ints
    slowings: Ints
    speed_ms: Floats
    change_ms2: Floats
    seen_ms: Floats
    seen_change_ms2: Floats


def rides_of(slots: Slots) -> Rides:
    """The rides around slots."""
    ticks, size = slots.ticks, len(slots.ticks.way_mm)
    counts, ways_mm = np.zeros((3, size), dtype=bool), np.zeros((2, size), dtype=np.int64)
    seen = ticks.inside & (ticks.gap_us <= SEEN_US)
    counts[0], counts[1] = _halts(ticks)
    counts[1, _slowings(ticks)] = True
    counts[2] = seen
    np.multiply(ticks.way_mm, seen, out=ways_mm[0])
    ways_mm[1, 1:] = np.abs(np.diff(ticks.way_mm)) * (seen[1:] & seen[:-1])
    stations, slowings, seen_ticks = ticks.around(counts)
    seen_mm, change_mm = ticks.around(ways_mm) / np.maximum(seen_ticks, 1)
    return Rides(
        stations,
        slowings,
        np.expm1(slots.feature("speed_1200")),
        np.expm1(slots.feature("acceleration_1200")) / 10,
        seen_mm / MMS_PER_MS * (seen_ticks >= SEEN_TICKS),
        change_mm / (MMS_PER_MS * TICK_US / 1e6),
    )


def _halts(ticks: Ticks) -> tuple[Bools, Bools]:
    """Ticks at which a ride halts: from the speed of a train between stations, and from less."""
    way_mm, inside = ticks.way_mm, ticks.inside
    is_halt = way_mm < STILL_MMS
    halts = np.flatnonzero(is_halt[1:] & ~is_halt[:-1] & inside[1:] & inside[:-1]) + 1
    fastest_mm = np.zeros(len(halts), dtype=np.int64)
    rides = np.ones(len(halts), dtype=bool)
    for before in range(1, BEFORE_HALT + 1):
        at = np.maximum(halts - before, 0)
        rides &= inside[at] & ~is_halt[at]
        fastest_mm = np.maximum(fastest_mm, way_mm[at] * rides)
    found = np.zeros((2, len(way_mm)), dtype=bool)
    found[0, halts[fastest_mm >= STATION_MMS]] = True
    found[1, halts[(fastest_mm >= DRIVEN_MMS) & (fastest_mm < STATION_MMS)]] = True
    return found[0], found[1]


def _slowings(ticks: Ticks) -> Ints:
    """Ticks at which a ride is slower than before and after, and does not halt."""
    way_mm = ticks.way_mm
    is_least = (way_mm[1:-1] < way_mm[:-2]) & (way_mm[1:-1] <= way_mm[2:])
    found = np.flatnonzero(is_least & (way_mm[1:-1] >= STILL_MMS)) + 1
    before_mm, after_mm = way_mm[found], way_mm[found]
    for away in range(1, BESIDE + 1):
        left_mm = way_mm[np.maximum(found - away, 0)]
        right_mm = way_mm[np.minimum(found + away, len(way_mm) - 1)]
        least = (way_mm[found] < left_mm) & (way_mm[found] <= right_mm)
        before_mm = np.maximum(before_mm, left_mm)[least]
        after_mm = np.maximum(after_mm, right_mm)[least]
        found = found[least]
    slowings: Ints = found[np.minimum(before_mm, after_mm) - way_mm[found] >= SLOWING_MMS]
    return slowings
