"""Reads conditions from the tables of a TOML or JSON document."""

import datetime as dt
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from trackflow.categories.rules.conditions import (
    MODES,
    WEEKDAYS,
    All,
    AnyOf,
    AtPlace,
    ClockRange,
    Comparison,
    Condition,
    Dates,
    Holiday,
    Measured,
    Named,
    Not,
    PlacePattern,
    TimeOfDay,
    Weekday,
)
from trackflow.categories.rules.problems import Place
from trackflow.words import PLACE_KINDS

NAMES = {
    "device": "device",
    "driver": "driver",
    "vehicle": "vehicle",
    "mode": "mode",
    "main_mode": "main_mode",
    "catalogue_track": "race_track",
}
PLACES = ("start", "end", "either", "via", "at")
MEASURES = ("distance_km", "duration_min", "average_speed_kmh", "max_speed_kmh")
CONDITIONS = (
    "all", "any", "not", *NAMES, "weekday", "start_time", "end_time", "date", "holiday", *PLACES,
    *MEASURES,
)  # fmt: skip
"""The keys of a table of conditions."""

PLACE_KEYS = {"name": "name", "kind": "kind", "id": "place_id"}

DEEPEST = 12
LONGEST_TEXT = 500

_COMPARISON = re.compile(r"(<=|>=|<|>|==?)\s*(\d+(?:\.\d+)?(?:e[+-]?\d+)?)", re.IGNORECASE)
_RANGE = re.compile(r"(\d{1,2}:\d{2}(?::\d{2})?)\s*(?:-|\u2013|to)\s*(\d{1,2}:\d{2}(?::\d{2})?)")
_GROUPS = {"workday": "mon-fri", "workdays": "mon-fri", "weekend": "sat-sun"}


def read_condition(table: object, place: Place, depth: int = 0) -> Condition:
    """The condition of a table: all of its keys have to hold.

    What is wrong is reported to `place`; then the condition means nothing.
    """
    if not isinstance(table, Mapping):
        place.report('conditions are a table, such as { start = "home" }')
        return All(())
    if depth > DEEPEST:
        place.report(f"conditions nest at most {DEEPEST} deep")
        return All(())
    found = [
        condition
        for key, value in table.items()
        if (condition := _read(str(key), value, place, depth)) is not None
    ]
    return found[0] if len(found) == 1 else All(tuple(found))


def _read(key: str, value: Any, place: Place, depth: int) -> Condition | None:
    at = place.at(key)
    match key:
        case "all" | "any":
            if not isinstance(value, list):
                at.report("write a list of tables of conditions")
                return None
            parts = tuple(
                read_condition(part, at.at(str(k + 1)), depth + 1) for k, part in enumerate(value)
            )
            return All(parts) if key == "all" else AnyOf(parts)
        case "not":
            return Not(read_condition(value, at, depth + 1))
        case "weekday":
            return _weekday(value, at)
        case "start_time" | "end_time":
            ranges = _list(value, at, _clock_range)
            return TimeOfDay(key == "start_time", ranges) if ranges else None
        case "date":
            return _dates(value, at)
        case "holiday":
            if not isinstance(value, bool):
                at.report("write true or false")
                return None
            return Holiday(value)
    if key in NAMES:
        names = _list(value, at, _mode if "mode" in key else text_at)
        return Named(NAMES[key], names) if names else None
    if key in PLACES:
        patterns = _list(value, at, _place_pattern)
        return AtPlace(key, patterns) if patterns else None
    if key in MEASURES:
        comparisons = _list(value, at, _comparison)
        return Measured(key, comparisons) if comparisons else None
    place.unknown(key, CONDITIONS)
    return None


def text_at(value: object, place: Place) -> str | None:
    """A text that is not empty; None after a report of what is wrong with it."""
    if not isinstance(value, str) or not value.strip():
        place.report("write a text in quotes")
    elif len(value) > LONGEST_TEXT:
        place.report(f"a text has at most {LONGEST_TEXT} characters")
    elif not is_storable(value):
        place.report("the text has a character that no database stores")
    else:
        return value
    return None


def is_text(text: str) -> bool:
    """Whether what a person says is a text of 1 to `LONGEST_TEXT` characters that can be stored."""
    return len(text.strip()) > 0 and len(text) <= LONGEST_TEXT and is_storable(text)


def is_storable(text: str) -> bool:
    """Whether every database can store a text: no NUL, no half of a pair of UTF-16."""
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def date_at(value: object, place: Place) -> dt.date | None:
    """A date; None after a report of what is wrong with it."""
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):
        return value
    if isinstance(value, str):
        try:
            return dt.date.fromisoformat(value)
        except ValueError:
            pass
    place.report(f"{value!s:.40} is no date; write it like 2026-01-31")
    return None


def _list[T](value: Any, place: Place, read: Callable[[Any, Place], T | None]) -> tuple[T, ...]:
    """The values of a list, or of one value that stands alone."""
    values = value if isinstance(value, list) else [value]
    if not values:
        place.report("the list is empty")
    return tuple(found for one in values if (found := read(one, place)) is not None)


def _mode(value: Any, place: Place) -> str | None:
    if value not in MODES:
        place.report(f"there is no travel mode {value!r}; there are {', '.join(MODES)}")
        return None
    return str(value)


def _weekday(value: Any, place: Place) -> Weekday | None:
    days = [day for found in _list(value, place, _days) for day in found]
    return Weekday(frozenset(days)) if days else None


def _days(value: Any, place: Place) -> Sequence[int] | None:
    text = str(value).strip().lower()
    ends = [_day_number(part) for part in _GROUPS.get(text, text).split("-")]
    if not isinstance(value, str) or None in ends or len(ends) > 2:
        place.report(f"{value!r} is no day of the week; write {', '.join(WEEKDAYS)}, or mon-fri")
        return None
    first, last = int(ends[0] or 0), int(ends[-1] or 0)
    return [(first + k) % 7 for k in range((last - first) % 7 + 1)]


def _day_number(text: str) -> int | None:
    text = text.strip()
    found = [
        number
        for number, name in enumerate(WEEKDAYS)
        if text.startswith(name) and FULL_NAMES[number].startswith(text)
    ]
    return found[0] if found else None


FULL_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def _clock_range(value: Any, place: Place) -> ClockRange | None:
    found = _RANGE.fullmatch(value.strip()) if isinstance(value, str) else None
    begin, end = (_clock(part) for part in found.groups()) if found else (None, None)
    if begin is None or end is None:
        place.report(
            f"{value!r} is no range of clock times; write it like 06:00-10:00, or 22:00-05:00 "
            "over midnight"
        )
        return None
    return ClockRange(begin, end)


def _clock(text: str) -> dt.time | None:
    parts = [int(part) for part in text.split(":")]
    if parts[0] == 24 and not any(parts[1:]):
        return dt.time()
    try:
        return dt.time(parts[0], parts[1], parts[2] if len(parts) > 2 else 0)
    except ValueError:
        return None


def _dates(value: Any, place: Place) -> Dates | None:
    if not isinstance(value, Mapping):
        day = date_at(value, place)
        return None if day is None else Dates(day, day)
    for key in value:
        if key not in ("from", "to"):
            place.unknown(str(key), ("from", "to"))
    ends = {key: date_at(value[key], place.at(key)) for key in ("from", "to") if key in value}
    first, last = ends.get("from"), ends.get("to")
    if not value:
        place.report("write from, to, or both")
    if first and last and first > last:
        place.report(f"from {first} is after to {last}")
    return Dates(first, last)


def _place_pattern(value: Any, place: Place) -> PlacePattern | None:
    if not isinstance(value, Mapping):
        text = text_at(value, place)
        return None if text is None else PlacePattern(text)
    given: dict[str, str] = {}
    for key, one in value.items():
        if key not in PLACE_KEYS:
            place.unknown(str(key), tuple(PLACE_KEYS))
        elif key == "kind" and one not in PLACE_KINDS:
            kinds = ", ".join(PLACE_KINDS)
            place.at("kind").report(f"there is no kind {one!r}; there are {kinds}")
        elif (text := text_at(one, place.at(key))) is not None:
            given[PLACE_KEYS[key]] = text
    if not value:
        place.report("write name, kind or id of the place")
    return PlacePattern(**given)


def _comparison(value: Any, place: Place) -> Comparison | None:
    found = _COMPARISON.fullmatch(value.strip()) if isinstance(value, str) else None
    limit = float(found[2]) if found else math.inf
    if found is None or not math.isfinite(limit):
        place.report(f'{value!r} is no comparison; write one such as ">= 5", or a list of them')
        return None
    return Comparison(found[1].replace("==", "="), limit)
