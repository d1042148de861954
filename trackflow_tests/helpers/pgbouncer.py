"""A real PgBouncer before a PostgreSQL server, in transaction mode as people set it up."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy import URL, make_url

from trackflow_tests.helpers.programs import needed
from trackflow_tests.helpers.waiting import PATIENCE_S, wait_until

CONFIGURATION = """
[databases]
* = host={host} port={port} user={user}{password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {own}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {connections}
max_client_conn = 500
logfile = {folder}/pgbouncer.log
pidfile = {folder}/pgbouncer.pid
"""
"""Few connections to the server, so that the clients take turns on each of them."""


@contextmanager
def pgbouncer_before(database_url: str, *, connections: int = 2) -> Iterator[str]:
    """The URL of the same database behind a PgBouncer of its own.

    Args:
        database_url: of a PostgreSQL database, by a socket's folder or by TCP.
        connections: how many the PgBouncer opens to the server.
    """
    program = needed("pgbouncer", "pgbouncer")
    server = make_url(database_url)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        own = free.getsockname()[1]
    folder = Path(tempfile.mkdtemp(prefix="trackflow-pgbouncer-"))
    host = server.query.get("host") or server.host or "127.0.0.1"
    file = folder / "pgbouncer.ini"
    file.write_text(
        CONFIGURATION.format(
            host=host,
            port=server.port or 5432,
            user=server.username or "postgres",
            password=f" password={server.password}" if server.password else "",
            own=own,
            connections=connections,
            folder=folder,
        )
    )
    process = subprocess.Popen(
        [program, *_as_user(str(host), folder), str(file)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        url = server.set(host="127.0.0.1", port=own, query={})
        _wait_until_up(url, process, folder)
        yield url.render_as_string(hide_password=False)
    finally:
        process.terminate()
        process.wait(PATIENCE_S)
        shutil.rmtree(folder)


def _as_user(host: str, folder: Path) -> list[str]:
    """PgBouncer refuses to run as root: let it run as the user who may open the server's socket."""
    if os.geteuid() != 0:
        return []
    user = pwd.getpwuid(Path(host).stat().st_uid if host.startswith("/") else 65534)
    for path in (folder, *folder.iterdir()):
        os.chown(path, user.pw_uid, user.pw_gid)
    return ["-u", user.pw_name]


def _wait_until_up(url: URL, process: subprocess.Popen[bytes], folder: Path) -> None:
    address = url.set(drivername="postgresql").render_as_string(hide_password=False)
    log = folder / "pgbouncer.log"

    def said() -> str:
        return log.read_text() if log.exists() else "no log"

    def is_up() -> bool:
        assert process.poll() is None, said()
        try:
            psycopg.connect(address, connect_timeout=int(PATIENCE_S)).close()
        except psycopg.OperationalError:
            return False
        return True

    wait_until(is_up, said)
