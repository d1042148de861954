"""Axes of sensors, rounded counts, routes in trainings and times of servers around a position."""

import io
import json
import math

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from trackflow.sources.devices import geojson_batch
from trackflow.sources.devices.envelopes import Envelope
from trackflow.sources.file_format import UnknownFormatError
from trackflow.sources.recognition import detect
from trackflow.sources.values.moments import DateOrder, parse_time
from trackflow_tests.helpers.any_values import rows
from trackflow_tests.helpers.fit_writer import LAT, LON, TIMESTAMP, data, definition, fit
from trackflow_tests.helpers.fit_writer import position as of_fit
from trackflow_tests.helpers.reading import NOW_US, only_row, read_any, read_bytes

AT = 1_714_557_600
ISO = "2024-05-01T10:00:00Z"
ACCURACY, SPEED = 5, 6


def both(message: object) -> tuple[object, ...]:
    """The one point of a message in a file, which is that at the door."""
    row = only_row(json.dumps(message), "file.json")
    body = json.dumps(message).encode()
    (sent,) = rows(geojson_batch.read(body, Envelope("geojson"), NOW_US))
    assert sent[1:] == row[1:]
    return row


@pytest.mark.parametrize("kind", ["csv", "json", "parquet", "excel"])
def test_axes_of_a_sensor_are_no_place(kind: str) -> None:
    table = {"time": [ISO], "x": [0.1], "y": [9.8], "z": [0.2]}
    out = io.BytesIO()
    match kind:
        case "csv":
            out.write(f"time,seconds_elapsed,z,y,x\n{ISO},0.1,0.2,9.8,0.1\n".encode())
        case "json":
            out.write(json.dumps([{name: values[0] for name, values in table.items()}]).encode())
        case "parquet":
            pq.write_table(pa.table(table), out)
        case _:
            book = openpyxl.Workbook()
            book.active.append(list(table))
            book.active.append([values[0] for values in table.values()])
            book.save(out)
    found = (
        read_any(out.getvalue(), "Gravity.csv")
        if kind == "csv"
        else read_bytes(out.getvalue(), "geojson" if kind == "json" else kind)
    )
    assert not found.rows
    assert kind == "json" or "--columns" in found.error


def test_x_and_y_with_more_about_a_place_are_one() -> None:
    assert only_row(f"time,x,y,z,speed\n{ISO},24.9,60.1,5,1\n")[2:5] == (24.9, 60.1, 5.0)
    assert both([{"time": ISO, "pos": {"x": 24.9, "y": 60.1, "z": 5, "s": 1, "c": 2, "sc": 9}}])


@given(st.integers(1_000_000_000, 1_790_000_000_000))
def test_a_count_of_six_digits_with_an_exponent_is_no_time(count: int) -> None:
    rounded = f"{count:.5E}"
    assert parse_time(rounded) is None
    assert parse_time(rounded.replace(".", ",")) is None
    assert parse_time(f"{count:.12E}") == parse_time(str(count))


def test_counts_in_floating_point_have_all_their_digits_in_parquet() -> None:
    for unit in (1, 1000):
        out = io.BytesIO()
        counts = pa.array([AT // 10_000 * 10_000.0 * unit, None, float("nan")])
        pq.write_table(pa.table({"t": counts, "lat": [60.1] * 3, "lon": [24.9] * 3}), out)
        found = read_bytes(out.getvalue(), "parquet")
        assert [row[1] for row in found.rows] == [AT // 10_000 * 10_000 * 10**6]
        assert found.reasons == ["no_time", "bad_time"]


ROUTE = [{"dateTime": "2024-05-01T13:00:01.000", "longitude": 24.9, "latitude": 60.1},
         {"dateTime": "2024-05-01T13:00:02.000", "longitude": 24.9, "latitude": 60.2}]  # fmt: skip
EXERCISE = {"startTime": "2024-05-01T13:00:00.000", "timezoneOffset": 180, "latitude": 60.0,
            "longitude": 24.9, "samples": {"recordedRoute": ROUTE}}  # fmt: skip


@pytest.mark.parametrize(
    "message", [EXERCISE, {**EXERCISE, "exercises": [EXERCISE]}, [EXERCISE] * 10]
)
def test_the_route_inside_a_record_with_a_place_is_read(message: object) -> None:
    found = read_any(json.dumps(message), "training-session.json")
    assert found.reasons == []
    assert {(row[1], row[3]) for row in found.rows} == {
        ((AT + second) * 10**6, lat) for second, lat in enumerate((60.0, 60.1, 60.2))
    }


@pytest.mark.parametrize("name", ["hotspots", "nextStops", "onward_route", "plannedTrack"])
def test_who_heard_a_message_and_what_lies_ahead_are_no_route(name: str) -> None:
    place = {"time": ISO, "lat": 61.0, "lon": 25.0}
    assert both({"time": ISO, "lat": 60.1, "lon": 24.9, name: [place]})[3] == 60.1


@pytest.mark.parametrize("name", ["rx_metadata", "rxInfo", "hotspots", "gateways"])
def test_where_a_gateway_is_its_sender_is_not(name: str) -> None:
    place = {"latitude": 61.0, "longitude": 25.0}
    for heard in ({"time": ISO, "location": place}, {"time": ISO, **place}):
        found = read_any(json.dumps({"time": ISO, "up": {"object": {"t": 5}, name: [heard]}}))
        assert not found.rows


def test_numbered_members_of_cayenne() -> None:
    payload = {"gps_1": {"latitude": 60.1, "longitude": 24.9, "altitude": 5}, "temperature_2": 20}
    uplink = {"received_at": ISO, "decoded_payload": payload}
    row = both({"received_at": LATER, "uplink_message": uplink})
    assert row[1:5] == (AT * 10**6, 24.9, 60.1, 5.0)


def test_a_payload_that_is_called_data_is_no_date() -> None:
    place = {"lat": 60.1, "lng": 24.9, "radius": 3000}
    row = both({"device": "1A2B", "time": AT, "data": "00", "computedLocation": place})
    assert (row[0], row[1], row[ACCURACY]) == ("1A2B", AT * 10**6, 3000.0)


LATER = "2024-05-01T10:00:02.5Z"
INSIDE = [
    {"received_at": LATER, "uplink_message": {
        "settings": {"timestamp": 123, "time": LATER}, "received_at": ISO,
        "decoded_payload": {"latitude": 60.1, "longitude": 24.9}}},
    {"timestamp": AT + 5, "payload": {"latitude_i": 601_000_000, "longitude_i": 249_000_000,
                                      "time": AT}, "type": "position"},
    {"response": {"drive_state": {"gps_as_of": AT, "latitude": 60.1, "longitude": 24.9,
                                  "timestamp": (AT + 3) * 1000}}},
]  # fmt: skip


@pytest.mark.parametrize("message", INSIDE)
def test_the_time_beside_a_position_goes_before_that_of_the_server(message: object) -> None:
    assert both(message)[1:4] == (AT * 10**6, 24.9, 60.1)


def test_the_time_around_a_position_stays_where_that_inside_is_of_a_server() -> None:
    inner = {"lat": 60.1, "lon": 24.9, "created_at": LATER, "meta": {"timestamp": LATER}}
    assert both({"recorded_at": ISO, "location": inner})[1] == AT * 10**6


@pytest.mark.parametrize("name", ["time_observed_at", "eventDate", "captured_at", "start"])
def test_when_something_was_goes_before_when_it_was_written_down(name: str) -> None:
    table = f"created_at,{name},latitude,longitude\n2024-05-03T08:00:00Z,{ISO},60.1,24.9\n"
    assert only_row(table)[1] == AT * 10**6


@pytest.mark.parametrize("known", ["", ",mmsi"])
def test_aprs_fi_reports_kilometres_per_hour(known: str) -> None:
    names, cells = f"time,lasttime,lat,lng,speed{known}", f"{ISO},{ISO},60.1,24.9,36"
    assert only_row(f"{names}\n{cells}{known and ',1'}\n")[SPEED] == pytest.approx(10)


def test_the_dilution_of_gopro_is_no_accuracy() -> None:
    names = '"cts","date","GPS (Lat.) [deg]","GPS (Long.) [deg]","GPS (2D speed) [m/s]","precision"'
    row = only_row(f"{names}\n0,{ISO},60.1,24.9,2.5,120\n")
    assert (row[ACCURACY], row[SPEED]) == (None, 2.5)


@pytest.mark.parametrize(
    "text", ["2024-122T10:00:00Z", "2024-W18-3 10:00:00Z", "5/1/2024 10:0:0", "2024-5-1 10:00:0"]
)
def test_days_of_the_year_and_clocks_without_zeros(text: str) -> None:
    assert parse_time(text, order=DateOrder.MONTH_FIRST) == AT * 10**6


@pytest.mark.parametrize("text", ["2024-366T10:00:00Z", "2023-366T10:00:00Z", "2024-000T10:00:00Z"])
def test_a_day_that_the_year_lacks_is_no_time(text: str) -> None:
    assert (parse_time(text) is None) == (text[:8] != "2024-366")


@pytest.mark.parametrize("second", [AT, AT + 86_399, AT + 86_400 * 900])
def test_plain_numbers_of_a_workbook_from_1904(second: int) -> None:
    days = second / 86_400 + 25_569 - 1_462
    book = openpyxl.Workbook()
    book.epoch = CALENDAR_MAC_1904
    for row in (["Time", "lat", "lon", "speed"], [days, 60.1, 24.9, 44_000]):
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    (row,) = read_bytes(out.getvalue(), "excel").rows
    assert row[1] == second * 10**6


def test_a_field_of_an_app_that_is_described_wrongly_costs_no_point() -> None:
    described = definition(206, [(0, 1, 2), (1, 1, 2), (2, 1, 2)], local=4) + bytes([4, 0, 0, 9])
    records = definition(20, [TIMESTAMP, LAT, LON], developer=[(0, 4, 0)])
    found = read_bytes(fit(described, records, data("Iiif", *of_fit(AT, 60.1, 24.9), 1.5)), "fit")
    assert [row[1] for row in found.rows] == [AT * 10**6]


def test_numbers_of_mongodb_in_a_point() -> None:
    place = {"type": "Point", "coordinates": [{"$numberDouble": "24.9"}, {"$numberDouble": "60.1"}]}
    assert both({"ts": {"$date": ISO}, "loc": place})[2:4] == (24.9, 60.1)


def test_lists_of_records_in_a_list() -> None:
    assert only_row(json.dumps([[{"time": AT, "latlong": [60.1, 24.9]}]]))[2:4] == (24.9, 60.1)


@pytest.mark.parametrize("empty", ["", None])
def test_an_empty_place_is_no_position(empty: object) -> None:
    whole = {"time": ISO, "lat": 60.1, "lon": 24.9}
    found = read_any(json.dumps([whole, {"time": ISO, "lat": empty, "lon": empty}]), "file.json")
    assert found.reasons == ["no_position"]


def of_boat(**navigation: object) -> str:
    values = [{"path": f"navigation.{name}", "value": value} for name, value in navigation.items()]
    update = {"$source": "n2k.1", "timestamp": ISO, "values": values}
    return json.dumps({"context": "vessels.urn:mrn:imo:mmsi:230099999", "updates": [update]})


def test_deltas_of_signal_k() -> None:
    moved = of_boat(
        position={"latitude": 60.1, "longitude": 24.9},
        speedOverGround=2.5,
        courseOverGroundTrue=math.pi / 2,
    )
    row = only_row(f"{of_boat(speedOverGround=1)}\n{moved}\n", "signalk.log")
    assert row[:4] == ("230099999", AT * 10**6, 24.9, 60.1)
    assert row[SPEED:] == (2.5, pytest.approx(90))


def test_messages_of_gpsd_without_a_position_are_counted() -> None:
    fix = {"class": "TPV", "mode": 3, "time": ISO, "lat": 60.1, "lon": 24.9, "eph": 4.5}
    others = [{"class": "VERSION", "release": "3.25"}, {"class": "TPV", "mode": 1, "time": ISO}]
    found = read_any("\n".join(map(json.dumps, [*others, fix])), "gpsd.json")
    assert ([row[1:4] for row in found.rows], found.reasons) == ([(AT * 10**6, 24.9, 60.1)], [])
    assert found.skipped == {"message without a position": 2}


def test_states_of_opensky() -> None:
    state = ["4b1814", "SWR1 ", "CH", AT, AT + 1, 24.9, 60.1, 10_000.0, False, 230.5, 90.1, 0, None]
    message = {"time": AT + 2, "states": [state, [*state[:3], None, AT, None, None, *state[7:]]]}
    row = only_row(json.dumps(message))
    assert row == ("4b1814", AT * 10**6, 24.9, 60.1, 10_000.0, None, 230.5, 90.1)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"gps,device=van lat=60.1,lon=24.9 {AT}000000000\n", "save that as CSV"),
        ("% program : RTKPOST\n%  GPST  latitude(deg) longitude(deg) height(m)\n", "write NMEA"),
        ("     2.11           OBSERVATION DATA    M (MIXED)\n", "save them as NMEA"),
        ("G  WGS 84\nU  1\nT  A 60.1\u00baN 24.9\u00baE 01-MAY-24 10:00:00.000\n", "as GPX"),
        ("<sml><DeviceLog/></sml>", "export it as GPX"),
        ("<!DOCTYPE html><html><body/></html>", "save the file itself"),
        ('{"a": 1}', "export it as GPX"),
        ("MsRcf\0\0\0", "GPSBabel"),
    ],
)
def test_what_is_not_read_says_what_to_do(text: str, words: str) -> None:
    with pytest.raises(UnknownFormatError) as told:
        detect(text.encode(), "file")
    assert words in str(told.value).partition(";")[0]


UBLOX = [
    ("iTOW,year,month,day,hour,min,sec,lon,lat,height,hAcc,gSpeed",
     "295200000,2024,5,1,10,0,0,249000000,601000000,12500,4500,2500", 4.5),
    ("rtcDate,rtcTime,gps_Date,gps_Time,gps_Lat,gps_Long,gps_Alt,gps_SIV,gps_GroundSpeed",
     "2024-05-01,13:00:07,2024-05-01,10:00:00.00,601000000,249000000,12500,12,2500", None),
]  # fmt: skip


@pytest.mark.parametrize(("names", "cells", "accuracy_m"), UBLOX)
def test_receivers_of_ublox_count_in_millimetres(
    names: str, cells: str, accuracy_m: float | None
) -> None:
    row = only_row(f"{names}\n{cells}\n")
    assert row[1:7] == (AT * 10**6, 24.9, 60.1, 12.5, accuracy_m, 2.5)


def test_a_device_that_a_spreadsheet_has_rounded_is_none() -> None:
    found = read_any(f"imei,time,lat,lon\n3.56789E+14,{ISO},60.1,24.9\n")
    assert (found.rows, found.reasons) == ([], ["bad_device"])


@pytest.mark.parametrize(
    "text",
    [
        "01 May\u0131s 2024 10:00:00",
        "1 mei 2024 10:00",
        "1 mai 2024 10:00",
        "1. m\u00e1jus 2024 10:00",
    ],
)
def test_months_of_more_languages(text: str) -> None:
    assert parse_time(text) == AT * 10**6


def test_traditional_chinese_columns() -> None:
    table = "\u6642\u9593,\u7def\u5ea6,\u7d93\u5ea6\n2024-05-01 10:00:00,25.033,121.5\n"
    assert only_row(table.encode("big5"))[1:4] == (AT * 10**6, 121.5, 25.033)
