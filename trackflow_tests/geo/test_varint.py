import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.geo.varint import append_varint, read_varint


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1))
def test_numbers_come_back_one_after_another(numbers: list[int]) -> None:
    body = bytearray(b"before")
    for number in numbers:
        append_varint(body, number)
    at, found = len(b"before"), []
    while at < len(body):
        number, at = read_varint(bytes(body), at)
        found.append(number)
    assert found == numbers


def test_protobufs_own_example() -> None:
    assert read_varint(bytes([0x96, 0x01]), 0) == (150, 2)


@pytest.mark.parametrize("data", [b"", b"\x80", b"\xff" * 11])
def test_what_is_cut_short_or_endless_is_an_error(data: bytes) -> None:
    with pytest.raises(ValueError, match="cut short"):
        read_varint(data, 0)
