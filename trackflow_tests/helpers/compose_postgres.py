"""What the entry point of the image `postgres` does before its command, with the same files."""

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from trackflow_tests.helpers.topology import Topology

NAME = "postgres"


def initialise(topology: "Topology") -> None:
    """Make an empty cluster with the user, the database and the scripts of compose.yaml."""
    given = topology.environment(NAME)
    data = Path(given["PGDATA"])
    if (data / "PG_VERSION").exists():
        # a container of its own has numbers of processes of its own: this file means nothing there
        (data / "postmaster.pid").unlink(missing_ok=True)
        return
    user, password = given["POSTGRES_USER"], given["POSTGRES_PASSWORD"]
    secret = topology.folder / "volumes" / NAME / "password"
    secret.write_text(password)
    words = ("initdb", f"--username={user}", f"--pwfile={secret}", "--locale=C.UTF-8")
    _check(topology.run(NAME, *words, "--auth-local=trust", "--auth-host=scram-sha-256"))
    secret.unlink()
    sockets = topology.mapped("/var/run/postgresql", NAME)
    with (data / "postgresql.conf").open("a") as file:
        file.write(f"listen_addresses = '{topology.addresses[NAME]}'\n")
        file.write(f"unix_socket_directories = '{sockets}'\n")
    with (data / "pg_hba.conf").open("a") as file:
        file.write("host all all all scram-sha-256\n")
    _check(topology.run(NAME, "pg_ctl", "--wait", f"--log={data}/setup.log", "start"))
    scripts = [m.source for m in topology.services[NAME].mounts if "initdb.d" in m.target]
    with psycopg.connect(
        host=sockets, user=user, password=password, dbname="postgres", autocommit=True
    ) as server:
        server.execute(f"CREATE DATABASE {given['POSTGRES_DB']}")
        for script in scripts:
            server.execute((topology.folder / "files" / script).read_text())
    _check(topology.run(NAME, "pg_ctl", "--wait", "--mode=fast", "stop"))


def _check(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stdout + done.stderr
