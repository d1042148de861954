"""Places and visits by the command, as its user meets them."""

import json
from pathlib import Path

import pytest

from trackflow.cli import main
from trackflow.context import Context
from trackflow.settings import Settings
from trackflow.usecases.days import run as pipeline
from trackflow.usecases.jobs.kinds import queue_job, run_job
from trackflow_tests.helpers.stores import batch_of_device, deliver
from trackflow_tests.usecases.places.test_visits import DEVICE, VENUE, history


def test_from_a_list_without_coordinates_to_exported_visits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TRACKFLOW_ENGINE_URL", "none")
    monkeypatch.setenv("TRACKFLOW_WORKERS", "1")
    (tmp_path / "tracks.csv").write_text("slug,name,address,city\nvenue,Venue,1 High St,Leeds\n")
    monkeypatch.setenv("TRACKFLOW_CATALOGUE_FILE", str(tmp_path / "tracks.csv"))
    assert _call(["catalogue", "locate"]) == 1
    assert "set TRACKFLOW_GEOCODER_URL or TRACKFLOW_GEOCODER_FILE" in capsys.readouterr().err
    (tmp_path / "places.csv").write_text(f"slug,lon,lat\nvenue,{VENUE[0]},{VENUE[1]}\n")
    monkeypatch.setenv("TRACKFLOW_GEOCODER_FILE", str(tmp_path / "places.csv"))
    with Context.open(Settings.from_env()) as context:
        run_job(context, queue_job(context, "catalogue_sync", {"source": "file"}).job_id)
        deliver(context.store, batch_of_device(DEVICE, history()))
        pipeline.run(context)

    assert _call(["catalogue", "visits"]) == 0
    assert "No track's place is known" in capsys.readouterr().out
    assert _call(["catalogue", "locate"]) == 0
    assert "1 of 1 tracks without coordinates have a place" in capsys.readouterr().out
    assert _call(["catalogue", "visits", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["changed"] == 3
    output = tmp_path / "visits.csv"
    assert _call(["export", "visits", "-o", str(output)]) == 0
    assert len(output.read_text().splitlines()) == 4
    assert "3 visits in" in capsys.readouterr().err


def _call(arguments: list[str]) -> int:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["trackflow", *arguments])
        with pytest.raises(SystemExit) as ended:
            main.main()
    return int(ended.value.code or 0)
