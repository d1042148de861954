"""Stays tile the time between tracks, however the tracks are cut up."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from trackflow.places.geocoding import Coordinates
from trackflow.places.stays import (
    CELL_DEG,
    TrackEnds,
    cell_of,
    find_stays,
    metres_between,
    middle_of,
)

positions = st.builds(
    Coordinates,
    st.one_of(st.floats(24.9, 24.92), st.floats(-180, 180)),
    st.one_of(st.floats(60.0, 60.01), st.floats(-90, 90)),
)
reasons = st.sampled_from(["stop", "gap", "speed", "mixed"])


@st.composite
def histories(draw: st.DrawFn) -> list[TrackEnds]:
    tracks, now = [], 0
    for _ in range(draw(st.integers(0, 8))):
        start = now + draw(st.integers(1, 10**12))
        now = start + draw(st.integers(1, 10**11))
        ends = draw(st.tuples(reasons, reasons, positions, positions))
        tracks.append(TrackEnds(start, now, *ends))
    return tracks


def is_parked(apart_m: float, silent_s: float) -> bool:
    return apart_m <= 1000 and silent_s >= apart_m + 300


@given(histories(), st.data())
def test_stays_lie_between_tracks_and_do_not_depend_on_chunks(
    tracks: list[TrackEnds], data: st.DataObject
) -> None:
    whole = find_stays(tracks, is_parked, first_us=0, is_last=True)
    gaps = {(before.end_us, after.start_us): (before, after) for before, after in pairwise(tracks)}
    for stay in whole:
        if stay.end_us is None:
            assert stay.start_us == tracks[-1].end_us
            assert tracks[-1].ended == "stop"
        elif stay.start_us == 0:
            assert stay.end_us == tracks[0].start_us
        else:  # exactly the time between two tracks, and near one of them
            before, after = gaps.pop((stay.start_us, stay.end_us))
            where = Coordinates(stay.longitude, stay.latitude)
            assert min(metres_between(where, one) for one in (before.last, after.first)) <= 51
    for before, after in gaps.values():  # no stay there: it may have been elsewhere
        assert "stop" not in (before.ended, after.began)
    cut = data.draw(st.integers(0, max(len(tracks) - 1, 0)))
    parts = find_stays(tracks[: cut + 1], is_parked, first_us=0, is_last=len(tracks) <= cut + 1)
    parts += find_stays(tracks[cut:], is_parked, is_last=True)
    if tracks and cut == len(tracks) - 1 and tracks[-1].ended == "stop":
        parts.pop()  # the open-ended one is found by both
    assert parts == whole


@given(positions)
def test_a_cell_holds_the_positions_around_its_middle(where: Coordinates) -> None:
    cell = cell_of(where.longitude, where.latitude)
    middle = middle_of(cell)
    assert cell_of(middle.longitude, middle.latitude) == cell
    assert metres_between(where, middle) <= CELL_DEG * 111_320 * 0.75
    assert "-0.00000" not in cell
