"""Merging by example; that it gives the same as one pass is a property in test_chunking."""

import datetime as dt
import uuid

import numpy as np
import pytest

from trackflow.geo.points import Points
from trackflow.geo.time import midnight_us
from trackflow.tracks.decisions import EndReason
from trackflow.tracks.merging import bbox, is_short, joined_points, merge, track_id
from trackflow.tracks.segments import Segment, segment_days
from trackflow.tracks.thresholds import Thresholds
from trackflow_tests.helpers.histories import DEGREE_M, FIRST, US

LAST = FIRST + dt.timedelta(days=3)


def journey(hours: float = 60, speed_ms: float = 10) -> Points:
    """A drive due east along the equator from 18:00 of the first day, a point a minute."""
    t_s = np.arange(0, hours * 3600, 60)
    time_us = midnight_us(FIRST) + ((18 * 3600 + t_s) * US).astype(np.int64)
    return Points.of(time_us, speed_ms * t_s / DEGREE_M, np.zeros(len(t_s)))


def segments_of(points: Points) -> list[Segment]:
    return [s for d in segment_days(points, FIRST, LAST, Thresholds()) for s in d.segments]


def test_a_journey_of_four_days_is_one_track() -> None:
    points = journey(hours=60)
    segments = segments_of(points)
    (track,) = merge(segments)
    assert track.segments == range(4)
    assert (track.began, track.ended) == (EndReason.GAP, EndReason.GAP)
    assert joined_points(segments, track) == points
    assert track.distance_m == pytest.approx(10 * 3599 * 60, rel=1e-4)
    assert track.duration_s == 3599 * 60
    assert track.bbox == (0.0, 0.0, points.lon[-1], 0.0)


def test_a_missing_day_is_never_bridged() -> None:
    segments = segments_of(journey(hours=60))
    tracks = merge([segments[0], *segments[2:]])
    assert [(t.segments, t.began.value, t.ended.value) for t in tracks] == [
        (range(1), "gap", "midnight"),
        (range(1, 3), "midnight", "gap"),
    ]


def test_closed_ends_are_never_joined() -> None:
    day_us = midnight_us(FIRST + dt.timedelta(days=1))
    before = Points.of([day_us - 2 * US, day_us - US], [0, 0.001], [0, 0])
    after = Points.of([day_us, day_us + US], [0.002, 0.003], [0, 0])
    for ended, began, count, length in [
        (EndReason.STOP, EndReason.MIDNIGHT, 2, 2),
        # it set out unseen: that way is its own, while the one over midnight needs both sides
        (EndReason.MIDNIGHT, EndReason.GAP, 2, 9),
        (EndReason.MIDNIGHT, EndReason.MIDNIGHT, 1, 9),
    ]:
        pair = [
            Segment(before, 1, 0, EndReason.GAP, ended),
            Segment(after, 1, 7, began, EndReason.GAP),
        ]
        tracks = merge(pair)
        assert len(tracks) == count
        assert sum(t.distance_mm for t in tracks) == length


def test_nothing_merges_to_nothing() -> None:
    assert merge([]) == []


def test_a_track_is_short_by_metres_or_by_points_and_only_once_merged() -> None:
    limits = Thresholds(min_track_m=1000, min_track_points=3)
    # 60 s at 10 m/s on either side of midnight: each half is short, the whole is not.
    points = journey(hours=7)[358:361]
    segments = segments_of(points)
    assert [len(s.points) for s in segments] == [2, 1]
    (track,) = merge(segments)
    assert not is_short(track, limits)
    assert is_short(track, Thresholds(min_track_m=1300))
    assert is_short(track, Thresholds(min_track_points=4))
    assert all(is_short(merge([s])[0], limits) for s in segments)


def test_the_id_depends_on_device_and_first_point_only() -> None:
    one = track_id("car", 1_772_000_000_000_000)
    assert one == uuid.UUID("3f56a549-4809-5298-bfe9-4bf2ceb08978"), "ids must never change"
    assert len({one, track_id("car", 1_772_000_000_000_001), track_id("cab", 1)}) == 3
    assert track_id("car1", 23) != track_id("car", 123)


def test_bounds_take_the_short_way_round() -> None:
    points = Points.of([0, 1, 2], [179.5, -179.8, 179.9], [1, -2, 0])
    assert bbox(points) == (179.5, -2, -179.8, 1)
    assert bbox(points[:1]) == (179.5, 1, 179.5, 1)
