"""What movement looks like, slot by slot: the numbers that a travel mode is told from.

A journey is looked at every 10 s (ticks), in slots of 30 s that the clock aligns. All sums are of
whole numbers: so a slot's features depend on the points around it alone, to the last bit, wherever
the journey began and whichever journeys are computed with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trackflow.geo.distance import METRES_PER_DEGREE
from trackflow.geo.points import Bools, Floats, Ints, Points

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
LONG_GAP_S = 45.0
REACH_US = (WINDOWS_S[-1] // 2 + 40) * 1_000_000
"""Points further away from a slot do not count, but for the next one on each side."""


def names() -> list[str]:
    """The features in their order."""
    found = []
    for window_s in WINDOWS_S:
        found += [f"below_{speed:g}_{window_s}" for speed in SPEEDS_MS]
        found += [f"{name}_{window_s}" for name in ("speed", "acceleration", "hard", "corners")]
        found += [f"{name}_{window_s}" for name in ("straight", "halts_km", "gap_share", "gap_ms")]
    return [*found, "sampling"]


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
    """

    start_us: Ints
    features: NDArray[np.float32]
    lon: Floats
    lat: Floats
    speed_ms: Floats
    sampling_s: Floats
    edges: Ints

    def __len__(self) -> int:
        return len(self.start_us)


def slots_of(journeys: Sequence[Points]) -> Slots:
    """The slots that journeys touch.

    Args:
        journeys: each in order of time, no two points of one time; two or more points.
    """
    grid = _grid(journeys)
    steps = _steps(grid)
    columns = [*_columns(grid, steps), np.log(np.clip(grid.gap_us[grid.centre] / 1e6, 1, None))]
    centre = grid.centre
    features = np.empty((len(columns), len(centre)), dtype=np.float32)
    for number, column in enumerate(columns):
        features[number] = column
    return Slots(
        grid.time_us[centre] - TICKS // 2 * TICK_US,
        features.T,
        (grid.lon[centre] + grid.lon[centre + 1]) / 2,
        (grid.lat[centre] + grid.lat[centre + 1]) / 2,
        steps.way_mm[centre] / MMS_PER_MS,
        grid.gap_us[centre] / 1e6,
        grid.slot_edges,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Grid:
    """Positions at the ticks of journeys; each journey has one more than it has ticks.

    Attributes:
        time_us: of the ticks' starts, shape (n,).
        lon: degrees.
        lat: degrees.
        gap_us: time between the points around.
        inside: whether the journey touches the tick that begins there.
        centre: numbers of the slots' middle ticks.
        low: for each slot, the first tick of its journey.
        high: for each slot, the end of its journey's ticks.
        slot_edges: number of the first slot of each journey, and their count.
    """

    time_us: Ints
    lon: Floats
    lat: Floats
    gap_us: Ints
    inside: Bools
    centre: Ints
    low: Ints
    high: Ints
    slot_edges: Ints


def _grid(journeys: Sequence[Points]) -> _Grid:
    times, after, inside, centres = [], [], [], []
    offset = begin = 0
    counts, begins = [], []
    for points in journeys:
        first, last = points.time_us[[0, -1]]
        count = int(last // SLOT_US - first // SLOT_US) + 1
        tick_us = (first // SLOT_US * TICKS + np.arange(count * TICKS + 1)) * TICK_US
        times.append(tick_us)
        after.append(np.clip(np.searchsorted(points.time_us, tick_us), 1, len(points) - 1) + offset)
        touched = (tick_us + TICK_US > first) & (tick_us < last)
        touched[-1] = False
        inside.append(touched)
        centres.append(begin + np.arange(count) * TICKS + TICKS // 2)
        counts.append(count)
        begins.append(begin)
        begin += count * TICKS + 1
        offset += len(points)
    points = Points.concat(journeys)
    time_us, right = np.concatenate(times), np.concatenate(after)
    left = right - 1
    gap_us = points.time_us[right] - points.time_us[left]
    share = np.clip((time_us - points.time_us[left]) / gap_us, 0, 1)
    lon, lat = points.lon, points.lat
    return _Grid(
        time_us,
        lon[left] + _wrapped(lon[right] - lon[left]) * share,
        lat[left] + (lat[right] - lat[left]) * share,
        gap_us,
        np.concatenate(inside),
        np.concatenate(centres),
        np.repeat(begins, counts),
        np.repeat(begins, counts) + np.repeat(counts, counts) * TICKS,
        np.concatenate([[0], np.cumsum(counts)]),
    )


def _wrapped(degrees: Floats) -> Floats:
    found: Floats = np.where(np.abs(degrees) > 180, degrees - 360 * np.sign(degrees), degrees)
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Steps:
    """Movement from tick to tick, in whole millimetres; all arrays have shape (n,)."""

    way_mm: Ints
    east_mm: Ints
    north_mm: Ints


def _steps(grid: _Grid) -> _Steps:
    shrink = np.cos(np.radians(grid.lat)) * METRES_PER_DEGREE * 1000
    east_mm, north_mm, way_mm = (np.zeros(len(grid.lon), dtype=np.int64) for _ in range(3))
    # a journey's last position begins no tick: the step from there leads to another journey
    inside = grid.inside[:-1]
    east_mm[:-1] = np.rint(_wrapped(np.diff(grid.lon)) * shrink[:-1]) * inside
    north_mm[:-1] = np.rint(np.diff(grid.lat) * (METRES_PER_DEGREE * 1000)) * inside
    way_mm[:] = np.rint(np.sqrt(east_mm.astype(np.float64) ** 2 + north_mm.astype(float) ** 2))
    return _Steps(way_mm, east_mm, north_mm)


def _columns(grid: _Grid, steps: _Steps) -> list[Floats]:
    """The features of all windows around the slots' middle ticks."""
    sums = _sums(grid, steps)
    found: list[Floats] = []
    for window_s in WINDOWS_S:
        half = window_s * 1_000_000 // TICK_US // 2
        low = np.maximum(grid.centre - half, grid.low)
        high = np.minimum(grid.centre + half + 1, grid.high)
        total = {name: running[high] - running[low] for name, running in sums.items()}
        ticks = np.maximum(total["inside"], 1)
        way_mm, gap_ticks = total["way_mm"], total["gaps"]
        net_mm = np.sqrt(total["east_mm"].astype(np.float64) ** 2 + total["north_mm"] ** 2.0)
        found += [total[f"below_{speed:g}"] / ticks for speed in SPEEDS_MS]
        found += [
            np.log1p(way_mm / ticks / MMS_PER_MS),
            np.log1p(total["change_mm"] / ticks / (MMS_PER_MS * TICK_US / 1e6) * 10),
            total["hard"] / ticks,
            total["corners"] / ticks,
            net_mm / np.maximum(way_mm, 1000),
            np.log1p(total["halts"] / np.maximum(way_mm / 1e6, 0.2)),
            gap_ticks / ticks,
            np.log1p(total["gap_way_mm"] / np.maximum(gap_ticks, 1) / MMS_PER_MS),
        ]
    return found


def _sums(grid: _Grid, steps: _Steps) -> dict[str, Ints]:
    """Running sums by name, from which the sum over any window is one subtraction."""
    inside, way_mm = grid.inside, steps.way_mm
    change_mm = np.zeros(len(way_mm), dtype=np.int64)
    change_mm[1:] = np.abs(np.diff(way_mm)) * (inside[1:] & inside[:-1])
    is_gap = inside & (grid.gap_us > LONG_GAP_S * 1e6)
    halt = inside & (way_mm < HALT_MS * MMS_PER_MS)
    begins = halt.copy()
    begins[1:] &= ~halt[:-1]
    values: dict[str, Bools | Ints] = {
        **{f"below_{v:g}": inside & (way_mm < v * MMS_PER_MS) for v in SPEEDS_MS},
        "inside": inside,
        "way_mm": way_mm,
        "east_mm": steps.east_mm,
        "north_mm": steps.north_mm,
        "change_mm": change_mm,
        "hard": change_mm > HARD_MS2 * MMS_PER_MS * TICK_US / 1e6,
        "corners": _corners(steps),
        "halts": begins,
        "gaps": is_gap,
        "gap_way_mm": way_mm * is_gap,
    }
    return {name: _running(value) for name, value in values.items()}


def _running(values: Bools | Ints) -> Ints:
    found = np.zeros(len(values) + 1, dtype=np.int64)
    np.cumsum(values, out=found[1:])
    return found


def _corners(steps: _Steps) -> Bools:
    """Ticks at which the course has changed much from the tick before last."""
    found = np.zeros(len(steps.way_mm), dtype=bool)
    east, north, way = (x.astype(np.float64) for x in (steps.east_mm, steps.north_mm, steps.way_mm))
    along = east[2:] * east[:-2] + north[2:] * north[:-2]
    quick = way > CORNER_MS * MMS_PER_MS
    found[2:] = (along < CORNER_COS * way[2:] * way[:-2]) & quick[2:] & quick[:-2]
    # a step out of a journey is zero and not quick, but the one before it is of another journey
    found[2:] &= steps.way_mm[1:-1] > 0
    return found
