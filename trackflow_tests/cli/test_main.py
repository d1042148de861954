"""The command as its user meets it: what it does, what it says, and how it ends."""

import datetime as dt
import io
import itertools
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from subprocess import PIPE, STDOUT

import pytest
import typer

from trackflow import __version__ as trackflow_version
from trackflow.cli import main
from trackflow.cli.common import print_line
from trackflow.demo.extract import helsinki_extract
from trackflow.geo.time import to_us
from trackflow.settings import Settings
from trackflow.store.database import Store, open_store
from trackflow_tests.helpers.commands import Result, Run, caller
from trackflow_tests.helpers.stores import NOON, batch_of, contents, deliver
from trackflow_tests.helpers.waiting import PATIENCE_S, wait_until

VERBS = sorted(
    name
    for name, command in typer.main.get_command(main.app).commands.items()  # type: ignore[attr-defined]
    if not hasattr(command, "commands") or hasattr(command, "default")
)
BESIDE = ["import list", "import undo", "device list", "device rename", "device merge"]


@pytest.fixture
def trackflow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Run:
    """Call the command in this process: starting Python each time would take most of the time."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    return caller(monkeypatch, capfd)


def as_process(*arguments: object, **environment: str) -> Result:
    done = subprocess.run(
        [sys.executable, "-m", "trackflow", *map(str, arguments)],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)


TIMES = [NOON + dt.timedelta(seconds=15 * k) for k in range(80)]


def csv_of(device: str, lat: float = 60.17) -> str:
    rows = [
        f"{device},{time.isoformat()},{lat + k * 1e-4:.7f},{24.94 + k * 2e-4:.7f}\n"
        for k, time in enumerate(TIMES)
    ]
    return "device_id,time,lat,lon\n" + "".join(rows)


def gpx_of() -> str:
    points = "".join(
        f'<trkpt lat="{60.2 + k * 1e-4:.7f}" lon="24.9"><time>{time:%Y-%m-%dT%H:%M:%S}Z</time>'
        "</trkpt>\n"
        for k, time in enumerate(TIMES)
    )
    head = '<?xml version="1.0"?><gpx version="1.1" xmlns="http://www.topografix.com/GPX/1/1">\n'
    return f"{head}<trk><trkseg>{points}</trkseg></trk></gpx>\n"


IMPORTED = """Reading drives.csv \\(4.3 kB\\) into \\S+.db
drives.csv: 80 points added
  csv of van-7, as the file says, 2026-03-02 12:00:00 to 2026-03-02 12:19:45 UTC
undo: trackflow import undo [0-9a-f]{8}
next: trackflow run
"""


@pytest.fixture
def drive_csv(tmp_path: Path) -> Path:
    path = tmp_path / "drives.csv"
    path.write_text(csv_of("van-7"))
    return path


NETWORKS = ("network build", "network list", "network remove", "network serve")


@pytest.mark.parametrize("verb", [*VERBS, *NETWORKS, *BESIDE])
def test_every_verb_has_help_with_an_example(trackflow: Run, verb: str) -> None:
    result = trackflow(*verb.split(), "--help")
    assert result.code == 0
    assert f"Example: trackflow {verb}" in re.sub(r"\s+", " ", result.out)
    # each line of the text is filled: none ends where one of the docstring ends
    lines = [line.split() for line in result.out.partition("╭")[0].splitlines()]
    for line, after in itertools.pairwise(lines):
        assert not (line and after) or len(" ".join([*line, after[0]])) > 77


def test_a_command_is_made_without_the_others() -> None:
    """What is called is found among all, by its name alone."""
    together = typer.main.get_command(main.app).commands  # type: ignore[attr-defined]
    assert len(together) > 40
    for name, command in together.items():
        (alone,) = typer.main.get_command(main.named([name])).commands.items()  # type: ignore[attr-defined]
        assert alone[0] == name
        assert alone[1].help == command.help
        assert [one.name for one in alone[1].params] == [one.name for one in command.params]
        assert [*getattr(alone[1], "commands", ())] == [*getattr(command, "commands", ())]
    for other in ([], ["--version"], ["no-such"]):
        assert main.named(other) is main.app


def test_the_whole_way(trackflow: Run, drive_csv: Path) -> None:
    """Import, run, verify, export; in processes of their own test_readme.py calls them."""
    done = trackflow("import", drive_csv)
    assert done.code == 0
    assert re.fullmatch(IMPORTED, done.out), done.out
    done = trackflow("run")
    assert done.code == 0, done.err
    assert "1 day cut into segments (80 points, 1 segment" in done.out
    assert "1 day merged (1 track, 1.2 km" in done.out
    done = trackflow("verify")
    assert done.code == 0
    assert "They are identical." in done.out
    done = trackflow("export", "tracks")
    assert len(json.loads(done.out)["features"]) == 1
    assert done.err == ""


def test_an_error_is_one_line_and_exit_code_1_as_a_process(tmp_path: Path) -> None:
    done = as_process("explain", "nobody", "2026-03-02", TRACKFLOW_LEASE_S="many")
    assert (done.code, done.out) == (1, "")
    assert done.err == "trackflow: TRACKFLOW_LEASE_S='many' is not a number\n"


def test_a_closed_pipe_is_no_error_worth_a_traceback(trackflow: Run, drive_csv: Path) -> None:
    trackflow("import", drive_csv)
    command = f"{sys.executable} -m trackflow export points --format csv | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("device_id,")
    assert done.stderr == ""


def test_importing_again_adds_nothing(trackflow: Run, drive_csv: Path) -> None:
    trackflow("import", drive_csv)
    assert trackflow("import", drive_csv).out.partition("\n")[2] == (
        "drives.csv: 0 points added, 80 there already\n"
        "  csv of van-7, as the file says, 2026-03-02 12:00:00 to 2026-03-02 12:19:45 UTC\n"
    )


def test_status_tells_what_is_there_and_what_waits(trackflow: Run, drive_csv: Path) -> None:
    assert trackflow("status").code == 0
    trackflow("import", drive_csv)
    before = json.loads(trackflow("status", "--json").out)
    assert (before["points"], before["batches"]["pending"], before["tracks"]) == (80, 1, 0)
    trackflow("run")
    after = json.loads(trackflow("status", "--json").out)
    assert (after["batches"]["completed"], after["tracks"]) == (1, 1)
    text = trackflow("status").out
    assert "80 of 1 device, 2026-03-02 to 2026-03-02" in text
    assert "1 completed" in text
    assert all(line == line.rstrip() for line in text.splitlines())


@pytest.mark.parametrize(
    "command",
    [
        "import drives.csv",
        "run",
        "status",
        "verify",
        "explain van-7 2026-03-02T12:05",
        "device van-7",
        "device --presets",
    ],
)
def test_json_can_be_read_by_programs(trackflow: Run, drive_csv: Path, command: str) -> None:
    trackflow("import", drive_csv)
    assert json.loads(trackflow(*command.split(), "--json").out)


def children_of(pid: int) -> list[int]:
    return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.parametrize("batches_in_work", [0, 1], ids=["workers are starting", "at work"])
def test_an_interrupt_ends_a_run_without_stacks_and_without_children(
    batches_in_work: int, trackflow: Run, tmp_path: Path
) -> None:
    """A terminal sends Ctrl-C to all processes of a command."""
    rows = [f"d{k},{at.isoformat()},{60 + k / 100},24.9\n" for k in range(400) for at in TIMES]
    (tmp_path / "many.csv").write_text("device,time,lat,lon\n" + "".join(rows))
    trackflow("import", "many.csv")
    command = [sys.executable, "-m", "trackflow", "run"]
    environment = os.environ | {"TRACKFLOW_WORKERS": "2"}
    store = open_store(Settings.from_env())
    with subprocess.Popen(
        command, env=environment, stdout=PIPE, stderr=STDOUT, text=True, start_new_session=True
    ) as process:
        children: list[int] = []
        while not children or batches_in_work > len(processing(store)):
            assert process.poll() is None, "it was done before it could be interrupted"
            children = children_of(process.pid)
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGINT)
        said, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert "Traceback" not in said
    store.close()
    # multiprocessing's own helper ends a moment after its parent
    wait_until(
        lambda: not any(Path(f"/proc/{child}").exists() for child in children),
        "a process was left behind",
    )


def processing(store: Store) -> list[object]:
    rows = contents(store, "processing_batches")["processing_batches"]
    return [row for row in rows if row["status"] == "processing"]


@pytest.mark.parametrize("folder", [".", "deep/er"])
def test_the_store_above_is_found_from_folders_below(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("TRACKFLOW_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    (tmp_path / ".trackflow").mkdir()
    (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(tmp_path / folder)
    trackflow = caller(monkeypatch, capfd)
    assert f"New store in {tmp_path / '.trackflow'} " in trackflow("status").err
    again = trackflow("status")
    assert again.err == ""
    assert str(tmp_path / ".trackflow" / "trackflow.db") in again.out


def test_without_a_store_above_it_lies_in_the_users_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Whatever the current folder is, a second command finds what the first one stored."""
    monkeypatch.delenv("TRACKFLOW_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    trackflow = caller(monkeypatch, capfd)
    for name, says in (("one", "New store in"), ("two", "")):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        done = trackflow("status")
        assert says in done.err
        assert str(tmp_path / "data" / "trackflow" / "trackflow.db") in done.out
    assert done.err == ""


def test_the_status_names_the_store_before_what_reads_it_is_loaded(tmp_path: Path) -> None:
    """Loading that takes half a second; nothing is printed meanwhile otherwise."""
    home = tmp_path / "home"
    command = [sys.executable, "-X", "importtime", "-m", "trackflow", "status"]
    shown = subprocess.run(
        command,
        env=os.environ | {"TRACKFLOW_HOME": str(home)},
        stdout=PIPE,
        stderr=STDOUT,
        text=True,
        timeout=PATIENCE_S,
        check=True,
    ).stdout
    lines = shown.splitlines()
    named = lines.index(f"store        {home / 'trackflow.db'}")
    loaded = [k for k, line in enumerate(lines) if re.search(r"\| +(sqlalchemy|numpy)$", line)]
    assert len(loaded) == 2
    assert named < min(loaded)
    assert lines.count(lines[named]) == 1


def test_the_status_names_a_store_that_cannot_be_opened(
    trackflow: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKFLOW_HOME", str(tmp_path / "file"))
    (tmp_path / "file").write_text("no folder")
    done = trackflow("status")
    assert done.code == 1
    assert done.out == f"store        {tmp_path / 'file' / 'trackflow.db'}\n"
    assert trackflow("status", "--json").out == ""


def test_version(trackflow: Run) -> None:
    assert trackflow("--version").out == f"trackflow {trackflow_version}\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_get_a_script_for_completion(shell: str) -> None:
    program = Path(sys.executable).with_name("trackflow")
    done = subprocess.run(
        [program],
        env=os.environ | {"_TRACKFLOW_COMPLETE": f"source_{shell}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "_TRACKFLOW_COMPLETE" in done.stdout


def test_a_run_with_nothing_to_do_says_so(trackflow: Run) -> None:
    assert trackflow("run").out == "There is nothing to do.\n"


def test_explain_names_the_rule(trackflow: Run, drive_csv: Path) -> None:
    trackflow("import", drive_csv)
    result = trackflow("explain", "van-7", "2026-03-02T12:05:00Z")
    assert result.code == 0
    assert "track" in result.out
    assert "leg" not in result.out
    trackflow("run")
    result = trackflow("explain", "van-7", "2026-03-02T12:05:00Z")
    assert "told by the model" in result.out
    by = ("--by", "anna")
    moments = ("2026-03-02T12:00:00Z", "2026-03-02T12:30:00Z")
    assert "bus" in trackflow("legs", "correct", "van-7", *moments, "bus", *by).out
    result = trackflow("explain", "van-7", "2026-03-02T12:05:00Z")
    assert "bus, decided by a person; the model said" in result.out


def test_verify_fails_on_a_changed_store(trackflow: Run, drive_csv: Path, tmp_path: Path) -> None:
    trackflow("import", drive_csv)
    assert trackflow("verify").code == 1, "it is not worked on yet"
    trackflow("run")
    assert trackflow("verify").code == 0
    store = open_store(Settings(home=tmp_path / "home"))
    with store.write() as connection:
        connection.exec_driver_sql("UPDATE tracks SET distance_m = 1")
    store.close()
    result = trackflow("verify", "--json")
    assert result.code == 1
    assert not json.loads(result.out)["ok"]


def test_a_device_has_settings_of_its_own(trackflow: Run, drive_csv: Path) -> None:
    trackflow("import", drive_csv)
    trackflow("run")
    changed = trackflow(
        "device", "van-7", "--set", "gap_s=10", "--set", "silence_s=0", "--profile", "bicycle"
    )
    assert "profile bicycle" in changed.out
    assert "gap_s = 10 (own)" in changed.out
    trackflow("run")
    assert json.loads(trackflow("status", "--json").out)["tracks"] == 0, "every step is a gap"
    trackflow("device", "van-7", "--set", "gap_s=", "--set", "silence_s=")
    trackflow("run")
    assert json.loads(trackflow("status", "--json").out)["tracks"] == 1


def test_a_preset_is_chosen_and_taken_back(trackflow: Run, drive_csv: Path) -> None:
    trackflow("import", drive_csv)
    trackflow("run")
    chosen = trackflow("device", "van-7", "--preset", "phone", "--set", "min_track_m=70").out
    assert "preset phone" in chosen
    assert "max_accuracy_m = 200 (preset)" in chosen
    assert "min_track_m = 70 (own)" in chosen
    assert "1 pending" in trackflow("status").out
    back = trackflow("device", "van-7", "--preset", "none", "--set", "min_track_m=").out
    assert "no preset" in back
    assert "(" not in back.split("looks like: ")[1].split("\n", 1)[1]
    trackflow("run")
    trackflow("device", "van-7", "--preset", "vehicle")
    assert "0 pending" in trackflow("status").out, "it changes nothing, so nothing is done again"
    table = trackflow("device", "--presets").out
    assert "silence_s = 21600: " in table


def test_what_needs_attention_is_said_after_a_run_and_in_the_status(
    trackflow: Run, tmp_path: Path
) -> None:
    early = [time - dt.timedelta(weeks=1024) for time in TIMES]
    rows = [f"mix,{time.isoformat()},60.17,{24.9 + (k % 2) * 0.27}" for k, time in enumerate(TIMES)]
    rows += [
        f"old,{time.isoformat()},60.17,{24.9 + k * 2e-3}"
        for times in (TIMES, early)
        for k, time in enumerate(times)
    ]
    path = tmp_path / "odd.csv"
    path.write_text("\n".join(["device,time,lat,lon", *rows, ""]))
    trackflow("import", path)
    said = trackflow("run").out
    assert "mix: 80 of 80 points interleave two ways: two senders under one id" in said
    assert "old: times jump by 1,024 weeks: 80 of 160 points" in said
    status = trackflow("status").out
    assert said.splitlines()[-4:] == status.splitlines()[-4:]
    assert "mix, old look like: vehicle" in status
    listed = json.loads(trackflow("status", "--json").out)["notices"]
    assert {(one["device_id"], one["kind"]) for one in listed} == {
        ("mix", "mixed"),
        ("old", "rollover"),
    }
    moved = trackflow("device", "old", "--shift-weeks", "1024").out
    assert "80 points moved" not in moved, "their times are taken: they stay"
    assert "80 stay" in moved


def test_times_of_1024_weeks_ago_are_moved_and_moved_back(trackflow: Run, tmp_path: Path) -> None:
    early = [time - dt.timedelta(weeks=1024, days=1) for time in TIMES]
    rows = [
        f"old,{time.isoformat()},60.17,{24.9 + k * 2e-3}"
        for times in (TIMES, early)
        for k, time in enumerate(times)
    ]
    path = tmp_path / "odd.csv"
    path.write_text("\n".join(["device,time,lat,lon", *rows, ""]))
    trackflow("import", path)
    trackflow("run")
    assert (
        "old: 80 points moved by 1,024 weeks"
        in trackflow("device", "old", "--shift-weeks", 1024).out
    )
    trackflow("run")
    assert json.loads(trackflow("status", "--json").out)["notices"] == []
    back = json.loads(trackflow("device", "old", "--shift-weeks", -1024, "--json").out)
    assert (back["moved"], back["taken_back"]) == (80, True)


@pytest.mark.parametrize("file_format", ["csv", "geojson", "gpx"])
def test_exported_points_come_back_without_loss(
    trackflow: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file_format: str
) -> None:
    """Microseconds, the E7 grid, and all that a point may know or not."""
    nan = float("nan")
    rows = [
        ("van 7", to_us(NOON), 24.9412345, 60.1712345, nan, nan, nan, nan),
        ("van 7", to_us(NOON) + 1_000_000, -179.9999999, -89.9999999, 12345.678, 3.25, 0.0, 359.5),
        ("van 7", to_us(NOON) + 1_234_567, 0.0000001, 0.0, -12.5, nan, 13.123456789, 0.0),
    ]
    store = open_store(Settings(home=tmp_path / "home"))
    deliver(store, batch_of(rows))
    expected = contents(store, "gps_points")
    store.close()
    path = tmp_path / f"points.{file_format}"
    assert trackflow("export", "points", "-o", path).code == 0
    monkeypatch.setenv("TRACKFLOW_HOME", str(tmp_path / "other"))
    device = ["--device", "van 7"] if file_format == "gpx" else []  # GPX names no device
    assert trackflow("import", path, *device).code == 0
    store = open_store(Settings(home=tmp_path / "other"))
    found = contents(store, "gps_points")
    store.close()
    assert found == expected


@pytest.mark.parametrize("file_format", ["csv", "geojson", "gpx", "geoparquet"])
@pytest.mark.parametrize("what", ["tracks", "points"])
@pytest.mark.parametrize("filled", [True, False])
def test_everything_can_be_exported(
    trackflow: Run, drive_csv: Path, tmp_path: Path, what: str, file_format: str, filled: bool
) -> None:
    if filled:
        trackflow("import", drive_csv)
        trackflow("run")
    path = tmp_path / "out"
    result = trackflow("export", what, "--format", file_format, "-o", path)
    assert result.code == 0, result.err
    count = (1 if what == "tracks" else 80) if filled else 0
    noun = what[:-1] if count == 1 else what
    assert result.err == f"{count} {noun} in {path}\n"
    assert path.stat().st_size > 0
    if file_format == "geoparquet":
        import geopandas

        frame = geopandas.read_parquet(path)
        assert len(frame) == count
        assert frame.crs == "EPSG:4326"
    assert not list(tmp_path.glob(".out*"))


BAD_CALLS = {
    "run --mode sideways": "there is no mode 'sideways'",
    "run --from yesterday": "'yesterday' is not a day; write it like 2026-01-31",
    "run --from 2026-03-02 --to 2026-03-01": "--from 2026-03-02 is after --to 2026-03-01",
    "run --device nobody": "there is no device 'nobody'; there are van-7",
    "verify --device nobody": "there is no device 'nobody'",
    "export tracks --device nobody": "there is no device 'nobody'",
    "export cars": "there is no export 'cars'",
    "export tracks --format shp": "there is no format 'shp'",
    "export tracks -o nowhere/out.csv": "cannot write nowhere/out.csv",
    "categories export -o nowhere/out.csv": "cannot write nowhere/out.csv",
    "legs export -o .": "cannot write .: Is a directory",
    "rates import nowhere.toml": "cannot read nowhere.toml: No such file",
    "explain nobody 2026-03-02": "there is no device 'nobody'",
    "explain van-7 noon": "'noon' is not a time",
    "explain van-7 2020-01-01": "no point within a day",
    "device nobody": "there is no device 'nobody'",
    "device": "name a device",
    "device van-7 --set gap=3": "gap_s",
    "device van-7 --preset boat": "there is no preset 'boat'; there are vehicle, phone",
    "device van-7 --from 2026-03-01": "--from and --to say what --shift-weeks moves",
    "device van-7 --shift-weeks 1024": "which days of van-7?",
    "device van-7 --shift-weeks 1024 --from 2026-03-01": "in the future",
    "device nobody --shift-weeks 1024": "there is no device 'nobody'",
    "device van-7 --set gap_s=abc": "is not a number",
    "device van-7 --profile tank": "there is no profile 'tank'",
    "device van-7 --time-zone Mars/Base": "no time zone",
    "network build drives.csv": "not an OpenStreetMap extract",
    "network build nowhere.osm.pbf": "nowhere.osm.pbf",
    "network remove atlantis": "there is no road network 'atlantis'; there are: none",
}


@pytest.mark.parametrize("call", BAD_CALLS)
def test_a_call_that_makes_no_sense_is_one_clear_line(
    trackflow: Run, drive_csv: Path, call: str
) -> None:
    trackflow("import", drive_csv)
    result = trackflow(*call.split())
    assert result.code == 1
    assert BAD_CALLS[call] in result.err
    assert len(result.err.splitlines()) == 1
    assert result.err.startswith("trackflow: ")


@pytest.mark.parametrize(
    "call", ["vehicles add", "vehicles add V --plate", "categories list --device"]
)
def test_an_argument_whose_bytes_are_no_text_is_one_clear_line(trackflow: Run, call: str) -> None:
    result = trackflow(*call.split(), os.fsdecode(b"a\xff"))
    assert result.code == 1
    assert result.err.startswith("trackflow: 'a\\udcff' has bytes that are no UTF-8")
    assert len(result.err.splitlines()) == 1


@pytest.fixture
def mixed_folder(tmp_path: Path) -> Path:
    """Good files beside everything that can be wrong with one."""
    folder = tmp_path / "mixed"
    folder.mkdir()
    (folder / "good.csv").write_text(csv_of("good-csv"))
    (folder / "good.gpx").write_text(gpx_of())
    (folder / "truncated.gpx").write_text(gpx_of()[: len(gpx_of()) // 2])
    (folder / "no-times.gpx").write_text(re.sub("<time>.*?</time>", "", gpx_of()))
    (folder / "no-latitude.csv").write_text("device_id,time,lon\nvan,2026-03-02T08:00:00Z,24\n")
    odd = ["T09:00:00Z,95,24", "T09:00:01Z,NaN,24", "T09:00:02Z,0,0", "T09:00:03Z,60,24"]
    rows = [f"odd,2026-03-02{row}" for row in odd]
    rows += ["odd,1901-03-02T09:00:00Z,60,24", "odd,2106-03-02T09:00:00Z,60,24"]
    (folder / "odd-rows.csv").write_text("\n".join(["device_id,time,lat,lon", *rows]) + "\n")
    (folder / "empty.csv").write_text("")
    (folder / "binary.gpx").write_bytes(bytes(range(256)) * 40)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros.csv", "device_id,time,lat,lon\n" + "0" * 100_000_000)
    (folder / "bomb.zip").write_bytes(packed.getvalue())
    return folder


def test_bad_files_are_told_and_good_ones_beside_them_are_imported(
    trackflow: Run, mixed_folder: Path
) -> None:
    result = trackflow("import", mixed_folder)
    assert result.code == 1, "something could not be read at all"
    said, *told = result.out.splitlines()
    assert said.startswith(f"Reading {mixed_folder.name} into ")
    lines = {line.split(":")[0]: line for line in told if line[0] != " "}
    assert lines["good.csv"] == "good.csv: 80 points added"
    assert lines["good.gpx"] == "good.gpx: 80 points added"
    assert lines["odd-rows.csv"].startswith("odd-rows.csv: 1 point added, 5 newly quarantined")
    assert re.search(r"truncated.gpx: (39|40) points added", lines["truncated.gpx"])
    assert "80 newly quarantined" in lines["no-times.gpx"]
    assert "no column of latitude" in lines["no-latitude.csv"]
    assert "empty" in lines["empty.csv"]
    assert "no text" in lines["binary.gpx"]
    assert "200 times its size" in lines["bomb.zip"]
    assert set(lines) - {"In all", "refused", "undo", "next"} == {
        path.name for path in mixed_folder.iterdir()
    }
    assert result.err == ""
    state = json.loads(trackflow("status", "--json").out)
    quarantined = state["quarantined"]
    assert quarantined.pop("truncated") == 1
    assert quarantined == {
        "no_time": 80, "time_out_of_range": 2, "out_of_range": 1, "not_a_number": 1,
        "null_island": 1,
    }  # fmt: skip
    assert trackflow("run").code == 0
    assert trackflow("verify").code == 0


def test_quarantined_rows_alone_are_no_failure(trackflow: Run, mixed_folder: Path) -> None:
    assert trackflow("import", mixed_folder / "odd-rows.csv").code == 0


def test_without_roads_tracks_come_raw_and_the_next_run_goes_on(
    trackflow: Run, drive_csv: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("TRACKFLOW_ENGINE_URL")
    trackflow("import", drive_csv)
    trackflow("device", "van-7", "--set", "gap_s=300")
    for _ in range(2):
        result = trackflow("run")
        assert result.code == 1
        (line,) = result.err.splitlines()
        assert "network build" in line
        assert "TRACKFLOW_ENGINE_URL=none" in line
        assert "(1 batch)" in line
        assert "0 days matched to roads, 1 waiting" in result.out
    state = json.loads(trackflow("status", "--json").out)
    assert (state["tracks"], state["batches"]["pending"]) == (1, 1)
    assert "network build" in trackflow("status").out
    (tmp_path / "broken.osm.pbf").write_bytes(helsinki_extract().read_bytes()[:100_000])
    broken = trackflow("network", "build", "broken.osm.pbf")
    assert broken.code == 1
    assert len(broken.err.strip().splitlines()) <= 2
    monkeypatch.setenv("TRACKFLOW_ENGINE_URL", "http://127.0.0.1:9")
    away = trackflow("run")
    assert away.code == 1
    assert "cannot be reached" in away.err
    monkeypatch.delenv("TRACKFLOW_ENGINE_URL")
    assert trackflow("network", "build", helsinki_extract()).code == 0
    result = trackflow("run")
    assert result.code == 0, result.err
    assert "1 day matched to roads" in result.out
    assert "1 day merged (1 track" in result.out
    assert trackflow("verify").code == 0
    (track,) = json.loads(trackflow("export", "tracks").out)["features"]
    assert track["properties"]["matched_share"] > 0


def test_a_database_that_is_away_is_one_clear_line(
    trackflow: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKFLOW_DATABASE_URL", "postgresql://me:geheim@127.0.0.1:9/db")
    result = trackflow("status")
    assert result.code == 1
    assert len(result.err.splitlines()) == 1
    assert "127.0.0.1" in result.err
    assert "geheim" not in result.err


def test_a_run_says_what_waits_for_its_next_try_and_what_is_given_up(
    trackflow: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACKFLOW_MAX_TRIES", "2")
    rows = [f"d,2026-03-02T08:00:{k:02}Z,24.9,60.1" for k in range(5)]
    (tmp_path / "d.csv").write_text("\n".join(["device_id,timestamp,longitude,latitude", *rows]))
    trackflow("import", tmp_path / "d.csv")
    database = tmp_path / "home" / "trackflow.db"
    with sqlite3.connect(database) as store:
        store.execute("""UPDATE devices SET thresholds = '{"gap_s": -1}'""")
    store.close()
    assert trackflow("run").code == 1
    told = trackflow("run")
    assert "1 day of devices failed and wait for their next try, the first at 20" in told.out
    assert "Threshold gap_s is -1" in told.out
    assert "nothing to do" not in told.out
    assert ", next try at 20" in trackflow("status").out
    with sqlite3.connect(database) as store:
        store.execute("UPDATE processing_batches SET next_try_at = 0")
    store.close()
    assert trackflow("run").code == 1
    told = trackflow("run")
    assert "1 day of devices failed too often" in told.out
    assert "nothing to do" not in told.out


def test_words_between_colons_are_no_pictures(capsys: pytest.CaptureFixture[str]) -> None:
    """A device or file may be called so."""
    print_line("van:car:7")
    assert capsys.readouterr().out == "van:car:7\n"
