"""Days of a stated time zone; tracks over midnight are shared, and nothing is lost."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from trackflow.errors import SettingsError
from trackflow.settings import Settings
from trackflow.store.devices.settings import change_device
from trackflow.store.tables import segments, tracks
from trackflow.usecases.days.run import run
from trackflow_tests.helpers.running_api import running_api
from trackflow_tests.helpers.stores import batch_of_device, deliver, drive, open_context

EVENING = dt.datetime(2026, 3, 2, 20, tzinfo=dt.UTC)


def test_days_of_tracks_over_midnight(database_url: str, tmp_path: Path) -> None:
    with open_context(database_url, tmp_path) as context, running_api(context) as api:
        # 48 hours at an even speed: over two midnights of any zone
        deliver(context.store, batch_of_device("a", drive(EVENING, 1441, every_s=120)))
        deliver(context.store, batch_of_device("b", drive(EVENING, 60)))
        run(context)

        def days(**parameters: Any) -> list[dict[str, Any]]:
            answer = api.get("/api/v1/days", params=parameters)
            assert answer.status_code == 200, answer.text
            found: list[dict[str, Any]] = answer.json()["days"]
            return found

        with context.store.read() as connection:
            length_m = connection.scalar(
                sa.select(tracks.c.distance_m).where(tracks.c.device_id == "a")
            )
        shared = days(device="a")
        assert [d["day"] for d in shared] == ["2026-03-02", "2026-03-03", "2026-03-04"]
        assert sum(round(d["distance_m"] * 1000) for d in shared) == round(length_m * 1000)
        assert [round(d["distance_m"] / length_m, 3) for d in shared] == [0.083, 0.5, 0.417]
        assert [d["duration_s"] / 3600 for d in shared] == [4, 24, 20]
        assert [d["tracks"] for d in shared] == [1, 1, 1]
        assert [d["device_id"] for d in days(to="2026-03-02")] == ["a", "b"]
        middle = {"device": "a", "from": "2026-03-03", "to": "2026-03-03"}
        assert days(**middle) == [shared[1]]
        assert {d["time_zone"] for d in shared} == {"UTC"}
        local = days(device="a", zone="Europe/Helsinki")
        assert [d["duration_s"] / 3600 for d in local] == [2, 24, 22]
        assert sum(round(d["distance_m"] * 1000) for d in local) == round(length_m * 1000)
        with context.store.write() as connection:
            change_device(connection, "a", EVENING, time_zone="Europe/Helsinki")
        assert days(device="a") == shared, "sums over devices are in one zone"
        assert days(device="a", zone="device") == local
        assert {d["time_zone"] for d in days(device="b", zone="device")} == {"UTC"}
        with context.store.write() as connection:
            connection.execute(sa.delete(segments))
        assert days(device="a", zone="Europe/Helsinki") == local, "no points are needed"
        with context.store.write() as connection:
            connection.execute(sa.update(tracks).values(quarters_mm=None))
        evenly = days(device="a", zone="Europe/Helsinki")
        assert sum(round(d["distance_m"] * 1000) for d in evenly) == round(length_m * 1000)
        assert [round(d["distance_m"] / length_m, 3) for d in evenly] == [
            round(d["distance_m"] / length_m, 3) for d in local
        ]


def test_the_stated_zone_holds_for_all_that_is_asked_without_one(
    database_url: str, tmp_path: Path
) -> None:
    zone = {"time_zone": "Europe/Helsinki"}
    with open_context(database_url, tmp_path, **zone) as context, running_api(context) as api:
        deliver(context.store, batch_of_device("a", drive(EVENING, 1441, every_s=120)))
        run(context)
        assert api.get("/api/v1/page").json()["time_zone"] == "Europe/Helsinki"
        assert api.get("/api/v1/devices").json()["devices"][0]["time_zone"] == "Europe/Helsinki"
        answer = api.get("/api/v1/days").json()
        assert answer["time_zone"] == "Europe/Helsinki"
        assert [d["duration_s"] / 3600 for d in answer["days"]] == [2, 24, 22]
        per_device = api.get("/api/v1/days", params={"zone": "device"}).json()
        assert per_device["days"] == answer["days"], "a device without a zone has the stated one"


def test_distances_count_what_lies_in_the_time(database_url: str, tmp_path: Path) -> None:
    with open_context(database_url, tmp_path) as context, running_api(context) as api:
        deliver(context.store, batch_of_device("a", drive(EVENING, 361, every_s=20)))
        deliver(context.store, batch_of_device("b", drive(EVENING, 60)))
        run(context)

        def distances(start_min: int, end_min: int, **more: str) -> dict[str, dict[str, Any]]:
            moments = [
                (EVENING + dt.timedelta(minutes=m)).isoformat() for m in (start_min, end_min)
            ]
            found = api.get(
                "/api/v1/distances", params={"from": moments[0], "to": moments[1], **more}
            ).json()["distances"]
            return {row.pop("device_id"): row for row in found}

        whole = distances(-60, 600)
        assert list(whole) == ["a", "b"]
        assert list(distances(-60, 600, device="b")) == ["b"]
        assert list(distances(30, 90)) == ["a"]
        assert distances(30, 90)["a"]["duration_s"] == 3600
        assert distances(-60, 0) == distances(120, 600) == {}
        # an even drive: seven minutes are that share of it
        part = distances(50, 57)["a"]["distance_m"]
        assert part == pytest.approx(whole["a"]["distance_m"] * 7 / 120, rel=0.02)
        parts = [
            distances(m, m + 7)["a"]["distance_m"] for m in range(-5, 130, 7) if 0 <= m + 6 < 127
        ]
        assert sum(round(m * 1000) for m in parts) == round(whole["a"]["distance_m"] * 1000)


def test_a_zone_that_is_none_is_refused(database_url: str, tmp_path: Path) -> None:
    with open_context(database_url, tmp_path) as context, running_api(context) as api:
        for zone in ("Mars/Olympus", "../../etc/passwd", "", "\0"):
            answer = api.get("/api/v1/days", params={"zone": zone})
            assert answer.status_code == (200 if zone == "" else 400), zone
    with pytest.raises(SettingsError, match=r"TRACKFLOW_TIME_ZONE.*Mars"):
        Settings.from_env({"TRACKFLOW_TIME_ZONE": "Mars/Olympus"})


def test_days_that_make_no_sense_are_refused(database_url: str, tmp_path: Path) -> None:
    with open_context(database_url, tmp_path) as context, running_api(context) as api:
        for parameters in (
            {"from": "2026-03-03", "to": "2026-03-02"},
            {"from": "0001-01-01"},
            {"to": "9999-12-31"},
            {"from": "1950-01-01", "to": "2026-01-01"},
        ):
            assert api.get("/api/v1/days", params=parameters).status_code == 400, parameters


def test_more_days_than_an_answer_holds_are_refused(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trackflow.usecases.queries.days.MOST_DEVICE_DAYS", 1)
    with open_context(database_url, tmp_path) as context, running_api(context) as api:
        for name in ("a", "b"):
            deliver(context.store, batch_of_device(name, drive(EVENING, 60)))
        run(context)
        answer = api.get("/api/v1/days")
        assert answer.status_code == 400
        assert "more than 1 days of devices" in answer.text
        assert api.get("/api/v1/days", params={"device": "a"}).status_code == 200
