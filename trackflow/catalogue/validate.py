"""Text of a source to checked values: a bad field becomes unknown and an anomaly; no track is lost.

"N/A" and its like are an ordinary unknown, not an anomaly.

The libraries that check are imported when they are needed: each process that may look after the
catalogue has this module, and most never check a field.
"""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from trackflow.catalogue.records import Anomaly, CatalogueTrack, Details, ListedTrack

LONGEST_TEXT = 500
LARGEST_COUNT = 10**12
_SHOWN = 100
_UNKNOWN = frozenset({"", "n/a", "na", "none", "null", "-", "--", "unknown", "tbd", "tba"})
_SPACES = re.compile(r"\s+")
_COUNT = re.compile(r"\d{1,3}(?:,\d{3})+|\d+")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_HOST = re.compile(r"(?:[\w-]{1,63}\.)+[\w-]{2,63}")
_COUNTRY_NAMES = {
    "uk": "GB", "great britain": "GB", "england": "GB", "scotland": "GB", "wales": "GB",
    "northern ireland": "GB", "usa": "US", "america": "US",
    "united states of america": "US", "russia": "RU", "south korea": "KR", "korea": "KR",
    "republic of korea": "KR", "north korea": "KP", "iran": "IR", "syria": "SY", "laos": "LA",
    "turkey": "TR", "holland": "NL", "the netherlands": "NL", "macau": "MO",
    "czech republic": "CZ", "macedonia": "MK", "swaziland": "SZ", "ivory coast": "CI",
    "cape verde": "CV", "brunei": "BN", "vatican": "VA", "palestine": "PS", "uae": "AE",
    "burma": "MM", "reunion": "RE", "st maarten": "SX", "saint martin": "MF",
    "virgin islands": "VI", "us virgin islands": "VI", "micronesia": "FM", "deutschland": "DE",
    "espana": "ES", "españa": "ES", "italia": "IT", "osterreich": "AT", "österreich": "AT",
    "schweiz": "CH", "suomi": "FI", "sverige": "SE", "norge": "NO", "danmark": "DK",
    "brasil": "BR", "polska": "PL", "mexico": "MX", "méxico": "MX",
}  # fmt: skip
"""Names in use that are not in ISO 3166-1."""


@dataclass(slots=True)
class _Checked:
    """The raw fields of one track, and what is found wrong with them."""

    slug: str
    raw: dict[str, str | None]
    anomalies: list[Anomaly] = field(default_factory=list)

    def text(self, name: str) -> str | None:
        """A field as one clean line, None if it is unknown."""
        text = known(self.raw.get(name))
        if text is not None and len(text) > LONGEST_TEXT:
            self.bad(name, text, f"longer than {LONGEST_TEXT} characters")
            return None
        return text

    def checked[V](self, name: str, check: Callable[[str], V]) -> V | None:
        """A field as `check` returns it, unknown if it raises a ValueError."""
        text = self.text(name)
        if text is None:
            return None
        try:
            return check(text)
        except ValueError as error:
            self.bad(name, text, str(error))
            return None

    def bad(self, name: str, value: str, reason: str) -> None:
        """Note what is wrong with a field."""
        shown = value if len(value) <= _SHOWN else f"{value[: _SHOWN - 1]}…"
        self.anomalies.append(Anomaly(self.slug, name, shown, reason))


def validate(
    listed: ListedTrack, details: Details | None
) -> tuple[CatalogueTrack, tuple[Anomaly, ...]]:
    """A track of the values in the list and on its own page, and the anomalies among them.

    Args:
        listed: its row in the list.
        details: None if its page failed; then all fields of it are unknown, see `keep_details`.
    """
    page = details.raw if details is not None else {}
    given = _Checked(listed.slug, {**listed.raw, **page, "name": listed.name, "url": listed.url})
    name = given.text("name")
    if name is None:
        given.bad("name", listed.slug, "the list gives no name: the slug stands in for it")
    country, code = _country(given)
    longitude, latitude = _coordinates(given)
    track = CatalogueTrack(
        slug=listed.slug,
        name=name or listed.slug,
        url=_own_page(given),
        series_code=given.text("series_code"),
        activity=given.text("activity"),
        event_name=given.text("event_name"),
        has_video=_flag(given.raw.get("has_video")),
        is_featured=_flag(given.raw.get("is_featured")),
        address=_lines(given),
        city=given.text("city"),
        country=country,
        country_code=code,
        phone=given.checked("phone", lambda text: e164(text, code)),
        email=given.checked("email", email_address),
        website=given.checked("website", web_address),
        map_query=given.text("map_query"),
        logo_url=given.checked("logo_url", web_address),
        longitude=longitude,
        latitude=latitude,
        **{name: given.checked(name, count) for name in _COUNTS},
    )
    before = details.anomalies if details is not None else ()
    return track, (*before, *given.anomalies)


_COUNTS = (
    "laps", "practice_sessions", "races", "entries", "events",
    "results_this_month", "sessions_this_month", "videos_this_month",
)  # fmt: skip


def names_used_more_than_once(tracks: Iterable[CatalogueTrack]) -> dict[str, int]:
    """Names that several tracks bear, and how many do: nothing wrong, but worth a note."""
    counts = Counter(track.name for track in tracks)
    return {name: number for name, number in sorted(counts.items()) if number > 1}


def known(text: str | None) -> str | None:
    """Text as one clean line; None for nothing, "N/A" and the like."""
    if text is None:
        return None
    if not text.isprintable():  # before the spaces: what is not seen may stand beside one
        text = "".join(c for c in text if c.isspace() or _is_seen(c))
    clean = _SPACES.sub(" ", text).strip()
    lower = clean.lower()
    if lower in _UNKNOWN or ("n/a" in lower and not lower.replace("n/a", "").strip(" ,;/")):
        return None
    return clean


def _is_seen(character: str) -> bool:
    return unicodedata.category(character)[0] != "C" or character == "\u200d"


def count(text: str) -> int:
    """A number as people write it, with commas between thousands.

    Raises:
        ValueError: it is none, or an impossible one.
    """
    if not _COUNT.fullmatch(text) or not text.isascii():
        raise ValueError("no whole number")
    number = int(text.replace(",", "")) if len(text) < 40 else LARGEST_COUNT + 1
    if number > LARGEST_COUNT:
        raise ValueError("too large a number")
    return number


def e164(text: str, country_code: str | None) -> str:
    """A telephone number in E.164.

    Args:
        text: as people write it, with or without the country's prefix.
        country_code: whose national numbers to expect; None if it is not known.

    Raises:
        ValueError: it is none, or it could be one of any country.
    """
    import phonenumbers

    try:
        number = phonenumbers.parse(text, country_code)
    except phonenumbers.NumberParseException as error:
        if country_code is None and error.error_type == error.INVALID_COUNTRY_CODE:
            raise ValueError("a national number, but the country is not known") from None
        raise ValueError("no telephone number") from None
    if not phonenumbers.is_possible_number(number):
        raise ValueError("too short or too long for a telephone number")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def email_address(text: str) -> str:
    """An e-mail address, normalised; whether it receives anything is not asked.

    Raises:
        ValueError: it is none.
    """
    from email_validator import EmailNotValidError, validate_email

    try:
        return validate_email(text, check_deliverability=False).normalized
    except EmailNotValidError as error:
        raise ValueError(f"no e-mail address: {str(error)[:_SHOWN]}") from None


def web_address(text: str) -> str:
    """A web address; http:// is added where people left it out.

    Raises:
        ValueError: it is none.
    """
    url = f"http:{text}" if text.startswith("//") else text
    if not _SCHEME.match(url) or re.match(r"[\w.-]+:\d", url):
        url = f"http://{url}"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
        name = host.encode("idna").decode() if host else ""
    except ValueError:
        raise ValueError("no web address") from None
    if parts.scheme.lower() not in ("http", "https"):
        raise ValueError("no web address: it begins with neither http:// nor https://")
    if not _HOST.fullmatch(name) or any(c.isspace() or c in "<>\"'" for c in url):
        raise ValueError("no web address")
    return url


@lru_cache(maxsize=2048)
def country_of(text: str) -> tuple[str, str] | None:
    """Name and ISO 3166-1 alpha-2 code of a country, None if there is none of this name."""
    import pycountry

    wanted = _SPACES.sub(" ", text).strip(" .,").lower()
    if not any(c.isalpha() for c in wanted):
        return None  # ISO 3166 has numbers too, but a source that writes one means something else
    try:
        found: Any = pycountry.countries.lookup(_COUNTRY_NAMES.get(wanted.replace(".", ""), wanted))
    except LookupError:
        return None
    return getattr(found, "common_name", found.name), found.alpha_2


def _country(given: _Checked) -> tuple[str | None, str | None]:
    """The country by its code if that is given, or else by its name."""
    for name in ("country_code", "country"):
        text = given.text(name)
        if text is None:
            continue
        found = country_of(text)
        if found is not None:
            return found
        given.bad(name, text, "no country of this name in ISO 3166-1")
    return None, None


def _coordinates(given: _Checked) -> tuple[float | None, float | None]:
    """Longitude and latitude, both or neither."""
    before = len(given.anomalies)
    longitude = given.checked("longitude", lambda text: degrees(text, 180))
    latitude = given.checked("latitude", lambda text: degrees(text, 90))
    if longitude is not None and latitude is not None:
        if abs(longitude) < 1e-6 and abs(latitude) < 1e-6:
            given.bad("latitude", "0, 0", "null island: an unset position, not a place")
            return None, None
        return longitude, latitude
    if (longitude is None) != (latitude is None) and len(given.anomalies) == before:
        missing, there = (
            ("longitude", "latitude") if longitude is None else ("latitude", "longitude")
        )
        given.bad(there, str(given.raw[there]), f"there is no {missing} to it")
    return None, None


def degrees(text: str, most: float) -> float:
    """Degrees from -`most` to `most`.

    Raises:
        ValueError: it is no number, or out of range.
    """
    try:
        value = float(text)
    except ValueError:
        raise ValueError("no number of degrees") from None
    if not (math.isfinite(value) and abs(value) <= most):
        raise ValueError(f"beyond {most:g} degrees")
    return value


def _lines(given: _Checked) -> str | None:
    """The street lines, cleaned one by one."""
    lines = [known(line) for line in (given.raw.get("address") or "").splitlines()]
    text = "\n".join(line for line in lines if line is not None)
    if len(text) > LONGEST_TEXT:
        given.bad("address", text, f"longer than {LONGEST_TEXT} characters")
        return None
    return text or None


def _own_page(given: _Checked) -> str | None:
    """The address of the track's own page; it becomes a link, so it must be a web address."""
    text = given.text("url")
    if text is not None and not re.match(r"https?://[^\s/\"'<>]", text, re.IGNORECASE):
        given.bad("url", text, "no web address")
        return None
    return text


def _flag(text: str | None) -> bool | None:
    return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}.get(
        (text or "").strip().lower()
    )
