"""What readers of lines, devices and the work's state see, and what they cannot break."""

import datetime as dt
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from trackflow.context import Context
from trackflow.store import months
from trackflow.store.jobs import workers
from trackflow.store.service_tables import breakers
from trackflow.store.tables import cached_polylines, processing_batches
from trackflow.usecases.days.run import RunMode, run
from trackflow.usecases.queries.lines import TimeRange
from trackflow.web.accessed import FRESH, ReadLog
from trackflow.web.cached import CachedValue
from trackflow_tests.helpers.running_api import running_api
from trackflow_tests.helpers.stores import (
    NOON,
    Clock,
    batch_of_device,
    deliver,
    drive,
    open_context,
)

WINDOW = dt.timedelta(minutes=5)
LINE = "_p~iF~ps|U_ulLnnqC_mqNvxq`@"


@pytest.fixture
def context(database_url: str, tmp_path: Path) -> Iterator[Context]:
    with open_context(database_url, tmp_path) as opened:
        yield opened


@pytest.fixture(autouse=True)
def _counts_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine even small stores take long to count, and would be some seconds old."""
    monkeypatch.setattr(CachedValue, "QUICK_S", 3600.0)


@pytest.fixture
def api(context: Context) -> Iterator[httpx.Client]:
    with running_api(context) as client:
        yield client


def put_lines(context: Context, device_id: str, start: dt.datetime, count: int) -> None:
    """Windows without the engine: reading does not care where they come from."""
    rows = [
        {
            "device_id": device_id,
            "start_time": start + WINDOW * k,
            "end_time": start + WINDOW * (k + 1),
            "day": (start + WINDOW * k).date(),
            "encoded_polyline": LINE,
            "is_raw": k % 2 == 1,
            "confidence": None if k % 2 else 0.5,
            "matched_share": 0.75,
            "point_count": 3,
            "source_coordinates_count": 9,
            "processing_duration_ms": 1.0,
            "input_hash": f"{k}",
            "match": b"",
            "created_at": NOON,
        }
        for k in range(count)
    ]
    with context.store.write() as connection:
        months.make(connection, cached_polylines, {row["day"].replace(day=1) for row in rows})
        connection.execute(sa.insert(cached_polylines), rows)


def settle(context: Context, device_id: str, day: dt.date, **values: Any) -> None:
    """Say how far the work on a day is."""
    b = processing_batches.c
    with context.store.write() as connection:
        connection.execute(
            sa.update(processing_batches)
            .where(b.device_id == device_id, b.day == day)
            .values(values)
        )


DONE: dict[str, Any] = {"status": "completed"} | {
    f"{stage}_generation": processing_batches.c.generation
    for stage in ("segmented", "matched", "tracked")
}


def ask(api: httpx.Client, path: str, **parameters: Any) -> Any:
    answer = api.get(path, params={k.rstrip("_"): v for k, v in parameters.items()})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_lines_that_overlap_the_time_are_served(context: Context, api: httpx.Client) -> None:
    for device_id in ("a", "b"):
        deliver(context.store, batch_of_device(device_id, drive(NOON, 60)))
        put_lines(context, device_id, NOON, 4)
    inside = {"from_": "2026-03-02T12:07:00Z", "to": "2026-03-02T12:10:00Z"}
    found = ask(api, "/paths/cached", **inside)
    assert found["count"] == 2
    assert [d["device_id"] for d in found["devices"]] == ["a", "b"]
    (path,) = found["devices"][0]["paths"]
    assert path == {
        "start": "2026-03-02T12:05:00Z",
        "end": "2026-03-02T12:10:00Z",
        "polyline": LINE,
        "confidence": None,
        "matched_share": 0.75,
        "is_raw": True,
        "against_oneway": False,
        "point_count": 3,
    }
    one = ask(api, "/paths/cached", device="b", **inside)
    assert [d["device_id"] for d in one["devices"]] == ["b"]
    assert ask(api, "/paths/cached", device=["b", "a"], **inside) == found
    assert ask(api, "/paths/cached", device="nobody", **inside)["devices"] == []


def test_a_window_that_lasts_long_is_found_from_its_end(
    context: Context, api: httpx.Client
) -> None:
    """A window ends where the next one begins, after a gap of up to six hours."""
    deliver(context.store, batch_of_device("a", drive(NOON, 2)))
    put_lines(context, "a", NOON, 1)
    with context.store.write() as connection:
        late = NOON + dt.timedelta(hours=6)
        connection.execute(sa.update(cached_polylines).values(end_time=late))
    near_its_end = NOON + dt.timedelta(hours=5, minutes=59)
    assert ask(api, "/paths/cached", from_=near_its_end.isoformat())["count"] == 1


def test_the_last_hours_are_counted_from_now(database_url: str, tmp_path: Path) -> None:
    clock = Clock(NOON + dt.timedelta(minutes=20, seconds=30))
    with open_context(database_url, tmp_path, clock) as context, running_api(context) as api:
        deliver(context.store, batch_of_device("a", drive(NOON, 60)))
        put_lines(context, "a", NOON, 4)
        assert ask(api, "/paths/cached")["count"] == 4
        assert ask(api, "/paths/cached", hours=0.15)["count"] == 2
        first = api.get("/paths/cached", params={"hours": 1})
        clock.advance(20)  # within the same minute nothing has changed
        same = api.get(
            "/paths/cached", params={"hours": 1}, headers={"If-None-Match": first.headers["ETag"]}
        )
        assert (same.status_code, same.content) == (304, b"")
        clock.advance(60)
        changed = api.get(
            "/paths/cached", params={"hours": 1}, headers={"If-None-Match": first.headers["ETag"]}
        )
        assert changed.status_code == 200


def test_complete_until_leaves_out_days_with_work_to_do(
    context: Context, api: httpx.Client
) -> None:
    following = NOON + dt.timedelta(days=1)
    for start in (NOON, following):
        deliver(context.store, batch_of_device("a", drive(start, 60)))
    last = following + dt.timedelta(seconds=590)
    time = {"from_": "2026-03-01T00:00:00Z"}

    def until() -> tuple[Any, int]:
        found = ask(api, "/paths/cached", **time)
        assert found["complete_until"] == found["devices"][0]["complete_until"]
        return found["complete_until"], found["devices"][0]["pending_days"]

    assert until() == (None, 2)
    settle(context, "a", NOON.date(), **DONE)
    assert until() == ("2026-03-03T00:00:00Z", 1)
    settle(context, "a", following.date(), **DONE)
    assert until() == (last.isoformat().replace("+00:00", "Z"), 0)
    # only what lines are made of counts: tracks may still be on their way
    settle(context, "a", NOON.date(), status="pending", tracked_generation=0)
    assert until()[1] == 0
    settle(context, "a", NOON.date(), status="failed", segmented_generation=0)
    assert until() == (None, 1)


def test_a_device_that_is_silent_holds_nobody_back(context: Context, api: httpx.Client) -> None:
    for device_id, start in (("old", NOON - dt.timedelta(days=300)), ("new", NOON)):
        deliver(context.store, batch_of_device(device_id, drive(start, 60)))
        settle(context, device_id, start.date(), **DONE)
    found = ask(api, "/paths/cached", from_="2026-03-01T00:00:00Z")
    assert found["complete_until"] == "2026-03-02T12:09:50Z"


def test_complete_until_holds_after_a_real_run(context: Context, api: httpx.Client) -> None:
    deliver(context.store, batch_of_device("a", drive(NOON, 60)))
    run(context)
    assert ask(api, "/paths/cached")["complete_until"] == "2026-03-02T12:09:50Z"
    deliver(context.store, batch_of_device("a", drive(NOON + dt.timedelta(days=2), 60)))
    assert ask(api, "/paths/cached")["complete_until"] == "2026-03-04T00:00:00Z"
    assert ask(api, "/paths/cached")["devices"][0]["pending_days"] == 1


def test_devices_and_where_they_were_last(context: Context, api: httpx.Client) -> None:
    found = drive(NOON, 60)
    deliver(context.store, batch_of_device("<b>a</b>", found))
    (device,) = ask(api, "/api/v1/devices")["devices"]
    assert device == {
        "device_id": "<b>a</b>",
        "ordinal": 0,
        **dict.fromkeys(("name", "colour", "icon", "group")),
        "profile": "car",
        "time_zone": "UTC",
        "first_time": "2026-03-02T12:00:00Z",
        "last_time": "2026-03-02T12:09:50Z",
        "last_position": {
            "longitude": float(found.lon[-1]),
            "latitude": float(found.lat[-1]),
            "recorded_at": "2026-03-02T12:09:50Z",
        },
    }
    assert ask(api, "/api/v1/networks") == {"networks": []}


def test_the_status_tells_how_the_work_stands(database_url: str, tmp_path: Path) -> None:
    clock = Clock(NOON)
    with open_context(database_url, tmp_path, clock) as context, running_api(context) as api:
        deliver(context.store, batch_of_device("a", drive(NOON, 60)))
        deliver(context.store, batch_of_device("b", drive(NOON - dt.timedelta(days=9), 30)))
        clock.advance(90)
        status = ask(api, "/worker/status")
        assert status["unprocessed_points"] == 90
        assert status["processed_points"] == 0
        assert (status["pending_batches"], status["active_devices"]) == (2, 1)
        assert status["backlog_age_s"] == 90
        assert status["worker"] == {"running": False, "heartbeat_at": None}
        run(context)
        put_lines(context, "a", NOON, 2)
        _break(context, clock())
        status = ask(api, "/worker/status")
        assert (status["unprocessed_points"], status["processed_points"]) == (0, 90)
        assert (status["pending_batches"], status["failed_batches"]) == (0, 0)
        assert (status["backlog_age_s"], status["cached_paths"]) == (0, 2)
        assert status["last_update"] == "2026-03-02T12:01:30Z"
        assert status["worker"] == {"running": True, "heartbeat_at": "2026-03-02T12:01:30Z"}
        assert {b["service"]: b["state"] for b in status["breakers"]} == {
            "engine": "open",
            "places": "half-open",
            "weather": "closed",
        }
        settle(context, "a", NOON.date(), status="failed")
        assert ask(api, "/worker/status")["failed_batches"] == 1
        nothing = {"batches": 0, "next_try_at": None, "last_error": None}
        assert ask(api, "/worker/status")["resting"] == nothing
        later = clock() + dt.timedelta(minutes=5)
        settle(
            context, "a", NOON.date(), status="pending", next_try_at=later, error_message="broken"
        )
        assert ask(api, "/worker/status")["resting"] == {
            "batches": 1,
            "next_try_at": "2026-03-02T12:06:30Z",
            "last_error": "broken",
        }


def test_the_backlog_grows_old_while_nothing_can_be_done(database_url: str, tmp_path: Path) -> None:
    """Also while points keep coming and the engine keeps being asked."""
    clock = Clock(NOON)
    with (
        open_context(database_url, tmp_path, clock, engine_url="") as context,
        running_api(context) as api,
    ):
        for k in range(4):
            start = NOON + dt.timedelta(minutes=10 * k)
            deliver(context.store, batch_of_device("a", drive(start, 60)), now=clock())
            assert run(context)["matched"].deferred  # there is no road network
            clock.advance(600)
        assert ask(api, "/worker/status")["backlog_age_s"] == 2400
    with open_context(database_url, tmp_path, clock) as context, running_api(context) as api:
        run(context)
        assert ask(api, "/worker/status")["backlog_age_s"] == 0
        clock.advance(600)
        run(context, mode=RunMode.BULK)
        assert ask(api, "/worker/status")["backlog_age_s"] == 0
        start = NOON + dt.timedelta(minutes=50)
        deliver(context.store, batch_of_device("a", drive(start, 60)), now=clock())
        clock.advance(60)
        assert ask(api, "/worker/status")["backlog_age_s"] == 60


def _break(context: Context, now: dt.datetime) -> None:
    minute = dt.timedelta(minutes=1)
    with context.store.write() as connection:
        workers.beat(connection, uuid.UUID(int=1), now, batches_done=1)
        connection.execute(
            sa.insert(breakers),
            [
                {"service": "engine", "open_until": now + minute, "updated_at": now},
                {"service": "places", "open_until": now - minute, "updated_at": now},
                {"service": "weather", "open_until": None, "updated_at": now},
            ],
        )


def test_what_is_slow_is_worked_out_beside_the_readers() -> None:
    answers = iter(range(100))

    class Slow(CachedValue[int]):
        QUICK_S = -1.0
        SHORTEST_S = 3600.0

    class Quick(CachedValue[int]):
        QUICK_S = 3600.0

    slow, quick = Slow(lambda: next(answers)), Quick(lambda: next(answers))
    assert [slow.get(), slow.get()] == [0, 0]
    assert [quick.get(), quick.get()] == [1, 2]


def test_reading_is_noted_without_a_write_for_each(context: Context, api: httpx.Client) -> None:
    following = NOON + dt.timedelta(days=1)
    for device_id in ("a", "b"):
        deliver(context.store, batch_of_device(device_id, drive(NOON, 2)))
        put_lines(context, device_id, NOON, 2)
    put_lines(context, "a", following, 2)
    for _ in range(3):
        ask(api, "/paths/cached", device="a", from_="2026-03-02T12:00:00Z")
    assert _accessed(context) == {}
    noted = ReadLog(context)
    day = TimeRange(NOON, NOON + dt.timedelta(hours=1))
    noted.note(["a"], day)
    noted.note(["a"], day)
    assert noted.flush() == 2
    assert _accessed(context) == {
        ("a", NOON): context.clock(),
        ("a", NOON + WINDOW): context.clock(),
    }
    noted.note(["a"], day)
    assert noted.flush() == 0  # it is known already
    clock = context.clock
    assert isinstance(clock, Clock)
    clock.advance(FRESH.total_seconds() + 1)
    noted.note(["a", "b"], TimeRange(NOON, following))
    assert noted.flush() == 6
    assert noted.flush() == 0


def test_what_was_read_is_written_when_the_service_stops(context: Context) -> None:
    deliver(context.store, batch_of_device("a", drive(NOON, 2)))
    put_lines(context, "a", NOON, 2)
    with running_api(context) as api:
        ask(api, "/paths/cached", from_="2026-03-02T12:00:00Z")
    assert len(_accessed(context)) == 2


def _accessed(context: Context) -> dict[tuple[str, dt.datetime], dt.datetime]:
    c = cached_polylines.c
    with context.store.read() as connection:
        rows = connection.execute(
            sa.select(c.device_id, c.start_time, c.last_accessed).where(
                c.last_accessed.is_not(None)
            )
        )
        return {(row.device_id, row.start_time): row.last_accessed for row in rows}


TIMES = ("device", "from", "to", "hours")
LISTS = {
    "/paths/cached": TIMES,
    "/api/v1/tracks": (*TIMES, "bbox", "limit", "cursor", "simplify_m", "line"),
    "/api/v1/stops": ("device", "from"),
    "/api/v1/days": ("device", "from", "to"),
}
HOSTILE = (
    "'; DROP TABLE devices; --",
    "1 OR 1=1",
    "<script>alert(1)</script>",
    "\0",
    "%00",
    "nan",
    "-inf",
    "1e999",
    "99999999999999999999999999",
    "9999-12-31T23:59:59-14:00",
    "0001-01-01T00:00:00+14:00",
    "\U0001f600",
    "a" * 5000,
)


def test_no_parameter_breaks_anything(context: Context, api: httpx.Client) -> None:
    deliver(context.store, batch_of_device("a", drive(NOON, 60)))
    run(context)
    for path, names in LISTS.items():
        for name in names:
            for value in HOSTILE:
                answer = api.get(path, params={name: value})
                assert answer.status_code in (200, 400, 422), (path, name, value, answer.text)
                assert "html" not in answer.headers["content-type"]
    assert [d["device_id"] for d in ask(api, "/api/v1/devices")["devices"]] == ["a"]


@pytest.mark.parametrize(
    "parameters",
    [
        {"from": "2026-03-03T00:00:00Z", "to": "2026-03-02T00:00:00Z"},
        {"from": "2026-03-03T00:00:00Z", "hours": 3},
        {"hours": 0},
        {"hours": -1},
        {"hours": "nan"},
        {"from": "yesterday"},
    ],
)
def test_times_that_make_no_sense_are_refused(api: httpx.Client, parameters: Any) -> None:
    answer = api.get("/paths/cached", params=parameters)
    assert answer.status_code in (400, 422)
    assert set(answer.json()) == {"error"}


def test_endless_times_are_answered(context: Context, api: httpx.Client) -> None:
    deliver(context.store, batch_of_device("a", drive(NOON, 2)))
    put_lines(context, "a", NOON, 2)
    endless = {"from_": "0001-01-01T00:00:00Z", "to": "9999-12-31T23:59:59Z"}
    assert ask(api, "/paths/cached", **endless)["count"] == 2


def test_more_lines_than_an_answer_holds_are_refused(
    context: Context, api: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(context.store, batch_of_device("a", drive(NOON, 2)))
    put_lines(context, "a", NOON, 3)
    monkeypatch.setattr("trackflow.usecases.queries.lines.MOST_PATHS", 2)
    answer = api.get("/paths/cached", params={"from": "2026-03-01T00:00:00Z"})
    assert answer.status_code == 400
    assert "shorter time" in answer.json()["error"]
