"""Databases of apps, GeoPackages, and OpenDocument spreadsheets."""

import io
import sqlite3
import struct
import zipfile
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackflow.sources.parsing.sheets import SHEETS_MAX
from trackflow.sources.recognition import document_format
from trackflow_tests.helpers.reading import Outcome, points, read_any, read_bytes, read_path

AT = 1_714_557_600
"""2024-05-01T10:00:00Z"""
ISO, LATER = "2024-05-01T10:00:00Z", "2024-05-01T10:00:10Z"
MOMENTS = [(AT * 1_000_000, 24.9, 60.1), ((AT + 10) * 1_000_000, 24.8, 60.2)]
ALTITUDE, SPEED = 4, 6


def database(*statements: tuple[str, list[tuple]]) -> bytes:
    """A database after each statement was executed, once or for many rows."""
    connection = sqlite3.connect(":memory:")
    for statement, rows in statements:
        connection.executemany(statement, rows) if rows else connection.execute(statement)
    connection.commit()
    return connection.serialize()


def table(name: str, names: str, rows: list[tuple]) -> list[tuple[str, list[tuple]]]:
    marks = ",".join("?" * len(names.split(",")))
    return [(f"CREATE TABLE {name} ({names})", []), (f"INSERT INTO {name} VALUES ({marks})", rows)]


def assert_both(found: Outcome) -> list[tuple]:
    assert (found.error, found.reasons) == ("", [])
    assert sorted(row[1:4] for row in found.rows) == MOMENTS
    return sorted(found.rows, key=lambda row: row[1])


SINCE_2001 = AT - 978_307_200
TABLES = [
    table("trackpoints", "_id,trkptlat,trkptlon,trkptalt,trkpttime,trkptseg",
          [(1, 60.1, 24.9, 5, AT * 1000, 1), (2, 60.2, 24.8, 6, AT * 1000 + 10_000, 1)]),
    table("ZLOCATION", "Z_PK,ZTIMESTAMP,ZLATITUDE,ZLONGITUDE,ZSPEED",
          [(1, SINCE_2001, 60.1, 24.9, -1), (2, SINCE_2001 + 10, 60.2, 24.8, -1)]),
    table("log", "ts,lat,lon", [(ISO, "60,1", "24,9"), (LATER, "60,2", "24,8")]),
]  # fmt: skip


def test_columns_that_are_calculated_are_neither_read_nor_counted() -> None:
    """A row of a few bytes unfolds to a gigabyte, and all columns behind it were another one's."""
    bomb = "x AS (zeroblob(900000000))"
    made = [
        (f"CREATE TABLE log (id, {bomb}, ts, lat, lon)", []),
        (
            "INSERT INTO log (id, ts, lat, lon) VALUES (?, ?, ?, ?)",
            [(1, ISO, 60.1, 24.9), (2, LATER, 60.2, 24.8)],
        ),
    ]
    assert_both(read_any(database(*made), "x.db"))


@pytest.mark.parametrize("statements", TABLES)
def test_tables_of_apps_are_read_as_tables_of_text(statements) -> None:
    other = table("settings", "name,value", [("lat", None)])
    assert_both(read_any(database(*statements, *other), "x.db"))


def test_units_of_traccars_app_and_places_beside_a_recording() -> None:
    names = "id,deviceId,time,latitude,longitude,speed,charging,mock"
    rows = [(1, "77", AT * 1000, 60.1, 24.9, 36_000 / 1852, 0, 0),
            (2, "77", AT * 1000 + 10_000, 60.2, 24.8, 0, 0, 0)]  # fmt: skip
    places = table("places", "name,lat,lon,created_at", [("home", 1.5, 2.5, AT)])
    first, _ = assert_both(read_any(database(*table("position", names, rows), *places)))
    assert (first[0], first[SPEED]) == ("77", pytest.approx(10))
    assert len(read_any(database(*places)).rows) == 1


def test_several_tables_are_several_devices() -> None:
    names, (first, second) = "time,lat,lon", [(AT, 60.1, 24.9), (AT + 10, 60.2, 24.8)]
    data = database(*table("a", names, [first]), *table("b", names, [second]))
    assert [row[0] for row in assert_both(read_any(data))] == ["stem-a", "stem-b"]


def layer(projection: int, *blobs: bytes) -> bytes:
    columns = table("gpkg_geometry_columns", "table_name,column_name,srs_id",
                    [("points", "shape", projection)])  # fmt: skip
    rows = list(zip(range(2), blobs, [ISO, LATER], strict=False))
    return database(*columns, *table("points", "fid,shape,time", rows))


def test_layers_of_a_geopackage() -> None:
    flat = b"GP\0\x01" + struct.pack("<iBIdd", 4326, 1, 1, 24.9, 60.1)
    box = struct.pack("<4d", 24.8, 24.8, 60.2, 60.2)
    high = b"GP\0\x03" + struct.pack("<i", 4326) + box
    high += struct.pack("<BIddd", 1, 1001, 24.8, 60.2, 7)
    rows = assert_both(read_any(layer(4326, flat, high)))
    assert [row[ALTITUDE] for row in rows] == [None, 7.0]
    assert "EPSG:3067" in read_any(layer(3067, flat)).error


def test_what_has_no_table_of_positions_or_too_many_says_so() -> None:
    many = ods("<table:table/>" * (SHEETS_MAX + 1))
    assert "more than 1,000 sheets" in read_bytes(many, "ods").error
    assert "no table with positions" in read_any(database(*table("a", "b", [(1,)]))).error


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 100_000), st.binary(min_size=1, max_size=200), st.booleans())
def test_a_damaged_database_gives_an_answer(at: int, junk: bytes, cut: bool) -> None:
    rows = [(AT + k, 60.1, 24.9) for k in range(300)]
    data = database(*table("a", "time,lat,lon", rows))
    at %= len(data)
    found = read_bytes(data[:at] + junk + (b"" if cut else data[at + len(junk) :]), "sqlite")
    assert found.error or found.refused or found.rows


def sheet(rows: list[list[object]], name: str = "S") -> str:
    def cell(value: object) -> str:
        kind = {str: "string", float: "float", bytes: "date"}[type(value)]
        text = value.decode() if isinstance(value, bytes) else str(value)
        shown = {"date": "01.05.24", "float": text.replace(".", ",")}.get(kind, text)
        name = "date-value" if kind == "date" else "value"
        given = "" if kind == "string" else f' office:{name}="{text}"'
        return (
            f'<table:table-cell office:value-type="{kind}"{given}><text:p>{escape(shown)}</text:p>'
            "</table:table-cell>"
        )

    lines = "".join(f"<table:table-row>{''.join(map(cell, row))}</table:table-row>" for row in rows)
    return f'<table:table table:name="{name}"><table:table-column/>{lines}</table:table>'


def ods(*sheets: str) -> bytes:
    names = "".join(
        f' xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in ("office", "table", "text")
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("content.xml", f"<office:body{names}>{''.join(sheets)}</office:body>")
        archive.writestr("styles.xml", "<x/>")
        archive.writestr("META-INF/manifest.xml", "<x/>")
    return out.getvalue()


HEADER: list[object] = ["time", "lat", "lon"]
ODS = [[b"2024-05-01T10:00:00", 60.1, 24.9], [b"2024-05-01T10:00:10", 60.2, 24.8]]


def test_a_spreadsheet_is_read_by_the_values_of_its_cells(tmp_path: Path) -> None:
    data = ods(sheet([["Report"], [], HEADER, *ODS]))
    assert_both(read_bytes(data, "ods"))
    (tmp_path / "van.ods").write_bytes(data)
    (found,) = read_path(tmp_path).values()
    assert {row[0] for row in assert_both(found)} == {"van"}
    named = document_format(["content.xml", "styles.xml", "META-INF/manifest.xml"])
    assert getattr(named, "name", "") == "ods"
    several = read_bytes(ods(*(sheet([HEADER, row], f"van {k}") for k, row in enumerate(ODS)),
                             sheet([["notes"]], "n")), "ods")  # fmt: skip
    assert [row[0] for row in several.rows] == ["stem-van 0", "stem-van 1"]
    assert several.skipped == {"sheet without positions": 1}


@settings(max_examples=30, deadline=None)
@given(st.lists(points, min_size=1, max_size=10))
def test_a_spreadsheet_reads_back_as_written(rows) -> None:
    table_of = [[f"{second}", lat, lon] for _, second, _, lat, lon in rows]
    found = read_bytes(ods(sheet([HEADER, *table_of])), "ods")
    assert [row[1:4] for row in found.rows] == [(s * 10**6, x, y) for _, s, _, y, x in rows]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 100_000), st.binary(min_size=1, max_size=20), st.booleans())
def test_a_damaged_spreadsheet_gives_an_answer(at: int, junk: bytes, cut: bool) -> None:
    data = ods(sheet([HEADER, *ODS * 5]))
    at %= len(data)
    found = read_bytes(data[:at] + junk + (b"" if cut else data[at + len(junk) :]), "ods")
    assert found.error or found.refused or found.rows
