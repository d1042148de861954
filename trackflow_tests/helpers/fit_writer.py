"""Writes FIT files for tests: as little of the protocol as they need, from its description."""

import struct

DEGREE = 2**31 / 180
EPOCH_S = 631_065_600

TIMESTAMP, LAT, LON = (253, 4, 0x86), (0, 4, 0x85), (1, 4, 0x85)
"""Number, size in bytes and base type of a field."""


def crc(data: bytes) -> int:
    """CRC-16/ARC, bit by bit."""
    value = 0
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
    return value


def definition(
    number: int,
    fields: list[tuple[int, int, int]],
    *,
    local: int = 0,
    order: str = "<",
    developer: list[tuple[int, int, int]] | None = None,
) -> bytes:
    """A definition message for the global message `number`."""
    head = struct.pack("<BBB", 0x40 | (0x20 if developer else 0) | local, 0, order == ">")
    body = struct.pack(f"{order}HB", number, len(fields))
    body += b"".join(struct.pack("BBB", *field) for field in fields)
    if developer:
        body += bytes([len(developer)]) + b"".join(struct.pack("BBB", *f) for f in developer)
    return head + body


def data(form: str, *values: object, local: int = 0, order: str = "<") -> bytes:
    """A data message."""
    return bytes([local]) + struct.pack(order + form, *values)


def position(second: int, lat: float, lon: float) -> tuple[int, int, int]:
    """Values of `TIMESTAMP`, `LAT`, `LON`."""
    return second - EPOCH_S, round(lat * DEGREE), clamped(round(lon * DEGREE))


def clamped(semicircles: int) -> int:
    """+180 degrees are -180 degrees: 2^31 does not fit into 32 bits, and 2^31 - 1 is unknown."""
    return min(semicircles, 2**31 - 2)


def fit(*messages: bytes, header_bytes: int = 14, checksum: int | None = None) -> bytes:
    """A file around messages."""
    body = b"".join(messages)
    head = struct.pack("<BBHI4s", header_bytes, 0x20, 2132, len(body), b".FIT")
    head += struct.pack("<H", crc(head)) if header_bytes == 14 else b""
    total = crc(head + body) if checksum is None else checksum
    return head + body + struct.pack("<H", total)
