from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.errors import SettingsError
from trackflow.geo.points import Points
from trackflow.matching.windows import MatchSettings, Window, cut_windows, end_seen, start_seen

SETTINGS = MatchSettings()
MIDNIGHT_US = 1_768_003_200_000_000
DAY_US = 86_400_000_000
HASH = ("car", "network-1", SETTINGS)


@st.composite
def journeys(draw: st.DrawFn) -> Points:
    """Points around midnight, with steps from a tenth of a second to ten minutes."""
    steps = draw(
        st.lists(
            st.sampled_from([100_000, 1_000_000, 5_000_000, 30_000_000, 599_000_000]), max_size=60
        )
    )
    start = MIDNIGHT_US - draw(st.integers(0, sum(steps) + 1_000_000))
    times = start + np.concatenate([[0], np.cumsum(np.array(steps, dtype=np.int64))])
    rng = np.random.default_rng(len(steps))
    return Points.of(
        times,
        24.9 + np.cumsum(rng.normal(0, 1e-4, len(times))),
        60.2 + np.cumsum(rng.normal(0, 1e-4, len(times))),
        rng.choice([np.nan, 5.0], len(times)),
    )


def content(windows: list[Window]) -> list[tuple[int, int, int, int, str]]:
    return [(w.start_us, w.end_us, w.first, w.last, w.input_hash(*HASH)) for w in windows]


@given(journeys())
def test_a_journey_gives_the_same_windows_whole_and_cut_at_midnight(points: Points) -> None:
    whole = cut_windows(Points.empty(), points, Points.empty(), SETTINGS)
    day1, day2 = points.between(0, MIDNIGHT_US), points.between(MIDNIGHT_US, 1 << 62)
    parts = cut_windows(Points.empty(), day1, day2, SETTINGS)
    parts += cut_windows(day1, day2, Points.empty(), SETTINGS)
    assert content(parts) == content(whole)


@given(journeys())
def test_windows_cover_a_journey_without_a_hole(points: Points) -> None:
    windows = cut_windows(Points.empty(), points, Points.empty(), SETTINGS)
    edges = [w.start_us for w in windows] + [w.end_us for w in windows[-1:]]
    assert [w.end_us for w in windows] == edges[1:]
    if len(points) > 1:
        assert (edges[0], edges[-1]) == (points.time_us[0], points.time_us[-1])
        assert sum(w.own_count for w in windows) == len(points) - 1
    for window in windows:
        assert window.points.time_us[window.first] == window.start_us
        assert window.points.time_us[window.last] == window.end_us
        slice_us = SETTINGS.window_s * 1_000_000
        own_steps = window.points.time_us[window.first : window.last]
        assert len(set(own_steps // slice_us)) == 1


def test_context_reaches_far_enough_where_points_are_sparse() -> None:
    sparse = Points.of(
        MIDNIGHT_US + np.arange(60) * 900_000_000, np.full(60, 24.9), np.full(60, 60.2)
    )
    window = cut_windows(Points.empty(), sparse, Points.empty(), SETTINGS)[5]
    assert window.first == SETTINGS.context_points
    assert len(window.points) - 1 - window.last == SETTINGS.context_points


def test_the_hash_is_of_the_input_alone() -> None:
    times = MIDNIGHT_US + np.arange(30) * 5_000_000
    points = Points.of(times, np.linspace(24.9, 24.91, 30), np.full(30, 60.2))
    (window,) = cut_windows(Points.empty(), points, Points.empty(), SETTINGS)
    (again,) = cut_windows(Points.empty(), Points.concat([points]), Points.empty(), MatchSettings())
    key = window.input_hash(*HASH)
    assert key == again.input_hash(*HASH)
    moved = Points(points.time_us, points.lon + 1e-7, points.lat, points.accuracy_m)
    others = {
        window.input_hash("foot", "network-1", SETTINGS),
        window.input_hash("car", "network-2", SETTINGS),
        window.input_hash("car", "network-1", replace(SETTINGS, thin_m=20.0)),
        replace(window, points=moved).input_hash(*HASH),
        replace(window, last=window.last - 1).input_hash(*HASH),
    }
    assert len(others | {key}) == 6


def test_a_window_that_could_cross_midnight_is_refused() -> None:
    with pytest.raises(SettingsError, match="must divide a day"):
        MatchSettings(window_s=420)


@given(
    st.lists(st.integers(1, 4 * 3600), min_size=4, max_size=40),
    st.integers(0, 86_399),
)
def test_windows_beside_midnight_need_the_nearby_points_only(
    gaps_s: list[int], start_s: int
) -> None:
    """Also with steps of hours: what the days before and after are cut to is enough."""
    times_us = MIDNIGHT_US - DAY_US + (start_s + np.cumsum(gaps_s)) * 1_000_000
    midnight_us = (int(times_us[0]) // DAY_US + 1) * DAY_US
    rng, count = np.random.default_rng(1), len(times_us)
    points = Points.of(times_us, 25 + rng.normal(0, 0.1, count), np.full(count, 60.0))
    before, after = points.between(0, midnight_us), points.between(midnight_us, 1 << 62)
    if not (len(before) and len(after)):
        return
    whole = {w.start_us: w for w in cut_windows(Points.empty(), points, Points.empty(), SETTINGS)}
    seam_us = int(after.time_us[0])
    for part in (
        Points.concat([before, start_seen(after, SETTINGS)]),
        Points.concat([end_seen(before, SETTINGS), after]),
    ):
        near = cut_windows(Points.empty(), part, Points.empty(), SETTINGS)
        beside = [w for w in near if seam_us in (w.start_us, w.end_us)]
        assert beside
        for window in beside:
            assert window.input_hash(*HASH) == whole[window.start_us].input_hash(*HASH)
