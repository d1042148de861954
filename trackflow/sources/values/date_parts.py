"""Moments in parts: columns of year, month and day, hour and minute, and the half of the day."""

from collections.abc import Mapping

from trackflow.sources.values.units import number
from trackflow.sources.values.vocabulary import Role

DAY_PARTS = (Role.YEAR, Role.MONTH, Role.DAY)
CLOCK_PARTS = (Role.HOUR, Role.MINUTE, Role.SECOND)
BEHIND = (Role.MILLISECOND, Role.HALF)
PARTS = frozenset((*DAY_PARTS, *CLOCK_PARTS, *BEHIND))

_YEARS_OF_TWO_DIGITS = 100


def settle_parts(found: dict[Role, int]) -> None:
    """Keeps columns of parts where no other column has what they are parts of.

    Those of a day stand for the date then, and those of a clock for the time of day, for all who
    ask which columns have a time.
    """
    if PARTS.isdisjoint(found):
        return
    may_be_clock = Role.TIME not in found or found[Role.TIME] == found.get(Role.CLOCK)
    has_day = found.keys() >= set(DAY_PARTS) and may_be_clock
    has_day = has_day and found.get(Role.DATE, found[Role.DAY]) == found[Role.DAY]
    if has_day:
        found[Role.DATE] = found[Role.YEAR]
    has_clock = {Role.HOUR, Role.MINUTE, Role.DATE} <= found.keys() and Role.TIME not in found
    has_clock = has_clock and found.get(Role.CLOCK, found[Role.HOUR]) == found[Role.HOUR]
    if has_clock:
        found[Role.CLOCK] = found[Role.HOUR]
    drop_parts(found, day=not has_day, clock=not has_clock)
    if not {Role.TIME, Role.CLOCK} & found.keys():
        for role in BEHIND:
            found.pop(role, None)


def drop_parts(found: dict[Role, int], *, day: bool, clock: bool) -> None:
    """Forgets the columns of the parts of a day, or those of a clock."""
    for role in (*(DAY_PARTS if day else ()), *(CLOCK_PARTS if clock else ())):
        found.pop(role, None)


def put_together(known: dict[Role, object]) -> None:
    """The parts of a record's moment as its date, its time of day or its time."""
    parts = {role: known.pop(role) for role in PARTS if role in known}
    if Role.YEAR in parts:
        known[Role.DATE] = day_text(parts)
    if Role.HOUR in parts:
        known[Role.CLOCK] = clock_text(parts)
    for role in (Role.CLOCK, Role.TIME):
        if isinstance(known.get(role), str | int):
            known[role] = with_rest(str(known[role]), parts)


def day_text(parts: Mapping[Role, object]) -> str:
    """A date out of its parts; the month may have its name."""
    year, month, day = (parts.get(role) for role in DAY_PARTS)
    y, m, d = _whole(year), _whole(month), _whole(day)
    if y is None or d is None or not 0 <= y <= 9999 or not 0 < d <= 31:
        return f"{year} {month} {day}"
    y += 2000 if y < _YEARS_OF_TWO_DIGITS else 0
    return f"{d} {month} {y}" if m is None else f"{y:04}-{m:02}-{d:02}"


def clock_text(parts: Mapping[Role, object]) -> str:
    """A time of day out of its parts; there may be no seconds."""
    hour, minute, second = (parts.get(role) for role in CLOCK_PARTS)
    h, m, s = _whole(hour), _whole(minute), _number(second, 0.0)
    if h is None or m is None or s is None or not 0 <= s < 61:
        return f"{hour}:{minute}:{second}"
    shown = f"{s:09.6f}".rstrip("0").rstrip(".")
    return f"{h:02}:{m:02}:{shown}"


def with_rest(text: str, parts: Mapping[Role, object]) -> str:
    """A time with what stands beside it: its milliseconds, and whether it is before noon."""
    millis = _whole(parts.get(Role.MILLISECOND))
    if millis is not None and 0 <= millis < 1000 and text.count(":") == 2 and "." not in text:
        text = f"{text}.{millis:03}"
    half = parts.get(Role.HALF)
    return f"{text} {half}" if isinstance(half, str) else text


def _whole(value: object, unknown: int | None = None) -> int | None:
    found = _number(value, unknown)
    return int(found) if found is not None and found == found // 1 else None


def _number(value: object, unknown: float | None = None) -> float | None:
    if value is None or value == "":
        return unknown
    found = number(str(value).strip(), decimal_comma=True)
    return found if found is not None and abs(found) < 1e6 else None
