"""Elevation gain: noise climbs no mountain, and a mountain is climbed whole."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from trackflow.tracks.climbs import Heights, climb_cm

START_US = 1_772_000_000_000_000 // 900_000_000 * 900_000_000


def heights(metres: list[float], every_s: float = 5.0) -> Heights:
    time_us = START_US + (np.arange(len(metres)) * every_s * 1e6).astype(np.int64)
    return Heights(time_us, np.rint(np.array(metres) * 100).astype(np.int64))


def whole(found: Heights) -> int | None:
    parts = climb_cm(found, [int(found.time_us[0]), int(found.time_us[-1])])
    return None if parts is None else sum(parts)


def test_a_hill_counts_each_time_it_is_climbed() -> None:
    up, down = np.linspace(100, 200, 120), np.linspace(200, 100, 120)
    once, thrice = whole(heights([*up, *down])), whole(heights([*up, *down] * 3))
    assert once is not None
    assert thrice is not None
    assert abs(once - 10_000) < 300
    assert abs(thrice - 30_000) < 1200


def test_noise_is_no_mountain() -> None:
    rng = np.random.default_rng(1)
    flat = 50 + rng.normal(0, 5, 3600)
    assert whole(heights(list(flat), 1.0)) == 0
    raw_m = np.diff(flat).clip(0).sum()
    assert raw_m > 5000, "the steps would be a mountain of this height"


def test_a_single_wrong_height_is_none() -> None:
    level = [50.0] * 400
    level[200] = 9000.0
    level[300] = -400.0
    assert whole(heights(level)) == 0


def test_a_climb_beneath_noise_is_found() -> None:
    rng = np.random.default_rng(2)
    found = whole(heights(list(np.linspace(0, 600, 3600) + rng.normal(0, 4, 3600)), 1.0))
    assert found is not None
    assert 58_000 < found < 64_000


def test_without_heights_there_is_no_gain_and_not_none_of_it() -> None:
    empty = Heights(np.array([], dtype=np.int64), np.array([], dtype=np.int64))
    assert climb_cm(empty.at(np.array([1, 2])), [0, 10]) is None
    assert climb_cm(heights([5.0]), [START_US, START_US + 10]) is None


@given(st.lists(st.integers(0, 400), min_size=20, max_size=200), st.data())
def test_parts_add_up_and_do_not_depend_on_what_else_was_reported(
    metres: list[int], data: st.DataObject
) -> None:
    found = heights([float(one) for one in metres], 30.0)
    first, last = int(found.time_us[0]), int(found.time_us[-1])
    inner = data.draw(st.sets(st.integers(first + 1, last - 1), max_size=5))
    parts = climb_cm(found, [first, *sorted(inner), last])
    assert parts is not None
    assert sum(parts) == whole(found)
    assert all(part >= 0 for part in parts)
    assert sum(parts) <= sum(max(b - a, 0) for a, b in pairwise(metres)) * 100
    chosen = found.time_us[:: data.draw(st.integers(1, 3))]
    picked = found.at(chosen)
    assert np.array_equal(picked.time_us, chosen)
