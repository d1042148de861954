"""What is exported comes back as it was: devices, times, positions, and all that is known."""

import datetime as dt
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trackflow.context import Context
from trackflow.exports.writing import ExportFormat, ExportSubject, RowFilter, export_to_file
from trackflow.sources.values.cells import EMPTY_CELLS
from trackflow.store.tables import gps_points, tracks
from trackflow.usecases.days.run import run
from trackflow.usecases.housekeeping.archive import backup
from trackflow.usecases.intake.importing import import_paths
from trackflow_tests.helpers.stores import NOON, batch_of, deliver, open_context

COLUMNS = ("device_id", "recorded_at", "longitude", "latitude", "altitude_m", "accuracy_m",
           "speed_ms", "course_deg")  # fmt: skip

# A table cannot tell the word for nothing from a device of that name, so no door takes one.
device_ids = (
    st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=12)
    | st.sampled_from(["van 7", "bus-12", 'the "red" one', "a;b,c", "<&>'", "#7", "0042", "1e5"])
).filter(lambda name: name.isprintable() and name == name.strip() and name not in EMPTY_CELLS)
unknown = st.just(np.nan)
rows = st.tuples(
    st.integers(0, 2),
    st.integers(1_000_000_000_000_000, 1_790_000_000_000_000),
    st.integers(-1_800_000_000, 1_800_000_000).map(lambda e7: e7 / 1e7),
    st.integers(-900_000_000, 900_000_000).map(lambda e7: e7 / 1e7),
    unknown | st.floats(-9_990, 99_000),
    unknown | st.floats(0.01, 1e6),
    unknown | st.floats(0, 11_000),
    unknown | st.floats(0, 359.999),
).filter(lambda row: row[2:4] != (0, 0))  # no point comes in at 0, 0
histories = st.tuples(
    st.lists(device_ids, min_size=3, max_size=3, unique=True),
    st.lists(rows, min_size=1, max_size=25, unique_by=lambda row: (row[0], row[1])),
).map(lambda h: [(h[0][row[0]], *row[1:]) for row in h[1]])


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with its tables and nothing in them, to be copied."""
    path = tmp_path_factory.mktemp("empty") / "trackflow.db"
    with open_context(f"sqlite:///{path}", path.parent):
        pass
    return path


def opened(empty_store: Path, folder: Path) -> Context:
    folder.mkdir()
    shutil.copy(empty_store, folder / "trackflow.db")
    return open_context(f"sqlite:///{folder / 'trackflow.db'}", folder)


def points_of(context: Context) -> list[tuple[object, ...]]:
    query = sa.select(*(gps_points.c[name] for name in COLUMNS))
    with context.store.read() as connection:
        rows = connection.execute(query.order_by(*gps_points.primary_key.columns))
        return [tuple(row) for row in rows]


@pytest.mark.parametrize("file_format", list(ExportFormat))
@settings(
    max_examples=12,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(histories)
def test_exported_points_come_back_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, empty_store: Path, file_format: ExportFormat,
    history: list[tuple[object, ...]],
) -> None:  # fmt: skip
    folder = tmp_path_factory.mktemp("round")
    path = folder / f"points.{file_format.value}"
    with opened(empty_store, folder / "a") as context:
        deliver(context.store, batch_of(history))
        export_to_file(context, ExportSubject.POINTS, file_format, RowFilter(), path)
        before = points_of(context)
    assert before
    with opened(empty_store, folder / "b") as context:
        report = import_paths(context, [path])
        assert (report.errors, report.files[0].reasons) == ([], {})
        assert points_of(context) == before


def test_two_vans_at_the_same_seconds_are_two_tracks_again(
    tmp_path: Path, empty_store: Path
) -> None:
    start_us = int(NOON.timestamp()) * 1_000_000
    history = [
        (van, start_us + 5_000_000 * k, 24.9 + 1e-3 * k, lat)
        for van, lat in (("van 1", 60.1), ("van 2", 60.3))
        for k in range(200)
    ]
    lengths = []
    with opened(empty_store, tmp_path / "a") as context:
        deliver(context.store, batch_of(history))
        run(context)
        for what in (ExportSubject.POINTS, ExportSubject.TRACKS):
            export_to_file(context, what, ExportFormat.GPX, RowFilter(), tmp_path / f"{what}.gpx")
        lengths.append(_lengths(context))
    for what in (ExportSubject.POINTS, ExportSubject.TRACKS):
        with opened(empty_store, tmp_path / what) as context:
            import_paths(context, [tmp_path / f"{what}.gpx"])
            run(context)
            lengths.append(_lengths(context))
    assert len(lengths[0]) == 2
    assert lengths[0] == lengths[1] == lengths[2]


def _lengths(context: Context) -> list[tuple[object, ...]]:
    query = sa.select(tracks.c.device_id, tracks.c.raw_distance_m, tracks.c.point_count)
    with context.store.read() as connection:
        return [tuple(row) for row in connection.execute(query.order_by(tracks.c.device_id))]


def track(name: str, lat: float, count: int = 5, start: int = 0) -> str:
    points = "".join(
        f'<trkpt lat="{lat + k * 1e-4:.4f}" lon="24.9"><time>'
        f"{NOON + dt.timedelta(seconds=start + 10 * k):%Y-%m-%dT%H:%M:%SZ}</time></trkpt>"
        for k in range(count)
    )
    return f"<trk><name>{name}</name><trkseg>{points}</trkseg></trk>"


@pytest.mark.parametrize(
    ("inside", "devices"),
    [
        (track("van 1", 60) + track("van 2", 61), ["van 1", "van 2"]),
        (track("", 60) + track("", 61), ["fleet-1", "fleet-2"]),
        (track("drive", 60) + track("drive", 61), ["fleet-1", "fleet-2"]),
        (track("out", 60) + track("back", 60, start=100), ["fleet"]),
        (track("a", 60) + track("b", 61, start=41), ["fleet"]),
        (track("a", 60) + track("again", 60), ["fleet"]),
        (track("a", 60) + track("thinned", 60, count=2), ["fleet"]),
        (track("x", 60) + track("y", 61, start=5) + track("x", 60, start=900), ["x", "y"]),
    ],
)
def test_tracks_of_one_file_that_overlap_are_several_devices(
    tmp_path: Path, empty_store: Path, inside: str, devices: list[str]
) -> None:
    path = tmp_path / "fleet.gpx"
    path.write_text(f"<gpx>{inside}</gpx>")
    with opened(empty_store, tmp_path / "a") as context:
        (file,) = import_paths(context, [path]).files
        assert sorted({str(row[0]) for row in points_of(context)}) == devices
        assert file.accepted.conflicting == 0


def line(name: str, lat: float) -> dict[str, object]:
    times = [f"{NOON + dt.timedelta(seconds=10 * k):%Y-%m-%dT%H:%M:%SZ}" for k in range(5)]
    return {
        "type": "Feature",
        "properties": {"name": name, "coordTimes": times},
        "geometry": {
            "type": "LineString",
            "coordinates": [[24.9, round(lat + k * 1e-4, 4)] for k in range(5)],
        },
    }


def kml_track(name: str, lat: float) -> str:
    pairs = "".join(
        f"<when>{NOON + dt.timedelta(seconds=10 * k):%Y-%m-%dT%H:%M:%SZ}</when>"
        f"<coord>24.9 {lat + k * 1e-4:.4f}</coord>"
        for k in range(5)
    )
    return f"<Placemark><name>{name}</name><Track>{pairs}</Track></Placemark>"


@pytest.mark.parametrize(
    ("names", "devices"), [(("a", "b"), ["a", "b"]), (("", ""), ["f-1", "f-2"])]
)
@pytest.mark.parametrize("kind", ["geojson", "kml"])
def test_lines_and_tracks_of_other_formats_are_told_apart_too(
    tmp_path: Path, empty_store: Path, kind: str, names: tuple[str, str], devices: list[str]
) -> None:
    path = tmp_path / f"f.{kind}"
    if kind == "kml":
        path.write_text(f"<kml>{kml_track(names[0], 60)}{kml_track(names[1], 61)}</kml>")
    else:
        features = [line(names[0], 60), line(names[1], 61)]
        path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    with opened(empty_store, tmp_path / "a") as context:
        assert import_paths(context, [path]).accepted.added == 10
        assert sorted({str(row[0]) for row in points_of(context)}) == devices


def test_a_folder_of_daily_files_is_one_device_and_a_copy_adds_nothing(
    tmp_path: Path, empty_store: Path
) -> None:
    folder = tmp_path / "watch"
    folder.mkdir()
    for day in range(1, 21):
        gpx = f"<gpx>{track('day', 60, start=86_400 * day)}</gpx>"
        (folder / f"2026-03-{day:02}.gpx").write_text(gpx)
    (folder / "walk.gpx").write_text(f"<gpx>{track('w', 61)}</gpx>")
    (folder / "walk (1).gpx").write_text(f"<gpx>{track('w', 61)}</gpx>")
    with opened(empty_store, tmp_path / "a") as context:
        report = import_paths(context, [folder])
        assert {str(row[0]) for row in points_of(context)} == {"watch", "walk"}
        assert (report.accepted.added, report.accepted.repeated) == (105, 5)
        daily = [f for f in report.files if f.name.startswith("2026")]
        assert {(f.device, f.device_by) for f in daily} == {("watch", "its folder")}
        again = import_paths(context, [folder / "2026-03-01.gpx"])
        assert (again.accepted.added, again.accepted.repeated) == (0, 5)


def test_a_backup_is_told_from_an_archive_of_files(tmp_path: Path, empty_store: Path) -> None:
    with opened(empty_store, tmp_path / "a") as context:
        deliver(context.store, batch_of([("a", int(NOON.timestamp()) * 1_000_000, 1.0, 2.0)]))
        backup(context, tmp_path / "all.zip")
        (file,) = import_paths(context, [tmp_path / "all.zip"]).files
        assert "use `trackflow restore`" in file.error
