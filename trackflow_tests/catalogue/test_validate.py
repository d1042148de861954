from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from trackflow.catalogue.records import (
    FIELDS,
    LIST_FIELDS,
    CatalogueTrack,
    Details,
    ListedTrack,
    completeness,
    keep_details,
)
from trackflow.catalogue.sources.listing_file import ListingFile, parse_listing
from trackflow.catalogue.validate import (
    count,
    country_of,
    degrees,
    e164,
    email_address,
    known,
    names_used_more_than_once,
    validate,
    web_address,
)
from trackflow.concurrency.deadline import NEVER
from trackflow.errors import (
    PageMissingError,
    SourceUnavailableError,
    StructureChangedError,
    TrackflowError,
)

anything = st.none() | st.text(max_size=60) | st.sampled_from(["N/A", "n/a ", "-", "1,234", "Oslo"])


def validated(**raw: str | None) -> tuple[CatalogueTrack, dict[str, str]]:
    track, anomalies = validate(ListedTrack("here", "Here"), Details(raw))
    return track, {a.field: a.reason for a in anomalies}


@settings(max_examples=120)
@given(name=anything, raw=st.dictionaries(st.sampled_from(FIELDS[2:]), anything))
@example(name="\x86 0", raw={})
def test_whatever_a_source_writes_no_track_is_lost(
    name: str | None, raw: dict[str, str | None]
) -> None:
    track, anomalies = validate(ListedTrack("here", name, raw.get("url") or "", raw), Details({}))
    assert track.slug == "here"
    assert track.name
    assert {a.field for a in anomalies} <= set(FIELDS)
    assert all(a.slug == "here" and a.reason and len(a.value) <= 100 for a in anomalies)
    assert (track.longitude is None) == (track.latitude is None)
    assert (track.country is None) == (track.country_code is None)
    # What is accepted stays what it is when it comes again, so a second sync changes nothing.
    again = {f: _written(getattr(track, f)) for f in FIELDS[3:]}
    same, none = validate(ListedTrack("here", track.name, track.url or "", again), Details({}))
    assert same == track
    assert not none


def _written(value: object) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value)


@given(number=st.integers(0, 10**12))
def test_numbers_are_read_as_people_write_them(number: int) -> None:
    assert count(f"{number:,}") == count(str(number)) == number


@pytest.mark.parametrize(
    "text",
    ["1,23", "12,34,567", "-1", "1.5", "1e3", "²", "\u0661\u0662", "1 000", "9" * 5000, "10" * 9],
)
def test_what_is_no_number_of_things_is_unknown(text: str) -> None:
    track, reasons = validated(laps=text)
    assert track.laps is None
    assert list(reasons) == ["laps"]


@pytest.mark.parametrize("text", ["N/A", " n/a", "", "  ", "-", None, "None"])
def test_not_available_is_nothing_odd(text: str | None) -> None:
    track, reasons = validated(phone=text, email=text, website=text, laps=text, country=text)
    assert track == CatalogueTrack("here", "Here")
    assert not reasons


@pytest.mark.parametrize(
    ("text", "country", "wanted"),
    [
        ("(602) 555-0142", "US", "+16025550142"),
        ("+44 113 234 5678", None, "+441132345678"),
        ("0221 / 12 34 56", "DE", "+49221123456"),
        ("+1 602 555 0142 ext. 3", "US", "+16025550142"),
    ],
)
def test_telephone_numbers_are_read_by_country(text: str, country: str | None, wanted: str) -> None:
    assert e164(text, country) == wanted


@pytest.mark.parametrize(
    ("text", "country", "reason"),
    [
        ("0221 123456", None, "the country is not known"),
        ("call Bob", "US", "no telephone number"),
        ("12", "US", "too short"),
        ("+49 " + "1" * 30, "DE", "telephone number"),
    ],
)
def test_bad_telephone_numbers_say_why(text: str, country: str | None, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        e164(text, country)


@pytest.mark.parametrize("text", ["info@", "a b@example.com", "info@localhost", "@example.com"])
def test_bad_e_mail_addresses(text: str) -> None:
    with pytest.raises(ValueError, match="no e-mail address"):
        email_address(text)
    assert email_address("Bob@Example.COM") == "Bob@example.com"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("www.example.com", "http://www.example.com"),
        ("//example.com/x", "http://example.com/x"),
        ("https://example.com:8443/a?b=c#d", "https://example.com:8443/a?b=c#d"),
        ("example.com:8080/rc", "http://example.com:8080/rc"),
        ("http://müller.example.de/", "http://müller.example.de/"),
    ],
)
def test_web_addresses(text: str, wanted: str) -> None:
    assert web_address(text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "javascript:alert(1)", "http://", "http://localhost", "ftp://example.com", "a b.com",
        "http://exa mple.com", "http://[::1", 'http://x.com/"onclick=', "mailto:a@example.com",
        "http://example.com:99999/", "http://..com",
    ],
)  # fmt: skip
def test_bad_web_addresses_never_become_links(text: str) -> None:
    with pytest.raises(ValueError, match="no web address"):
        web_address(text)


def test_a_page_of_the_tracks_own_becomes_a_link_only_if_it_is_one() -> None:
    track, anomalies = validate(ListedTrack("here", "Here", "javascript:alert(1)"), None)
    assert track.url is None
    assert [a.field for a in anomalies] == ["url"]
    assert validate(ListedTrack("here", "Here", "http://127.0.0.1:8/x"), None)[0].url


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("United States", "US"), ("USA", "US"), ("us", "US"), ("U.S.A.", "US"), ("England", "GB"),
        ("United Kingdom", "GB"), ("South Korea", "KR"), ("Türkiye", "TR"), ("Turkey", "TR"),
        ("Czech Republic", "CZ"), ("The Netherlands", "NL"), ("Taiwan", "TW"), ("Russia", "RU"),
        ("Deutschland", "DE"), ("México", "MX"), ("Puerto Rico", "PR"), ("Atlantis", None),
        ("Leeds LS1 4AP", None), ("12", None), ("276", None),
    ],
)  # fmt: skip
def test_countries_by_the_names_that_people_use(text: str, code: str | None) -> None:
    found = country_of(text)
    assert (found[1] if found else None) == code


def test_a_country_that_there_is_not_is_reported() -> None:
    track, reasons = validated(country="Atlantis", phone="+44 113 234 5678")
    assert track.country is None
    assert "ISO 3166" in reasons["country"]
    assert track.phone == "+441132345678"


@pytest.mark.parametrize(
    ("longitude", "latitude", "bad"),
    [
        ("24.9", "60.2", None),
        ("181", "60", "longitude"),
        ("24", "90.5", "latitude"),
        ("nan", "60", "longitude"),
        ("0", "0.0", "latitude"),
        ("24.9", None, "longitude"),
        (None, "60.2", "latitude"),
        ("east", "60", "longitude"),
        (None, None, None),
    ],
)
def test_coordinates_come_in_pairs(
    longitude: str | None, latitude: str | None, bad: str | None
) -> None:
    track, reasons = validated(longitude=longitude, latitude=latitude)
    assert list(reasons) == ([bad] if bad else [])
    assert (track.longitude is not None) == (bad is None and longitude is not None)
    assert degrees("-179.5", 180) == -179.5


def test_text_is_one_clean_line_and_not_without_end() -> None:
    assert known("  A\n\tB\u00a0C\x00 ") == "A B C"
    track, reasons = validated(city="x" * 501, address="1 Main\n\n N/A \nHall B")
    assert track.city is None
    assert "longer" in reasons["city"]
    assert track.address == "1 Main\nHall B"


def test_the_slug_stands_in_for_a_missing_name() -> None:
    track, anomalies = validate(ListedTrack("here", None), None)
    assert track.name == "here"
    assert anomalies[0].field == "name"


def test_a_track_whose_page_failed_keeps_what_was_known_of_it() -> None:
    old = CatalogueTrack("here", "Old", phone="+441132345678", laps=5, activity="racing")
    new, _ = validate(ListedTrack("here", "New", raw={"activity": None}), None)
    kept = keep_details(old, new)
    assert kept == CatalogueTrack("here", "New", phone="+441132345678", laps=5)
    assert {f.name for f in fields(CatalogueTrack)} >= LIST_FIELDS


def test_names_may_be_used_more_than_once() -> None:
    tracks = [CatalogueTrack(slug, name) for slug, name in ("aX", "bY", "cX")]
    assert names_used_more_than_once(tracks) == {"X": 2}


def test_completeness_is_the_share_that_is_known() -> None:
    tracks = [CatalogueTrack("a", "A", city="Oslo"), CatalogueTrack("b", "B")]
    shares = completeness(tracks)
    assert shares["city"] == 0.5
    assert shares["phone"] == 0
    assert shares["name"] == 1
    assert not {"slug", "activity", "event_name"} & set(shares)
    assert completeness([]) == {}


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b'[{"slug": "a", "name"', SourceUnavailableError),
        (b'{"tracks": 5}', StructureChangedError),
        (b'{"slug" "a"}', StructureChangedError),
        (b"[1, 2]", StructureChangedError),
        (b"<html><body>Sorry</body></html>", StructureChangedError),
        (b"", StructureChangedError),
        (b"town,city\nA,B\n", StructureChangedError),
    ],
)
def test_a_listing_that_is_none(body: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        parse_listing(body)


HELSINKI = {"name": "Älvsjö RC", "city": "Oslo, 0150", "latitude": "59.9", "longitude": "10.7"}


@pytest.mark.parametrize(
    "body",
    [
        "id,Name,Town,Post code,Lat,Lng,Notes\nx,Älvsjö RC,Oslo,0150,59.9,10.7,n\n",
        "ID;Titel;Titel2;Club;Ort;PLZ;Breite;Länge\nx;;;Älvsjö RC;Oslo;0150;59,9;10,7\n",
        "key\tTrack\tLocality\tZIP\tCoordinates\nx\tÄlvsjö RC\tOslo\t0150\t59.9, 10.7\n",
        '[{"ref": "x", "club": "Älvsjö RC", "place": "Oslo", "zip": "0150", "y": 59.9, "x": 10.7}]',
        (
            '{"type": "FeatureCollection", "features": [{"type": "Feature", "id": "x", "geometry": '
            '{"type": "Point", "coordinates": [10.7, 59.9]}, "properties": {"name": "Älvsjö RC", '
            '"town": "Oslo", "postal_code": "0150"}}]}'
        ),
    ],
)
def test_usual_names_mean_the_same(body: str) -> None:
    for encoded in (body.encode(), body.encode("utf-8-sig"), body.encode("cp1252")):
        if encoded[:1] in b"[{" and encoded != body.encode():
            continue  # JSON is UTF-8
        (row,) = parse_listing(encoded).rows
        found = {"name": row.name} | {k: v for k, v in row.raw.items() if v is not None}
        assert (row.slug, found) == ("x", HELSINKI)


def test_a_list_without_keys_has_those_of_its_names() -> None:
    listing = parse_listing("Name,Town\nÄlvsjö RC,Oslo\nÄlvsjö RC,Bergen\n".encode())
    assert [row.slug for row in listing.rows] == ["alvsjo-rc-oslo", "alvsjo-rc-bergen"]
    assert not listing.anomalies


def test_columns_that_are_not_read_are_named() -> None:
    listing = parse_listing(b"slug,Surface,lat,lon,Opening hours\na,clay,1,2,9-5\n")
    assert [(a.field, a.value) for a in listing.anomalies] == [
        ("column", "surface"),
        ("column", "opening_hours"),
    ]


@given(st.binary(max_size=200))
def test_any_listing_is_read_or_refused(body: bytes) -> None:
    try:
        parse_listing(body)
    except TrackflowError:
        return


def test_a_listing_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "tracks.csv"
    path.write_text("\ufeffSlug,Name,City,Other\na,A,Oslo,x\nb,B\n,C,\na,D\n\n", "utf-8")
    source = ListingFile(str(path))
    listing = source.list_tracks(None, NEVER)  # type: ignore[arg-type]
    assert [(r.slug, r.name, r.raw["city"]) for r in listing.rows] == [
        ("a", "A", "Oslo"),
        ("b", "B", None),
    ]
    assert listing.row_count == 4
    assert [(a.field, a.value) for a in listing.anomalies] == [
        ("column", "other"),
        ("row", ""),
        ("slug", "a"),
    ]
    assert source.site == str(path)
    with pytest.raises(PageMissingError):
        ListingFile(str(path) + "x").list_tracks(None, NEVER)  # type: ignore[arg-type]
    body = b'[{"slug": "a", "laps": 12, "is_featured": true, "address": ["1", "2"]}]'
    assert parse_listing(body).rows[0].raw["address"] == "1\n2"
    assert ListingFile("https://u:p@example.com/x").site == "example.com"
