"""The Python blocks of `docs/python.md`, run one after another beside a small store."""

import datetime as dt
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest

from trackflow.context import Context
from trackflow.settings import Settings
from trackflow.usecases.days.run import run
from trackflow_tests.docs.pages import ROOT, blocks
from trackflow_tests.helpers.stores import batch_of_device, deliver, drive

START = dt.datetime(2026, 3, 2, 8, tzinfo=dt.UTC)


def test_the_blocks_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / ".trackflow"
    with Context.open(Settings(home=home, engine_url="none", workers=1)) as context:
        deliver(context.store, batch_of_device("van-1", drive(START, 200, every_s=30)))
        run(context)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRACKFLOW_ENGINE_URL", "none")
    names: dict[str, object] = {}
    for number, block in enumerate(blocks(ROOT / "docs" / "python.md", "python")):
        exec(compile(block, f"docs/python.md, block {number + 1}", "exec"), names)

    tracks, points = names["tracks"], names["points"]
    assert isinstance(tracks, gpd.GeoDataFrame)
    assert len(gpd.read_file("tracks.gpkg")) == len(tracks) == 1
    assert isinstance(points, pd.DataFrame)
    assert set(points["point_class"]) == {"track"}
    assert "van-1" in capsys.readouterr().out
