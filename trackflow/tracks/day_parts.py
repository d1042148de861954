"""What of a track lies in a part of time: exactly, and with nothing lost between two parts.

A track keeps how far it went in each quarter of an hour of UTC that it touches. Every time zone's
midnight lies between two of them, so a day needs no points. A moment within a quarter divides it
evenly. All lengths are whole millimetres: parts add up to the whole in any order.
"""

from dataclasses import dataclass
from itertools import accumulate
from typing import Self

QUARTER_US = 900_000_000


@dataclass(frozen=True, slots=True)
class TrackLength:
    """When a track moved, and how far it had travelled at the end of each quarter of an hour.

    Attributes:
        start_us: its first moment.
        end_us: its last moment.
        until_mm: whole millimetres at the end of each quarter that it touches; at least one.
    """

    start_us: int
    end_us: int
    until_mm: tuple[int, ...]

    @classmethod
    def read(cls, start_us: int, end_us: int, length_mm: int, quarters: str | None) -> Self:
        """From what is stored of a track.

        Args:
            start_us: its first moment.
            end_us: its last moment.
            length_mm: all of it.
            quarters: as `write_quarters` gives it; None for a track of an older version, which
                counts as travelled evenly.
        """
        if quarters:
            return cls(start_us, end_us, tuple(accumulate(map(int, quarters.split(",")))))
        edges_us = quarter_edges(start_us, end_us)[1:-1]
        evenly = (length_mm * (edge - start_us) // (end_us - start_us) for edge in edges_us)
        return cls(start_us, end_us, (*evenly, length_mm))

    @property
    def length_mm(self) -> int:
        """All of it."""
        return self.until_mm[-1]

    def until(self, moment_us: int) -> int:
        """Whole millimetres travelled up to a moment; never falling."""
        if moment_us <= self.start_us:
            return 0
        if moment_us >= self.end_us:
            return self.length_mm
        quarter = moment_us // QUARTER_US
        k = quarter - self.start_us // QUARTER_US
        begin_us = max(quarter * QUARTER_US, self.start_us)
        finish_us = min((quarter + 1) * QUARTER_US, self.end_us)
        before_mm = self.until_mm[k - 1] if k else 0
        inside_mm = self.until_mm[k] - before_mm
        return before_mm + inside_mm * (moment_us - begin_us) // (finish_us - begin_us)

    def between(self, start_us: int, end_us: int) -> int:
        """Whole millimetres of it that lie in `[start_us, end_us)`."""
        return self.until(end_us) - self.until(start_us)


def within(parts: str | None, start_us: int, end_us: int, low_us: int, high_us: int) -> int | None:
    """What of an amount that a track keeps by quarters lies between two moments.

    Args:
        parts: as `write_quarters` gives it; None where it is not known.
        start_us: the track's first moment.
        end_us: its last moment.
        low_us: the moment from which it counts.
        high_us: the moment until which it counts.
    """
    if parts is None:
        return None
    return TrackLength.read(start_us, end_us, 0, parts).between(low_us, high_us)


def quarter_edges(start_us: int, end_us: int) -> list[int]:
    """The start, each beginning of a quarter of an hour between it and the end, and the end."""
    first_us = (start_us // QUARTER_US + 1) * QUARTER_US
    return [start_us, *range(first_us, end_us, QUARTER_US), end_us]


def write_quarters(lengths_mm: list[int]) -> str:
    """An amount of each quarter that a track touches, such as millimetres, as it is stored."""
    return ",".join(map(str, lengths_mm))
