"""Matches as compact bytes: a third of their JSON, and as quick. Millions of windows are kept.

An encoded polyline uses 64 characters, so four of them fit into three bytes; the rest is whole
numbers in groups of seven bits, lists as differences. What is left has no pattern that deflate
could use. Nothing is pickled, so reading is safe.
"""

import base64
import math
import struct
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

import orjson

from trackflow.geo.varint import append_varint, read_varint

MARK = b"\x02"
"""The first byte; version 1 was plain JSON, which begins with a brace."""

DECIMALS = 10_000
"""Shares and durations have four decimals at most; others are kept as they are, in eight bytes."""

WHOLE_MAX = 1 << 60
"""Larger numbers, folded and doubled, would not fit into 64 bits."""

DOUBLE = struct.Struct("<d")

BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
POLYLINE = bytes(range(63, 127))
TO_BASE64 = bytes.maketrans(POLYLINE, BASE64)
FROM_BASE64 = bytes.maketrans(BASE64, POLYLINE)


def pack(match: Any) -> bytes:
    """The fields of a match (`match.WindowMatch`) as bytes."""
    numbers = _Writer()
    numbers.whole(match.start_us)
    numbers.whole(match.end_us - match.start_us)
    numbers.whole(match.point_count)
    numbers.whole(match.source_coordinates_count)
    numbers.decimal(match.matched_share)
    numbers.bits([match.is_raw, match.confidence is not None, match.against_oneway])
    numbers.decimal(match.confidence or 0.0)
    numbers.decimal(match.processing_duration_ms)
    numbers.list([time_us - match.start_us for time_us in match.anchor_us])
    numbers.list(match.anchor_vertex)
    numbers.bits(match.on_road)
    numbers.whole(len(match.line))
    return MARK + numbers.body + _pack_line(match.line)


def unpack(stored: bytes) -> dict[str, Any]:
    """The fields that `pack` was given, or that were stored as JSON."""
    if stored[:1] != MARK:
        values: dict[str, Any] = orjson.loads(stored)
        for name in ("anchor_us", "anchor_vertex", "on_road"):
            values[name] = tuple(values[name])
        return values
    numbers = _Reader(stored, len(MARK))
    start_us = numbers.whole()
    values = {
        "start_us": start_us,
        "end_us": start_us + numbers.whole(),
        "point_count": numbers.whole(),
        "source_coordinates_count": numbers.whole(),
        "matched_share": numbers.decimal(),
    }
    is_raw, has_confidence, *more = numbers.bits()  # matches of earlier versions have two
    confidence = numbers.decimal()
    return values | {
        "is_raw": is_raw,
        "against_oneway": any(more),
        "confidence": confidence if has_confidence else None,
        "processing_duration_ms": numbers.decimal(),
        "anchor_us": tuple(start_us + time_us for time_us in numbers.list()),
        "anchor_vertex": numbers.list(),
        "on_road": numbers.bits(),
        "line": _unpack_line(numbers.whole(), stored[numbers.at :]),
    }


def _pack_line(line: str) -> bytes:
    text = line.encode().translate(TO_BASE64)
    return base64.b64decode(text + b"A" * (-len(text) % 4))


def _unpack_line(length: int, packed: bytes) -> str:
    return base64.b64encode(packed)[:length].translate(FROM_BASE64).decode()


class _Writer:
    """Appends numbers to `body`; signs are folded into the lowest bit."""

    def __init__(self) -> None:
        self.body = bytearray()

    def whole(self, number: int) -> None:
        append_varint(self.body, number << 1 if number >= 0 else (-number << 1) - 1)

    def decimal(self, value: float) -> None:
        scaled = round(value * DECIMALS)
        exact = abs(scaled) < WHOLE_MAX and scaled / DECIMALS == value
        self.whole(scaled * 2 if exact else 1)
        if not exact:
            self.body += DOUBLE.pack(value)

    def list(self, values: Sequence[int]) -> None:
        """Length, first value, largest unit of all differences, differences in units."""
        self.whole(len(values))
        if values:
            steps = [later - earlier for earlier, later in pairwise(values)]
            unit = math.gcd(*steps) or 1
            self.whole(values[0])
            self.whole(unit)
            for step in steps:
                self.whole(step // unit)

    def bits(self, values: Sequence[bool]) -> None:
        self.whole(len(values))
        number = int("".join("1" if value else "0" for value in values) or "0", 2)
        self.body += number.to_bytes((len(values) + 7) // 8, "big")


class _Reader:
    """Takes numbers from `body` in the order in which a `_Writer` put them there."""

    def __init__(self, body: bytes, at: int) -> None:
        self.body, self.at = body, at

    def whole(self) -> int:
        rest = self.body[self.at]
        if rest < 0x80:  # most numbers: a call for each would make reading half as long again
            self.at += 1
        else:
            rest, self.at = read_varint(self.body, self.at)
        return -((rest + 1) >> 1) if rest & 1 else rest >> 1

    def decimal(self) -> float:
        scaled = self.whole()
        if scaled % 2 == 0:
            return scaled // 2 / DECIMALS
        self.at += DOUBLE.size
        value: float = DOUBLE.unpack_from(self.body, self.at - DOUBLE.size)[0]
        return value

    def list(self) -> tuple[int, ...]:
        count = self.whole()
        if not count:
            return ()
        first, unit = self.whole(), self.whole()
        return tuple(accumulate((self.whole() * unit for _ in range(count - 1)), initial=first))

    def bits(self) -> tuple[bool, ...]:
        count = self.whole()
        size = (count + 7) // 8
        number = int.from_bytes(self.body[self.at : self.at + size], "big")
        self.at += size
        return tuple(number >> shift & 1 == 1 for shift in range(count - 1, -1, -1))
