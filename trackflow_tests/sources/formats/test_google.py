import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackflow.sources.recognition import detect
from trackflow_tests.helpers.reading import points, read_bytes


def iso(second: int, hours: int = 0) -> str:
    return (
        (datetime.fromtimestamp(second, UTC) + timedelta(hours=hours))
        .isoformat()
        .replace("+00:00", f"+{hours:02}:00" if hours else "Z")
    )


def e7(value: float) -> int:
    return round(value * 1e7)


def records(rows):
    return {
        "locations": [
            {"latitudeE7": e7(lat), "longitudeE7": e7(lon), "timestamp": iso(second),
             "activity": [{"activity": [{"type": "STILL"}], "timestamp": iso(second)}]}
            for _, second, _, lat, lon in rows
        ]
    }  # fmt: skip


def old_records(rows):
    return {
        "locations": [
            {"timestampMs": f"{second}000", "latitudeE7": e7(lat), "longitudeE7": e7(lon)}
            for _, second, _, lat, lon in rows
        ]
    }


def semantic(rows):
    """Every row is a point of the path of a journey."""
    return {
        "timelineObjects": [
            {"activitySegment": {
                "startLocation": {}, "endLocation": {},
                "duration": {"startTimestamp": iso(second), "endTimestamp": iso(second + 1)},
                "simplifiedRawPath": {"points": [
                    {"latE7": e7(lat), "lngE7": e7(lon), "timestamp": iso(second)}]}}}
            for _, second, _, lat, lon in rows
        ]
    }  # fmt: skip


def android(rows):
    """One half as signals, the other as paths."""
    signals, paths = rows[len(rows) // 2 :], rows[: len(rows) // 2]
    return {
        "semanticSegments": [
            {"startTime": iso(second, 2), "endTime": iso(second, 2),
             "timelinePath": [{"point": f"{lat:.7f}°, {lon:.7f}°", "time": iso(second, 2)}]}
            for _, second, _, lat, lon in paths
        ],
        "rawSignals": [
            {"position": {"LatLng": f"{lat:.7f}°, {lon:.7f}°", "timestamp": iso(second, 2)}}
            for _, second, _, lat, lon in signals
        ],
        "userLocationProfile": {"frequentPlaces": []},
    }  # fmt: skip


def ios(rows):
    return [
        {"endTime": iso(second), "startTime": iso(second - 300),
         "timelinePath": [{"point": f"geo:{lat:.7f},{lon:.7f}",
                           "durationMinutesOffsetFromStartTime": "5"}]}
        for _, second, _, lat, lon in rows
    ]  # fmt: skip


FORMS = {"records": records, "old": old_records, "months": semantic, "android": android, "ios": ios}


def first_four(found):
    return [row[1:4] for row in found.rows]


def expected(rows):
    return [(second * 1_000_000, lon, lat) for _, second, _, lat, lon in rows]


@settings(max_examples=60)
@given(
    st.lists(points, min_size=1, max_size=20), st.sampled_from(sorted(FORMS)),
    st.sampled_from([None, 2]), st.sampled_from([1, 7, 50_000]), st.booleans(),
)  # fmt: skip
def test_points_read_back_as_written(rows, form, indent, chunk_points, ascii_only):
    text = json.dumps(FORMS[form](rows), indent=indent, ensure_ascii=ascii_only)
    assert detect(text.encode()[:65_536], "x.json") == "google"
    found = read_bytes(text.encode(), "google", chunk_points=chunk_points)
    assert found.error == ""
    assert found.refused == []
    assert first_four(found) == expected(rows)
    assert found.points.devices == ("stem",)


@settings(max_examples=60)
@given(st.lists(points, min_size=1, max_size=12), st.sampled_from(sorted(FORMS)), st.integers(0))
def test_a_cut_file_gives_what_was_whole_and_reports_it(rows, form, at):
    data = json.dumps(FORMS[form](rows))
    at %= len(data)
    found = read_bytes(data[:at].encode(), "google")
    got = first_four(found)
    assert got == expected(rows)[: len(got)]
    ends = [i for i, character in enumerate(data) if character == "}"]
    whole = sum(end < at for end in ends) // (len(ends) // len(rows))
    assert len(got) >= min(whole, len(rows)) - 1
    assert found.error or found.reasons == ["truncated"]


@settings(max_examples=60)
@given(st.binary(max_size=200), st.text('[]{}",:1\n ', max_size=60))
def test_any_bytes_give_an_answer(data, text):
    for junk in (data, text.encode()):
        read_bytes(junk, "google")
        read_bytes(b'{"semanticSegments":[{"startTime":' + junk, "google")


KEYS = [
    "startTime",
    "endTime",
    "timelinePath",
    "visit",
    "activity",
    "topCandidate",
    "placeLocation",
    "latLng",
    "point",
    "latitudeE7",
    "longitudeE7",
    "timestampMs",
    "timestamp",
    "position",
    "LatLng",
    "activitySegment",
    "placeVisit",
    "duration",
    "startLocation",
    "location",
    "simplifiedRawPath",
    "points",
    "waypointPath",
    "waypoints",
    "start",
    "durationMinutesOffsetFromStartTime",
    "deviceTag",
    "startTimestamp",
]
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    | st.sampled_from(["geo:1,2", "1°, 2°", "2026-01-01T00:00:00Z", 1e300, "9" * 400]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    max_leaves=20,
)  # fmt: skip


@given(st.lists(values, max_size=4))
def test_any_values_in_any_place_give_an_answer(elements):
    found = read_bytes(json.dumps({"semanticSegments": elements}).encode(), "google")
    for refusal in found.refused:
        refusal.raw.encode("utf-8")


START, END = 1_767_225_600, 1_767_229_200
DURATION = {"startTimestamp": iso(START), "endTimestampMs": f"{END}000"}
PLACE = {"latitudeE7": 10_000_000, "longitudeE7": 20_000_000}
WAYPOINTS = {"waypoints": [{"latE7": 1, "lngE7": 2}] * 3}


def test_visits_count_at_both_their_ends_and_so_do_journeys():
    elements = [
        {"placeVisit": {"location": PLACE, "duration": DURATION}},
        {"activitySegment": {"startLocation": PLACE, "endLocation": PLACE, "duration": DURATION}},
        {"placeVisit": {"location": {}, "centerLatE7": 10_000_000, "centerLngE7": 20_000_000,
                        "duration": DURATION}},
    ]  # fmt: skip
    found = read_bytes(json.dumps({"timelineObjects": elements}).encode(), "google")
    assert first_four(found) == [(s * 1_000_000, 2.0, 1.0) for s in (START, END)] * 3
    candidate = {"topCandidate": {"placeLocation": {"latLng": "1.0°, 2.0°"}}}
    times = {"startTime": iso(START), "endTime": iso(END)}
    segments = [
        {**times, "visit": candidate},
        {**times, "activity": {"start": {"latLng": "1.0°, 2.0°"}, "end": {"latLng": "1°, 2°"}}},
        {**times, "visit": {"topCandidate": {"placeLocation": "geo:1,2"}}},
        {**times, "activity": {"start": "geo:1.0,2.0", "end": "geo:1.0,2.0"}},
        {**times, "timelineMemory": {"distanceFromOriginKms": 3}},
    ]
    for data in (segments, {"semanticSegments": segments}):
        found = read_bytes(json.dumps(data).encode(), "google")
        assert first_four(found) == [(s * 1_000_000, 2.0, 1.0) for s in (START, END)] * 4
        assert found.refused == []


def test_a_path_without_times_is_refused_once_unless_there_is_one_with():
    journey = {"duration": DURATION, "waypointPath": WAYPOINTS}
    timed = {"points": [{"latE7": 1, "lngE7": 2, "timestamp": iso(START)}, {}]}
    elements = [
        {"activitySegment": journey},
        {"activitySegment": {**journey, "simplifiedRawPath": timed}},
    ]
    found = read_bytes(json.dumps({"timelineObjects": elements}).encode(), "google")
    assert sorted(found.reasons) == ["no_position", "no_time"]
    assert {r.where for r in found.refused} == {"file: element 1", "file: element 2, point 2"}
    # both journeys begin and end where their paths do, and one has a point with a time between
    assert [us // 1_000_000 for _, us, *_ in found.rows] == [START, END, START, START, END]


def test_phones_of_an_account_are_separated():
    locations = [{**PLACE, "timestamp": iso(START + k), "deviceTag": k % 2} for k in range(4)]
    data = json.dumps({"locations": locations}).encode()
    assert read_bytes(data, "google").points.devices == ("stem-0", "stem-1")
    assert read_bytes(data, "google", device_id="me").points.devices == ("me",)
    months = json.dumps({"timelineObjects": [{"placeVisit": {"location": PLACE,
                                                             "duration": DURATION}}]})  # fmt: skip
    found = read_bytes(months.encode(), "google", fallback_device="2021_JANUARY")
    assert found.points.devices == ("google-timeline",)


def test_what_a_record_knows_besides():
    record = {**PLACE, "timestamp": iso(START), "accuracy": 5, "altitude": 7, "velocity": 3,
              "heading": 180}  # fmt: skip
    (row,) = read_bytes(json.dumps({"locations": [record]}).encode(), "google").rows
    assert row[4:] == (7.0, 5.0, 3.0, 180.0)
    signal = {"position": {"LatLng": "1°, 2°", "timestamp": iso(START), "accuracyMeters": 5,
                           "altitudeMeters": 7.5, "speedMetersPerSecond": 3.5}}  # fmt: skip
    others = [{"wifiScan": {"deliveryTime": iso(START)}}, {"activityRecord": {}}]
    found = read_bytes(json.dumps({"rawSignals": [signal, *others]}).encode(), "google")
    assert found.rows[0][4:] == (7.5, 5.0, 3.5, None)
    assert found.refused == []


def test_numbers_that_lost_their_sign_get_it_back():
    record = {"latitudeE7": 2**32 - 10_000_000, "longitudeE7": 2**32 - 20_000_000,
              "timestamp": iso(START)}  # fmt: skip
    found = read_bytes(json.dumps({"locations": [record]}).encode(), "google")
    assert first_four(found) == [(START * 1_000_000, -2.0, -1.0)]


@pytest.mark.parametrize("data", [b'{"a": 1}', b"[1,2]", b"", b"[" * 10_000])
def test_a_file_of_another_kind_reports_it(data):
    assert "no position of a Google Timeline" in read_bytes(data, "google").error
