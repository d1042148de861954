"""Numbers over HTTP and by command: the same as the days, as JSON, CSV, Excel and PDF."""

import csv
import datetime as dt
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openpyxl
import pytest

from trackflow.context import Context
from trackflow.defs.days.numbers import track_metadata
from trackflow.usecases.days.run import run
from trackflow_tests.helpers.commands import caller
from trackflow_tests.helpers.running_api import running_api
from trackflow_tests.helpers.stores import batch_of, deliver, drive, open_context

START = dt.datetime(2026, 2, 27, 20, tzinfo=dt.UTC)
ZONE = "Europe/Helsinki"
MONTHS = {"from": "2026-02-01", "to": "2026-04-30"}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Context, httpx.Client]]:
    home = tmp_path_factory.mktemp("numbers")
    rows = []
    for k, device in enumerate(["a", "b c"]):
        for day in (0, 1, 33):
            part = drive(START + dt.timedelta(days=day, hours=k), 900, every_s=20)
            rows += [
                (device, int(us), lon, lat, *([] if k else [us % 7_200_000_000 / 72_000_000]))
                for us, lon, lat in zip(part.time_us, part.lon, part.lat, strict=True)
            ]
    with open_context("", home, time_zone=ZONE) as context, running_api(context) as api:
        deliver(context.store, batch_of(rows))
        run(context)
        yield context, api


def mm(metres: float) -> int:
    return round(metres * 1000)


def numbers(api: httpx.Client, **parameters: str) -> dict[str, Any]:
    answer = api.get("/api/v1/numbers", params=parameters)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_every_door_has_the_same_kilometres(
    store: tuple[Context, httpx.Client],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    context, api = store
    days: dict[str, int] = {}
    for row in api.get("/api/v1/days").json()["days"]:
        days[row["day"]] = days.get(row["day"], 0) + mm(row["distance_m"])
    assert len(days) == 5, "drives over midnight"
    found = numbers(api, by="day")
    assert {row["period"]: mm(row["distance_m"]) for row in found["rows"]} == days
    first, last = (dt.date.fromisoformat(day) for day in (min(days), max(days)))
    told = track_metadata(context, first, last)
    assert {str(d): mm(n["distance_km"] * 1000) for d, n in told.items() if n["tracks"]} == days
    by_device = numbers(api, by="week", per="device")
    assert sum(mm(row["distance_m"]) for row in by_device["rows"]) == sum(days.values())
    text = api.get("/api/v1/numbers/file", params={"by": "day"}).text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert {row["period"]: mm(float(row["distance_m"])) for row in rows} == days
    book = openpyxl.load_workbook(
        io.BytesIO(api.get("/api/v1/numbers/file", params={"by": "day", "format": "xlsx"}).content)
    )
    sheet = list(book["Numbers"].values)
    at = sheet[0].index("distance_m")
    assert {row[0]: mm(row[at]) for row in sheet[1:]} == days
    assert {f"{row[1]:%Y-%m-%d}" for row in sheet[1:]} == set(days), "days, and no text"
    monkeypatch.setenv("TRACKFLOW_HOME", str(context.settings.home))
    monkeypatch.setenv("TRACKFLOW_TIME_ZONE", ZONE)
    call = caller(monkeypatch, capfd)
    said = json.loads(call("numbers", "--by", "day", "--json").out)
    assert said == json.loads(json.dumps(found))


def test_months_are_compared_with_the_months_before(store: tuple[Context, httpx.Client]) -> None:
    _, api = store
    march = numbers(api, **{"from": "2026-03-01", "to": "2026-03-31"}, per="device")
    assert march["before"]["first_day"] == "2026-02-01"
    february = numbers(api, **{"from": "2026-02-01", "to": "2026-02-28"})
    assert march["before"]["distance_m"] == february["totals"]["distance_m"] > 0
    rows = {row["period"]: mm(row["distance_m"]) for row in numbers(api, **MONTHS)["rows"]}
    assert list(rows) == ["2026-02", "2026-03", "2026-04"]
    assert rows["2026-02"] == mm(february["totals"]["distance_m"])
    assert rows["2026-03"] == mm(march["totals"]["distance_m"])
    assert sum(group["before"]["trips"] for group in march["groups"]) == 4
    assert numbers(api)["before"] is None


def test_what_is_not_known_is_null(store: tuple[Context, httpx.Client]) -> None:
    _, api = store
    groups = {one["key"]: one for one in numbers(api, per="device")["groups"]}
    assert groups["a"]["elevation_gain_m"] > 0
    assert groups["b c"]["elevation_gain_m"] is None
    assert groups["b c"]["idle_s"] == 0
    assert groups["b c"]["moving_s"] == groups["b c"]["duration_s"]
    assert 0 < groups["a"]["average_speed_kmh"] <= groups["a"]["max_speed_kmh"] < 60


@pytest.mark.parametrize(
    ("parameters", "status"),
    [
        ({"from": "2026-03-02", "to": "2026-03-01"}, 400),
        ({"from": "0001-01-01"}, 400),
        ({"zone": "Mars/Olympus"}, 400),
        ({"by": "fortnight"}, 422),
        ({"per": "colour"}, 422),
        ({"device": "nobody"}, 200),
    ],
)
def test_what_makes_no_sense_is_refused(
    store: tuple[Context, httpx.Client], parameters: dict[str, str], status: int
) -> None:
    _, api = store
    for path in ("numbers", "numbers/file", "numbers/visited"):
        if path.endswith("visited") and parameters.keys() & {"by", "per"}:
            continue
        answer = api.get(f"/api/v1/{path}", params=parameters)
        assert answer.status_code == status, (path, answer.text)


def test_the_month_of_a_device_to_print(
    store: tuple[Context, httpx.Client],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    context, api = store
    asked = {"device": "b c", "month": "2026-02"}
    answer = api.get("/api/v1/numbers/month", params=asked)
    assert answer.content.startswith(b"%PDF")
    assert 'filename="numbers-b_c-2026-02.pdf"' in answer.headers["Content-Disposition"]
    excel = api.get("/api/v1/numbers/month", params={**asked, "format": "xlsx"}).content
    book = openpyxl.load_workbook(io.BytesIO(excel))
    days = list(book["Days"].values)
    found = numbers(api, **{"from": "2026-02-01", "to": "2026-02-28"}, by="day", device="b c")
    assert [(f"{row[0]:%Y-%m-%d}", row[2]) for row in days[1:]] == [
        (row["period"], round(row["distance_m"] / 1000, 3)) for row in found["rows"]
    ]
    trips = list(book["Trips"].values)
    assert len(trips) == 1 + found["totals"]["trips"]
    assert all(start < end for start, end, *_ in trips[1:]), "whole times, also over midnight"
    assert {zone for _, _, zone, *_ in trips[1:]} == {ZONE}
    assert api.get("/api/v1/numbers/month", params={**asked, "device": "x"}).status_code == 404
    for month in ("2026", "0001-01", "9999-12"):
        assert api.get("/api/v1/numbers/month", params={**asked, "month": month}).status_code == 400
    monkeypatch.setenv("TRACKFLOW_HOME", str(context.settings.home))
    monkeypatch.setenv("TRACKFLOW_TIME_ZONE", ZONE)
    call = caller(monkeypatch, capfd)
    call("month", "b c", "2026-02", "--file", str(tmp_path / "m.pdf"))
    assert (tmp_path / "m.pdf").read_bytes() == answer.content


def test_countries_and_towns_are_found(store: tuple[Context, httpx.Client]) -> None:
    _, api = store
    found = api.get("/api/v1/numbers/visited").json()
    (finland,) = found["countries"]
    assert finland["country"] == "Finland"
    assert finland["tracks"] == 6
    assert finland["first_day"] == "2026-02-27"
    assert all(one["country_code"] == "FI" for one in found["towns"])
