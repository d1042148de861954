"""Bodies: small ones that mean a great deal are turned away before they cost anything."""

import gzip
import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.sources.devices import bodies
from trackflow.sources.devices.bodies import TooMuchError, UnreadableError

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
    assert bodies.unpacked(packed, len(data)) == (data, True)
    assert bodies.unpacked(packed + packed, 2 * len(data)) == (data + data, True)
    assert bodies.unpacked(packed + b"x", len(data)) == (data, False)
    if data:
        with pytest.raises(TooMuchError):
            bodies.unpacked(packed, len(data) - 1)


@given(st.binary(min_size=100), st.data())
def test_of_a_damaged_gzip_comes_what_is_before_the_damage(
    data: bytes, draw: st.DataObject
) -> None:
    packed = gzip.compress(data)
    cut = draw.draw(st.integers(2, len(packed) - 1))
    found, is_whole = bodies.unpacked(packed[:cut], len(data))
    assert data.startswith(found)
    assert not is_whole


def test_most_of_a_long_gzip_is_before_its_damage() -> None:
    rows = b"".join(b'{"n": %d}\n' % (k * 7919) for k in range(100_000))
    packed = bytearray(gzip.compress(rows))
    packed[-2_000] ^= 0xFF
    found, is_whole = bodies.unpacked(bytes(packed), len(rows))
    assert not is_whole
    assert len(found) > 0.9 * len(rows)
    assert found[: int(0.9 * len(rows))] == rows[: int(0.9 * len(rows))]


def test_a_bomb_is_not_unpacked() -> None:
    bomb = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    packed = b"".join(bomb.compress(b" " * 2**20) for _ in range(20)) + bomb.flush()
    with pytest.raises(TooMuchError):
        bodies.unpacked(packed, 1_000_000)


@given(st.binary().filter(lambda body: body[:2] != bodies.GZIP_MAGIC))
def test_what_is_no_gzip_stays_as_it_is(data: bytes) -> None:
    assert bodies.unpacked(data, 1_000) == (data, True)


def test_old_names_are_read() -> None:
    assert bodies.read_json('{"a": "J\u00f6rg\u2019s"}'.encode("cp1252")) == {
        "a": "J\u00f6rg\u2019s"
    }
    assert bodies.read_json(b'{"a": "\x81"}') == {"a": "\x81"}


elements = st.lists(
    st.fixed_dictionaries({"n": st.integers(), "t": st.text(max_size=5)}), min_size=1, max_size=8
)


@given(elements, st.data())
def test_of_a_cut_batch_come_all_whole_elements(sent: list[object], data: st.DataObject) -> None:
    body = json.dumps({"locations": sent}).encode()
    cut = data.draw(st.integers(len(b'{"locations": ['), len(body) - 1))
    ends = [len(json.dumps({"locations": sent[:k]}).encode()) - 2 for k in range(1, len(sent) + 1)]
    whole = sum(end <= cut for end in ends)
    found = bodies.read_elements(body[:cut], "locations")
    assert list(found.elements) == sent[:whole]
    assert found.damage is not None


def test_several_values_in_a_row_are_no_damage() -> None:
    found = bodies.read_elements(b'{"locations": [1]}\n{"locations": [2]}', "locations")
    assert (list(found.elements), found.damage) == ([1, 2], None)


def test_a_list_without_a_name_is_a_value() -> None:
    assert list(bodies.read_elements(b'{"": []}').elements) == [{"": []}]
