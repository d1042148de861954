"""A table of a report, as rows of text."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Section:
    """A table of a report.

    Attributes:
        title: its heading.
        columns: names of its columns.
        rows: cells as text, in the order of the columns.
        widths: how wide the columns are, relative to each other.
        numbers: columns that hold numbers.
        days: columns that hold days (2026-11-30).
        moments: columns that hold times of a clock whose zone is said beside (2026-11-30T08:15).
    """

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    widths: tuple[int, ...]
    numbers: frozenset[str] = frozenset()
    days: frozenset[str] = frozenset()
    moments: frozenset[str] = frozenset()
