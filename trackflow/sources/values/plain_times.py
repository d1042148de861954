"""Times of the commonest spellings, a column at once, with numpy alone.

Only columns are read here of which every value is spelled so; of all others, nothing is, and each
value is read by itself. Both give the same.
"""

import re
from collections.abc import Sequence

import numpy as np

from trackflow.geo.points import Ints
from trackflow.sources.values.counted_times import (
    FIRST_ROLLOVER_S,
    SECONDS_1990,
    SECONDS_2100,
    TimeForm,
)
from trackflow.sources.values.moments import TimeRules, read_time

_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.(\d{1,6}))?(Z|[+-]\d\d:?\d\d)", re.ASCII)
_WALL_CHARS = 19
_MARKS = {4: "-", 7: "-", 10: "T", 13: ":", 16: ":"}
_DIGITS_AT = [column for column in range(_WALL_CHARS) if column not in _MARKS]
_DAYS_IN_MONTH = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
_SECOND_US = 1_000_000


def whole_counts_us(cells: Sequence[object]) -> Ints | None:
    """Whole numbers of seconds or milliseconds since 1970 as UTC microseconds."""
    if set(map(type, cells)) != {int}:
        return None
    try:
        counts = np.array(cells, np.int64)
    except OverflowError:
        return None
    in_seconds = (counts >= FIRST_ROLLOVER_S) & (counts < SECONDS_2100)
    in_millis = (counts >= SECONDS_1990 * 1000) & (counts < SECONDS_2100 * 1000)
    if not (in_seconds | in_millis).all():
        return None
    return counts * np.where(in_seconds, _SECOND_US, 1000)


def iso_us(cells: Sequence[object]) -> Ints | None:
    """Times like 2026-01-31T12:00:00Z, all of one length and one zone, as UTC microseconds."""
    first = cells[0] if cells else None
    found = _ISO.fullmatch(first) if isinstance(first, str) else None
    if found is None or set(map(type, cells)) != {str}:
        return None
    joined = "".join(cells)  # type: ignore[arg-type]
    width = len(found[0])
    if len(joined) != width * len(cells) or not joined.isascii():
        return None
    letters = np.frombuffer(joined.encode(), np.uint8).reshape(-1, width)
    if not all(map(width.__eq__, map(len, cells))):  # type: ignore[arg-type]
        return None
    rest = np.frombuffer(found[0][_WALL_CHARS:].encode(), np.uint8)
    is_digit = np.zeros(len(rest), np.bool_)
    if found[1]:
        is_digit[1 : 1 + len(found[1])] = True
    if (letters[:, _WALL_CHARS:][:, ~is_digit] != rest[~is_digit]).any():
        return None
    if any((letters[:, column] != ord(mark)).any() for column, mark in _MARKS.items()):
        return None
    digits = letters - np.uint8(48)  # wraps around for what lies before 0
    fraction = digits[:, _WALL_CHARS:][:, is_digit]
    if (digits[:, _DIGITS_AT] > 9).any() or (fraction > 9).any():
        return None
    wall_us = _wall_us(digits.astype(np.int64))
    offset_us = read_time(f"2000-01-01T00:00:00{found[2]}", TimeRules(TimeForm.ISO))[0]
    if wall_us is None or offset_us is None:
        return None
    scale = 10 ** np.arange(5, 5 - fraction.shape[1], -1, dtype=np.int64)
    fraction_us: Ints = fraction.astype(np.int64) @ scale
    return wall_us + fraction_us + (offset_us - _Y2000_US)


_Y2000_US = 946_684_800 * _SECOND_US


def _wall_us(digits: Ints) -> Ints | None:
    """Microseconds since 1970 by the clock on the wall; None if one of the days does not exist."""

    def number(start: int, stop: int) -> Ints:
        value = digits[:, start]
        for column in range(start + 1, stop):
            value = value * 10 + digits[:, column]
        return value

    year, month, day = number(0, 4), number(5, 7), number(8, 10)
    hour, minute, second = number(11, 13), number(14, 16), number(17, 19)
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    if ((month < 1) | (month > 12) | (year < 1)).any():
        return None
    last = _DAYS_IN_MONTH[month - 1] + (leap & (month == 2))
    bad = (day < 1) | (day > last) | (hour > 23) | (minute > 59) | (second > 59)
    if bad.any():
        return None
    months = (year - 1970) * 12 + month - 1
    days = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) + day - 1
    return (((days * 24 + hour) * 60 + minute) * 60 + second) * _SECOND_US
