"""Tracks of one file are devices of their own where they were made at the same time."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.errors import BadInputError
from trackflow.sources import tracks_apart
from trackflow.sources.records import Chunk, PointBatch
from trackflow.sources.tracks_apart import label_of, separated_tracks

SPANS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 8)), min_size=1, max_size=9)
"""When each track began, and after how many seconds it ended."""


def batch(spans: list[tuple[int, int]]) -> PointBatch:
    """A point a second of each track, each track at a place of its own."""
    points = [
        (number, second)
        for number, (start, length) in enumerate(spans)
        for second in range(start, start + length + 1)
    ]
    device, seconds = np.array(points).T
    nothing = np.full(len(points), np.nan)
    return PointBatch(
        tuple(label_of(number, "") for number in range(len(spans))),
        device.astype(np.int32),
        seconds * 1_000_000,
        device / 100,
        np.full(len(points), 60.0),
        *[nothing] * 4,
    )


@given(SPANS, st.integers(1, 20))
def test_no_device_is_at_two_places_at_once_and_none_is_needless(spans, most):
    whole = batch(spans)
    parts = [whole.part(at, at + most) for at in range(0, len(whole), most)]
    chunks = [Chunk(part, [], 0) for part in parts]
    found = [name for chunk in separated_tracks(lambda: chunks, "gpx")
             for name in chunk.points.device_ids()]  # fmt: skip
    device_of = {int(number): name for number, name in zip(whole.device, found, strict=True)}
    assert [device_of[int(number)] for number in whole.device] == found

    def clash(one: int, other: int) -> bool:
        (a, a_s), (b, b_s) = spans[one], spans[other]
        return max(a, b) < min(a + a_s, b + b_s)

    pairs = {pair for pair in combinations(range(len(spans)), 2) if clash(*pair)}
    if not pairs:
        assert set(found) == {"gpx"}
        return
    assert all(device_of[one] != device_of[other] for one, other in pairs)
    most_at_once = max(
        sum(start <= second < start + length for start, length in spans) for second in range(40)
    )
    assert len(set(found)) == most_at_once


def test_more_tracks_at_once_than_can_be_compared_are_refused(monkeypatch):
    """Each pair would be compared: 10 MB of two points each took hours."""
    monkeypatch.setattr(tracks_apart, "COMPARED_MAX", 5)
    chunk = Chunk(batch([(0, 1)] * 4), [], 0)
    with pytest.raises(BadInputError, match=r"3 of its tracks .* split it"):
        list(separated_tracks(lambda: [chunk], "gpx"))
    monkeypatch.setattr(tracks_apart, "COMPARED_MAX", 6)
    assert len(list(separated_tracks(lambda: [chunk], "gpx"))) == 1
