"""What movement looks like, slot by slot: the numbers that a travel mode is found from.

A journey is looked at every 10 s (ticks), in slots of 30 s that the clock aligns. All sums are of
whole numbers: so a slot's features depend on the points around it alone, to the last bit, wherever
the journey began and whichever journeys are computed with it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trackflow.categories.journeys import Journeys
from trackflow.geo.distance import METRES_PER_DEGREE
from trackflow.geo.points import Bools, Floats, Ints

TICK_US = 10_000_000
TICKS = 3
SLOT_US = TICKS * TICK_US
MMS_PER_MS = TICK_US // 1000
"""Millimetres in a tick at 1 m/s."""

WINDOWS_S = (60, 300, 1200)
"""Features are taken over these times around a slot: a halt, a stretch, a ride."""

SPEEDS_MS = (0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 17.0, 24.0, 35.0, 60.0)
"""Shares of time below these speeds: a distribution that can be summed."""

HARD_MS2 = 0.5
"""An acceleration that a driver chooses and a train's does not reach for long."""

CORNER_COS, CORNER_MS = 0.7071, 2.0
"""A change of course by 45 degrees within 30 s, which roads have and rails do not, at a speed above
noise."""

HALT_MS = 0.7
FASTEST_MM = 2**31 - 1
LONG_GAP_S = 45.0
QUICK_S = 5.0
"""Devices that look more often are told from each other no further: no ride depends on it."""


def names() -> list[str]:
    """The features in their order."""
    found = []
    for window_s in WINDOWS_S:
        found += [f"below_{speed:g}_{window_s}" for speed in SPEEDS_MS]
        found += [f"{name}_{window_s}" for name in ("speed", "acceleration", "hard", "corners")]
        found += [f"{name}_{window_s}" for name in ("straight", "halts_km", "gap_share", "gap_ms")]
    return [*found, "sampling"]


@dataclass(frozen=True, slots=True, eq=False)
class Ticks:
    """Movement from tick to tick, and which of it is around each slot.

    Attributes:
        way_mm: of each tick, shape (ticks,); nothing moves between journeys.
        inside: whether a journey touches it.
        gap_us: time between the points around it.
        low: of each slot, the tick before the longest of `WINDOWS_S` around it, shape (n,).
        high: the last one of it.
    """

    way_mm: Ints
    inside: Bools
    gap_us: Ints
    low: Ints
    high: Ints

    def around(self, values: Ints | Bools) -> Ints:
        """Sums of the ticks' values around each slot, shape (rows, n) of (rows, ticks)."""
        sums = np.cumsum(values, axis=1, dtype=np.int32 if values.dtype == bool else np.int64)
        found: Ints = np.subtract(sums.take(self.high, axis=1), sums.take(self.low, axis=1))
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Slots:
    """The slots of journeys, one journey after another, each in order of time.

    Attributes:
        start_us: when each begins, shape (n,); the clock aligns them.
        features: shape (n, number of `names()`).
        lon: degrees, of its middle.
        lat: degrees, of its middle.
        speed_ms: of its middle tick.
        sampling_s: time between the points around it.
        edges: number of the first slot of each journey, and n.
        ticks: the movement in and around them.
    """

    start_us: Ints
    features: NDArray[np.float32]
    lon: Floats
    lat: Floats
    speed_ms: Floats
    sampling_s: Floats
    edges: Ints
    ticks: Ticks

    def __len__(self) -> int:
        return len(self.start_us)

    def feature(self, name: str) -> Floats:
        """One of the features, shape (n,)."""
        found: Floats = self.features[:, names().index(name)].astype(np.float64)
        return found


def slots_of(journeys: Journeys) -> Slots:
    """The slots that journeys touch."""
    grid = _grid(journeys)
    steps = _steps(grid)
    middle = grid.slot * TICKS + TICKS // 2
    return Slots(
        grid.time_us[middle] - TICKS // 2 * TICK_US,
        _features(grid, steps).T,
        grid.lon[middle] + _wrapped(grid.lon[middle + 1] - grid.lon[middle]) / 2,
        (grid.lat[middle] + grid.lat[middle + 1]) / 2,
        steps.way_mm[middle] / MMS_PER_MS,
        grid.gap_us[middle] / 1e6,
        grid.slot_edges,
        Ticks(steps.way_mm, grid.inside, grid.gap_us, *_window(grid, WINDOWS_S[-1])),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Grid:
    """Positions at the ticks of journeys: an empty slot, a journey, an empty slot, a journey, ...

    In an empty slot nothing moves: so sums over windows may reach into it, and no further.

    Attributes:
        time_us: of the ticks' starts, shape (n,).
        lon: degrees.
        lat: degrees.
        gap_us: time between the points around.
        inside: whether the journey touches the tick that begins there.
        slot: place of each slot of the journeys among all slots.
        first: for each of these, the place of the empty slot before its journey.
        last: and of the one after it.
        slot_edges: number of the first slot of each journey, and their count.
    """

    time_us: Ints
    lon: Floats
    lat: Floats
    gap_us: Ints
    inside: Bools
    slot: Ints
    first: Ints
    last: Ints
    slot_edges: Ints


def _grid(journeys: Journeys) -> _Grid:
    points, edges = journeys.points, journeys.edges
    first, last = edges[:-1], edges[1:] - 1
    first_us, last_us = points.time_us[first], points.time_us[last]
    first_slot = first_us // SLOT_US
    counts = last_us // SLOT_US - first_slot + 1
    slot_edges = np.concatenate([[0], np.cumsum(counts)])
    begin = slot_edges[:-1] + np.arange(len(counts)) + 1
    ticks = (counts + 1) * TICKS
    ticks[0] += TICKS
    # the clock of the whole grid: journeys follow each other with one slot between them
    shift_us = (first_slot - begin) * SLOT_US
    place = (points.time_us - np.repeat(shift_us, np.diff(edges))) // TICK_US
    before = np.cumsum(np.bincount(place, minlength=ticks.sum()))
    right = np.concatenate([[0], before[:-1]])
    right = np.minimum(np.maximum(right, np.repeat(first + 1, ticks)), np.repeat(last, ticks))
    left = right - 1
    time_us = np.arange(len(right)) * TICK_US + np.repeat(shift_us, ticks)
    left_us = points.time_us[left]
    gap_us = points.time_us[right] - left_us
    share = np.minimum(np.maximum((time_us - left_us) / gap_us, 0), 1)
    left_lon, left_lat = points.lon[left], points.lat[left]
    return _Grid(
        time_us,
        left_lon + _wrapped(points.lon[right] - left_lon) * share,
        left_lat + (points.lat[right] - left_lat) * share,
        gap_us,
        (time_us > np.repeat(first_us - TICK_US, ticks)) & (time_us < np.repeat(last_us, ticks)),
        np.arange(counts.sum()) + np.repeat(begin - slot_edges[:-1], counts),
        np.repeat(begin - 1, counts),
        np.repeat(begin + counts, counts),
        slot_edges,
    )


def _wrapped(degrees: Floats) -> Floats:
    if len(degrees) and np.abs(degrees).max() > 180:
        degrees = np.where(np.abs(degrees) > 180, degrees - 360 * np.sign(degrees), degrees)
    return degrees


@dataclass(frozen=True, slots=True, eq=False)
class _Steps:
    """Movement from tick to tick, in whole millimetres; all arrays have shape (n,)."""

    way_mm: Ints
    east_mm: Ints
    north_mm: Ints


def _steps(grid: _Grid) -> _Steps:
    inside = grid.inside[:-1]
    shrink = np.cos(np.radians(grid.lat[:-1])) * METRES_PER_DEGREE * 1000
    # a step out of a journey leads nowhere
    east_mm = np.rint(_wrapped(np.diff(grid.lon)) * shrink) * inside
    north_mm = np.rint(np.diff(grid.lat) * (METRES_PER_DEGREE * 1000)) * inside
    way_mm = np.rint(np.sqrt(east_mm * east_mm + north_mm * north_mm))
    found = np.zeros((3, len(grid.lon)), dtype=np.int64)
    found[:, :-1] = way_mm, east_mm, north_mm
    return _Steps(*found)


def _features(grid: _Grid, steps: _Steps) -> NDArray[np.float32]:
    """The features of all windows around the slots' middle ticks, shape (features, slots)."""
    inside, way_mm = grid.inside, steps.way_mm
    change_mm = np.zeros(len(way_mm), dtype=np.int64)
    change_mm[1:] = np.abs(np.diff(way_mm)) * (inside[1:] & inside[:-1])
    in_gap = inside & (grid.gap_us > LONG_GAP_S * 1e6)
    ways = (way_mm, steps.east_mm, steps.north_mm, change_mm, way_mm * in_gap)
    ways_mm = np.cumsum(ways, axis=1)
    counts = np.cumsum(_counts(inside, steps, change_mm, in_gap), axis=1, dtype=np.int32)
    found = np.empty((len(names()), len(grid.slot)), dtype=np.float32)
    per_window = (len(found) - 1) // len(WINDOWS_S)
    for number, window_s in enumerate(WINDOWS_S):
        low, high = _window(grid, window_s)
        _fill(
            found[number * per_window : (number + 1) * per_window],
            counts.take(high, axis=1) - counts.take(low, axis=1),
            ways_mm.take(high, axis=1) - ways_mm.take(low, axis=1),
        )
    middle = grid.slot * TICKS + TICKS // 2
    found[-1] = np.log(np.maximum(grid.gap_us[middle] / 1e6, QUICK_S))
    return found


def _window(grid: _Grid, window_s: int) -> tuple[Ints, Ints]:
    """Of each slot, the tick before the window around it, and the last tick of it.

    It reaches from the middle tick of its first slot to that of its last.
    """
    half = window_s * 1_000_000 // SLOT_US // 2
    low = np.maximum(grid.slot - half, grid.first) * TICKS + TICKS // 2 - 1
    return low, np.minimum(grid.slot + half, grid.last) * TICKS + TICKS // 2


def _fill(found: NDArray[np.float32], counts: NDArray[np.int32], ways_mm: Ints) -> None:
    """The features of one window.

    Args:
        found: is filled, shape (features, slots).
        counts: sums of `_counts`.
        ways_mm: sums of way, way east, way north, change of way, way in gaps.
    """
    speeds = len(SPEEDS_MS)
    inside, hard, corners, halts, gaps = counts[speeds:]
    way_mm, east_mm, north_mm, change_mm, gap_way_mm = ways_mm
    ticks = np.maximum(inside, 1)
    np.divide(counts[:speeds], ticks, out=found[:speeds])
    net_mm = np.sqrt(east_mm.astype(np.float64) ** 2 + north_mm**2.0)
    found[speeds:] = (
        np.log1p(way_mm / ticks / MMS_PER_MS),
        np.log1p(change_mm / ticks / (MMS_PER_MS * TICK_US / 1e6) * 10),
        hard / ticks,
        corners / ticks,
        net_mm / np.maximum(way_mm, 1000),
        np.log1p(halts / np.maximum(way_mm / 1e6, 0.2)),
        gaps / ticks,
        np.log1p(gap_way_mm / np.maximum(gaps, 1) / MMS_PER_MS),
    )


def _counts(inside: Bools, steps: _Steps, change_mm: Ints, in_gap: Bools) -> Bools:
    """What is counted by tick: below each speed, inside, hard, corners, halts, in a gap.

    Args:
        inside: whether a journey touches the tick.
        steps: movement.
        change_mm: change of way.
        in_gap: whether the points around are far apart in time.
    """
    found = np.zeros((len(SPEEDS_MS) + 5, len(inside)), dtype=bool)
    # what is not inside is below no speed
    way_mm = np.where(inside, np.minimum(steps.way_mm, FASTEST_MM), FASTEST_MM).astype(np.int32)
    for number, speed_ms in enumerate(SPEEDS_MS):
        np.less(way_mm, np.int32(speed_ms * MMS_PER_MS), out=found[number])
    halt = way_mm < np.int32(HALT_MS * MMS_PER_MS)
    begins = halt.copy()
    begins[1:] &= ~halt[:-1]
    hard = change_mm > HARD_MS2 * MMS_PER_MS * TICK_US / 1e6
    found[len(SPEEDS_MS) :] = inside, hard, _corners(steps), begins, in_gap
    return found


def _corners(steps: _Steps) -> Bools:
    """Ticks at which the course has changed much from the tick before last."""
    found = np.zeros(len(steps.way_mm), dtype=bool)
    east, north, way = (x.astype(np.float64) for x in (steps.east_mm, steps.north_mm, steps.way_mm))
    along = east[2:] * east[:-2] + north[2:] * north[:-2]
    quick = way > CORNER_MS * MMS_PER_MS
    found[2:] = (along < CORNER_COS * way[2:] * way[:-2]) & quick[2:] & quick[:-2]
    found[2:] &= steps.way_mm[1:-1] > 0
    return found
