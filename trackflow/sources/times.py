"""Times as files write them, to UTC microseconds.

A time without a zone is taken as UTC: a file does not say where it was written, and a guess would
shift whole tracks. How a column writes its times is decided once per file, from its first rows.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from trackflow.errors import BadInputError
from trackflow.geo.points import Ints
from trackflow.sources.cells import CAREFUL_CELLS, Strings, blanks_to_null, number

EARLIEST_US = int(datetime(1990, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
"""No receiver recorded before GPS was in service: an earlier time is a clock that was never set."""

FUTURE_SLACK_US = 86_400 * 1_000_000
"""Clocks run ahead and naive local times are read as UTC, so a day ahead is still let in."""

UNREADABLE_US = 0
"""Stands for times that no clock shows; 1970 is out of range in any case."""

_LARGEST_US = 9.0e18
_SHORTEST_ISO = 15
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SECONDS_1990 = 631_152_000
_SECONDS_2100 = 4_102_444_800

_OFFSET = re.compile(r"\s+([+-]\d{2}:?\d{2})$")
_ZONE_WORD = re.compile(r"\s*(?:UTC|GMT|Z)(?:[+-]00:?00)?$", re.IGNORECASE)
_LEAP_SECOND = re.compile(r"(?<=:\d\d:)60")
_SLASHED_YEAR_FIRST = re.compile(r"^(\d{4})[/.](\d{1,2})[/.](\d{1,2})(?=[T ])")
_YEAR_LAST = re.compile(
    r"^(?P<a>\d{1,2})(?P<sep>[/.-])(?P<b>\d{1,2})(?P=sep)(?P<year>\d{4})[T ,]+"
    r"(?P<h>\d{1,2}):(?P<rest>\d{2}(?::\d{2}(?:[.,]\d+)?)?)\s*(?P<half>[AaPp]\.?[Mm]\.?)?"
    r"(?P<zone>\s*(?:Z|UTC|[+-]\d{2}:?\d{2}))?$"
)
_COMPACT = re.compile(r"^(?:19|20)\d{12}$")


class TimeForm(Enum):
    """How a column writes its times. Values of the epoch forms: microseconds per unit."""

    ISO = "iso"
    COMPACT = "compact"
    DAY_FIRST = "day_first"
    MONTH_FIRST = "month_first"
    EPOCH_S = 1_000_000.0
    EPOCH_MS = 1_000.0
    EPOCH_US = 1.0
    EPOCH_NS = 0.001


_FAST_FORMS = set(TimeForm) - {TimeForm.COMPACT, TimeForm.DAY_FIRST, TimeForm.MONTH_FIRST}


@dataclass(frozen=True, slots=True)
class Times:
    """A column of times.

    Attributes:
        time_us: UTC microseconds; meaningless where one of the masks is set.
        missing: where the cell is empty.
        bad: where the cell is not a time.
    """

    time_us: Ints
    missing: NDArray[np.bool_]
    bad: NDArray[np.bool_]


def decide_form(sample: Sequence[str | None], column: str, file: str) -> TimeForm:
    """The form of a column by its first cells.

    Raises:
        BadInputError: the cells are times since some unknown start, or dates that could be read
            in two ways.
    """
    cells = [cell.strip() for cell in sample if cell and cell.strip()]
    forms = Counter(_form_of(cell) for cell in cells)
    if set(forms) == {"relative"}:
        raise BadInputError(
            f"{file}: the column {column!r} counts from an unknown start, so it gives no time of "
            "day; a time must be like 2026-01-31T12:00:00Z or seconds since 1970"
        )
    ambiguous = forms.pop("year_last", 0)
    forms.pop("relative", None)
    forms.pop("unknown", None)
    if ambiguous and not forms:
        raise BadInputError(
            f"{file}: the dates in {column!r} could be day/month or month/day; "
            "write them as YYYY-MM-DD"
        )
    if not forms:
        return TimeForm.ISO
    best = forms.most_common(1)[0][0]
    assert isinstance(best, TimeForm)
    return best


def epoch_form(value: float) -> TimeForm | None:
    """The unit in which a number is a time between 1990 and 2100; None if in none."""
    for form in (TimeForm.EPOCH_S, TimeForm.EPOCH_MS, TimeForm.EPOCH_US, TimeForm.EPOCH_NS):
        seconds = value * float(form.value) / 1e6
        if _SECONDS_1990 <= seconds < _SECONDS_2100:
            return form
    return None


def _form_of(cell: str) -> TimeForm | str:
    if _COMPACT.match(cell) and parse_time(cell, TimeForm.COMPACT) is not None:
        return TimeForm.COMPACT
    value = number(cell)
    if value is not None:
        return epoch_form(value) or ("relative" if abs(value) < _SECONDS_1990 else "unknown")
    match = _YEAR_LAST.match(cell)
    if match is None:
        return TimeForm.ISO if parse_time(cell, TimeForm.ISO) is not None else "unknown"
    if match["sep"] != "/" or int(match["a"]) > 12:
        return TimeForm.DAY_FIRST  # 26.01.2026 and 26-01-2026 are only ever written day first
    if match["half"] or int(match["b"]) > 12:
        return TimeForm.MONTH_FIRST
    return "year_last"


def times(column: Strings, form: TimeForm) -> Times:
    """The times in a column of text."""
    column = blanks_to_null(column)
    missing = np.asarray(pc.is_null(column).to_numpy(zero_copy_only=False), dtype=np.bool_)
    time_us, bad = _parsed(column, form)
    return Times(time_us, missing, bad & ~missing)


def _parsed(column: Strings, form: TimeForm) -> tuple[Ints, NDArray[np.bool_]]:
    """The times, and which cells are none (empty ones among them).

    Halved where a cell is bad, so that the price of a bad cell is paid by its neighbours only.
    """
    fast = _at_once(column, form)
    if fast is not None:
        return fast, np.zeros(len(column), np.bool_)
    if len(column) > CAREFUL_CELLS and form in _FAST_FORMS:
        middle = len(column) // 2
        halves = _parsed(column.slice(0, middle), form), _parsed(column.slice(middle), form)
        time_us, bad = zip(*halves, strict=True)
        return np.concatenate(time_us), np.concatenate(bad)
    parsed = [None if cell is None else parse_time(cell, form) for cell in column.to_pylist()]
    return (
        np.array([UNREADABLE_US if us is None else us for us in parsed], dtype=np.int64),
        np.array([us is None for us in parsed], dtype=np.bool_),
    )


def parse_time(text: str, form: TimeForm) -> int | None:
    """One cell as UTC microseconds, None if it is no time."""
    text = text.strip()
    if isinstance(form.value, float):
        value = number(text)
        return None if value is None or not np.isfinite(value) else _scaled(value, form.value)
    if form is TimeForm.COMPACT:
        text = f"{text[:8]}T{text[8:]}" if _COMPACT.match(text) else ""
    elif form is not TimeForm.ISO:
        text = _year_first(text, month_first=form is TimeForm.MONTH_FIRST)
    return _parse_iso(text)


def _parse_iso(text: str) -> int | None:
    if len(text) < _SHORTEST_ISO or not text.isascii():
        return None  # a date alone is a day, not a moment
    moment = _moment(text) or _moment(_tidied(text))
    if moment is None:
        leap = _LEAP_SECOND.sub("59", _tidied(text))
        moment = _moment(leap) if leap != text else None
        if moment is None or "60" not in text:
            return None
        moment += timedelta(seconds=1)
    return (moment - _EPOCH) // _MICROSECOND


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    except ValueError:
        return None


def _tidied(text: str) -> str:
    slashed = _SLASHED_YEAR_FIRST.match(text)
    if slashed:
        year, month, day = slashed.groups()
        text = f"{year}-{month:0>2}-{day:0>2}{text[slashed.end() :]}"
    return _OFFSET.sub(r"\1", _ZONE_WORD.sub("Z", text))


def _year_first(text: str, *, month_first: bool) -> str:
    match = _YEAR_LAST.match(text)
    if match is None:
        return text  # a file may mix in ISO times; those say themselves what they are
    month, day = (match["a"], match["b"]) if month_first else (match["b"], match["a"])
    hour = int(match["h"])
    if match["half"]:
        if not 1 <= hour <= 12:
            return ""
        hour = hour % 12 + (12 if match["half"][0] in "pP" else 0)
    zone = (match["zone"] or "").strip()
    return f"{match['year']}-{month:0>2}-{day:0>2}T{hour:02}:{match['rest']}{zone}"


def _at_once(column: Strings, form: TimeForm) -> Ints | None:
    """The column if every cell of it is of the plainest kind; None if one is not."""
    if isinstance(form.value, float):
        try:
            counts = pc.fill_null(pc.cast(column, pa.int64()), 0).to_numpy(zero_copy_only=False)
        except pa.ArrowInvalid:
            return None
        return _scaled_whole(counts, form.value)
    shortest = pc.min(pc.binary_length(column)).as_py()
    if form is not TimeForm.ISO or shortest is None or shortest <= _SHORTEST_ISO:
        return None
    for kind in (pa.timestamp("us", tz="UTC"), pa.timestamp("us")):
        try:
            stamps = pc.cast(column, kind)
        except pa.ArrowInvalid:
            continue
        filled = pc.fill_null(pc.cast(stamps, pa.int64()), UNREADABLE_US)
        return np.array(filled.to_numpy(zero_copy_only=False), dtype=np.int64)
    return None


def _scaled(value: float, unit_us: float) -> int:
    scaled = value * unit_us if unit_us >= 1 else value // round(1 / unit_us)
    return round(scaled) if abs(scaled) < _LARGEST_US else UNREADABLE_US


def _scaled_whole(counts: NDArray[np.int64], unit_us: float) -> Ints:
    if unit_us < 1:
        return counts // round(1 / unit_us)
    # Multiplying wraps around silently: a number far too large would become a believable time.
    fits = np.abs(counts.astype(np.float64)) * unit_us < _LARGEST_US
    return np.where(fits, counts, UNREADABLE_US) * round(unit_us)
