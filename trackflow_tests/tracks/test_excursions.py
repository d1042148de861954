"""Excursions: fixes that leave and come back, while the device stays."""

import numpy as np
import pytest

from trackflow.tracks.decisions import decide
from trackflow.tracks.thresholds import Thresholds
from trackflow_tests.helpers.paths import at_metres, classes, drifting


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("far_m", "every_s", "part"), [(3200, 120, 0.25), (1800, 60, 0.3)])
def test_a_cell_tower_is_no_trip(far_m: float, every_s: float, part: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    t = np.arange(0, 4 * 3600, every_s)
    away = random.random(len(t)) < part
    x, y = random.normal(0, 15, (2, len(t)))
    decisions = decide(at_metres(t, x + away * far_m, y), Thresholds())
    kept = np.isin(np.arange(len(t)), np.flatnonzero(away))
    # at the edges of a history nothing shows which of two places is the true one
    assert np.count_nonzero(decisions.on_track) <= 0.06 * len(t)
    found = classes(decisions)
    if not len(decisions.cleaned.spike_us):
        named = sum(c == "e" for c, a in zip(found, kept, strict=True) if a)
        assert named >= 0.9 * away.sum()


@pytest.mark.parametrize("every_s", [60, 180])
def test_one_fix_across_the_street_between_two_stays_is_no_trip(every_s: float) -> None:
    t = np.arange(0, 7200, every_s)
    x = np.where(np.arange(len(t)) == len(t) // 2, 170.0, 0.0)
    found = classes(decide(at_metres(t, x), Thresholds()))
    assert found[len(t) // 2] == "e"
    assert set(found) == {"s", "e"}


@pytest.mark.parametrize(("every_s", "fixes"), [(60, 1), (60, 2), (60, 6), (300, 1), (300, 2)])
@pytest.mark.parametrize(("far_m", "claim_m"), [(540, 300), (850, 444), (980, 499)])
def test_fixes_that_may_be_wrong_by_their_own_claim_are_no_trip(
    every_s: float, fixes: int, far_m: float, claim_m: float
) -> None:
    """No speed tells: it could be there and back in the time. Of fixes that are sure, it is."""
    t = np.arange(0, 10_800, every_s)
    away = (np.arange(len(t)) >= len(t) // 2) & (np.arange(len(t)) < len(t) // 2 + fixes)
    vague, sure = (
        classes(decide(at_metres(t, away * far_m, accuracy_m=accuracy_m), Thresholds()))
        for accuracy_m in (np.where(away, claim_m, 20.0), np.where(away, far_m * 0.4, 20.0))
    )
    assert vague == "".join("e" if a else "s" for a in away)
    assert "t" in sure
    assert "e" not in sure


def test_a_real_errand_is_a_trip() -> None:
    """1.5 km by car, two minutes there, back again: with fixes on the way."""
    t = np.arange(0, 7200, 30)
    x = np.interp(t, [3000, 3180, 3300, 3480], [0, 1500, 1500, 0])
    found = classes(decide(at_metres(t, x), Thresholds()))
    assert found[100:117].count("t") >= 15


@pytest.mark.parametrize("every_s", [1, 5, 10, 30])
def test_a_round_from_a_stop_and_back_is_a_trip(every_s: float) -> None:
    """Three kilometres round some blocks at 30 km/h, between two stops at one place."""
    t = np.arange(0, 3600, every_s)
    along = np.clip((t - 1500) / 360, 0, 1) * 2 * np.pi
    x, y = 477 * np.sin(along), 477 * (1 - np.cos(along))
    noise = np.random.default_rng(3).normal(0, 4, (2, len(t)))
    found = classes(decide(at_metres(t, x + noise[0], y + noise[1]), Thresholds()))
    under_way = (along > 0.4) & (along < 5.9)
    assert {c for c, moves in zip(found, under_way, strict=True) if moves} == {"t"}


@pytest.mark.parametrize(
    ("round_m", "speed_ms"),
    [(4000, 45), (3200, 40), (1200, 20), (800, 14), (600, 12), (400, 7), (400, 4.5), (250, 13)],
)
@pytest.mark.parametrize(("every_s", "rounds"), [(1, 3), (1, 10), (5, 10), (10, 40)])
def test_rounds_past_the_place_of_a_rest_are_one_trip_of_all_of_them(
    round_m: float, speed_ms: float, every_s: float, rounds: int
) -> None:
    """On a race track: neither excursions nor part of the rest, not the first nor the last one."""
    lasting_s = rounds * round_m / speed_ms
    if lasting_s < 4 * rounds * every_s or lasting_s < 90:
        pytest.skip("too few fixes to a round, or too few rounds")
    t = np.arange(0, 2500 + lasting_s, every_s)
    angle = np.interp(t, [1213, 1213 + lasting_s], [0, rounds * 2 * np.pi])
    x, y = (round_m / 2 / np.pi * way for way in (np.sin(angle), 1 - np.cos(angle)))
    noise = drifting(rounds, len(t), every_s, 5)
    decisions = decide(at_metres(t, x + noise[0], y + noise[1]), Thresholds())
    (end, _), (_, begin) = decisions.stays[1], decisions.stays[0]
    assert abs(t[end] - 1213) <= every_s + 5
    assert abs(t[begin] - 1213 - lasting_s) <= every_s + 5
    assert decisions.on_track[end : begin + 1].all()


def test_a_slow_errand_seen_once_is_a_trip() -> None:
    """A phone that reports every ten minutes was at the baker's: 2 km away, 12 km/h."""
    t = np.arange(0, 7200, 600)
    x = np.where(np.arange(12) == 6, 2000.0, 0.0)
    found = classes(decide(at_metres(t, x), Thresholds()))
    assert found[6] == "t"


def test_a_loader_that_shuttles_across_its_yard_moves() -> None:
    """300 m there and back again and again, with as many fixes at both ends."""
    t = np.arange(0, 3600, 60)
    x = np.where((np.arange(len(t)) // 2) % 2 == 1, 300.0, 0.0)
    assert "t" in classes(decide(at_metres(t, x), Thresholds()))


def test_the_first_fix_after_a_sleep_at_a_cell_tower_begins_no_track() -> None:
    t = np.concatenate([[0.0], 60 + np.arange(0, 3600, 30)])
    x = np.where(t == 0, 4000.0, 0.0)
    found = classes(decide(at_metres(t, x), Thresholds()))
    assert found[0] == "e"
    assert set(found[1:]) == {"s"}
