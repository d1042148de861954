"""Speed of segmentation against a plain split by gap and distance, movingpandas and trackintel.

All run on the same simulated points: devices that drive at 5 s, stand at lights, stay (with points
or without), sleep at night, and now and then report a spike or a point twice. movingpandas and
trackintel take minutes for a million points, so they get the first devices of the same sample: one
alone, and some at once, as ours does.

A thousand calls of numpy cost the same for a device of a thousand points (a day) as for one of
20,000 (a week). So devices are segmented together (`segment_together`), and both ways are measured:
one call per device, and one call for all. The plain split is done both ways too, in the same run.
For all devices at once it gets their arrays already put together and in order; ours puts them
together itself, from any order.

    python -m trackflow_tests.benchmarks segmentation
"""

import datetime as dt
import time
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from trackflow.geo.distance import haversine_m
from trackflow.geo.points import Points
from trackflow.geo.time import midnight_us
from trackflow.tracks.merging import merge
from trackflow.tracks.segments import segment_days
from trackflow.tracks.thresholds import Thresholds
from trackflow.tracks.together import DeviceDays, segment_together

FIRST = dt.date(2026, 3, 2)
US = 1_000_000
PER_DEVICE, PER_SMALL_DEVICE, PER_LONG_DEVICE = 20_000, 1_000, 200_000
SLOW_DEVICES = 5
REPEATS = 5
JUMP_M = 10_000.0


def simulate(points: int, seed: int = 1, per_device: int = PER_DEVICE) -> list[Points]:
    """Devices of at most so many points each."""
    random = np.random.default_rng(seed)
    sizes = [per_device] * (points // per_device) + [points % per_device]
    return [_device(size, random) for size in sizes if size]


def _device(size: int, random: np.random.Generator) -> Points:
    """Drives of 10 to 60 minutes with a stay after each; every second stay is without points."""
    dt_s, speed_ms, turn = [], [], []
    left, stays = size, 0
    while left > 0:
        drive = int(random.integers(120, 720))
        wave = 14 + 10 * np.sin(np.arange(drive) / random.uniform(8, 30))
        wave[random.random(drive) < 0.1] = 0.0
        # The first step of a drive ends the stay before it.
        dt_s.append(
            np.concatenate(
                [[random.uniform(900, 30_000) if stays % 2 else 5], np.full(drive - 1, 5.0)]
            )
        )
        speed_ms.append(np.concatenate([[0.0], wave[1:].clip(0)]))
        turn.append(random.normal(0, 0.1, drive))
        stay = int(random.integers(60, 500)) if stays % 2 == 0 else 0
        dt_s.append(np.full(stay, random.choice([5.0, 30.0, 60.0])))
        speed_ms.append(np.zeros(stay))
        turn.append(np.zeros(stay))
        left -= drive + stay
        stays += 1
    step_s, v, angle = (np.concatenate(c)[:size] for c in (dt_s, speed_ms, turn))
    heading = np.cumsum(angle) + random.uniform(0, 6)
    noise = random.normal(0, 4, (2, size))
    x = np.cumsum(v * step_s * np.cos(heading)) + noise[0]
    y = np.cumsum(v * step_s * np.sin(heading)) + noise[1]
    x[random.integers(1, size, size // 5000)] += 30_000  # spikes
    start_us = midnight_us(FIRST) + int(random.integers(0, 86_400)) * US
    time_us = start_us + np.rint(np.cumsum(step_s) * US).astype(np.int64)
    again = random.integers(1, size, size // 5000)
    time_us[again] = time_us[again - 1]  # two positions with one time
    lat = 60.17 + y / 111_195
    return Points.of(time_us, 24.94 + x / 55_300, lat, random.choice([3.0, 5.0, 12.0], size))


def plain_split(points: Points, gap_us: int, jump_m: float) -> Any:
    """The least that anyone does: numpy on sorted arrays, cut at a gap in time or a far step."""
    step_m = haversine_m(points.lon[:-1], points.lat[:-1], points.lon[1:], points.lat[1:])
    return np.flatnonzero((np.diff(points.time_us) > gap_us) | (step_m > jump_m)) + 1


def best_s(*works: Callable[[], object], repeats: int = REPEATS) -> list[float]:
    """Processor seconds of the fastest of some runs of each, which take turns.

    On a busy machine a longer run waits for other work more often than a shorter one, so waiting
    does not count.
    """
    best = [float("inf")] * len(works)
    for _ in range(repeats):
        for k, context in enumerate(works):
            begin = time.thread_time()
            context()
            best[k] = min(best[k], time.thread_time() - begin)
    return best


def plain_split_of_all(points: Points, device: Any, gap_us: int, jump_m: float) -> Any:
    """The same for all devices at once: arrays in order of device and time, cut between devices."""
    step_m = haversine_m(points.lon[:-1], points.lat[:-1], points.lon[1:], points.lat[1:])
    cut = (np.diff(points.time_us) > gap_us) | (step_m > jump_m) | (device[1:] != device[:-1])
    return np.flatnonzero(cut) + 1


def one_by_one_s(devices: list[Points], thresholds: Thresholds) -> tuple[float, float]:
    """Seconds of `segment_days` and of the plain split, each called for one device at a time."""
    gap_us = int(thresholds.gap_s * US)
    ours_s = plain_s = 0.0
    for device in devices:
        days = _days(device)
        one_s, other_s = best_s(
            partial(segment_days, device, *days, thresholds),
            partial(plain_split, device, gap_us, JUMP_M),
        )
        ours_s, plain_s = ours_s + one_s, plain_s + other_s
    return ours_s, plain_s


def together_s(devices: list[Points], thresholds: Thresholds) -> tuple[float, float]:
    """Seconds of `segment_together` and of the plain split, each called once for all devices."""
    given = [DeviceDays(device, *_days(device)) for device in devices]
    everything = Points.concat(devices)
    of = np.arange(len(devices)).repeat([len(device) for device in devices])
    ours_s, plain_s = best_s(
        partial(segment_together, given, thresholds),
        partial(plain_split_of_all, everything, of, int(thresholds.gap_s * US), JUMP_M),
    )
    return ours_s, plain_s


def shares(points: int, per_device: int, thresholds: Thresholds) -> dict[str, float]:
    """What share of the plain split's speed is reached with devices of so many points."""
    devices = simulate(points, per_device=per_device)
    one_s, plain_one_s = one_by_one_s(devices, thresholds)
    all_s, plain_all_s = together_s(devices, thresholds)
    total = sum(len(device) for device in devices)
    name = f"devices of {per_device:,} points"
    return {
        f"{name}, together: points/s": round(total / all_s),
        f"{name}, together: share of plain split, one call per device": round(
            plain_one_s / all_s, 3
        ),
        f"{name}, together: share of plain split, one call for all": round(plain_all_s / all_s, 3),
        f"{name}, one by one: points/s": round(total / one_s),
        f"{name}, one by one: share of plain split, one call per device": round(
            plain_one_s / one_s, 3
        ),
        f"{name}, plain split, one call per device: points/s": round(total / plain_one_s),
        f"{name}, plain split, one call for all: points/s": round(total / plain_all_s),
    }


def run(points: int = 1_000_000) -> dict[str, float | int | str]:
    """Rates in points per processor second, and ratios."""
    devices = simulate(points)
    thresholds = Thresholds()
    results = segment_together([DeviceDays(d, *_days(d)) for d in devices], thresholds)
    ledgers = [day.ledger for days in results for day in days]
    segments = [[s for day in days for s in day.segments] for days in results]
    total = sum(len(d) for d in devices)
    merging_s = best_s(lambda: [merge(s) for s in segments], repeats=1)[0]
    return {
        "points": total,
        "devices": len(devices),
        "segments": sum(len(s) for s in segments),
        "tracks": sum(len(merge(s)) for s in segments),
        "stop_points": sum(ledger.stop for ledger in ledgers),
        "spikes": sum(ledger.spike for ledger in ledgers),
        "duplicates": sum(ledger.duplicate for ledger in ledgers),
        **shares(points, PER_DEVICE, thresholds),
        **shares(points, PER_SMALL_DEVICE, thresholds),
        **shares(points, PER_LONG_DEVICE, thresholds),
        "merging: points/s": round(total / merging_s),
        **times_of_libraries(devices[:1], thresholds),
        **times_of_libraries(devices[:SLOW_DEVICES], thresholds),
    }


def times_of_libraries(devices: list[Points], thresholds: Thresholds) -> dict[str, float]:
    """How many times as long libraries take for some devices, which each gets in one call."""
    ours_s, _ = together_s(devices, thresholds)
    which = "one device" if len(devices) == 1 else f"{len(devices)} devices"
    return {
        f"times movingpandas, {which}": round(_movingpandas_s(devices, thresholds) / ours_s, 1),
        f"times trackintel, {which}": round(_trackintel_s(devices, thresholds) / ours_s, 1),
    }


def _days(points: Points) -> tuple[dt.date, dt.date]:
    first, last = (
        dt.datetime.fromtimestamp(t / US, dt.UTC).date() for t in points.time_us[[0, -1]]
    )
    return first, last


def _frame(devices: list[Points]) -> Any:
    import geopandas as gpd

    points = Points.concat(devices)
    of = np.arange(len(devices)).repeat([len(device) for device in devices])
    return gpd.GeoDataFrame(
        {"t": pd.to_datetime(points.time_us, unit="us", utc=True), "user_id": of},
        geometry=gpd.points_from_xy(points.lon, points.lat),
        crs=4326,
    )


def _movingpandas_s(devices: list[Points], thresholds: Thresholds) -> float:
    """Splitting a collection at gaps only: no cleaning, no stops."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import movingpandas as mpd

        frame = _frame(devices)
        frame["t"] = frame["t"].dt.tz_localize(None)
        collection = mpd.TrajectoryCollection(frame, "user_id", t="t")
        gap = dt.timedelta(seconds=thresholds.gap_s)
        return best_s(lambda: mpd.ObservationGapSplitter(collection).split(gap=gap), repeats=1)[0]


def _trackintel_s(devices: list[Points], thresholds: Thresholds) -> float:
    """Staypoints and the triplegs between them, with the same limits."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import trackintel as ti

        frame = _frame(devices).rename(columns={"t": "tracked_at"}).set_geometry("geometry")
        positions = ti.Positionfixes(frame)

        def split() -> None:
            fixes, staypoints = positions.generate_staypoints(
                method="sliding",
                dist_threshold=2 * thresholds.dwell_radius_m,
                time_threshold=thresholds.dwell_s / 60,
                gap_threshold=thresholds.gap_s / 60,
            )
            fixes.generate_triplegs(staypoints, gap_threshold=thresholds.gap_s / 60)

        return best_s(split, repeats=1)[0]
