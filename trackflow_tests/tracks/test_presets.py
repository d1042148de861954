"""Presets: each is possible and says why; the guess fits what devices send."""

import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.errors import SettingsError
from trackflow.geo.points import Points
from trackflow.geo.time import midnight_us
from trackflow.tracks.presets import PRESETS, guess_preset, preset_thresholds
from trackflow.tracks.segments import segment_days
from trackflow.tracks.thresholds import Thresholds
from trackflow_tests.helpers.histories import History, histories

DAY = dt.date(2026, 3, 2)


@pytest.mark.parametrize("name", PRESETS)
def test_each_preset_is_possible_and_gives_reasons(name: str) -> None:
    thresholds = preset_thresholds(name)
    assert thresholds.reach_s < 86_400, "a day is read with its two neighbours"
    defaults = Thresholds().as_dict()
    for threshold, change in PRESETS[name].changes.items():
        assert change.value != defaults[threshold], "what is the default needs no line"
        assert change.reason
        assert thresholds.as_dict()[threshold] == change.value
    others = {k: v for k, v in thresholds.as_dict().items() if k not in PRESETS[name].changes}
    assert others.items() <= defaults.items()


def test_no_preset_is_the_defaults_and_an_unknown_one_is_refused() -> None:
    assert preset_thresholds(None) == Thresholds() == preset_thresholds("vehicle")
    with pytest.raises(SettingsError, match="vehicle, phone, asset, sport"):
        preset_thresholds("boat")


@given(histories().filter(lambda history: len(history.points) < 900), st.sampled_from([*PRESETS]))
def test_days_apart_are_one_pass_with_every_preset(history: History, name: str) -> None:
    thresholds = preset_thresholds(name)
    if not len(history.points):
        return
    first = dt.date(1970, 1, 1) + dt.timedelta(
        days=int(history.points.time_us.min() // 86_400_000_000)
    )
    last = first + dt.timedelta(days=min(history.days, 5))
    whole = segment_days(history.points, first, last, thresholds)
    reach_us = int(thresholds.reach_s * 1e6) + 1
    for k, expected in enumerate(whole):
        day = first + dt.timedelta(days=k)
        start_us = midnight_us(day)
        time_us = history.points.time_us
        near = (time_us >= start_us - reach_us) & (time_us < start_us + 86_400_000_000 + reach_us)
        assert segment_days(history.points[near], day, day, thresholds) == [expected]


def walk(
    every_s: float, hours: float, kmh: float, *, noise_m: float = 0.0, rest: float = 0.0
) -> Points:
    """A device that moves at a speed, and rests for a share of each hour."""
    random = np.random.default_rng(5)
    time_s = np.arange(0, hours * 3600, every_s)
    moving = (time_s % 3600) >= rest * 3600
    way_m = np.cumsum(moving * kmh / 3.6 * every_s)
    noise = random.normal(0, noise_m, (2, len(time_s))) if noise_m else np.zeros((2, len(time_s)))
    lon, lat = 24.9 + (way_m + noise[0]) / 55_500, 60.17 + noise[1] / 111_000
    return Points.of(midnight_us(DAY) + (time_s * 1e6).astype(np.int64), lon, lat)


def claiming(points: Points, accuracy_m: list[float]) -> Points:
    claims = np.resize(np.array(accuracy_m), len(points))
    return Points.of(points.time_us, points.lon, points.lat, claims)


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        (walk(10, 3, 45, rest=0.3), "vehicle"),
        (walk(1, 1, 70, noise_m=3), "vehicle"),
        (walk(60, 8, 80, rest=0.6), "vehicle"),
        (walk(1, 1, 25, noise_m=3, rest=0.1), "sport"),
        (walk(2, 2, 10, noise_m=2), "sport"),
        (walk(1800, 100, 5, rest=0.5), "asset"),
        (walk(21_600, 300, 40), "asset"),
        (claiming(walk(30, 6, 5, noise_m=15, rest=0.6), [8, 20, 65, 10, 300]), "phone"),
        (claiming(walk(60, 10, 50, rest=0.7), [5, 5, 48]), "phone"),
        (walk(30, 20, 5, noise_m=5, rest=0.7), "phone"),
    ],
)
def test_what_a_device_looks_like(points: Points, expected: str) -> None:
    guess = guess_preset(points)
    assert guess is not None
    assert guess.preset == expected
    assert guess.why


def test_real_phones_look_like_phones(test_data: object) -> None:
    from trackflow_tests.benchmarks.people import data_folder, people

    if not data_folder().is_dir():
        pytest.skip("no labelled people")
    found = [guess_preset(person.points) for person in people("aalto")]
    names = [guess.preset for guess in found if guess]
    assert names.count("phone") > len(names) / 2
    assert set(names) <= {"phone", "vehicle"}


def test_too_little_says_nothing() -> None:
    assert guess_preset(Points.empty()) is None
    assert guess_preset(walk(10, 0.05, 40)) is None
    assert guess_preset(walk(1, 0.2, 40)) is None


@given(histories())
def test_any_history_can_be_guessed_about(history: History) -> None:
    points = history.points[np.argsort(history.points.time_us, kind="stable")]
    guess = guess_preset(points)
    assert guess is None or guess.preset in PRESETS
