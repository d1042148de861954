"""Values as people and programs write them, to degrees, metres and metres per second.

Text is parsed before it is converted, by one rule for files and live senders: decimal commas,
degree signs, hemisphere letters, and units behind the number or in the name of the column.
"""

import itertools
import re
from collections.abc import Sequence
from enum import Enum

import numpy as np

from trackflow.geo.points import Floats
from trackflow.sources.values.digits import ascii_digits
from trackflow.sources.values.directions import course_deg
from trackflow.sources.values.vocabulary import plain

KMH_MS = 1 / 3.6
KNOTS_MS = 1852 / 3600
MPH_MS = 0.44704
FEET_M = 0.3048

HDOP_UNIT_M = 5.0
"""Metres of accuracy per unit of HDOP: the usual error of a phone or tracker with a good sky."""


HDOP_UNKNOWN = 99.0
"""Receivers that have none write 99.9, 99.99 or 655.35, so no dilution is that large."""


class Quantity(Enum):
    """What a number measures, which decides what may stand around it."""

    LATITUDE = "latitude"
    LONGITUDE = "longitude"
    SPEED = "speed"
    LENGTH = "length"
    ANGLE = "angle"
    RATIO = "ratio"


_DEGREES = {
    "": 1.0, "deg": 1.0, "degree": 1.0, "degrees": 1.0, "grados": 1.0, "gradi": 1.0, "graus": 1.0,
    "degres": 1.0,
}  # fmt: skip
_COORDINATES = {
    **_DEGREES, "wgs84": 1.0, "decimal": 1.0, "decimaldegrees": 1.0, "dd": 1.0, "e7": 1e-7,
    "e6": 1e-6, "i": 1e-7, "microdegrees": 1e-6, "mdeg": 1e-6,
    "semicircles": 180 / 2**31, "rad": 180 / np.pi, "radians": 180 / np.pi,
}  # fmt: skip


def _spelled(names: dict[str, float]) -> dict[str, float]:
    return {
        plain(name): factor for spellings, factor in names.items() for name in spellings.split()
    }


_UNITS: dict[Quantity, dict[str, float]] = {
    Quantity.LATITUDE: _COORDINATES,
    Quantity.LONGITUDE: _COORDINATES,
    Quantity.SPEED: {
        "": 1.0,
        **_spelled(
            {
                "米秒 公尺秒 メートル秒 m秒 مث μδευτ "
                "ms ms1 mps metersps meterss metresps msec meterspersecond metrespersecond "
                "meterpersecond metersec meterssecond metressecond metersecond мс": 1.0,
                "kmh kmh1 kilometershour kilometreshour kph kmph kmhr kmhour kilometersperhour "
                "kilometresperhour kmperhour "
                "kilometerperhour kilometerprostunde kmstd kmt kmu kmtim kmtimmen kmuur kmtime "
                "kms kmsa kmsaat kmgodz kmhod kmo "
                "kilometrosporhora kmhora kmheure кмч кмчас кмгод "
                "公里小时 公里小時 公里时 公里時 千米小时 千米时 km小时 km時 km时 km시 km시간 "
                "كمس كمساعة كمفيالساعة کیلومتربرساعت קמש קמשעה χλμω χλμωρα χμω χμωρα kmjam kmgio "
                "กมชม": KMH_MS,
                "mph mih mihr milesperhour mileshour": MPH_MS,
                "nds 节 節 уз "
                "kn kt kts knot knots knoten noeuds nudos nodi knop knopen knutar solmua nmh узлы "
                "узлов": KNOTS_MS,
                "fps fts feetpersecond ftps": FEET_M,
                "cms cmps": 0.01,
                "mms mmps": 0.001,
                "mmin": 1 / 60,
            }
        ),
    },
    Quantity.LENGTH: {
        "": 1.0,
        **_spelled(
            {
                "m mfrommsl mmsl mamsl "
                "метров 米 公尺 メートル 미터 متر م מ מטר μ μετρα ม "
                "meter meters metre metres mtr mts masl msl amsl asl metrit metri "
                "metros metri metrow м mabovesealevel münn müm msnm mslm mnpm": 1.0,
                "mbelowsealevel": -1.0,
                "ft feet foot": FEET_M,
                "km kilometer kilometers kilometre kilometres": 1000.0,
                "cm centimeters centimetres": 0.01,
                "mm millimeters millimetres": 0.001,
                "mi mile miles": 1609.344,
                "yd yds yards": 0.9144,
            }
        ),
    },
    Quantity.ANGLE: {
        **_DEGREES,
        "true": 1.0,
        "degtrue": 1.0,
        "degreestrue": 1.0,
        "degt": 1.0,
        "rad": 180 / np.pi,
        "radians": 180 / np.pi,
    },
    Quantity.RATIO: {"": 1.0},
}
"""Factors to our units by the unit's letters: "km/h" is `kmh`, "°" is nothing."""

_NUMBER = r"[+-]?(?:\d[\d.,]*|[.,]\d+)(?:[eE][+-]?\d+)?"
_MEASURED = re.compile(rf"({_NUMBER})\s*(.*)", re.DOTALL)
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:(?:,\d{3})+(?:\.\d+)?|(?:\.\d{3})+,\d+|(?:\.\d{3}){2,})")
SIGNS = str.maketrans(
    {
        "\u2212": "-",
        "\u2013": "-",
        "\xa0": " ",
        "\u202f": " ",
        "\u2032": "'",
        "\u2019": "'",
        "\u2033": '"',
        "\u201d": '"',
        "\xba": "\xb0",
    }
)
_SPACED = re.compile(r"[+-]?\d{1,3}(?:[ ']\d{3})+(?!\d)")
_THOUSANDS = re.compile(r"(?<=\d)[ '](?=\d{3}(?!\d))")
"""Thousands of metres with blanks or apostrophes, as in France and Switzerland."""

LETTERS = re.compile(r"(?<![A-Za-z])(N|S|E|W|North|South|East|West)(?![A-Za-z])", re.IGNORECASE)
_SEXAGESIMAL = re.compile(
    r"([+-]?)(\d{1,3})(?:\s*(?:\xb0|deg|d|:)\s*|\s+)(\d{1,2}(?:[.,]\d+)?)"
    r"(?:(?:\s*['m:]\s*|\s+)(\d{1,2}(?:[.,]\d+)?)\s*(?:\"|''|s)?|\s*['m]?)",
    re.IGNORECASE,
)
_AXES = {"N": Quantity.LATITUDE, "S": Quantity.LATITUDE, "E": Quantity.LONGITUDE,
         "W": Quantity.LONGITUDE}  # fmt: skip
_HAS_DIGIT = re.compile("[0-9]")
_MARKED = re.compile(
    "[\\s0-9.,:+\\-NSEWnsewdeghortuamDEGHORTUAM\xb0\xba'\"\u2019\u201d\u2032\u2033\u2212\u2013]*"
)
"""What a coordinate with marks is written in; other text is not looked at any closer."""
TEXT_MAX_CHARS = 200
"""A longer text is no number; patterns are not tried on it."""


def factor_of(unit: str, quantity: Quantity) -> float | None:
    """What to multiply by to have our unit; None if `unit` is no unit of that quantity."""
    return _UNITS[quantity].get(plain(unit))


def units_of(quantity: Quantity) -> Sequence[str]:
    """The units of a quantity as they end names of columns, the longest first."""
    return sorted(filter(None, _UNITS[quantity]), key=len, reverse=True)


def number(text: str, *, decimal_comma: bool = False) -> float | None:
    """A number with a point or a comma; None if the text is none.

    Of both, the last one is the decimal mark. A comma alone before exactly three digits parts
    thousands, unless `decimal_comma` is set because the text's neighbours have decimal commas.
    """
    text = ascii_digits(text)
    if not text.isascii() or "_" in text:
        return None  # Python reads "1_0" as a number
    if "," in text:
        grouped = _GROUPED.fullmatch(text)
        if grouped and (not decimal_comma or text.count(",") > 1 or "." in text):
            comma_is_last = text.rfind(",") > text.rfind(".") >= 0
            text = text.replace(".", "") if comma_is_last else text.replace(",", "")
        text = text.replace(",", ".")
    try:
        return float(text)
    except ValueError:
        return None


def measure(
    value: object, quantity: Quantity, factor: float = 1.0, *, decimal_comma: bool = False
) -> float:
    """A value in our unit, NaN if it is none.

    Args:
        value: a number or text as a file or a sender has it, such as 36, "36,5" or "36 km/h".
        quantity: what it measures.
        factor: our units per unit of the value, where the text names no unit of its own.
        decimal_comma: other numbers of the same record have decimal commas.
    """
    if isinstance(value, bool):
        return np.nan
    if isinstance(value, int | float):
        try:
            return float(value) * factor
        except OverflowError:
            return np.inf
    if not isinstance(value, str):
        return np.nan
    value = ascii_digits(value)
    if not _HAS_DIGIT.search(value, 0, TEXT_MAX_CHARS):
        # float() reads the words inf and nan, which are no better than any other word
        return course_deg(value) if quantity is Quantity.ANGLE else np.nan
    if quantity in (Quantity.LATITUDE, Quantity.LONGITUDE):
        degrees = coordinate(value, quantity, factor)
        return np.nan if degrees is None else degrees
    text = value.strip()
    plain = number(text, decimal_comma=decimal_comma)
    if plain is not None:
        return plain * factor
    marked = text.translate(SIGNS).lstrip("\xb1~\u2248 ") if len(text) <= TEXT_MAX_CHARS else ""
    if quantity is Quantity.LENGTH and _SPACED.match(marked):
        marked = _THOUSANDS.sub("", marked)
    found = _MEASURED.fullmatch(marked)
    if found is None:
        return np.nan
    plain = number(found[1], decimal_comma=decimal_comma)
    unit = factor_of(found[2], quantity)
    if plain is None or unit is None:
        return np.nan
    return plain * (unit if re.search(r"\w", found[2]) else factor)


def coordinate(text: str, axis: Quantity, factor: float = 1.0) -> float | None:
    """A latitude or longitude in degrees; None if the text is none.

    Read are decimal degrees, and degrees with minutes and seconds, with a letter of the hemisphere
    before or behind. German and French use O for opposite sides, so that letter is no hemisphere.
    """
    plain = number(text.strip(), decimal_comma=True)
    if plain is not None:
        return plain * factor
    if len(text) > TEXT_MAX_CHARS or not _MARKED.fullmatch(text):
        return None
    text = text.translate(SIGNS).strip()
    letters = LETTERS.findall(text) or re.findall(r"(?<=[\d\xb0'\" ])[NSEW]$|^[NSEW](?=\d)", text)
    if len(letters) > 1:
        return None
    sign = 1.0
    if letters:
        letter = letters[0][0].upper()
        if _AXES[letter] is not axis:
            return None
        sign = -1.0 if letter in "SW" else 1.0
        text = (text.removesuffix(letters[0]) if text.endswith(letters[0])
                else text.removeprefix(letters[0])).strip()  # fmt: skip
    degrees = _degrees(text)
    if degrees is not None and letters:
        degrees = hemisphere(degrees, "N" if axis is Quantity.LATITUDE else "E", axis, text)
    if degrees is None or (letters and text.startswith("-")):
        return None
    return sign * degrees * factor


def _degrees(text: str) -> float | None:
    found = _SEXAGESIMAL.fullmatch(text)
    if found is not None:
        minutes, seconds = (float((part or "0").replace(",", ".")) for part in found.group(3, 4))
        if minutes >= 60 or seconds >= 60:
            return None
        size = int(found[2]) + minutes / 60 + seconds / 3600
        return -size if found[1] == "-" else size
    bare = re.sub(r"\s*(?:\xb0|deg(?:rees)?)$", "", text, flags=re.IGNORECASE)
    return number(bare, decimal_comma=True)


def hemisphere(degrees: float, letter: object, axis: Quantity, written: object = None) -> float:
    """A coordinate with the letter of its own column: S and W are negative.

    A number that has a sign already keeps it. Receivers write degrees and minutes in one number
    beside such a letter: 6010.194 is 60° 10.194'.

    Args:
        degrees: the number.
        letter: such as N, or West.
        axis: latitude or longitude.
        written: the number as it was written, whose leading zeros count.
    """
    first = letter.strip()[:1].upper() if isinstance(letter, str) else ""
    if _AXES.get(first) is not axis:
        return degrees
    if (apart := _minutes_apart(degrees, axis, written)) is not None:
        degrees = apart
    return -degrees if first in ("S", "W") and degrees > 0 else degrees


def _minutes_apart(number: float, axis: Quantity, written: object) -> float | None:
    """Degrees out of `dddmm.mmm`; None for a number that is none, or is in degrees."""
    is_lat = axis is Quantity.LATITUDE
    spelled = isinstance(written, str) and re.fullmatch(
        r"\d{4}[.,]\d+" if is_lat else r"\d{5}[.,]\d+", written.strip()
    )
    largest = 90.0 if is_lat else 180.0
    if not spelled and not largest < number <= 100 * largest:
        return None
    whole, minutes = divmod(number, 100)
    return whole + minutes / 60 if minutes < 60 else None


def has_decimal_comma(*cells: object) -> bool:
    """Whether one of a record's coordinates is text with a comma, which there parts decimals."""
    return any(type(cell) is str and "," in cell and "." not in cell for cell in cells)


def decimal_commas(lats: Sequence[object], lons: Sequence[object]) -> list[bool] | None:
    """For each record whether it has decimal commas; None if none has."""
    texts = [cell for cell in itertools.chain(lats, lons) if type(cell) is str]
    if "," not in "".join(texts):
        return None
    found = [has_decimal_comma(*both) for both in zip(lats, lons, strict=True)]
    return found if any(found) else None


def best_accuracy_m(accuracy_m: Floats | None, hdop: Floats | None) -> Floats | None:
    """Metres of claimed radius, NaN where unknown; HDOP stands in for an accuracy not known.

    0 and -1 mean unknown, of both: no receiver is exact, and senders without a value write them.
    """
    if accuracy_m is None and hdop is None:
        return None
    known = np.full(len(hdop if accuracy_m is None else accuracy_m), np.nan)  # type: ignore[arg-type]
    with np.errstate(invalid="ignore", over="ignore"):
        if hdop is not None:
            is_known = (hdop > 0) & (hdop < HDOP_UNKNOWN)
            known = np.where(is_known, hdop * HDOP_UNIT_M, known)
        if accuracy_m is not None:
            known = np.where(accuracy_m > 0, accuracy_m, known)
    return known
