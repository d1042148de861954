"""Columns, zones and units in the words of markets that have trackers of their own."""

import functools
import io
import json
import operator

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trackflow.sources.devices import geojson_batch, traccar
from trackflow.sources.devices.envelopes import Envelope
from trackflow.sources.values.world_names import NAMES_OF_THE_WORLD
from trackflow_tests.helpers.any_values import rows
from trackflow_tests.helpers.reading import NOW_US, only_row, read_any, read_bytes

ISO = "2024-05-01T10:00:00Z"
AT_US = 1_714_557_600_000_000
WHOLE = ("v7", AT_US, 24.9, 60.1, 50.0, 5.0, 10.0, 90.0)

TABLES = {
    "Russian": "Госномер;Дата/время;Шир.;Долг.;Высота, м;Точность, м;Скорость, км/ч;Курс",
    "Ukrainian": "Пристрій;Дата і час;Широта;Довгота;Висота, м;Точність;Швидкість, км/год;Напрямок",
    "Bulgarian": "Обект;Дата и час;Географска ширина;Географска дължина;Надморска височина;"
    "Точност;Скорост (км/ч);Посока",
    "Greek": "Όχημα;Ημερομηνία/Ώρα;Γεωγραφικό πλάτος;Γεωγραφικό μήκος;Υψόμετρο (μ);Ακρίβεια;"
    "Ταχύτητα (χλμ/ώρα);Κατεύθυνση",
    "Turkish": "Araç Plaka;Tarih/Saat;Enlem;Boylam;Yükseklik (m);Doğruluk;Hız (km/s);Yön",
    "Chinese": "车牌号;定位时间;纬度;经度;海拔(米);精度;速度(公里/小时);方向",
    "Taiwanese": "車號;定位時間;緯度;經度;高度(公尺);精度;時速;方位角",
    "Japanese": "車両番号;測位日時;緯度;経度;標高(m);精度;時速(km/h);進行方向",
    "Korean": "차량번호;수집일시;위도;경도;고도(m);정확도;속도(km/시);방위각",
    "Arabic": "رقم المركبة;التاريخ والوقت;خط العرض;خط الطول;الارتفاع (م);الدقة;السرعة (كم/س);"
    "الاتجاه",
    "Persian": "دستگاه;زمان;عرض جغرافیایی;طول جغرافیایی;ارتفاع;دقت;speed_kmh;جهت",
    "Hebrew": 'מספר רכב;תאריך ושעה;קו רוחב;קו אורך;גובה (מ);דיוק;"מהירות (קמ""ש)";כיוון',
    "Vietnamese": "Biển số;Thời gian;Vĩ độ;Kinh độ;Độ cao;accuracy;Vận tốc (km/giờ);Hướng",
    "Estonian": "Seade;Aeg;Laiuskraad;Pikkuskraad;Kõrgus;Täpsus;Kiirus (km/h);Suund",
}


@pytest.mark.parametrize("language", TABLES)
def test_tables_name_vehicles_times_and_units_in_their_language(language: str) -> None:
    """Without its word for a vehicle, all vehicles of a table would be one."""
    cells = "v7;2024-05-01 10:00:00;60.1;24.9;50;5;36;90"
    assert only_row(f"{TABLES[language]}\n{cells}\n") == pytest.approx(WHOLE)


WORDS = [
    "Vehicle Reg", "Registration Number", "Fleet No", "Unit Name", "Asset Tag", "Machine ID",
    "Object", "Terminal ID", "Plate No", "Licence Plate", "Phone Number", "Tail", "Flight",
    "train_id", "Cab", "participant_id", "Serial No", "Kfz-Kennzeichen", "Fahrzeugname", "Objekt",
    "Patente", "Móvil", "Plaque d'immatriculation", "Balise", "Rastreador", "Mezzo",
    "Nr rejestracyjny", "Regnr",
]  # fmt: skip


@pytest.mark.parametrize("word", WORDS)
def test_what_has_a_tracker_tells_devices_apart(word: str) -> None:
    cells = [f"v{k},{AT_US // 10**6 + s},{60 + k / 10},24.9" for s in range(4) for k in (1, 2)]
    found = read_any("\n".join([f'"{word}",time,lat,lon', *cells]))
    assert {row[0] for row in found.rows} == {"v1", "v2"}


@pytest.mark.parametrize("word", ["id", "name", "object", "unit", "车牌号"])
def test_columns_of_parquet_tell_devices_apart_as_those_of_tables(word: str) -> None:
    count = 8
    table = {
        word: ["v1", "v2"] * count,
        "time": [AT_US // 10**6 + s // 2 for s in range(2 * count)],
        "lat": [60.1, 60.2] * count,
        "lon": [24.9] * 2 * count,
    }
    out = io.BytesIO()
    pq.write_table(pa.table(table), out)
    assert {row[0] for row in read_bytes(out.getvalue(), "parquet").rows} == {"v1", "v2"}


@pytest.mark.parametrize("word", ["OBJECTID", "node_id", "flight_id", "trailer", "taxi", "S/N"])
def test_numbers_of_rows_and_marks_are_no_devices(word: str) -> None:
    cells = [1, 2, 3, 4] if word not in ("trailer", "taxi") else [0, 0, 1, 1]
    rows = [f"{cell},{AT_US // 10**6 + s},60.1,24.9" for s, cell in enumerate(cells)]
    found = read_any("\n".join([f"{word},time,lat,lon", *rows]))
    assert {row[0] for row in found.rows} == {"stem"}


def test_a_table_that_is_sorted_by_what_has_a_tracker() -> None:
    rows = [f"v{k},{AT_US // 10**6 + s},{60 + k / 10},24.9" for k in (1, 2) for s in range(3000)]
    found = read_any("\n".join(["object,time,lat,lon", *rows]))
    assert {row[0] for row in found.rows} == {"v1", "v2"}


@pytest.mark.parametrize("word", ["Vehicle Reg", "Plate No", "truck_id"])
def test_who_drives_names_a_device_only_where_nothing_else_does(word: str) -> None:
    table = "Driver Name,{},time,lat,lon\nBob,v7,2024-05-01T10:00:00Z,60.1,24.9\n"
    assert only_row(table.format(word))[0] == "v7"
    assert only_row(table.format("note"))[0] == "Bob"


@pytest.mark.parametrize(
    ("name", "clock"),
    [
        ("Время (МСК)", "13:00"),
        ("Время МСК", "13:00"),
        ("北京时间", "18:00"),
        ("日時(日本時間)", "19:00"),
        ("일시(KST)", "19:00"),
        ("Tarih (TRT)", "13:00"),
        ("Time (ACST)", "19:30"),
    ],
)
def test_the_zone_that_a_name_says_in_its_own_words(name: str, clock: str) -> None:
    row = only_row(f"{name};lat;lon\n2024-05-01 {clock}:00;60.1;24.9\n")
    assert row[1] == AT_US


def test_each_word_means_one_thing_of_a_kind() -> None:
    """A word is either a place, a device or a value; times of day and dates share some."""
    seen: dict[str, str] = {}
    for role, names in NAMES_OF_THE_WORLD.items():
        kind = "moment" if role.value in ("time", "date", "clock") else role.value
        for name in names.split():
            assert seen.setdefault(name, kind) == kind


@pytest.mark.parametrize(
    "cell",
    [
        "20240501100000250",
        "2024年5月1日(水) 10:00:00.250",
        "2024-05-01(수) 10:00:00.250",
        "2024-05-01 星期三 10:00:00.250",
    ],
)
def test_clocks_of_east_asia(cell: str) -> None:
    assert only_row(f"time;lat;lon\n{cell};60.1;24.9\n")[1] == AT_US + 250_000


@pytest.mark.parametrize("name", ["a.csv", "a.ndjson"])
def test_zeros_where_the_end_of_a_file_should_be(name: str) -> None:
    """A file system that was not unmounted leaves them."""
    record = {"time": ISO, "lat": 60.1, "lon": 24.9}
    table = f"{','.join(record)}\n{','.join(map(str, record.values()))}\n"
    text = table if name == "a.csv" else json.dumps(record) + "\n"
    found = read_any(text.encode() + bytes(3000), name)
    assert [row[1:4] for row in found.rows] == [(AT_US, 24.9, 60.1)]


OSMAND = """<gpx version="1.1" creator="OsmAnd 4.7.1"><trk><trkseg>
<trkpt lat="60.1" lon="24.9"><time>2024-05-01T10:00:00Z</time><hdop>600</hdop>
<extensions><osmand:heading>120</osmand:heading><osmand:bearing>90</osmand:bearing></extensions>
</trkpt></trkseg></trk></gpx>"""


def test_a_bearing_goes_before_the_heading_of_the_phone() -> None:
    assert only_row(OSMAND, "a.gpx")[5:] == (600.0, None, 90.0)


@pytest.mark.parametrize("dilution", ["99.9", "99.99", "655.35"])
def test_a_dilution_that_receivers_write_for_none_is_unknown(dilution: str) -> None:
    assert only_row(f"time,lat,lon,hdop\n{ISO},60.1,24.9,{dilution}\n")[5] is None
    record = {"id": "x", "lat": 60.1, "lon": 24.9, "timestamp": ISO, "hdop": dilution}
    body = json.dumps(record).encode()
    (sent,) = rows(traccar.read(body, Envelope("traccar"), NOW_US, NOW_US))
    assert sent[5] is None
    found = read_any(f"{sentence(GGA.format(dilution))}{sentence(RMC)}", "a.nmea")
    assert [row[5] for row in found.rows] == [None]


GGA = "GPGGA,100000.00,6006.000,N,02454.000,E,1,04,{},50.0,M,20.0,M,,"
RMC = "GPRMC,100000.00,A,6006.000,N,02454.000,E,5.0,90.0,010524,,,A"


def sentence(body: str) -> str:
    return f"${body}*{functools.reduce(operator.xor, body.encode()):02X}\n"


@pytest.mark.parametrize("name", ["speed", "speed_kmh", "speed_mph", "speed_kn"])
def test_a_speed_of_9999_is_unknown_in_every_unit(name: str) -> None:
    table = f"time,lat,lon,{name}\n{ISO},60.1,24.9,{{}}\n"
    assert only_row(table.format(9999))[6] is None
    assert only_row(table.format(9998))[6] > 2_000
    sent = geojson_batch.read(
        json.dumps([{"time": ISO, "lat": 60.1, "lon": 24.9, name: 9999}]).encode(),
        Envelope("geojson"),
        NOW_US,
    )
    assert [row[6] for row in rows(sent)] == [None]


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("Vitesse (nds)", 18000 / 926),
        ("速度(节)", 18000 / 926),
        ("GPS speed (mi/hr)", 10 / 0.44704),
        ("Speed (Kilometers/hour)", 36),
        ("Speed m s-1", 10),
        ("Speed (m/min)", 600),
    ],
)
def test_units_of_speed_in_more_spellings(name: str, cell: float) -> None:
    table = f"time;lat;lon;{name}\n{ISO};60.1;24.9;{cell}\n"
    assert only_row(table)[6] == pytest.approx(10)
