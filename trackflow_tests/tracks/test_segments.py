"""Cuts, midnights, ledgers and what is stored, each with numbers."""

import datetime as dt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackflow.errors import BadInputError
from trackflow.geo.points import Points
from trackflow.geo.time import DAY_US, midnight_us
from trackflow.tracks.blobs import points_from_bytes, points_to_bytes
from trackflow.tracks.decisions import EndReason
from trackflow.tracks.segments import Ledger, Segment, segment_days
from trackflow.tracks.thresholds import Thresholds
from trackflow_tests.helpers.histories import DEGREE_M, FIRST, US, History, histories

NOON = 12 * 3600.0


def moving(t_s: list[float], x_m: list[float]) -> Points:
    """Points at seconds of the first day and metres along the equator."""
    time_us = midnight_us(FIRST) + (np.array(t_s) * US).astype(np.int64)
    return Points.of(time_us, np.array(x_m) / DEGREE_M, np.zeros(len(x_m)))


def segments_of(points: Points, days: int = 1) -> list[Segment]:
    last = FIRST + dt.timedelta(days=days - 1)
    return [s for d in segment_days(points, FIRST, last, Thresholds()) for s in d.segments]


def ends(points: Points, days: int = 1) -> list[tuple[str, int, str]]:
    return [(s.began.value, len(s.points), s.ended.value) for s in segments_of(points, days)]


def test_a_silence_beyond_its_limit_cuts() -> None:
    x = [0, 500, 30_000, 30_500]
    at = [NOON, NOON + 60, NOON + 9060, NOON + 9120]
    assert ends(moving(at, x)) == [("gap", 4, "gap")]
    assert ends(moving([*at[:2], at[2] + 1, at[3] + 1], x)) == [("gap", 2, "gap")] * 2


def test_a_car_at_130_kmh_sampled_once_a_minute_is_one_track() -> None:
    t = [NOON + 60 * i for i in range(30)]
    assert ends(moving(t, [130 / 3.6 * 60 * i for i in range(30)])) == [("gap", 30, "gap")]


def test_no_distance_cuts_by_itself() -> None:
    t = [NOON, NOON + 60, NOON + 660, NOON + 720]
    assert ends(moving(t, [0, 1000, 31_000, 32_000])) == [("gap", 4, "gap")]


def test_an_impossible_speed_cuts() -> None:
    t = [NOON, NOON + 5, NOON + 10, NOON + 15]
    assert ends(moving(t, [0, 100, 600, 700])) == [("gap", 2, "speed"), ("speed", 2, "gap")]


def test_10_hz_data_with_jitter_is_one_track() -> None:
    random = np.random.default_rng(3)
    t = NOON + np.arange(2000) / 10
    x = 10 * np.arange(2000) / 10 + random.uniform(-15, 15, 2000)
    assert ends(moving(t.tolist(), x.tolist())) == [("gap", 2000, "gap")]


def test_a_point_exactly_at_midnight_belongs_to_the_new_day() -> None:
    points = moving([86_340, 86_400, 86_460], [0, 800, 1600])
    first, second = segments_of(points, days=2)
    assert (len(first.points), first.ended, first.link_mm) == (1, EndReason.MIDNIGHT, 0)
    assert (len(second.points), second.began) == (2, EndReason.MIDNIGHT)
    assert second.link_mm == pytest.approx(800_000, rel=1e-4)
    assert first.distance_mm == 0


def test_a_stay_over_midnight_leaves_nothing_open() -> None:
    points = moving([86_000 + 100 * i for i in range(9)], [0] * 9)
    days = segment_days(points, FIRST, FIRST + dt.timedelta(days=1), Thresholds())
    assert [len(d.segments) for d in days] == [0, 0]
    assert [d.ledger.stop for d in days] == [4, 5]


def test_only_the_asked_days_are_returned() -> None:
    points = moving([86_340, 86_400, 86_460], [0, 800, 1600])
    (day,) = segment_days(
        points, FIRST + dt.timedelta(days=1), FIRST + dt.timedelta(days=1), Thresholds()
    )
    assert (day.ledger.points, day.ledger.track) == (2, 2)
    assert day.segments == tuple(segments_of(points, days=2)[1:])


@pytest.mark.parametrize("count", [0, 1, 2])
def test_next_to_nothing_is_fine(count: int) -> None:
    points = moving([NOON, NOON + 5][:count], [0, 50][:count])
    (day,) = segment_days(points, FIRST, FIRST, Thresholds())
    assert day.ledger == [Ledger(), Ledger(points=1, lone=1), Ledger(points=2, track=2)][count]


def test_all_points_at_one_time_are_one_point() -> None:
    (day,) = segment_days(moving([NOON] * 5, [0, 1, 2, 3, 4]), FIRST, FIRST, Thresholds())
    assert day.ledger == Ledger(points=5, duplicate=4, lone=1)


@pytest.mark.parametrize(("lon", "lat"), [(179.99, 0.0), (10.0, 89.995), (-180.0, -90.0)])
def test_the_antimeridian_and_the_poles_cut_nothing(lon: float, lat: float) -> None:
    t = midnight_us(FIRST) + np.arange(20) * 10 * US
    lons = (lon + np.arange(20) * 0.001 + 180) % 360 - 180
    (day,) = segment_days(
        Points.of(t, lons, np.full(20, lat)), FIRST, FIRST, Thresholds(dwell_s=1000)
    )
    assert [len(s.points) for s in day.segments] == [20]
    assert day.segments[0].distance_mm < 19 * 0.0011 * DEGREE_M * 1000


def test_a_ledger_is_balanced_only_if_the_classes_add_up() -> None:
    ledger = Ledger(points=9, track=5, stop=1, spike=1, inaccurate=1, duplicate=1)
    assert ledger.balanced
    assert ledger.anomaly == 2
    assert ledger.shorten(3) == Ledger(
        points=9, track=2, short=3, stop=1, spike=1, inaccurate=1, duplicate=1
    )
    assert ledger.shorten(3).balanced
    assert not Ledger(points=2, track=1).balanced


def test_the_hash_sees_every_part_of_a_segment() -> None:
    points = moving([NOON, NOON + 5, NOON + 10], [0, 50, 100])
    segment = Segment(points, 100, 0, EndReason.GAP, EndReason.STOP)
    moved = points.lon.copy()
    moved[1] += 1e-7
    later = points.time_us.copy()
    later[2] += 1
    others = [
        Segment(
            Points.of(points.time_us, moved, points.lat), 100, 0, EndReason.GAP, EndReason.STOP
        ),
        Segment(Points.of(later, points.lon, points.lat), 100, 0, EndReason.GAP, EndReason.STOP),
        Segment(
            Points.of(points.time_us, points.lon, points.lat, [1, 2, 3.0]),
            100, 0, EndReason.GAP, EndReason.STOP,
        ),
        Segment(points, 101, 0, EndReason.GAP, EndReason.STOP),
        Segment(points, 100, 1, EndReason.GAP, EndReason.STOP),
        Segment(points, 100, 0, EndReason.SPEED, EndReason.STOP),
        Segment(points, 100, 0, EndReason.GAP, EndReason.MIDNIGHT),
    ]  # fmt: skip
    assert len({s.content_hash for s in [segment, *others]}) == 8
    assert (
        Segment(points[:], 100, 0, EndReason.GAP, EndReason.STOP).content_hash
        == segment.content_hash
    )


@settings(max_examples=60, deadline=None)
@given(history=histories())
def test_stored_points_come_back_exactly(history: History) -> None:
    points = history.points
    assert points_from_bytes(points_to_bytes(points)) == points


@settings(max_examples=100)
@given(
    st.lists(
        st.tuples(
            st.integers(-(2**62), 2**62),
            st.integers(-1_800_000_000, 1_800_000_000),
            st.integers(-900_000_000, 900_000_000),
            st.floats(min_value=0) | st.just(float("nan")),
        )
    )
)
def test_any_points_come_back_exactly(rows: list[tuple[int, int, int, float]]) -> None:
    columns = list(zip(*rows, strict=True)) or [[], [], [], []]
    points = Points.of(
        columns[0], np.array(columns[1]) / 1e7, np.array(columns[2]) / 1e7, columns[3]
    )
    assert points_from_bytes(points_to_bytes(points)) == points


def test_a_drive_is_stored_in_few_bytes() -> None:
    random = np.random.default_rng(1)
    n = 1000
    points = Points.of(
        np.arange(n) * 5 * US + midnight_us(FIRST),
        24.9 + np.cumsum(random.normal(8e-4, 3e-4, n)),
        60.1 + np.cumsum(random.normal(4e-4, 3e-4, n)),
        random.choice([3.0, 4.5, 8.0], n),
    )
    assert len(points_to_bytes(points)) < 7 * n


@pytest.mark.parametrize("damage", [b"", b"xx", b"tp\x01\x01\x02\x00\x00\x00abc"])
def test_damaged_bytes_are_refused_in_words(damage: bytes) -> None:
    with pytest.raises(BadInputError, match="Stored points"):
        points_from_bytes(damage)


def test_cut_off_bytes_are_refused() -> None:
    blob = points_to_bytes(moving([NOON, NOON + 5], [0, 50]))
    with pytest.raises(BadInputError, match="damaged"):
        points_from_bytes(blob[:-5])
    longer = blob[:4] + (9).to_bytes(4, "little") + blob[8:]
    with pytest.raises(BadInputError, match="damaged"):
        points_from_bytes(longer)


def test_days_are_days_of_utc() -> None:
    assert midnight_us(dt.date(1970, 1, 2)) == DAY_US
    assert midnight_us(dt.date(1969, 12, 31)) == -DAY_US
