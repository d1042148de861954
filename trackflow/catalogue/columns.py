"""The columns of people's own lists of race tracks, by the names that are usual for them."""

import re
import unicodedata
from collections.abc import Iterable, Mapping

from trackflow.catalogue.records import FIELDS

USUAL_NAMES: dict[str, str] = {
    other: field
    for field, others in {
        "slug": "id key code ref track_id slug_id",
        "name": "title track track_name club club_name",
        "url": "link page",
        "latitude": "lat y breite breitengrad",
        "longitude": "lon lng long x lange langengrad",
        "address": "street street_address address_line address_line_1 address1 strasse adresse",
        "city": "town place locality municipality village ort stadt",
        "country": "country_name nation land",
        "country_code": "iso iso_code iso2 cc",
        "phone": "telephone tel phone_number mobile telefon",
        "email": "e_mail mail email_address",
        "website": "web homepage home_page site www webseite",
        "logo_url": "logo",
        "series_code": "series",
    }.items()
    for other in others.split()
}
"""Other names, in the form that `column_name` gives, and the fields that they mean."""

POST_CODE = frozenset(["post_code", "postcode", "postal_code", "zip", "zip_code", "zipcode", "plz"])
"""They have no field of their own: the city's line takes them."""

SECOND_LINES = frozenset({"address_line_2", "address2", "street_2"})
POSITION = frozenset(
    {"coordinates", "coords", "position", "lat_lon", "latlon", "lat_lng", "latlng"}
)
"""Latitude and longitude in one column, in this order."""

_LETTERS = re.compile(r"[^a-z0-9]+")
_PAIR = re.compile(r"\s*([-+]?\d+(?:\.\d+)?)\s*[,; ]\s*([-+]?\d+(?:\.\d+)?)\s*")
_DECIMAL_COMMA = re.compile(r"[-+]?\d{1,3},\d+")


def column_name(text: str) -> str:
    """A column's name in lower case, without accents, its words joined by `_`."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return _LETTERS.sub("_", letters).strip("_")


def fields_of(record: Mapping[str, str | None]) -> dict[str, str | None]:
    """What a row says, by the names of `CatalogueTrack`.

    A column that bears a field's own name takes precedence over those with other usual names. The
    slug is made of name and city where no column is for it.

    Args:
        record: values by the names that `column_name` gives.
    """
    found: dict[str, str | None] = {}
    for name in sorted(record, key=lambda name: name not in FIELDS):
        field = USUAL_NAMES.get(name, name)
        if field in FIELDS and not found.get(field):
            found[field] = record[name]
    _add_position(found, record)
    found["city"] = _joined(", ", found.get("city"), _first(record, POST_CODE))
    found["address"] = _joined("\n", found.get("address"), _first(record, SECOND_LINES))
    for name in ("latitude", "longitude"):
        text = found.get(name)
        if text and _DECIMAL_COMMA.fullmatch(text):
            found[name] = text.replace(",", ".")
    if "slug" not in found:
        words = filter(None, (found.get("name"), found["city"]))
        found["slug"] = column_name(" ".join(words)).replace("_", "-")[:100] or None
    return found


def unread(names: Iterable[str]) -> list[str]:
    """The columns that are not read, in order.

    Args:
        names: as `column_name` gives them.
    """
    known = {*FIELDS, *USUAL_NAMES, *POST_CODE, *SECOND_LINES, *POSITION}
    return [name for name in names if name and name not in known]


def _add_position(found: dict[str, str | None], record: Mapping[str, str | None]) -> None:
    pair = _PAIR.fullmatch(_first(record, POSITION) or "")
    if pair and not found.get("latitude") and not found.get("longitude"):
        found["latitude"], found["longitude"] = pair.groups()


def _first(record: Mapping[str, str | None], names: Iterable[str]) -> str | None:
    return next((record[name] for name in sorted(names) if record.get(name)), None)


def _joined(between: str, first: str | None, second: str | None) -> str | None:
    if second and first and second in first:
        return first
    return between.join(filter(None, (first, second))) or None
