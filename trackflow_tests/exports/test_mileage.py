"""Files of a month: they hold what the book says, and nothing of the moment of writing."""

import csv
import datetime as dt
import functools
import io
import itertools
import logging
import re
import zipfile
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from trackflow.errors import BadInputError
from trackflow.exports.mileage.lengths import KM, MI, UNITS, unit_named
from trackflow.exports.mileage.sections import sections_of
from trackflow.exports.mileage.writing import file_name, report_bytes
from trackflow.mileage.entries import PRIVATE_SHOWN, TripPart, changes_shown_to
from trackflow.mileage.grouping import DOUBLE
from trackflow.mileage.left_out import LeftOutTrack
from trackflow.mileage.odometer import Reading, Stretch
from trackflow.mileage.rates import LACKS
from trackflow.mileage.report import MonthReport, ReportTrip, for_readers, sums_of

texts = st.one_of(
    st.sampled_from(["=1+1", "+49 30", "-5", "@SUM(A1)", "a | b", 'a,b;"c"', "# x", "<b>", "\r\n"]),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12),
)  # fmt: skip
categories = st.sampled_from(["business", "private", None])


@st.composite
def trips(draw: st.DrawFn) -> ReportTrip:
    category, amount = draw(categories), draw(st.integers(0, 99_999))
    purpose, place = draw(texts), draw(texts)
    return trip(category=category, purpose=purpose, end_place=place, amount=f"{amount / 100:.2f}")


def trip(number: int = 1, **changes: Any) -> ReportTrip:
    day = f"2026-03-{number % 28 + 1:02}"
    content: dict[str, Any] = {
        "vehicle_id": "van", "plate": "ÄB-1", "driver": "Ada", "local_day": day,
        "start_time": f"{day}T08:00:00+02:00", "end_time": f"{day}T09:00:00+02:00",
        "start_place": "Mäkelänkatu 1", "end_place": "Αθήνα", "stops": ["Київ, Хрещатик"],
        "category": "business", "purpose": "Łódź", "partner": None, "mode": "driving",
        "distance_m": 12_345, "matched_permille": 987, "odometer_start_m": 1_000_000,
        "odometer_end_m": 1_012_345, "amount": "3.70", "currency": "EUR", "rate": "own",
    }  # fmt: skip
    return ReportTrip(f"id-{number}", content | changes, "closed", "ab" * 32)


def lines_of(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def report_of(found: list[ReportTrip], **changes: Any) -> MonthReport:
    start, end = (dt.datetime(2026, 3, day, tzinfo=dt.UTC) for day in (1, 30))
    values: dict[str, Any] = {
        "vehicle_id": "van", "plate": "ÄB-1", "kind": "van", "month": "2026-03",
        "zone": ZoneInfo("Europe/Helsinki"),
        "trips": for_readers(found, None), "sums": sums_of(one.content for one in found),
        "added": [], "amended_sums": [],
        "stretches": [Stretch(Reading(start, 1000), Reading(end, 9000), 8000, 9500)],
        "amendments": [], "last_hash": "ab" * 32, "book_hash": "cd" * 32,
    }  # fmt: skip
    return MonthReport(**(values | changes))


@settings(max_examples=25, deadline=None)
@given(st.lists(trips(), min_size=1, max_size=5))
def test_each_text_arrives_as_it_is_and_private_trips_tell_only_kilometres(
    found: list[ReportTrip],
) -> None:
    report = report_of(found)
    rows = list(csv.DictReader(io.StringIO(report_bytes(report, "csv").decode(), newline="")))
    sheet = openpyxl.load_workbook(io.BytesIO(report_bytes(report, "xlsx")))["Trips"]
    names = [cell.value for cell in sheet[1]]
    shown = [dict(zip(names, row, strict=True)) for row in sheet.iter_rows(min_row=2)]
    assert len(rows) == len(shown) == len(found)
    for one, row, cells in zip(found, rows, shown, strict=True):
        assert row["distance_km"] == "12.345"
        assert cells["distance_km"].value == 12.345
        assert f"{cells['local_day'].value:%Y-%m-%d}" == row["local_day"], "a day, and no text"
        assert all(cell.data_type != "f" for cell in cells.values()), "a formula"
        is_private = one.content["category"] == "private"
        for end in ("start", "end"):  # a time to reckon with, and what its clock was ahead of UTC
            clock, offset = cells[f"{end}_time"].value, cells[f"{end}_utc_offset"].value
            assert (f"{clock.isoformat()}{offset}" if clock else "") == row[f"{end}_time"]
            assert (clock is None) == is_private
        assert row["purpose"] == ("" if is_private else lines_of(one.content["purpose"]))
        assert row["end_place"] == ("" if is_private else lines_of(one.content["end_place"]))
        assert row["amount"] == ("" if is_private else one.content["amount"])
        # XML knows no control characters and one kind of line end
        kept = re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\r\n]", "", row["purpose"])
        assert re.sub(r"[\r\n]", "", cells["purpose"].value or "") == kept
    lines = report_bytes(report, "md").decode().split("\n")
    tables = [re.sub(r"\\.", "", line) for line in lines if line.startswith("|")]
    columns = [len(s.columns) for s in sections_of(report, KM) for _ in (0, 1, *s.rows) if s.rows]
    assert [line.count("|") - 1 for line in tables] == columns


@settings(max_examples=10, deadline=None)
@given(st.sampled_from(["WWWW ", "iii ", "W", "一", "Hämeenlinnan "]), st.integers(0, 3000))
def test_a_trip_of_any_number_of_stops_has_a_page(text: str, length: int) -> None:
    long = (text * length)[:length]
    found = [trip(purpose=long, partner=long, end_place=long, driver=long, stops=[long] * 3)]
    amendment = {"amendment_id": "1", "entry_id": "id-1", "reason": long, "amended_by": long,
                 "changes": {"stops": [[long], [long, long]]}, "amended_at": "2026-04-01T00:00:00",
                 "amendment_hash": "ab" * 32}  # fmt: skip
    made = report_bytes(report_of(found, amendments=[amendment]), "pdf")
    assert made.startswith(b"%PDF-")


@given(st.lists(st.text(min_size=1, max_size=200), min_size=2, max_size=2, unique=True))
def test_each_vehicle_has_files_of_its_own(ids: list[str]) -> None:
    names = [file_name(report_of([trip()], vehicle_id=one), "amendments") for one in ids]
    assert len(set(names)) == 2
    assert all(len(name.encode()) <= 255 and "/" not in name for name in names)


def test_the_bytes_are_the_same_and_know_no_clock(caplog: pytest.LogCaptureFixture) -> None:
    report = report_of([trip(number) for number in range(40)])
    with caplog.at_level(logging.WARNING):
        made = {name: report_bytes(report, name) for name in ("xlsx", "pdf")}
    assert {name: report_bytes(report, name) for name in made} == made
    year = str(dt.datetime.now(dt.UTC).year).encode()
    with zipfile.ZipFile(io.BytesIO(made["xlsx"])) as file:
        assert {info.date_time for info in file.infolist()} == {(2026, 3, 1, 0, 0, 0)}
        assert file.read("docProps/core.xml").count(b"2026-03-01T00:00:00Z") == 2
    assert b"D:20000101" in made["pdf"]
    assert b"D:" + year not in made["pdf"]
    assert int(re.findall(rb"/Count (\d+)", made["pdf"])[0]) >= 2, "pages"
    assert "missing" not in caplog.text, "the fonts lack Greek, Cyrillic or Latin letters"


@settings(max_examples=10, deadline=None)
@given(st.lists(trips(), min_size=1, max_size=4), st.lists(trips(), min_size=1, max_size=4))
def test_trips_that_came_late_are_in_each_report_and_in_sums_of_their_own(
    closed: list[ReportTrip], late: list[ReportTrip]
) -> None:
    """What the book says stays, and beside it stands what is so with all amendments."""
    amended = sums_of(one.content for one in (*closed, *late))
    amendment = {"amendment_id": "1", "entry_id": None, "reason": "late", "amended_by": "trackflow",
                 "changes": {"trip_id": [None, "id-1"], "purpose": [None, "x"]},
                 "amended_at": "2026-04-01T00:00:00",
                 "amendment_hash": "ab" * 32}  # fmt: skip
    book = report_of(closed)
    report = report_of(
        closed, added=for_readers(late, None), amended_sums=amended, amendments=[amendment]
    )
    assert report_bytes(report, "csv") == report_bytes(book, "csv")
    assert report.sums == book.sums
    metres = sum(one.content["distance_m"] for one in (*closed, *late))
    business = [one.content for one in (*closed, *late) if one.content["category"] == "business"]
    share = sum(one["distance_m"] for one in business) / metres
    assert report.amended_m == metres
    assert report.amended_business_share == share
    sheets = openpyxl.load_workbook(io.BytesIO(report_bytes(report, "xlsx")))
    odometer = list(sheets["Odometer"].values)
    assert odometer[0][0] == "From (Europe/Helsinki)", "a report has the clocks of its book"
    assert f"{odometer[1][0]}" == "2026-03-01 02:00:00"
    assert sheets["Trips after closing"].max_row == 1 + len(late)
    assert sheets["Trips"].max_row == 1 + len(closed)
    last = [cell.value for cell in list(sheets["Sums as amended"].rows)[-1]]
    assert (last[0], last[2]) == ("All", metres / 1000)
    assert sheets["Amendments"].max_row == 2, "it is told once that a trip was added"
    text = report_bytes(report, "md").decode()
    assert text.index("Trips that came after closing") < text.index("Sums with all amendments")


def test_each_report_says_which_trips_are_not_paid_and_what_their_rates_lack() -> None:
    unpaid: dict[str, Any] = {"amount": None, "currency": None}
    found = [trip(), *(trip(unpaid=lacks, **unpaid) for lacks in LACKS), trip(**unpaid)]
    sums = sums_of(one.content for one in found)
    report = report_of(found, amended_sums=sums)
    rows = csv.DictReader(io.StringIO(report_bytes(report, "csv").decode()))
    assert [row["unpaid"] for row in rows] == ["", *LACKS.values(), ""]
    sheets = openpyxl.load_workbook(io.BytesIO(report_bytes(report, "xlsx")))
    cells = [[cell.value for cell in row] for name in sheets.sheetnames for row in sheets[name]]
    text = report_bytes(report, "md").decode()
    for words in LACKS.values():
        assert words in itertools.chain(*cells)
        assert text.count(words) == 1
    assert ["business", 6, 74.07, 100, "3.70 EUR, 4 not paid"] in cells
    assert ["All", 6, 74.07, None, "3.70 EUR, 4 not paid"] in cells
    assert ["Amounts with all amendments", "3.70 EUR, 4 not paid"] in cells
    hidden = report_of([trip(unpaid="day", category="private", **unpaid)])
    assert LACKS["day"] not in report_bytes(hidden, "md").decode()


@functools.cache
def without_any(name: str) -> bytes:
    """The report of a month in which nothing is left out."""
    return report_bytes(report_of([trip()]), name)


@settings(max_examples=20, deadline=None)
@example([("business", "slow", 1)], None)
@example([("private", DOUBLE, 1)], None)
@given(
    st.lists(
        st.tuples(categories, st.sampled_from(["slow", "said", DOUBLE]), st.integers(0, 99_999)),
        max_size=6,
    ),
    st.sampled_from([None, "Ada"]),
)
def test_each_report_says_how_much_is_left_out_and_nothing_else_of_private_tracks(
    left: list[tuple[str | None, str, int]], reader: str | None
) -> None:
    start = dt.datetime(2026, 3, 2, 8, tzinfo=dt.UTC)
    tracks = [
        LeftOutTrack(
            "van",
            TripPart(f"phone-{k}", f"track-{k}", start, start, metres, 0.0, f"mode-{k}", category,
                     driver="Ada"),
            reason,
            f"person-{k}",
        )
        for k, (category, reason, metres) in enumerate(left)
    ]  # fmt: skip
    report = report_of([trip()], left_out=[one.shown_to(reader) for one in tracks])
    assert report_bytes(report, "csv") == without_any("csv")
    rows = list(csv.DictReader(io.StringIO(report_bytes(report, "left-out").decode())))
    assert [row["distance_km"] for row in rows] == [KM.text(metres) for *_, metres in left]
    for k, (row, (category, reason, _)) in enumerate(zip(rows, left, strict=True)):
        is_hidden = category == "private" and reader is None
        told = [row[name] for name in ("device_id", "track_id", "mode", "said_by", "start_time")]
        whole = [
            f"phone-{k}",
            f"track-{k}",
            f"mode-{k}",
            f"person-{k}",
            "2026-03-02T08:00:00+00:00",
        ]
        assert told == ([""] * 5 if is_hidden else whole)
        assert row["reason"] == ("" if is_hidden and reason != DOUBLE else reason)
    book = openpyxl.load_workbook(io.BytesIO(report_bytes(report, "xlsx")))
    in_sheet = {row[0].value: row[1].value for row in book["Chain"].iter_rows()}
    text = report_bytes(report, "md").decode()
    for words, twice in (
        ("tracks without the vehicle", False),
        ("recorded by another device", True),
    ):
        some = [metres for _, reason, metres in left if (reason == DOUBLE) == twice]
        says = f"{len(some)}, {KM.text(sum(some))} km"
        assert in_sheet[f"Left out: {words}"] == says
        assert f"Left out: {words} | {says} |" in text
    if len(left) == 1:  # the report for paper has the sections of the others
        assert report_bytes(report, "pdf") != without_any("pdf")


@given(st.integers(-(10**9), 10**9))
def test_kilometres_are_their_metres(metres: int) -> None:
    assert Decimal(KM.text(metres)) * 1000 == metres
    mile = Fraction(1_609_344, 1000)
    assert abs(Fraction(MI.text(metres)) * mile - metres) <= mile / 2000
    assert abs(MI.metres(float(MI.text(metres))) - metres) <= 1
    for unit in UNITS.values():
        assert re.fullmatch(r"-?\d+\.\d{3}", unit.text(metres))


def test_reports_for_people_are_in_miles_where_these_are_asked_for() -> None:
    """As rates and odometers of the UK and the USA are; the closed book's CSV stays as it is."""
    report = report_of([trip()])
    assert report_bytes(report, "csv", MI) == report_bytes(report, "csv")
    text = report_bytes(report, "md", MI).decode()
    assert "7.671" in text, "12,345 m"
    assert "| mi |" in text
    assert "Miles of the book" in text
    assert not re.search(r"\bkm\b|Kilomet", text)
    sheet = openpyxl.load_workbook(io.BytesIO(report_bytes(report, "xlsx", MI)))["Trips"]
    row = dict(zip(*([cell.value for cell in cells] for cells in sheet.rows), strict=True))
    assert (row["distance_mi"], row["odometer_end_mi"]) == (7.671, 629.042)
    assert not any(name.endswith("_km") for name in row)
    assert report_bytes(report, "pdf", MI) != report_bytes(report, "pdf")
    with pytest.raises(BadInputError, match="km, mi"):
        unit_named("ft")


contents = st.fixed_dictionaries(
    {"category": categories, "purpose": texts, "end_place": texts, "driver": st.just("Ada"),
     "distance_m": st.integers(0, 9)}
)  # fmt: skip


@given(st.lists(contents, min_size=2, max_size=5))
def test_amendments_tell_nothing_of_a_private_trip(states: list[dict[str, Any]]) -> None:
    changes = [
        {name: [old[name], new[name]] for name in old if old[name] != new[name]}
        for old, new in itertools.pairwise(states)
    ]
    everyone = changes_shown_to(states[0], changes, None)
    assert changes_shown_to(states[0], changes, "Ada") == changes, "the driver sees all"
    for k, change in enumerate(everyone):
        assert set(change) == set(changes[k])
        for name, values in change.items():
            for value, state in zip(values, states[k : k + 2], strict=True):
                is_hidden = state["category"] == "private" and name not in PRIVATE_SHOWN
                assert value == (None if is_hidden else state[name])
