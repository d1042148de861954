"""What movement looks like, slot by slot: the numbers that a travel mode is told from.

A journey is looked at every 10 s (ticks), in slots of 30 s that the clock aligns. All sums are of
whole numbers: so a slot's features depend on the points around it alone, to the last bit, wherever
the journey began.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trackflow.geo.distance import METRES_PER_DEGREE
from trackflow.geo.points import Bools, Floats, Ints, Points

TICK_US = 10_000_000
TICKS = 3
SLOT_US = TICKS * TICK_US

WINDOWS_S = (60, 300, 1200)
"""Features are taken over these times around a slot: a halt, a stretch, a ride."""

SPEEDS_MS = (0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 17.0, 24.0, 35.0, 60.0)
"""Shares of time below these speeds: a distribution that can be summed."""

HARD_MS2 = 0.5
"""An acceleration that a driver chooses and a train's does not reach for long."""

CORNER_DEGREES, CORNER_MS = 45.0, 2.0
"""A change of course within 30 s that roads have and rails do not, at a speed above noise."""

HALT_MS = 0.7
LONG_GAP_S = 45.0
REACH_US = (WINDOWS_S[-1] // 2 + 40) * 1_000_000
"""Points further away from a slot do not count, but for the next one on each side."""


def names() -> list[str]:
    """The features in their order."""
    found = []
    for window_s in WINDOWS_S:
        found += [f"below_{speed:g}_{window_s}" for speed in SPEEDS_MS]
        found += [f"{name}_{window_s}" for name in ("mean_ms", "acceleration", "hard", "corners")]
        found += [f"{name}_{window_s}" for name in ("straight", "halts_km", "gap_share", "gap_ms")]
    return [*found, "sampling_s"]


@dataclass(frozen=True, slots=True, eq=False)
class Slots:
    """The slots of a journey, in order of time.

    Attributes:
        start_us: when each begins, shape (n,); the clock aligns them.
        features: shape (n, number of `names()`).
        lon: degrees, of its middle.
        lat: degrees, of its middle.
        speed_ms: of its middle tick.
        sampling_s: time between the points around it.
    """

    start_us: Ints
    features: NDArray[np.float32]
    lon: Floats
    lat: Floats
    speed_ms: Floats
    sampling_s: Floats

    def __len__(self) -> int:
        return len(self.start_us)


def slots_of(points: Points) -> Slots:
    """The slots that a journey touches.

    Args:
        points: of the journey, in order of time, no two of one time; two or more.
    """
    first = points.time_us[0] // SLOT_US
    count = int(points.time_us[-1] // SLOT_US - first) + 1
    edges_us = (first * TICKS + np.arange(count * TICKS + 1)) * TICK_US
    lon, lat = _at(points, edges_us, points.lon), _at(points, edges_us, points.lat)
    shrink = np.cos(np.radians(lat))
    east_m = _wrapped(np.diff(lon)) * METRES_PER_DEGREE * (shrink[1:] + shrink[:-1]) / 2
    north_m = np.diff(lat) * METRES_PER_DEGREE
    steps_mm = np.rint(np.hypot(east_m, north_m) * 1000).astype(np.int64)
    speed_ms = steps_mm / (TICK_US / 1000)
    middle = np.clip(np.searchsorted(points.time_us, edges_us[:-1] + TICK_US // 2), 1, None)
    middle = np.minimum(middle, len(points) - 1)
    gap_us = points.time_us[middle] - points.time_us[middle - 1]
    inside = (edges_us[1:] > points.time_us[0]) & (edges_us[:-1] < points.time_us[-1])
    ticks = _Ticks(
        inside, steps_mm, speed_ms, gap_us, np.rint(east_m * 1000), np.rint(north_m * 1000)
    )
    centre = np.arange(count) * TICKS + TICKS // 2
    columns = [column for window_s in WINDOWS_S for column in ticks.around(centre, window_s)]
    sampling_s = gap_us[centre] / 1e6
    columns.append(np.log(np.clip(sampling_s, 1, None)))
    return Slots(
        edges_us[:-1:TICKS],
        np.column_stack(columns).astype(np.float32),
        (lon[centre] + lon[centre + 1]) / 2,
        (lat[centre] + lat[centre + 1]) / 2,
        speed_ms[centre],
        sampling_s,
    )


def _at(points: Points, times_us: Ints, values: Floats) -> Floats:
    """Values between points, by proportion of time. Only the neighbours of a time count."""
    after = np.clip(np.searchsorted(points.time_us, times_us), 1, len(points) - 1)
    before = after - 1
    elapsed = (times_us - points.time_us[before]) / (points.time_us[after] - points.time_us[before])
    step = values[after] - values[before]
    step = _wrapped(step) if values is points.lon else step
    return values[before] + step * np.clip(elapsed, 0, 1)


def _wrapped(degrees: Floats) -> Floats:
    return (degrees + 180) % 360 - 180


@dataclass(frozen=True, slots=True, eq=False)
class _Ticks:
    """Movement from tick to tick; all arrays have shape (n,).

    Attributes:
        inside: whether the journey touches the tick.
        steps_mm: way in it.
        speed_ms: the same as a speed.
        gap_us: time between the points around it.
        east_mm: way to the east.
        north_mm: way to the north.
    """

    inside: Bools
    steps_mm: Ints
    speed_ms: Floats
    gap_us: Ints
    east_mm: Floats
    north_mm: Floats

    def around(self, centre: Ints, window_s: int) -> list[Floats]:
        """The features of the windows around these ticks."""
        half = window_s // 20
        low = np.clip(centre - half, 0, len(self.inside))
        high = np.clip(centre + half + 1, 0, len(self.inside))

        def total(values: Bools | Ints | Floats) -> Floats:
            # whole numbers: a sum of floats would depend on where it began
            running = np.zeros(len(values) + 1, dtype=np.int64)
            np.cumsum(values.astype(np.int64), out=running[1:])
            return (running[high] - running[low]).astype(np.float64)

        ticks = np.maximum(total(self.inside), 1)
        found = [total(self.inside & (self.speed_ms < speed)) / ticks for speed in SPEEDS_MS]
        way_mm = total(self.steps_mm * self.inside)
        change = np.zeros(len(self.inside))
        change[1:] = np.abs(np.diff(self.speed_ms)) / (TICK_US / 1e6)
        is_gap = self.inside & (self.gap_us > LONG_GAP_S * 1e6)
        gap_ticks = total(is_gap)
        halt = self.inside & (self.speed_ms < HALT_MS)
        begins = halt.copy()
        begins[1:] &= ~halt[:-1]
        net_mm = np.hypot(total(self.east_mm), total(self.north_mm))
        return [
            *found,
            way_mm / ticks / (TICK_US / 1000),
            total(np.rint(change * 1e4) * self.inside) / ticks / 1e4,
            total(self.inside & (change > HARD_MS2)) / ticks,
            total(self._corners()) / ticks,
            net_mm / np.maximum(way_mm, 1000),
            total(begins) / np.maximum(way_mm / 1e6, 0.2),
            gap_ticks / ticks,
            total(self.steps_mm * is_gap) / np.maximum(gap_ticks, 1) / (TICK_US / 1000),
        ]

    def _corners(self) -> Bools:
        """Ticks at which the course has changed much from the tick before last."""
        course = np.degrees(np.arctan2(self.north_mm, self.east_mm))
        found = np.zeros(len(course), dtype=bool)
        turn = np.abs(_wrapped(course[2:] - course[:-2]))
        quick = self.speed_ms > CORNER_MS
        found[2:] = (turn > CORNER_DEGREES) & quick[2:] & quick[:-2]
        return found & self.inside
