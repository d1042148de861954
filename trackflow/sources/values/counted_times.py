"""Times that are counted: since 1970, 1989, 2001 or the year 1, or in days of spreadsheets.

Counts of seconds, milli-, micro- and nanoseconds since 1970, Apple's seconds since 2001, the ticks
of .NET and the days of spreadsheets are known by their size; Garmin's seconds since 1989 by what
stands beside them.
"""

import datetime as dt
from enum import Enum

import numpy as np

from trackflow.sources.values.cells import number

LARGEST_US = 9.0e18
SECONDS_1990 = 631_152_000
FIRST_ROLLOVER_S = 935_280_000
"""1999-08-22, when the count of GPS weeks began anew for the first time, from 1970."""
SECONDS_2100 = 4_102_444_800
SECONDS_1970_TO_2001 = 978_307_200
GARMIN_START_S = 631_065_600
"""1989-12-31, from which Garmin counts, in seconds since 1970."""
DAYS_1990, _DAYS_2100 = 32_874, 73_051
_SERIAL_START = dt.datetime(1899, 12, 30)  # noqa: DTZ001  a clock on the wall

_TICKS_1970 = 621_355_968_000_000_000
_FIRST_TICKS, _LAST_TICKS = 630_822_816_000_000_000, 662_380_416_000_000_000
"""Tenths of microseconds since the year 1, as .NET counts, of the years 2000 to 2099.

As nanoseconds since 1970 they would all lie in 1990, of which nobody has any.
"""


class TimeForm(Enum):
    """How a sender writes times, where that is known: microseconds per unit since 1970, or else."""

    ISO = "iso"
    SINCE_1989 = "seconds since 1989-12-31"
    SINCE_2001 = "seconds since 2001"
    EPOCH_S = 1_000_000.0
    EPOCH_MS = 1_000.0
    EPOCH_US = 1.0
    EPOCH_NS = 0.001


_STARTS_S = {TimeForm.SINCE_1989: GARMIN_START_S, TimeForm.SINCE_2001: SECONDS_1970_TO_2001}


def start_and_unit(form: TimeForm) -> tuple[int, float]:
    """What is added to a count in a form, and how many microseconds each of its units has."""
    start_s = _STARTS_S.get(form)
    return (0, float(form.value)) if start_s is None else (start_s, 1e6)


def epoch_form(value: float) -> TimeForm | None:
    """How a number is a time between 1990 and 2100; None if in no way.

    Seconds since 1970 that lie before August 1999 are Apple's since 2001, of 2021 to 2030: before
    there were phones and trackers with GPS, no device wrote its positions with a count since 1970.
    What lies behind it may be of a receiver whose weeks began anew.
    """
    if are_ticks(value):
        return None
    for form in (TimeForm.EPOCH_S, TimeForm.EPOCH_MS, TimeForm.EPOCH_US, TimeForm.EPOCH_NS):
        assert isinstance(form.value, float)
        if SECONDS_1990 <= value * form.value / 1e6 < SECONDS_2100:
            is_apple = form is TimeForm.EPOCH_S and value < FIRST_ROLLOVER_S
            return TimeForm.SINCE_2001 if is_apple else form
    return None


def since_2001(count: object) -> object:
    """Seconds since 1970 of a count of Core Data, which begins in 2001; else the value itself."""
    value = number(str(count)) if isinstance(count, str | int | float) else None
    if value is None or not may_be_of_core_data(value):
        return count
    return value + SECONDS_1970_TO_2001


def may_be_of_core_data(value: float) -> bool:
    """Whether seconds since 2001 are a time after 2005, and since 1970 one before August 1999."""
    return _SECONDS_2005 <= value < FIRST_ROLLOVER_S


_SECONDS_2005 = 126_230_400
"""From 2001 to 2005."""


def is_serial(value: float) -> bool:
    """Whether a number can be a date of a spreadsheet, in days since 1899-12-30."""
    return DAYS_1990 <= value < _DAYS_2100


def of_serial(days: float) -> dt.datetime:
    """The moment on the wall that a spreadsheet counts so; its fractions are exact to 1 ms."""
    return _SERIAL_START + dt.timedelta(milliseconds=round(days * 86_400_000))


def count_us(value: float, form: TimeForm) -> int | None:
    """A count in a form as UTC microseconds since 1970; 0 if it is too large, None if infinite."""
    if not np.isfinite(value):
        return None
    start, unit_us = start_and_unit(form)
    value += start
    scaled = value * unit_us if unit_us >= 1 else value // round(1 / unit_us)
    return round(scaled) if abs(scaled) < LARGEST_US else 0


def are_ticks(value: float) -> bool:
    """Whether a number is a time of .NET of the years 2000 to 2099."""
    return _FIRST_TICKS <= value < _LAST_TICKS


def ticks_us(value: float) -> int:
    """Ticks of .NET as UTC microseconds since 1970."""
    return round((value - _TICKS_1970) / 10)
