"""Every client gets its own answer, once what it sent is stored or set aside with its reason."""

import gzip
import json
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trackflow.context import Context
from trackflow.geo.time import to_us
from trackflow.sources.devices import bodies, reading
from trackflow.sources.devices.envelopes import Envelope
from trackflow.store.access.tokens import Scope
from trackflow.usecases.intake import receiving
from trackflow_tests.helpers.any_values import SQL, any_json, nearly
from trackflow_tests.helpers.running_api import bearer, running_api, token_for
from trackflow_tests.helpers.stores import contents, empty, open_context

T = 1_780_000_000
"""The first GeoJSON of a process loads pandas, which takes seconds on a busy machine."""
ISO = "2026-05-28T20:26:40Z"


@dataclass(frozen=True)
class Client:
    """A delivery of one point, as a client sends it, and the answer that it waits for."""

    name: str
    value: Any
    answer: Any

    def is_answered(self, answer: httpx.Response) -> bool:
        if answer.status_code != 200:
            return False
        if self.name == "traccar":
            return answer.content == b""
        found = answer.json()
        if self.name == "geojson":
            counts = {"accepted", "repeated", "refused", "reasons"}
            return set(found) == counts and sum(found["reasons"].values()) == found["refused"]
        return answer.headers["content-type"] == "application/json" and found == self.answer


CLIENTS = [
    Client(
        "owntracks",
        {
            "_type": "location", "lat": 60.1699, "lon": 24.9384, "tst": T, "acc": 8, "vel": 36,
            "tid": "jp", "topic": "owntracks/jane/phone",
        },
        [],
    ),
    Client(
        "overland",
        {
            "locations": [
                {
                    "type": "Feature",
                    "geometry": {"type": "Point", "coordinates": [24.9384, 60.1699]},
                    "properties": {
                        "timestamp": ISO, "horizontal_accuracy": 8, "speed": 10, "device_id": "jane"
                    },
                }
            ]
        },
        {"result": "ok"},
    ),
    Client(
        "traccar",
        {
            "location": {
                "timestamp": ISO,
                "coords": {"latitude": 60.1699, "longitude": 24.9384, "accuracy": 8, "speed": 10},
            },
            "device_id": "jane",
        },
        None,
    ),
    Client(
        "geojson",
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [24.9384, 60.1699]},
            "properties": {"time": ISO, "device_id": "jane", "accuracy_m": 8, "speed_ms": 10},
        },
        None,
    ),
]  # fmt: skip

each_client = pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Context, httpx.Client]]:
    """One server on SQLite: starting and stopping one takes longer than most of these tests."""
    home = tmp_path_factory.mktemp("ingest")
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


def test_all_clients_on_each_database(database_url: str, tmp_path: Path) -> None:
    with open_context(database_url, tmp_path) as context, running_api(context) as api:
        for _ in range(2):  # the second time adds nothing
            for client in CLIENTS:
                answer = api.post(f"/ingest/{client.name}", json=client.value)
                assert client.is_answered(answer), (client.name, answer.content)
                assert client.is_answered(api.post(f"/ingest/{client.name}", content=b"{broken"))
        stored = contents(context.store, "gps_points", "quarantined_points", "processing_batches")
    points = [
        (p["device_id"], p["longitude"], p["latitude"], p["accuracy_m"], p["speed_ms"])
        for p in stored["gps_points"]
    ]
    assert points == [("jane", 24.9384, 60.1699, 8, 10), ("jane/phone", 24.9384, 60.1699, 8, 10)]
    assert [q["reason"] for q in stored["quarantined_points"]] == ["unreadable"] * 4
    assert [b["status"] for b in stored["processing_batches"]] == ["pending"] * 2


def test_ten_devices_at_once(database_url: str, tmp_path: Path) -> None:
    """Two of them are the same one, and each sends everything twice."""

    def message(k: int) -> dict[str, Any]:
        return CLIENTS[0].value | {"topic": None, "tid": f"{k % 9}", "tst": T + k // 10}

    with open_context(database_url, tmp_path) as context, running_api(context) as api:
        with ThreadPoolExecutor(10) as senders:
            answers = senders.map(
                lambda k: api.post("/ingest/owntracks", json=message(k // 2)).status_code,
                range(200),
            )
            assert set(answers) == {200}
        points, refused = _stored(context)
    assert points == {(f"{k % 9}", (T + k // 10) * 1_000_000) for k in range(100)}
    assert not refused


any_examples = settings(
    max_examples=20,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@each_client
@any_examples
@given(body=st.binary() | any_json.map(json.dumps).map(str.encode))
def test_whatever_is_sent_is_answered(api: httpx.Client, client: Client, body: bytes) -> None:
    assert client.is_answered(api.post(f"/ingest/{client.name}", content=body))


@each_client
@any_examples
@given(data=st.data())
def test_nothing_is_lost(
    context: Context, api: httpx.Client, client: Client, data: st.DataObject
) -> None:
    """However a delivery is broken, each of its parts is stored or set aside; and only once."""
    body = json.dumps(data.draw(nearly(client.value), "value")).encode()
    empty(context.store)
    for _ in range(2):
        assert client.is_answered(api.post(f"/ingest/{client.name}", content=body))
        assert _stored(context) == _to_be_stored(client, body, context)


@each_client
@pytest.mark.parametrize("sent", [SQL, "<script>alert(1)</script>", "\x00", "\ud800", "%s{0}", ""])
def test_text_in_every_field_stays_text(
    context: Context, api: httpx.Client, client: Client, sent: str
) -> None:
    for body in _with_everywhere(client.value, sent):
        answer = api.post(
            f"/ingest/{client.name}",
            content=json.dumps(body),
            params={
                "device": sent.encode("utf-8", "replace"),
                "x": sent.encode("utf-8", "replace"),
            },
        )
        assert client.is_answered(answer)
    if sent == SQL and client.name != "owntracks":  # there the topic is no device by itself
        with context.store.read() as connection:
            names = connection.scalars(sa.text("SELECT device_id FROM devices")).all()
        assert SQL in names


@each_client
def test_a_token_for_one_device(context: Context, api: httpx.Client, client: Client) -> None:
    secret = token_for(context, Scope.INGEST, "bus-7")
    path = f"/ingest/{client.name}"
    assert client.is_answered(
        api.post(path, json=client.value, params={"u": "x", "d": "y", "id": "z"}, **bearer(secret))
    )
    assert client.is_answered(api.post(path, json=client.value, auth=("jane", secret)))
    devices = {p["device_id"] for p in contents(context.store, "gps_points")["gps_points"]}
    assert devices == {"bus-7"}
    assert api.post(path, json=client.value).status_code == 401
    read_only = token_for(context, Scope.READ)
    assert api.post(path, json=client.value, **bearer(read_only)).status_code == 403


@each_client
@pytest.mark.parametrize("said", ['""', '"  "', "null"])
def test_a_point_without_a_device_is_of_the_token_or_the_sender(
    context: Context, api: httpx.Client, client: Client, said: str
) -> None:
    value = json.loads(json.dumps(client.value).replace('"jane"', said).replace('"jp"', said))
    value.pop("topic", None)
    assert client.is_answered(api.post(f"/ingest/{client.name}", json=value))
    secret = token_for(context, Scope.INGEST)
    assert client.is_answered(api.post(f"/ingest/{client.name}", json=value, **bearer(secret)))
    stored = contents(context.store, "gps_points", "quarantined_points")
    assert [p["device_id"] for p in stored["gps_points"]] == sorted([client.name, "test"])
    assert stored["quarantined_points"] == []


def test_where_owntracks_names_its_device(context: Context, api: httpx.Client) -> None:
    value = CLIENTS[0].value
    headers = {"X-Limit-U": "jane", "X-Limit-D": "tablet"}
    api.post("/ingest/owntracks", json=value, headers=headers)
    api.post("/ingest/owntracks", json=value, headers=headers, params={"u": "bob", "d": "watch"})
    devices = {p["device_id"] for p in contents(context.store, "gps_points")["gps_points"]}
    assert devices == {"jane/tablet", "bob/watch"}


def test_traccar_in_the_address_and_in_a_form(context: Context, api: httpx.Client) -> None:
    secret = token_for(context, Scope.INGEST)
    form = {"id": "x", "lat": "60.1", "lon": "24.9", "timestamp": str(T), "token": secret}
    assert api.get("/ingest/traccar", params=form).content == b""
    assert api.post("/ingest/traccar", params=form | {"id": "y"}).status_code == 200
    in_body = api.post("/ingest/traccar", data=form | {"id": "z"}, **bearer(secret))
    assert in_body.status_code == 200
    broken = api.get("/ingest/traccar", params=form | {"lat": "north"})
    assert broken.status_code == 200
    stored = contents(context.store, "gps_points", "quarantined_points")
    assert [p["device_id"] for p in stored["gps_points"]] == ["x", "y", "z"]
    assert [q["reason"] for q in stored["quarantined_points"]] == ["not_a_number"]
    assert secret not in str(stored)


@each_client
def test_a_slash_behind_an_address_changes_nothing(
    context: Context, api: httpx.Client, client: Client
) -> None:
    """Phones take the redirection of a POST for a success, and forget the position."""
    answer = api.post(f"/ingest/{client.name}/", json=client.value)
    assert client.is_answered(answer)
    assert len(contents(context.store, "gps_points")["gps_points"]) == 1


def test_a_report_that_has_the_pages_address_is_no_success(api: httpx.Client) -> None:
    assert api.get("/").status_code == 200
    form = {"id": "x", "lat": "60.1", "lon": "24.9", "timestamp": str(T)}
    astray = api.get("/", params=form)
    assert (astray.status_code, "/ingest/traccar" in astray.text) == (404, True)
    assert api.post("/", params=form).status_code == 405


def test_no_website_delivers_by_a_link(context: Context, api: httpx.Client) -> None:
    address = f"/ingest/traccar?id=x&lat=60.1&lon=24.9&timestamp={T}"
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert api.get(address, headers=link).status_code == 403
    assert contents(context.store, "gps_points")["gps_points"] == []
    assert api.get(address, headers={"Sec-Fetch-Site": "none"}).status_code == 200


def test_geojson_is_told_what_became_of_it(context: Context, api: httpx.Client) -> None:
    good = CLIENTS[3].value
    elsewhere = {**good, "geometry": {"type": "Point", "coordinates": [25, 61]}}
    timeless = {**good, "properties": {"device_id": "jane"}}
    batch = {"type": "FeatureCollection", "features": [good, good, elsewhere, timeless, 5]}
    refused = {"no_time": 1, "not_a_point": 1}
    first, second = (api.post("/ingest/geojson", json=batch).json() for _ in range(2))
    assert first == {
        "accepted": 1, "repeated": 1, "refused": 3, "reasons": refused | {"not_kept": 1},
    }  # fmt: skip
    assert second == {"accepted": 0, "repeated": 3, "refused": 2, "reasons": refused}


@each_client
def test_a_gzip_is_unpacked(context: Context, api: httpx.Client, client: Client) -> None:
    path, packed = f"/ingest/{client.name}", gzip.compress(json.dumps(client.value).encode())
    headers = {"Content-Encoding": "gzip"}
    assert client.is_answered(api.post(path, content=packed, headers=headers))
    assert client.is_answered(api.post(path, content=packed[:-9], headers=headers))
    assert client.is_answered(api.post(path, json=client.value, headers=headers))
    bomb = gzip.compress(b" " * 17 * 2**20)
    assert api.post(path, content=bomb, headers=headers).status_code == 413
    assert api.post(path, content=b"x", headers={"Content-Encoding": "br"}).status_code == 415
    stored = contents(context.store, "gps_points", "quarantined_points")
    assert len(stored["gps_points"]) == 1
    (kept,) = stored["quarantined_points"]
    assert (kept["reason"], kept["body"]) == ("damaged", packed[:-9])


@each_client
def test_too_many_values_are_sent_in_parts(api: httpx.Client, client: Client) -> None:
    body = b"[" + b"{}," * bodies.MAX_BRACKETS + b"{}]"
    answer = api.post(f"/ingest/{client.name}", content=body)
    assert answer.status_code == 413
    assert "in parts" in answer.json()["error"]


def test_while_the_store_is_away_the_clients_keep_their_points(tmp_path: Path) -> None:
    file = tmp_path / "trackflow.db"
    with open_context(f"sqlite:///{file}", tmp_path) as context, running_api(context) as api:
        _be_impatient(context)
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            for client in CLIENTS:
                answer = api.post(f"/ingest/{client.name}", json=client.value)
                assert answer.status_code == 503
                assert int(answer.headers["retry-after"]) > 0
                assert "24.9" not in answer.text
            other.execute("ROLLBACK")
        assert contents(context.store, "gps_points")["gps_points"] == []
        for client in CLIENTS:
            assert client.is_answered(api.post(f"/ingest/{client.name}", json=client.value))
        assert len(contents(context.store, "gps_points")["gps_points"]) == 2


def test_nobody_is_answered_before_the_commit(context: Context, api: httpx.Client) -> None:
    def fail(_: sa.Connection) -> None:
        raise sqlite3.OperationalError("the disk is full")

    sa.event.listen(context.store.engine, "commit", fail)
    try:
        for client in CLIENTS:
            answer = api.post(f"/ingest/{client.name}", json=client.value)
            assert answer.status_code == 503
    finally:
        sa.event.remove(context.store.engine, "commit", fail)
    assert _stored(context) == (set(), set())


def test_deliveries_do_not_wait_for_ever_for_each_other(
    context: Context, api: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch, receiving._turn:
        patch.setattr(receiving, "TURN_TIMEOUT_S", 0.05)
        answer = api.post("/ingest/overland", json=CLIENTS[1].value)
    assert answer.status_code == 503
    assert CLIENTS[1].is_answered(api.post("/ingest/overland", json=CLIENTS[1].value))


def _be_impatient(context: Context) -> None:
    """Wait for another writer for 50 ms and not for a minute."""
    sa.event.listen(
        context.store.engine, "checkout", lambda c, *_: c.execute("PRAGMA busy_timeout=50")
    )


def _stored(context: Context) -> tuple[set[Any], set[Any]]:
    found = contents(context.store, "gps_points", "quarantined_points")
    return (
        {(p["device_id"], to_us(p["recorded_at"])) for p in found["gps_points"]},
        {(q["device_id"], q["reason"], q["raw"]) for q in found["quarantined_points"]},
    )


def _to_be_stored(client: Client, body: bytes, context: Context) -> tuple[set[Any], set[Any]]:
    """What the reader makes of it, which is tested to leave nothing out."""
    delivery = reading.read(body, Envelope(client.name), now_us=to_us(context.clock()))
    refused = {(r.device_id, str(r.reason), r.raw) for r in delivery.refused}
    return {(row[0], row[1]) for row in delivery.points.rows()}, refused


def _with_everywhere(value: Any, sent: str) -> Iterator[Any]:
    """The value with each of its parts, one after another, replaced."""
    yield sent
    if isinstance(value, dict):
        for name, part in value.items():
            for changed in _with_everywhere(part, sent):
                yield {**value, name: changed}
    elif isinstance(value, list):
        for index, part in enumerate(value):
            for changed in _with_everywhere(part, sent):
                yield [*value[:index], changed, *value[index + 1 :]]
