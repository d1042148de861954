"""Speed by agreement; mixtures of two senders; repeated fixes."""

import numpy as np
import pytest

from trackflow.geo.points import Points
from trackflow.tracks.decisions import EndReason, decide
from trackflow.tracks.thresholds import Thresholds
from trackflow_tests.helpers.paths import at_metres, classes


@pytest.mark.parametrize(("speed_kmh", "every_s"), [(300, 10), (300, 1), (350, 30), (900, 60)])
def test_what_neighbours_agree_on_is_real(speed_kmh: float, every_s: float) -> None:
    t = np.arange(0, 40) * every_s
    ramp = np.minimum(np.arange(40) / 8, 1)  # it does not leap to its speed
    x = np.cumsum(ramp * speed_kmh / 3.6 * every_s)
    assert set(classes(decide(at_metres(t, x), Thresholds()))) == {"t"}


def test_a_wrong_fix_on_a_fast_train_is_a_spike() -> None:
    t, x = np.arange(0, 30) * 10, np.arange(30) * 833.0
    y = np.where(np.arange(30) == 15, 5000.0, 0.0)
    decisions = decide(at_metres(t, x, y), Thresholds())
    assert len(decisions.cleaned.spike_us) == 1
    assert set(classes(decisions)) == {"t"}


def test_a_leap_without_agreement_cuts() -> None:
    t = np.arange(0, 40) * 10
    x = np.arange(40) * 100.0 + np.where(np.arange(40) >= 20, 30_000, 0)
    decisions = decide(at_metres(t, x), Thresholds())
    assert decisions.ended(19) is EndReason.SPEED


@pytest.mark.parametrize("again_s", [5, 10])
def test_a_repeated_fix_and_catching_up_do_not_cut(again_s: int) -> None:
    """35 m/s; a fix says the position before again, and 2 s later the next one is right."""
    t = [*range(0, 30, 5), 25 + again_s, 25 + again_s + 2, *range(40 + again_s, 200, 5)]
    true = np.array(t, dtype=float) * 35
    true[6] = true[5]
    decisions = decide(at_metres(t, true), Thresholds())
    assert set(classes(decisions)) == {"t"}
    assert decisions.moving[1:-1].all()


def two_towns(share_of_second: float, seed: int = 1):
    random = np.random.default_rng(seed)
    t = np.cumsum(random.integers(10, 60, 64))
    second = random.random(64) < share_of_second
    return at_metres(t, t * 8.0 + np.where(second, 300_000, 0)), second


@pytest.mark.parametrize("seed", range(4))
def test_two_senders_in_turn_are_named(seed: int) -> None:
    random = np.random.default_rng(seed)
    t = np.cumsum(random.integers(10, 60, 64))
    second = (np.arange(64) + (random.random(64) < 0.1)) % 2 == 1
    points = at_metres(t, t * 8.0 + np.where(second, 300_000, 0))
    decisions = decide(points, Thresholds())
    assert classes(decisions).count("m") >= 0.7 * len(points)


def test_a_few_fixes_from_elsewhere_are_spikes_and_no_mixture() -> None:
    points, second = two_towns(0.08, seed=4)
    decisions = decide(points, Thresholds())
    assert len(decisions.cleaned.mixed) == 0
    assert len(decisions.cleaned.spike_us) == second.sum()
    assert set(classes(decisions)) == {"t"}


def test_wild_fixes_are_no_second_sender() -> None:
    """Every third fix anywhere within 50 km: they make no way of their own."""
    random = np.random.default_rng(2)
    t = np.arange(0, 1800, 20)
    wild = np.arange(len(t)) % 3 == 2
    x, y = random.uniform(-5e4, 5e4, (2, len(t)))
    points = at_metres(t, np.where(wild, x, t * 10.0), np.where(wild, y, 0))
    decisions = decide(points, Thresholds())
    assert len(decisions.cleaned.spike_us) >= 0.9 * wild.sum()


def test_a_leap_of_hours_is_no_step_of_a_mixture() -> None:
    """A day may be read without the point after it, and must find the same."""
    here, there, far, farther = (24.9, 60.1), (27.0, 60.1), (-150.0, -40.0), (-147.0, -40.0)
    places = [here, there, here, there, here, far, farther, far]
    seconds = [0, 5, 10, 15, 20, 36_000, 36_005, 36_010]
    lon, lat = np.array(places).T
    points = Points.of(np.array(seconds) * 1_000_000, lon, lat)

    whole, part = (decide(some, Thresholds()).cleaned for some in (points, points[:5]))

    assert len(whole.impossible) > len(part.impossible)
    assert whole.mixed.tolist() == part.mixed.tolist() == []
