"""How one table is laid out, decided once from its first rows, so that every chunk agrees."""

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from trackflow.sources.parsing.csv_columns import (
    Count,
    are_apple_times,
    are_garmin_times,
    are_zones,
    count_from_start,
    count_instead,
    find_time_columns,
    has_decimal_commas,
    has_short_dates,
    scales,
    settle_device,
    settle_time,
)
from trackflow.sources.parsing.csv_header import (
    COMPARED_LINES,
    as_wide_as,
    find_header,
    layout_of,
    split,
    with_units,
)
from trackflow.sources.parsing.csv_headless import Headless, headless_of
from trackflow.sources.values import columns
from trackflow.sources.values.columns import Role
from trackflow.sources.values.counted_times import TimeForm
from trackflow.sources.values.date_parts import PARTS, drop_parts
from trackflow.sources.values.elapsed import start_in
from trackflow.sources.values.trips import trip_ends
from trackflow.sources.values.whole_degrees import SEMICIRCLE_DEG
from trackflow.sources.values.zones import zone_of

SAMPLE_ROWS = 1_000
KEPT_TEXT = r"""^(="|')(.*)["']$"""
_KEPT_TEXT = re.compile(KEPT_TEXT)

_FREE_TEXT = {
    "address", "adresse", "adres", "direccion", "indirizzo", "osoite", "adress", "endereco",
    "description", "comment", "notes", "note",
}  # fmt: skip
"""Columns in which senders write commas without quotes."""


@dataclass(frozen=True, slots=True)
class CsvLayout:
    """Where everything is in a table.

    Attributes:
        separator: one character.
        names: the header; without one, the numbers of the columns.
        index: the column of each role; the device's only where it is one.
        time_columns: the column of the time, or those of the date and the time of day.
        short_dates: the date column has years of two digits first, as 240501.
        decimal_comma: 51,5 is a number.
        lat_scale: degrees per unit.
        lon_scale: degrees per unit.
        header_lines: lines before the first row.
        loose: the column whose cells may have separators in them without quotes.
        keeps_text: some cells are written as ="60.1" or '60.1'.
        form: that of times, where the values alone do not show it.
        zone: that of times without one, if the name of their column tells it.
        count: what counts from a start; None where times stand for themselves.
        whole_seconds: the column that counts seconds since 1970, of which the time is a clock on
            some wall with their parts; None where there is none.
        headless: what wrote it, if there is no header and rows stand among other lines.
        end: of the ends of trips that begin in the same rows; None if rows have one place each.
    """

    separator: str
    names: tuple[str, ...]
    index: Mapping[Role, int]
    time_columns: tuple[int, ...]
    short_dates: bool
    decimal_comma: bool
    lat_scale: float
    lon_scale: float
    header_lines: int
    loose: int | None
    keeps_text: bool = False
    form: TimeForm | None = None
    zone: dt.tzinfo | None = None
    count: Count | None = None
    whole_seconds: int | None = None
    headless: Headless | None = None
    end: "CsvLayout | None" = None

    @property
    def time_name(self) -> str:
        """The columns of the time, as messages name them."""
        return " + ".join(self.names[i].strip()[:40] for i in self.moment_columns)

    @property
    def moment_columns(self) -> tuple[int, ...]:
        """The columns of the time, with those of its parts."""
        others = [column for role, column in self.index.items() if role in PARTS]
        others += [] if self.whole_seconds is None else [self.whole_seconds]
        return tuple(dict.fromkeys((*self.time_columns, *others)))


def decide_layout(
    lines: Sequence[str], file: str, given: Mapping[Role, int] | None = None
) -> CsvLayout:
    """The layout of a table that begins with `lines`.

    Args:
        lines: the first lines.
        file: its name.
        given: the columns, counted from 0, if a person has set them.

    Raises:
        BadInputError: there is no header, or it lacks a position or a time.
    """
    if given is not None:
        separator, header_lines, width = layout_of(lines, given, file)
        names = tuple(f"column {number}" for number in range(1, width + 1))
        loose = _loose(names, given, separator)
        written = _sample(lines[header_lines:], separator, width, loose)
        form = _Form(separator, header_lines, loose, file)
        return _layout(names, dict(given), written, form)
    headless = headless_of(lines)
    if headless is None:
        header, separator, header_lines = find_header(lines, file)
    else:
        header, separator, header_lines = headless.names, ",", 0
        lines = [row.decode() for row in headless.rows([line.encode() for line in lines]) if row]
    names = tuple(split(header, separator) or [header])
    below = lines[header_lines] if header_lines < len(lines) else ""
    if units := with_units(names, split(below, separator) or []):
        names, header_lines = units, header_lines + 1
    below_it = lines[header_lines : header_lines + COMPARED_LINES]
    names = as_wide_as(names, [split(line, separator) or [] for line in below_it])
    both = trip_ends(names)
    index = columns.find(both[0] if both else names)
    loose = _loose(names, index, separator)
    written = _sample(lines[header_lines:], separator, len(names), loose)
    form = _Form(separator, header_lines, loose, file)
    if both:
        start, end = (_layout(each, columns.find(each), written, form) for each in both)
        return replace(start, end=end)
    rows = [[bare(cell) for cell in row] for row in written]
    settle_time(index, names, rows)
    count = count_from_start(names, index, rows, start_in(lines[:header_lines]), file)
    if count is not None and count.start:
        index = {role: column for role, column in index.items() if role not in _MOMENTS}
        index[Role.TIME] = count.column
    columns.require(index, names, file)
    return replace(_layout(names, index, written, form), count=count, headless=headless)


_MOMENTS = {Role.TIME, Role.DATE, Role.CLOCK, *PARTS}


class _Form(NamedTuple):
    """How the rows of a table are written: separator, lines above them, loose column, file."""

    separator: str
    header_lines: int
    loose: int | None
    file: str


def _layout(
    names: tuple[str, ...], index: dict[Role, int], written: Sequence[Sequence[str]], form: _Form
) -> CsvLayout:
    """The layout of columns of these names, of which `index` is the column of each role."""
    rows = [[bare(cell) for cell in row] for row in written]
    settle_device(index, rows)
    if Role.ZONE in index and not are_zones(rows, index[Role.ZONE]):
        del index[Role.ZONE]
    time_columns, whole_seconds = count_instead(names, rows, find_time_columns(index, rows))
    drop_parts(
        index,
        day=time_columns[0] != index.get(Role.YEAR),
        clock=time_columns[-1] != index.get(Role.HOUR),
    )
    lat_scale, lon_scale = scales(rows, index, names, form.file)
    form_of_times = None
    if lat_scale == SEMICIRCLE_DEG and are_garmin_times(rows, time_columns):
        form_of_times = TimeForm.SINCE_1989
    if are_apple_times(names, rows, time_columns):
        form_of_times = TimeForm.SINCE_2001
    return CsvLayout(
        form.separator,
        names,
        index,
        time_columns,
        has_short_dates(names, rows, time_columns),
        has_decimal_commas(rows, index),
        lat_scale,
        lon_scale,
        form.header_lines,
        form.loose,
        rows != written,
        form_of_times,
        zone_of(columns.zone_in_names(names[column] for column in reversed(time_columns))),
        whole_seconds=whole_seconds,
    )


def fitted(cells: list[str], width: int, separator: str, loose: int | None) -> list[str] | None:
    """The cells of a row; one with too many is put together again at its loose column.

    Args:
        cells: of the row.
        width: how many cells a row of this table has.
        separator: the text between two cells.
        loose: index of the column whose text may contain the separator; None if there is none.
    """
    extra = len(cells) - width
    if extra == 0:
        return cells
    if loose is None or extra < 0:
        return None
    joined = separator.join(cells[loose : loose + extra + 1])
    return [*cells[:loose], joined, *cells[loose + extra + 1 :]]


def _loose(names: Sequence[str], index: Mapping[Role, int], separator: str) -> int | None:
    free = [i for i, name in enumerate(names) if columns.plain(name) in _FREE_TEXT]
    if len(free) == 1:
        return free[0]
    pair = index.get(Role.POSITION, index.get(Role.LON_LAT))
    return pair if separator == "," and not free else None


def _sample(lines: Sequence[str], separator: str, width: int, loose: int | None) -> list[list[str]]:
    rows = []
    for line in lines[:SAMPLE_ROWS]:
        cells = split(line, separator)
        row = fitted(cells, width, separator, loose) if cells else None
        if row is not None:
            rows.append([cell.strip() for cell in row])
    return rows


def bare(cell: str) -> str:
    """A cell without what keeps a spreadsheet from making a number of it: ="60.1", '60.1'."""
    found = _KEPT_TEXT.fullmatch(cell)
    return found[2] if found else cell
