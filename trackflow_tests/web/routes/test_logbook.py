"""The logbook over HTTP; the client checks each answer against OpenAPI."""

import datetime as dt
import io
import zipfile
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from trackflow.context import Context
from trackflow.mileage.entries import PRIVATE_SHOWN
from trackflow.store.access.tokens import Scope
from trackflow.usecases.categories.deciding import DecisionRequest, decide
from trackflow.usecases.categories.following import follow_tracks
from trackflow.usecases.days.run import run
from trackflow.usecases.mileage import books
from trackflow.usecases.mileage.books import amend_entry, list_entries
from trackflow.usecases.mileage.closing import close_due
from trackflow.usecases.mileage.reminding import remind
from trackflow_tests.helpers.running_api import bearer, running_api, token_for
from trackflow_tests.helpers.stores import (
    NOON,
    Clock,
    batch_of_device,
    deliver,
    drive,
    open_context,
)
from trackflow_tests.usecases.categories.test_legs import moves

HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
SECRET = "Dr. Geheim"


class Told:
    """A notifier that keeps what it is to send."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, str]] = []

    def send(self, title: str, body: str, *_: object) -> None:
        self.messages.append((title, body))


@pytest.fixture(scope="module")
def clock() -> Clock:
    return Clock(NOON + DAY)


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory, clock: Clock) -> Iterator[Context]:
    """Three drives, two hours apart."""
    with open_context("", tmp_path_factory.mktemp("logbook"), clock) as opened:
        for hours in (0, 2, 4):
            deliver(opened.store, batch_of_device("van-7", drive(NOON + hours * HOUR, 60)))
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


def test_a_month_from_a_vehicle_to_its_report(
    api: httpx.Client, context: Context, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ask(api, "GET", "/logbook")["entries"] == []
    vehicle = ask(api, "PUT", "/vehicles/van", {"plate": "ÄB-1", "kind": "van"})
    assert ask(api, "GET", "/vehicles")["vehicles"] == [vehicle]
    assert ask(api, "POST", "/vehicles/van/device", {"device_id": "van-7"})["done"]
    assert ask(api, "POST", "/vehicles/van/driver", {"driver": "Ada"})["done"]
    reading = {"time": (NOON - HOUR).isoformat(), "odometer_km": 1000.5}
    ask(api, "POST", "/vehicles/van/odometer", reading, 201)
    lower = {"time": (NOON + 9 * HOUR).isoformat(), "odometer_km": 1.0}
    ask(api, "POST", "/vehicles/van/odometer", lower, 400)
    needing = ask(api, "GET", "/logbook?vehicle=van&month=2026-03&needs_purpose=true")["entries"]
    assert [one["status"] for one in needing] == ["open"] * 3
    assert needing[0]["content"]["odometer_start_m"] == 1_000_500
    with monkeypatch.context() as patch:
        patch.setattr(books, "MOST_ENTRIES", 2)
        ask(api, "GET", "/logbook", status=400)
    at = f"/logbook/{needing[0]['entry_id']}"
    ask(api, "POST", f"{at}/amend", {"reason": "early", "purpose": "x"}, 400)

    # the first two drives are one business trip, the third is private
    times = {"start": NOON.isoformat(), "end": (NOON + 3 * HOUR).isoformat()}
    join = ask(api, "POST", "/logbook/join", {"device_id": "van-7", **times}, 201)["join_id"]
    assert len(ask(api, "GET", "/logbook")["entries"]) == 2
    (joined,) = ask(api, "GET", "/logbook/joins?device=van-7")["joins"]
    assert (joined["join_id"], joined["decided_by"]) == (join, "this machine")
    assert ask(api, "GET", "/logbook/joins?device=car")["joins"] == []
    ask(api, "POST", f"/logbook/joins/{join}/undo")
    ask(api, "POST", f"/logbook/joins/{join}/undo", status=404)
    assert len(ask(api, "GET", "/logbook")["entries"]) == 3
    ask(api, "POST", "/logbook/join", {"device_id": "van-7", **times}, 201)
    reminded(context, clock)
    for start, category in ((NOON, "business"), (NOON + 4 * HOUR, "private")):
        wanted = DecisionRequest("van-7", start, start + 3 * HOUR, category, SECRET, "Partner")
        decide(context, wanted, "Ada")
    track = ask(api, "GET", "/logbook")["entries"][0]["now"]["track_ids"][0]
    stale: dict[str, Any] = {"track_id": track, "category": "race", "made_from": {"category": None}}
    assert "category" in str(ask(api, "POST", "/categories/decisions", stale, 409))
    ask(api, "POST", "/vehicles/van/driver/undo", {"driver": "Ada"})
    ask(api, "POST", "/vehicles/van/driver", {"driver": "Ada Lovelace"})  # the book follows
    clock.advance(9 * DAY.total_seconds())
    assert close_due(context).closed == 2

    business, private = ask(api, "GET", "/logbook")["entries"]
    assert business["content"]["purpose"] == SECRET
    closed = files(api)
    assert SECRET in closed["csv"].decode()
    amended = ask(api, "POST", f"/logbook/{business['entry_id']}/amend",
                  {"reason": "wrong name", "purpose": "Customer"})  # fmt: skip
    assert amended["content"]["purpose"] == SECRET
    assert amended["now"]["purpose"] == "Customer"
    late = {"reason": "of another tab", "purpose": "Lunch", "made_from": {"purpose": SECRET}}
    ask(api, "POST", f"/logbook/{business['entry_id']}/amend", late, 409)
    ask(api, "POST", f"/logbook/{business['entry_id']}/amend",
        {"reason": "again", "purpose": "Customer"}, 400)  # fmt: skip
    emptied = ask(api, "POST", f"/logbook/{business['entry_id']}/amend",
                  {"reason": "there was none", "partner": ""})  # fmt: skip
    assert emptied["now"]["partner"] is None
    for values in ({"purpose": SECRET + " 2"}, {"end_place": SECRET + "strasse"}):
        entry_id = list_entries(context)[1].entry.entry_id
        amend_entry(context, entry_id, values, reason=f"I saw {SECRET}", amended_by="Ada")
    later = files(api)
    assert later["csv"] == closed["csv"], "the entries of a closed month never change"
    assert later["amendments"] != closed["amendments"]
    assert b"Customer" in later["amendments"]
    with zipfile.ZipFile(io.BytesIO(later["xlsx"])) as book:
        sheets = b"".join(map(book.read, book.namelist()))
    assert business["entry_hash"].encode() in sheets

    shown = ask(api, "GET", f"/logbook/{private['entry_id']}")
    assert shown["content"]["distance_m"] > 1000
    assert len(shown["amendments"]) == 2
    assert (shown["closes_at"], private["closes_at"]) == (None, None), "it tells when a trip ended"
    assert business["closes_at"]
    private_row = later["csv"].decode().splitlines()[2]
    for seen in (str(shown), str(private), private_row):
        assert SECRET not in seen
    for name in (SECRET + " 2", SECRET + "strasse"):
        assert all(name.encode() not in text for text in (later["amendments"], later["md"], sheets))

    (check,) = ask(api, "GET", "/logbook/verify?vehicle=van")["books"]
    assert (check["is_intact"], check["links"]) == (True, 6)
    assert check["last_hash"].encode() in later["md"]
    assert ask(api, "GET", "/rates")["rates"] == []


def test_rates_are_replaced_whole_or_not_at_all(api: httpx.Client) -> None:
    rate = 'id = "a"\nfrom = 2020-01-01\ncurrency = "GBP"\nunit = "mi"\n'
    tiers = 'tiers = [{ up_to = 10000, amount = "0.45" }, { amount = "0.25" }]\n'
    table = f"[[rate]]\n{rate}{tiers}"
    saved = ask(api, "PUT", "/rates", {"toml": f'{table}per = "driver"'})
    assert [one["per"] for one in saved["rates"]] == ["driver"]
    later = table.replace("2020", "2021")
    for wrong in (
        "[[rate", f'{table}per = "fleet"', f"{table}until = 2019-01-01", table * 2, "\0",
        table + later.replace("GBP", "EUR"), f'{table}year_start = "04-06"\n{later}',
    ):  # fmt: skip
        ask(api, "PUT", "/rates", {"toml": wrong}, 400)
        assert ask(api, "GET", "/rates") == saved
    ask(api, "PUT", "/rates", {"toml": later, "made_from": table}, 409)
    assert ask(api, "GET", "/rates") == saved, "made from another table than there is"
    seen = f'{table}per = "driver"'
    assert ask(api, "PUT", "/rates", {"toml": "", "made_from": seen}) == {
        "rates": [],
        "missing": [],
    }


def test_a_book_that_has_not_changed_is_not_even_read(
    api: httpx.Client, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    def listed(path: str, etag: str = "") -> httpx.Response:
        return api.get(f"/api/v1/logbook{path}", headers={"If-None-Match": etag})

    ask(api, "PUT", "/vehicles/idle", {"plate": "A-1"})
    first = listed("?limit=1")
    assert len(first.json()["entries"]) <= 1 <= first.json()["total"] + 1
    etag = first.headers["ETag"]
    with monkeypatch.context() as patch:
        patch.setattr(books, "list_entries", lambda *_, **__: pytest.fail("the book was read"))
        assert listed("?limit=1", etag).status_code == 304
    whole = listed("?limit=2", etag)
    assert whole.status_code == 200, "another question has another answer"
    assert whole.json()["total"] == len(list_entries(context))
    needing = api.get("/api/v1/logbook?needs_purpose=true").json()["entries"]
    assert needing == sorted(needing, key=lambda one: one["closes_at"] or "")
    ask(api, "PUT", "/vehicles/idle", {"plate": "A-2"})
    assert listed("?limit=1", etag).status_code == 200
    ask(api, "GET", "/logbook?limit=0", status=422)


def test_what_was_said_about_a_vehicle_is_listed_and_taken_back(api: httpx.Client) -> None:
    ask(api, "PUT", "/vehicles/lorry", {"kind": "lorry", "plate": "ABC-1"})
    now = ask(api, "PUT", "/vehicles/lorry", {"time_zone": "UTC"})
    assert (now["kind"], now["plate"], now["time_zone"]) == ("lorry", "ABC-1", "UTC")
    assert ask(api, "PUT", "/vehicles/lorry", {"plate": None})["plate"] is None
    later = {"from_time": "2026-03-02T13:00:00Z"}
    ask(api, "PUT", "/vehicles/van", {"kind": "van"})
    for one in ask(api, "GET", "/vehicle-assignments?vehicle=van")["devices"]:
        ask(api, "POST", "/vehicles/van/device/undo", {"device_id": one["device_id"]})
    for body in ({"device_id": "van-7"}, {"device_id": "van-7", **later}):
        ask(api, "POST", "/vehicles/lorry/device", body)
    ask(api, "POST", "/vehicles/lorry/driver", {"driver": "Bo", **later})
    # of two who say it of one moment, the second is told: the first would be lost, also for an undo
    refused = ask(api, "POST", "/vehicles/lorry/driver", {"driver": "Cy", **later}, 400)
    assert "Bo is said to drive lorry from that moment on" in str(refused)
    refused = ask(api, "POST", "/vehicles/van/device", {"device_id": "van-7", **later}, 400)
    assert "van-7 is said to be in lorry" in str(refused)
    ends = {**later, "until_time": "2026-03-03T13:00:00Z"}
    ask(api, "POST", "/vehicles/lorry/driver", {"driver": "Bo", **ends})
    ask(api, "POST", "/vehicles/lorry/driver", {"driver": "Bo", **later})
    ask(api, "POST", "/vehicles/lorry/driver/undo", {"driver": "Cy", **later}, 404)
    said = ask(api, "GET", "/vehicle-assignments?vehicle=lorry")
    assert [one["from_time"] for one in said["devices"]] == [None, "2026-03-02T13:00:00Z"]
    assert [(one["driver"], one["until_time"]) for one in said["drivers"]] == [("Bo", None)]
    assert {one["month"] for one in ask(api, "GET", "/logbook?vehicle=lorry")["entries"]} == {
        "2026-03"
    }
    for path, body in (
        ("device", {"device_id": "van-7"}),
        ("device", {"device_id": "van-7", **later}),
        ("driver", later),
    ):
        ask(api, "POST", f"/vehicles/lorry/{path}/undo", body)
        ask(api, "POST", f"/vehicles/lorry/{path}/undo", body, 404)
    assert ask(api, "GET", "/vehicle-assignments?vehicle=lorry") == {"devices": [], "drivers": []}
    assert ask(api, "GET", "/logbook?vehicle=lorry")["entries"] == []

    reading = {"time": "2026-03-01T07:00:00Z", "odometer_km": 5}
    made = ask(api, "POST", "/vehicles/lorry/odometer", reading, 201)["reading_id"]
    lower = {"time": "2026-03-02T07:00:00Z", "odometer_km": 1}
    assert "`replaced`" in str(ask(api, "POST", "/vehicles/lorry/odometer", lower, 400))
    lower = ask(api, "POST", "/vehicles/lorry/odometer", {**lower, "replaced": True}, 201)
    ask(api, "POST", f"/odometer-readings/{lower['reading_id']}/undo")
    (listed,) = ask(api, "GET", "/odometer-readings?vehicle=lorry")["readings"]
    assert (listed["reading_id"], listed["odometer_m"]) == (made, 5000)
    ask(api, "POST", f"/odometer-readings/{made}/undo")
    ask(api, "POST", f"/odometer-readings/{made}/undo", status=404)
    assert ask(api, "GET", "/odometer-readings?vehicle=lorry")["readings"] == []
    ask(api, "GET", "/vehicle-assignments?vehicle=nobody", status=404)


def reminded(context: Context, clock: Clock) -> None:
    """Two trips still need a purpose: people hear of it once, two days before."""
    told = Told()
    assert remind(context, told).messages == 0
    clock.advance(5.5 * DAY.total_seconds())
    assert (remind(context, told).trips, remind(context, told).trips) == (2, 0)
    ((title, body),) = told.messages
    assert title == "trackflow: 2 trips of van still need a purpose"
    assert body.count(" km, closes ") == 2


def files(api: httpx.Client) -> dict[str, bytes]:
    found = {}
    for name in ("csv", "amendments", "xlsx", "md", "pdf"):
        answer = api.get(f"/api/v1/mileage-report?month=2026-03&vehicle=van&format={name}")
        assert answer.status_code == 200, answer.text
        assert 'filename="logbook-van-2026-03' in answer.headers["Content-Disposition"]
        found[name] = answer.content
    return found


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/logbook?month=2026-13", None, 400),
        ("GET", "/logbook?vehicle=nobody", None, 404),
        ("GET", "/logbook/left-out?month=9999-12", None, 400),
        ("GET", "/logbook/left-out?month=2026-03&to=2026-03-02", None, 400),
        ("GET", "/logbook/left-out?from=tomorrow", None, 422),
        ("GET", "/logbook/left-out?vehicle=nobody", None, 404),
        ("GET", "/logbook/6f6e4f1c-6a0b-5c1e-9c57-3a4be1b6c0d4", None, 404),
        ("GET", "/mileage-report?month=1999-01&vehicle=nobody", None, 404),
        ("PUT", "/vehicles/x", {"kind": "ship"}, 400),
        ("PUT", "/vehicles/x", {"plate": "a\0"}, 400),
        ("POST", "/vehicles/nobody/driver", {"driver": "Ada"}, 404),
        ("POST", "/vehicles/nobody/odometer", {"time": "2026-03-02", "odometer_km": -1}, 422),
    ],
)
def test_nonsense_is_refused(
    api: httpx.Client, method: str, path: str, body: Any, status: int
) -> None:
    ask(api, method, path, body, status)


def test_what_no_book_has_is_listed_and_private_tracks_show_kilometres_only(
    api: httpx.Client, context: Context
) -> None:
    def listed(query: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = ask(api, "GET", f"/logbook/left-out{query}")["tracks"]
        return found

    ask(api, "PUT", "/vehicles/city-car", {"kind": "car"})
    for device, days in (("phone", 10), ("phone", 11), ("tracker", 12), ("phone", 12)):
        points = moves([(0, 60.0, 20)], NOON + days * DAY)
        deliver(context.store, batch_of_device(device, points))
    ask(api, "PATCH", "/devices/phone", {"preset": "phone"})
    run(context)
    ask(api, "POST", "/vehicles/city-car/device", {"device_id": "tracker"})
    later = {"from_time": "2026-03-01T00:00:00Z"}
    ask(api, "POST", "/vehicles/city-car/device", {"device_id": "phone", **later})
    ask(api, "POST", "/vehicles/city-car/driver", {"driver": "Ada"})
    for days in (10, 11):
        start, end = NOON + days * DAY, NOON + days * DAY + HOUR
        said = {"device_id": "phone", "start_time": start.isoformat(), "end_time": end.isoformat()}
        ask(api, "POST", "/legs/corrections", {**said, "mode": "train"})
    double, train, private = (
        next(one for one in listed("?vehicle=city-car") if one["local_day"] == day)
        for day in ("2026-03-14", "2026-03-12", "2026-03-13")
    )
    assert (train["reason"], train["mode"], train["said_by"]) == ("said", "train", "this machine")
    assert train["start_time"].startswith("2026-03-12T12:00:00")
    assert ask(api, "GET", f"/tracks/{train['track_id']}")["properties"]["device_id"] == "phone"
    assert (double["reason"], double["device_id"]) == ("double", "phone")
    assert listed("?vehicle=city-car&month=2026-03") == listed("?from=2026-03-12&to=2026-03-14")
    assert listed("?vehicle=city-car&month=2026-04") == listed("?vehicle=van") == []

    for days in (11, 12):
        start, end = NOON + days * DAY, NOON + days * DAY + HOUR
        decide(context, DecisionRequest("phone", start, end, "private", SECRET), "Ada")
    follow_tracks(context)
    _, *hidden = listed("?vehicle=city-car")
    shown = {"vehicle_id": "city-car", "category": "private", "driver": "Ada"}
    nothing = dict.fromkeys(
        ("device_id", "track_id", "start_time", "end_time", "mode", "said_by", "reason")
    )
    assert hidden == [
        {**nothing, **shown, "local_day": "2026-03-13", "distance_m": private["distance_m"]},
        {**nothing, **shown, "local_day": "2026-03-14", "distance_m": double["distance_m"],
         "reason": "double"},
    ]  # fmt: skip
    assert {*shown, "local_day", "distance_m"} <= PRIVATE_SHOWN, "as of an entry"


def test_reading_takes_the_scope_read_and_changes_take_admin(
    api: httpx.Client, context: Context
) -> None:
    reader = bearer(token_for(context, Scope.READ))
    for path in ("logbook", "vehicles", "rates", "logbook/verify", "logbook/left-out"):
        assert api.get(f"/api/v1/{path}", **reader).status_code == 200
        ingest = bearer(token_for(context, Scope.INGEST))
        assert api.get(f"/api/v1/{path}", **ingest).status_code == 403
    assert api.put("/api/v1/vehicles/x", json={}, **reader).status_code == 403
    nobody = "6f6e4f1c-6a0b-5c1e-9c57-3a4be1b6c0d4"
    amend = api.post(f"/api/v1/logbook/{nobody}/amend", json={"reason": "x"}, **reader)
    assert amend.status_code == 403
