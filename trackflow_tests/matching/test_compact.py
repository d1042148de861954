"""Matches come back from their bytes exactly, also from those of an earlier version."""

from dataclasses import fields

import orjson
from hypothesis import given
from hypothesis import strategies as st

from trackflow.matching.match import WindowMatch

SMALL = st.integers(0, 5000)
TIMES = st.integers(-(2**62), 2**62)
SHARES = st.floats(0, 1)

POLYLINE = "".join(chr(code) for code in range(63, 127))

MATCHES = st.builds(
    WindowMatch,
    start_us=TIMES,
    end_us=TIMES,
    line=st.text(POLYLINE, max_size=300),
    anchor_us=st.lists(TIMES, max_size=40).map(tuple)
    | st.lists(st.integers(0, 900), max_size=40).map(
        lambda steps: tuple(1_767_600_000_000_000 + 1_000_000 * s for s in sorted(steps))
    ),
    anchor_vertex=st.lists(SMALL, max_size=40).map(tuple),
    on_road=st.lists(st.booleans(), max_size=40).map(tuple),
    matched_share=SHARES,
    confidence=st.none() | SHARES,
    is_raw=st.booleans(),
    point_count=SMALL,
    source_coordinates_count=SMALL,
    processing_duration_ms=st.floats(0, 1e6),
)


@given(MATCHES)
def test_a_match_comes_back_from_its_bytes(match: WindowMatch) -> None:
    back = WindowMatch.from_bytes(match.to_bytes())
    assert back == match
    assert back.processing_duration_ms == match.processing_duration_ms


@given(MATCHES)
def test_matches_of_the_first_version_can_still_be_read(match: WindowMatch) -> None:
    stored = orjson.dumps({field.name: getattr(match, field.name) for field in fields(match)})
    assert WindowMatch.from_bytes(stored) == match
