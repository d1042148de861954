"""The splitters that the benchmarks of movement compare: trackflow's and two libraries'.

The libraries' pieces are filtered as trackflow's tracks are: at least 100 m along their points.
"""

import datetime as dt
import warnings
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from trackflow.geo.points import Ints, Points
from trackflow.geo.time import DAY_US
from trackflow.tracks.decisions import EndReason, decide
from trackflow.tracks.lengths import measure
from trackflow.tracks.merging import is_short, joined_points, merge
from trackflow.tracks.segments import DaySegments, segment_days
from trackflow.tracks.silences import is_parked
from trackflow.tracks.thresholds import Thresholds
from trackflow_tests.benchmarks.movement_scores import Movement, length_m

US = 1_000_000


def trackflow(points: Points, thresholds: Thresholds | None = None) -> Movement:
    """Tracks as they are published, and the stops beside them."""
    thresholds = thresholds or Thresholds()
    if not len(points):
        return Movement([], np.empty((0, 2), dtype=np.int64), np.empty(0))
    segments = [s for day in days_of(points, thresholds) for s in day.segments]
    tracks = [t for t in merge(segments) if not is_short(t, thresholds)]
    joined = [joined_points(segments, t) for t in tracks]
    stops = [
        (a.end_us, b.start_us)
        for (a, here), (b, there) in pairwise(zip(tracks, joined, strict=True))
        if EndReason.STOP in (a.ended, b.began)
        or is_parked(
            length_m(Points.concat([here[slice(-1, None)], there[slice(1)]])),
            (b.start_us - a.end_us) / US,
            thresholds.dwell_s,
        )
    ]
    # The first and the last stay lie beside one track only, and are no row of `read_stops`.
    decisions = decide(points, thresholds)
    time_us = decisions.cleaned.points.time_us
    begins, ends = decisions.stays
    stops += list(zip(time_us[begins].tolist(), time_us[ends].tolist(), strict=True))
    return Movement(
        joined,
        united(np.array(stops, dtype=np.int64).reshape(-1, 2)),
        np.array(
            [
                (measure(p).way.length_mm + t.lead_mm) / 1000
                for p, t in zip(joined, tracks, strict=True)
            ]
        ),
    )


def days_of(points: Points, thresholds: Thresholds) -> list[DaySegments]:
    """Every day from the first to the last point."""
    first, last = (
        dt.date(1970, 1, 1) + dt.timedelta(days=int(t) // DAY_US)
        for t in (points.time_us.min(), points.time_us.max())
    )
    return segment_days(points, first, last, thresholds)


def united(spans: Ints) -> Ints:
    """Spans in order, those that overlap or touch made one."""
    spans = spans[np.argsort(spans[:, 0], kind="stable")]
    out: list[list[int]] = []
    for begin, end in spans.tolist():
        if out and begin <= out[-1][1]:
            out[-1][1] = max(out[-1][1], end)
        else:
            out.append([begin, end])
    return np.array(out, dtype=np.int64).reshape(-1, 2)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a library is told; both know the same three numbers.

    Attributes:
        diameter_m: a stop fits into a circle or box of this size.
        dwell_min: a stop lasts as long.
        gap_min: a longer silence ends whatever there was.
    """

    diameter_m: float = 100.0
    dwell_min: float = 5.0
    gap_min: float = 15.0

    def __str__(self) -> str:
        return f"{self.diameter_m:.0f} m, {self.dwell_min:.0f} min, gap {self.gap_min:.0f} min"


def trackintel(points: Points, limits: Limits) -> Movement:
    """Sliding staypoints, and the triplegs between them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import trackintel as ti

        fixes, staypoints = ti.Positionfixes(_frame(points, "tracked_at")).generate_staypoints(
            method="sliding",
            dist_threshold=limits.diameter_m,
            time_threshold=limits.dwell_min,
            gap_threshold=limits.gap_min,
        )
        if len(staypoints):
            fixes, _ = fixes.generate_triplegs(staypoints, gap_threshold=limits.gap_min)
            legs = fixes.tripleg_id.to_numpy(dtype=float, na_value=np.nan)
            stops = np.stack([_us(staypoints.started_at), _us(staypoints.finished_at)], axis=1)
        else:
            # Without a staypoint trackintel makes no triplegs at all.
            legs = np.cumsum(np.diff(points.time_us, prepend=0) > limits.gap_min * 60 * US) * 1.0
            stops = np.empty((0, 2), dtype=np.int64)
    rows = np.flatnonzero(~np.isnan(legs))
    turns = np.flatnonzero(np.diff(legs[rows])) + 1
    return _movement([points[r] for r in np.split(rows, turns) if len(r)], stops)


def movingpandas(points: Points, limits: Limits) -> Movement:
    """Split at gaps, then at the stops that the detector finds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import movingpandas as mpd

        frame = _frame(points, "t")
        frame["t"] = frame["t"].dt.tz_localize(None)
        frame = frame.to_crs(frame.estimate_utm_crs())  # many times faster than in degrees
        whole = mpd.TrajectoryCollection(frame, "user_id", t="t")
        parts = mpd.ObservationGapSplitter(whole).split(gap=dt.timedelta(minutes=limits.gap_min))
        pieces, stops = [], []
        for part in parts.trajectories:
            found = mpd.TrajectoryStopDetector(part).get_stop_time_ranges(
                max_diameter=limits.diameter_m,
                min_duration=dt.timedelta(minutes=limits.dwell_min),
            )
            stops += [(_moment(stop.t_0), _moment(stop.t_n)) for stop in found]
            between = mpd.StopSplitter.get_time_ranges_between_stops(part, found)
            pieces += [points.between(_moment(r.t_0), _moment(r.t_n) + 1) for r in between]
    return _movement(pieces, np.array(stops, dtype=np.int64).reshape(-1, 2))


def _movement(pieces: list[Points], stops: Ints) -> Movement:
    shortest_m = Thresholds().min_track_m
    pieces = [p for p in pieces if len(p) > 1 and length_m(p) >= shortest_m]
    return Movement(pieces, stops, np.array([length_m(p) for p in pieces]))


def _frame(points: Points, time: str) -> Any:
    import geopandas as gpd

    return gpd.GeoDataFrame(
        {time: pd.to_datetime(points.time_us, unit="us", utc=True), "user_id": 1},
        geometry=gpd.points_from_xy(points.lon, points.lat),
        crs=4326,
    )


def _us(times: Any) -> Ints:
    return np.array(times.dt.tz_localize(None), dtype="datetime64[us]").astype(np.int64)


def _moment(time: Any) -> int:
    return int(pd.Timestamp(time).value // 1000)
