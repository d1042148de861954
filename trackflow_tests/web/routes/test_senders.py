"""Each live sender's exact request: the point that it becomes, and the answer that it needs."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from nacl.secret import SecretBox

from trackflow.context import Context
from trackflow.geo.time import to_us
from trackflow.sources.devices import senders
from trackflow.sources.devices.senders import FORMS, SpeedUnit
from trackflow.store.tables import metadata
from trackflow_tests.helpers.running_api import running_api
from trackflow_tests.helpers.stores import contents, empty, open_context

T = 1_780_000_000
US = T * 1_000_000
ISO = "2026-05-28T20:26:40Z"
KEY = "s3cret"
GPRMC = "$GPRMC,202640,A,6010.19400,N,2456.30400,E,36.000000,271.000000,280526,,*2B"

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Sent:
    """A request as a sender makes it, and what it says.

    The place is 60.1699 N 24.9384 E, the course 271 and the speed 36 of the sender's unit in all.
    """

    app: str
    path: str
    json: Any = None
    form: str = ""
    method: str = "POST"
    headers: dict[str, str] = field(default_factory=dict)
    device: str = "jane"
    time_us: int | None = US
    accuracy_m: float | None = 8.0
    altitude_m: float | None = 21.0
    answer: bytes = b""


IOS = {
    "_type": "location", "acc": 8, "alt": 21, "batt": 74, "bs": 1, "cog": 271, "conn": "m",
    "created_at": T + 2, "inregions": ["home"], "lat": 60.1699, "lon": 24.9384, "m": 1, "p": 100.9,
    "t": "t", "tid": "ne", "topic": "owntracks/jane/phone", "tst": T, "vac": 3, "vel": 36,
    "BSSID": "aa:bb:cc:dd:ee:ff", "SSID": "home",
}  # fmt: skip
ANDROID = {
    "_type": "location", "_id": "7f2a91c4", "BSSID": "02:00:00:00:00:00", "acc": 8, "alt": 21,
    "batt": 74, "bs": 1, "cog": 271, "conn": "w", "created_at": T + 3, "lat": 60.1699,
    "lon": 24.9384, "m": 2, "source": "fused", "t": "u", "tid": "ne",
    "topic": "owntracks/jane/phone", "tst": T, "vac": 3, "vel": 36,
}  # fmt: skip
OWNTRACKS = "OwnTracks for iOS and Android, mode HTTP"
COLOTA = {"lat": 60.1699, "lon": 24.9384, "acc": 8, "alt": 21, "vel": 36, "batt": 85, "bs": 2,
          "tst": T}  # fmt: skip
OVERLAND = {
    "locations": [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [24.9384, 60.1699]},
            "properties": {
                "speed": 36, "battery_state": "unplugged", "motion": ["driving"], "timestamp": ISO,
                "battery_level": 0.74, "speed_accuracy": 1, "course_accuracy": -1,
                "horizontal_accuracy": 8, "vertical_accuracy": 3, "wifi": "home", "course": 271,
                "altitude": 21, "pauses": False, "activity": "other_navigation",
                "desired_accuracy": 100, "deferred": 0, "significant_change": "disabled",
                "locations_in_payload": 1, "device_id": "jane", "unique_id": "",
            },
        }
    ],
    "current": {}, "trip": {"mode": "car"},
}  # fmt: skip
CLIENT_9 = {
    "location": {
        "timestamp": "2026-05-28T20:26:40.000Z",
        "coords": {
            "latitude": 60.1699, "longitude": 24.9384, "accuracy": 8.0, "speed": 36.0,
            "heading": 271.0, "altitude": 21.0,
        },
        "is_moving": True, "odometer": 1044.2, "event": "motionchange",
        "battery": {"level": 0.74, "is_charging": False}, "activity": {"type": "in_vehicle"},
        "extras": {},
    },
    "device_id": "jane",
}  # fmt: skip
FORWARDED = {
    "position": {
        "id": 18336, "attributes": {"ignition": True}, "deviceId": 7, "protocol": "teltonika",
        "serverTime": "2026-05-28T20:26:41.000+00:00", "latitude": 60.1699, "longitude": 24.9384,
        "deviceTime": "2026-05-28T20:26:40.000+00:00", "fixTime": "2026-05-28T20:26:40.000+00:00",
        "outdated": False, "valid": True, "altitude": 21.0, "speed": 36.0, "course": 271.0,
        "address": None, "accuracy": 8.0, "network": None,
    },
    "device": {"id": 7, "name": "Jane's", "uniqueId": "jane", "status": "online"},
}  # fmt: skip
COMPANION = {
    "type": "update_location",
    "data": {
        "gps": [60.1699, 24.9384], "gps_accuracy": 8, "battery": 74, "speed": 36, "altitude": 21,
        "course": 271, "vertical_accuracy": 3,
    },
}  # fmt: skip
TRACCAR_OLD = (
    f"id=jane&timestamp={T}&lat=60.1699&lon=24.9384&speed=36.0&bearing=271.0&altitude=21.0"
    "&accuracy=8.0&batt=74.0"
)
ALL = (
    "lat=60.1699&lon=24.9384&sat=9&desc=&alt=21.0&acc=8.0&dir=271.0&prov=gps&spd=36.0"
    f"&timestamp={T}&timeoffset=2026-05-28T23:26:40.000+03:00&time=2026-05-28T20:26:40.000Z"
    f"&starttimestamp={T - 600}&date=2026-05-28&batt=74.0&ischarging=false&aid=1&ser=jane&act=&"
    "filename=20260528&profile=Default+Profile&hdop=0.9&vdop=1.2&pdop=1.5&dist=120"
)
HA_FORM = (
    "latitude=60.1699&longitude=24.9384&device=jane&accuracy=8.0&battery=74.0&speed=36.0"
    "&direction=271.0&altitude=21.0&provider=gps&activity=driving"
)


def encrypted(message: Any) -> dict[str, str]:
    box = SecretBox(KEY.encode().ljust(32, b"\0"))
    sealed = bytes(box.encrypt(json.dumps(message).encode(), b"n" * 24))
    return {"_type": "encrypted", "data": base64.b64encode(sealed).decode()}


def gpslogger_body() -> dict[str, str]:
    return {
        "_type": "location", "t": "u", "acc": "8.0", "alt": "21.0", "batt": "74.0", "tid": "jane",
        "lat": "60.1699", "lon": "24.9384", "tst": str(T), "vel": "36.0", "cog": "271.0",
    }  # fmt: skip


REQUESTS = [
    Sent(OWNTRACKS, "/ingest/owntracks", IOS, device="jane/phone", answer=b"[]"),
    Sent(OWNTRACKS, "/ingest/owntracks", ANDROID, device="jane/phone", answer=b"[]"),
    Sent(
        OWNTRACKS, "/ingest/owntracks", ANDROID, device="jane/pixel", answer=b"[]",
        headers={"X-Limit-U": "jane", "X-Limit-D": "pixel"},
    ),
    Sent(OWNTRACKS, "/ingest/owntracks", encrypted(IOS), device="jane/phone", answer=b"[]"),
    Sent(
        "GPSLogger with a body in OwnTracks' form", "/ingest/owntracks", gpslogger_body(),
        answer=b"[]",
    ),
    Sent(
        "GPSLogger with a body in OwnTracks' form", "/ingest/owntracks",
        {k: v if k in ("_type", "t", "tid") else float(v) for k, v in gpslogger_body().items()},
        answer=b"[]",
    ),
    Sent(
        "Colota, templates Colota, OwnTracks, Dawarich and Reitti", "/ingest/owntracks",
        COLOTA | {"bear": 271.0, "tid": "jane"}, answer=b"[]",
    ),
    Sent(
        "Colota, templates Colota, OwnTracks, Dawarich and Reitti", "/ingest/owntracks",
        COLOTA | {"_type": "location", "tid": "jane", "cog": 271.0}, answer=b"[]",
    ),
    Sent("Overland", "/ingest/overland", OVERLAND, answer=b'{"result":"ok"}'),
    Sent(
        "Traccar Client before 9, and all that speaks its protocol",
        f"/ingest/traccar?{TRACCAR_OLD}", method="POST",
    ),
    Sent(
        "Traccar Client before 9, and all that speaks its protocol",
        f"/ingest/traccar?{TRACCAR_OLD}&charge=true&alarm=sos", method="GET",
    ),
    Sent("Traccar Client from 9 on", "/ingest/traccar", CLIENT_9),
    Sent("Traccar Client from 9 on", "/ingest/traccar",
         CLIENT_9 | {"location": [CLIENT_9["location"]]}),
    Sent("a Traccar server, `forward.type` json", "/ingest/traccar", FORWARDED),
    Sent(
        "a Traccar server, `forward.type` url",
        "/ingest/traccar?name=Jane%27s&uniqueId=jane&status=online&deviceId=7&protocol=teltonika"
        f"&deviceTime={T}000&fixTime={T}000&valid=true&latitude=60.1699&longitude=24.9384"
        "&altitude=21.0&speed=36.0&course=271.0&accuracy=8.0&statusCode=0xF11C", method="GET",
    ),
    Sent(
        "a Traccar server, `forward.type` url",
        f"/ingest/traccar-server?id=jane&lat=60.1699&lon=24.9384&timestamp={T}000&speed=36.0"
        "&bearing=271.0&altitude=21.0&accuracy=8.0&valid=true", method="GET",
    ),
    Sent(
        "OsmAnd, online tracking",
        f"/ingest/traccar?id=jane&lat=60.1699&lon=24.9384&timestamp={T}000&hdop=8.0&altitude=21.0"
        "&speed=36.0&bearing=271.0", method="GET",
    ),
    Sent(
        "OsmAnd, online tracking",
        f"/ingest/osmand?id=jane&lat=60.1699&lon=24.9384&timestamp={T}000&hdop=8.0&altitude=21.0"
        "&speed=36.0&bearing=271.0&tta=0&ttf=0&dta=0&dtf=0&batproc=74", method="GET",
    ),
    Sent("GPSLogger, custom URL", f"/ingest/traccar?{ALL}", method="GET"),
    Sent("GPSLogger, custom URL", "/ingest/gpslogger", form=ALL),
    Sent(
        "GPSLogger, custom URL",
        f"/ingest/traccar?id=jane&lat=60.1699&lon=24.9384&timestamp={T}&hdop=1.6&altitude=21.0"
        "&speed=36.0&bearing=271.0", method="GET",
    ),
    Sent(
        "GPSLogger, custom URL", "/ingest/gpslogger",
        {"lat": 60.1699, "lon": 24.9384, "alt": 21.0, "time": "2026-05-28T20:26:40.000Z",
         "speed": 36.0, "accuracy": 8.0, "bearing": 271.0, "provider": "gps", "device": "jane"},
    ),
    Sent(
        "GPSLogger and others, OpenGTS",
        "/ingest/traccar?id=jane&dev=jane&acct=jane&batt=74&code=0xF020&alt=21.0&gprmc=" + GPRMC,
        method="GET", accuracy_m=None,
    ),
    Sent(
        "PhoneTrack",
        f"/ingest/phonetrack?id=jane&lat=60.1699&lon=24.9384&timestamp={T}&acc=8.0&alt=21.0"
        "&speed=36.0&bearing=271.0&bat=74&sat=9&useragent=PhoneTrack", method="GET",
        answer=b'{"done":1,"friends":[]}',
    ),
    Sent(
        "PhoneTrack", "/ingest/phonetrack?id=jane",
        {"points": [[60.1699, 24.9384, T, 21.0, 8.0, 74, 9, "PhoneTrack", 36.0, 271.0]]},
        answer=b'{"done":1,"friends":[]}',
    ),
    Sent(
        "Colota, template Traccar",
        f"/ingest/traccar?id=jane&lat=60.1699&lon=24.9384&accuracy=8&altitude=21&speed=36&batt=85"
        f"&charge=2&timestamp={T}&bearing=271.0", method="GET",
    ),
    Sent(
        "Home Assistant's form for GPSLogger", "/ingest/homeassistant", form=HA_FORM,
        time_us=None, answer=b"{}",
    ),
    Sent(
        "Home Assistant's form for GPSLogger", f"/ingest/traccar?{HA_FORM}", method="GET",
        time_us=None,
    ),
    Sent(
        "Home Assistant's companion app, by its webhook", "/ingest/homeassistant?id=jane",
        COMPANION, time_us=None, answer=b"{}",
    ),
    Sent(
        "Home Assistant's companion app, by its webhook", "/ingest/traccar?id=jane", COMPANION,
        time_us=None, answer=b"{}",
    ),
    Sent(
        "scripts of your own", "/ingest/geojson",
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [24.9384, 60.1699, 21.0]},
            "properties": {
                "device_id": "jane", "recorded_at": ISO, "accuracy": 8, "speed": 36, "course": 271
            },
        },
        answer=b'{"accepted":1,"repeated":0,"refused":0,"reasons":{}}',
    ),
]  # fmt: skip


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Context, httpx.Client]]:
    home = tmp_path_factory.mktemp("senders")
    url = f"sqlite:///{home / 'trackflow.db'}"
    with (
        open_context(url, home, owntracks_keys=("wrong", KEY)) as context,
        running_api(context) as api,
    ):
        yield context, api


@pytest.fixture
def context(shared: tuple[Context, httpx.Client]) -> Context:
    empty(shared[0].store)
    return shared[0]


@pytest.fixture
def api(shared: tuple[Context, httpx.Client]) -> httpx.Client:
    return shared[1]


def send(api: httpx.Client, sent: Sent) -> httpx.Response:
    headers = dict(sent.headers)
    if sent.form:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    content = sent.form.encode() or (b"" if sent.json is None else json.dumps(sent.json).encode())
    return api.request(sent.method, sent.path, content=content, headers=headers)


@pytest.mark.parametrize("sent", REQUESTS, ids=lambda sent: f"{sent.app} at {sent.path[:24]}")
def test_each_sender(context: Context, api: httpx.Client, sent: Sent) -> None:
    form = next(form for form in FORMS if form.app == sent.app)
    answer = send(api, sent)
    assert (answer.status_code, answer.content) == (200, sent.answer)
    found = contents(context.store, "gps_points", "quarantined_points")
    assert found["quarantined_points"] == []
    (point,) = found["gps_points"]
    arrived = to_us(context.clock())
    assert to_us(point["recorded_at"]) == (arrived if sent.time_us is None else sent.time_us)
    assert point["device_id"] == sent.device
    place = (point["latitude"], point["longitude"], point["course_deg"])
    assert place == pytest.approx((60.1699, 24.9384, 271))
    assert point["altitude_m"] == sent.altitude_m
    assert point["accuracy_m"] == sent.accuracy_m
    assert point["speed_ms"] == pytest.approx(36 * form.speed.value[1])
    with context.store.read() as connection:
        sources = connection.scalars(
            metadata.tables["receipts"]
            .select()
            .with_only_columns(metadata.tables["receipts"].c.source)
        ).all()
    assert sources == [form.sender]


def test_every_form_is_sent_by_a_test() -> None:
    assert {sent.app for sent in REQUESTS} == {form.app for form in FORMS}


def test_the_page_of_senders_shows_the_table() -> None:
    page = (ROOT / "docs" / "senders.md").read_text()
    assert senders.table() in page, (
        "run `python -m trackflow.sources.devices.senders` and put what it prints into the page"
    )


@pytest.mark.parametrize(
    ("unit", "factor"),
    [("kmh", SpeedUnit.KILOMETRES.value[1]), ("km/h", SpeedUnit.KILOMETRES.value[1]),
     ("kn", SpeedUnit.KNOTS.value[1]), ("mph", 0.44704), ("ms", 1.0), ("m/s", 1.0)],
)  # fmt: skip
@pytest.mark.parametrize(
    ("path", "body"),
    [
        (f"/ingest/traccar?{TRACCAR_OLD}", None), ("/ingest/traccar?x=1", CLIENT_9),
        ("/ingest/traccar?x=1", FORWARDED), ("/ingest/owntracks?x=1", IOS),
        ("/ingest/overland?x=1", OVERLAND),
    ],
)  # fmt: skip
def test_the_address_says_the_unit_of_speed(
    context: Context, api: httpx.Client, path: str, body: Any, unit: str, factor: float
) -> None:
    answer = send(api, Sent("", f"{path}&speed_unit={unit}", body))
    assert answer.status_code == 200
    (point,) = contents(context.store, "gps_points")["gps_points"]
    assert point["speed_ms"] == pytest.approx(36 * factor)
