"""Positions as people write and copy them: `60.17, 24.94`, `60°10'12"N 24°56'24"E`, `geo:60,24`.

Stricter than `sources.values.units.position`, which reads cells of a column of positions: what is
looked for may be a date or a name.
"""

import math
import re

type Position = tuple[float, float]
"""Longitude and latitude in degrees."""

_NUMBER = r"\d{1,3}(?:\.\d+)?"
_PART = r"\d{1,2}(?:\.\d+)?"
_MINUTE, _SECOND = "['\N{PRIME}\N{RIGHT SINGLE QUOTATION MARK}]", '["\N{DOUBLE PRIME}]'
_ANGLE = re.compile(
    rf"(?:(?P<before>[NSEWO])\s*)?(?P<sign>[-+]?)(?P<degrees>{_NUMBER})"
    rf"(?:\s*°(?:\s*(?P<minutes>{_PART})\s*{_MINUTE}(?:\s*(?P<seconds>{_PART})\s*{_SECOND})?)?)?"
    r"(?(before)|(?:\s*(?P<after>[NSEWO]))?)"
)
_BETWEEN = re.compile(rf"\s*[,;]\s*|\s+|(?<=[NSEWO°])|(?<={_SECOND})")
_DECIMAL_COMMA = re.compile(r"(\d),(\d+)")
LATITUDE, LONGITUDE = "NS", "EWO"
"""Letters of the compass; O is east in German."""


def position_meant(text: str) -> Position | None:
    """The position that a text means; None if it is none.

    Without letters, latitude comes first, as on maps; where that cannot be, longitude. Decimal
    commas are read where each of the two has one: `60,17 24,94`.
    """
    words = (
        text.strip().upper().replace("\N{MINUS SIGN}", "-").removeprefix("GEO:").partition("?")[0]
    )
    with_points, commas = _DECIMAL_COMMA.subn(r"\1.\2", words)
    return _read(with_points if commas == 2 and "." not in words else words)


def _read(words: str) -> Position | None:
    first = _ANGLE.match(words)
    between = first and _BETWEEN.match(words, first.end())
    second = between and _ANGLE.fullmatch(words, between.end())
    if not first or not second:
        return None
    (a, of_a), (b, of_b) = _degrees(first), _degrees(second)
    if math.isnan(a) or math.isnan(b) or (of_a == "") != (of_b == ""):
        return None
    if of_a and (of_a in LATITUDE) == (of_b in LATITUDE):
        return None
    is_swapped = of_a in LONGITUDE if of_a else abs(a) > 90
    latitude, longitude = (b, a) if is_swapped else (a, b)
    return (longitude, latitude) if abs(latitude) <= 90 and abs(longitude) <= 180 else None


def _degrees(angle: re.Match[str]) -> tuple[float, str]:
    """Degrees and the letter of the compass, if there is one; NaN for what is no angle."""
    minutes, seconds = float(angle["minutes"] or 0), float(angle["seconds"] or 0)
    before, after = angle["before"] or "", angle["after"] or ""
    if minutes >= 60 or seconds >= 60 or (angle["sign"] and before + after):
        return math.nan, ""
    size = float(angle["degrees"]) + minutes / 60 + seconds / 3600
    letter = before or after
    return (-size if angle["sign"] == "-" or letter in ("S", "W") else size), letter
