"""`serve --light` really started: it works without Dagster, and survives being killed."""

import datetime as dt
import json
import signal
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trackflow.context import Context
from trackflow.light import Worker
from trackflow.settings import Settings
from trackflow.usecases.jobs.kinds import KINDS
from trackflow.usecases.unattended import daily
from trackflow.usecases.unattended.duties import DUTIES, MESH_BATCH, Duty
from trackflow.usecases.unattended.work import WORK
from trackflow_tests.helpers.served import left_behind, trackflow_serve, wait_until_gone

START_S = 400
"""On a machine that many share."""


def ask(url: str, body: object = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def wait_for(what: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 300
    while not (found := what()):
        assert time.monotonic() < deadline
        time.sleep(0.5)
    return found


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
        wait_for(lambda: devices_with_tracks(served.api) == {"now", "old"})

        day = (now - dt.timedelta(days=30)).date().isoformat()
        wanted = {"kind": "rebuild", "from": day, "to": day}
        job = ask(f"{served.api}/api/v1/jobs", wanted)
        url = f"{served.api}/api/v1/jobs/{job['job_id']}"
        wait_for(lambda: ask(url)["status"] == "completed")
        assert ask(url)["run_id"] is None
        assert not (home / "dagster").exists()

        send(served.api, "killed", now - dt.timedelta(hours=1))
        served.end(signal.SIGKILL)
        wait_until_gone(home)

    with trackflow_serve(home, tmp_path, "serve --light", START_S) as served:
        wait_for(lambda: "killed" in devices_with_tracks(served.api))
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
        wait_for(lambda: looks() >= 3)
    assert seen[2] - seen[1] >= 1.0, "the pause has doubled"
    assert "KeyError" in (tmp_path / "work.log").read_text()
    assert not left_behind(tmp_path)


def test_each_duty_has_its_work() -> None:
    assert WORK.keys() == {duty.name for duty in DUTIES}
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
