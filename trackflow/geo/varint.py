"""Whole numbers in groups of seven bits, as protobuf writes them."""


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
    for shift in range(0, 64, 7):
        if at >= len(data):
            break
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("a number is cut short")
