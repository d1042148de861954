"""Parts of tracks: they add up to the millimetre, however time is divided."""

import itertools
import math
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import given
from hypothesis import strategies as st

from trackflow.geo.calendar_days import Calendar
from trackflow.tracks.day_parts import QUARTER_US, TrackLength, quarter_edges, write_quarters

ZONES = sorted(available_timezones() - {"localtime"})
START = st.integers(0, 2 * 10**15)
LASTS = st.integers(0, 5 * 10**11)


@st.composite
def lengths(draw: st.DrawFn) -> TrackLength:
    """Tracks of up to some days, with their quarters or, as of an older version, without."""
    start_us = draw(START)
    end_us = start_us + draw(LASTS)
    count = len(quarter_edges(start_us, end_us)) - 1
    millimetres = draw(st.lists(st.integers(0, 10**8), min_size=count, max_size=count))
    quarters = write_quarters(millimetres) if draw(st.booleans()) else None
    return TrackLength.read(start_us, end_us, sum(millimetres), quarters)


@given(lengths(), st.lists(st.floats(-0.2, 1.2), max_size=8))
def test_parts_of_any_division_add_up(length: TrackLength, cuts: list[float]) -> None:
    lasts_us = length.end_us - length.start_us
    inner = [length.start_us + math.floor(cut * lasts_us) for cut in cuts]
    edges = sorted([length.start_us, *inner, length.end_us])
    edges = [min(edges[0], length.start_us), *edges, max(edges[-1], length.end_us)]
    parts = [length.between(a, b) for a, b in itertools.pairwise(edges)]
    assert min(parts) >= 0
    # a track without duration has its length at no moment
    assert sum(parts) == (length.length_mm if lasts_us else 0)


@given(st.lists(lengths(), max_size=6), st.sampled_from(ZONES))
def test_days_of_any_zone_add_up_to_months_and_to_the_tracks(
    tracks: list[TrackLength], name: str
) -> None:
    tracks = [track for track in tracks if track.start_us < track.end_us]
    days: dict[tuple[int, int, int], int] = {}
    for track in tracks:
        for day, low_us, high_us in Calendar(ZoneInfo(name)).split(track.start_us, track.end_us):
            key = (day.year, day.month, day.day)
            days[key] = days.get(key, 0) + track.between(low_us, high_us)
    months: dict[tuple[int, int], int] = {}
    for (year, month, _), length_mm in days.items():
        months[year, month] = months.get((year, month), 0) + length_mm
    total_mm = sum(track.length_mm for track in tracks)
    assert sum(days.values()) == sum(months.values()) == total_mm


@given(lengths(), st.integers(0, 100))
def test_an_edge_between_two_quarters_divides_where_they_do(length: TrackLength, k: int) -> None:
    edges = quarter_edges(length.start_us, length.end_us)
    k %= len(edges) - 1
    assert edges[k] % QUARTER_US == 0 or k == 0
    expected = length.until_mm[k - 1] if k else 0
    assert length.until(edges[k]) == expected
