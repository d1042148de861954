"""Serving: what Dagster's programs are given, and that they never outlive us."""

import datetime as dt
import os
import signal
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from sqlalchemy import make_url

from trackflow import serving, supervising
from trackflow.concurrency import children
from trackflow.defs.partitions import first_day
from trackflow.errors import SettingsError, StoreUnavailableError, TrackflowError
from trackflow.settings import Settings
from trackflow.store.database import url_from_anywhere
from trackflow.supervising import BACKFILLS_WAIT
from trackflow.usecases.days.first_day import move_first_day, note_first_day
from trackflow_tests.helpers.commands import caller
from trackflow_tests.helpers.dagster_server import ROOT
from trackflow_tests.helpers.fleet import import_drives, write_drives
from trackflow_tests.helpers.served import left_behind, wait_until_gone
from trackflow_tests.helpers.waiting import PATIENCE_S, wait_until


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home whose path is relative, as the default one is."""
    monkeypatch.chdir(tmp_path)
    return Settings(home=Path("home"))


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_dagsters_home_gets_our_settings_and_a_path_from_anywhere(settings: Settings) -> None:
    environment = serving.dagster_environment(settings)

    folder = Path(environment["DAGSTER_HOME"])
    assert folder.is_absolute()
    assert folder == settings.home.absolute() / "dagster"
    written = yaml.safe_load((folder / "dagster.yaml").read_text())
    records = written.pop("storage")["custom"]["config"]
    assert records == {"base_dir": str(folder)}
    assert written == yaml.safe_load((ROOT / "dagster.yaml").read_text())
    assert Path(environment["TRACKFLOW_HOME"]) == settings.home.absolute()
    assert environment["DAGSTER_DISABLE_TELEMETRY"] == "1"
    assert environment.items() >= BACKFILLS_WAIT.items()


def test_backfills_wait_in_containers_too() -> None:
    dockerfile = (ROOT / "docker" / "Dockerfile").read_text()
    assert all(f"{name}={value}" in dockerfile for name, value in BACKFILLS_WAIT.items())


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("", ""),
        ("sqlite:///some/where.db", "sqlite:///{here}/some/where.db"),
        ("sqlite:////some/where.db", "sqlite:////some/where.db"),
        ("postgresql+psycopg://user:secret@host/db", "postgresql+psycopg://user:secret@host/db"),
    ],
)
def test_dagster_finds_the_same_database_in_its_own_folder(
    url: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert url_from_anywhere(url) == expected.format(here=tmp_path)


def test_days_in_the_ui_begin_with_the_first_point(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.home.mkdir()
    file = Path(serving.dagster_environment(settings)["TRACKFLOW_FIRST_DAY_FILE"])
    assert first_day({"TRACKFLOW_FIRST_DAY_FILE": str(file)}).date() == dt.date(2015, 1, 1)

    def noted() -> dt.date:
        return first_day({"TRACKFLOW_FIRST_DAY_FILE": str(file)}).date()

    note_first_day(settings, file)
    assert noted() >= dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)
    for day, is_new in (("2026-03-02", True), ("2026-05-06", False), ("2008-05-06", True)):
        path = write_drives(settings.home / "d.csv", 1, 1, dt.date.fromisoformat(day), points=20)
        import_drives(settings.home, path)
        assert move_first_day(settings, file) == is_new
    assert noted() == dt.date(2008, 1, 1), "more of that year may follow"
    note_first_day(settings, file)
    assert noted() == dt.date(2008, 5, 6)

    monkeypatch.setenv("TRACKFLOW_FIRST_DAY", "2020-02-02")
    chosen = serving.dagster_environment(settings)
    assert first_day(chosen).date() == dt.date(2020, 2, 2)
    assert "TRACKFLOW_FIRST_DAY_FILE" not in chosen


@pytest.mark.parametrize(
    ("verb", "option"),
    [
        ("serve", "--port"),
        ("serve --no-dagster", "--port"),
        ("demo", "--port"),
        ("demo", "--dagster-port"),
    ],
)
def test_a_taken_port_is_said_in_one_line_at_once(
    verb: str,
    option: str,
    taken_port: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("COLUMNS", "40")

    done = caller(monkeypatch, capfd)(*verb.split(), option, taken_port)

    assert done.code == 1
    last = done.err.splitlines()[-1]
    assert last.startswith(f"trackflow: cannot listen on 127.0.0.1 port {taken_port}: Address")
    assert option in last
    assert "Building" not in done.err
    assert not (tmp_path / "home" / "demo").exists()


@pytest.mark.parametrize(("host", "port"), [("192.0.2.1", 3000), ("no.such.host.invalid", 3000)])
def test_an_address_that_is_not_ours_is_an_error(host: str, port: int) -> None:
    with pytest.raises(SettingsError, match=f"cannot listen on {host} port {port}: .* --host"):
        serving.check_address(host, port)


def refusal(state: str, words: str) -> bytes:
    """What PostgreSQL sends to whom it does not let in."""
    fields = b"".join(
        f"{key}{value}\0".encode() for key, value in (("S", "FATAL"), ("C", state), ("M", words))
    )
    return b"E" + (len(fields) + 5).to_bytes(4) + fields + b"\0"


def test_a_server_waits_for_its_database(
    postgres_url: str, postgres_template: str, settings: Settings
) -> None:
    """After a power cut it ended five times, and systemd started it no more."""
    server, told = make_url(postgres_url), []
    with tempfile.TemporaryDirectory() as short:
        folder = Path(short) / "late"
        url = server.set(database=postgres_template).update_query_dict({"host": str(folder)})
        late = replace(settings, database_url=url.render_as_string(hide_password=False))
        with pytest.raises(StoreUnavailableError, match="No such file"):
            serving.wait_for_database(late, told.append, patience_s=0)
        assert not told

        def come(message: str) -> None:
            told.append(message)
            folder.symlink_to(str(server.query["host"]))

        serving.wait_for_database(late, come, pause_s=0.01)
    assert len(told) == 1


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("postgres:@/nowhere", '"nowhere" does not exist'),
        ("nobody:@/postgres", '"nobody" does not exist'),
    ],
)
def test_a_server_does_not_wait_for_what_is_not_there(
    postgres_url: str, settings: Settings, path: str, reason: str
) -> None:
    url = postgres_url.replace("postgres:@/postgres", path)
    with pytest.raises(StoreUnavailableError, match=f"{reason}.*TRACKFLOW_DATABASE_URL"):
        serving.wait_for_database(replace(settings, database_url=url), pytest.fail)


@pytest.mark.parametrize(
    ("answer", "may_come"),
    [
        (refusal("28P01", 'password authentication failed for user "me"'), False),
        (refusal("28000", 'role "me" is not permitted to log in'), False),
        (refusal("28000", 'no pg_hba.conf entry for host "::1"'), False),
        (refusal("08P01", "no such database: trackflow"), False),  # PgBouncer's words
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", False),
        (refusal("57P03", "the database system is starting up"), True),
        (refusal("53300", "sorry, too many clients already"), True),
        (refusal("08P01", "server login failed: connect failed"), True),
        (b"", True),
    ],
)
def test_what_a_server_answers_says_whether_to_wait(
    settings: Settings, answer: bytes, may_come: bool
) -> None:
    told: list[str] = []
    with answering(answer) as port:
        url = f"postgresql+psycopg://me:secret@127.0.0.1:{port}/trackflow?sslmode=disable"
        given = replace(settings, database_url=url)
        with pytest.raises(StoreUnavailableError) as raised:
            serving.wait_for_database(given, told.append, patience_s=0.02, pause_s=0.03)
    assert bool(told) is may_come
    assert ("TRACKFLOW_DATABASE_URL" in str(raised.value)) is not may_come
    assert "secret" not in str(raised.value)


@contextmanager
def answering(answer: bytes) -> Iterator[int]:
    """The port of a server that sends the same to everybody, and hangs up."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(1000)
            self.request.sendall(answer)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_dagster_runs_once_on_its_records(settings: Settings) -> None:
    """Two daemons on the same records start runs twice; ports of their own hid that."""
    folder = serving.prepare_dagster_home(settings)
    with supervising.only_one(folder), pytest.raises(SettingsError, match="--no-dagster"):
        supervising._serve(settings, "127.0.0.1", 0, 0, "", "")
    with supervising.only_one(folder):
        pass


def test_a_dagster_command_that_fails_says_why(settings: Settings) -> None:
    settings.home.mkdir()
    with pytest.raises(TrackflowError, match="no_such_module") as failed:
        serving.run_dagster(settings, ["asset", "list", "-m", "no_such_module"])
    assert str(failed.value).startswith("dagster asset list failed: ")


@pytest.mark.parametrize("before", [children.END_WITH_PARENT, None])
def test_programs_start_with_and_without_prctl(
    before: Callable[[], None] | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Linux has it; other systems have not."""
    monkeypatch.setattr(children, "END_WITH_PARENT", before)
    with (tmp_path / "out").open("w+b") as output:
        process = children.spawn(["platform"], dict(os.environ), None, output)
        assert process.wait(PATIENCE_S) == 0


STUBBORN = """
import signal, subprocess, sys, time
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, signal.SIG_IGN)
if len(sys.argv) == 1:
    subprocess.Popen([sys.executable, __file__, "child"])
    open("ready", "w").close()
time.sleep(600)
"""


@pytest.mark.parametrize("leader_dies_first", [False, True])
def test_what_does_not_listen_is_killed_with_its_children(
    leader_dies_first: bool, tmp_path: Path
) -> None:
    (tmp_path / "stubborn.py").write_text(STUBBORN)
    home = tmp_path / "stubborn"
    process = subprocess.Popen(
        [sys.executable, str(tmp_path / "stubborn.py")],
        cwd=tmp_path,
        env=os.environ | {"TRACKFLOW_HOME": str(home)},
        start_new_session=True,
    )
    wait_until(lambda: (tmp_path / "ready").exists())
    assert len(left_behind(home)) == 2
    if leader_dies_first:
        process.kill()
        process.wait()

    children.stop(process, grace_s=0.3)

    wait_until_gone(home)
    assert process.returncode == -signal.SIGKILL


PARENT = """
import os, sys
from trackflow.concurrency import children
from trackflow.supervising import signals_interrupt
try:
    with signals_interrupt(), open("out", "wb") as output:
        with children.running(["sleeper"], dict(os.environ), ".", output) as child:
            child.wait()
except KeyboardInterrupt:
    sys.exit(3)
"""

SLEEPER = """
import pathlib, time
try:
    pathlib.Path("ready").touch()
    time.sleep(600)
except KeyboardInterrupt:
    pathlib.Path("interrupted").touch()
"""


@pytest.mark.parametrize("in_background", [False, True])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_every_end_of_ours_interrupts_what_we_started(
    number: signal.Signals, in_background: bool, tmp_path: Path
) -> None:
    """Also where a shell has made us ignore interrupts, as with `&`.

    The whole of `trackflow serve` is interrupted in test_readme.py, killed in
    docs/test_operations.py, and gives up in demo/test_show.py.
    """
    home = tmp_path / "home"
    (tmp_path / "sleeper.py").write_text(SLEEPER)
    command = [sys.executable, "-c", PARENT]
    if in_background:
        command = ["sh", "-c", "trap '' INT; exec \"$@\"", "sh", *command]
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        env=os.environ | {"TRACKFLOW_HOME": str(home)},
        # tests may run under nohup, where a hang-up is rightly ignored
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
    ) as process:
        try:
            wait_until(lambda: (tmp_path / "ready").exists())
            process.send_signal(number)
            assert process.wait(PATIENCE_S) == (-signal.SIGKILL if number is signal.SIGKILL else 3)
        finally:
            process.kill()
    wait_until_gone(home)
    assert (tmp_path / "interrupted").exists()
