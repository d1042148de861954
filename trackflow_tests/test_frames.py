"""The Python API: what it offers, and that it says the same as the product."""

import datetime as dt
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given

import trackflow
from trackflow.context import Context
from trackflow.demo.files import write_csv
from trackflow.demo.fleet import simulate_fleet
from trackflow.errors import BadInputError, SettingsError
from trackflow.geo.points import Points
from trackflow.matching.networks import RoadNetwork
from trackflow.settings import Settings
from trackflow.tracks.merging import is_short, merge, track_id
from trackflow.tracks.segments import segment_days
from trackflow_tests.helpers.histories import History, histories
from trackflow_tests.helpers.roads import use

DAY = dt.date(2026, 3, 2)


def test_what_is_offered() -> None:
    assert dir(trackflow) == ["TrackStore", "__version__", "match", "open_store", "split"]
    methods = {name for name in dir(trackflow.TrackStore) if not name.startswith("_")}
    assert methods == {"close", "import_files", "points", "run", "stays", "tracks"}
    with pytest.raises(AttributeError, match="no attribute 'merge'"):
        _ = trackflow.merge


def test_importing_it_loads_neither_dagster_nor_frames() -> None:
    code = "import sys, trackflow; print([m for m in ('dagster', 'numpy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_using_it_loads_no_dagster() -> None:
    code = (
        "import sys, trackflow; trackflow.split, trackflow.match; print('dagster' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def frame_of(points: Points, device_id: str = "d") -> pd.DataFrame:
    return pd.DataFrame(
        {
            "device_id": device_id,
            "recorded_at": pd.to_datetime(points.time_us, unit="us", utc=True),
            "longitude": points.lon,
            "latitude": points.lat,
            "accuracy_m": points.accuracy_m,
        }
    )


@given(history=histories())
def test_classes_of_points_are_those_of_the_ledger(history: History) -> None:
    points, limits = history.points, history.thresholds
    found = trackflow.split(frame_of(points), limits)

    first, last = (
        dt.datetime.fromtimestamp(edge / 1e6, dt.UTC).date()
        for edge in (int(points.time_us.min()), int(points.time_us.max()))
    )
    days = segment_days(points, first, last, limits)
    ledgers: Counter[str] = Counter()
    for day in days:
        counts = day.ledger.as_dict()
        counts.pop("points")
        ledgers.update(counts)
    parts = [segment for day in days for segment in day.segments]
    tracks = merge(parts)
    short = sum(track.points for track in tracks if is_short(track, limits))
    ledgers["track"] -= short
    ledgers["short"] += short
    assert Counter(found["point_class"]) == +ledgers
    kept = {str(track_id("d", t.start_us)): t.points for t in tracks if not is_short(t, limits)}
    assert found["track_id"].value_counts().to_dict() == kept


def test_a_frame_that_lacks_something_is_refused_with_what_to_do() -> None:
    frame = frame_of(Points.of([0, 5_000_000], [24.9, 24.91], [60.1, 60.1]))
    with pytest.raises(BadInputError, match="lacks latitude"):
        trackflow.split(frame.drop(columns="latitude"))
    with pytest.raises(BadInputError, match="lacks recorded_at"):
        trackflow.split(frame.drop(columns="recorded_at"))
    naive = frame.assign(recorded_at=frame["recorded_at"].dt.tz_localize(None))
    with pytest.raises(BadInputError, match="times with a zone"):
        trackflow.split(naive)


def test_a_new_store_from_files_to_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The example of docs/python.md, without a road network."""
    monkeypatch.setenv("TRACKFLOW_ENGINE_URL", "none")
    start = np.datetime64("2026-03-02T08:00:00", "us").astype(np.int64)
    k = np.arange(360)
    moving = (k < 120) | (k >= 240)
    lon = 24.9 + np.cumsum(moving) * 1e-3
    rows = [
        f"{np.datetime64(int(start + i * 10_000_000), 'us')}Z,van,{x:.6f},60.17"
        for i, x in zip(k, lon, strict=True)
    ]
    (tmp_path / "van.csv").write_text("time,device,lon,lat\n" + "\n".join(rows) + "\n")

    with trackflow.open_store(tmp_path / "home") as store:
        assert store.import_files(tmp_path / "van.csv").accepted.added == 360
        store.run()
        points, tracks, stays = store.points(), store.tracks(), store.stays()
        none = store.tracks(start="2026-03-03")
        for read in (store.points, store.tracks, store.stays):
            with pytest.raises(SettingsError):
                read(device_id="vann")

    assert len(points) == 360
    assert points.crs == tracks.crs == "EPSG:4326"
    assert [str(frame["start_time"].dt.tz) for frame in (tracks, stays)] == ["UTC", "UTC"]
    assert len(tracks) == 2
    assert len(stays) == 1
    assert stays["duration_s"].iloc[0] == pytest.approx(1200, abs=60)
    assert none.empty
    assert list(none.columns) == list(tracks.columns)
    tracks.to_file(tmp_path / "tracks.gpkg")
    with pytest.raises(BadInputError, match="lacks its offset"):
        trackflow.open_store(tmp_path / "home").points(start="2026-03-02T08:00")


@pytest.mark.slow
def test_matching_a_frame_gives_what_the_store_gives(
    tmp_path: Path, helsinki_network: RoadNetwork
) -> None:
    """Also where a track goes over midnight, and from the points of a frame with a geometry."""
    home = tmp_path / "home"
    with Context.open(Settings(home=home, workers=1)) as context:
        use(context, helsinki_network)
        fleet = simulate_fleet(
            context.engine("car"), helsinki_network.bbox, vehicles=2, days=2, first_day=DAY
        )
        drives = write_csv(fleet, tmp_path / "reported").regular
    with trackflow.open_store(home) as store:
        store.import_files(*drives)
        store.run()
        stored = store.tracks()
        found = trackflow.match(store.points(), helsinki_network.folder)

    assert len(found) == len(stored) > 4
    assert (found["matched_share"] > 0.5).any()
    shared = [name for name in found.columns if name in stored.columns]
    assert {"device_id", "track_id", "distance_m", "confidence", "geometry"} <= set(shared)
    for name in shared:
        assert found[name].tolist() == stored[name].tolist(), name
