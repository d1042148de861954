"""Time zones as files and people name them."""

import datetime as dt
import re
from functools import lru_cache
from zoneinfo import ZoneInfo

from trackflow.errors import BadInputError

_OFFSET = re.compile(r"(?:UTC|GMT)?\s*([+-])\s*(\d{1,2})(?::?(\d{2}))?(?::?\d{2})?", re.IGNORECASE)
_IANA = re.compile(r"[A-Za-z_]+(?:/[A-Za-z0-9_+-]+){1,2}")
_WORDS_H = {
    "z": 0, "utc": 0, "gmt": 0, "zulu": 0, "wet": 0, "west": 1, "cet": 1, "cest": 2, "mez": 1,
    "mesz": 2, "eet": 2, "eest": 3, "msk": 3, "est": -5, "edt": -4, "cdt": -5, "mdt": -6,
    "pst": -8, "pdt": -7, "akst": -9, "akdt": -8, "hst": -10, "aest": 10, "aedt": 11, "nzst": 12,
    "nzdt": 13, "jst": 9, "kst": 9, "sgt": 8, "hkt": 8, "awst": 8, "acst": 9.5,
    "acdt": 10.5, "trt": 3, "wib": 7, "wita": 8, "sast": 2, "brt": -3, "pkt": 5, "мск": 3,
    "北京": 8, "北京时间": 8, "日本": 9, "日本時間": 9,
}  # fmt: skip
"""Hours to UTC of the abbreviations that mean one zone only; CST, IST and BST mean several."""
_LARGEST_H = 15


@lru_cache(maxsize=2048)
def zone_of(text: str) -> dt.tzinfo | None:
    """The zone that a text names, None if it names none.

    Args:
        text: such as "+03:00", "UTC+3", "Europe/Helsinki", "EET"; a number alone is an offset in
            hours up to 15, in minutes up to 900, and in seconds beyond.
    """
    text = text.strip().strip("[]()")
    if not text or len(text) > 50:
        return None
    hours = _WORDS_H.get(text.lower())
    if hours is not None:
        return dt.timezone(dt.timedelta(hours=hours)) if hours else dt.UTC
    signed = _OFFSET.fullmatch(text)
    if signed is not None and (signed[3] or int(signed[2]) <= _LARGEST_H):
        minutes = int(signed[2]) * 60 + int(signed[3] or 0)
        return _fixed(60 * (-minutes if signed[1] == "-" else minutes))
    if re.fullmatch(r"[+-]?\d+(?:\.\d+)?", text):
        value = float(text)
        unit = 3600 if abs(value) < _LARGEST_H else 60 if abs(value) < 60 * _LARGEST_H else 1
        return _fixed(value * unit)
    if _IANA.fullmatch(text):
        try:
            return ZoneInfo(text)
        except (KeyError, ValueError, OSError):
            return None
    return None


@lru_cache(maxsize=4096)
def zone_in_name(name: str) -> tuple[str, str]:
    """The name of a column without the zone that it says its times are in, and that zone.

    Such as "Time (UTC+3)", "Zeit [MESZ]", "Timestamp (Europe/Helsinki)", "time_utc", "UTC Date".
    The second is empty where none is said; letters that are a part of the name stay.
    """
    name = name.strip()
    for pattern in _IN_NAMES:
        found = pattern.fullmatch(name)
        if found is not None and zone_of(found[2]) is not None:
            return found[1], found[2]
    words = re.sub(r"[\W_]+", " ", name).lower().split() or [""]
    is_utc = words[0] in _UTC or words[-1].endswith(tuple(_UTC)) or words[-1] == "gmt"
    return name, "UTC" if is_utc else ""


_UTC = frozenset({"utc", "zulu"})
_IN_NAMES = (
    re.compile(r"(.*\w)\W*[\[(]\s*([^\[\]()]*(?:[^\W\d_]|[+-])[^\[\]()]*)\s*[\])]", re.DOTALL),
    re.compile(r"(.*\w)[\s_,]+((?:UTC|GMT)\s*[+-]\s*\d{1,2}(?::?\d{2})?)", re.DOTALL),
    re.compile(r"(.*\w)[\s_,]+([A-Z]{3,4}|\u041c\u0421\u041a)", re.DOTALL),
    re.compile(r"(?=..(时间|時間)$)(北京|日本)..", re.DOTALL),
)


def zone_option(text: str) -> dt.tzinfo:
    """The zone of `--time-zone`.

    Raises:
        BadInputError: there is no such zone.
    """
    zone = zone_of(text)
    if zone is None:
        raise BadInputError(
            f"there is no time zone {text[:50]!r}: write such as Europe/Helsinki, +03:00 or UTC"
        )
    return zone


def _fixed(offset_s: float) -> dt.tzinfo | None:
    return dt.timezone(dt.timedelta(seconds=offset_s)) if abs(offset_s) < 24 * 3600 else None
