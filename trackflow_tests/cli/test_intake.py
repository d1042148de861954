"""The command `import`: its options, what it says, and its exit code."""

import io
import json
import zipfile
from pathlib import Path

import pytest

from trackflow_tests.helpers.commands import Run, caller

ISO = "2026-03-02T12:00:00Z"
TABLE = "device_id,time,lat,lon\n" + "".join(
    f"van,2026-03-02T12:00:{k:02}Z,60.1{k:02},24.9\n" for k in range(10)
)
GPX = (
    f'<gpx><wpt lat="60" lon="24"><time>{ISO}</time></wpt><trk><trkseg>'
    f'<trkpt lat="60.1" lon="24.9"><time>{ISO}</time></trkpt></trkseg></trk></gpx>'
)
PLACES = json.dumps(
    {"type": "FeatureCollection", "features": [{
        "type": "Feature", "properties": {"name": "home"},
        "geometry": {"type": "Point", "coordinates": [24.9, 60.1]}}]})  # fmt: skip
OTHERS = {
    "activities.csv": "id,name,distance\n1,run,5\n",
    "user.json": '{"name": "x"}',
    "lat.json": '{"latitude_of_something": null, "name": 1}',
    "media.csv": "file,caption\na.jpg,b\n",
    "notes.txt": "hello",
}


@pytest.fixture
def trackflow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Run:
    monkeypatch.chdir(tmp_path)
    return caller(monkeypatch, capfd)


def zipped(members: dict[str, str]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return held.getvalue()


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"a.csv": TABLE}, 0),
        ({"a.csv": TABLE, **OTHERS}, 0),
        ({"a.csv": TABLE, "places.json": PLACES}, 0),
        ({"places.json": PLACES}, 1),
        ({"a.csv": TABLE, "b.csv": "lat,lon,time\nx,y,z\n"}, 1),
        ({"a.csv": TABLE, "b.csv": f"lat,lon,time\nx,y,z\n1,2,{ISO}\n"}, 0),
        ({"a.csv": TABLE, "b.csv": "lat,lon\n1,2\n"}, 1),
        ({"a.csv": TABLE, "b.gpx": "<gpx><trk><"}, 1),
    ],
)
def test_the_exit_code_is_1_only_where_something_was_not_read_that_should_have_been(
    trackflow: Run, tmp_path: Path, members: dict[str, str], code: int
) -> None:
    (tmp_path / "export.zip").write_bytes(zipped(members))
    first = trackflow("import", "export.zip")
    assert first.code == code, first.out
    assert trackflow("import", "export.zip").code == code  # repeats are no failure


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "lat,lon,time\n60.1,24.9,9:05\n"),
        ("a.csv", OTHERS["activities.csv"]),
        ("a.gpx", '<gpx><trk><trkseg><trkpt lat="x" lon="y"/></trkseg></trk></gpx>'),
        ("a.json", '[{"lat": 60.1, "lon": 24.9, "time": "soon"}]'),
    ],
)
def test_a_named_file_of_which_nothing_comes_in_is_a_failure(
    trackflow: Run, tmp_path: Path, name: str, text: str
) -> None:
    (tmp_path / name).write_text(text)
    assert trackflow("import", name).code == 1


def devices_and_times(trackflow: Run) -> list[list[str]]:
    lines = trackflow("export", "points", "--format", "csv").out.splitlines()[1:]
    return [line.split(",")[:2] for line in lines]


def test_times_without_a_zone_are_told_of_and_can_be_told(trackflow: Run, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        "lat,lon,time\n60.1,24.9,2026-03-02 12:00:00\n99,24.9,2026-03-02 12:00:01\n"
    )
    told = trackflow("import", "a.csv").out
    assert "1 time without a zone was read as UTC (--time-zone says another)." in told
    assert devices_and_times(trackflow) == [["a", "2026-03-02T12:00:00+00:00"]]
    told = trackflow("import", "a.csv", "--device", "b", "--time-zone", "Europe/Helsinki").out
    assert "read as Europe/Helsinki." in told
    assert devices_and_times(trackflow)[1] == ["b", "2026-03-02T10:00:00+00:00"]
    wrong = trackflow("import", "a.csv", "--time-zone", "Mars/Base")
    assert wrong.code == 1
    assert "no time zone 'Mars/Base'" in wrong.err


def test_dates_of_two_readings_ask_which(trackflow: Run, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("lat,lon,time\n60.1,24.9,01/02/2026 12:00\n")
    refused = trackflow("import", "a.csv")
    assert (refused.code, "day-first or month-first (--dates" in refused.out) == (1, True)
    assert trackflow("import", "a.csv", "--dates", "month-first").code == 0
    assert devices_and_times(trackflow) == [["a", "2026-01-02T12:00:00+00:00"]]
    assert trackflow("import", "a.csv", "--dates", "year-first").code == 1


def test_training_indoors_is_no_fault_of_an_archive(trackflow: Run, tmp_path: Path) -> None:
    """An archive of all workouts has some without a position, and planned ones."""
    times = "".join(f"<Trackpoint><Time>{ISO}</Time></Trackpoint>" for _ in range(2))
    plan = "<Courses><Course><Track>" + times + "</Track></Course></Courses>"
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.writestr("hike.gpx", GPX)
        archive.writestr("treadmill.tcx", f"<TrainingCenterDatabase><Activities><Activity><Lap>"
                         f"<Track>{times}</Track></Lap></Activity></Activities>"
                         f"{plan}</TrainingCenterDatabase>")  # fmt: skip
        archive.writestr("Records.json", json.dumps({"locations": [
            {"timestamp": ISO, "activity": []},
            {"timestamp": ISO, "latitudeE7": 601000000, "longitudeE7": 249000000}]}))  # fmt: skip
    told = trackflow("import", "all.zip")
    assert (told.code, "quarantined" in told.out) == (0, False)
    assert "2 trackpoints without a position were passed over." in told.out
    assert "2 points of a course were passed over." in told.out
    assert "1 record without a position was passed over." in told.out


def test_columns_can_be_told(trackflow: Run, tmp_path: Path) -> None:
    (tmp_path / "log.txt").write_text(f"60.1 N;24.9 E;{ISO}\n60.2 N;24.9 E;{ISO[:-2]}9Z\n")
    refused = trackflow("import", "log.txt")
    assert refused.code == 1
    assert "--columns time=3,lat=1,lon=2" in refused.out
    told = trackflow("import", "log.txt", "--columns", "time=3,lat=1,lon=2")
    assert (told.code, "2 points added" in told.out) == (0, True)
    assert trackflow("import", "log.txt", "--columns", "what=1").code == 1


def test_waypoints_are_counted_or_taken(trackflow: Run, tmp_path: Path) -> None:
    (tmp_path / "hike.gpx").write_text(GPX)
    told = trackflow("import", "hike.gpx").out
    assert "1 waypoint with a time was passed over (--waypoints takes them)." in told
    assert len(devices_and_times(trackflow)) == 1
    trackflow("import", "hike.gpx", "--waypoints", "--device", "marks")
    assert [device for device, _ in devices_and_times(trackflow)] == ["hike", "marks"]


def test_the_summary_says_which_device_files_without_one_are(
    trackflow: Run, tmp_path: Path
) -> None:
    folder = tmp_path / "watch"
    folder.mkdir()
    for day in range(1, 6):
        text = GPX.replace("03-02T", f"03-{day:02}T")
        (folder / f"2026-03-{day:02}.gpx").write_text(text)
    told = trackflow("import", "watch").out
    assert "Device watch: 5 files that name none, by its folder (--device says another)." in told
    assert {device for device, _ in devices_and_times(trackflow)} == {"watch"}


def test_a_less_accurate_fix_of_the_same_moment_never_wins(trackflow: Run, tmp_path: Path) -> None:
    head = "device,time,lat,lon,accuracy\n"
    (tmp_path / "a.csv").write_text(f"{head}d,{ISO},60.1,24.9,5\n")
    (tmp_path / "b.csv").write_text(f"{head}d,{ISO},60.11,24.9,0\n")
    trackflow("import", "a.csv", "b.csv")
    first = trackflow("export", "points", "--format", "csv").out.splitlines()[1]
    assert first.split(",")[2:4] == ["24.9", "60.1"]


def test_an_empty_folder_is_answered(trackflow: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    told = trackflow("import", "empty")
    assert (told.code, told.out.splitlines()[1:]) == (0, ["There is no file in it."])


def test_the_summary_says_what_came_in_and_what_to_do_next(trackflow: Run, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(TABLE + "van,soon,60.1,24.9\n")
    told = trackflow("import", "a.csv").out
    assert "csv of van, as the file says, 2026-03-02 12:00:00 to 2026-03-02 12:00:09 UTC" in told
    assert "refused: 1 bad_time (such as a.csv:12: bad_time)" in told
    assert told.splitlines()[-1] == "next: trackflow run"
    (tmp_path / "hike.gpx").write_text(GPX)
    told = trackflow("import", "a.csv", "hike.gpx").out
    assert "gpx of hike, by its name" in told
    assert "In all: 1 point added, 10 there already, 2026-03-02 12:00:00 to" in told
    again = trackflow("import", "a.csv").out
    assert "next:" not in again
    assert "undo:" not in again
    (file,) = json.loads(trackflow("import", "a.csv", "--json").out)
    assert (file["format"], file["devices"], file["first"][:10]) == ("csv", {"van": 10}, ISO[:10])


def test_a_dry_run_says_the_same_and_stores_nothing(trackflow: Run, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(TABLE + "van,soon,60.1,24.9\n")
    tried = trackflow("import", "a.csv", "--dry-run")
    assert "There are no imports" in trackflow("import", "list").out
    state = json.loads(trackflow("status", "--json").out)
    assert (state["points"], state["devices"], state["quarantined"]) == (0, 0, {})
    told = trackflow("import", "a.csv")
    assert tried.out.splitlines()[1:-1] == told.out.splitlines()[1:-3]
    assert tried.out.splitlines()[-1] == "Nothing was stored (--dry-run)."


def test_an_import_is_listed_and_undone(trackflow: Run, tmp_path: Path) -> None:
    (tmp_path / "undo").write_text(TABLE)
    said = trackflow("import", "./undo").out.splitlines()[-2]
    import_id = said.removeprefix("undo: trackflow import undo ")
    assert import_id in trackflow("import", "list").out
    assert "van" in trackflow("device", "list").out
    done = trackflow("import", "undo", import_id)
    assert (done.code, "10 points removed" in done.out) == (0, True)
    assert "undone already" in trackflow("import", "undo", import_id).out
    assert trackflow("device", "list").out == "There are no devices yet.\n"
    assert devices_and_times(trackflow) == []
    (past,) = json.loads(trackflow("import", "list", "--json").out)
    assert (past["import_id"], past["files"]) == (import_id, ["undo"])
    missing = trackflow("import", "undo", "00000000")
    assert (missing.code, "import list" in missing.err) == (1, True)


@pytest.mark.parametrize("name", ["files", "set"])
def test_default_commands_have_no_name_of_their_own(
    trackflow: Run, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_text(TABLE)
    assert "10 points added" in trackflow("import", name).out
    assert "10 there already" in trackflow("import", "--device", "van", name).out
    assert trackflow("device", name, "--preset", "phone").code == 1  # there is no such device
    assert "preset phone" in trackflow("device", "--preset", "phone", "van").out


def test_a_device_is_renamed_and_merged(trackflow: Run, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(TABLE)
    trackflow("import", "a.csv")
    trackflow("import", "a.csv", "--device", "other")
    assert "merge van other" in trackflow("device", "rename", "van", "other").err
    assert "10 points moved" in trackflow("device", "rename", "van", "truck").out
    assert "10 points moved" in trackflow("device", "merge", "truck", "other").out
    (row,) = json.loads(trackflow("device", "list", "--json").out)
    assert (row["device_id"], row["points"]) == ("other", 10)


@pytest.mark.parametrize(
    ("rows", "advice"),
    [
        ("1,2,\n", "import a recording, not a route"),
        ("1,2,yesterday\n", "write such as 2026-01-31T12:00:00Z"),
        ("1,2,1970-01-02T00:00:00Z\n", "see from when they count"),
        (f"x,2,{ISO}\n", "convert them to WGS 84 (EPSG:4326)"),
        (f"95,2,{ISO}\n", "say which column is which with --columns"),
        (f"0,0,{ISO}\n", "as trackers without a fix write"),
    ],
)
def test_a_file_of_which_nothing_came_in_says_what_to_do(
    trackflow: Run, tmp_path: Path, rows: str, advice: str
) -> None:
    """One good row, and it says nothing: the refused ones are the exception then."""
    file = tmp_path / "a.csv"
    file.write_text(f"lat,lon,time\n{rows}")
    assert advice in trackflow("import", file).out
    (told,) = json.loads(trackflow("import", file, "--json").out)
    assert advice in told["hint"]
    assert advice in trackflow("quarantine", "list", "--sender", "files").out
    file.write_text(f"lat,lon,time\n{rows}60,24,{ISO}\n")
    assert advice not in trackflow("import", file).out


def test_many_points_of_one_moment_are_told_of(trackflow: Run, tmp_path: Path) -> None:
    rows = [
        f"{who},2026-03-02T12:00:0{s},60.{k},24.9" for s in range(4) for k, who in enumerate("ab")
    ]
    (tmp_path / "fleet.csv").write_text("\n".join(["wer,time,lat,lon", *rows]))
    assert "device=4" in trackflow("import", "fleet.csv").out
    told = trackflow("import", "fleet.csv", "--columns", "time=2,lat=3,lon=4,device=1").out
    assert ("8 points added" in told, "device=4" in told) == (True, False)
