"""Columns of times, to UTC microseconds: each cell as `moments` reads it, plain columns at once.

A time without a zone is taken as UTC unless the file or `--time-zone` gives one; they
are counted, so that the summary of an import can report them.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from trackflow.errors import BadInputError
from trackflow.geo.points import Bools, Ints
from trackflow.geo.time import from_us
from trackflow.sources.values.cells import CAREFUL_CELLS, Strings, blanks_to_null, number
from trackflow.sources.values.counted_times import (
    LARGEST_US,
    SECONDS_1990,
    TimeForm,
    epoch_form,
    is_serial,
    start_and_unit,
)
from trackflow.sources.values.moments import (
    BY_ITSELF,
    DateOrder,
    TimeRules,
    orders_of,
    parse_time,
    read_time,
)
from trackflow.sources.values.zones import zone_of

__all__ = [
    "BY_ITSELF",
    "UNREADABLE_US",
    "DateOrder",
    "TimeForm",
    "TimeRules",
    "Times",
    "decide_order",
    "epoch_form",
    "in_zone",
    "is_relative",
    "parse_time",
    "read_time",
    "times",
    "times_in_zones",
]

UNREADABLE_US = 0
"""Stands for times that no clock shows; 1970 is out of range in any case."""

DATES_HINT = (
    "say which: day-first or month-first (--dates; on the page of the data “Dates like 1/5/2024”)"
)

_PLAIN_TIME = r"^(?:[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}|[0-9]{9,19}$)"
_SHORTEST_ISO = 15
_QUARTER_HOUR_US = 900_000_000
_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001  clocks on walls


@dataclass(frozen=True, slots=True)
class Times:
    """A column of times.

    Attributes:
        time_us: UTC microseconds; meaningless where one of the masks is set.
        missing: where the cell is empty.
        bad: where the cell is not a time.
        naive: how many named no zone.
    """

    time_us: Ints
    missing: Bools
    bad: Bools
    naive: int = 0


def decide_order(
    sample: Sequence[str | None], rules: TimeRules, column: str, file: str
) -> DateOrder | None:
    """The order of day and month in a column by some of its cells, None if there is none to decide.

    A cell that has one reading only decides for all. Cells of both orders decide nothing: then
    each cell is read that has one reading only.

    Args:
        sample: some cells of the column.
        rules: the settings for times; an order among them decides.
        column: the name of the column, for messages.
        file: the name of the file, for messages.

    Raises:
        BadInputError: the cells count from some unknown start.
        AmbiguousOrderError: all dates can be read in two ways.
    """
    cells = [cell.strip() for cell in sample if cell and cell.strip()]
    is_known = rules.form is TimeForm.SINCE_2001 or all(map(_is_serial, cells))
    if cells and all(is_relative(cell) for cell in cells) and not is_known:
        raise BadInputError(
            f"{file}: the column {column!r} counts from an unknown start, so it gives no time of "
            "day; a time must be like 2026-01-31T12:00:00Z or seconds since 1970, or count in "
            "elapsed_s or elapsed_ms from a start that stands above the table: "
            "# start: 2026-01-31T12:00:00Z"
        )
    return rules.order or order_of(cells, f"{file}: the dates in {column!r}")


def order_of(cells: Iterable[str], what: str) -> DateOrder | None:
    """The order of day and month that the cells of a file show, None if there is none to decide.

    Args:
        cells: times.
        what: they are, for messages.

    Raises:
        AmbiguousOrderError: all dates can be read in two ways.
    """
    found = [orders for cell in cells if (orders := orders_of(cell))]
    sure = {next(iter(orders)) for orders in found if len(orders) == 1}
    if found and not sure:
        raise AmbiguousOrderError(f"{what} could be day/month or month/day; {DATES_HINT}")
    return next(iter(sure)) if len(sure) == 1 else None


class AmbiguousOrderError(BadInputError):
    """Every date that was looked at can be read in two ways."""


def is_relative(cell: str) -> bool:
    """Whether a time counts from some start that is not 1970."""
    value = number(cell)
    return value is not None and abs(value) < SECONDS_1990


def _is_serial(cell: str) -> bool:
    value = number(cell)
    return value is not None and is_serial(value)


def times(column: Strings, rules: TimeRules = BY_ITSELF) -> Times:
    """The times in a column of text."""
    column = blanks_to_null(column)
    missing = np.asarray(pc.is_null(column).to_numpy(zero_copy_only=False), dtype=np.bool_)
    time_us, bad, naive = _parsed(column, rules)
    return Times(time_us, missing, bad & ~missing, naive)


def in_zone(moment: object, zone: object) -> object:
    """A time that names no zone in the one that stands beside it; any other time as it is."""
    tz = zone_of(str(zone)) if isinstance(zone, str | int) and isinstance(moment, str) else None
    if tz is None or not isinstance(moment, str):
        return moment
    time_us, is_naive = read_time(moment, TimeRules(zone=tz))
    return from_us(time_us).isoformat() if is_naive and time_us is not None else moment


def times_in_zones(column: Strings, zones: Strings, rules: TimeRules) -> Times:
    """The times in a column, those that name no zone in that of a second column.

    A cell of the second column that names no zone makes the time bad: which it was is a guess.
    """
    names = pc.dictionary_encode(blanks_to_null(zones), null_encoding="encode")
    of_code = [
        rules.zone if name is None else zone_of(name) for name in names.dictionary.to_pylist()
    ]
    distinct = list(dict.fromkeys(of_code))
    of_zone = np.array([distinct.index(zone) for zone in of_code], np.int64)
    group = of_zone[np.asarray(names.indices.to_numpy(zero_copy_only=False))]
    count = len(column)
    found = Times(np.zeros(count, np.int64), np.zeros(count, np.bool_), np.zeros(count, np.bool_))
    for index, zone in enumerate(distinct):
        rows = np.flatnonzero(group == index)
        some_rules = TimeRules(rules.form, rules.order, zone or dt.UTC)
        some = times(column.take(pa.array(rows)), some_rules)
        found.time_us[rows], found.missing[rows] = some.time_us, some.missing
        found.bad[rows] = (
            (some.bad | (some.naive > 0)) & ~some.missing if zone is None else some.bad
        )
    return found


def _parsed(column: Strings, rules: TimeRules) -> tuple[Ints, NDArray[np.bool_], int]:
    """The times, which cells are none (empty ones among them), and how many named no zone.

    Halved where a cell is odd, so that the price of an odd cell is paid by its neighbours only.
    """
    fast = _at_once(column, rules)
    if fast is not None:
        return fast[0], np.zeros(len(column), np.bool_), fast[1]
    if len(column) > CAREFUL_CELLS:
        plain = _plain(column)
        if not plain.all():
            return _apart(column, plain, rules)
        middle = len(column) // 2
        halves = _parsed(column.slice(0, middle), rules), _parsed(column.slice(middle), rules)
        return (
            np.concatenate([half[0] for half in halves]),
            np.concatenate([half[1] for half in halves]),
            sum(half[2] for half in halves),
        )
    parsed = [
        (None, False) if cell is None else read_time(cell, rules) for cell in column.to_pylist()
    ]
    return (
        np.array([UNREADABLE_US if us is None else us for us, _ in parsed], dtype=np.int64),
        np.array([us is None for us, _ in parsed], dtype=np.bool_),
        sum(naive for _, naive in parsed),
    )


def _plain(column: Strings) -> NDArray[np.bool_]:
    """Which cells look as if they could be read at once."""
    found = pc.fill_null(pc.match_substring_regex(column, _PLAIN_TIME), True)
    return np.asarray(found.to_numpy(zero_copy_only=False), np.bool_)


def _apart(
    column: Strings, plain: NDArray[np.bool_], rules: TimeRules
) -> tuple[Ints, NDArray[np.bool_], int]:
    """Like `_parsed`, the plain cells by themselves and the others one by one."""
    time_us, bad = np.full(len(column), UNREADABLE_US, np.int64), np.zeros(len(column), np.bool_)
    rows, others = np.flatnonzero(plain), np.flatnonzero(~plain)
    naive = 0
    if len(rows):
        time_us[rows], bad[rows], naive = _parsed(column.take(pa.array(rows)), rules)
    read = [read_time(cell, rules) for cell in column.take(pa.array(others)).to_pylist()]
    time_us[others] = [UNREADABLE_US if us is None else us for us, _ in read]
    bad[others] = [us is None for us, _ in read]
    return time_us, bad, naive + sum(is_naive for _, is_naive in read)


def _at_once(column: Strings, rules: TimeRules) -> tuple[Ints, int] | None:
    """The column if every cell of it is of the plainest kind; None if one is not."""
    if rules.form is not TimeForm.ISO:
        counts = _counts(column, rules.form)
        if counts is not None or rules.form is not None:
            return None if counts is None else (counts, 0)
    shortest = pc.min(pc.binary_length(column)).as_py()
    if shortest is None or shortest <= _SHORTEST_ISO:
        return None
    for kind in (pa.timestamp("us", tz="UTC"), pa.timestamp("us")):
        try:
            stamps = pc.cast(column, kind)
        except pa.ArrowInvalid:
            continue
        known = np.array(pc.is_valid(stamps).to_numpy(zero_copy_only=False))
        filled = pc.fill_null(pc.cast(stamps, pa.int64()), UNREADABLE_US)
        time_us = np.array(filled.to_numpy(zero_copy_only=False), dtype=np.int64)
        if kind.tz is not None:
            return time_us, 0
        time_us[known] = _in_zone(time_us[known], rules.zone)
        return time_us, int(known.sum())
    return None


def _in_zone(wall_us: Ints, zone: dt.tzinfo) -> Ints:
    """Times on the wall of a zone, as UTC. Zones change their clocks at quarters of an hour."""
    if zone is dt.UTC:
        return wall_us
    quarters, of_zone = np.unique(wall_us // _QUARTER_HOUR_US, return_inverse=True)
    offsets = [
        (_EPOCH + dt.timedelta(microseconds=int(quarter) * _QUARTER_HOUR_US))
        .replace(tzinfo=zone)
        .utcoffset()
        for quarter in quarters
    ]
    offset_us = [0 if o is None else o // dt.timedelta(microseconds=1) for o in offsets]
    return wall_us - np.array(offset_us, np.int64)[of_zone]


def _counts(column: Strings, form: TimeForm | None) -> Ints | None:
    """Whole numbers since 1970; None where a cell is none, or could be a date without marks."""
    try:
        whole = pc.cast(column, pa.int64())
    except pa.ArrowInvalid:
        return None
    counts = np.asarray(pc.fill_null(whole, 0).to_numpy(zero_copy_only=False))
    known = np.asarray(pc.is_valid(whole).to_numpy(zero_copy_only=False))
    if form is not None:
        return np.where(known, _since_1970(counts, form), UNREADABLE_US)
    smallest, largest = (int(f(counts[known])) for f in (np.min, np.max)) if known.any() else (1, 0)
    each = epoch_form(smallest)
    if each is None or epoch_form(largest) is not each:
        return None
    return np.where(known, _since_1970(counts, each), UNREADABLE_US)


def _since_1970(counts: NDArray[np.int64], form: TimeForm) -> Ints:
    """Counts in a form as microseconds since 1970."""
    start, unit_us = start_and_unit(form)
    return _scaled_whole(counts + start, unit_us)


def _scaled_whole(counts: NDArray[np.int64], unit_us: float) -> Ints:
    if unit_us < 1:
        return counts // round(1 / unit_us)
    # Multiplying wraps around silently: a number far too large would become a believable time.
    fits = np.abs(counts.astype(np.float64)) * unit_us < LARGEST_US
    return np.where(fits, counts, UNREADABLE_US) * round(unit_us)
