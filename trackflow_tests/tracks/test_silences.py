"""Silences: the same journey, a stay, a sleep while parked, or a cut."""

import numpy as np
import pytest

from trackflow.tracks.decisions import EndReason, decide
from trackflow.tracks.merging import merge
from trackflow.tracks.segments import segment_days
from trackflow.tracks.silences import is_parked
from trackflow.tracks.thresholds import Thresholds
from trackflow_tests.helpers.histories import FIRST
from trackflow_tests.helpers.paths import at_metres, classes


def drive_silence_drive(silent_s: float, way_m: float, speed_ms: float = 15.0):
    """Five minutes at 10 s, a silence with a way in it, five minutes more."""
    t = np.arange(0, 310, 10.0)
    t = np.concatenate([t, t + t[-1] + silent_s])
    x = np.arange(31) * 10 * speed_ms
    return at_metres(t, np.concatenate([x, x + x[-1] + way_m]))


@pytest.mark.parametrize(
    ("silent_s", "way_m"), [(432, 12_000), (1800, 30_000), (9000, 60_000), (700, 3000)]
)
def test_ends_apart_at_a_plausible_speed_are_the_same_journey(silent_s, way_m) -> None:
    decisions = decide(drive_silence_drive(silent_s, way_m), Thresholds())
    assert set(classes(decisions)) == {"t"}
    assert decisions.moving[1:-1].all()


@pytest.mark.parametrize("silent_s", [400, 1800, 8999])
def test_ends_near_each_other_are_a_stay(silent_s: float) -> None:
    decisions = decide(drive_silence_drive(silent_s, 60), Thresholds())
    assert decisions.ended(30) is EndReason.STOP
    assert decisions.began(30) is EndReason.STOP
    assert len(decisions.stays[0]) == 1


def test_a_tracker_that_wakes_up_late_has_stood_and_loses_no_way() -> None:
    points = drive_silence_drive(3600, 400)
    decisions = decide(points, Thresholds())
    assert decisions.ended(30) is EndReason.STOP
    assert decisions.began(30) is EndReason.GAP
    segments = [s for day in segment_days(points, FIRST, FIRST, Thresholds()) for s in day.segments]
    tracks = merge(segments)
    assert len(tracks) == 2
    assert sum(t.distance_m for t in tracks) == pytest.approx(60 * 150 + 400, rel=1e-3)
    assert tracks[1].distance_m == pytest.approx(30 * 150 + 400, rel=1e-3)


@pytest.mark.parametrize("silent_s", [400, 1800, 8000])
@pytest.mark.parametrize("way_m", [20, 60, 95, 140])
@pytest.mark.parametrize("every_s", [5, 10, 30])
@pytest.mark.parametrize("speed_ms", [6, 14])
def test_a_vehicle_that_is_silent_while_parked_loses_no_way(
    silent_s: int, way_m: int, every_s: int, speed_ms: int
) -> None:
    """The last fixes before the silence and the first after it are on the drives."""
    drive = np.arange(0, 600, every_s)
    t = np.concatenate([drive, drive + drive[-1] + silent_s])
    x = np.concatenate([drive * speed_ms, drive * speed_ms + drive[-1] * speed_ms + way_m])
    points = at_metres(t, x.astype(float))
    segments = [s for day in segment_days(points, FIRST, FIRST, Thresholds()) for s in day.segments]
    first, second = merge(segments)
    assert first.ended is EndReason.STOP
    # what counts as noise may be lost, beside a fix that is as near to where it fell silent
    assert first.distance_m >= drive[-1] * speed_ms - 16
    assert second.distance_m >= drive[-1] * speed_ms - 16 + (way_m if way_m > 50 else 0)
    assert sum(t.distance_m for t in (first, second)) <= x[-1] + 1


@pytest.mark.parametrize(("speed_ms", "accuracy_m"), [(1.4, np.nan), (12, 60)])
def test_a_fix_beside_a_stop_says_nothing_before_a_walk_or_when_it_is_vague(
    speed_ms: float, accuracy_m: float
) -> None:
    drive = np.arange(0, 600, 10.0)
    t = np.concatenate([drive, drive + drive[-1] + 1800])
    x = np.concatenate([drive * speed_ms, drive * speed_ms + drive[-1] * speed_ms + 90])
    decisions = decide(at_metres(t, x, accuracy_m=np.full(len(t), accuracy_m)), Thresholds())
    assert len(decisions.stays[0]) == 1
    assert len(decisions.left) == 0


@pytest.mark.parametrize(("silent_s", "way_m"), [(2400, 1600), (5400, 1200), (8000, 2500)])
def test_a_way_in_a_silence_that_is_slower_than_a_walk_leaves_a_stay(silent_s, way_m) -> None:
    """A receiver that needs two minutes for its first fix is a mile away by then."""
    decisions = decide(drive_silence_drive(silent_s, way_m), Thresholds())
    assert decisions.ended(30) is EndReason.STOP
    assert decisions.unseen_mm(np.array([30]))[0] == pytest.approx(way_m * 1000, rel=1e-3)


@pytest.mark.parametrize("silent_s", [900, 8000])
@pytest.mark.parametrize("way_m", [0, 120, 400])
@pytest.mark.parametrize("every_s", [1, 10, 30])
def test_a_rest_before_a_pause_is_part_of_the_stop(silent_s: int, way_m: int, every_s: int) -> None:
    """An app that pauses two minutes after it came to rest has arrived before them."""
    drive, rest = np.arange(0, 300, every_s), np.arange(300, 420, every_s)
    drift = np.random.default_rng(every_s).normal(0, 3, (2, len(rest)))
    t = np.concatenate([drive, rest, drive + rest[-1] + silent_s])
    x = np.concatenate([drive * 12.0, 3600 + drift[0], 3600 + way_m + drive * 12.0])
    decisions = decide(at_metres(t, x), Thresholds())
    arrived = int(np.flatnonzero(~decisions.moving[1:])[0])
    assert 285 <= t[arrived] <= 330
    assert decisions.ended(arrived) is EndReason.STOP


def test_a_slow_walk_before_a_silence_is_none() -> None:
    """Into a wood, where there is no reception, and out of it again at the same place."""
    t = np.arange(0, 600, 10)
    x = t * 0.6
    points = at_metres(np.concatenate([t, t + 1800]), np.concatenate([x, x[::-1]]))
    assert decide(points, Thresholds()).ended(59) is EndReason.STOP


@pytest.mark.parametrize("light_s", [0, 30, 120])
def test_a_tracker_may_wake_up_at_a_light(light_s: int) -> None:
    """It has stood before, and stands again at its first fixes: then it drives on."""
    slept = drive_silence_drive(3600, 600)
    woken, waiting = (
        slept[31:],
        at_metres(300 + 3600 + np.arange(0, light_s, 10), np.full(light_s // 10, 5100.0)),
    )
    woken = type(woken).of(woken.time_us + light_s * 1_000_000, woken.lon, woken.lat)
    points = type(slept).concat([slept[:31], waiting, woken])
    decisions = decide(points, Thresholds())
    assert decisions.paused.tolist() == [30]
    assert len(decisions.stays[0]) == 0


def test_what_lies_beyond_a_long_silence_says_nothing_of_a_stop_after_it() -> None:
    """A day is read without the points before such a silence: its first fix is alone, too."""
    t = [0, 119, 238, 239, 240, 241, 244, 245, 246, *range(1146, 1155)]
    x = [14, 21, 28, 16, 24, 25, 35, 43, 44, 36, 48, 37, 59, 52, 45, 38, 39, 47]
    y = [0, -1, 1, -2, -8, 3, 7, 7, 1, -52, -63, -44, -57, -52, -59, -48, -45, -64]
    after = at_metres(np.array(t) + 80_000, x, y)
    alone = decide(after, Thresholds())
    both = decide(type(after).concat([at_metres([0], [9000]), after]), Thresholds())
    assert both.moving[1:].tolist() == alone.moving.tolist()
    assert [ends.tolist() for ends in both.stays] == [(ends + 1).tolist() for ends in alone.stays]


def test_ends_apart_too_fast_are_a_cut() -> None:
    decisions = decide(drive_silence_drive(1200, 200_000), Thresholds())
    assert decisions.ended(30) is EndReason.SPEED


def test_a_silence_beyond_the_limit_is_a_cut() -> None:
    decisions = decide(drive_silence_drive(9001, 60_000), Thresholds())
    assert decisions.ended(30) is EndReason.GAP
    wider = Thresholds(silence_s=12_000)
    assert decide(drive_silence_drive(9001, 60_000), wider).moving[1:-1].all()


def test_a_way_across_a_cut_says_nothing_of_the_silence_after_it() -> None:
    """A night train without reception: the point before it is out of a day's sight."""
    t = np.concatenate([[0.0], 25_200 + np.array([0.0, 500.0]), 25_700 + np.arange(1, 60) * 10.0])
    x = np.concatenate([[0.0], [150_000.0, 150_350.0], 150_350 + np.arange(1, 60) * 15.0])
    points = at_metres(t, x)
    assert t[1] > Thresholds().reach_s
    whole, part = decide(points, Thresholds()), decide(points[1:], Thresholds())
    assert whole.moving[2:].tolist() == part.moving[1:].tolist()
    assert (whole.paused - 1).tolist() == part.paused.tolist()


@pytest.mark.parametrize("every_s", [180, 600, 900, 1800])
def test_a_device_that_reports_rarely_makes_one_track(every_s: float) -> None:
    random = np.random.default_rng(1)
    t = np.cumsum(every_s + random.integers(0, 5, 12))
    assert set(classes(decide(at_metres(t, np.arange(12) * every_s * 5.0), Thresholds()))) == {"t"}


def test_heartbeats_belong_to_the_stay() -> None:
    drive_t, drive_x = np.arange(0, 600, 10.0), np.arange(60) * 150.0
    beats = 600 + np.arange(1, 6) * 3600.0
    t = np.concatenate([drive_t, beats, drive_t + beats[-1] + 60])
    x = np.concatenate([drive_x, np.full(5, drive_x[-1] + 15), drive_x + drive_x[-1]])
    decisions = decide(at_metres(t, x), Thresholds())
    assert classes(decisions)[60:65] == "sssss"
    assert len(decisions.stays[0]) == 1


def test_own_interval_tells_a_sleep_from_a_late_report() -> None:
    """Ten minutes are a sleep for who reports every 10 s, and nothing for who does every 3 min."""
    rare = np.concatenate([np.arange(10) * 180.0, 1620 + 600 + np.arange(10) * 180.0])
    x = np.concatenate([np.arange(10) * 1800.0, 16_200 + 250 + np.arange(10) * 1800.0])
    assert decide(at_metres(rare, x), Thresholds()).moving[1:-1].all()
    assert len(decide(drive_silence_drive(600, 250), Thresholds()).paused) == 1


def test_parked_over_any_time() -> None:
    assert is_parked(300, 15 * 3600, 300)
    assert not is_parked(1500, 15 * 3600, 300), "kilometres away: it was elsewhere"
    assert not is_parked(300, 400, 300), "the way leaves no time for a stay"
