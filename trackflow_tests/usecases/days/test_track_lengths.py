"""A track's distance: on roads where windows are matched, along its points elsewhere."""

import datetime as dt
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import pytest

from trackflow.geo import polylines
from trackflow.geo.points import Points
from trackflow.geo.steps import steps_mm
from trackflow.store.roads.polylines import StoredLine
from trackflow.tracks.lengths import measure
from trackflow.tracks.merging import merge
from trackflow.tracks.segments import segment_days
from trackflow.tracks.thresholds import Thresholds
from trackflow.usecases.days.tracking import track_row
from trackflow_tests.helpers.stores import drive

START = dt.datetime(2026, 3, 2, 23, 40, tzinfo=dt.UTC)
POINTS = drive(START, 361, every_s=10)
"""An hour over midnight."""

EDGES = [*range(0, 360, 30), 360]
"""Points at which the clock-aligned windows of five minutes begin, and the last one."""


def line(low: int, high: int, is_raw: bool, detour_deg: float) -> StoredLine:
    """The line of a window: straight, or over a corner so far to the north."""
    some = POINTS[slice(low, high + 1)]
    lon = [some.lon[0], (some.lon[0] + some.lon[-1]) / 2, some.lon[-1]]
    lat = [some.lat[0], some.lat[0] + detour_deg, some.lat[0]]
    times = int(some.time_us[0]), int(some.time_us[-1])
    return StoredLine(
        *times, polylines.encode(lon, lat), is_raw, None if is_raw else 0.9, 0.0 if is_raw else 1.0
    )


def row_of(windows: list[StoredLine], points: Points = POINTS) -> dict[str, Any]:
    days = segment_days(points, START.date(), START.date() + dt.timedelta(days=1), Thresholds())
    parts = [part for day in days for part in day.segments]
    (track,) = merge(parts)
    assert len(parts) == 2
    return track_row("d", track, parts, windows)


def mm_of(window: StoredLine) -> int:
    return int(steps_mm(*polylines.decode(window.encoded_polyline)).sum())


@pytest.mark.parametrize("raw", [set(), {3}, {0, 11}, {4, 5, 6}, set(range(12))])
def test_each_stretch_counts_once(raw: set[int]) -> None:
    windows = [line(*pair, k in raw, 0.002) for k, pair in enumerate(pairwise(EDGES))]
    way = measure(POINTS).way
    by_points = sum(
        way.at_mm(w.end_us) - way.at_mm(w.start_us) for k, w in enumerate(windows) if k in raw
    )
    on_roads = sum(mm_of(w) for k, w in enumerate(windows) if k not in raw)
    row = row_of(windows)
    assert row["distance_m"] * 1000 == pytest.approx(by_points + on_roads, abs=1)
    assert row["raw_distance_m"] == pytest.approx(steps_mm(POINTS.lon, POINTS.lat).sum() / 1000)
    assert row["average_speed_kmh"] == pytest.approx(row["distance_m"] / 3600 * 3.6, abs=1e-3)
    assert row["max_speed_kmh"] >= row["average_speed_kmh"]
    quarters = [int(text) for text in row["quarters_mm"].split(",")]
    assert sum(quarters) == round(row["distance_m"] * 1000)
    # three windows in a quarter of an hour; the first quarter holds one, the last two
    lengths = [
        way.at_mm(w.end_us) - way.at_mm(w.start_us) if k in raw else mm_of(w)
        for k, w in enumerate(windows)
    ]
    until = list(accumulate(lengths))
    expected = np.diff([0, until[0], until[3], until[6], until[9], until[11]])
    assert np.abs(np.array(quarters) - expected).max() <= 1


def test_a_day_whose_lines_do_not_fit_counts_by_its_points() -> None:
    windows = [line(*pair, False, 0.002) for pair in pairwise(EDGES)]
    whole, without = row_of(windows), row_of(windows[:5])
    assert whole["distance_m"] > without["distance_m"] > row_of([])["distance_m"]
    way = measure(POINTS).way
    assert row_of([])["distance_m"] == way.length_mm / 1000
