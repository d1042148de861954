"""Places and stays over HTTP; the client checks each answer against OpenAPI."""

import csv
import datetime as dt
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from trackflow.context import Context
from trackflow.store.access.tokens import Scope
from trackflow.usecases.days.run import run
from trackflow.usecases.places.stays import days_due, update_stays
from trackflow.usecases.queries.exported import STAY_COLUMNS
from trackflow_tests.helpers.running_api import bearer, running_api, token_for
from trackflow_tests.helpers.stores import NOON, batch_of_device, deliver, drive, open_context

START = {"lon": 24.94, "lat": 60.17}


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Context]:
    """Two drives from the same spot, parked in between."""
    with open_context("", tmp_path_factory.mktemp("places")) as opened:
        for hours in (0, 2):
            deliver(
                opened.store,
                batch_of_device("van", drive(NOON + dt.timedelta(hours=hours), 60, lon=24.94)),
            )
        run(opened)
        yield opened


@pytest.fixture(scope="module")
def api(context: Context) -> Iterator[httpx.Client]:
    with running_api(context) as client:
        yield client


def ask(
    api: httpx.Client, method: str, path: str, body: Any = None, status: int = 200, **more: Any
) -> Any:
    answer = api.request(method, f"/api/v1{path}", json=body, **more)
    assert answer.status_code == status, answer.text
    return answer.json()


def test_a_place_from_its_adding_to_its_undoing(api: httpx.Client, context: Context) -> None:
    for device, days in days_due(context).items():
        update_stays(context, device, days)
    (stay,) = ask(api, "GET", "/stays")["features"]
    assert stay["properties"]["place"] is None
    lon, lat = stay["geometry"]["coordinates"]
    where = {"longitude": lon, "latitude": lat}
    draft = {"name": "Depot", "kind": "work", **where, "device_id": "van"}
    place = ask(api, "POST", "/places", draft, 201)["place"]
    assert (place["status"], place["changed_by"]) == ("confirmed", "this machine")
    assert ask(api, "GET", "/places")["places"] == [place]
    assert ask(api, "GET", "/places?device=car")["places"] == []
    at = f"/places/{place['place_id']}"

    def visited() -> tuple[Any, Any]:
        (stay,) = ask(api, "GET", "/stays", params={"device": "van"})["features"]
        return stay["properties"]["place"], stay["properties"]["kind"]

    assert visited() == ("Depot", "work")
    table = api.get("/api/v1/stays.csv", params={"device": "van"})
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    (row,) = csv.DictReader(table.text.splitlines())
    assert (row["place"], row["place_id"]) == ("Depot", place["place_id"])
    assert (float(row["longitude"]), row["device_id"]) == (lon, "van")
    assert api.get("/api/v1/stays.csv?device=car").text.splitlines() == [",".join(STAY_COLUMNS)]
    assert ask(api, "PATCH", at, {"kind": "customer"})["place"]["kind"] == "customer"
    assert visited() == ("Depot", "customer")
    other = ask(api, "POST", "/places", {**draft, "name": "Hall", "longitude": lon + 0.1}, 201)
    merged = ask(api, "POST", f"{at}/merge", {"into": other["place"]["place_id"]})["place"]
    assert merged["status"] == "merged"
    assert visited() == ("Hall", "work")
    assert ask(api, "POST", f"{at}/undo")["place"]["status"] == "confirmed"
    assert ask(api, "DELETE", at)["place"]["status"] == "rejected"
    assert visited() == (None, None)
    assert len(ask(api, "GET", "/places")["places"]) == 1
    assert len(ask(api, "GET", "/places?rejected=true")["places"]) == 2
    assert ask(api, "PATCH", at, {})["place"]["status"] == "confirmed"
    actions = [one["action"] for one in ask(api, "GET", at)["decisions"]]
    assert actions == ["confirm", "reject", "merge", "change", "add"]
    for _ in range(4):
        gone = ask(api, "POST", f"{at}/undo")["place"]
    assert gone is None
    ask(api, "POST", f"{at}/undo", status=404)
    ask(api, "GET", at, status=404)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/places", {"name": "A", "longitude": 181, "latitude": 1}, 400),
        ("POST", "/places", {"name": "A", "longitude": 1, "latitude": 1, "device_id": "x"}, 400),
        ("POST", "/places", {"name": "A\0", "longitude": 1, "latitude": 1}, 400),
        ("PATCH", "/places/6f6e4f1c-6a0b-5c1e-9c57-3a4be1b6c0d4", {"name": "B"}, 404),
        ("GET", "/stays?from=2026-03-02&to=2026-03-01", None, 400),
    ],
)
def test_nonsense_is_refused(
    api: httpx.Client, method: str, path: str, body: Any, status: int
) -> None:
    ask(api, method, path, body, status)


def test_reading_takes_the_scope_read_and_changes_take_admin(
    api: httpx.Client, context: Context
) -> None:
    reader = bearer(token_for(context, Scope.READ))
    assert api.get("/api/v1/places", **reader).status_code == 200
    draft = {"name": "A", "longitude": 1.0, "latitude": 1.0}
    assert api.post("/api/v1/places", json=draft, **reader).status_code == 403
