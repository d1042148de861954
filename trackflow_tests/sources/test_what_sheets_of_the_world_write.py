"""Digits, halves of the day, units and rows as spreadsheets, ships and loggers write them."""

import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.sources.devices import traccar
from trackflow.sources.devices.envelopes import Envelope
from trackflow.sources.values.moments import parse_time
from trackflow.sources.values.units import Quantity, measure
from trackflow_tests.helpers.any_values import rows
from trackflow_tests.helpers.reading import NOW_US, only_row, read_any

AT = 1_715_594_400
"""2024-05-13T10:00:00Z"""
ISO = "2024-05-13T10:00:00Z"
ALTITUDE, ACCURACY, SPEED, COURSE = 4, 5, 6, 7
SCRIPTS = [
    "".join(chr(ord(zero) + digit) for digit in range(10))
    for zero in "\u0660\u06f0\u0966\uff10\u0e50"
]
"""Arabic, Persian, Devanagari, full-width and Thai ones."""
MARKS = ".,\u066b"


def in_script(text: str, script: str) -> str:
    return text.translate(str.maketrans("0123456789", script))


@given(
    st.sampled_from(SCRIPTS), st.integers(-900_000_000, 900_000_000), st.sampled_from(".,\u066b")
)
def test_digits_of_any_script_are_numbers(script: str, e7: int, mark: str) -> None:
    plain = f"{e7 / 1e7:.7f}"
    written = in_script(plain, script).replace(".", mark)
    assert measure(written, Quantity.LATITUDE) == float(plain)


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_table_and_a_door_in_digits_of_any_script(script: str) -> None:
    cells = [in_script(cell, script) for cell in ("2024-05-13 10:00:00", "60.1", "24.9", "36")]
    row = only_row(f"time;lat;lon;speed_kmh\n{';'.join(cells)}\n")
    assert row[1:4] == (AT * 10**6, 24.9, 60.1)
    assert row[SPEED] == pytest.approx(10)
    query = {"id": "x", "timestamp": in_script(str(AT), script), "lat": cells[1], "lon": cells[2]}
    (sent,) = rows(traccar.read(b"", Envelope("traccar", query=query), NOW_US, NOW_US))
    assert sent[1:4] == row[1:4]


MOMENTS = [
    "13. 5. 2024 10:00:00", "13.05.2024. 10:00", "2024. 05. 13. 10:00:00", "2024.05.13. 10:00:00",
    "2024. 5. 13. 오전 10:00:00", "2024/5/13 午前 10:00:00", "2024年5月13日 上午10:00:00",
    "13/5/2024 10:00:00 πμ", "13/5/2024 10:00:00 π.μ.", "13.05.2024 10:00:00 ÖÖ",
    "13/05/2024 10:00:00 \u0635", "13 мая 2024 \u0433., 10:00:00",
]  # fmt: skip
AFTERNOONS = [
    "2024. 5. 13. 오후 10:00:00", "2024/5/13 午後 10:00:00", "2024/5/13 下午 10:00:00",
    "13/5/2024 10:00:00 μμ", "13.05.2024 10:00:00 ÖS", "13/05/2024 10:00:00 \u0645",
]  # fmt: skip


@pytest.mark.parametrize("text", MOMENTS)
def test_moments_of_more_countries(text: str) -> None:
    assert parse_time(text) == parse_time(in_script(text, SCRIPTS[0])) == AT * 10**6


@pytest.mark.parametrize("text", AFTERNOONS)
def test_afternoons_are_never_mornings(text: str) -> None:
    assert parse_time(text) == (AT + 12 * 3600) * 10**6


def test_half_of_the_day_before_a_clock_of_its_own_column() -> None:
    row = only_row("날짜,시간,위도,경도\n2024-05-13,오후 10:00:00,60.1,24.9\n")
    assert row[1:4] == ((AT + 12 * 3600) * 10**6, 24.9, 60.1)


HEADERS = ["التاريخ والوقت;خط العرض;خط الطول;السرعة (km/h)",
           "Ημερομηνία και ώρα;Γεωγραφικό πλάτος;Γεωγραφικό μήκος;Ταχύτητα (km/h)",
           "Дата та час;Широта;Довгота;Швидкість (км/год)",
           "일시;위도;경도;속도 (km/h)",
           "Tarih;Enlem;Boylam;H\u0131z (km/s)",
           "תאריך ושעה;קו רוחב;קו אורך;מהירות (km/h)",
           "タイムスタンプ;緯度;経度;速度 (km/h)"]  # fmt: skip


@pytest.mark.parametrize("header", HEADERS)
def test_columns_in_more_languages(header: str) -> None:
    row = only_row(f"{header}\n2024-05-13 10:00:00;60,1;24,9;36\n")
    assert row[1:4] == (AT * 10**6, 24.9, 60.1)
    assert row[SPEED] == pytest.approx(10)


@given(
    st.integers(1, 8), st.integers(0, 999), st.sampled_from([" ", "\u202f", "\xa0", "'", "\u2019"])
)
def test_thousands_of_metres_have_blanks_or_apostrophes(high: int, low: int, mark: str) -> None:
    assert measure(f"{high}{mark}{low:03}", Quantity.LENGTH) == high * 1000 + low
    assert measure(f"{high}{mark}{low:03},5 m", Quantity.LENGTH) == high * 1000 + low + 0.5


def test_heights_as_exiftool_writes_them() -> None:
    assert measure("5.5 m Above Sea Level", Quantity.LENGTH) == 5.5
    assert measure("5.5 m Below Sea Level", Quantity.LENGTH) == -5.5


SHIPS = [
    ({"sog": 10.0, "cog": 90}, 5.144, 90.0),
    ({"sog": 102.3, "cog": 360.0}, None, None),
    ({"speed": 10.0, "course": 359.9}, 5.144, 359.9),
    ({"speed": 100, "course": 90, "heading": 511, "status": 0}, 5.144, 90.0),
]


@pytest.mark.parametrize(("said", "speed", "course"), SHIPS)
def test_ships_speak_in_knots_and_say_what_they_do_not_know(
    said: dict[str, float], speed: float | None, course: float | None
) -> None:
    record = {"mmsi": 1, "timestamp": AT, "lat": 60.1, "lon": 24.9, **said}
    table = f"{','.join(record)}\n{','.join(map(str, record.values()))}\n"
    out = io.BytesIO()
    pq.write_table(pa.table({name: [float(value)] for name, value in record.items()}), out)
    many = json.dumps([{**record, "timestamp": AT + at} for at in range(9)])
    for data in (table, json.dumps([record]), many, out.getvalue()):
        row = read_any(data).rows[0]
        assert row[COURSE] == course
        assert row[SPEED] == (speed and pytest.approx(speed, abs=0.001))


def test_senders_whose_names_mean_something_else() -> None:
    bus = {"desi": "1", "oper": 22, "veh": 7, "tst": ISO, "spd": 10, "lat": 60.1, "long": 24.9,
           "acc": 0.1}  # fmt: skip
    assert only_row(json.dumps({"VP": bus}))[ACCURACY] is None
    tesla = {"gps_as_of": AT, "latitude": 60.1, "longitude": 24.9, "speed": 60, "timestamp": AT}
    row = only_row(json.dumps({"response": {"vin": "V", "drive_state": tesla}}))
    assert (row[0], row[SPEED]) == ("V", pytest.approx(26.82, abs=0.01))


WIDE = [
    f"time,lat,lon\n{ISO},60.1,24.9,\n",
    f"time,lat,lon\n{ISO},60.1,24.9,,\n",
    f"time,lat,lon,\n{ISO},60.1,24.9\n",
    f'"time","lat","lon"\n"1","{ISO}",60.1,24.9\n',
]


@pytest.mark.parametrize("table", WIDE)
def test_a_separator_too_many_costs_no_row(table: str) -> None:
    assert only_row(table)[1:4] == (AT * 10**6, 24.9, 60.1)


def test_a_row_with_a_value_too_many_is_no_row_of_the_table() -> None:
    for more in ("7", "x"):
        found = read_any(f"time,lat,lon\n{ISO},60.1,24.9,{more}\n")
        assert (found.rows, found.reasons) == ([], ["ragged_row"])


BARE = [
    [[60.1, 124.9, AT], [60.2, 24.9, AT + 1]],
    [[124.9, 60.1, AT], [24.9, 60.2, AT + 1]],
    [[ISO, 60.1, 124.9], [ISO, 60.2, 24.9]],
    [[AT * 1000, 124.9, 60.1], [AT * 1000, 24.9, 60.2]],
    {"points": [[60.1, 124.9, AT], [60.2, 24.9, AT]]},
]


@pytest.mark.parametrize("data", BARE, ids=str)
def test_lists_without_names_that_show_what_they_are(data: object) -> None:
    found = read_any(json.dumps(data))
    assert [row[2:4] for row in found.rows] == [(124.9, 60.1), (24.9, 60.2)]
    assert found.rows[0][1] == AT * 10**6


def test_the_order_of_bare_coordinates_is_never_guessed() -> None:
    found = read_any(json.dumps([[60.1, 24.9, AT]]))
    assert not found.rows
    assert '["lat", "lon", "time"]' in found.error
    named = read_any(json.dumps([["lat", "lon", "time"], [60.1, 24.9, AT]]))
    assert named.rows[0][2:4] == (24.9, 60.1)


def test_days_in_three_columns_are_no_moments() -> None:
    found = read_any("year,month,day,lat,lon\n2024,5,13,60.1,24.9\n")
    assert (found.rows, found.reasons) == ([], ["bad_time"])


TWICE = [("Time", "Time (UTC)"), ("timestamp", "timestamp_utc"), ("local_time", "time_utc"),
         ("Date Time", "Date Time GMT"), ("datetime_local", "datetime_utc")]  # fmt: skip


@pytest.mark.parametrize(("local", "utc"), TWICE)
def test_a_time_that_says_utc_goes_before_the_same_without_a_zone(local: str, utc: str) -> None:
    cells = {local: "2024-05-13 13:00:00", utc: "2024-05-13 10:00:00", "lat": 60.1, "lon": 24.9}
    for names in (list(cells), list(cells)[::-1]):
        table = f"{','.join(names)}\n{','.join(str(cells[name]) for name in names)}\n"
        listed = json.dumps([{name: cells[name] for name in names}])
        for data in (table, listed):
            found = read_any(data)
            assert ([row[1] for row in found.rows], found.naive) == ([AT * 10**6], 0)


COUNTS = [("time,epoch", "2024-05-13 13:00:00,1715594400"),
          ("datetime,unix_time", "13.05.2024 13:00,1715594400"),
          ("date,time,timestamp_ms", "2024-05-13,13:00:00,1715594400000")]  # fmt: skip


@pytest.mark.parametrize(("names", "cells"), COUNTS)
def test_a_count_from_1970_goes_before_a_clock_on_some_wall(names: str, cells: str) -> None:
    found = read_any(f"{names},lat,lon\n{cells},60.1,24.9\n")
    assert ([row[1] for row in found.rows], found.naive) == ([AT * 10**6], 0)


@pytest.mark.parametrize(("names", "cells"), COUNTS)
@pytest.mark.parametrize("count", [1, 20])
@pytest.mark.parametrize("shape", ["record", "feature"])
def test_so_it_does_in_json_one_by_one_and_by_column(
    names: str, cells: str, count: int, shape: str
) -> None:
    """They were hours off."""
    record = dict(zip(names.split(","), cells.split(","), strict=True))
    place = {"type": "Point", "coordinates": [24.9, 60.1]}
    each = (
        {"type": "Feature", "geometry": place, "properties": record}
        if shape == "feature"
        else record | {"lat": 60.1, "lon": 24.9}
    )
    found = read_any(json.dumps([each] * count))
    assert ([row[1] for row in found.rows], found.naive) == ([AT * 10**6] * count, 0)


@pytest.mark.parametrize(
    ("clock", "count", "moment_us"),
    [
        ("2024-05-13 13:00:00.500", AT, AT * 10**6 + 500_000),
        ("2024-05-13T10:00:05Z", AT, (AT + 5) * 10**6),
        ("2024-05-13T13:00:05+03:00", AT, (AT + 5) * 10**6),
        ("2024-05-13 10:00:05", 17, (AT + 5) * 10**6),
    ],
)
def test_a_count_beside_a_time_in_json(clock: str, count: int, moment_us: int) -> None:
    """It takes no parts of seconds away, and nothing from a time that names its zone."""
    record = {"time": clock, "epoch": count, "lat": 60.1, "lon": 24.9}
    for many in (1, 20):
        assert {row[1] for row in read_any(json.dumps([record] * many)).rows} == {moment_us}


def test_a_count_of_whole_seconds_takes_no_parts_of_seconds_away() -> None:
    table = f"time,epoch,lat,lon\n2024-05-13 10:00:00.500,{AT},60.1,24.9\n"
    assert only_row(table)[1] == AT * 10**6 + 500_000


@pytest.mark.parametrize("name", ["speed in km/h", "Geschwindigkeit in km/h", "vitesse en km/h"])
def test_a_unit_in_words(name: str) -> None:
    assert only_row(f"time;lat;lon;{name}\n{ISO};60,1;24,9;36\n")[SPEED] == pytest.approx(10)


def test_garmins_satellite_messengers_report_kilometres_per_hour() -> None:
    point = {"latitude": 60.1, "longitude": 24.9, "gpsFix": 2, "course": 90, "speed": 36}
    event = {"imei": "3004", "messageCode": 0, "timeStamp": AT * 1000, "point": point}
    row = only_row(json.dumps({"Version": "2.0", "Events": [event]}))
    assert (row[0], row[SPEED]) == ("3004", pytest.approx(10))
