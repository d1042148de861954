"""Which trip of a book a track is, where its first point and so its id has changed."""

import datetime as dt
import uuid

from hypothesis import given
from hypothesis import strategies as st

from trackflow.mileage.entries import GONE
from trackflow.store.mileage.books import Amendment, Entry
from trackflow.usecases.mileage.amended_trips import BookTrip
from trackflow.usecases.mileage.entries import paired
from trackflow_tests.helpers.stores import NOON

MINUTE = dt.timedelta(minutes=1)


def entry(first: int, last: int) -> Entry:
    start, end = NOON + first * MINUTE, NOON + last * MINUTE
    content = {"start_time": start.isoformat(), "end_time": end.isoformat()}
    return Entry(uuid.uuid4(), "V", uuid.uuid4(), start, end, "2026-03", content, end, end)


def in_book(first: int, last: int, *, is_gone: bool) -> BookTrip:
    made = entry(first, last)
    changes = {GONE: [False, True]}
    gone = Amendment(uuid.uuid4(), made.entry_id, "V", "2026-03", changes, "", "trackflow", NOON)
    return BookTrip(made, [gone] if is_gone else [])


def shared(one: Entry, trip: BookTrip) -> dt.timedelta:
    return min(one.end_time, trip.end_time) - max(one.start_time, trip.start_time)


spans = st.tuples(st.integers(0, 60), st.integers(1, 60)).map(lambda one: (one[0], sum(one)))


@given(st.lists(st.tuples(spans, st.booleans()), max_size=5), spans)
def test_a_track_is_the_trip_with_which_it_shares_most_time(
    known: list[tuple[tuple[int, int], bool]], span: tuple[int, int]
) -> None:
    """One that is there before one that is gone: what people said of it goes along."""
    trips = [in_book(*times, is_gone=is_gone) for times, is_gone in known]
    track = entry(*span)
    (mine,) = [trip for one, trip in paired([track], trips) if one is track]
    sharing = [trip for trip in trips if shared(track, trip) >= dt.timedelta()]
    if mine is None:
        assert not sharing
        return
    there = [trip for trip in sharing if not trip.is_gone] or sharing
    assert mine in there
    assert shared(track, mine) == max(shared(track, trip) for trip in there)
    assert len(paired([track], trips)) == max(len(trips), 1), "each trip once"
