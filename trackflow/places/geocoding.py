"""Coordinates for addresses: Nominatim or Photon over HTTP, or a file of coordinates."""

import csv
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


@dataclass(frozen=True, slots=True)
class Coordinates:
    """WGS 84, degrees."""

    longitude: float
    latitude: float


class Geocoder(Protocol):
    """Knows where addresses are. It keeps no state."""

    @property
    def name(self) -> str:
        """Which one; the answers of another one are asked for anew."""
        ...

    @property
    def site(self) -> str:
        """What the rate limit and the kill switch go by."""
        ...

    def locate(self, query: str, web: PageClient, deadline: Deadline) -> Coordinates | None:
        """Where an address is, None if there is no such address.

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
        return _place(first.get("lon"), first.get("lat"), self.name)


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
        return _place(longitude, latitude, self.name)


@dataclass(frozen=True, slots=True)
class CoordinatesFile:
    """Coordinates that somebody has collected, by slug or by address."""

    places: Mapping[str, Coordinates]

    @classmethod
    def read(cls, path: Path) -> Self:
        """A CSV file with the columns `slug` or `address`, `lon` and `lat`.

        Raises:
            SettingsError: it cannot be read, or a line of it makes no sense.
        """
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                return cls(dict(_lines(csv.DictReader(file), path)))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise SettingsError(f"TRACKFLOW_GEOCODER_FILE={path} cannot be read: {error}") from None

    def find(self, slug: str, query: str | None) -> Coordinates | None:
        """The place of a slug, or else of an address; None if neither is in the file."""
        found = self.places.get(_key(slug))
        return found if found is not None or query is None else self.places.get(_key(query))


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


def _site(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]


def _json(body: bytes, name: str) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise StructureChangedError(f"{name} answers with something else than JSON") from None


def _place(longitude: Any, latitude: Any, name: str) -> Coordinates:
    found = _checked(longitude, latitude)
    if found is None:
        raise StructureChangedError(f"{name} answers with impossible coordinates")
    return found


def _checked(longitude: Any, latitude: Any) -> Coordinates | None:
    """A place of numbers or their texts; None if it is nowhere, or null island."""
    try:
        lon, lat = float(longitude), float(latitude)
    except (TypeError, ValueError):
        return None
    is_there = math.isfinite(lon) and math.isfinite(lat) and abs(lon) <= 180 and abs(lat) <= 90
    return Coordinates(lon, lat) if is_there and (lon or lat) else None


def _lines(reader: "csv.DictReader[str]", path: Path) -> Any:
    names = {name.strip().lower(): name for name in reader.fieldnames or ()}
    keys = [names[name] for name in ("slug", "address") if name in names]
    lon = next((names[n] for n in ("lon", "lng", "longitude") if n in names), None)
    lat = next((names[n] for n in ("lat", "latitude") if n in names), None)
    if not keys or lon is None or lat is None:
        raise SettingsError(
            f"TRACKFLOW_GEOCODER_FILE={path} needs the columns slug or address, lon and lat"
        )
    for row in reader:
        place = _checked(row[lon], row[lat])
        key = next((row[name] for name in keys if row[name]), None)
        if place is None or key is None:
            raise SettingsError(
                f"TRACKFLOW_GEOCODER_FILE={path}, line {reader.line_num}: a slug or an address and "
                "two numbers in degrees are expected"
            )
        yield _key(key), place


def _key(text: str) -> str:
    """Case, commas and spaces make no difference."""
    return " ".join(text.casefold().replace(",", " ").split())
