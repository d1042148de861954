"""A broken delivery: what is whole in it is stored, and the rest is kept whole, byte for byte."""

import base64
import dataclasses
import datetime as dt
import gzip
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.secret import SecretBox

from trackflow.context import Context
from trackflow.sources.devices import reading
from trackflow.sources.devices.bodies import UnreadableError, read_json
from trackflow.sources.devices.envelopes import Envelope
from trackflow.store.intake.quarantine import QuarantineFilter
from trackflow.usecases.intake import quarantine
from trackflow_tests.helpers.reading import NOW_US
from trackflow_tests.helpers.running_api import running_api
from trackflow_tests.helpers.stores import contents, empty, open_context

START = dt.datetime(2026, 5, 28, 20, tzinfo=dt.UTC)
COUNT = 203


def locations(count: int = COUNT, wifi: str = "home") -> list[dict[str, Any]]:
    return [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [24.9 + k * 1e-4, 60.17]},
            "properties": {
                "timestamp": f"{START + dt.timedelta(seconds=10 * k):%Y-%m-%dT%H:%M:%SZ}",
                "horizontal_accuracy": 8, "wifi": wifi, "device_id": "jane",
            },
        }
        for k in range(count)
    ]  # fmt: skip


def batch(count: int = COUNT, wifi: str = "home") -> bytes:
    return json.dumps({"locations": locations(count, wifi)}, ensure_ascii=False).encode()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Context, httpx.Client]]:
    home = tmp_path_factory.mktemp("broken")
    with (
        open_context(f"sqlite:///{home / 'trackflow.db'}", home) as context,
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


def stored(context: Context) -> tuple[int, list[dict[str, Any]]]:
    found = contents(context.store, "gps_points", "quarantined_points")
    return len(found["gps_points"]), found["quarantined_points"]


def kept_bytes(row: dict[str, Any]) -> bytes:
    return row["raw"].encode() if row["body"] is None else row["body"]


def post(api: httpx.Client, body: bytes, path: str = "overland", **headers: str) -> None:
    answer = api.post(f"/ingest/{path}", content=body, headers=headers)
    assert (answer.status_code, answer.content) == (200, b'{"result":"ok"}')


def test_a_cut_batch(context: Context, api: httpx.Client) -> None:
    post(api, batch()[:-3])
    points, (row,) = stored(context)
    assert points == COUNT - 1
    assert (row["reason"], kept_bytes(row)) == ("truncated", batch()[:-3])


def test_two_that_begin_alike_are_two(context: Context, api: httpx.Client) -> None:
    for cut in (3, 5, 3):
        post(api, batch()[:-cut])
    points, rows = stored(context)
    assert points == COUNT - 1
    assert {kept_bytes(row) for row in rows} == {batch()[:-3], batch()[:-5]}


def test_an_old_name_of_a_wifi_loses_nothing(context: Context, api: httpx.Client) -> None:
    post(api, batch(wifi="Caf\xe9").replace("Caf\xe9".encode(), b"Caf\xe9", 1))
    assert stored(context) == (COUNT, [])


def test_an_old_name_of_a_device_is_read(context: Context, api: httpx.Client) -> None:
    post(api, batch(1).replace(b"jane", b"J\xf6rg"))
    (point,) = contents(context.store, "gps_points")["gps_points"]
    assert point["device_id"] == "J\xf6rg"


def test_a_quotation_mark_too_many(context: Context, api: httpx.Client) -> None:
    parts = [json.dumps(location) for location in locations()]
    parts[60] = parts[60].replace('"home"', '"ho"me"')
    body = ('{"locations": [' + ", ".join(parts) + "]}").encode()
    post(api, body)
    points, (row,) = stored(context)
    assert points == COUNT - 1
    assert (row["reason"], kept_bytes(row)) == ("unreadable", body)


def test_a_damaged_gzip(context: Context, api: httpx.Client) -> None:
    packed = gzip.compress(batch())
    post(api, packed[:-20], **{"Content-Encoding": "gzip"})
    points, (row,) = stored(context)
    assert COUNT * 0.9 < points < COUNT
    assert (row["reason"], row["body"]) == ("damaged", packed[:-20])
    assert "jane" in row["raw"]  # a purge of the device finds it


def test_a_gzip_whose_sum_is_wrong(context: Context, api: httpx.Client) -> None:
    packed = bytearray(gzip.compress(batch()))
    packed[-6] ^= 1
    post(api, bytes(packed), **{"Content-Encoding": "gzip"})
    points, (row,) = stored(context)
    assert points == COUNT
    assert (row["reason"], row["body"]) == ("damaged", bytes(packed))


def test_an_element_that_is_no_position_is_kept_whole(context: Context, api: httpx.Client) -> None:
    long = locations(1)[0] | {"geometry": None}
    long["properties"]["wifi"] = "x" * 2_000
    post(api, json.dumps({"locations": [*locations(3), long]}).encode())
    points, (row,) = stored(context)
    assert (points, row["reason"]) == (3, "no_position")
    assert json.loads(row["raw"]) == long


def test_a_cut_list_of_owntracks(context: Context, api: httpx.Client) -> None:
    messages = [
        {"_type": "location", "tid": "x", "lat": 60.1, "lon": 24.9, "tst": 1_780_000_000 + k}
        for k in range(20)
    ]
    body = json.dumps(messages).encode()[:-3]
    assert api.post("/ingest/owntracks", content=body).content == b"[]"
    points, (row,) = stored(context)
    assert (points, kept_bytes(row)) == (19, body)


def test_a_cut_batch_of_traccar_has_no_device_to_guess(context: Context, api: httpx.Client) -> None:
    one = {"timestamp": "2026-05-28T20:26:40Z", "coords": {"latitude": 60.1, "longitude": 24.9}}
    two = one | {"timestamp": "2026-05-28T20:26:50Z"}
    late = json.dumps({"location": [one, two], "device_id": "jane"}).encode()[:-30]
    early = json.dumps({"device_id": "jane", "location": [one, two]}).encode()[:-5]
    assert api.post("/ingest/traccar", content=late).status_code == 200
    assert stored(context)[0] == 0
    assert api.post("/ingest/traccar", content=early).status_code == 200
    points, rows = stored(context)
    assert points == 1
    assert {kept_bytes(row) for row in rows} == {late, early}


def test_a_cut_collection_of_geojson(context: Context, api: httpx.Client) -> None:
    features = [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [24.9, 60.1]},
            "properties": {"device_id": "x", "time": 1_780_000_000 + k, "note": "n" * 700},
        }
        for k in range(20)
    ]
    body = json.dumps({"type": "FeatureCollection", "features": features}).encode()[:-4]
    answer = api.post("/ingest/geojson", content=body).json()
    assert (answer["accepted"], answer["reasons"]) == (19, {"truncated": 1})
    points, (row,) = stored(context)
    assert (points, kept_bytes(row)) == (19, body)


def test_an_encrypted_message_stays_readable(context: Context, api: httpx.Client) -> None:
    inside = {
        "_type": "location", "lat": 60.1, "lon": 24.9, "tst": 1_780_000_000,
        "topic": "owntracks/jane/phone", "note": "n" * 1_500,
    }  # fmt: skip
    box = SecretBox(b"key".ljust(32, b"\0"))
    data = base64.b64encode(bytes(box.encrypt(json.dumps(inside).encode()))).decode()
    assert len(data) > 2_000
    message = {"_type": "encrypted", "data": data}
    assert api.post("/ingest/owntracks", json=message).content == b"[]"
    points, (row,) = stored(context)
    assert (points, row["reason"], json.loads(row["raw"])) == (0, "encrypted", message)
    assert quarantine.retry(context, QuarantineFilter()).still_refused == {"encrypted": 1}
    with_keys = dataclasses.replace(context.settings, owntracks_keys=("other", "key"))
    with_key = Context(with_keys, context.store, context.clock)
    assert quarantine.retry(with_key, QuarantineFilter(reason="encrypted")).taken_out == 1
    (point,) = contents(context.store, "gps_points")["gps_points"]
    assert point["device_id"] == "jane/phone"
    assert stored(context) == (1, [])


@given(st.data())
def test_wherever_it_breaks_nothing_is_lost(data: st.DataObject) -> None:
    """A byte that is wrong or missing costs its own element, and the body is kept as it was."""
    body = bytearray(batch(12, wifi="h" * 30))
    at = data.draw(st.integers(0, len(body) - 1))
    if data.draw(st.booleans()):
        del body[at:]
    else:
        body[at] = data.draw(st.integers(0, 255))
    sent = bytes(body)
    delivery = reading.read(sent, Envelope("overland"), now_us=NOW_US)
    kept = [r.raw.encode() if r.body is None else r.body for r in delivery.refused]
    assert len(delivery.points) == 12 or delivery.refused
    if not _is_read(sent):
        assert sent in kept
    elif len(delivery.points) < 12:
        assert len(delivery.points) + len(kept) >= 12 or json.loads(kept[0]) == as_value(sent)


def _is_read(body: bytes) -> bool:
    try:
        read_json(body)
    except UnreadableError:
        return False
    return True


def as_value(body: bytes) -> object:
    return read_json(body)


def test_the_answers_of_what_is_not_kept(context: Context, api: httpx.Client) -> None:
    assert api.post("/ingest/overland", content=b"[" + b"," * 17_000_000).status_code == 413
    assert api.post("/ingest/nobody", content=b"x").status_code == 404
    small = dataclasses.replace(context.settings, quarantine_mb=1)
    full = b"{" + b"x" * 1_100_000
    before = context.settings
    try:
        context.settings = small
        answer = api.post("/ingest/overland", content=full)
    finally:
        context.settings = before
    assert answer.status_code == 507
    assert "TRACKFLOW_QUARANTINE_MB" in answer.json()["error"]
    assert stored(context) == (0, [])
    post(api, full)
    (row,) = stored(context)[1]
    assert kept_bytes(row) == full


def test_how_senders_do_by_the_api(context: Context, api: httpx.Client) -> None:
    post(api, batch(2))
    api.get("/ingest/traccar", params={"id": "x", "lat": "%LAT", "lon": "24.9"})
    found = {s["sender"]: s for s in api.get("/api/v1/senders").json()["senders"]}
    assert set(found) == {"overland", "traccar"}
    assert found["overland"]["last_points_at"] == found["overland"]["last_report_at"]
    assert found["traccar"]["refused"] == {"placeholder": 1}
    assert "%LAT" in found["traccar"]["advice"]
    assert "24.9" not in str(found)
