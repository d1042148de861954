"""Tracks page by page, one by one, and the stops between them; on both databases."""

import datetime as dt
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from trackflow.context import Context
from trackflow.errors import BadInputError
from trackflow.geo import polylines
from trackflow.geo.distance import METRES_PER_DEGREE
from trackflow.geo.points import Points
from trackflow.geo.simplifying import simplified
from trackflow.geo.time import from_us
from trackflow.store.days.tracks import TrackCursor
from trackflow.store.tables import devices, gps_points, tracks
from trackflow.usecases.days.run import run
from trackflow.web.cursors import read_cursor, write_cursor
from trackflow_tests.helpers.running_api import running_api
from trackflow_tests.helpers.stores import (
    NOON,
    batch_of,
    batch_of_device,
    deliver,
    drive,
    open_context,
)

HOUR = dt.timedelta(hours=1)
LINE = polylines.encode([24.9, 24.901, 24.903], [60.1, 60.1, 60.2])


@pytest.fixture
def context(database_url: str, tmp_path: Path) -> Iterator[Context]:
    with open_context(database_url, tmp_path) as opened:
        yield opened


@pytest.fixture
def api(context: Context) -> Iterator[httpx.Client]:
    with running_api(context) as client:
        yield client


def put_tracks(context: Context, rows: list[dict[str, Any]]) -> None:
    """Tracks past the pipeline; whatever a row does not say is the same for all."""
    common: dict[str, Any] = {
        "device_id": "a", "began": "gap", "ended": "gap", "distance_m": 1000.0,
        "average_speed_kmh": 1.0, "max_speed_kmh": 2.0, "point_count": 3, "segment_count": 1,
        "raw_polyline": LINE, "matched_polyline": LINE, "raw_distance_m": 1100.0,
        "matched_share": 0.5, "confidence": None, "west": 24.9, "south": 60.1, "east": 24.903,
        "north": 60.2, "content_hash": "", "updated_at": NOON,
    }  # fmt: skip
    whole = [common | row for row in rows]
    for row in whole:
        row.setdefault("track_id", uuid.uuid4())
        row.setdefault("end_time", row["start_time"] + HOUR)
        row["duration_s"] = (row["end_time"] - row["start_time"]).total_seconds()
    names = sorted({row["device_id"] for row in whole})
    with context.store.write() as connection:
        connection.execute(
            sa.insert(devices), [{"device_id": name, "created_at": NOON} for name in names]
        )
        connection.execute(sa.insert(tracks), whole)


def ask(api: httpx.Client, path: str = "/api/v1/tracks", **parameters: Any) -> Any:
    answer = api.get(path, params={k.rstrip("_"): v for k, v in parameters.items()})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/geo+json"
    return answer.json()


def ids(found: Any) -> list[str]:
    return [feature["properties"]["track_id"] for feature in found["features"]]


def test_pages_give_what_one_page_gives(context: Context, api: httpx.Client) -> None:
    """Also where many tracks begin at the same moment."""
    rng = np.random.default_rng(1)
    put_tracks(
        context,
        [
            {"device_id": f"d{k}", "start_time": NOON + int(rng.integers(0, 4)) * HOUR}
            for k in range(23)
        ],
    )
    whole = ask(api, limit=1000)
    assert whole["next"] is None
    starts = [f["properties"]["start_time"] for f in whole["features"]]
    assert starts == sorted(starts)
    for limit in (1, 2, 5, 22, 23):
        pages = [ask(api, limit=limit)]
        while pages[-1]["next"] is not None:
            assert len(pages[-1]["features"]) == limit
            pages.append(ask(api, limit=limit, cursor=pages[-1]["next"]))
        assert [i for page in pages for i in ids(page)] == ids(whole)


def test_a_page_ends_when_its_lines_are_long(
    context: Context, api: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_tracks(context, [{"start_time": NOON + k * HOUR * 2} for k in range(5)])
    monkeypatch.setattr("trackflow.usecases.queries.tracks.PAGE_BYTES", len(LINE) * 2)
    first = ask(api)
    assert len(first["features"]) == 2
    assert len(ask(api, cursor=first["next"])["features"]) == 2


def test_tracks_that_overlap_the_time_are_found(context: Context, api: httpx.Client) -> None:
    """However long ago they began."""
    long_ago = {"start_time": NOON - 300 * HOUR, "end_time": NOON + HOUR}
    put_tracks(context, [long_ago, *({"start_time": NOON + k * 10 * HOUR} for k in range(3))])
    assert len(ids(ask(api, from_=NOON.isoformat(), to=(NOON + HOUR).isoformat()))) == 2
    assert len(ids(ask(api, from_=(NOON + 2 * HOUR).isoformat()))) == 2
    assert len(ids(ask(api, to=NOON.isoformat()))) == 1
    assert ids(ask(api, device="b")) == []
    assert len(ids(ask(api, device=["a", "b"]))) == 4


BOXES = [
    (24.0, 60.0, 25.0, 61.0),
    (179.5, -1.0, -179.5, 1.0),
    (170.0, -1.0, 179.9, 1.0),
    (-179.9, -1.0, -170.0, 1.0),
    (-10.0, -90.0, 10.0, 90.0),
    (24.5, 60.5, 24.6, 60.6),
    (-180.0, -90.0, 180.0, 90.0),
]


def test_boxes_overlap_as_they_do_on_a_globe(context: Context, api: httpx.Client) -> None:
    names = ("west", "south", "east", "north")
    put_tracks(
        context,
        [
            {
                "device_id": f"d{k}",
                "start_time": NOON + k * HOUR,
                **dict(zip(names, box, strict=True)),
            }
            for k, box in enumerate(BOXES)
        ],
    )
    for asked in BOXES:
        found = {
            feature["properties"]["device_id"]
            for feature in ask(api, bbox=",".join(map(str, asked)))["features"]
        }
        assert found == {f"d{k}" for k, box in enumerate(BOXES) if _overlap(asked, box)}
    # maps go round and round
    assert len(ids(ask(api, bbox="384.1,60,384.9,61"))) == len(
        ids(ask(api, bbox="24.1,60,24.9,61"))
    )
    assert len(ids(ask(api, bbox="-300,-90,300,90"))) == len(BOXES)


def _overlap(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    """By looking at every tenth of a degree of longitude."""

    def covered(box: tuple[float, ...]) -> set[int]:
        west, east = round(box[0] * 10), round(box[2] * 10)
        return {k % 3600 for k in range(west, (east if west <= east else east + 3600) + 1)}

    sideways = bool(covered(one) & covered(other))
    return sideways and one[1] <= other[3] and other[1] <= one[3]


@pytest.mark.parametrize("bbox", ["1,2,3", "a,b,c,d", "nan,1,2,3", "1,inf,2,3", "1,3,2,1", ""])
def test_boxes_that_are_none_are_refused(api: httpx.Client, bbox: str) -> None:
    assert api.get("/api/v1/tracks", params={"bbox": bbox}).status_code == 400


def test_one_track_with_both_lines_and_its_reasons(context: Context, api: httpx.Client) -> None:
    found = drive(NOON, 120)
    deliver(context.store, batch_of_device("a", found))
    deliver(context.store, batch_of_device("a", drive(NOON + 4 * HOUR, 60)))
    run(context)
    first, second = ask(api)["features"]
    track = ask(api, f"/api/v1/tracks/{first['id']}")
    assert track["properties"] == first["properties"]
    assert track["properties"]["mode"] == "car"
    assert track["properties"]["start_time"] == "2026-03-02T12:00:00Z"
    assert len(track["raw"]["coordinates"]) == len(found)
    assert track["raw"]["coordinates"][0] == [round(found.lon[0], 5), round(found.lat[0], 5)]
    assert "2026-03-02T12:19:50Z (gap)" in track["explanation"]["ended"]
    assert "3.7 h away; the limit of a silence is 2.5 h" in track["explanation"]["ended"]
    assert "no point comes before it" in track["explanation"]["began"]
    later = ask(api, f"/api/v1/tracks/{second['id']}")
    assert "3.7 h away" in later["explanation"]["began"]
    assert api.get(f"/api/v1/tracks/{uuid.uuid4()}").status_code == 404
    assert api.get("/api/v1/tracks/nonsense").status_code == 422


def test_an_old_id_leads_to_the_track(context: Context, api: httpx.Client) -> None:
    whole = drive(NOON, 60)
    deliver(context.store, batch_of_device("a", whole[5:]))
    run(context)
    (old,) = ids(ask(api))
    deliver(context.store, batch_of_device("a", whole[:5]))
    run(context)
    (new,) = ids(ask(api))
    assert new != old
    assert ask(api, f"/api/v1/tracks/{old}")["id"] == new


def test_an_id_whose_movement_turned_out_to_be_none_is_gone_and_says_why(
    context: Context, api: httpx.Client
) -> None:
    moved = drive(NOON, 60)
    deliver(context.store, batch_of_device("a", moved))
    run(context)
    (old,) = ids(ask(api))
    still = [("a", time, 24.94, 60.17, np.nan, 3.0) for time in moved.time_us.tolist()]
    deliver(context.store, batch_of(still))
    run(context)
    answer = api.get(f"/api/v1/tracks/{old}")
    assert answer.status_code == 410
    assert "no track any more" in answer.json()["error"]
    assert "24.94" not in answer.text


def test_a_track_is_explained_without_its_points(context: Context, api: httpx.Client) -> None:
    deliver(context.store, batch_of_device("a", drive(NOON, 60)))
    run(context)
    with context.store.write() as connection:
        connection.execute(sa.delete(gps_points))
    (found,) = ids(ask(api))
    explanation = ask(api, f"/api/v1/tracks/{found}")["explanation"]
    assert explanation["ended"].endswith("(gap): there is no point for a while.")


def test_both_lines_can_be_asked_for(context: Context, api: httpx.Client) -> None:
    other = polylines.encode([1.0, 2.0], [3.0, 4.0])
    put_tracks(context, [{"start_time": NOON, "raw_polyline": other}])
    (raw,) = ask(api, line="raw")["features"]
    assert raw["geometry"] == {"type": "LineString", "coordinates": [[1, 3], [2, 4]]}
    (matched,) = ask(api, line="matched")["features"]
    assert matched["geometry"]["coordinates"] == [[24.9, 60.1], [24.901, 60.1], [24.903, 60.2]]
    assert matched["properties"].keys() == raw["properties"].keys()


def test_stops_lie_between_tracks(context: Context, api: httpx.Client) -> None:
    def at(hours: int, began: str = "stop", ended: str = "stop", device_id: str = "a") -> Any:
        start = NOON + hours * HOUR
        return {"start_time": start, "began": began, "ended": ended, "device_id": device_id}

    put_tracks(
        context,
        [
            at(-1000), at(0), at(4, ended="gap"), at(10, began="gap"), at(12), at(20),
            at(5, device_id="b"),
        ],
    )  # fmt: skip

    def stops(first: float, last: float) -> list[tuple[float, float]]:
        found = ask(
            api,
            "/api/v1/stops",
            from_=(NOON + first * HOUR).isoformat(),
            to=(NOON + last * HOUR).isoformat(),
        )["features"]
        assert all(f["geometry"]["coordinates"] == [24.903, 60.2] for f in found)
        return [
            tuple(
                (dt.datetime.fromisoformat(f["properties"][name]) - NOON) / HOUR
                for name in ("start_time", "end_time")
            )
            for f in found
        ]

    assert stops(-2000, 100) == [(-999, 0), (1, 4), (11, 12), (13, 20)]
    assert stops(2, 3) == [(1, 4)]
    assert stops(-500, -400) == [(-999, 0)]
    assert stops(14, 15) == [(13, 20)]
    assert stops(4.5, 4.9) == []


def test_stops_after_a_real_run(context: Context, api: httpx.Client) -> None:
    going = drive(NOON, 60)
    count, every_us = 120, 10_000_000
    stay = Points.of(
        going.time_us[-1] + every_us * np.arange(1, count + 1),
        np.full(count, going.lon[-1]),
        np.full(count, going.lat[-1]),
    )
    again = drive(NOON + dt.timedelta(minutes=30), 60, lon=float(going.lon[-1]))
    deliver(context.store, batch_of_device("a", Points.concat([going, stay, again])))
    run(context)
    (stop,) = ask(api, "/api/v1/stops")["features"]
    assert stop["properties"]["device_id"] == "a"
    assert 1150 < stop["properties"]["duration_s"] <= 1250


@pytest.mark.parametrize(("away_deg", "stops"), [(0.005, 1), (0.1, 0)])
def test_a_device_that_sleeps_overnight_where_it_is_parked_has_stopped_there(
    context: Context, api: httpx.Client, away_deg: float, stops: int
) -> None:
    """Fifteen hours without a point, longer than any silence that a track bridges."""
    going = drive(NOON, 60)
    again = drive(NOON + 15 * HOUR, 60, lon=float(going.lon[-1]) + away_deg)
    deliver(context.store, batch_of_device("a", Points.concat([going, again])))
    run(context)
    found = ask(api, "/api/v1/stops")["features"]
    assert len(found) == stops
    for stop in found:
        assert stop["geometry"]["coordinates"] == pytest.approx([going.lon[-1], going.lat[-1]])
        assert stop["properties"]["duration_s"] == pytest.approx(15 * 3600, abs=700)


@given(
    st.lists(st.tuples(st.integers(-999, 999), st.integers(-999, 999)), min_size=3, max_size=60),
    st.floats(1, 500),
    st.sampled_from([0.0, 60.0, -85.0]),
)
def test_simplified_lines_are_as_near_as_they_say(
    steps: list[tuple[int, int]], tolerance_m: float, latitude: float
) -> None:
    places = np.cumsum(np.array(steps), axis=0) / 1e5 + np.array([24.9, latitude])
    kept = simplified(places, tolerance_m)
    assert len(kept) <= len(places)
    scale = np.array([np.cos(np.radians(places[:, 1].mean())), 1.0]) * METRES_PER_DEGREE
    line = kept * scale
    for place in places * scale:
        assert _distance(place, line) <= tolerance_m + 2  # what rounding to the grid moves


def _distance(place: Any, line: Any) -> float:
    start, step = line[:-1], np.diff(line, axis=0)
    length = np.maximum((step**2).sum(axis=1), 1e-12)
    along = np.clip(((place - start) * step).sum(axis=1) / length, 0, 1)
    return float(np.hypot(*(start + step * along[:, None] - place).T).min())


@given(st.integers(-(2**50), 2**52), st.uuids())
def test_a_cursor_comes_back(time_us: int, track_id: uuid.UUID) -> None:
    position = TrackCursor(from_us(time_us), track_id)
    assert read_cursor(write_cursor(position)) == position


@given(st.text(max_size=40))
def test_any_other_text_is_no_cursor(text: str) -> None:
    try:
        found = read_cursor(text)
    except BadInputError:
        return
    assert write_cursor(found) == text
