"""Coordinates of addresses, and the other way round: Nominatim or Photon over HTTP, or a file."""

import csv
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self
from urllib.parse import urlencode, urlsplit

import orjson

from trackflow.concurrency.deadline import Deadline
from trackflow.concurrency.polite import PageClient
from trackflow.errors import SettingsError, StructureChangedError
from trackflow.files import plain_table


@dataclass(frozen=True, slots=True)
class Coordinates:
    """WGS 84, degrees."""

    longitude: float
    latitude: float


class Geocoder(Protocol):
    """Finds the coordinates of addresses. It keeps no state."""

    @property
    def name(self) -> str:
        """Its identity; when that changes, all addresses are looked up again."""
        ...

    @property
    def site(self) -> str:
        """The service name for the rate limit and the kill switch."""
        ...

    def locate(self, query: str, web: PageClient, deadline: Deadline) -> Coordinates | None:
        """Where an address is, None if there is no such address.

        Raises:
            SourceError: the geocoder cannot be asked, or its answer makes no sense.
            StoppedError: it is switched off.
        """
        ...

    def address_at(self, where: Coordinates, web: PageClient, deadline: Deadline) -> str | None:
        """The address of a position in one line, None if there is none.

        Raises:
            SourceError: the geocoder cannot be asked, or its answer makes no sense.
            StoppedError: it is switched off.
        """
        ...


@dataclass(frozen=True, slots=True)
class Nominatim:
    """A server of Nominatim (OpenStreetMap's geocoder); `url` is its base address."""

    url: str

    @property
    def name(self) -> str:
        """Kind and server."""
        return f"nominatim {self.site}"

    @property
    def site(self) -> str:
        """Host and port."""
        return _site(self.url)

    def locate(self, query: str, web: PageClient, deadline: Deadline) -> Coordinates | None:
        """The first answer of `/search`."""
        asked = urlencode({"q": query, "format": "jsonv2", "limit": 1})
        found = _json(web.get(f"{self.url.rstrip('/')}/search?{asked}", deadline).body, self.name)
        if not isinstance(found, list):
            raise StructureChangedError(f"{self.name} answers with something else than a list")
        if not found:
            return None
        first = found[0] if isinstance(found[0], dict) else {}
        return _coordinates(first.get("lon"), first.get("lat"), self.name)

    def address_at(self, where: Coordinates, web: PageClient, deadline: Deadline) -> str | None:
        """The answer of `/reverse`."""
        asked = f"{_position(where)}&format=jsonv2&zoom=18&layer=address"
        found = _json(web.get(f"{self.url.rstrip('/')}/reverse?{asked}", deadline).body, self.name)
        if not isinstance(found, dict):
            raise StructureChangedError(f"{self.name} answers with something else than an address")
        if "error" in found:
            return None
        parts = found.get("address")
        line = one_line(parts) if isinstance(parts, dict) else ""
        return line or _text(found.get("display_name"), self.name)


@dataclass(frozen=True, slots=True)
class Photon:
    """A server of Photon (komoot's geocoder); `url` is its base address."""

    url: str

    @property
    def name(self) -> str:
        """Kind and server."""
        return f"photon {self.site}"

    @property
    def site(self) -> str:
        """Host and port."""
        return _site(self.url)

    def locate(self, query: str, web: PageClient, deadline: Deadline) -> Coordinates | None:
        """The first feature of `/api`."""
        asked = urlencode({"q": query, "limit": 1})
        found = _json(web.get(f"{self.url.rstrip('/')}/api?{asked}", deadline).body, self.name)
        features = found.get("features") if isinstance(found, dict) else None
        if not isinstance(features, list):
            raise StructureChangedError(f"{self.name} answers with something else than GeoJSON")
        if not features:
            return None
        try:
            longitude, latitude = features[0]["geometry"]["coordinates"][:2]
        except (KeyError, TypeError, ValueError):
            raise StructureChangedError(f"{self.name} answers with no point") from None
        return _coordinates(longitude, latitude, self.name)

    def address_at(self, where: Coordinates, web: PageClient, deadline: Deadline) -> str | None:
        """The first feature of `/reverse`."""
        asked = f"{_position(where)}&limit=1"
        found = _json(web.get(f"{self.url.rstrip('/')}/reverse?{asked}", deadline).body, self.name)
        features = found.get("features") if isinstance(found, dict) else None
        if not isinstance(features, list):
            raise StructureChangedError(f"{self.name} answers with something else than GeoJSON")
        if not features:
            return None
        first = features[0] if isinstance(features[0], dict) else {}
        parts = first.get("properties")
        if not isinstance(parts, dict):
            raise StructureChangedError(f"{self.name} answers with no address")
        if parts.get("osm_key") == "highway":
            parts = {"street": parts.get("name"), **parts}  # the name of a street is its own
        return one_line(parts) or _text(parts.get("name"), self.name)


@dataclass(frozen=True, slots=True)
class CoordinatesFile:
    """Coordinates from a file, by slug or by address."""

    places: Mapping[str, Coordinates]

    @classmethod
    def read(cls, path: Path) -> Self:
        """A CSV file with the columns `slug` or `address`, `lon` and `lat`.

        Semicolons part them where numbers have decimal commas, as in the Excel of half of Europe.

        Raises:
            SettingsError: it cannot be read, or a line of it makes no sense.
        """
        try:
            text, separator = plain_table(path.read_text(encoding="utf-8"))
            reader = csv.DictReader(io.StringIO(text), delimiter=separator)
            return cls(dict(_lines(reader, path, has_commas=separator != ",")))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise SettingsError(f"TRACKFLOW_GEOCODER_FILE={path} cannot be read: {error}") from None

    def find(self, slug: str, query: str | None) -> Coordinates | None:
        """The coordinates of a slug, or else of an address; None if neither is in the file."""
        found = self.places.get(_key(slug))
        return found if found is not None or query is None else self.places.get(_key(query))


STREETS = ("road", "street", "pedestrian", "footway", "path", "cycleway")
TOWNS = ("city", "town", "village", "municipality", "hamlet", "locality")
NUMBER_FIRST = frozenset(("au", "ca", "fr", "gb", "ie", "in", "lu", "my", "nz", "sg", "us", "za"))
"""Countries in which the number of a house comes before its street."""

LONGEST_ADDRESS = 300


def one_line(parts: Mapping[str, Any]) -> str:
    """Street, number, postcode and town of an answer in one line; empty if none is there."""

    def first(names: tuple[str, ...]) -> str:
        return next((str(parts[name]).strip() for name in names if parts.get(name)), "")

    street, number = first(STREETS), first(("house_number", "housenumber"))
    country = first(("country_code", "countrycode")).lower()
    house = [number, street] if country in NUMBER_FIRST else [street, number]
    town = [first(("postcode",)), first(TOWNS)]
    lines = [" ".join(filter(None, some)) for some in (house if street else [], town)]
    return ", ".join(filter(None, lines))[:LONGEST_ADDRESS]


def geocoder_at(url: str) -> Geocoder:
    """The geocoder of `TRACKFLOW_GEOCODER_URL`.

    Raises:
        SettingsError: it is no such address.
    """
    kind, plus, rest = url.partition("+")
    address = rest if plus and kind in ("nominatim", "photon") else url
    if not address.startswith(("http://", "https://")) or not urlsplit(address).netloc:
        raise SettingsError(
            "TRACKFLOW_GEOCODER_URL is no address of a geocoder: write one such as "
            "https://nominatim.example or photon+https://photon.example"
        )
    return Photon(address) if plus and kind == "photon" else Nominatim(address)


def _text(value: Any, name: str) -> str:
    """A text of an answer.

    Raises:
        StructureChangedError: it is none.
    """
    if not isinstance(value, str) or not value.strip():
        raise StructureChangedError(f"{name} answers with an address without a text")
    return value.strip()[:LONGEST_ADDRESS]


def _position(where: Coordinates) -> str:
    """A position in the query of an address; digits need no quoting."""
    return f"lat={where.latitude:.5f}&lon={where.longitude:.5f}"


def _site(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]


def _json(body: bytes, name: str) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise StructureChangedError(f"{name} answers with something else than JSON") from None


def _coordinates(longitude: Any, latitude: Any, name: str) -> Coordinates:
    found = _checked(longitude, latitude)
    if found is None:
        raise StructureChangedError(f"{name} answers with impossible coordinates")
    return found


def _checked(longitude: Any, latitude: Any) -> Coordinates | None:
    """Coordinates from numbers or texts; None if they are out of range, or null island."""
    try:
        lon, lat = float(longitude), float(latitude)
    except (TypeError, ValueError):
        return None
    is_there = math.isfinite(lon) and math.isfinite(lat) and abs(lon) <= 180 and abs(lat) <= 90
    return Coordinates(lon, lat) if is_there and (lon or lat) else None


def _lines(reader: "csv.DictReader[str]", path: Path, *, has_commas: bool) -> Any:
    names = {name.strip().lower(): name for name in reader.fieldnames or ()}
    keys = [names[name] for name in ("slug", "address") if name in names]
    lon = next((names[n] for n in ("lon", "lng", "longitude") if n in names), None)
    lat = next((names[n] for n in ("lat", "latitude") if n in names), None)
    if not keys or lon is None or lat is None:
        raise SettingsError(
            f"TRACKFLOW_GEOCODER_FILE={path} needs the columns slug or address, lon and lat"
        )
    for row in reader:
        degrees = [row[name] or "" for name in (lon, lat)]
        coordinates = _checked(*(d.replace(",", ".") if has_commas else d for d in degrees))
        key = next((row[name] for name in keys if row[name]), None)
        if coordinates is None or key is None:
            raise SettingsError(
                f"TRACKFLOW_GEOCODER_FILE={path}, line {reader.line_num}: a slug or an address and "
                "two numbers in degrees are expected"
            )
        yield _key(key), coordinates


def _key(text: str) -> str:
    """Case, commas and spaces make no difference."""
    return " ".join(text.casefold().replace(",", " ").split())
