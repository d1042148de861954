"""The splitters that the benchmarks of movement compare: trackflow's and two libraries'."""

import datetime as dt

import numpy as np

from trackflow.geo.points import Points
from trackflow.tracks.decisions import Reason, decide
from trackflow.tracks.merging import is_short, joined_points, merge
from trackflow.tracks.segments import DAY_US, segment_days
from trackflow.tracks.thresholds import Thresholds
from trackflow_tests.benchmarks.movement_scores import Movement

US = 1_000_000


def trackflow(points: Points, thresholds: Thresholds | None = None) -> Movement:
    """Tracks as they are published, and the stops beside them."""
    thresholds = thresholds or Thresholds()
    if not len(points):
        return Movement([], np.empty((0, 2), dtype=np.int64), np.empty(0))
    first, last = (
        dt.date(1970, 1, 1) + dt.timedelta(days=int(t) // DAY_US)
        for t in (points.time_us.min(), points.time_us.max())
    )
    segments = [
        s for day in segment_days(points, first, last, thresholds) for s in day.segments
    ]
    tracks = [t for t in merge(segments) if not is_short(t, thresholds)]
    stops = [
        (a.end_us, b.start_us)
        for a, b in zip(tracks[:-1], tracks[1:], strict=True)
        if Reason.STOP in (a.ended, b.began)
    ]
    # The first and the last stay lie beside one track only, and are no row of `read_stops`.
    decisions = decide(points, thresholds)
    turns = np.flatnonzero(np.diff(decisions.stops, prepend=False, append=False))
    time_us = decisions.cleaned.points.time_us
    stops += list(zip(time_us[turns[::2]].tolist(), time_us[turns[1::2]].tolist(), strict=True))
    return Movement(
        [joined_points(segments, t) for t in tracks],
        united(np.array(stops, dtype=np.int64).reshape(-1, 2)),
        np.array([t.distance_m for t in tracks]),
    )


def united(spans: np.ndarray) -> np.ndarray:
    """Spans in order, those that overlap or touch made one."""
    spans = spans[np.argsort(spans[:, 0], kind="stable")]
    out: list[list[int]] = []
    for begin, end in spans.tolist():
        if out and begin <= out[-1][1]:
            out[-1][1] = max(out[-1][1], end)
        else:
            out.append([begin, end])
    return np.array(out, dtype=np.int64).reshape(-1, 2)
