"""The JSON of Polarsteps, Samsung Health, Arc, Home Assistant and photo libraries."""

import datetime as dt
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackflow.sources.file_format import UnknownFormatError
from trackflow.sources.options import ReadOptions
from trackflow.sources.recognition import detect
from trackflow_tests.helpers.reading import points, read_bytes

T = 1_767_225_600


def iso(second: float, form: str = "Z") -> str:
    return dt.datetime.fromtimestamp(second, dt.UTC).isoformat().replace("+00:00", form)


def polarsteps(rows) -> object:
    return {"locations": [{"lat": r[3], "lon": r[4], "time": float(r[1])} for r in rows]}


def steps(rows) -> object:
    return {
        "id": 1, "timezone_id": "Europe/London",
        "all_steps": [
            {"id": 7, "start_time": float(r[1]), "location": {"lat": r[3], "lon": r[4]}}
            for r in rows
        ],
    }  # fmt: skip


def samsung(rows) -> object:
    return [
        {"start_time": r[1] * 1000, "latitude": r[3], "longitude": r[4], "altitude": 12.5,
         "accuracy": 4.0}
        for r in rows
    ]  # fmt: skip


def arc(rows) -> object:
    return {"timelineItems": [{"itemId": "A", "isVisit": False, "samples": _arc_samples(rows)}]}


def _arc_samples(rows) -> list:
    return [
        {"sampleId": "B", "date": iso(r[1]), "movingState": "moving",
         "location": {"latitude": r[3], "longitude": r[4], "altitude": 12.5,
                      "horizontalAccuracy": 4.0, "speed": -1, "course": -1}}
        for r in rows
    ]  # fmt: skip


def arc_week(rows) -> object:
    return _arc_samples(rows)


def locokit(rows) -> object:
    return [
        {"id": "B", "date": iso(r[1]), "latitude": r[3], "longitude": r[4], "altitude": 12.5,
         "horizontalAccuracy": 4.0, "movingState": 1, "disabled": False}
        for r in rows
    ]  # fmt: skip


def apple_seconds(rows) -> object:
    return [
        e | {"date": float(r[1] - 978_307_200)} for e, r in zip(locokit(rows), rows, strict=True)
    ]


def history(rows) -> object:
    states = [
        {"entity_id": "device_tracker.phone", "state": "not_home",
         "attributes": {"latitude": r[3], "longitude": r[4], "gps_accuracy": 4, "altitude": 12.5},
         "last_changed": iso(r[1], "+00:00"), "last_updated": iso(r[1], "+00:00")}
        for r in rows
    ]  # fmt: skip
    middle = len(states) // 2
    return [part for part in (states[:middle], states[middle:]) if part]


def takeout(rows) -> object:
    return [
        {"title": "a.jpg", "photoTakenTime": {"timestamp": str(r[1]), "formatted": "x"},
         "geoData": {"latitude": 1.0, "longitude": 1.0, "altitude": 0.0},
         "geoDataExif": {"latitude": r[3], "longitude": r[4], "altitude": 12.5}}
        for r in rows
    ]  # fmt: skip


def immich(rows) -> object:
    return [
        {"id": "a", "exifInfo": {"latitude": r[3], "longitude": r[4],
                                 "dateTimeOriginal": iso(r[1], ".000Z")}}
        for r in rows
    ]  # fmt: skip


PLACELESS = {"photo without a position": 1}
FORMS = {
    "polarsteps": ("polarsteps", polarsteps, "polarsteps"),
    "steps": ("polarsteps", steps, "polarsteps-steps"),
    "samsung": ("samsung", samsung, "samsung-health"),
    "arc": ("arc", arc, "arc"),
    "arc week": ("arc", arc_week, "arc"),
    "locokit": ("arc", locokit, "arc"),
    "apple seconds": ("arc", apple_seconds, "arc"),
    "history": ("home_assistant", history, "device_tracker.phone"),
    "takeout": ("photo_sidecar", takeout, "photos"),
    "immich": ("photo_sidecar", immich, "photos"),
}
NAMES = {"samsung": "0f.com.samsung.health.exercise.location_data"}

# Arc's oldest time is 2001, from where Apple counts; zeros are no place to Google
rows_of = st.lists(
    points.filter(lambda p: p[1] > 978_400_000 and p[3] and p[4]), min_size=1, max_size=15
)


def read_form(form: str, data: bytes, **more):
    name = NAMES.get(form, "file")
    return read_bytes(data, FORMS[form][0], name=f"{name}.json", fallback_device=name, **more)


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=30, deadline=None)
@given(rows=rows_of, indent=st.sampled_from([None, 2]), chunk=st.sampled_from([1, 50_000]))
def test_points_read_back_as_written(form, rows, indent, chunk):
    kind, write, device = FORMS[form]
    data = json.dumps(write(rows), indent=indent).encode()
    assert detect(data, "any.json") == kind
    found = read_form(form, data, chunk_points=chunk)
    assert found.error == ""
    assert found.refused == []
    assert [row[:4] for row in found.rows] == [(device, r[1] * 1_000_000, r[4], r[3]) for r in rows]
    for row in found.rows:
        assert row[4] in (None, 12.5)
        assert row[5] in (None, 4.0)
        assert row[6:] == (None, None)


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=40, deadline=None)
@given(at=st.integers(0), junk=st.binary(min_size=1, max_size=2))
def test_damage_costs_no_element_before_it(form, at, junk):
    rows = [("", T + i, 0, 60.1 + i / 100, 24.9) for i in range(8)]
    _, write, _ = FORMS[form]
    data = json.dumps(write(rows)).encode()
    at %= len(data)
    found = read_form(form, data[:at] + junk + data[at + len(junk) :])
    first = data.index(b"{", 1)
    whole = data[first:at].count(b"}, {")
    if form not in ("immich", "takeout", "steps", "arc week", "arc"):  # whose elements are nested
        assert {r[1] for r in rows[: max(whole - 1, 0)]} <= {
            row[1] // 1_000_000 for row in found.rows
        }


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=30, deadline=None)
@given(at=st.integers(0))
def test_a_cut_file_gives_its_points_and_reports_it(form, at):
    rows = [("", T + i, 0, 60.1, 24.9) for i in range(6)]
    data = json.dumps(FORMS[form][1](rows)).encode()
    at %= len(data) - 1
    found = read_form(form, data[:at])
    assert [row[1] // 1_000_000 for row in found.rows] == [r[1] for r in rows][: len(found.rows)]
    if at > 1:
        assert found.error or found.refused


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(
            ["latitude", "longitude", "lat", "lon", "time", "start_time", "location", "date",
             "samples", "timelineItems", "entity_id", "attributes", "source", "exifInfo",
             "dateTimeOriginal", "photoTakenTime", "timestamp", "geoData", "geoDataExif",
             "all_steps", "last_updated", "is_deleted"]
        ), inner, max_size=6),
    max_leaves=15,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(json_values)
def test_any_values_give_an_answer(value):
    data = json.dumps(value).encode()
    for form in FORMS:
        read_form(form, data)


def test_a_step_that_was_taken_back_is_none():
    value = steps([("", T, 0, 51.5, -0.1)])
    value["all_steps"][0]["is_deleted"] = True
    assert read_form("steps", json.dumps(value).encode()).rows == []


def test_samsung_tables_that_only_name_files_are_separated():
    header = "com.samsung.shealth.exercise,6312009,7\ncom.samsung.health.exercise.duration,"
    with pytest.raises(UnknownFormatError, match=r"location_data\.json"):
        detect((header + "com.samsung.health.exercise.location_data\n").encode(), "a.csv")


def test_a_samsung_table_of_positions():
    text = (
        b"com.samsung.health.exercise.location_data,1,1\n"
        b"com.samsung.health.exercise.time,com.samsung.health.exercise.latitude,"
        b"com.samsung.health.exercise.longitude\n"
        b"2026-01-01 00:00:00.000,60.1,24.9,\n2026-01-01 00:00:01.000,60.1,24.9,\n"
    )
    assert detect(text, "a.csv") == "samsung"
    found = read_bytes(text, "samsung")
    assert [row[1] // 1_000_000 for row in found.rows] == [T, T + 1]
    assert found.refused == []


def test_moments_without_a_position_are_counted_once():
    value = [*samsung([("", T, 0, 1.5, 2.5)]), *({"start_time": T, "segment": 1} for _ in range(9))]
    found = read_form("samsung", json.dumps(value).encode())
    assert len(found.rows) == 1
    assert (found.refused, found.skipped) == ([], {"moment without a position": 9})
    samples = arc_week([("", T, 0, 1.5, 2.5)]) + [{"sampleId": "C", "date": iso(T)}] * 9
    found = read_form("arc", json.dumps(samples).encode())
    assert len(found.rows) == 1
    assert (found.refused, found.skipped) == ([], {"sample without a position": 9})


@pytest.mark.parametrize("people_first", [True, False])
def test_a_person_repeats_the_tracker_that_is_there(people_first):
    def state(entity: str, i: int, **more) -> dict:
        return {
            "entity_id": entity, "state": "home", "last_updated": iso(T + i),
            "attributes": {"latitude": 60.1, "longitude": 24.9, **more},
        }  # fmt: skip

    tracker = [state("device_tracker.phone", i) for i in range(3)]
    anna = [state("person.anna", i, source="device_tracker.phone") for i in range(3)]
    bo = [state("person.bo", i, source="device_tracker.watch") for i in range(3)]
    lamp = [state("light.lamp", 0)]
    lists = [anna, bo, tracker, lamp] if people_first else [tracker, lamp, bo, anna]
    found = read_form("history", json.dumps(lists).encode())
    assert sorted(set(found.points.devices)) == ["device_tracker.phone", "person.bo"]
    assert len(found.rows) == 6
    assert found.skipped == {"state of a person that repeats their tracker's": 3}


def test_a_place_that_google_does_not_know_is_none():
    value = takeout([("", T, 0, 1.5, 2.5)])[0]
    value["geoDataExif"] = {"latitude": 0.0, "longitude": 0.0, "altitude": 0.0}
    (row,) = read_form("takeout", json.dumps(value).encode()).rows
    assert row[2:4] == (1.0, 1.0)
    value["geoData"] = value["geoDataExif"]
    assert read_form("takeout", json.dumps(value).encode()).skipped == PLACELESS


def test_an_immich_time_without_a_zone_says_why_it_is_left_out():
    value = immich([("", T, 0, 1.5, 2.5)])[0]
    value["exifInfo"]["dateTimeOriginal"] = "2026-01-01T00:00:00"
    found = read_form("immich", json.dumps(value).encode())
    assert found.reasons == ["no_time"]
    assert "--time-zone" in found.refused[0].raw
    chosen = ReadOptions(zone=dt.timezone(dt.timedelta(hours=-2)))
    (row,) = read_form("immich", json.dumps(value).encode(), options=chosen).rows
    assert row[1] == (T + 7_200) * 1_000_000


XMP = (
    '<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
    'xmlns:exif="http://ns.adobe.com/exif/1.0/" {attributes}>{elements}</rdf:Description>'
    "</rdf:RDF></x:xmpmeta>"
)


@pytest.mark.parametrize(
    ("lat", "lon"),
    [("60,6.0N", "24,54.0E"), ("60,6,0N", "24,54,0E"), ("60.1", "24.9"), ("60.1N", "24.9E")],
)
@pytest.mark.parametrize("as_elements", [True, False])
def test_xmp_sidecars(lat, lon, as_elements):
    known = {
        "GPSLatitude": lat, "GPSLongitude": lon, "GPSAltitude": "125/10", "GPSAltitudeRef": "0",
        "DateTimeOriginal": "2026-01-01T02:00:00+02:00",
    }  # fmt: skip
    data = XMP.format(
        attributes="" if as_elements else " ".join(f'exif:{k}="{v}"' for k, v in known.items()),
        elements="".join(f"<exif:{k}>{v}</exif:{k}>" for k, v in known.items())
        if as_elements
        else "",
    ).encode()
    assert detect(data, "a.jpg.xmp") == "photo_sidecar"
    (row,) = read_bytes(data, "photo_sidecar").rows
    assert row[1:5] == (T * 1_000_000, 24.9, 60.1, 12.5)


def test_xmp_without_position_or_zone_or_end():
    data = XMP.format(attributes='exif:DateTimeOriginal="2026-01-01T00:00:00"', elements="")
    assert read_bytes(data.encode(), "photo_sidecar").skipped == PLACELESS
    more = 'exif:GPSLatitude="1,0N" exif:GPSLongitude="2,0E" '
    data = data.replace("exif:DateTime", more + "exif:DateTime", 1)
    assert read_bytes(data.encode(), "photo_sidecar").reasons == ["no_time"]
    assert "no whole XMP" in read_bytes(data[:-9].encode(), "photo_sidecar").error
