"""Files in which a row is no position by itself: trips, counts from a start, names of devices."""

import datetime as dt
import io
import json

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.sources.devices import traccar
from trackflow.sources.devices.envelopes import Envelope
from trackflow_tests.helpers.reading import NOW_US, first_four, read_any, read_bytes

AT = 1_714_557_600
"""2024-05-01T10:00:00Z"""
START, END = "2024-05-01T10:00:00Z", "2024-05-01T10:20:00Z"
BOTH_ENDS = [(AT * 10**6, 24.9, 60.1), ((AT + 1200) * 10**6, 24.8, 60.2)]
COUNTED = [(AT * 10**6, 24.9, 60.1), ((AT + 5) * 10**6, 24.8, 60.2)]


def places(data: str | bytes, device: str = "stem") -> list[tuple]:
    """When and where what was read was, if all of it was read and is of one device."""
    found = read_any(data)
    assert (found.error, found.reasons) == ("", [])
    assert {row[0] for row in found.rows} == {device}
    return [row[1:4] for row in found.rows]


def of_devices(data: str | bytes) -> dict[str, int]:
    found = read_any(data)
    assert (found.error, found.reasons) == ("", [])
    names = [row[0] for row in found.rows]
    return {name: names.count(name) for name in names}


TRIPS = [
    "start_time,start_lat,start_lon,end_time,end_lat,end_lon",
    "started_at,start_lat,start_lng,ended_at,end_lat,end_lng",
    "starttime,start lat,start station lon,stoptime,end station lat,end station longitude",
    "lpep_pickup_datetime,Pickup_latitude,Pickup_lon,Lpep_dropoff_datetime,Dropoff_lat,Dropoff_lon",
    "Begin Trip Time,Begin Trip Lat,Begin Trip Lng,Dropoff Time,Dropoff Lat,Dropoff Lng",
    "start_date,start_latitude,start_longitude,end_date,end_latitude,end_longitude",
    "departure_time,from_lat,from_lon,arrival_time,to_lat,to_lon",
    "time_start,lat_start,lon_start,time_end,lat_end,lon_end",
    "startTime,startLocation.lat,startLocation.lng,endTime,endLocation.lat,endLocation.lng",
]
TRIP = [START, 60.1, 24.9, END, 60.2, 24.8]


@pytest.mark.parametrize("header", TRIPS)
def test_a_trip_in_a_row_has_two_ends(header: str) -> None:
    names = header.split(",")
    record = dict(zip(names, TRIP, strict=True))
    out = io.BytesIO()
    pq.write_table(pa.table({name: [value] for name, value in record.items()}), out)
    table = f"{header},speed,bikeid\n{','.join(map(str, TRIP))},9,7\n"
    assert places(table, device="7") == BOTH_ENDS
    for data in (json.dumps([record] * 1), json.dumps({"columns": names, "data": [TRIP]}),
                 out.getvalue()):  # fmt: skip
        assert places(data) == BOTH_ENDS


def test_a_trip_that_has_not_ended_has_its_start() -> None:
    found = read_any(f"{TRIPS[0]}\n{START},60.1,24.9,,,\n")
    assert [row[1:4] for row in found.rows] == BOTH_ENDS[:1]
    assert found.reasons == ["no_position"]


def test_a_position_with_a_start_beside_it_is_no_trip() -> None:
    header = f"timestamp,lat,lon,{TRIPS[0]}"
    row = [END, 60.2, 24.8, *TRIP]
    assert places(f"{header}\n{','.join(map(str, row))}\n") == BOTH_ENDS[1:]


ROWS = [{"lat": 60.1, "lon": 24.9}, {"lat": 60.2, "lon": 24.8}]


def counting(name: str, unit: float, **more: object) -> list[dict[str, object]]:
    return [{name: round(5 * at / unit), **row, **more} for at, row in enumerate(ROWS)]


KOMOOT = [{"lat": 60.1, "lng": 24.9, "alt": 1, "t": 0}, {"lat": 60.2, "lng": 24.8, "alt": 1,
                                                       "t": 5000}]  # fmt: skip
RUNKEEPER = [{"timestamp": 0, "latitude": 60.1, "longitude": 24.9, "type": "start"},
             {"timestamp": 5.0, "latitude": 60.2, "longitude": 24.8, "type": "gps"}]  # fmt: skip
POLAR = {"routes": {"route": {"wayPoints": [
    {"elapsedMillis": 0, "latitude": 60.1, "longitude": 24.9},
    {"elapsedMillis": 5000, "latitude": 60.2, "longitude": 24.8}]}}}  # fmt: skip
PAIRS = [[60.1, 24.9], [60.2, 24.8]]
COUNTS = [
    {"date": START, "_embedded": {"coordinates": {"items": KOMOOT}}},
    {"start_time": "Wed, 1 May 2024 10:00:00", "path": RUNKEEPER},
    {"startTime": "2024-05-01T13:00:00", "timezoneOffset": 180, "exercises": [POLAR]},
    {"start_date": START, "time": [0, 5], "latlng": PAIRS},
    {"start_date": START, "streams": {"time": {"data": [0, 5]}, "latlng": {"data": PAIRS}}},
    {"start": START, "points": counting("elapsed_s", 1)},
    counting("elapsedMs", 0.001, start_time=START),
    counting("seconds_elapsed", 1, startedAt=AT),
    f"# start: {START}\nelapsed_s,lat,lon\n0,60.1,24.9\n5,60.2,24.8\n",
    f"Session start;{START}\n\nTime (ms);lat;lon\n0;60,1;24,9\n5000;60,2;24,8\n",
    f"# Started: {START}\ntime,lat,lon\n0.0,60.1,24.9\n5.0,60.2,24.8\n",
    f"start_time,elapsed_s,lat,lon\n{START},0,60.1,24.9\n{START},5,60.2,24.8\n",
    f"time,elapsed_s,lat,lon\n{START},0,60.1,24.9\n{START},5,60.2,24.8\n",
]


@pytest.mark.parametrize("data", COUNTS, ids=lambda data: str(data)[:50])
def test_times_that_count_from_a_start(data: object) -> None:
    assert places(data if isinstance(data, str) else json.dumps(data)) == COUNTED


def test_a_start_above_the_table_of_a_sheet() -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (["Start", dt.datetime(2024, 5, 1, 10)],  # noqa: DTZ001  cells have no zone
                [], ["seconds", "lat", "lon"], [0, 60.1, 24.9], [5, 60.2, 24.8]):  # fmt: skip
        sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    found = read_bytes(out.getvalue(), "excel")
    assert [row[1:4] for row in found.rows] == COUNTED


NO_UNIT = [
    f"start_time,elapsed,lat,lon\n{START},0,60.1,24.9\n{START},5,60.2,24.8\n",
    f"# start: {START}\ntime,lat,lon\n0,60.1,24.9\n5,60.2,24.8\n",
]


@pytest.mark.parametrize("data", NO_UNIT)
def test_a_count_of_no_unit_is_never_guessed(data: str) -> None:
    found = read_any(data)
    assert not found.rows
    assert "name it elapsed_s or elapsed_ms" in found.error


@given(st.integers(0, 86_400), st.lists(st.integers(0, 9), min_size=2, max_size=5, unique=True))
def test_parts_of_seconds_beside_moments_count_from_no_start(at: int, tenths: list[int]) -> None:
    moment = dt.datetime.fromtimestamp(AT + at, dt.UTC).isoformat()
    rows = "".join(f"{moment},0.{tenth},60.1,24.9\n" for tenth in tenths)
    found = read_any(f"time,elapsed_s,lat,lon\n{rows}")
    assert {row[1] for row in found.rows} == {(AT + at) * 10**6}


def entry(at: int, **more: object) -> dict[str, object]:
    return {"time": AT + at, **ROWS[0], **more}


APART = [
    {"car-1": [entry(0)], "car-2": [entry(0)]},
    {"anna": [entry(0), entry(9)], "bert": [entry(5)]},
    {"car-1": entry(0), "car-2": entry(0)},
    {"vehicles": {"car-1": [entry(0)], "car-2": [entry(60)]}},
    {"users": {"u1": {"points": [entry(0)]}, "u2": {"points": [entry(60)]}}},
    [entry(0, name="Keys"), entry(0, name="Bag")],
    [entry(0, id="a"), entry(0, id="b")],
    {"buses": [{"id": each, "position": entry(9 * each)} for each in (1, 2)]},
    {"members": [{"id": "u1", "location": entry(0)}, {"id": "u2", "location": entry(9)}]},
    [entry(0, trajectory_id=1), entry(0, trajectory_id=2)],
    [{"key": key, "value": entry(0)} for key in ("car1", "car2")],
    {"vehicles": [{"vehicle": {"id": each, "current_location":
        {"located_at": START, **ROWS[0]}}} for each in (1, 2)]},
    {"data": {"bikes": [{"bike_id": each, "last_reported": AT, **ROWS[0]} for each in "ab"]}},
    {"messages": {"message": [entry(0, messengerName="a"), entry(0, messengerName="b")]}},
    {"type": "FeatureCollection", "features": [
        {"type": "Feature", "id": each, "properties": {"time": AT},
         "geometry": {"type": "Point", "coordinates": [24.9, 60.1]}} for each in "ab"]},
]  # fmt: skip


@pytest.mark.parametrize("data", APART, ids=lambda data: str(data)[:40])
def test_nobody_is_at_two_places_at_once(data: object) -> None:
    assert len(of_devices(json.dumps(data))) == 2


OF_ONE = [
    {"-Na1": entry(0), "-Na2": entry(5)},
    {"start": entry(0), "end": entry(0)},
    {"gps": entry(0), "network": entry(0)},
    {"outward": [entry(0), entry(1)], "back": [entry(9)]},
    [entry(0, name="Home"), entry(5, name="Work"), entry(9, name="Home"), entry(11, name="Work")],
    [entry(0, id=1), entry(0, id=2), entry(1, id=3)],
]


@pytest.mark.parametrize("data", OF_ONE, ids=lambda data: str(data)[:40])
def test_what_one_device_may_have_written_stays_its_own(data: object) -> None:
    assert list(of_devices(json.dumps(data))) == ["stem"]


NAMED = ["vessel", "car_id", "truck_id", "bus_no", "driver", "bike_id", "VIN", "collar_id",
         "dev_eui", "messengerName", "boat", "rider_id"]  # fmt: skip


@pytest.mark.parametrize("name", NAMED)
def test_what_moves_is_a_device(name: str) -> None:
    table = f"{name},time,lat,lon\na,{START},60.1,24.9\nb,{START},60.1,24.9\n"
    assert of_devices(table) == {"a": 1, "b": 1}


@pytest.mark.parametrize("name", ["car", "bike", "bus", "member", "hex", "trip_id"])
def test_what_may_be_a_mark_is_no_device_unless_two_are_at_one_moment(name: str) -> None:
    rows = "".join(f"{mark},2024-05-01T10:00:0{mark}Z,60.1,24.9\n" for mark in (1, 0, 3, 4))
    assert list(of_devices(f"{name},time,lat,lon\n{rows}")) == ["stem"]
    both = f"{name},time,lat,lon\na,{START},60.1,24.9\nb,{START},60.1,24.8\n"
    assert of_devices(both) == {"a": 1, "b": 1}


def test_names_of_vehicles_in_a_table_and_row_numbers() -> None:
    fleet = "name,time,lat,lon\n" + "".join(
        f"{name},2024-05-01T10:00:0{at}Z,60.1,24.9\n" for at in range(2) for name in "ab"
    )
    assert of_devices(fleet) == {"a": 2, "b": 2}
    fast = "id,time,lat,lon\n" + "".join(
        f"{at},2024-05-01T10:00:0{at // 2}Z,60.1,24.9\n" for at in range(4)
    )
    assert list(of_devices(fast)) == ["stem"]


def test_lists_of_positions_in_the_rows_of_a_parquet() -> None:
    moment = dt.datetime.fromtimestamp(AT, dt.UTC)
    points = [{**row, "time": moment + dt.timedelta(seconds=5 * at)} for at, row in enumerate(ROWS)]
    nested = [{"pos": row, "time": point["time"]} for row, point in zip(ROWS, points, strict=True)]
    by_column = {name: [[point[name] for point in points]] for name in points[0]}
    for table in (pa.table({"device": ["a", "b"], "points": [points, None]}),
                  pa.table({"device": ["a"], "start_time": [moment], "points": [nested]}),
                  pa.table({"device": ["a"], **by_column})):  # fmt: skip
        out = io.BytesIO()
        pq.write_table(table, out)
        found = read_any(out.getvalue())
        assert first_four(found)[:2] == [("a", *place) for place in COUNTED]


def test_lists_of_differing_length_are_told() -> None:
    out = io.BytesIO()
    pq.write_table(pa.table({"lat": [[60.1, 60.2]], "lon": [[24.9]], "time": [[START, END]]}), out)
    found = read_any(out.getvalue())
    assert not found.rows
    assert "differ in length" in found.error


WHOLE = [
    ("lat,lon", 601_000_000, 249_000_000, (24.9, 60.1)),
    ("lat,lon", 61_000_000, 249_000_000, (24.9, 6.1)),
    ("lat_e6,lon_e6", 60_100_000, 24_900_000, (24.9, 60.1)),
    ("lat,lon", 60_100_000, 24_900_000, None),
    ("lat,lon", 6_010_000, 2_490_000, None),
]


@pytest.mark.parametrize(("names", "lat", "lon", "place"), WHOLE)
def test_whole_numbers_are_degrees_where_only_one_part_of_them_fits(
    names: str, lat: int, lon: int, place: tuple[float, float] | None
) -> None:
    found = read_any(f"time,{names}\n{START},{lat},{lon}\n")
    assert [row[2:4] for row in found.rows] == ([] if place is None else [place])
    assert place is not None or "lat_e7 and lon_e7, or lat_e6" in found.error


def test_a_list_of_recordings_has_the_moments_of_their_starts() -> None:
    rows = "".join(f"2024-05-0{day}T10:00:00Z,3600,60.1,24.9\n" for day in (1, 2))
    found = read_any(f"start_time,elapsed_s,lat,lon\n{rows}")
    assert [row[1] for row in found.rows] == [AT * 10**6, (AT + 86_400) * 10**6]


def test_a_count_from_a_start_at_the_door() -> None:
    body = {"id": "a", "start_time": START, "elapsed_s": 5, "lat": 60.2, "lon": 24.8}
    sent = traccar.read(json.dumps(body).encode(), Envelope("traccar"), NOW_US, NOW_US)
    assert [row[1:4] for row in sent.points.rows()] == COUNTED[1:]
