"""Thresholds: overrides are checked, with words that name the key."""

from dataclasses import fields
from typing import Any

import pytest

from trackflow.errors import SettingsError
from trackflow.tracks.thresholds import RANGES, Thresholds


def test_a_device_may_override_any_threshold() -> None:
    changed = Thresholds().override({"gap_s": 120, "spike_points": 0})
    assert (changed.gap_s, changed.spike_points, changed.dwell_s) == (120, 0, 300)
    assert set(RANGES) == {field.name for field in fields(Thresholds)} == set(changed.as_dict())
    assert Thresholds().override({}) == Thresholds()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"gap": 1}, "no threshold 'gap'; there are gap_s, silence_s"),
        ({"gap_s": 0}, "gap_s is 0, but must be a number from 1 to 21,600"),
        ({"gap_s": "600"}, "gap_s is '600'"),
        ({"dwell_s": True}, "dwell_s is True"),
        ({"noise_m": float("nan")}, "noise_m is nan"),
        ({"spike_points": 1.5}, "spike_points is 1.5, but must be a whole number from 0 to 5"),
        ({"max_speed_kmh": None}, "max_speed_kmh is None"),
    ],
)
def test_a_wrong_value_is_refused_in_words(values: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        Thresholds().override(values)


def test_a_wrong_value_is_refused_without_override_too() -> None:
    with pytest.raises(SettingsError, match="dwell_radius_m is -1"):
        Thresholds(dwell_radius_m=-1)


def test_the_reach_of_the_defaults_is_within_seven_hours() -> None:
    assert Thresholds().reach_s <= 7 * 3600


def test_the_longest_dwell_time_is_possible() -> None:
    assert Thresholds(dwell_s=RANGES["dwell_s"][1]).reach_s < 24 * 3600
