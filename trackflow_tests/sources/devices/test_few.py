"""A few positions are read value by value: bit for bit what whole columns give, or left to them."""

import json
from collections.abc import Callable
from typing import Any
from unittest import mock
from urllib.parse import urlencode

import numpy as np
import pytest
from hypothesis import event, example, given
from hypothesis import strategies as st

from trackflow.geo.points import on_grid
from trackflow.sources.admission import CROWD_MAX
from trackflow.sources.devices import few, fixes, flat, reading
from trackflow.sources.devices.envelopes import Envelope
from trackflow.sources.devices.fixes import BodyCollector, BodyContent, Fix
from trackflow.sources.devices.raw_fix import moment_us
from trackflow.sources.records import EARLIEST_US, FUTURE_SLACK_US, PointBatch
from trackflow.sources.values.times import TimeForm
from trackflow_tests.helpers.any_values import NOW_US, nearly, scalars

NOW_S = NOW_US // 1_000_000

ARRAYS = ("device", "time_us", "lon", "lat", "altitude_m", "accuracy_m", "speed_ms", "course_deg")

edges = st.sampled_from(
    [
        *(0, 0.0, -0.0, 4e-8, -4e-8, 5e-8, 1e-6, 9e-7, -1, 1e5, 1e7, 360, 360.0, 359.9999999, -180),
        *(90, 90.00000004, 90.00000006, -90.00000005, 180.00000005, -12_000, -12_000.5, 100_000),
        *(10**400, -(10**400), 2**53 + 1, 1e308, -1e308, True, False),
        *("60,17", "60.17", "24,9384", "60\u00b010'12\"N", "N60.5", "36 km/h", "36,5", "1,234"),
        *("%LAT", "{0}", "LAT", "n/a", "null", " ", "\\N", "1_0", "\u0661", "inf", "nan", "-0"),
    ]
)
degrees = st.floats(-200, 200) | st.integers(-200, 200)
moments = (
    st.integers(NOW_S - 10**9, NOW_S + 200_000)
    | st.integers(EARLIEST_US // 1_000_000 - 5, NOW_S)
    | st.floats(NOW_S - 1e6, NOW_S)
    | st.integers(NOW_S * 1_000 - 10**9, NOW_S * 1_000)
    | st.integers(NOW_US - 10**9, NOW_US + FUTURE_SLACK_US + 1)
    | st.integers(10**6, 10**15)
    | st.datetimes().map(lambda moment: moment.isoformat() + "Z")
    | st.sampled_from(["20260101", "20260101120000", "2026-01-31T12:00:00 03:00", "1,5e9"])
)
names = st.sampled_from(["bus-7", " bus-7 ", "", " ", "%SER", "{12}", "null", "a\x00b", "x" * 201])
values = edges | degrees | st.floats() | scalars
anything = values | moments | names


def mostly(good: st.SearchStrategy[Any], odd: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Good ones three times of four: one odd value sends a whole body to the columns."""
    return st.integers(0, 3).flatmap(lambda k: good if k else odd)


sent_fixes = st.builds(
    Fix,
    device=mostly(st.sampled_from(["bus-7", " bus-7", 7, 7.5, None, "%SER"]), names | scalars),
    time=mostly(st.integers(NOW_S - 10**9, NOW_S), moments | anything),
    lat=mostly(st.floats(-90, 90), degrees | values),
    lon=mostly(st.floats(-180, 180), degrees | values),
    altitude_m=values,
    accuracy_m=values,
    hdop=st.none() | values,
    speed=values,
    speed_unit_ms=st.sampled_from([1.0, 1 / 3.6, 1852 / 3600, float("nan")]),
    course_deg=values,
)


def by_columns(function: Callable[[], BodyContent]) -> BodyContent:
    with mock.patch.object(fixes, "FEW_FIXES", -1):
        return function()


def bits(points: PointBatch) -> list[tuple[object, ...]]:
    arrays = [getattr(points, name) for name in ARRAYS]
    return [
        (points.devices,),
        *((array.dtype.str, array.shape, array.tobytes()) for array in arrays),
    ]


def assert_equal(found: BodyContent, expected: BodyContent) -> None:
    event(f"points: {len(found.points)}, refused: {len(found.refused)}")
    assert bits(found.points) == bits(expected.points)
    assert found.refused == expected.refused
    assert (found.ignored, found.sender) == (expected.ignored, expected.sender)


@given(
    st.lists(sent_fixes, max_size=3),
    st.none() | names.filter(bool),
    names,
    st.sampled_from([None, TimeForm.EPOCH_S]),
)
@example([Fix("a", NOW_S, -1e-9, 1.0)], None, "", None)
@example([Fix("a", NOW_S, -0.0, -0.0)], None, "", None)
@example([Fix("a", NOW_S, 1.0, -0.0, speed=-0.0, course_deg=360)], "b", "", None)
def test_a_few_fixes_give_what_columns_give(
    sent: list[Fix], device_id: str | None, fallback: str, form: TimeForm | None
) -> None:
    def read() -> BodyContent:
        envelope = Envelope("traccar", device_id=device_id, fallback_device=fallback)
        received = BodyCollector(envelope, "traccar", b"", NOW_US)
        for k, fix in enumerate(sent):
            received.add(fix, k)
        return received.delivery(form)

    assert_equal(read(), by_columns(read))


OWNTRACKS = {
    "_type": "location", "acc": 8, "alt": 21, "cog": 271, "lat": 60.1699, "lon": 24.9384,
    "tid": "jp", "topic": "owntracks/jane/phone", "tst": NOW_S, "vel": 54,
}  # fmt: skip
FEATURE = {
    "type": "Feature",
    "geometry": {"type": "Point", "coordinates": [24.9384, 60.1699]},
    "properties": {
        "timestamp": "2026-05-28T20:26:40Z", "altitude": 21, "speed": 4, "course": 351.2,
        "horizontal_accuracy": 30, "device_id": "jane",
    },
}  # fmt: skip
OVERLAND = {"locations": [FEATURE], "trip": FEATURE}
CLIENT = {
    "location": {
        "timestamp": "2026-05-28T20:26:40.000Z",
        "coords": {"latitude": 60.1699, "longitude": 24.9384, "accuracy": 8.0, "speed": 12.5},
    },
    "device_id": "phone",
}
FORWARDED = {
    "position": {
        "fixTime": NOW_S * 1_000, "latitude": 60.1, "longitude": 24.9, "speed": 10.0,
        "course": 90.0, "valid": True, "attributes": {"hdop": 1.2},
    },
    "device": {"uniqueId": "van"},
}  # fmt: skip
PHONETRACK = {"points": [[60.1, 24.9, NOW_S, 21.0, 8.0, 50, 7, "app", 3.5, 271.0]]}
COMPANION = {"type": "update_location", "data": {"gps": [60.17, 24.94], "gps_accuracy": 8}}
FLAT = {
    "id": "bus", "timestamp": NOW_S, "lat": 60.1, "lon": 24.9, "speed": 12, "bearing": 271,
    "altitude": 21, "accuracy": 8, "hdop": 1.1,
}  # fmt: skip
JSON_BODIES: dict[str, list[Any]] = {
    "owntracks": [OWNTRACKS, [OWNTRACKS, OWNTRACKS]],
    "overland": [OVERLAND],
    "geojson": [FEATURE, FLAT],
    "traccar": [CLIENT, FORWARDED, FLAT, PHONETRACK, COMPANION],
    "homeassistant": [COMPANION],
}


@st.composite
def requests(draw: st.DrawFn) -> tuple[bytes, Envelope]:
    query: dict[str, str] = {}
    if draw(st.booleans()):
        endpoint = draw(st.sampled_from(sorted(JSON_BODIES)))
        good = draw(st.sampled_from(JSON_BODIES[endpoint]))
        body = json.dumps(draw(nearly(good)), default=str).encode("utf-8", "surrogatepass")
    else:
        endpoint = draw(st.sampled_from(sorted(flat.SENDERS)))
        values = {k: draw(st.just(v) | anything) for k, v in FLAT.items()}
        query = {k: str(v) for k, v in values.items() if draw(st.integers(0, 9))}
        body = b""
        if draw(st.booleans()):
            body, query = urlencode(query, errors="replace").encode(), {}
    device = draw(st.sampled_from([None, "token's"]))
    return body, Envelope(endpoint, device_id=device, fallback_device="token", query=query)


def test_no_crowd_is_among_few() -> None:
    assert few.FEW_FIXES <= CROWD_MAX


@given(requests())
def test_a_body_of_any_sender_gives_what_columns_give(request: tuple[bytes, Envelope]) -> None:
    body, envelope = request

    def read() -> BodyContent:
        return reading.read(body, envelope, now_us=NOW_US)

    assert_equal(read(), by_columns(read))


@pytest.mark.parametrize(
    ("endpoint", "body"),
    # what is sent to the endpoint of GeoJSON is read as a file
    [
        (endpoint, body)
        for endpoint in JSON_BODIES
        if endpoint != "geojson"
        for body in JSON_BODIES[endpoint]
    ],
)
def test_what_senders_send_needs_no_columns(endpoint: str, body: Any) -> None:
    with mock.patch.object(fixes, "candidates_of", side_effect=AssertionError):
        found = reading.read(json.dumps(body).encode(), Envelope(endpoint), now_us=NOW_US)
    assert len(found.points)


@given(st.floats(-360, 360, exclude_min=True, exclude_max=True) | st.integers(-359, 359).map(float))
@example(-1e-9)
@example(-0.0)
@example(5e-8)
def test_degrees_are_rounded_as_columns_are(value: float) -> None:
    found = few._on_grid(value)
    assert found is not None
    assert np.float64(found).tobytes() == on_grid([value])[0].tobytes()


@given(st.integers(0, 10**14), st.sampled_from([None, *TimeForm]))
def test_whole_numbers_are_the_times_that_their_text_is(value: int, form: TimeForm | None) -> None:
    assert few._time_us(value, form) == moment_us(str(value), form)
