"""`serve --light` really started: it works without Dagster, and survives being killed."""

import datetime as dt
import json
import os
import signal
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from trackflow import light
from trackflow.concurrency.children import spawn, stop
from trackflow.context import Context
from trackflow.errors import StoreUnavailableError
from trackflow.light import MONTHLY, Worker
from trackflow.settings import Settings
from trackflow.usecases.categories.following import follow_tracks
from trackflow.usecases.days.run import run
from trackflow.usecases.jobs.kinds import KINDS
from trackflow.usecases.mileage.fleet import put_device, save_vehicle
from trackflow.usecases.unattended import daily, monthly
from trackflow.usecases.unattended.duties import DUTIES, MESH_BATCH, Duty
from trackflow.usecases.unattended.work import WORK
from trackflow_tests.helpers.processes import words_of
from trackflow_tests.helpers.served import left_behind, trackflow_serve, wait_until_gone
from trackflow_tests.helpers.stores import batch_of_device, deliver, drive
from trackflow_tests.helpers.waiting import PATIENCE_S, wait_until

START_S = 400
"""On a machine that many share."""


def ask(url: str, body: object = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
        return json.load(answer)


def send(api: str, device: str, start: dt.datetime) -> None:
    """A drive of ten minutes to the north, as one delivery."""
    features = [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [24.94, 60.17 + 0.001 * k]},
            "properties": {
                "device_id": device,
                "timestamp": (start + dt.timedelta(seconds=10 * k)).isoformat(),
            },
        }
        for k in range(60)
    ]
    ask(f"{api}/ingest/geojson", {"type": "FeatureCollection", "features": features})


def devices_with_tracks(api: str) -> set[str]:
    found = ask(f"{api}/api/v1/tracks?from=2000-01-01T00:00:00Z&to=2100-01-01T00:00:00Z")
    return {track["properties"]["device_id"] for track in found["features"]}


@pytest.mark.slow
def test_it_serves_and_works_and_survives_being_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKFLOW_ENGINE_URL", "none")
    home = tmp_path / "home"
    now = dt.datetime.now(dt.UTC)
    with trackflow_serve(home, tmp_path, "serve --light", START_S) as served:
        send(served.api, "now", now - dt.timedelta(hours=1))
        send(served.api, "old", now - dt.timedelta(days=30))
        wait_until(lambda: devices_with_tracks(served.api) == {"now", "old"}, pause_s=0.5)

        day = (now - dt.timedelta(days=30)).date().isoformat()
        wanted = {"kind": "rebuild", "from": day, "to": day}
        job = ask(f"{served.api}/api/v1/jobs", wanted)
        url = f"{served.api}/api/v1/jobs/{job['job_id']}"
        wait_until(lambda: ask(url)["status"] == "completed")
        assert ask(url)["run_id"] is None
        assert not (home / "dagster").exists()

        send(served.api, "killed", now - dt.timedelta(hours=1))
        served.end(signal.SIGKILL)
        wait_until_gone(home)

    with trackflow_serve(home, tmp_path, "serve --light", START_S) as served:
        wait_until(lambda: "killed" in devices_with_tracks(served.api), pause_s=0.5)
        served.end(signal.SIGTERM)
        wait_until_gone(home)
        assert "Traceback" not in served.said()


def test_a_child_that_leaves_work_is_followed_by_another_later_each_time(tmp_path: Path) -> None:
    def looks() -> int:
        return len(seen)

    seen: list[float] = []

    def waits(_: Context) -> bool:
        seen.append(time.monotonic())
        return True

    settings = Settings(home=tmp_path)
    with Worker(settings, lambda: True, [Duty("no such duty", 0.5, waits)]):
        wait_until(lambda: looks() >= 3)
    assert seen[2] - seen[1] >= 1.0, "the pause has doubled"
    assert "KeyError" in (tmp_path / "work.log").read_text()
    assert not left_behind(tmp_path)


def test_what_cannot_be_started_waits_and_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A disk without room for the log ended the service again and again, with a traceback."""
    home = tmp_path / "home"
    (home / "work.log").mkdir(parents=True)
    looks: list[int] = []
    duty = Duty("days", 0.01, lambda _: not looks.append(1))
    with Worker(Settings(home=home), lambda: True, [duty]):
        wait_until(lambda: len(looks) >= 3)
    (said,) = caplog.messages
    assert said.startswith("days has to wait: trackflow.light cannot be started: Is a directory")


@pytest.mark.slow
def test_a_child_that_hangs_is_killed_and_another_one_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKFLOW_HOME", str(tmp_path))
    monkeypatch.setenv("TRACKFLOW_FOLLOW_URL", f"sqlite:///{tmp_path / 'shop.db'}")
    stays = Duty("followed", 0.5, lambda _: True, longest_s=None)

    def children() -> list[int]:
        return [pid for pid in left_behind(tmp_path) if "followed" in words_of(pid)]

    with Worker(Settings(home=tmp_path), lambda: True, [stays]):
        (first,) = wait_until(children)
        os.kill(first, signal.SIGSTOP)
        wait_until(lambda: first not in left_behind(tmp_path))
        (second,) = wait_until(children)
        assert second != first
    wait_until_gone(tmp_path)


def test_work_that_goes_on_for_too_long_or_gives_no_sign_of_life_hangs(tmp_path: Path) -> None:
    lasts_s = light.START_S + 1.0
    with Context.open(Settings(home=tmp_path)) as context, (tmp_path / "out").open("wb") as out:
        child = spawn(["trackflow.light", "no such duty"], os.environ, None, out)

        def problem(**of_duty: Any) -> str | None:
            duty = Duty("some work", 1, lambda _: True, **of_duty)
            worker = Worker(context.settings, lambda: True, [duty])
            return worker._problem(context, worker._posts[0], child, lasts_s)

        def away(_: Context) -> bool:
            raise StoreUnavailableError("the database is away")

        assert problem() is None
        assert problem(longest_s=light.START_S) == f"it has not ended within {light.START_S:g} s"
        assert problem(longest_s=None, lives=lambda _: True) is None
        assert problem(lives=lambda _: False) == "it gives no sign of life"
        assert problem(lives=away) is None
        stop(child)


def test_the_files_of_a_month_are_due_once_it_is_over(tmp_path: Path) -> None:
    folders: list[Path] = []
    now = [dt.datetime(2026, 3, 3, 4, 59, tzinfo=dt.UTC)]
    with Context.open(Settings(home=tmp_path), lambda: now[0]) as context:
        for moment, month in (
            ("2026-03-03T04:59", "2026-01"),
            ("2026-03-03T05:00", "2026-02"),
            ("2026-04-03T05:00", "2026-03"),
            ("2027-01-02T00:00", "2026-11"),
        ):
            now[0] = dt.datetime.fromisoformat(moment).replace(tzinfo=dt.UTC)
            assert monthly.is_due(context), moment
            assert f"{monthly.month_due(now[0]):%Y-%m}" == month
            monthly.do_monthly_work(context, lambda _reports, folder: folders.append(folder))
            assert not monthly.is_due(context)
        assert folders == [tmp_path / "reports"] * 4
        now[0] -= dt.timedelta(days=400)
        assert monthly.is_due(context), "a clock that was ahead stops nothing"


def test_the_child_of_a_month_writes_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKFLOW_HOME", str(tmp_path))
    monkeypatch.setenv("TRACKFLOW_ENGINE_URL", "none")
    monkeypatch.setattr(sys, "argv", ["light", MONTHLY])
    with Context.open(Settings.from_env()) as context:
        noon = dt.datetime.combine(monthly.month_due(context.clock()), dt.time(12), dt.UTC)
        deliver(context.store, batch_of_device("van", drive(noon, 60)))
        save_vehicle(context, "V")
        put_device(context, "V", "van")
        run(context)
        follow_tracks(context)

    light.main()

    assert {path.suffix for path in (tmp_path / "reports").rglob("*")} >= {".csv", ".pdf"}


def test_a_child_that_finds_the_database_away_says_so_in_a_line(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It ended with a stack of calls."""
    monkeypatch.setenv("TRACKFLOW_DATABASE_URL", "postgresql://me@127.0.0.1:1/trackflow")
    monkeypatch.setattr(sys, "argv", ["light", "live"])
    with pytest.raises(SystemExit, match="1"):
        light.main()
    assert [record.exc_info for record in caplog.records] == [None]
    assert "live: the database" in caplog.text


def test_each_duty_has_its_work() -> None:
    assert WORK.keys() | {MONTHLY} == {duty.name for duty in DUTIES}
    assert MESH_BATCH in KINDS


def test_daily_work_is_due_once_a_day(tmp_path: Path) -> None:
    now = [dt.datetime(2026, 3, 2, 1, 0, tzinfo=dt.UTC)]
    with Context.open(Settings(home=tmp_path), lambda: now[0]) as context:
        assert daily.is_due(context)
        daily.do_daily_work(context)
        assert not daily.is_due(context)
        now[0] += dt.timedelta(minutes=30)
        assert daily.is_due(context), "half past one has come"
        daily.do_daily_work(context)
        now[0] += dt.timedelta(hours=23)
        assert not daily.is_due(context)
        now[0] -= dt.timedelta(days=400)
        assert daily.is_due(context), "a clock that was ahead stops nothing"
