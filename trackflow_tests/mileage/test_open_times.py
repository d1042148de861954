"""Until when trips can be written down, and of what time a book is closed."""

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from trackflow.geo.time import ONE_DAY
from trackflow.mileage.open_times import (
    ClosedTime,
    Sighting,
    Sightings,
    Span,
    closed_time,
    without_trips,
)
from trackflow_tests.helpers.stores import NOON

moments = st.integers(0, 60).map(lambda days: NOON + days * ONE_DAY)
spans = st.tuples(moments, st.integers(1, 6)).map(lambda one: (one[0], one[0] + one[1] * ONE_DAY))
sightings = st.lists(
    st.tuples(spans, moments).map(lambda one: Sighting(*one[0], one[1])), max_size=12
)


@given(sightings, spans, moments)
def test_a_trip_was_first_seen_with_the_earliest_that_shares_its_time(
    seen: list[Sighting], trip: Span, now: dt.datetime
) -> None:
    start, end = trip
    sharing = [one.first_seen for one in seen if one.start < end and one.end > start]
    found = Sightings(seen).of(start, end, now)
    assert found.first_seen == min(sharing, default=now)
    known = Sightings([*seen, found])
    assert known.has(found)
    assert known.of(start, end, now + ONE_DAY) == found, "it never moves"


@given(sightings, st.lists(spans, min_size=1, max_size=5), moments)
def test_what_adds_nothing_can_be_left_out(
    seen: list[Sighting], trips: list[Span], now: dt.datetime
) -> None:
    kept: list[Sighting] = []
    for one in seen:
        if not Sightings(kept).has(one):
            kept.append(one)
    for start, end in trips:
        assert Sightings(kept).of(start, end, now) == Sightings(seen).of(start, end, now)


@given(sightings, st.lists(spans, max_size=8))
def test_only_what_touches_no_trip_is_without_any(seen: list[Sighting], trips: list[Span]) -> None:
    assert without_trips(seen, trips) == [
        one
        for one in seen
        if not any(start <= one.end and end >= one.start for start, end in trips)
    ]


closings = st.lists(
    st.tuples(st.lists(spans, max_size=4), st.lists(spans, max_size=4), st.integers(0, 60)),
    min_size=1,
    max_size=6,
)


@given(closings, st.booleans())
def test_the_closed_time_only_grows_and_never_into_trips_that_are_open(
    history: list[tuple[list[Span], list[Span], int]], from_beginning: bool
) -> None:
    closed = ClosedTime(None, NOON) if from_beginning else None
    for due, still_open, days in history:
        reached = NOON + days * ONE_DAY
        left = [one for one in still_open if closed is None or not closed.has(one[1])]
        begin = min((start for start, _ in due), default=None)
        grown = closed_time(closed, [end for _, end in due], left, begin, reached)
        if closed is None and not due:
            assert grown is None
            continue
        assert grown is not None
        if closed is not None:
            assert grown.end >= closed.end
            assert grown.start == closed.start or grown.has(closed.start or NOON)
        assert not any(grown.has(end) for _, end in left)
        if not left:
            assert all(grown.has(end) or end > reached for _, end in due)
        closed = grown
