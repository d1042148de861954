"""Starts the API, Dagster's web server and its daemon for a store, as child processes.

Dagster is not imported here: its programs run with this Python, on `TRACKFLOW_HOME/dagster`.
"""

import json
import logging
import os
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import IO

from trackflow.concurrency.children import Process, spawn, stop
from trackflow.concurrency.health import DaemonHeartbeat, ask_graphql, unanswered
from trackflow.concurrency.supervisor import STEP_S, Service, Supervisor
from trackflow.errors import RetryableError, SettingsError, TrackflowError
from trackflow.files import whole_file
from trackflow.settings import Settings
from trackflow.usecases.days.first_day import move_first_day, note_first_day
from trackflow.usecases.housekeeping.program_environment import program_environment

MODULE = "trackflow.definitions"
FIRST_DAY_FILE = "first_day"
FIRST_DAY_EVERY_S = 30.0
"""Between two checks for points of older days: one query on an index."""

RELOAD_DEADLINE_S = 180.0

LOCALHOST = "127.0.0.1"
"""Dagster's web server has no login: it never listens anywhere else."""


logger = logging.getLogger(__name__)


RECORDS = """
# Dagster's own storage compiles each query anew; this one, with the same files, remembers them.
storage:
  custom:
    module: trackflow.defs.machines.sqlite_records
    class: KeptSqliteStorage
    config:
      base_dir: {folder}
"""
"""Added to dagster.yaml, which cannot name its own folder."""


def prepare_dagster_home(settings: Settings) -> Path:
    """The folder of Dagster's own records, with trackflow's settings for it."""
    folder = settings.home.absolute() / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    with whole_file(folder / "dagster.yaml") as file:
        file.write(dagster_settings(folder).encode())
    return folder


def dagster_settings(folder: Path) -> str:
    """Trackflow's settings for Dagster, whose records are in SQLite files in this folder.

    Raises:
        SettingsError: a file of trackflow is missing.
    """
    package = Path(__file__).parent
    # installed: in the package; from a clone: beside it
    for source in (package / "dagster.yaml", package.parent / "dagster.yaml"):
        if source.is_file():
            return source.read_text() + RECORDS.format(folder=json.dumps(str(folder)))
    raise SettingsError("trackflow's dagster.yaml is missing: install trackflow again")


BACKFILLS_WAIT = {"DAGSTER_BACKFILL_RETRY_DEFINITION_CHANGED_ERROR": "1"}
"""For Dagster's daemon: while the definitions cannot be loaded, as in an outage of the database, it
would take their assets for deleted, and end each backfill of them as failed."""


def dagster_environment(settings: Settings) -> dict[str, str]:
    """The environment for Dagster's programs: the same store from any working folder."""
    folder = prepare_dagster_home(settings)
    return (
        os.environ
        | _first_day(folder)
        | {
            "DAGSTER_HOME": str(folder),
            "DAGSTER_DISABLE_TELEMETRY": "1",
        }
        | BACKFILLS_WAIT
        | program_environment(settings)
    )


def _first_day(folder: Path) -> dict[str, str]:
    """The variable that leads Dagster's programs to the first day, unless a setting names it."""
    if os.environ.get("TRACKFLOW_FIRST_DAY"):
        return {}
    return {"TRACKFLOW_FIRST_DAY_FILE": str(folder / FIRST_DAY_FILE)}


def _first_day_file(settings: Settings) -> Path:
    return prepare_dagster_home(settings) / FIRST_DAY_FILE


def run_dagster(settings: Settings, arguments: Sequence[str]) -> None:
    """Run one Dagster command to its end, without printing its output.

    Raises:
        TrackflowError: it failed; the message holds the end of its output.
    """
    note_first_day(settings, _first_day_file(settings))
    with signals_interrupt(), tempfile.TemporaryFile() as output:
        with _dagster(settings, arguments, output) as process:
            process.wait()
        if process.returncode:
            output.seek(0)
            end = " ".join(output.read().decode(errors="replace").split()[-60:])
            raise TrackflowError(f"dagster {arguments[0]} {arguments[1]} failed: … {end}")


def dagster_service(settings: Settings, port: int) -> Service:
    """Dagster's web server and daemon, as one program to keep running.

    Raises:
        SettingsError: the port cannot be listened on.
    """
    check_address(LOCALHOST, port, "--dagster-port")
    log = prepare_dagster_home(settings) / "dagster.log"
    note_first_day(settings, _first_day_file(settings))
    environment = dagster_environment(settings)
    command = ["trackflow.defs.machines.programs", MODULE, LOCALHOST, str(port)]
    url = address(LOCALHOST, port)
    heartbeat = DaemonHeartbeat(f"{url}/graphql")

    def start() -> Process:
        heartbeat.begin()
        with log.open("ab") as output:
            return spawn(command, environment, environment["DAGSTER_HOME"], output)

    def check(_: Process, within_s: float) -> str | None:
        return unanswered(f"{url}/server_info", within_s) or heartbeat.problem(within_s)

    return Service("Dagster", log, start, check)


def api_service(settings: Settings, host: str, port: int, dagster_port: int) -> Service:
    """The API and the map page, as one program to keep running; it links to Dagster's pages.

    Raises:
        SettingsError: the address cannot be listened on.
    """
    check_address(host, port)
    log = settings.home.absolute() / "api.log"
    command = ["trackflow", "serve", "--no-dagster", "--host", host, "--port", str(port)]
    # Not /health: a database that is away is no reason to restart the API. An unknown path is
    # answered without a thread and without the database.
    url = f"{address(reachable(host), port)}/is-it-alive"
    linked = {"TRACKFLOW_DAGSTER_URL": address(LOCALHOST, dagster_port)}

    def start() -> Process:
        with log.open("ab") as output:
            return spawn(command, linked | os.environ, None, output)

    return Service("The API", log, start, lambda _, within_s: unanswered(url, within_s))


def mqtt_service(settings: Settings) -> Service:
    """What receives from an MQTT broker, as one program to keep running."""
    log = settings.home.absolute() / "mqtt.log"

    def start() -> Process:
        with log.open("ab") as output:
            return spawn(["trackflow", "mqtt"], dict(os.environ), None, output)

    # it connects again by itself, and the page shows for how long it could not
    return Service("The MQTT client", log, start, lambda *_: None)


def check_address(host: str, port: int, option: str = "--port") -> None:
    """Check that no program listens there yet: it would answer in place of ours.

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
    settings: Settings,
    host: str,
    port: int,
    dagster_port: int,
    ready: Callable[[], None],
    print_note: Callable[[str], None],
) -> None:
    """Serve until interrupted, and restart programs that die or hang.

    Args:
        settings: the store and its folders.
        host: address of the API.
        port: port of the API.
        dagster_port: port of Dagster's UI, on this machine only.
        ready: called once everything answers.
        print_note: called with a line for each program that was restarted, and why.

    Raises:
        SettingsError: an address cannot be listened on.
        TrackflowError: something did not start, or did not stay up.
    """
    check_address(host, port)  # at once, not when Dagster has started
    services = [
        dagster_service(settings, dagster_port),
        api_service(settings, host, port, dagster_port),
    ]
    if settings.mqtt_url:
        services.append(mqtt_service(settings))
    try:
        with (
            signals_interrupt(),
            Supervisor(services, stop, print_note) as supervisor,
        ):
            supervisor.start()
            ready()
            with _first_day_followed(settings, dagster_port):
                while True:
                    supervisor.step()
                    time.sleep(STEP_S)
    except KeyboardInterrupt:
        return


@contextmanager
def _first_day_followed(settings: Settings, dagster_port: int) -> Iterator[None]:
    """Check once in a while for points of older days; a reload takes up to minutes."""
    end = threading.Event()

    def follow() -> None:
        while not end.wait(FIRST_DAY_EVERY_S):
            _follow_first_day(settings, dagster_port)

    threading.Thread(target=follow, name="first day", daemon=True).start()
    try:
        yield
    finally:
        end.set()


def _follow_first_day(settings: Settings, dagster_port: int) -> None:
    """Let Dagster reload its definitions when there are points before its first partition."""
    try:
        if move_first_day(settings, _first_day_file(settings)):
            _reload_definitions(dagster_port)
    except (RetryableError, OSError) as error:
        # the database or the web server is busy; those days are processed all the same
        logger.warning("days before the first one are not shown yet: %s", error)
        _first_day_file(settings).unlink(missing_ok=True)


def _reload_definitions(dagster_port: int) -> None:
    query = f"""mutation {{
      reloadRepositoryLocation(repositoryLocationName: "{MODULE}") {{ __typename }}
    }}"""
    ask_graphql(f"{address(LOCALHOST, dagster_port)}/graphql", query, RELOAD_DEADLINE_S)
    logger.info("Dagster's days begin earlier now")


@contextmanager
def signals_interrupt() -> Iterator[None]:
    """Let every request to end raise KeyboardInterrupt, so that no child is left behind.

    This includes interrupts: a program that a shell starts in the background ignores them, as do
    its children.
    """

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {
        number: signal.signal(number, interrupt)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        # a hang-up is ignored under nohup
        if number is not signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _dagster(settings: Settings, arguments: Sequence[str], output: IO[bytes]) -> Iterator[Process]:
    """Run a Dagster program; on leaving, it ends with all its child processes."""
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
) -> Iterator[Process]:
    """Run a Python program; on leaving, it ends with all its child processes."""
    process = spawn(module_and_arguments, environment, folder, output)
    try:
        yield process
    finally:
        stop(process)


def reachable(host: str) -> str:
    """The address at which this machine reaches what listens on a host."""
    everywhere = {"0.0.0.0": LOCALHOST, "::": "::1"}  # noqa: S104  compared, not listened on
    return everywhere.get(host, host)


def address(host: str, port: int) -> str:
    """The URL for a browser."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
