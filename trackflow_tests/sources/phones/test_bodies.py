"""Bodies: small ones that mean a great deal are turned away before they cost anything."""

import gzip
import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.sources.phones import bodies
from trackflow.sources.phones.bodies import TooMuchError, UnreadableError

plain = st.none() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text()


@given(st.recursive(plain, lambda x: st.lists(x) | st.dictionaries(st.text(), x), max_leaves=10))
def test_what_is_json_is_read(value: object) -> None:
    body = json.dumps(value).encode()
    assert repr(bodies.read_json(body)) == repr(value)


@pytest.mark.parametrize("depth", [20_000, 250_000])
def test_too_deep_is_unreadable(depth: int) -> None:
    with pytest.raises(UnreadableError):
        bodies.read_json(b"[" * depth + b"]" * depth)


@pytest.mark.parametrize("body", [b"1" * 5_000, b'{"a":' * 50 + b"1e5000"])
def test_numbers_without_end_do_no_harm(body: bytes) -> None:
    try:
        bodies.read_json(body)
    except UnreadableError:
        return


def test_python_json_is_read_too() -> None:
    assert bodies.read_json(b'{"a": "line\nbreak"}') == {"a": "line\nbreak"}
    assert bodies.read_json('{"a": "ä"}'.encode("utf-16")) == {"a": "ä"}


@pytest.mark.parametrize("body", [b"[" + b"1," * 1_100_000 + b"1]", b"[{}" * 400_000])
def test_too_many_values_are_turned_away(body: bytes) -> None:
    with pytest.raises(TooMuchError):
        bodies.read_json(body)


def test_too_many_elements_are_turned_away() -> None:
    with pytest.raises(TooMuchError):
        bodies.elements_of([0] * (bodies.MAX_ELEMENTS + 1))


@given(st.binary())
def test_a_gzip_is_unpacked(data: bytes) -> None:
    packed = gzip.compress(data)
    assert bodies.unzipped(packed, len(data)) == data
    assert bodies.unzipped(packed[:-1], len(data)) is None
    assert bodies.unzipped(packed + b"x", len(data)) is None
    if data:
        with pytest.raises(TooMuchError):
            bodies.unzipped(packed, len(data) - 1)


def test_a_bomb_is_not_unpacked() -> None:
    bomb = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    packed = b"".join(bomb.compress(b" " * 2**20) for _ in range(20)) + bomb.flush()
    with pytest.raises(TooMuchError):
        bodies.unzipped(packed, 1_000_000)


@given(st.binary())
def test_what_is_no_gzip_is_none(data: bytes) -> None:
    assert bodies.unzipped(data, 1_000) is None
