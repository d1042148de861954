"""What the columns of a table mean, where only their cells show it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trackflow.errors import BadInputError
from trackflow.sources.values import columns
from trackflow.sources.values.cells import EMPTY_CELLS, number
from trackflow.sources.values.columns import Role
from trackflow.sources.values.counted_times import may_be_of_core_data
from trackflow.sources.values.date_words import with_half_behind
from trackflow.sources.values.digits import ascii_digits
from trackflow.sources.values.elapsed import elapsed_among
from trackflow.sources.values.meanings import meanings
from trackflow.sources.values.moments import (
    DAY_FRACTION,
    PART_OF_SECOND,
    RECEIVERS_CLOCK,
)
from trackflow.sources.values.times import BY_ITSELF, epoch_form, is_relative, read_time
from trackflow.sources.values.vocabulary import COUNTS, core_data_name
from trackflow.sources.values.whole_degrees import (
    BEFORE_FIT_S,
    E7_DEG,
    MOST_E6,
    SEMICIRCLE_DEG,
    SURELY_WHOLE_UNITS,
    is_of_fit,
)
from trackflow.sources.values.zones import zone_of


@dataclass(frozen=True, slots=True)
class Count:
    """A column that counts from a start.

    Attributes:
        column: which it is.
        unit_s: seconds per unit.
        start: of all rows, as it is written; empty where each row has its own.
    """

    column: int
    unit_s: float
    start: str


def count_from_start(
    names: tuple[str, ...],
    index: Mapping[Role, int],
    rows: Sequence[Sequence[str]],
    start: str,
    file: str,
) -> Count | None:
    """The column that counts from a start; None where times stand for themselves.

    The start stands above the table, or in each row: then it is the same in all of them, while the
    column counts.

    Args:
        names: of the columns.
        index: the column of each role.
        rows: the first ones.
        start: what stands above the table; empty if nothing does.
        file: its name.

    Raises:
        BadInputError: the column does not say in which unit it counts.
    """
    found = elapsed_among(names)
    whole = index.get(Role.TIME, index.get(Role.DATE))
    if start and whole is not None and not _are_moments([row[whole] for row in rows]):
        fractions = any("." in row[whole] for row in rows)
        named = found is not None and found.name == names[whole]
        unit_s = found.unit_s if found is not None and named else (1.0 if fractions else None)
        are_counts = all(is_relative(row[whole]) for row in rows if row[whole])
        return _count(whole, unit_s, start, names, file) if are_counts else None
    if found is None or not rows:
        return None
    column = names.index(found.name)
    if whole is None:
        return _count(column, found.unit_s, start, names, file)
    counts = {row[column] for row in rows}
    if not all(map(is_relative, counts)) or column == whole:
        return None
    starts = {row[whole] for row in rows}
    is_shared = len(starts) < len(rows)  # else each row is one of a list of recordings
    is_start = names[whole] in found.starts and columns.plain(names[whole]) != "date" and is_shared
    is_same = len(starts) == 1 and len(counts) > 1 and _spread(counts) > _ONE_SECOND
    return _count(column, found.unit_s, "", names, file) if is_start or is_same else None


def _count(column: int, unit_s: float | None, start: str, names: Sequence[str], file: str) -> Count:
    if unit_s is None:
        raise BadInputError(
            f"{file}: the column {names[column]!r} counts from a start and does not say "
            "what: name it elapsed_s or elapsed_ms"
        )
    return Count(column, unit_s, start)


def _are_moments(cells: Sequence[str]) -> bool:
    return not all(is_relative(cell) for cell in cells if cell)


def _spread(counts: set[str]) -> float:
    found = [value for value in map(number, counts) if value is not None]
    return max(found) - min(found) if found else 0.0


_ONE_SECOND = 1.0
"""Times of a receiver may have whole seconds only, and another column their parts."""


def are_garmin_times(rows: Sequence[Sequence[str]], time_columns: tuple[int, ...]) -> bool:
    """Whether times count from 1989-12-31: as seconds since 1970 they lie before there was FIT."""
    cells = [row[time_columns[0]] for row in rows if row[time_columns[0]] not in EMPTY_CELLS]
    return bool(cells) and all(c.isdecimal() and int(c) < BEFORE_FIT_S for c in cells)


def are_apple_times(
    names: Sequence[str], rows: Sequence[Sequence[str]], time_columns: tuple[int, ...]
) -> bool:
    """Whether times are those of Core Data, which count since 2001."""
    if len(time_columns) != 1 or not core_data_name(names[time_columns[0]]):
        return False
    counts = [number(row[time_columns[0]]) for row in rows if row[time_columns[0]]]
    return bool(counts) and all(c is not None and may_be_of_core_data(c) for c in counts)


def settle_time(
    index: dict[Role, int], names: Sequence[str], rows: Sequence[Sequence[str]]
) -> None:
    """A first column without a name, as pandas writes the names of rows, may be the time."""
    if not {Role.TIME, Role.DATE}.isdisjoint(index) or names[0].strip() or not rows:
        return
    cells = [row[0] for row in rows]
    if not any(map(is_relative, cells)) and all(
        read_time(cell, BY_ITSELF)[0] is not None for cell in cells
    ):
        index[Role.TIME] = 0


def settle_device(index: dict[Role, int], rows: Sequence[Sequence[str]]) -> None:
    """An `id` or `name` is a device's where nothing else is and the rows show it."""
    if Role.DEVICE in index:
        return
    roles = (Role.TIME, Role.DATE, Role.CLOCK)
    of_moment = [index[role] for role in roles if role in index]
    moments = [[row[column] for column in of_moment] for row in rows]
    for role in (Role.ROW_ID, Role.NAME):
        ids = [row[index[role]] for row in rows] if role in index else []
        if are_devices(role, ids, moments):
            index[Role.DEVICE] = index[role]
            return


def are_devices(role: Role, ids: Sequence[str], moments: Sequence[object]) -> bool:
    """Whether an `id` or a `name` names devices.

    A row's own number never comes back. Places have names that do, but nobody is at two of them at
    one moment.
    """
    come_back = len(ids) >= _ENOUGH_IDS and len(set(ids)) * 2 <= len(ids)
    if role is Role.ROW_ID and come_back:
        return True
    names_at: dict[str, str] = {}
    shared = any(
        names_at.setdefault(str(moment), name) != name
        for moment, name in zip(moments, ids, strict=False)
    )
    return shared and (come_back or len(set(map(str, moments))) == 1)


_ENOUGH_IDS = 4


def are_zones(rows: Sequence[Sequence[str]], column: int) -> bool:
    """Whether most cells of a column name zones."""
    cells = [row[column] for row in rows if row[column] not in EMPTY_CELLS]
    return bool(cells) and sum(zone_of(cell) is not None for cell in cells) * 2 > len(cells)


def find_time_columns(index: Mapping[Role, int], rows: Sequence[Sequence[str]]) -> tuple[int, ...]:
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


def count_instead(
    names: Sequence[str], rows: Sequence[Sequence[str]], time_columns: tuple[int, ...]
) -> tuple[tuple[int, ...], int | None]:
    """The column that counts from 1970, where the time beside it is a clock on some wall.

    Where the clock has parts of seconds that the count lacks, both are needed: then the columns of
    the time are as they were, and the second value is the count's.
    """
    counts = [index for index, name in enumerate(names) if columns.plain(name) in COUNTS]
    if not counts or counts[0] in time_columns or not rows:
        return time_columns, None
    clocks = [" ".join(row[column] for column in time_columns) for row in rows]
    count = [row[counts[0]] for row in rows]
    is_finer = any(map(PART_OF_SECOND.search, clocks)) and all(len(c) <= _SECONDS for c in count)
    are_naive = all(read_time(clock, BY_ITSELF)[1] for clock in clocks)
    are_counts = all((value := number(c)) is not None and epoch_form(value) for c in count)
    if not (are_naive and are_counts):
        return time_columns, None
    return (time_columns, counts[0]) if is_finer else ((counts[0],), None)


_SECONDS = 10


def _is_clock(rows: Sequence[Sequence[str]], column: int) -> bool:
    written = [row[column] for row in rows if row[column] not in EMPTY_CELLS]
    cells = [ascii_digits(with_half_behind(cell)) for cell in written]
    return all(
        (":" in cell and len(cell.split(":")[0]) <= 2)
        or (cell.isdigit() and 3 < len(cell) <= 6)
        or RECEIVERS_CLOCK.fullmatch(cell)
        or DAY_FRACTION.fullmatch(cell)
        or cell.startswith(("1899-12-3", "1900-01-0"))
        for cell in cells
    )


def _has_moments(rows: Sequence[Sequence[str]], column: int) -> bool:
    return any(len(row[column]) >= 10 for row in rows)


def has_short_dates(
    names: Sequence[str], rows: Sequence[Sequence[str]], time_columns: tuple[int, ...]
) -> bool:
    """Loggers whose latitudes end in N or S write their dates as 240501."""
    simple = {columns.plain(name) for name in names}
    if len(time_columns) != 2 or "latitudens" not in simple:
        return False
    cells = [row[time_columns[0]] for row in rows if row[time_columns[0]]]
    return bool(cells) and all(cell.isdigit() and len(cell) == 6 for cell in cells)


def has_decimal_commas(rows: Sequence[Sequence[str]], index: Mapping[Role, int]) -> bool:
    """Whether coordinates have commas more often than points."""
    roles = [role for role in (Role.LAT, Role.LON) if role in index]
    cells = [row[index[role]] for row in rows for role in roles]
    return sum("," in cell for cell in cells) > sum("." in cell for cell in cells)


def scales(
    rows: Sequence[Sequence[str]], index: Mapping[Role, int], names: Sequence[str], file: str
) -> tuple[float, float]:
    """Degrees per unit of latitudes and longitudes: as named, semicircles of FIT, or plain degrees.

    Raises:
        BadInputError: whole numbers could be ten-millionths of degrees, and millionths as well.
    """
    columns_of = [index.get(Role.LAT), index.get(Role.LON)]
    scales = [_scale(rows, column, names) for column in columns_of]
    if None not in scales:
        return scales[0] or 1.0, scales[1] or 1.0
    whole = [_whole_numbers(rows, column) for column in columns_of]
    if not any(max(w, default=0) > most for w, most in zip(whole, MOST_E6, strict=True)):
        raise BadInputError(
            f"{file}: its coordinates are whole numbers that could be ten-millionths of degrees or "
            "others: name the columns such as lat_e7 and lon_e7, or lat_e6 and lon_e6"
        )
    lat_scale, lon_scale = (E7_DEG if scale is None else scale for scale in scales)
    return lat_scale, lon_scale


def _whole_numbers(rows: Sequence[Sequence[str]], column: int | None) -> list[int]:
    cells = (
        [] if column is None else [row[column] for row in rows if row[column] not in EMPTY_CELLS]
    )
    # no isdigit(): it holds for a raised 2, which is no number
    whole = [abs(int(c)) for c in cells if re.fullmatch(r"[+-]?\d+", c)]
    # one damaged cell among decimals changes no unit
    return whole if 2 * len(whole) > len(cells) else []


def _scale(rows: Sequence[Sequence[str]], column: int | None, names: Sequence[str]) -> float | None:
    """Degrees per unit of a column; None for whole numbers of a unit that it does not say."""
    if column is None:
        return 1.0
    name = columns.plain(names[column])
    whole = _whole_numbers(rows, column)
    large = bool(whole) and sorted(whole)[len(whole) // 2] > SURELY_WHOLE_UNITS
    if is_of_fit(names[column]) and large:
        return SEMICIRCLE_DEG
    large = large and "x" not in name and "y" not in name  # those are metres of a projection
    role = Role.LAT if Role.LAT in meanings(name) else Role.LON
    factor = columns.factor(role, names[column])
    return None if factor == 1.0 and large else factor
