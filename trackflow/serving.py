"""Starts the API, Dagster's web server and its daemon for a store, as child processes.

Dagster is not imported here: its programs run with this Python, on `TRACKFLOW_HOME/dagster`.
"""

import errno
import json
import os
import socket
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from trackflow.concurrency.children import running
from trackflow.concurrency.faults import Fault, fault_of
from trackflow.context import Context
from trackflow.errors import SettingsError, StoreUnavailableError, TrackflowError
from trackflow.files import make_home, whole_file
from trackflow.settings import Settings
from trackflow.supervising import (
    FIRST_DAY_FILE,
    LOCALHOST,
    become_supervisor,
    dagster_variables,
    signals_interrupt,
)
from trackflow.usecases.days.first_day import note_first_day
from trackflow.usecases.housekeeping.program_environment import program_environment

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

OF_THE_PORT = (errno.EADDRINUSE, errno.EACCES)
"""Errors that another port may not have; the others are of the host."""

DATABASE_PATIENCE_S = 600.0
"""So long a server waits for its database. It ends then, and systemd starts it again: five quick
ends would be the last ones."""


def prepare_dagster_home(settings: Settings) -> Path:
    """The folder of Dagster's own records, with trackflow's settings for it."""
    make_home(settings.home)
    folder = settings.home.absolute() / "dagster"
    folder.mkdir(exist_ok=True)
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


def dagster_environment(settings: Settings) -> dict[str, str]:
    """The environment for Dagster's programs: the same store from any working folder."""
    folder = prepare_dagster_home(settings)
    return os.environ | dagster_variables(folder) | program_environment(settings)


def _first_day_file(settings: Settings) -> Path:
    return prepare_dagster_home(settings) / FIRST_DAY_FILE


def run_dagster(settings: Settings, arguments: Sequence[str]) -> None:
    """Run one Dagster command to its end, without printing its output.

    Raises:
        TrackflowError: it failed; the message holds the end of its output.
    """
    note_first_day(settings, _first_day_file(settings))
    environment = dagster_environment(settings)
    folder = environment["DAGSTER_HOME"]
    with signals_interrupt(), tempfile.TemporaryFile() as output:
        with running(["dagster", *arguments], environment, folder, output) as process:
            process.wait()
        if process.returncode:
            output.seek(0)
            end = " ".join(output.read().decode(errors="replace").split()[-60:])
            raise TrackflowError(f"dagster {arguments[0]} {arguments[1]} failed: … {end}")


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
        of_port = isinstance(error, OverflowError) or error.errno in OF_THE_PORT
        raise SettingsError(
            f"cannot listen on {host} port {port}: {reason or error}. "
            f"Choose another one with {option if of_port else '--host'}"
        ) from None


def wait_for_database(
    settings: Settings,
    tell: Callable[[str], None],
    patience_s: float = DATABASE_PATIENCE_S,
    pause_s: float = 2.0,
) -> None:
    """Wait for a PostgreSQL that cannot be reached: after a power cut it may be up later than this.

    Args:
        settings: where the store is.
        tell: called once with what is awaited.
        patience_s: how long at most.
        pause_s: between two tries.

    Raises:
        StoreUnavailableError: it cannot be reached still, or is no better for waiting.
    """
    if settings.url.startswith("sqlite"):
        return None
    ends, is_told = time.monotonic() + patience_s, False
    while True:
        try:
            return Context.open(settings).close()
        except StoreUnavailableError as error:
            may_come = fault_of(error.__cause__ or error) in (Fault.AWAY, Fault.BUSY)
            if not may_come or time.monotonic() >= ends:
                raise
            if not is_told:
                tell(f"{error}: waiting for it")
                is_told = True
        time.sleep(pause_s)


def serve(
    settings: Settings, host: str, port: int, dagster_port: int, access: str, day: str = ""
) -> None:
    """Serve until interrupted, and restart programs that die or hang; never returns.

    Args:
        settings: the store and its folders.
        host: address of the API.
        port: port of the API.
        dagster_port: port of Dagster's UI, on this machine only.
        access: a line for the person, on who has access.
        day: the day that Dagster's page of tracks shows first.

    Raises:
        SettingsError: an address cannot be listened on.
    """
    check_address(host, port)
    check_address(LOCALHOST, dagster_port, "--dagster-port")
    note_first_day(settings, _first_day_file(settings))
    environment = os.environ | program_environment(settings)
    become_supervisor(environment, host, port, dagster_port, access, day)
