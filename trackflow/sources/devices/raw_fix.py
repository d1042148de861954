"""One position as a client sent it, before it is checked: names, times, any JSON values."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from trackflow.sources.values.cells import number
from trackflow.sources.values.times import TimeForm, epoch_form, parse_time

_PLACEHOLDER = re.compile(
    r"%[A-Za-z_]+%?|\{+\w*\}+|\[[A-Za-z_ ]+\]|\$\{?\w+\}?|<\w+>"
    r"|LAT(?:ITUDE)?|LON(?:G|GITUDE)?|LNG|TIME(?:STAMP)?|DATE"
)
"""What a sender should have replaced: %LAT, {0}, {latitude}, [LAT], LAT."""

_LOST_PLUS = re.compile(r"^(\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?) (\d\d:?\d\d)$")
"""A + that was not escaped in an address arrives as a blank: 2026-01-31T12:00:00 03:00."""

type Record = Mapping[str, object]
"""A JSON object or a form as a client sent it."""


class Fix(NamedTuple):
    """One position as sent: any JSON value in each field, checked later.

    Attributes:
        device: its name, where it has one.
        time: of the position.
        lat: latitude in degrees.
        lon: longitude in degrees.
        altitude_m: metres.
        accuracy_m: 0 means unknown: no receiver is exact, and clients without a value send it.
        hdop: stands in for an accuracy that is not known.
        speed: in units of `speed_unit_ms`.
        speed_unit_ms: metres per second of one unit of `speed`.
        course_deg: degrees clockwise from north.
    """

    device: object
    time: object
    lat: object
    lon: object
    altitude_m: object = None
    accuracy_m: object = None
    hdop: object = None
    speed: object = None
    speed_unit_ms: float = 1.0
    course_deg: object = None


def text(value: object) -> str | None:
    """A JSON value as text, if it can be a name or a time."""
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return repr(value)
    return None


def altitude_of(altitude: object, vertical_accuracy: object) -> object:
    """An altitude; None for the 0 that a phone gives with a negative accuracy for "unknown"."""
    is_none = altitude == 0 and isinstance(vertical_accuracy, int | float) and vertical_accuracy < 0
    return None if is_none else altitude


def is_placeholder(value: object) -> bool:
    """Whether a sender forgot to put a value here, as by a misspelt name in its settings."""
    return isinstance(value, str) and bool(_PLACEHOLDER.fullmatch(value.strip()))


def is_unset(name: str) -> bool:
    """Whether a device's name is an unreplaced placeholder, such as %SER or {12}."""
    return name[:1] in "%{[$<" and is_placeholder(name)


def moment_us(cell: str, form: TimeForm | None) -> int | None:
    """A time in UTC microseconds: seconds and their parts since 1970 in any unit, or ISO 8601.

    `form` is what a number is that is a likely time in no unit.
    """
    value = number(cell.replace(",", "."))
    if value is None:
        return parse_time(_LOST_PLUS.sub(r"\1+\2", cell), TimeForm.ISO)
    found = epoch_form(value) or form
    if found is TimeForm.SINCE_2001 and form is not None:
        found = form  # it counts since 1970, whatever its clock shows
    return None if found is None else parse_time(cell.replace(",", "."), found)
