"""The tracks on a terrain are those that were chosen, and a mistake is one clear line."""

import datetime as dt
import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from trackflow.context import Context
from trackflow.demo.terrain import geotiff, hills
from trackflow.errors import BadInputError, NotFoundError
from trackflow.geo.bbox import Bbox
from trackflow.usecases.days.run import run
from trackflow.usecases.meshes.track_choice import TrackChoice, chosen_lines
from trackflow.usecases.places.visits import update_visits
from trackflow_tests.helpers.commands import caller
from trackflow_tests.helpers.stores import NOON, batch_of_device, contents, deliver, open_context
from trackflow_tests.usecases.places.test_visits import DEVICE, VENUE, add_place, history

AROUND = Bbox(24.88, 60.14, 25.0, 60.2)


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    with open_context("", tmp_path) as opened:
        add_place(opened, "venue", *VENUE)
        deliver(opened.store, batch_of_device(DEVICE, history()))
        run(opened)
        update_visits(opened)
        yield opened


def starts(context: Context, **choice: object) -> list[int]:
    return [line.start_us for line in chosen_lines(context, TrackChoice(**choice))]  # type: ignore[arg-type]


def test_tracks_by_id_by_device_and_by_day(context: Context) -> None:
    rows = contents(context.store, "tracks")["tracks"]
    whole = starts(context, device_id=DEVICE)
    assert len(whole) == len(rows) > 3
    by_id = [starts(context, track_ids=(row["track_id"],))[0] for row in rows]
    assert sorted(by_id) == whole
    days = [NOON.date() + dt.timedelta(days=k) for k in (0, 1, 2, 4)]
    parts = [starts(context, device_id=DEVICE, first=day, last=day) for day in days]
    assert {start for part in parts for start in part} == set(whole)
    assert all(len(part) < len(whole) for part in parts)


def test_tracks_of_visits_lead_there_and_away(context: Context) -> None:
    found = starts(context, race_track="venue")
    assert found == sorted(set(found)) == starts(context, device_id=DEVICE)


def test_what_is_not_there_is_told(context: Context) -> None:
    for choice, error in (
        (TrackChoice(), BadInputError),
        (TrackChoice(track_ids=(uuid.uuid4(),)), NotFoundError),
        (TrackChoice(device_id="nobody"), NotFoundError),
        (TrackChoice(race_track="nowhere"), NotFoundError),
    ):
        with pytest.raises(error):
            chosen_lines(context, choice)


def test_the_command_writes_a_terrain_with_the_tracks_on_it(
    context: Context,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "area.tif").write_bytes(geotiff(hills(64), AROUND))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRACKFLOW_HOME", str(context.settings.home))
    trackflow = caller(monkeypatch, capfd)
    code, out, err = trackflow(
        "mesh", "drape", "area.tif", "--race-track", "venue", "--solid", "--groove", "--json"
    )
    assert code == 0, err
    result = json.loads(out)
    assert result["report"]["is_watertight"]
    assert {Path(name).name for name in result["files"]} >= {"area.glb", "area.stl", "area.3mf"}
    plain = trackflow("mesh", "generate", "area.tif", "--out", "plain")
    assert plain.code == 0
    assert (tmp_path / "area.glb").stat().st_size > (tmp_path / "plain/area.glb").stat().st_size
    assert trackflow("mesh", "drape", "area.tif").code == 1
