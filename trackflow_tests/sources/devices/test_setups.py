"""Who sends with what an app is told gets its points in: each setup is used as its app uses it."""

import base64
import json
from collections.abc import Iterator
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import pytest
import sqlalchemy as sa

from trackflow.context import Context
from trackflow.sources.devices.setups import APPS
from trackflow.store.access.tokens import Scope
from trackflow.store.tables import gps_points
from trackflow_tests.helpers.running_api import bearer, running_api, token_for
from trackflow_tests.helpers.stores import open_context

DEVICE = "Anna's phone & watch"
AT = 1_772_000_000


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Context]:
    with open_context("", tmp_path_factory.mktemp("setups")) as opened:
        yield opened


@pytest.fixture(scope="module")
def api(context: Context) -> Iterator[httpx.Client]:
    with running_api(context) as client:
        client.headers["Authorization"] = f"Bearer {token_for(context, Scope.ADMIN)}"
        yield client


@pytest.fixture(scope="module")
def setups(api: httpx.Client) -> dict[str, dict[str, dict[str, str]]]:
    body = {"name": "Anna", "scope": "ingest", "device_id": DEVICE}
    found = api.post("/api/v1/tokens", json=body).json()["setups"]
    return dict(zip(APPS, found, strict=True))


def test_each_app_reports_as_its_device(
    context: Context, setups: dict[str, dict[str, dict[str, str]]]
) -> None:
    for k, (name, setup) in enumerate(setups.items()):
        with httpx.Client(trust_env=False) as app:
            answer = SENDERS[name](app, setup, AT + k)
        assert answer.status_code == 200, (name, answer.text)
    query = sa.select(gps_points.c.recorded_at, gps_points.c.device_id)
    with context.store.read() as connection:
        found = {int(row[0].timestamp()) - AT: row[1] for row in connection.execute(query)}
    assert found == dict.fromkeys(range(len(APPS)), DEVICE)


def owntracks(app: httpx.Client, setup: dict[str, str], at: int) -> httpx.Response:
    (inline,) = parse_qs(urlsplit(setup["link"]).query)["inline"]
    told = json.loads(base64.b64decode(inline))
    assert (told["_type"], told["mode"], told["auth"]) == ("configuration", 3, True)
    return app.post(told["url"], json=location(at), auth=(told["username"], told["password"]))


def overland(app: httpx.Client, setup: dict[str, str], at: int) -> httpx.Response:
    told = {name: values[0] for name, values in parse_qs(urlsplit(setup["link"]).query).items()}
    place = {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [24.9, 60.1]},
        "properties": {"timestamp": at, "device_id": told["device_id"]},
    }
    return app.post(told["url"], json={"locations": [place]}, **bearer(told["token"]))


def colota(app: httpx.Client, setup: dict[str, str], at: int) -> httpx.Response:
    (config,) = parse_qs(urlsplit(setup["link"]).query)["config"]
    told = json.loads(base64.b64decode(config))
    assert told["auth"]["type"] == "bearer"
    body = location(at) | {"bs": 2, "tid": "AA"}
    return app.request(
        told["httpMethod"], told["endpoint"], json=body, **bearer(told["auth"]["bearerToken"])
    )


def gpslogger(app: httpx.Client, setup: dict[str, dict[str, str]], at: int) -> httpx.Response:
    told = setup["fields"]
    filled = f"lat=60.1&lon=24.9&sat=5&desc=&alt=3&acc=5.0&dir=1&prov=gps&spd=0.1&timestamp={at}"
    name, value = told["HTTP headers"].split(": ")
    url = told["URL"].replace("%ALL", filled)
    return app.request(told["HTTP method"], url, headers={name: value})


def traccar(app: httpx.Client, setup: dict[str, dict[str, str]], at: int) -> httpx.Response:
    told = setup["fields"]
    query = {"id": told["Device identifier"], "timestamp": at, "lat": 60.1, "lon": 24.9, "speed": 0}
    url = httpx.URL(told["Server URL"])
    return app.post(url.copy_merge_params(query))


def osmand(app: httpx.Client, setup: dict[str, dict[str, str]], at: int) -> httpx.Response:
    (url,) = setup["fields"].values()
    for k, value in enumerate((60.1, 24.9, at * 1000, 4.5, 3, 0.1, 90)):
        url = url.replace(f"{{{k}}}", quote(str(value)))
    return app.get(url)


def location(at: int) -> dict[str, object]:
    return {"_type": "location", "tst": at, "lat": 60.1, "lon": 24.9, "acc": 5}


SENDERS = {
    "owntracks": owntracks,
    "overland": overland,
    "colota": colota,
    "gpslogger": gpslogger,
    "traccar": traccar,
    "osmand": osmand,
}


def test_tokens_that_send_nothing_have_no_setups(api: httpx.Client) -> None:
    made = api.post("/api/v1/tokens", json={"name": "map", "scope": "read"}).json()
    assert made["setups"] == []


def test_a_picture_is_there_where_there_is_a_link(
    setups: dict[str, dict[str, dict[str, str]]],
) -> None:
    for setup in setups.values():
        assert bool(setup["link"]) == bool(setup["picture"])
        assert str(setup["picture"] or "data:image/svg").startswith("data:image/svg")
