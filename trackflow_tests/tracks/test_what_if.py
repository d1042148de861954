"""Groups of tracks by what other thresholds do to them."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from trackflow.tracks.what_if import ChangeKind, TrackSpan, compare


@st.composite
def tracks(draw: st.DrawFn) -> list[TrackSpan]:
    edges = sorted(draw(st.sets(st.integers(0, 40), max_size=12)))
    return [
        TrackSpan(start, end, end - start, 2)
        for start, end in list(pairwise(edges))[:: draw(st.integers(1, 2)) + 1]
    ]


@given(before=tracks(), after=tracks())
def test_groups_hold_every_track_once_and_never_overlap(
    before: list[TrackSpan], after: list[TrackSpan]
) -> None:
    groups = compare(before, after)
    assert [span for group in groups for span in group.before] == before
    assert [span for group in groups for span in group.after] == after
    spans = [group.before + group.after for group in groups]
    for earlier, later in pairwise(spans):
        assert max(span.end_us for span in earlier) < min(span.start_us for span in later)
    for group in groups:
        assert (group.kind is ChangeKind.SAME) == (group.before == group.after)


@given(tracks=tracks())
def test_the_same_tracks_are_the_same(tracks: list[TrackSpan]) -> None:
    assert {change.kind for change in compare(tracks, tracks)} <= {ChangeKind.SAME}


def test_the_kinds() -> None:
    def spans(*ends: tuple[int, int]) -> list[TrackSpan]:
        return [TrackSpan(start, end, end - start, 2) for start, end in ends]

    kinds = {
        ChangeKind.ADDED: ([], [(0, 1)]),
        ChangeKind.REMOVED: ([(0, 1)], []),
        ChangeKind.SPLIT: ([(0, 9)], [(0, 4), (6, 9)]),
        ChangeKind.MERGED: ([(0, 4), (6, 9)], [(0, 9)]),
        ChangeKind.CHANGED: ([(0, 9)], [(0, 8)]),
    }
    for kind, (before, after) in kinds.items():
        (change,) = compare(spans(*before), spans(*after))
        assert change.kind is kind
