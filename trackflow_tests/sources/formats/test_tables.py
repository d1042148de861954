"""Parquet and Excel: tables that are no text, read by the vocabulary of CSV."""

import datetime as dt
import io
import json

import geopandas
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from trackflow.sources.containers import streams
from trackflow.sources.readers import discover
from trackflow.sources.recognition import detect
from trackflow_tests.helpers.reading import points, read_bytes, read_path
from trackflow_tests.sources.containers.test_archives import zipped

T = 1_767_225_600
rows_of = st.lists(points, min_size=1, max_size=20)


def moment(row) -> dt.datetime:
    return dt.datetime.fromtimestamp(row[1], dt.UTC)


def parquet(columns: dict, row_group_size: int = 7, **options) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out, row_group_size=row_group_size, **options)
    return out.getvalue()


TIMES = {
    "zoned": lambda rows: pa.array([moment(r) for r in rows], pa.timestamp("ms", "Europe/Berlin")),
    "naive": lambda rows: pa.array(
        [moment(r).replace(tzinfo=None) for r in rows], pa.timestamp("ns")
    ),
    "text": lambda rows: pa.array([moment(r).isoformat() for r in rows]).dictionary_encode(),
    "seconds": lambda rows: pa.array([r[1] for r in rows], pa.int64()),
    "milliseconds": lambda rows: pa.array([r[1] * 1000.0 for r in rows], pa.float64()),
}


def expected(rows) -> list:
    return [(r[0], r[1] * 1_000_000, r[4], r[3]) for r in rows]


@pytest.mark.parametrize("form", TIMES)
@settings(max_examples=20, deadline=None)
@given(rows=rows_of)
def test_parquet_reads_back_as_written(form, rows):
    if form in ("seconds", "milliseconds"):  # a short number is no time by itself
        rows = [(r[0], max(r[1], 1_000_000_000), *r[2:]) for r in rows]
    data = parquet(
        {
            "vehicle": [r[0] for r in rows], "Timestamp": TIMES[form](rows),
            "lat": [r[3] for r in rows], "lng": [r[4] for r in rows],
            "speed_kmh": [36] * len(rows), "tags": [["a"]] * len(rows),
        }
    )  # fmt: skip
    assert detect(data, "a.bin") == "parquet"
    found = read_bytes(data, "parquet")
    assert found.error == ""
    assert [row[:4] for row in found.rows] == expected(rows)
    assert {row[6] for row in found.rows} == {10.0}


@pytest.mark.parametrize("encoding", ["WKB", "geoarrow"])
@settings(max_examples=20, deadline=None)
@given(rows=rows_of)
def test_geoparquet_reads_back_as_written(encoding, rows):
    frame = geopandas.GeoDataFrame(
        {"device_id": [r[0] for r in rows], "time": [moment(r) for r in rows], "x": 1.0},
        geometry=shapely.points([r[4] for r in rows], [r[3] for r in rows]),
        crs="EPSG:4326",
    )
    out = io.BytesIO()
    frame.to_parquet(out, geometry_encoding=encoding)
    found = read_bytes(out.getvalue(), "parquet")
    assert found.error == ""
    assert [row[:4] for row in found.rows] == expected(rows)


def test_positions_that_are_not_longitude_and_latitude_say_so():
    for geometry, crs, words in (
        ([shapely.Point(1, 2)], "EPSG:3857", "not longitude and latitude"),
        ([shapely.LineString([(1, 2), (3, 4)])], "EPSG:4326", "not points"),
    ):
        out = io.BytesIO()
        geopandas.GeoDataFrame({"time": [moment((0, T))]}, geometry=geometry, crs=crs).to_parquet(
            out
        )
        assert words in read_bytes(out.getvalue(), "parquet").error


def test_a_parquet_file_without_positions_names_its_columns():
    error = read_bytes(parquet({"a": [1], "time": [T]}), "parquet").error
    assert "latitude" in error
    assert "found among: a, time" in error


def test_a_damaged_group_of_rows_costs_no_other():
    n = 4_000
    data = bytearray(
        parquet(
            {"time": range(T, T + n), "lat": [i / 100 for i in range(n)], "lon": [1.5] * n},
            row_group_size=1_000, compression="zstd", use_dictionary=False,
        )
    )  # fmt: skip
    group = pq.ParquetFile(io.BytesIO(bytes(data))).metadata.row_group(1).column(1)
    at = group.data_page_offset + 40
    data[at : at + 200] = b"\xff" * 200
    found = read_bytes(bytes(data), "parquet")
    assert len(found.rows) >= 3 * 1_000
    assert found.reasons == ["unreadable"]
    assert found.refused[0].where == "file: row group 2"


@settings(max_examples=80, deadline=None)
@given(at=st.integers(0), junk=st.binary(min_size=1, max_size=8), cut=st.booleans())
def test_a_damaged_parquet_file_gives_an_answer(at, junk, cut):
    data = parquet({"time": [T + i for i in range(20)], "lat": [1.5] * 20, "lon": [2.5] * 20})
    at %= len(data)
    read_bytes(data[:at] + junk + (b"" if cut else data[at + len(junk) :]), "parquet")


def test_a_parquet_file_that_claims_endless_rows_is_stopped(monkeypatch):
    monkeypatch.setattr(streams, "RATIO_FROM_BYTES", 1_000_000)
    n = 500_000
    data = parquet({"time": [T] * n, "lat": [1.5] * n, "lon": [2.5] * n}, row_group_size=n)
    assert "made to do harm" in read_bytes(data, "parquet").error


def excel(sheets: dict[str, list[list]], formats: dict[int, str] | None = None) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
            for column, number_format in (formats or {}).items():
                sheet.cell(sheet.max_row, column).number_format = number_format
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


HEADER = ["device", "time", "lat", "lon", "note"]


@settings(max_examples=40, deadline=None)
@given(rows_of, st.sampled_from(["date", "text", "seconds"]), st.integers(0, 3))
def test_excel_reads_back_as_written(rows, form, titles):
    rows = [(r[0], max(r[1], 1_000_000_000), *r[2:]) for r in rows]
    value = {
        "date": lambda r: moment(r).replace(tzinfo=None),
        "text": lambda r: moment(r).isoformat(),
        "seconds": lambda r: r[1],
    }[form]
    table = [[r[0], value(r), r[3], r[4], None if i % 2 else 'x,\n"y'] for i, r in enumerate(rows)]
    data = excel({"Sheet": [["Report"]] * titles + [HEADER, *table]})
    found = read_bytes(data, "excel")
    assert found.error == ""
    assert [row[:4] for row in found.rows] == expected(rows)


def test_a_workbook_is_found_by_content_in_files_and_archives(tmp_path):
    day, clock = moment((0, T)).replace(tzinfo=None), dt.time(0, 0, 1)
    table = [["date", "time", "lat", "lon"], [day, clock, 60.1, 24.9]]
    data = excel({"A": table}, {1: "yyyy-mm-dd", 2: "hh:mm:ss"})
    (tmp_path / "a.bin").write_bytes(data)
    (tmp_path / "b.zip").write_bytes(zipped({"b.xlsx": data}))
    found = read_path(tmp_path)
    assert [o.rows[0][:2] for o in found.values()] == [
        ("a", (T + 1) * 1_000_000), ("b", (T + 1) * 1_000_000)
    ]  # fmt: skip


def test_each_sheet_is_a_table():
    row = [moment((0, T + 43_200)).replace(tzinfo=None), 60.1, 24.9]
    header = ["time", "lat", "lon"]
    data = excel({"van 1": [header, row], "van 2": [header, row], "notes": [["hello"], ["p", "q"]]})
    found = read_bytes(data, "excel")
    assert found.points.devices == ("stem-van 1", "stem-van 2")
    assert found.skipped == {"sheet without positions": 1}
    assert (found.error, found.refused) == ("", [])
    assert "latitude" in read_bytes(excel({"notes": [["a", "b"], [1, 2]]}), "excel").error


@settings(max_examples=50, deadline=None)
@given(at=st.integers(0), junk=st.binary(min_size=1, max_size=8), cut=st.booleans())
def test_a_damaged_workbook_gives_an_answer(at, junk, cut):
    data = excel({"A": [HEADER, *(["a", T + i, 1.5, 2.5] for i in range(20))]})
    at %= len(data)
    found = read_bytes(data[:at] + junk + (b"" if cut else data[at + len(junk) :]), "excel")
    assert found.error or len(found.rows) + len(found.refused) + len(found.skipped) >= 1


@pytest.mark.parametrize(
    ("members", "words"),
    [
        (["[Content_Types].xml", "word/document.xml"], "Word"),
        (["[Content_Types].xml", "xl/workbook.bin"], "binary Excel"),
    ],
)
def test_other_documents_are_named(tmp_path, members, words):
    (tmp_path / "a.zip").write_bytes(zipped(dict.fromkeys(members, b"x")))
    (tmp_path / "b.zip").write_bytes(zipped({"inner.doc": zipped(dict.fromkeys(members, b"x"))}))
    assert [words in source.skipped for source in discover(tmp_path)] == [True, True]


def test_pandas_writes_what_is_read():
    frame = pd.DataFrame(
        {
            "recorded_at": pd.to_datetime([T], unit="s", utc=True),
            "latitude": 60.1,
            "longitude": 24.9,
        }
    )
    out = io.BytesIO()
    frame.set_index("recorded_at").to_parquet(out)
    (row,) = read_bytes(out.getvalue(), "parquet").rows
    assert row[1:4] == (T * 1_000_000, 24.9, 60.1)
    assert json.loads(pq.ParquetFile(out).schema_arrow.metadata[b"pandas"])
