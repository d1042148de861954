"""Days as people write them when they look for something: 2026-09-21, 21.9.2026, September 2026."""

import calendar
import datetime as dt
import re
from collections.abc import Iterator
from typing import NamedTuple

from trackflow.geo.time import ONE_DAY

MONTHS = {
    name: number
    for number, names in enumerate(
        (
            ("january", "januar"), ("february", "februar"), ("march", "maerz", "marz", "märz"),
            ("april",), ("may", "mai"), ("june", "juni"), ("july", "juli"), ("august",),
            ("september",), ("october", "oktober"), ("november",), ("december", "dezember"),
        ),
        start=1,
    )
    for name in names
}  # fmt: skip
SHORTEST_MONTH = 3
"""Letters of the shortest name of a month."""

TODAY = {"today": 0, "heute": 0, "yesterday": -1, "gestern": -1}


class DaySpan(NamedTuple):
    """Days from a first to a last one, included."""

    first: dt.date
    last: dt.date


def days_meant(text: str, today: dt.date) -> list[DaySpan]:
    """The days that a text may mean, the likeliest first; none if it is no date.

    Args:
        text: what a person wrote.
        today: the day of "today"; a date without a year is its last one.
    """
    words = text.strip().casefold()
    found = [span for span in _readings(words, today) if span is not None]
    return list(dict.fromkeys(found))


def _readings(text: str, today: dt.date) -> Iterator[DaySpan | None]:
    if text in TODAY:
        day = today + TODAY[text] * ONE_DAY
        yield DaySpan(day, day)
    if match := re.fullmatch(r"(\d{4})-(\d{1,2})-(\d{1,2})", text):
        yield _day(*map(int, match.groups()))
    if match := re.fullmatch(r"(\d{4})-(\d{1,2})", text):
        yield _month(int(match[1]), int(match[2]))
    if match := re.fullmatch(r"((?:19|20)\d{2})", text):
        yield _span(_day(int(match[1]), 1, 1), _day(int(match[1]), 12, 31))
    if match := re.fullmatch(r"(\d{1,2})\.\s?(\d{1,2})\.?\s?(\d{4})?", text):
        yield _with_year(int(match[1]), int(match[2]), match[3], today)
    if match := re.fullmatch(r"(\d{1,2})/(\d{1,2})/(\d{4})", text):
        one, other, year = map(int, match.groups())
        yield _day(year, other, one)  # day first, as most of the world writes it
        yield _day(year, one, other)
    yield from _in_words(text, today)


def _in_words(text: str, today: dt.date) -> Iterator[DaySpan | None]:
    """Readings such as `21 September 2026`, `Sep 21` and `September 2026`."""
    day_first = re.fullmatch(r"(?:(\d{1,2})\.?\s+)?([^\W\d]+)\.?,?(?:\s+(\d{4}))?", text)
    month_first = re.fullmatch(r"([^\W\d]+)\.?\s+(\d{1,2})(?:,?\s+(\d{4}))?", text)
    if day_first and (month := _month_named(day_first[2])):
        if day_first[1]:
            yield _with_year(int(day_first[1]), month, day_first[3], today)
        else:
            last = today.year if month <= today.month else today.year - 1
            yield _month(int(day_first[3] or last), month)
    if month_first and (month := _month_named(month_first[1])):
        yield _with_year(int(month_first[2]), month, month_first[3], today)


def _month_named(word: str) -> int | None:
    if len(word) < SHORTEST_MONTH:
        return None
    found = {number for name, number in MONTHS.items() if name.startswith(word)}
    return found.pop() if len(found) == 1 else None


def _with_year(day: int, month: int, year: str | None, today: dt.date) -> DaySpan | None:
    if year:
        return _day(int(year), month, day)
    # the last one that has been; 29 February is looked for in eight years
    for back in range(9):
        span = _day(today.year - back, month, day)
        if span is not None and span.first <= today:
            return span
    return None


def _day(year: int, month: int, day: int) -> DaySpan | None:
    try:
        one = dt.date(year, month, day)
    except ValueError:
        return None
    return DaySpan(one, one)


def _month(year: int, month: int) -> DaySpan | None:
    if not 1 <= month <= 12 or not 1 <= year <= 9999:
        return None
    return _span(_day(year, month, 1), _day(year, month, calendar.monthrange(year, month)[1]))


def _span(first: DaySpan | None, last: DaySpan | None) -> DaySpan | None:
    return None if first is None or last is None else DaySpan(first.first, last.last)
