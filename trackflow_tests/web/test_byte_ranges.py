"""Ranges of bytes: what is asked is sent, and nothing else."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from trackflow.web.answers.byte_ranges import (
    ByteRange,
    UnsatisfiableRangeError,
    read_range,
)

sizes = st.integers(0, 500)


@given(sizes, st.integers(0, 600), st.integers(0, 600))
def test_a_range_is_the_slice_that_is_asked(size: int, first: int, last: int) -> None:
    body = bytes(k % 251 for k in range(size))
    if last < first:
        assert read_range(f"bytes={first}-{last}", size) is None
    elif first >= size:
        with pytest.raises(UnsatisfiableRangeError):
            read_range(f"bytes={first}-{last}", size)
    else:
        part = read_range(f"bytes={first}-{last}", size)
        assert part is not None
        assert body[part.start : part.stop] == body[first : last + 1]


@given(sizes, st.integers(0, 600))
def test_a_range_without_an_end_goes_to_the_end(size: int, first: int) -> None:
    if first >= size:
        with pytest.raises(UnsatisfiableRangeError):
            read_range(f"bytes={first}-", size)
    else:
        assert read_range(f"bytes={first}-", size) == ByteRange(first, size)


@given(sizes, st.integers(0, 600))
def test_a_suffix_is_the_end_of_the_body(size: int, count: int) -> None:
    if size == 0 or count == 0:
        with pytest.raises(UnsatisfiableRangeError):
            read_range(f"bytes=-{count}", size)
    else:
        assert read_range(f"bytes=-{count}", size) == ByteRange(max(size - count, 0), size)


@given(st.text(max_size=30), sizes)
@example("", 10)
@example("bytes=-", 10)
@example("bytes=0-1,4-5", 10)
@example("lines=0-1", 10)
@example("bytes=٣-٤", 10)
def test_anything_else_is_no_range_and_no_accident(header: str, size: int) -> None:
    try:
        part = read_range(header, size)
    except UnsatisfiableRangeError:
        return
    assert part is None or 0 <= part.start < part.stop <= size
