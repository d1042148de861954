"""Starting the API, Dagster's web server and its daemon for a store, as child processes.

Dagster is not imported here: its programs run with this Python, on `TRACKFLOW_HOME/dagster`.
"""

import ctypes
import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import IO

from sqlalchemy import make_url

from trackflow.errors import RetryableError, SettingsError, TrackflowError
from trackflow.pipeline.first_day import move_first_day, note_first_day
from trackflow.settings import Settings

PR_SET_PDEATHSIG = 1
"""Of Linux's prctl(2): the signal that a process gets when its parent dies."""

START_DEADLINE_S = 180.0
STOP_GRACE_S = 10.0
MODULE = "trackflow.definitions"
FIRST_DAY_FILE = "first_day"
FIRST_DAY_EVERY_S = 30.0
"""Between two looks whether points of older days came in: one query on an index."""

RELOAD_DEADLINE_S = 180.0
LOCALHOST = "127.0.0.1"
"""Dagster's web server has no login: it never listens anywhere else."""


logger = logging.getLogger(__name__)


def prepare_dagster_home(settings: Settings) -> Path:
    """The folder of Dagster's own records, with trackflow's settings for it."""
    folder = settings.home.absolute() / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    package = Path(__file__).parent
    # installed: in the package; from a clone: beside it
    for source in (package / "dagster.yaml", package.parent / "dagster.yaml"):
        if source.is_file():
            shutil.copyfile(source, folder / "dagster.yaml")
            return folder
    raise SettingsError("trackflow's dagster.yaml is missing: install trackflow again")


def dagster_environment(settings: Settings) -> dict[str, str]:
    """The environment for Dagster's programs: the same store, whatever their folder is."""
    folder = prepare_dagster_home(settings)
    return (
        os.environ
        | _first_day(folder)
        | {
            "DAGSTER_HOME": str(folder),
            "DAGSTER_DISABLE_TELEMETRY": "1",
            "TRACKFLOW_HOME": str(settings.home.absolute()),
            "TRACKFLOW_DATABASE_URL": _from_anywhere(settings.database_url),
            "TRACKFLOW_ENGINE_URL": settings.engine_url,
            "TRACKFLOW_WORKERS": str(settings.workers),
        }
    )


def _from_anywhere(database_url: str) -> str:
    """The same database for a program in another folder: an SQLite file's path may be relative."""
    if not database_url.startswith("sqlite"):
        return database_url
    url = make_url(database_url)
    return str(url.set(database=str(Path(url.database or "").absolute())))


def _first_day(folder: Path) -> dict[str, str]:
    """Where Dagster's programs read which day is the first, unless it is set."""
    if os.environ.get("TRACKFLOW_FIRST_DAY"):
        return {}
    return {"TRACKFLOW_FIRST_DAY_FILE": str(folder / FIRST_DAY_FILE)}


def _first_day_file(settings: Settings) -> Path:
    return prepare_dagster_home(settings) / FIRST_DAY_FILE


def run_dagster(settings: Settings, arguments: Sequence[str]) -> None:
    """Run one Dagster command to its end, its output kept out of the way.

    Raises:
        TrackflowError: it failed; the message holds the end of what it said.
    """
    note_first_day(settings, _first_day_file(settings))
    with signals_interrupt(), tempfile.TemporaryFile() as output:
        with _dagster(settings, arguments, output) as process:
            process.wait()
        if process.returncode:
            output.seek(0)
            end = " ".join(output.read().decode(errors="replace").split()[-60:])
            raise TrackflowError(f"dagster {arguments[0]} {arguments[1]} failed: … {end}")


@contextmanager
def dagster_servers(settings: Settings, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Dagster's web server and daemon, running; both are stopped on leaving.

    Raises:
        SettingsError: the port cannot be listened on.
        TrackflowError: they do not start.
    """
    check_address(LOCALHOST, port, "--dagster-port")
    log = prepare_dagster_home(settings) / "dagster.log"
    note_first_day(settings, _first_day_file(settings))
    arguments = ["dev", "-m", MODULE, "-h", LOCALHOST, "-p", str(port)]
    with log.open("ab") as output, _dagster(settings, arguments, output) as process:
        _wait_until_it_answers(process, f"{address(LOCALHOST, port)}/server_info", "Dagster", log)
        yield process


@contextmanager
def api_server(settings: Settings, host: str, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """The API and the map page, running; stopped on leaving.

    Raises:
        SettingsError: the address cannot be listened on.
        TrackflowError: it does not start.
    """
    check_address(host, port)
    log = settings.home.absolute() / "api.log"
    command = ["trackflow", "serve", "--no-dagster", "--host", host, "--port", str(port)]
    everywhere = {"0.0.0.0": LOCALHOST, "::": "::1"}  # noqa: S104  compared, not listened on
    url = f"{address(everywhere.get(host, host), port)}/health"
    with log.open("ab") as output, _child(command, dict(os.environ), None, output) as process:
        _wait_until_it_answers(process, url, "The API", log)
        yield process


def check_address(host: str, port: int, option: str = "--port") -> None:
    """See that nobody listens there yet: another program would answer in the place of ours.

    Raises:
        SettingsError: the address cannot be listened on.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except (OSError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise SettingsError(
            f"cannot listen on {host} port {port}: {reason or error}. "
            f"Choose another one with {option}"
        ) from None


def serve(
    settings: Settings, host: str, port: int, dagster_port: int, ready: Callable[[], None]
) -> None:
    """Serve until interrupted; `ready` is called once everything answers.

    Raises:
        SettingsError: an address cannot be listened on.
        TrackflowError: something did not start, or has stopped.
    """
    check_address(host, port)  # at once, not when Dagster has started
    try:
        with (
            signals_interrupt(),
            dagster_servers(settings, dagster_port) as dagster,
            api_server(settings, host, port) as api,
        ):
            ready()
            looked_at = time.monotonic()
            while dagster.poll() is None and api.poll() is None:
                time.sleep(0.3)
                if time.monotonic() - looked_at >= FIRST_DAY_EVERY_S:
                    _follow_first_day(settings, dagster_port)
                    looked_at = time.monotonic()
            ended, log = (
                ("Dagster", "dagster/dagster.log") if api.poll() is None else ("The API", "api.log")
            )
    except KeyboardInterrupt:
        return
    raise TrackflowError(f"{ended} has stopped: see {settings.home / log}")


def _follow_first_day(settings: Settings, dagster_port: int) -> None:
    """Let Dagster load its definitions again when older points came in than it has days for."""
    try:
        if move_first_day(settings, _first_day_file(settings)):
            _reload_definitions(dagster_port)
    except (RetryableError, OSError) as error:
        # the database or the web server is busy; those days are worked on all the same
        logger.warning("days before the first one are not shown yet: %s", error)
        _first_day_file(settings).unlink(missing_ok=True)


def _reload_definitions(dagster_port: int) -> None:
    query = f"""mutation {{
      reloadRepositoryLocation(repositoryLocationName: "{MODULE}") {{ __typename }}
    }}"""
    request = urllib.request.Request(  # noqa: S310  our own web server
        f"{address(LOCALHOST, dagster_port)}/graphql",
        json.dumps({"query": query}).encode(),
        {"Content-Type": "application/json"},
    )
    with _opener().open(request, timeout=RELOAD_DEADLINE_S):
        logger.info("Dagster's days begin earlier now")


def _opener() -> urllib.request.OpenerDirector:
    """Without a proxy, whatever the environment says: it is this machine."""
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))


@contextmanager
def signals_interrupt() -> Iterator[None]:
    """Let every request to end raise KeyboardInterrupt, so that no child is left behind.

    Interrupts as well: a shell that starts a program in the background has it, and with it its
    children, ignore them.
    """

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {
        number: signal.signal(number, interrupt)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        # a hang-up is ignored where nohup says so
        if number is not signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _dagster(
    settings: Settings, arguments: Sequence[str], output: IO[bytes]
) -> Iterator[subprocess.Popen[bytes]]:
    """A Dagster program; it and everything that it started ends on leaving."""
    environment = dagster_environment(settings)
    folder = environment["DAGSTER_HOME"]
    with _child(["dagster", *arguments], environment, folder, output) as process:
        yield process


@contextmanager
def _child(
    module_and_arguments: Sequence[str],
    environment: dict[str, str],
    folder: str | None,
    output: IO[bytes],
) -> Iterator[subprocess.Popen[bytes]]:
    """A Python program of its own; it and everything that it started ends on leaving."""
    process = subprocess.Popen(
        [sys.executable, "-m", *module_and_arguments],
        env=environment,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        # a group of its own: an interrupt at the keyboard must reach it once, from us
        start_new_session=True,
        preexec_fn=_end_with_parent,
    )
    try:
        yield process
    finally:
        _stop(process)


_LIBC = ctypes.CDLL(None)


def _end_with_parent() -> None:
    """Interrupt this child when we are killed: it would keep its port, and the next start fail."""
    _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGINT)


def address(host: str, port: int) -> str:
    """Where a browser finds it."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _wait_until_it_answers(
    process: subprocess.Popen[bytes], url: str, name: str, log: Path
) -> None:
    opener = _opener()
    deadline = time.monotonic() + START_DEADLINE_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise TrackflowError(f"{name} did not start: see {log}")
        try:
            with opener.open(url, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    raise TrackflowError(f"{name} did not answer within {START_DEADLINE_S:.0f} s: see {log}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End it and everything it started; what does not listen is killed after a grace time."""
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            if process.poll() is None:
                os.killpg(process.pid, number)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(STOP_GRACE_S)
    finally:
        # also when asked to hurry by another interrupt; what it started may have outlived it
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
