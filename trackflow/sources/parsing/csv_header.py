"""The header of a table: which line it is, and what separates its cells."""

import csv
import itertools
from collections import Counter
from collections.abc import Mapping, Sequence

from trackflow.errors import BadInputError
from trackflow.files import hinted_separator
from trackflow.sources.heads import SEPARATORS, best_separator
from trackflow.sources.values import columns
from trackflow.sources.values.cells import number
from trackflow.sources.values.columns import COLUMNS_HINT, NoPositionsError, Role
from trackflow.sources.values.meanings import QUANTITIES
from trackflow.sources.values.positions import position
from trackflow.sources.values.trips import score
from trackflow.sources.values.units import Quantity, coordinate, factor_of


def split(line: str, separator: str) -> list[str] | None:
    """The cells of one row; None if its quotes make no sense."""
    try:
        rows = list(csv.reader([line.rstrip("\r\n")], delimiter=separator))
    except csv.Error:
        return None
    return rows[0] if len(rows) == 1 else None


def find_header(lines: Sequence[str], file: str) -> tuple[str, str, int]:
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
        if hint := hinted_separator(text):
            forced = hint
            continue
        if text.startswith("#"):
            named = text.lstrip("# ")
            comment = named if _names_position(named, forced) or not comment else comment
            continue
        is_row = _names_position(comment, forced) and _has_numbers(text, forced)
        if _names_position(text, forced) and not is_row:
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


def with_units(names: tuple[str, ...], below: Sequence[str]) -> tuple[str, ...] | None:
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
    is_named = score(lower) >= 200 and all(number(cell.strip()) is None for cell in lower)
    found = columns.find(names)
    return names if is_named and not {Role.TIME, Role.DATE}.isdisjoint(found) else None


_TITLE_LINES_MAX = 20


def _headed(header: str, forced: str, file: str, count: int) -> tuple[str, str, int]:
    separator = forced if forced in SEPARATORS else best_separator(header)
    if _has_numbers(header, separator):
        raise BadInputError(
            f"{file}: has no header line; add one such as device_id,recorded_at,lat,lon, or "
            f"{COLUMNS_HINT}"
        )
    return header, separator, count


def _has_numbers(text: str, forced: str) -> bool:
    """Whether a line has several numbers, as rows have; in those of GnssLogger stand names, too."""
    cells = text.split(forced or best_separator(text))
    return len(cells) > 1 and sum(number(cell.strip()) is not None for cell in cells) >= 2


def _names_position(text: str, forced: str) -> bool:
    return score(text.split(forced or best_separator(text))) >= 200


def _names_half(text: str, forced: str) -> bool:
    """Whether a line names a latitude or a longitude, but not both."""
    return 100 <= score(text.split(forced or best_separator(text))) < 200


def layout_of(lines: Sequence[str], given: Mapping[Role, int], file: str) -> tuple[str, int, int]:
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


def as_wide_as(names: tuple[str, ...], rows: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The names with as many as rows have cells, where empty ones make the difference.

    Loggers end each row with a separator and not their header, or the other way around. R writes
    the number of a row before it, and no name above.
    """
    widths = Counter(len(row) for row in rows if row)
    (width, count), *_ = widths.most_common(1) or [(len(names), 0)]
    rows = [row for row in rows if len(row) == width]
    if width == len(names) or count < sum(widths.values()):
        return names
    if width < len(names):
        return names if any(map(str.strip, names[width:])) else names[:width]
    if not any(cell.strip() for row in rows for cell in row[len(names) :]):
        return (*names, *[""] * (width - len(names)))
    numbers = [row[0].strip() for row in rows]
    if width == len(names) + 1 and numbers == [str(at + 1) for at in range(len(rows))]:
        return ("", *names)
    return names


COMPARED_LINES = 100
