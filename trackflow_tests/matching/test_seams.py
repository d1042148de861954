import datetime as dt
from dataclasses import replace

import numpy as np
import polyline_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.geo import polylines
from trackflow.geo.distance import step_m
from trackflow.geo.points import Floats, Points
from trackflow.matching.engines.embedded import EmbeddedEngine
from trackflow.matching.match import WindowMatch, match_window
from trackflow.matching.seams import trim
from trackflow.matching.windows import MatchSettings, cut_windows
from trackflow_tests.helpers.drives import a_tour, assert_continuous, driven, matched, whole_window
from trackflow_tests.helpers.road_stretches import road_stretches

SETTINGS = MatchSettings()
MIDNIGHT_US = int(dt.datetime(2026, 1, 11, tzinfo=dt.UTC).timestamp()) * 1_000_000


@st.composite
def neighbours(draw: st.DrawFn) -> list[WindowMatch]:
    """Windows of a journey, each with anchors of its own beyond its seams, at places of its own."""
    count = draw(st.integers(1, 5))
    matches = []
    for k in range(count):
        times = sorted(draw(st.sets(st.integers(k * 10 - 4, k * 10 + 14), min_size=1, max_size=12)))
        spots = draw(st.lists(st.integers(0, 2), min_size=2 * len(times), max_size=2 * len(times)))
        line = [
            (60 + (t + off) * 1e-4, 25.0) for t, off in zip(np.repeat(times, 2), spots, strict=True)
        ]
        matches.append(
            WindowMatch(
                k * 10,
                k * 10 + 10,
                polyline_rs.encode_latlon(line, 6),
                tuple(times),
                tuple(range(0, 2 * len(times), 2)),
                (True,) * (len(times) - 1),
                1.0,
                0.9,
                is_raw=False,
                point_count=len(line),
                source_coordinates_count=2,
            )
        )
    return matches


def _length_m(lon: Floats, lat: Floats) -> float:
    return float(step_m(lon, lat).sum())


def _total_m(matches: list[WindowMatch]) -> float:
    return sum(_length_m(*stretch) for stretch in road_stretches(matches))


@given(neighbours())
def test_lines_meet_for_any_matches(matches: list[WindowMatch]) -> None:
    lines = trim(matches)
    assert_continuous(lines)
    for line in lines:
        lon, lat = polylines.decode(line.encoded_polyline)
        assert np.array_equal(lon.round(5), line.lon)
        assert np.array_equal(lat.round(5), line.lat)


@given(neighbours())
def test_a_line_depends_on_its_two_neighbours_only(matches: list[WindowMatch]) -> None:
    around = zip([None, *matches[:-1]], matches, [*matches[1:], None], strict=True)
    alone = [
        trim([match for match in (left, this, right) if match is not None])[left is not None]
        for left, this, right in around
    ]
    assert [a.encoded_polyline for a in alone] == [b.encoded_polyline for b in trim(matches)]


@given(neighbours(), st.data())
def test_roads_are_those_steps_of_the_lines_that_follow_roads(
    matches: list[WindowMatch], data: st.DataObject
) -> None:
    """Both ways to look at a match add up: stretches on roads and off them are the whole line."""
    flags = [data.draw(st.tuples(*[st.booleans()] * len(m.on_road))) for m in matches]
    on = [replace(m, on_road=f) for m, f in zip(matches, flags, strict=True)]
    off = [replace(m, on_road=tuple(not b for b in f)) for m, f in zip(matches, flags, strict=True)]
    whole_m = sum(_length_m(*stretch) for stretch in road_stretches(matches))
    assert _total_m(on) + _total_m(off) == pytest.approx(whole_m)
    for lon, lat in road_stretches(on):
        assert len(lon) == len(lat) >= 2


def test_a_line_off_the_roads_has_no_road() -> None:
    line = polyline_rs.encode_latlon([(60 + k * 1e-3, 25.0) for k in range(5)], 6)
    times = (0, 2, 5, 7, 10)
    match = WindowMatch(
        0, 10, line, times, tuple(range(5)), (True, False, False, True), 0.5, 0.9, False, 5, 5
    )
    assert [lat.tolist() for _, lat in road_stretches([match])] == [
        [60.0, 60.001],
        [60.003, 60.004],
    ]
    assert road_stretches([replace(match, on_road=(False,) * 4, is_raw=True)]) == []
    assert road_stretches([]) == []


@pytest.mark.parametrize("every_s", [1.0, 5.0, 30.0])
def test_windows_give_the_line_of_one_piece(helsinki: EmbeddedEngine, every_s: float) -> None:
    for seed in (1, 2, 3):
        points = driven(*a_tour(helsinki, seed), every_s=every_s)
        lines = matched(helsinki, points)
        assert len(lines) > 2
        assert_continuous(lines)
        (whole,) = trim([match_window(helsinki, whole_window(points), SETTINGS)])
        total_m = sum(step_m(line.lon, line.lat).sum() for line in lines)
        assert total_m == pytest.approx(step_m(whole.lon, whole.lat).sum(), rel=0.01), seed


def test_a_night_drive_is_the_same_cut_at_midnight(helsinki: EmbeddedEngine) -> None:
    points = driven(*a_tour(helsinki), start_us=MIDNIGHT_US - 400_000_000)
    day1, day2 = points.between(0, MIDNIGHT_US), points.between(MIDNIGHT_US, 1 << 62)
    windows = cut_windows(Points.empty(), day1, day2, SETTINGS)
    windows += cut_windows(day1, day2, Points.empty(), SETTINGS)
    lines = trim([match_window(helsinki, window, SETTINGS) for window in windows])
    assert_continuous(lines)
    whole = matched(helsinki, points)
    assert [a.encoded_polyline for a in lines] == [b.encoded_polyline for b in whole]


def test_windows_that_do_not_touch_are_not_joined() -> None:
    def match(start: int, lat: float) -> WindowMatch:
        line = polyline_rs.encode_latlon([(lat, 25.0), (lat + 0.001, 25.0)], 6)
        return WindowMatch(
            start, start + 10, line, (start, start + 10), (0, 1), (True,), 1.0, 0.9, False, 2, 1
        )

    first, second = trim([match(0, 60.0), match(100, 61.0)])
    assert first.lat.tolist() == [60.0, 60.001]
    assert second.lat.tolist() == [61.0, 61.001]


def test_no_windows_give_no_lines() -> None:
    assert trim([]) == []
