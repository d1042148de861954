"""How one CSV file is laid out, decided once from its first rows, so that every chunk agrees."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass

from trackflow.errors import BadInputError
from trackflow.sources import columns
from trackflow.sources.cells import EMPTY_CELLS, number
from trackflow.sources.columns import Role
from trackflow.sources.formats import SEPARATORS, best_separator
from trackflow.sources.times import TimeForm, decide_form

SAMPLE_ROWS = 1_000
_SEMICIRCLE_DEG = 180.0 / 2**31
_E7_DEG = 1e-7
_SURELY_WHOLE_UNITS = 1_000.0
"""No latitude in degrees is this large; 1,000 units of 1e-7 degrees are 11 m off the equator."""


@dataclass(frozen=True, slots=True)
class CsvLayout:
    """Where everything is in a CSV file.

    Attributes:
        separator: one character.
        names: the header.
        index: the column of each role; the device's only where it is one.
        time_columns: the column of the time, or those of the date and the time of day.
        time_form: how that column writes times.
        decimal_comma: 51,5 is a number.
        lat_scale: degrees per unit.
        lon_scale: degrees per unit.
        header_lines: lines before the first row.
    """

    separator: str
    names: tuple[str, ...]
    index: dict[Role, int]
    time_columns: tuple[int, ...]
    time_form: TimeForm
    decimal_comma: bool
    lat_scale: float
    lon_scale: float
    header_lines: int


def decide_layout(lines: Sequence[str], file: str) -> CsvLayout:
    """The layout of a file that begins with `lines`.

    Raises:
        BadInputError: there is no header, or it lacks a position or a time.
    """
    header, separator, header_lines = _header(lines, file)
    names = tuple(split(header, separator) or [header])
    index = columns.find(names)
    columns.require(index, names, file)
    rows = _sample(lines[header_lines:], separator, len(names))
    if (
        Role.DEVICE not in index
        and Role.ROW_ID in index
        and repeats([row[index[Role.ROW_ID]] for row in rows])
    ):
        index[Role.DEVICE] = index[Role.ROW_ID]
    time_columns = _time_columns(index, rows)
    moments = [" ".join(row[i] for i in time_columns) for row in rows]
    shown = " + ".join(names[i].strip()[:40] for i in time_columns)
    decimal_comma = separator != "," and _has_decimal_commas(rows, index)
    return CsvLayout(
        separator,
        names,
        index,
        time_columns,
        decide_form(moments, shown, file),
        decimal_comma,
        _scale(rows, index[Role.LAT], names),
        _scale(rows, index[Role.LON], names),
        header_lines,
    )


def split(line: str, separator: str) -> list[str] | None:
    """The cells of one row; None if its quotes make no sense."""
    try:
        rows = list(csv.reader([line.rstrip("\r\n")], delimiter=separator))
    except csv.Error:
        return None
    return rows[0] if len(rows) == 1 else None


def _header(lines: Sequence[str], file: str) -> tuple[str, str, int]:
    """The header line, the separator, and how many lines come before the first row.

    The header is the first line that is no comment, unless a comment before it names the columns
    and it does not.
    """
    forced, comment = "", ""
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
        if _names_position(text, forced) or not comment:
            return _headed(text, forced, file, count)
        return _headed(comment, forced, file, count - 1)
    if comment:
        return _headed(comment, forced, file, len(lines))
    raise BadInputError(f"{file}: has no header line")


def _headed(header: str, forced: str, file: str, count: int) -> tuple[str, str, int]:
    separator = forced if forced in SEPARATORS else best_separator(header)
    cells = header.split(separator)
    if len(cells) > 1 and all(number(c.strip()) is not None for c in cells[:3]):
        raise BadInputError(
            f"{file}: has no header line; add one such as device_id,recorded_at,lat,lon"
        )
    return header, separator, count


def _names_position(text: str, forced: str) -> bool:
    return columns.score(text.split(forced or best_separator(text))) >= 100


def _sample(lines: Sequence[str], separator: str, width: int) -> list[list[str]]:
    rows = (split(line, separator) for line in lines[:SAMPLE_ROWS])
    return [[cell.strip() for cell in row] for row in rows if row and len(row) == width]


def repeats(ids: Sequence[str]) -> bool:
    """Whether an `id` names devices: a row's own number never comes back."""
    return len(ids) >= 4 and len(set(ids)) * 2 <= len(ids)


def _time_columns(index: dict[Role, int], rows: Sequence[Sequence[str]]) -> tuple[int, ...]:
    """A date and a time of day in two columns, unless one column says both."""
    whole, date = index.get(Role.TIME), index.get(Role.DATE)
    if whole is None:
        return (index[Role.DATE], index[Role.CLOCK])
    if date is not None and date != whole and _is_clock(rows, whole):
        return (date, whole)
    return (whole,)


def _is_clock(rows: Sequence[Sequence[str]], column: int) -> bool:
    cells = [row[column] for row in rows if row[column] not in EMPTY_CELLS]
    return all(":" in cell and len(cell.split(":")[0]) <= 2 for cell in cells)


def _has_decimal_commas(rows: Sequence[Sequence[str]], index: dict[Role, int]) -> bool:
    cells = [row[index[role]] for row in rows for role in (Role.LAT, Role.LON)]
    commas = sum("," in cell for cell in cells)
    return commas > sum("." in cell for cell in cells)


def _scale(rows: Sequence[Sequence[str]], column: int, names: Sequence[str]) -> float:
    """Degrees per unit: names that say E7, FIT's semicircles, or plain degrees."""
    name = columns.plain(names[column])
    whole = [abs(int(c)) for c in (row[column] for row in rows) if c.lstrip("+-").isdigit()]
    large = bool(whole) and sorted(whole)[len(whole) // 2] > _SURELY_WHOLE_UNITS
    if name.startswith("position") and large:
        return _SEMICIRCLE_DEG
    if name.endswith("e7") or (large and name.startswith(("lat", "lon", "lng"))):
        return _E7_DEG
    return 1.0
