"""One time as a file or a sender writes it, to UTC microseconds; each is read by itself.

Understood are ISO 8601 and what spreadsheets, loggers and servers write in place of it, and counts
(see `counted_times`). 24:00 is the next midnight. Only an order of day and month that no value
reveals has to be set.
"""

import datetime as dt
import re
from dataclasses import dataclass
from enum import Enum

from trackflow.geo.time import to_us
from trackflow.sources.values.cells import number
from trackflow.sources.values.counted_times import (
    DAYS_1990,
    TimeForm,
    are_ticks,
    count_us,
    epoch_form,
    is_serial,
    of_serial,
    ticks_us,
)
from trackflow.sources.values.date_words import (
    MONTHS,
    spelled_plainly,
    with_half_behind,
    without_weekday,
)
from trackflow.sources.values.digits import ascii_digits
from trackflow.sources.values.zones import zone_of

_TEXT_MAX_CHARS = 80


class DateOrder(Enum):
    """The order of a date like 1/5/2024, as `--dates` names it."""

    DAY_FIRST = "day-first"
    MONTH_FIRST = "month-first"


@dataclass(frozen=True, slots=True)
class TimeRules:
    """What a value leaves open.

    Attributes:
        form: None = each value by itself.
        order: of day and month; None = only dates with one possible reading are read.
        zone: of times that name none.
    """

    form: TimeForm | None = None
    order: DateOrder | None = None
    zone: dt.tzinfo = dt.UTC


BY_ITSELF = TimeRules()

DAY_FRACTION = re.compile(r"0?[.,][0-9]+|0")
"""A time of day as spreadsheets count it: 0.5 is noon."""

_IN_DAYS = re.compile(r"\d{5}(?:[.,]0+)? \S+|[0-9./-]{8,10} (?:0?[.,][0-9]+|0)")
"""A date and a time of day of which a spreadsheet counts one in days."""

_TWO_CELLS = re.compile(
    r"([0-9./-]{8,10})[ T]0?0:00(?::00(?:\.0+)?)? (?:(?:1899-12-3|1900-01-0)\d[ T])?(\d?\d:.*)"
)
"""A day with its midnight, and a time of day behind it, perhaps with the first day of all."""

_HAS_DIGIT = re.compile("[0-9]")
_CLOCK = (
    r"(?P<h>\d{1,2})(?P<mark>[:.h])(?P<m>\d{2})(?:[:.](?P<s>\d{2})(?:[.,:](?P<f>\d{1,9})\d*)?)?"
    r"(?:\s*(?P<half>[AaPp])\.?\s?[Mm]\.?)?"
    r"(?:\s*(?:[Uu]hr|[Hh]rs?|h)\b\.?)?"
)
_ZONE = (
    r"(?:\s*(?P<zone>Z|[+-]\d{1,2}(?::?\d{2}){0,2}|\[?[A-Za-z][A-Za-z_/]*(?:[+-]\d[\d:]*)?\]?))?"
)
_WEEKDAY = r"(?:[^\W\d_]{2,14}\.?,?\s+)?"
_DATES = (
    r"(?P<y>\d{4})(?P<sep>[-/.:])(?P<mo>\d{1,2})(?P=sep)(?P<d>\d{1,2})",
    r"(?P<a>\d{1,2})(?P<sep>[-/.])(?P<b>\d{1,2})(?P=sep)(?P<y>\d{4}|\d{2})",
    (
        rf"{_WEEKDAY}(?P<d>\d{{1,2}})(?:\.?\s+|er\s+|-)(?:de\s+)?(?P<name>[^\W\d_]{{3,14}})\.?"
        r"(?:,?\s+(?:de\s+)?|-)(?P<y>\d{4}|\d{2})"
    ),
    rf"{_WEEKDAY}(?P<name>[^\W\d_]{{3,14}})\.?\s+(?P<d>\d{{1,2}})(?:st|nd|rd|th)?,?\s+(?P<y>\d{{4}})",
)
_BETWEEN = r"(?:\s*[Tt]\s*|,?\s+(?:at\s+|klo\s+|um\s+|kl\.?\s+|a\s+las\s+|a\s+)?|_)"
_FORMS = [re.compile(rf"{date}{_BETWEEN}{_CLOCK}{_ZONE}") for date in _DATES]
_FORMS.append(
    re.compile(
        rf"[A-Za-z]{{3}}\s+(?P<name>[A-Za-z]{{3}})\s+(?P<d>\d{{1,2}})\s+{_CLOCK}{_ZONE}\s+(?P<y>\d{{4}})"
    )
)
"""What C and Java write: Wed May  1 10:00:00 2024, Wed May 01 13:00:00 GMT+03:00 2024."""

_FORMS.append(
    re.compile(rf"(?P<d>\d{{2}})(?P<name>[A-Za-z]{{3}})(?P<y>\d{{4}}|\d{{2}}):{_CLOCK}{_ZONE}")
)
"""What SAS writes: 01MAY2024:10:00:00."""

_COUNT_OF_NET = re.compile(r"\\?/Date\((-?\d{9,14})(?:[+-]\d{4})?\)\\?/")
"""Milliseconds since 1970 as .NET writes them in JSON; the zone behind changes nothing."""

_COMPACT = re.compile(
    r"(?P<date>(?:19|20)\d{6})(?:[T _-]?(?P<clock>\d{6})(?P<ms>\d{3})?|"
    r"[T _-](?P<short>\d{5}|\d{4})|[T _-](?P<marked>\d{1,2}:\d{2}(?::\d{2})?))"
    r"(?:[.,](?P<f>\d{1,9}))?\s*(?P<zone>Z|UTC|[+-]\d{2}:?\d{2})?"
)
_COUNT_WITH_COMMA = re.compile(r"^([+-]?\d{9,19}|\d{5}),(\d+)$")
"""Of seconds since 1970, or of the days of a spreadsheet."""
_ROUNDED = re.compile(r"\d(?:[.,]\d{0,5})?[eE]\+\d+")
"""A count of which six digits are left, as spreadsheets and C++ show it: hours off, or days."""

_ISO = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::[0-5]\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:\d\d)?")


class AmbiguousDateError(ValueError):
    """Day and month of a date could be either way around. Never leaves this package."""


def parse_time(
    text: str,
    form: TimeForm | None = None,
    order: DateOrder | None = None,
    zone: dt.tzinfo = dt.UTC,
) -> int | None:
    """A time as UTC microseconds, None if it is none or could be two.

    Args:
        text: the time.
        form: how the sender writes it; None = by itself.
        order: of day and month.
        zone: if the time names none.
    """
    return read_time(text, TimeRules(form, order, zone))[0]


def read_time(text: str, rules: TimeRules) -> tuple[int | None, bool]:
    """A time as UTC microseconds, None if it is none; and whether it named no zone."""
    text = ascii_digits(text.strip())
    if len(text) > _TEXT_MAX_CHARS or not _HAS_DIGIT.search(text):
        return None, False
    if text[-1] == "/" and (found := _COUNT_OF_NET.fullmatch(text)) is not None:
        text = found[1]
    if " " in text:
        text = _of_two_cells(text)
    form = rules.form
    if form is None or form is not TimeForm.ISO:
        if _ROUNDED.fullmatch(text):
            return None, False
        value = number(text if "," not in text else _COUNT_WITH_COMMA.sub(r"\1.\2", text))
        if value is not None and not _COMPACT.fullmatch(text):
            form = form or epoch_form(value)
            return (
                _of_days_or_ticks(value, rules) if form is None else (count_us(value, form), False)
            )
        if form is not None:
            return None, False
    try:
        moment = _moment(text, rules.order)
    except AmbiguousDateError:
        return None, False
    if moment is None:
        return None, False
    is_naive = moment.tzinfo is None
    try:
        aware = moment.replace(tzinfo=rules.zone) if is_naive else moment
        return to_us(aware), is_naive
    except OverflowError:
        return None, False


def count_before_clock(clock: object, count: object) -> object:
    """The count since 1970 that stands beside a clock that names no zone; else the clock.

    What the clock has of a second is put behind a count of whole ones.
    """
    if not isinstance(clock, str) or clock[-1:] == "Z" or number(clock) is not None:
        return clock
    is_count = isinstance(count, str | int | float) and not isinstance(count, bool)
    value = number(str(count)) if is_count else None
    form = None if value is None else epoch_form(value)
    if value is None or form is None:
        return clock
    time_us, is_naive = read_time(clock, BY_ITSELF)
    if time_us is not None and not is_naive:
        return clock
    part = PART_OF_SECOND.search(clock)
    is_finer = part is not None and form is TimeForm.EPOCH_S and value % 60 == int(part[1])
    return f"{int(value)}.{part[2]}" if part is not None and is_finer else count


PART_OF_SECOND = re.compile(r":(\d\d)[.,](?=0*[1-9])(\d{1,6})")


def _of_days_or_ticks(value: float, rules: TimeRules) -> tuple[int | None, bool]:
    """A count of the days of spreadsheets or the ticks of .NET, and whether it names no zone."""
    if are_ticks(value):
        return ticks_us(value), False
    if is_serial(value):
        return to_us(of_serial(value).replace(tzinfo=rules.zone)), True
    return None, False


def _of_two_cells(text: str) -> str:
    """A date and a time of day of a spreadsheet or database, as a clock on the wall shows both.

    Either may be counted in days. The date may have its midnight, and the time the first of days.
    """
    if text.count(":") > 2 and (both := _TWO_CELLS.fullmatch(text)) is not None:
        return f"{both[1]} {both[2]}"
    if (both := _WITH_RECEIVERS_CLOCK.fullmatch(text)) is not None:
        return f"{both[1]} {both[2]}:{both[3]}:{both[4]}"
    if not _IN_DAYS.fullmatch(text):
        return text
    day, _, clock = text.partition(" ")
    days = number(day) if day[:5].isdigit() else None
    if days is not None and is_serial(days) and days == days // 1:
        day = of_serial(days).date().isoformat()
    if DAY_FRACTION.fullmatch(clock):
        midday = of_serial(DAYS_1990 + float(clock.replace(",", ".")))
        clock = midday.time().isoformat()
    return f"{day} {clock}"


RECEIVERS_CLOCK = re.compile(r"[0-2]\d[0-5]\d[0-5]\d[.,]\d{1,6}")
"""A time of day as receivers of satellites write it: 100000.25."""

_WITH_RECEIVERS_CLOCK = re.compile(
    r"(\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}) ([0-2]\d)([0-5]\d)([0-5]\d(?:[.,]\d{1,6})?Z?)"
)


def orders_of(text: str) -> set[DateOrder]:
    """In which orders a date like 1/5/2024 can be read; empty if it is none of the kind.

    With points, dates are only ever written day first: they say nothing about others.
    """
    short = with_half_behind(ascii_digits(text.strip())) if len(text) <= _TEXT_MAX_CHARS else ""
    found = _FORMS[1].fullmatch(without_weekday(short))
    if found is None or found["sep"] == ".":
        return set()
    first, second = int(found["a"]), int(found["b"])
    orders = set()
    if 1 <= first <= 31 and 1 <= second <= 12:
        orders.add(DateOrder.DAY_FIRST)
    if 1 <= first <= 12 and 1 <= second <= 31:
        orders.add(DateOrder.MONTH_FIRST)
    if len(orders) == 2 and first == second:
        return set()  # either way the same day
    if found["half"] and len(orders) == 2 and found["sep"] == "/":
        return {DateOrder.MONTH_FIRST, DateOrder.DAY_FIRST}
    return orders


def _moment(text: str, order: DateOrder | None) -> dt.datetime | None:
    if _ISO.fullmatch(text):
        try:
            return dt.datetime.fromisoformat(text)
        except ValueError:
            pass  # 24:00, or no such day
    text = spelled_plainly(text)
    for pattern in _FORMS:
        found = pattern.fullmatch(text)
        if found is not None:
            return _of_parts(found, order)
    compact = _COMPACT.fullmatch(text)
    if compact is None and (respelled := _respelled(text)) != text:
        return _moment(respelled, order)
    return _of_compact(compact) if compact else None


def _respelled(text: str) -> str:
    """The text with a clock of two digits each, and with month and day for a day of the year."""
    text = _UNPADDED.sub(lambda clock: ":".join(part.zfill(2) for part in clock.groups()), text)
    return _OF_YEAR_OR_WEEK.sub(_as_month_and_day, text)


def _as_month_and_day(found: re.Match[str]) -> str:
    try:
        if found["of_year"]:
            first = dt.date(int(found[0][:4]), 1, 1)
            day = first + dt.timedelta(days=int(found["of_year"]) - 1)
            return day.isoformat() if day.year == first.year else found[0]
        return dt.date.fromisoformat(found[0]).isoformat()
    except (ValueError, OverflowError):
        return found[0]


_UNPADDED = re.compile(r"(?<![\d:.+-])(\d{1,2}):(\d{1,2}):(\d{1,2})(?![\d:])")
"""As boards print a clock that have no form for it: 10:0:5."""

_OF_YEAR_OR_WEEK = re.compile(r"^\d{4}-(?:(?P<of_year>\d{3})|W\d\d-[1-7])(?=[T ])")
"""Days of ISO 8601 without a month: 2024-122, 2024-W18-3."""


def _of_parts(found: re.Match[str], order: DateOrder | None) -> dt.datetime | None:
    parts = found.groupdict()
    year = int(parts["y"])
    if parts.get("a"):
        if len(parts["y"]) == 2:
            if parts["sep"] == "-":
                return None  # 24-05-01 begins with its year as often as it ends with it
            year += 2000
        day, month = _day_and_month(found[0], parts, order)
    elif parts.get("name"):
        year += 2000 if len(parts["y"]) == 2 else 0
        month = MONTHS.get(parts["name"].lower(), 0)
        day = int(parts["d"])
    else:
        month, day = int(parts["mo"]), int(parts["d"])
    hour = int(parts["h"])
    if parts["half"]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if parts["half"] in "pP" else 0)
    clock = hour, int(parts["m"]), int(parts["s"] or 0)
    return _built((year, month, day), clock, parts["f"], parts["zone"])


def _day_and_month(text: str, parts: dict[str, str], order: DateOrder | None) -> tuple[int, int]:
    first, second = int(parts["a"]), int(parts["b"])
    date = text[: len(parts["a"]) + len(parts["b"]) + len(parts["y"]) + 2]
    orders = orders_of(f"{date} 00:00")
    if len(orders) == 2:
        if order is None:
            raise AmbiguousDateError
        orders = {order}
    return (second, first) if orders == {DateOrder.MONTH_FIRST} else (first, second)


def _of_compact(found: re.Match[str]) -> dt.datetime | None:
    date = found["date"]
    clock = found["clock"] or found["short"]
    if clock is None:
        pieces = [int(part) for part in found["marked"].split(":")]
    else:
        clock = f"{clock}00" if len(clock) == 4 else clock.zfill(6)
        pieces = [int(clock[:2]), int(clock[2:4]), int(clock[4:])]
    hour, minute, second = [*pieces, 0][:3]
    day = int(date[:4]), int(date[4:6]), int(date[6:])
    return _built(day, (hour, minute, second), found["f"] or found["ms"], found["zone"])


def _built(
    day: tuple[int, int, int], clock: tuple[int, int, int], fraction: str | None, zone: str | None
) -> dt.datetime | None:
    """A moment of its parts, None if there is no such day, clock or zone."""
    hour, minute, second = clock
    tz = None
    if zone:
        tz = zone_of(zone)
        if tz is None:
            return None
    ahead = dt.timedelta()
    if hour == 24 and minute == second == 0 and not (fraction or "").strip("0"):
        hour, ahead = 0, dt.timedelta(days=1)
    if second == 60:  # a leap second
        second, ahead = 59, dt.timedelta(seconds=1)
    microsecond = int((fraction or "")[:6].ljust(6, "0")) if fraction else 0
    try:
        return dt.datetime(*day, hour, minute, second, microsecond, tzinfo=tz) + ahead
    except (ValueError, OverflowError):
        return None
