"""Two decoders of encoded polylines agree, and refuse what is none."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.geo.polylines import decode, encode, first_vertex, grids, last_vertices, positions

E5 = st.tuples(st.integers(-18_000_000, 18_000_000), st.integers(-9_000_000, 9_000_000))


@given(st.lists(E5, max_size=50))
def test_positions_are_what_was_encoded(places: list[tuple[int, int]]) -> None:
    expected = np.array(places, dtype=np.float64).reshape(-1, 2) / 1e5
    text = encode(expected[:, 0], expected[:, 1])
    assert np.array_equal(positions(text), expected)
    if places:
        assert first_vertex(text) == tuple(expected[0])
    lon, lat = decode(text)
    assert np.allclose(np.column_stack([lon, lat]), expected, atol=1e-9)


@given(st.lists(st.lists(E5, max_size=5), max_size=5))
def test_many_lines_are_what_each_is(lines: list[list[tuple[int, int]]]) -> None:
    degrees = [np.array(line, dtype=np.float64).reshape(-1, 2) / 1e5 for line in lines]
    texts = [encode(line[:, 0], line[:, 1]) for line in degrees]
    found, starts = grids(texts)
    assert np.array_equal(np.diff(starts), [len(line) for line in lines])
    assert [tuple(at) for at in found[:, ::-1].tolist()] == [at for line in lines for at in line]
    some = [text for text in texts if text]
    assert last_vertices(some) == [line[-1].tolist() for line in degrees if len(line)]
    if len(some) < len(texts):
        with pytest.raises(ValueError, match="polyline"):
            last_vertices(texts)


@pytest.mark.parametrize("text", ["_", "?", "__", "?? ", "_p~iF~ps|U_", "\x7f\x7f"])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="polyline"):
        positions(text)


@pytest.mark.parametrize("text", ["", "_", "?", "__", "\x7f\x7f"])
def test_other_text_has_no_first_vertex(text: str) -> None:
    with pytest.raises(ValueError, match="polyline"):
        first_vertex(text)
