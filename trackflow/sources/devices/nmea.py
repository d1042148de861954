"""The NMEA sentence RMC, in which OpenGTS and its followers put a position."""

from collections.abc import Sequence
from dataclasses import dataclass

_FIELDS = 10


@dataclass(frozen=True, slots=True)
class Rmc:
    """The values of a sentence; None where one is empty.

    Attributes:
        time: ISO 8601, UTC.
        lat: degrees.
        lon: degrees.
        speed_kn: knots, as text.
        course_deg: degrees, as text.
    """

    time: str | None
    lat: float | None
    lon: float | None
    speed_kn: str | None
    course_deg: str | None


def read_rmc(sentence: str) -> Rmc | None:
    """The position of a sentence, None if it is no RMC; one without a fix has no coordinates."""
    parts = [part.strip() for part in sentence.strip().partition("*")[0].split(",")]
    if len(parts) < _FIELDS or not parts[0].upper().endswith("RMC"):
        return None
    has_fix = parts[2].upper() == "A"
    return Rmc(
        time=_moment(parts[9], parts[1]),
        lat=_degrees(parts[3:5], "NS") if has_fix else None,
        lon=_degrees(parts[5:7], "EW") if has_fix else None,
        speed_kn=parts[7] or None,
        course_deg=parts[8] or None,
    )


def _moment(date: str, clock: str) -> str | None:
    """The time of DDMMYY and HHMMSS; the century is this one."""
    if not (len(date) == 6 and date.isdecimal() and len(clock) >= 6 and clock[:6].isdecimal()):
        return None
    day = f"20{date[4:]}-{date[2:4]}-{date[:2]}"
    return f"{day}T{clock[:2]}:{clock[2:4]}:{clock[4:]}+00:00"


def _degrees(parts: Sequence[str], letters: str) -> float | None:
    """The degrees of DDDMM.MMMM and a letter; some senders write no leading zeros."""
    text, letter = parts[0], parts[1].upper()
    whole, _, decimals = text.partition(".")
    if not whole.isdecimal() or (decimals and not decimals.isdecimal()) or letter not in letters:
        return None
    minutes = float(f"{whole[-2:]}.{decimals or '0'}")
    if minutes >= 60 or not letter:
        return None
    degrees = int(whole[:-2] or "0") + minutes / 60
    return -degrees if letter == letters[1] else degrees
