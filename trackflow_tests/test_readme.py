"""The commands of the README and of the pages after it, run as they stand there, in a folder.

One folder and one store serve all pages, in the order in which a person reads them. Commands of the
README are processes of their own; those of later pages are called in this one, as each start takes
a second.
"""

import datetime as dt
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tomllib
import urllib.request
import xml.etree.ElementTree as ET
import zipfile
from pathlib import Path

import numpy as np
import pytest

from trackflow.demo.extract import helsinki_extract
from trackflow.demo.files import write_csv
from trackflow.demo.fleet import simulate_fleet
from trackflow.geo.points import Points
from trackflow.matching.engines.embedded import EmbeddedEngine
from trackflow.matching.networks import RoadNetwork
from trackflow_tests.docs.pages import PAGES, ROOT, name_of, shown_commands, words
from trackflow_tests.helpers.commands import Result, caller
from trackflow_tests.helpers.served import check_that_nothing_is_left, trackflow_serve
from trackflow_tests.helpers.waiting import PATIENCE_S

RUN = ("README.md", "docs/use.md", "docs/live.md", "docs/catalogue.md", "docs/files.md")
"""Pages whose commands are run; those of other pages are parsed (`docs/test_commands.py`)."""

ONLY_PARSED = {
    "CONTRIBUTING.md": "shows make's targets, of which `make test` is what is running",
    "docs/keeping-meshes.md": "needs images of its own; cli/test_meshes.py runs each verb",
    "docs/logbook.md": "needs weeks of trips; cli/test_json.py runs each verb",
    "docs/numbers.md": "needs years of trips; cli/test_json.py runs the verbs",
    "docs/phones.md": "makes a token; cli/test_housekeeping.py makes such a one",
    "docs/places.md": "needs weeks of stays; cli/test_json.py runs each verb",
    "docs/rules.md": "docs/test_rules_page.py runs its example",
    "docs/operations/monitoring.md": "shows an alert; cli/test_json.py runs the verb",
    "docs/mesh-service.md": "starts services that go on; web/mesh_service does, too",
    "docs/reference/cli.md": "shows an example of each verb, each for a store of its own",
}

NOT_RUN_HERE = {
    "make demo": "runs `trackflow demo` (checked below), which demo/test_show.py runs",
    "make test": "runs pytest (checked below), which is what is running",
    "uv run trackflow demo": "the same command by its entry point (checked below)",
    "uv run pytest": "is what is running",
    "trackflow import undo 3f2a91c0": "is an id of another store; cli/test_intake.py undoes one",
}

SAYS = {
    "import": r"fleet\.csv: .* points added(.*\n)+phone\.gpx: .* added(.*\n)+archive\.zip/.* added"
    r"|UTC  [\d,]+ points of .* from .*fleet\.csv",
    "network": r"car network area, version \w+ of area\.osm\.pbf: .* 60\.\d+ N",
    "run": r"cut into segments .*\n.*matched to roads \([1-9].* windows.*\n.*merged \([1-9].* km",
    "status": r"points .* of 3 devices|\"devices\": 3",
    "export": r"\d+ tracks in tracks\.gpx",
    "explain": r"^Point of 2026-01-05T08:\d\d:\d\dZ: stop\.\n(.*\n)*.*a stop is at least 5 min",
    "verify": r"compared .* windows .* with one pass over everything\.\nThey are identical\.",
    "device": r"gap_s = 300 \(own\)|gap_s = 3600: ",
    "token": r"tf_\w+|anna-phone|[Tt]oken",
    "inbox": r"one\.csv: .* added",
    "follow": r"1 point",
    "rebuild": r"made again",
    "jobs": r"rebuild .*completed|completed.*rebuild",
    "backup": r"everything\.zip",
    "purge": r"van-01",
    "catalogue": r"[Tt]racks|Thunder Alley|name: Lake Raceway|switched o",
}
"""By verb, what a command's output matches."""

DAY = dt.date(2026, 1, 5)


def commands() -> list[str]:
    """What the pages show, each command once, in their order."""
    return list(dict.fromkeys(c for name in RUN for c in shown_commands(ROOT / name)))


def test_every_page_with_commands_is_run_or_listed() -> None:
    shown = {name_of(page) for page in PAGES if shown_commands(page)}
    assert shown == {*RUN, *ONLY_PARSED}


def verb_of(command: str) -> str:
    return command.split()[1]


def test_every_command_is_run_or_listed() -> None:
    found = commands()
    runs = [command for command in found if command not in NOT_RUN_HERE]

    assert set(NOT_RUN_HERE) <= set(found), "a listed exception is on no page any more"
    assert all(command.startswith("trackflow ") for command in runs), runs
    assert {verb_of(command) for command in runs} == {*SAYS, "serve"}


@pytest.fixture
def folder(tmp_path: Path, helsinki_network: RoadNetwork) -> Path:
    """A person's folder, with files of the names that the README uses."""
    shutil.copy(helsinki_extract(), tmp_path / "area.osm.pbf")
    engine = EmbeddedEngine(helsinki_network.dataset, "car", helsinki_network.version)
    bus, plough, van = simulate_fleet(
        engine, helsinki_network.bbox, vehicles=3, days=1, first_day=DAY
    )
    (fleet,) = write_csv([van], tmp_path / "fleet").regular
    fleet.rename(tmp_path / "fleet.csv")
    _write_gpx(tmp_path / "phone.gpx", bus.reported)
    (old,) = write_csv([plough], tmp_path / "old").regular
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        archive.write(old, old.name)
    _fill_inbox(tmp_path / "inbox")
    _make_markers(tmp_path / "shop.db")
    (tmp_path / "race-tracks.csv").write_text(
        "slug,name\nalley,Thunder Alley\nbash,RC Bash\nlake-raceway,Lake Raceway\n"
    )
    return tmp_path


@pytest.mark.slow
@pytest.mark.xdist_group("serve")
def test_the_commands_work_as_they_stand_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def called(command: str) -> Result:
        with monkeypatch.context() as patch:  # `serve` must not find the inbox and the table
            call = caller(patch, capfd)
            for name in ("TRACKFLOW_ENGINE_URL", "TRACKFLOW_WORKERS"):  # a person has not set them
                patch.delenv(name)
            for name, value in environment(folder).items():
                patch.setenv(name, value)
            patch.chdir(folder)
            return call(*words(command)[1:])

    on_first_page = shown_commands(ROOT / RUN[0])
    for command in commands():
        if command in NOT_RUN_HERE:
            continue
        if verb_of(command) == "serve":
            _serve(command, folder)
        else:
            is_process = command in on_first_page
            done = _as_process(command, folder) if is_process else called(command)
            said = done.everything
            assert done.code == 0, f"$ {command}\n{said}"
            assert "Warning" not in said
            assert re.search(SAYS[verb_of(command)], said), f"$ {command}\n{said}"
    (route, *_) = _tracks(folder / "tracks.gpx")
    assert len(route) > 50


def test_make_runs_the_same_commands() -> None:
    if shutil.which("make") is None:
        pytest.skip("no make here")
    assert _make_runs("demo") == ["trackflow", "demo"]
    assert _make_runs("test")[0] == "pytest"


def test_the_entry_point_is_the_command_that_is_run_here() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert scripts == {"trackflow": "trackflow.__main__:main"}


def _make_runs(target: str) -> list[str]:
    """The words of the last command that make would run, its program without a folder."""
    # `make test` is what is running: its own options are not meant for this one
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(
        ["make", "-n", target],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    program, *rest = done.stdout.splitlines()[-1].split()
    return [Path(program).name, *rest]


def environment(folder: Path) -> dict[str, str]:
    return {
        "TRACKFLOW_HOME": str(folder / "home"),
        "TRACKFLOW_INBOX": str(folder / "inbox"),
        "TRACKFLOW_CATALOGUE_FILE": str(folder / "race-tracks.csv"),
        "TRACKFLOW_FOLLOW_URL": f"sqlite:///{folder / 'shop.db'}",
    }


def _as_process(command: str, folder: Path) -> Result:
    done = subprocess.run(
        [sys.executable, "-m", *command.split()],
        cwd=folder,
        env=os.environ | environment(folder),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    result = Result(done.returncode, done.stdout, done.stderr)
    assert "Traceback" not in result.everything
    return result


def _serve(command: str, folder: Path) -> None:
    """Start it, look at it, end it as Ctrl-C does."""
    home = folder / "home"
    with trackflow_serve(home, folder, command.removeprefix("trackflow ")) as served:
        address = served.server.url
        assert f"Map:        {served.api}\n" in served.said()
        has_dagster = "--light" not in command
        assert (f"Dagster UI: {address}\n" in served.said()) == has_dagster
        for shown in re.findall(r"http://\S+", served.said()):
            with urllib.request.urlopen(shown, timeout=PATIENCE_S) as answer:
                assert answer.status == 200
        if has_dagster:
            with urllib.request.urlopen(f"{address}/server_info", timeout=PATIENCE_S) as answer:
                assert b"dagster_webserver_version" in answer.read()

        assert served.end(signal.SIGINT) == 0, served.said()
        check_that_nothing_is_left(served)


def _fill_inbox(inbox: Path) -> None:
    inbox.mkdir()
    path = inbox / "one.csv"
    path.write_text("device,time,lat,lon\nbike,2026-01-05T08:00:00Z,60.17,24.94\n")
    os.utime(path, (1, 1))  # nobody is writing it any more


def _make_markers(path: Path) -> None:
    columns = "id INTEGER PRIMARY KEY AUTOINCREMENT, username TEXT, coords TEXT, created_at TEXT"
    with sqlite3.connect(path) as shop:
        shop.execute(f"CREATE TABLE markers ({columns})")
        row = ("anna", "[24.94, 60.17]", "2026-01-05T08:00:00Z")
        shop.execute("INSERT INTO markers (username, coords, created_at) VALUES (?, ?, ?)", row)
    shop.close()


def _write_gpx(path: Path, points: Points) -> None:
    times = np.datetime_as_string(points.time_us.astype("datetime64[us]"), timezone="UTC")
    rows = zip(points.lon.tolist(), points.lat.tolist(), times.tolist(), strict=True)
    track = "".join(
        f'<trkpt lat="{lat:.6f}" lon="{lon:.6f}"><time>{time}</time></trkpt>'
        for lon, lat, time in rows
    )
    path.write_text(
        '<gpx version="1.1" creator="phone" xmlns="http://www.topografix.com/GPX/1/1">'
        f"<trk><trkseg>{track}</trkseg></trk></gpx>"
    )


def _tracks(path: Path) -> list[list[ET.Element]]:
    segments = ET.parse(path).getroot().findall(".//{*}trkseg")
    return [segment.findall("{*}trkpt") for segment in segments]
