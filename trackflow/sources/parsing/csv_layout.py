"""How one table is laid out, decided once from its first rows, so that every chunk agrees."""

import csv
import datetime as dt
import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trackflow.errors import BadInputError
from trackflow.sources.heads import SEPARATORS, best_separator
from trackflow.sources.values import columns
from trackflow.sources.values.cells import EMPTY_CELLS, number
from trackflow.sources.values.columns import COLUMNS_HINT, QUANTITIES, NoPositionsError, Role
from trackflow.sources.values.date_parts import PARTS, drop_parts
from trackflow.sources.values.moments import DAY_FRACTION
from trackflow.sources.values.units import Quantity, coordinate, factor_of, position
from trackflow.sources.values.zones import zone_of

SAMPLE_ROWS = 1_000
_SEMICIRCLE_DEG = 180.0 / 2**31
_E7_DEG = 1e-7
_SURELY_WHOLE_UNITS = 1_000.0
"""No latitude in degrees is this large; 1,000 units of 1e-7 degrees are 11 m off the equator."""

_BEFORE_FIT_S = 1_199_145_600
"""2008-01-01 in seconds since 1970."""

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
        is_garmin_time: times count seconds since 1990, as in FIT.
        zone: that of times without one, if the name of their column tells it.
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
    is_garmin_time: bool = False
    zone: dt.tzinfo | None = None

    @property
    def time_name(self) -> str:
        """The columns of the time, as messages name them."""
        return " + ".join(self.names[i].strip()[:40] for i in self.moment_columns)

    @property
    def moment_columns(self) -> tuple[int, ...]:
        """The columns of the time, with those of its parts."""
        parts = (column for role, column in self.index.items() if role in PARTS)
        return tuple(dict.fromkeys((*self.time_columns, *parts)))


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
    if given is None:
        header, separator, header_lines = _header(lines, file)
        names = tuple(split(header, separator) or [header])
        below = lines[header_lines] if header_lines < len(lines) else ""
        if with_units := _with_units(names, split(below, separator) or []):
            names, header_lines = with_units, header_lines + 1
        index = columns.find(names)
        columns.require(index, names, file)
    else:
        index = dict(given)
        separator, header_lines, width = _layout_of(lines, given, file)
        names = tuple(f"column {number}" for number in range(1, width + 1))
    loose = _loose(names, index, separator)
    written = _sample(lines[header_lines:], separator, len(names), loose)
    rows = [[bare(cell) for cell in row] for row in written]
    _settle_device(index, rows)
    if Role.ZONE in index and not _are_zones(rows, index[Role.ZONE]):
        del index[Role.ZONE]
    time_columns = _time_columns(index, rows)
    drop_parts(
        index,
        day=time_columns[0] != index.get(Role.YEAR),
        clock=time_columns[-1] != index.get(Role.HOUR),
    )
    lat_scale = _scale(rows, index.get(Role.LAT), names)
    return CsvLayout(
        separator,
        names,
        index,
        time_columns,
        _has_short_dates(names, rows, time_columns),
        _has_decimal_commas(rows, index),
        lat_scale,
        _scale(rows, index.get(Role.LON), names),
        header_lines,
        loose,
        rows != written,
        lat_scale == _SEMICIRCLE_DEG and _are_garmin_times(rows, time_columns),
        zone_of(columns.zone_in_names(names[column] for column in reversed(time_columns))),
    )


def split(line: str, separator: str) -> list[str] | None:
    """The cells of one row; None if its quotes make no sense."""
    try:
        rows = list(csv.reader([line.rstrip("\r\n")], delimiter=separator))
    except csv.Error:
        return None
    return rows[0] if len(rows) == 1 else None


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


def _header(lines: Sequence[str], file: str) -> tuple[str, str, int]:
    """The header line, the separator, and how many lines come before the first row.

    The header is the first line that is no comment and names a position; a comment before it may
    be one, and lines of a title before it are passed over.
    """
    forced, comment, first = "", "", ("", 0)
    partial: tuple[str, int] | None = None
    for count, line in enumerate(lines, start=1):
        text = line.strip()
        if not text:
            continue
        if text.lower().startswith("sep=") and len(text) == 5:
            forced = text[4]
            continue
        if text.startswith("#"):
            named = text.lstrip("# ")
            comment = named if _names_position(named, forced) or not comment else comment
            continue
        if _names_position(text, forced):
            second = lines[count].strip() if count < len(lines) else ""
            separator = forced or best_separator(second)
            names = two_rowed(split(text, separator) or [], split(second, separator) or [])
            if names is not None:
                return separator.join(names), separator, count + 1
            return _headed(text, forced, file, count)
        if _names_half(text, forced) and not comment:
            partial = partial or (text, count)  # maybe a title: such as "Session","X"
            continue
        if comment:
            return _headed(comment, forced, file, count - 1)
        first = first if first[0] else (text, count)
        if count > first[1] + _TITLE_LINES_MAX:
            break
    first = partial or first
    if first[0]:
        return _headed(first[0], forced, file, first[1])
    if comment:
        return _headed(comment, forced, file, len(lines))
    raise NoPositionsError(f"{file}: has no header line; {COLUMNS_HINT}")


def _with_units(names: tuple[str, ...], below: Sequence[str]) -> tuple[str, ...] | None:
    """The names with the units that stand in the row below them; None if that is another row."""
    roles = {column: role for role, column in columns.find(names).items() if role in QUANTITIES}
    units = {
        column: unit.strip("[]() ")
        for column, unit in enumerate(below)
        if column in roles and unit.strip("[]() ")
    }
    if not units or len(below) > len(names):
        return None
    if any(factor_of(unit, QUANTITIES[roles[column]]) is None for column, unit in units.items()):
        return None
    if all(not any(map(str.isalpha, unit)) for unit in units.values()):
        return None
    return tuple(
        f"{name} ({units[column]})" if column in units else name
        for column, name in enumerate(names)
    )


def two_rowed(upper: Sequence[str], lower: Sequence[str]) -> list[str] | None:
    """The names of a header of two rows, None if the lower one is none: it has data.

    They are those of the lower row, and the upper row's where it has none.
    """
    names = [under or over for over, under in itertools.zip_longest(upper, lower, fillvalue="")]
    is_named = columns.score(lower) >= 200 and all(number(cell.strip()) is None for cell in lower)
    found = columns.find(names)
    return names if is_named and not {Role.TIME, Role.DATE}.isdisjoint(found) else None


_TITLE_LINES_MAX = 20


def _headed(header: str, forced: str, file: str, count: int) -> tuple[str, str, int]:
    separator = forced if forced in SEPARATORS else best_separator(header)
    cells = header.split(separator)
    numeric = sum(number(c.strip()) is not None for c in cells)
    if len(cells) > 1 and numeric >= 2:
        raise BadInputError(
            f"{file}: has no header line; add one such as device_id,recorded_at,lat,lon, or "
            f"{COLUMNS_HINT}"
        )
    return header, separator, count


def _names_position(text: str, forced: str) -> bool:
    return columns.score(text.split(forced or best_separator(text))) >= 200


def _names_half(text: str, forced: str) -> bool:
    """Whether a line names a latitude or a longitude, but not both."""
    return 100 <= columns.score(text.split(forced or best_separator(text))) < 200


def _layout_of(lines: Sequence[str], given: Mapping[Role, int], file: str) -> tuple[str, int, int]:
    """Separator, lines before the first row, and width of a table whose columns are given."""
    needed = max(given.values()) + 1
    for separator in SEPARATORS:
        for count, line in enumerate(lines):
            cells = split(line, separator) or []
            if len(cells) >= needed and _is_row(cells, given):
                return separator, count, len(cells)
    raise BadInputError(
        f"{file}: no line has a position in the columns that --columns names; "
        f"they are counted from 1"
    )


def _is_row(cells: Sequence[str], given: Mapping[Role, int]) -> bool:
    for role, quantity in ((Role.LAT, Quantity.LATITUDE), (Role.LON, Quantity.LONGITUDE)):
        if role in given and coordinate(cells[given[role]], quantity) is None:
            return False
    return Role.POSITION not in given or position(cells[given[Role.POSITION]]) is not None


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


def _are_garmin_times(rows: Sequence[Sequence[str]], time_columns: tuple[int, ...]) -> bool:
    """Whether times count from 1989-12-31: as seconds since 1970 they lie before there was FIT."""
    cells = [row[time_columns[0]] for row in rows if row[time_columns[0]] not in EMPTY_CELLS]
    return bool(cells) and all(c.isdigit() and int(c) < _BEFORE_FIT_S for c in cells)


def _settle_device(index: dict[Role, int], rows: Sequence[Sequence[str]]) -> None:
    """An `id` names devices where it comes back; a column without any name in it does not."""
    if (
        Role.DEVICE not in index
        and Role.ROW_ID in index
        and repeats([row[index[Role.ROW_ID]] for row in rows])
    ):
        index[Role.DEVICE] = index[Role.ROW_ID]


def repeats(ids: Sequence[str]) -> bool:
    """Whether an `id` names devices: a row's own number never comes back."""
    return len(ids) >= 4 and len(set(ids)) * 2 <= len(ids)


def _are_zones(rows: Sequence[Sequence[str]], column: int) -> bool:
    cells = [row[column] for row in rows if row[column] not in EMPTY_CELLS]
    return bool(cells) and sum(zone_of(cell) is not None for cell in cells) * 2 > len(cells)


def _time_columns(index: Mapping[Role, int], rows: Sequence[Sequence[str]]) -> tuple[int, ...]:
    """A date and a time of day in two columns, unless one column has both."""
    whole, date, clock = (index.get(role) for role in (Role.TIME, Role.DATE, Role.CLOCK))
    if whole is None:
        assert date is not None
        return (date,) if clock is None or clock == date else (date, clock)
    if date is None or date == whole:
        return (whole,)
    if _is_clock(rows, whole):
        return (date, whole)
    if clock is not None and clock not in (whole, date) and _is_clock(rows, clock):
        return (date, clock) if not _has_moments(rows, whole) else (whole,)
    return (whole,)


def _is_clock(rows: Sequence[Sequence[str]], column: int) -> bool:
    cells = [row[column] for row in rows if row[column] not in EMPTY_CELLS]
    return all(
        (":" in cell and len(cell.split(":")[0]) <= 2)
        or (cell.isdigit() and 3 < len(cell) <= 6)
        or DAY_FRACTION.fullmatch(cell)
        or cell.startswith(("1899-12-3", "1900-01-0"))
        for cell in cells
    )


def _has_moments(rows: Sequence[Sequence[str]], column: int) -> bool:
    return any(len(row[column]) >= 10 for row in rows)


def _has_short_dates(
    names: Sequence[str], rows: Sequence[Sequence[str]], time_columns: tuple[int, ...]
) -> bool:
    """Loggers whose latitudes end in N or S write their dates as 240501."""
    simple = {columns.plain(name) for name in names}
    if len(time_columns) != 2 or "latitudens" not in simple:
        return False
    cells = [row[time_columns[0]] for row in rows if row[time_columns[0]]]
    return bool(cells) and all(cell.isdigit() and len(cell) == 6 for cell in cells)


def _has_decimal_commas(rows: Sequence[Sequence[str]], index: Mapping[Role, int]) -> bool:
    roles = [role for role in (Role.LAT, Role.LON) if role in index]
    cells = [row[index[role]] for row in rows for role in roles]
    return sum("," in cell for cell in cells) > sum("." in cell for cell in cells)


def _scale(rows: Sequence[Sequence[str]], column: int | None, names: Sequence[str]) -> float:
    """Degrees per unit: names with E7, FIT's semicircles, or plain degrees."""
    if column is None:
        return 1.0
    name = columns.plain(names[column])
    whole = [abs(int(c)) for c in (row[column] for row in rows) if c.lstrip("+-").isdigit()]
    large = bool(whole) and sorted(whole)[len(whole) // 2] > _SURELY_WHOLE_UNITS
    if name.startswith("position") and large:
        return _SEMICIRCLE_DEG
    large = large and "x" not in name and "y" not in name  # those are metres of a projection
    role = Role.LAT if Role.LAT in columns.meanings(name) else Role.LON
    factor = columns.factor(role, names[column])
    return _E7_DEG if factor == 1.0 and large else factor
