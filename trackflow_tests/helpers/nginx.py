"""A real nginx before the API, in the forms in which people set it up."""

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from trackflow_tests.helpers.programs import needed
from trackflow_tests.helpers.running_api import plain_client
from trackflow_tests.helpers.waiting import PATIENCE_S, wait_until

CONFIGURATIONS = {
    # as in every tutorial: nothing but an address
    "plain": "proxy_pass http://127.0.0.1:{port};",
    # the same as nginx does it by itself since 1.29.7: no trace of a proxy is left
    "plain 1.1": """
        proxy_pass http://127.0.0.1:{port};
        proxy_http_version 1.1;
        proxy_set_header Connection "";
    """,
    "told": """
        proxy_pass http://127.0.0.1:{port};
        proxy_set_header Host $http_host;
        proxy_set_header X-Real-IP $remote_addr;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
    """,
    # an attacker's Host reaches the API, and nothing else tells that there is a proxy
    "host only": """
        proxy_pass http://127.0.0.1:{port};
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host $http_host;
    """,
    "upstream": """
        proxy_pass http://trackflow;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
    """,
}

TEMPLATE = """
daemon off;
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_max_body_size 20m;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    upstream trackflow {{ server 127.0.0.1:{port}; keepalive 8; }}
    server {{
        listen 127.0.0.1:{own};
        location / {{ {location} }}
    }}
}}
"""


@contextmanager
def nginx_before(
    port: int, configuration: str, folder: Path, *, as_same_user: bool = False
) -> Iterator[httpx.Client]:
    """A client of an nginx that passes everything on to a port of this machine.

    Args:
        port: where the API is.
        configuration: a name in `CONFIGURATIONS`.
        folder: for its files.
        as_same_user: its workers run as this user, where they would run as another.
    """
    program = needed("nginx", "nginx-light")
    folder.mkdir(parents=True, exist_ok=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        own = free.getsockname()[1]
    file = folder / "nginx.conf"
    file.write_text(
        TEMPLATE.format(
            # without this right nginx has one user only, and says so
            user="user root;" if as_same_user and os.geteuid() == 0 else "",
            folder=folder,
            port=port,
            own=own,
            location=CONFIGURATIONS[configuration].format(port=port),
        )
    )
    folder.chmod(0o755)  # for workers of another user
    with (folder / "nginx.txt").open("wb") as output:
        process = subprocess.Popen(
            [program, "-e", str(folder / "start.log"), "-c", str(file), "-p", str(folder)],
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        address = f"http://127.0.0.1:{own}"
        with plain_client(address) as client:
            _wait_until_up(client, process, folder)
            yield client
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def _wait_until_up(client: httpx.Client, process: subprocess.Popen[bytes], folder: Path) -> None:
    def listens() -> bool:
        assert process.poll() is None, (folder / "nginx.txt").read_text()
        try:
            with socket.create_connection((client.base_url.host, client.base_url.port or 0)):
                return True
        except OSError:
            return False

    wait_until(listens, "nginx does not listen")
