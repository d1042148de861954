"""Moments in columns of their own are those that one column would have said."""

import datetime as dt
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.geo.time import to_us
from trackflow.sources.devices import traccar
from trackflow.sources.devices.envelopes import Envelope
from trackflow.sources.recognition import detect
from trackflow_tests.helpers.reading import NOW_US, read_bytes

PLACE = {"lat": 60.1, "lon": 24.9}
HEADERS = [
    ("year", "month", "day", "hour", "minute", "second"),
    ("YYYY", "MM", "DD", "hh", "mm", "ss"),
    ("Yr", "Mo", "Dy", "Hr", "Mn", "Sec"),
    ("UTC Year", "UTC Month", "UTC Day", "UTC Hour", "UTC Minute", "UTC Second"),
    ("Jahr", "Monat", "Tag", "Stunde", "Minute", "Sekunde"),
]
moments = st.datetimes(dt.datetime(1995, 1, 1), dt.datetime(2026, 1, 1)).map(  # noqa: DTZ001
    lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000)
)


def as_text(record: dict[str, object]) -> bytes:
    return "".join(",".join(map(str, row)) + "\n" for row in (record, record.values())).encode()


def as_json(record: dict[str, object]) -> bytes:
    return json.dumps([record]).encode()


def as_parquet(record: dict[str, object]) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table({name: [value] for name, value in record.items()}), out)
    return out.getvalue()


WRITERS = [as_text, as_json, as_parquet]


def moment_in(data: bytes) -> int:
    found = read_bytes(data, detect(data[:65_536], "file.csv"))
    assert (found.error, found.reasons) == ("", [])
    (row,) = found.rows
    return row[1]


@given(moments, st.sampled_from(HEADERS), st.sampled_from(WRITERS))
def test_a_column_for_each_part(at, header, writer):
    second = at.second + at.microsecond / 1e6
    parts = at.year, at.month, at.day, at.hour, at.minute, second
    record = dict(zip(header, parts, strict=True)) | PLACE
    assert moment_in(writer(record)) == to_us(at.replace(tzinfo=dt.UTC))


@given(moments, st.sampled_from(WRITERS))
def test_the_half_of_the_day_beside_a_clock(at, writer):
    hour = at.hour % 12 or 12
    record = {
        "date": f"{at:%Y-%m-%d}",
        "time": f"{hour}:{at:%M:%S}",
        "AM/PM": "PM" if at.hour >= 12 else "AM",
        **PLACE,
    }
    assert moment_in(writer(record)) == to_us(at.replace(tzinfo=dt.UTC, microsecond=0))


@given(moments, st.sampled_from(WRITERS))
def test_milliseconds_beside_a_clock(at, writer):
    record = {
        "UTC DATE": f"{at:%Y/%m/%d}", "UTC TIME": f"{at:%H:%M:%S}", "MS": at.microsecond // 1000,
        **PLACE,
    }  # fmt: skip
    assert moment_in(writer(record)) == to_us(at.replace(tzinfo=dt.UTC))


@given(moments, st.sampled_from(["time", "timestamp"]), st.sampled_from(WRITERS))
def test_a_whole_moment_goes_before_its_parts(at, name, writer):
    record = {name: f"{at.isoformat()}Z", "year": 2001, "month": 2, "day": 3, "hour": 4, **PLACE}
    assert moment_in(writer(record)) == to_us(at.replace(tzinfo=dt.UTC))


@given(moments)
def test_parts_of_a_moment_at_the_door(at):
    """In the parameters of an address as in files."""
    hour = at.hour % 12 or 12
    apart = {"year": at.year, "month": at.month, "day": at.day, "hour": at.hour,
             "minute": at.minute, "second": at.second}  # fmt: skip
    halved = {"date": f"{at:%Y-%m-%d}", "time": f"{hour}:{at:%M:%S}", "ampm": f"{at:%p}"}
    for moment in (apart, halved):
        query = {name: str(value) for name, value in (PLACE | moment).items()}
        found = traccar.read(b"", Envelope("traccar", query=query), NOW_US, NOW_US)
        assert found.points.time_us.tolist() == [
            to_us(at.replace(tzinfo=dt.UTC, microsecond=0))
        ]  # fmt: skip


@pytest.mark.parametrize(
    "parts", [(2024, 13, 1, 1, 1, 1), (2024, 2, 30, 1, 1, 1), (2024, 2, 3, 25, 1, 1),
              (2024, 2, 3, 1, 60, 1), (2024, "x", 3, 1, 1, 1), (2024, 2, 3.5, 1, 1, 1)]
)  # fmt: skip
def test_parts_of_no_moment_are_refused(parts):
    record = dict(zip(HEADERS[0], parts, strict=True)) | PLACE
    for writer in (as_text, as_json):
        data = writer(record)
        assert read_bytes(data, detect(data, "file.csv")).reasons == ["bad_time"]
