"""The program that stays while `trackflow serve` serves: it keeps Dagster and the API running.

`serve` becomes it, as the same process, once all is prepared: what it needed for that, such as the
database, would only lie in memory.

`python -m trackflow.supervising HOST PORT DAGSTER_PORT ACCESS DAY`
"""

import fcntl
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from trackflow import logs
from trackflow.concurrency.children import Process, spawn_logged, stop
from trackflow.concurrency.health import DaemonHeartbeat, unanswered
from trackflow.concurrency.supervisor import STEP_S, Service, Supervisor
from trackflow.errors import SettingsError, TrackflowError
from trackflow.settings import Settings

MODULE = "trackflow.definitions"
FIRST_DAY_FILE = "first_day"

LOCALHOST = "127.0.0.1"
"""Dagster's web server has no login: it never listens anywhere else."""

BACKFILLS_WAIT = {"DAGSTER_BACKFILL_RETRY_DEFINITION_CHANGED_ERROR": "1"}
"""For Dagster's daemon: while the definitions cannot be loaded, as in an outage of the database, it
would take their assets for deleted, and end each backfill of them as failed."""

FEW_ARENAS = {"MALLOC_ARENA_MAX": "2"}
"""For programs with many threads that seldom do anything: each would keep memory of its own."""


def become_supervisor(
    environment: dict[str, str], host: str, port: int, dagster_port: int, access: str, day: str
) -> None:
    """Replace this process by one that serves until it is interrupted; returns never.

    Args:
        environment: of all programs, with the store's place from any folder.
        host: address of the API.
        port: port of the API.
        dagster_port: port of Dagster's UI, on this machine only.
        access: a line for the person, on who has access.
        day: the day that is shown first; empty for none.
    """
    arguments = [host, str(port), str(dagster_port), access, day]
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(  # noqa: S606  this Python, and no shell
        sys.executable, [sys.executable, "-m", "trackflow.supervising", *arguments], environment
    )


def main() -> None:
    """Serve until interrupted, and restart programs that die or hang."""
    host, port, dagster_port, access, day = sys.argv[1:]
    settings = Settings.from_env()
    logs.set_up(settings.log_format)
    try:
        _serve(settings, host, int(port), int(dagster_port), access, day)
    except KeyboardInterrupt:
        return
    except TrackflowError as error:
        if not logs.note(f"{error}", is_error=True):
            sys.stderr.write(f"trackflow: {error}\n")
        sys.exit(1)


def _serve(
    settings: Settings, host: str, port: int, dagster_port: int, access: str, day: str
) -> None:
    services = [
        _dagster_service(settings, dagster_port),
        _api_service(settings, host, port, dagster_port),
    ]
    if settings.mqtt_url:
        services.append(_mqtt_service(settings))
    records = settings.home.absolute() / "dagster"
    with (
        only_one(records),
        signals_interrupt(),
        Supervisor(services, stop, _print_note) as supervisor,
    ):
        supervisor.start()
        _print_addresses(address(host, port), access, address(LOCALHOST, dagster_port), day)
        while True:
            supervisor.step()
            time.sleep(STEP_S)


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Hold Dagster's records: two daemons on them start runs twice.

    Raises:
        SettingsError: another process holds them.
    """
    with (folder / "serve.lock").open("w") as lock:  # free again however the process ends
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SettingsError(
                f"another `trackflow serve` runs Dagster on {folder}, and only one may: end it, or "
                "serve beside it with --no-dagster"
            ) from None
        yield


def _print_note(text: str) -> None:
    if not logs.note(text):
        sys.stderr.write(f"{text}\n")


def _print_addresses(api: str, access: str, dagster: str, day: str) -> None:
    tracks = f"{dagster}/assets/tracks"
    chosen = f"&partition={day}" if day else ""
    pages = {
        "a day's numbers and its picture": f"{tracks}?view=partitions{chosen}",
        "what is made of what": f"{tracks}?view=lineage&lineageScope=upstream&lineageDepth=5",
        "what starts by itself": f"{dagster}/automation",
    }
    lines = [f"Map:        {api}", access, f"Dagster UI: {dagster}"]
    lines += [f"  {f'{what}:':<33}{url}" for what, url in pages.items()]
    sys.stdout.write("\n".join([*lines, "Ctrl-C stops it.\n"]))
    sys.stdout.flush()


def _dagster_service(settings: Settings, port: int) -> Service:
    """Dagster's web server and daemon, as one program to keep running."""
    folder = settings.home.absolute() / "dagster"
    log = folder / "dagster.log"
    environment = FEW_ARENAS | os.environ | dagster_variables(folder)
    command = ["trackflow.defs.machines.programs", MODULE, LOCALHOST, str(port)]
    url = address(LOCALHOST, port)
    heartbeat = DaemonHeartbeat(f"{url}/graphql")

    def start() -> Process:
        heartbeat.begin()
        return spawn_logged(command, environment, str(folder), log)

    def check(_: Process, within_s: float) -> str | None:
        return unanswered(f"{url}/server_info", within_s) or heartbeat.problem(within_s)

    return Service("Dagster", log, start, check)


def dagster_variables(folder: Path) -> dict[str, str]:
    """What Dagster's programs are told beside the store's place.

    Args:
        folder: their DAGSTER_HOME.
    """
    # what leads them to the first day, unless a setting names it
    first_day = (
        {}
        if os.environ.get("TRACKFLOW_FIRST_DAY")
        else {"TRACKFLOW_FIRST_DAY_FILE": str(folder / FIRST_DAY_FILE)}
    )
    return (
        first_day
        | BACKFILLS_WAIT
        | {
            "DAGSTER_HOME": str(folder),
            "DAGSTER_DISABLE_TELEMETRY": "1",
        }
    )


def _api_service(settings: Settings, host: str, port: int, dagster_port: int) -> Service:
    """The API and the map page, as one program to keep running; it links to Dagster's pages."""
    log = settings.home.absolute() / "api.log"
    command = ["trackflow", "serve", "--no-dagster", "--host", host, "--port", str(port)]
    # Not /health: a database that is away is no reason to restart the API. An unknown path is
    # answered without a thread and without the database.
    url = f"{address(reachable(host), port)}/is-it-alive"
    linked = {"TRACKFLOW_DAGSTER_URL": address(LOCALHOST, dagster_port)}

    def start() -> Process:
        return spawn_logged(command, FEW_ARENAS | linked | os.environ, None, log)

    return Service("The API", log, start, lambda _, within_s: unanswered(url, within_s))


def _mqtt_service(settings: Settings) -> Service:
    """What receives from an MQTT broker, as one program to keep running."""
    log = settings.home.absolute() / "mqtt.log"

    def start() -> Process:
        return spawn_logged(["trackflow", "mqtt"], FEW_ARENAS | os.environ, None, log)

    # it connects again by itself, and the page shows for how long it could not
    return Service("The MQTT client", log, start, lambda *_: None)


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


def reachable(host: str) -> str:
    """The address at which this machine reaches what listens on a host."""
    everywhere = {"0.0.0.0": LOCALHOST, "::": "::1"}  # noqa: S104  compared, not listened on
    return everywhere.get(host, host)


def address(host: str, port: int) -> str:
    """The URL for a browser."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


if __name__ == "__main__":
    main()
