"""Whole numbers in groups of seven bits, as protobuf writes them."""

LONGEST_BYTES = 10
"""64 bits take no more."""


def append_varint(body: bytearray, number: int) -> None:
    """Write a number that is not negative at the end of `body`."""
    while number > 0x7F:
        body.append(number & 0x7F | 0x80)
        number >>= 7
    body.append(number)


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """The number that begins at `at`, and where the next thing begins.

    Raises:
        ValueError: it is cut short, or longer than 64 bits need.
    """
    value = 0
    for place, byte in enumerate(data[at : at + LONGEST_BYTES]):
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return value, at + place + 1
    raise ValueError("a number is cut short")
