"""What a geocoder is asked, and what is made of any answer."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from trackflow.catalogue.records import CatalogueTrack
from trackflow.concurrency.deadline import NEVER, Deadline
from trackflow.concurrency.polite import Page
from trackflow.errors import SettingsError, StructureChangedError
from trackflow.places.geocoding import (
    Coordinates,
    CoordinatesFile,
    Nominatim,
    Photon,
    geocoder_at,
)


class Answering:
    """A web that always answers the same."""

    def __init__(self, body: bytes) -> None:
        self.body, self.urls = body, list[str]()

    def get(self, url: str, deadline: Deadline) -> Page:
        self.urls.append(url)
        return Page(url, self.body)


def track(**known: str) -> CatalogueTrack:
    return CatalogueTrack("a", "A", **known)  # type: ignore[arg-type]


def test_an_address_is_asked_for_and_a_country_alone_is_none() -> None:
    full = track(address="1 High St\n Unit 2 ", city="Leeds, LS1", country="United Kingdom")
    assert full.address_query == "1 High St, Unit 2, Leeds, LS1, United Kingdom"
    assert track(country="United Kingdom").address_query is None
    assert track(country="Spain", map_query="the  old\ttrack").address_query == "the old track"
    assert track().address_query is None


@pytest.mark.parametrize(
    ("geocoder", "body", "path"),
    [
        (
            Nominatim("http://n.example/"),
            b'[{"lon": "-1.5", "lat": "53.8"}]',
            "http://n.example/search?q=Z%C3%BCrich+%26+1&format=jsonv2&limit=1",
        ),
        (
            Photon("http://p.example"),
            b'{"features": [{"geometry": {"coordinates": [-1.5, 53.8]}}]}',
            "http://p.example/api?q=Z%C3%BCrich+%26+1&limit=1",
        ),
    ],
)
def test_the_first_answer_counts(geocoder: Nominatim | Photon, body: bytes, path: str) -> None:
    web = Answering(body)
    assert geocoder.locate("Zürich & 1", web, NEVER) == Coordinates(-1.5, 53.8)
    assert web.urls == [path]


def test_no_answer_is_an_answer() -> None:
    assert Nominatim("http://n").locate("x", Answering(b"[]"), NEVER) is None
    assert Photon("http://p").locate("x", Answering(b'{"features": []}'), NEVER) is None


@pytest.mark.parametrize(
    "body",
    [
        b"<html>", b"null", b"{}", b"[1]", b"[{}]", b'[{"lon": "x", "lat": 1}]', b'{"features": 1}',
        b'[{"lon": 181, "lat": 1}]', b'[{"lon": 0, "lat": 0}]', b'[{"lon": "nan", "lat": 1}]',
        b'{"features": [{}]}', b'{"features": [{"geometry": {"coordinates": [1]}}]}',
        b'{"features": [{"geometry": {"coordinates": [1, 99]}}]}',
    ],
)  # fmt: skip
def test_nonsense_is_distinguished_from_no_answer(body: bytes) -> None:
    for geocoder in (Nominatim("http://n.example"), Photon("http://p.example")):
        with pytest.raises(StructureChangedError):
            geocoder.locate("x", Answering(body), NEVER)


STREET = {"osm_key": "highway", "name": "Talstrasse", "postcode": "70188", "city": "Stuttgart"}
"""A street of Photon has its own name only (komoot/photon, issue 402)."""

CAFE = {"osm_key": "amenity", "name": "Bar", "street": "Via Nola", "housenumber": "18",
        "postcode": "00185", "city": "Roma", "countrycode": "IT"}  # fmt: skip


@pytest.mark.parametrize(
    ("geocoder", "answer", "address"),
    [
        (Photon("http://p"), {"features": [{"properties": STREET}]}, "Talstrasse, 70188 Stuttgart"),
        (Photon("http://p"), {"features": [{"properties": CAFE}]}, "Via Nola 18, 00185 Roma"),
        (
            Nominatim("http://n"),
            {
                "address": {
                    "house_number": "1",
                    "road": "High St",
                    "town": "Y",
                    "country_code": "gb",
                }
            },
            "1 High St, Y",
        ),
    ],
)
def test_the_address_of_a_position_is_one_line(
    geocoder: Nominatim | Photon, answer: dict[str, Any], address: str
) -> None:
    web = Answering(orjson.dumps(answer))
    assert geocoder.address_at(Coordinates(9.2, 48.8), web, NEVER) == address


def test_addresses_of_geocoders() -> None:
    assert geocoder_at("https://n.example/x") == Nominatim("https://n.example/x")
    assert geocoder_at("nominatim+http://n.example") == Nominatim("http://n.example")
    assert geocoder_at("photon+http://p.example") == Photon("http://p.example")
    for wrong in ("n.example", "ftp://n.example", "photon+", "https://", "other+https://x"):
        with pytest.raises(SettingsError, match="TRACKFLOW_GEOCODER_URL"):
            geocoder_at(wrong)


@pytest.mark.parametrize("hint", ["", "\ufeff", "sep=|\r\n"], ids=["plain", "mark", "hint"])
@pytest.mark.parametrize("separator", ",;\t")
def test_a_file_of_coordinates(tmp_path: Path, separator: str, hint: str) -> None:
    path = tmp_path / "places.csv"
    text = 'Slug|Address|Lon|Lat\nleeds||-1.5|53.8\n|"1 High St, York"|-1.1|53.9\n'
    if separator == ";":
        text = text.replace("1.", "1,").replace("53.", "53,")
    path.write_text((hint + text).replace("|", separator), "utf-8", newline="")
    found = CoordinatesFile.read(path)
    assert found.find("LEEDS", None) == Coordinates(-1.5, 53.8)
    assert found.find("york", "1  high st York") == Coordinates(-1.1, 53.9)
    assert found.find("york", None) is None


@pytest.mark.parametrize(
    "text", ["", "slug,lon\na,1\n", "slug,lon,lat\na,x,1\n", "slug,lon,lat\n,1,1\n", "lon,lat\n1,1"]
)
def test_a_file_that_makes_no_sense_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "places.csv"
    path.write_text(text)
    with pytest.raises(SettingsError, match="TRACKFLOW_GEOCODER_FILE"):
        CoordinatesFile.read(path)
    with pytest.raises(SettingsError, match="cannot be read"):
        CoordinatesFile.read(tmp_path / "missing.csv")
