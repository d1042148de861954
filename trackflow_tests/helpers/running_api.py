"""The API on a real socket, in a thread of the test."""

import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import uvicorn

from trackflow.context import Context
from trackflow.store.access import tokens
from trackflow.store.access.tokens import Scope
from trackflow.web.security.limits import USUAL_LIMITS, RequestLimits
from trackflow.web.server import uvicorn_config
from trackflow_tests.helpers.waiting import PATIENCE_S, wait_until
from trackflow_tests.web.described import check_answer

WITHOUT_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For clients that speak plain HTTP: httpx reads all certificates for each one that has none."""


@contextmanager
def running_api(
    context: Context, host: str = "127.0.0.1", limits: RequestLimits = USUAL_LIMITS
) -> Iterator[httpx.Client]:
    """A client of a running API; it has no token and its `base_url` is the API's address."""
    with (
        running_server(uvicorn_config(context, host, 0, limits)) as address,
        plain_client(address) as client,
    ):
        yield client


@contextmanager
def running_server(config: uvicorn.Config) -> Iterator[str]:
    """The address of a running server."""
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_until(
        lambda: server.started or not thread.is_alive(), "the server does not start", pause_s=0.01
    )
    assert server.started, "the server did not start"
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(PATIENCE_S)


def plain_client(address: str | httpx.URL, *, is_api: bool = True) -> httpx.Client:
    """A client of a server of this machine; each answer of the API has to be as it is described."""
    return httpx.Client(
        base_url=address,
        trust_env=False,
        timeout=PATIENCE_S,
        verify=WITHOUT_TLS,
        event_hooks={"response": [check_answer] if is_api else []},
    )


def wait_until_served(address: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until the API of another process answers."""

    def answers() -> bool:
        assert process.poll() is None, "the service ended"
        try:
            return client.get("/health").status_code == 200
        except httpx.ConnectError:
            return False

    with plain_client(address) as client:
        wait_until(answers, "the service", pause_s=0.1)


def token_for(context: Context, scope: Scope, device_id: str | None = None) -> str:
    """The secret of a new token."""
    with context.store.write() as connection:
        secret, _ = tokens.create(connection, "test", scope, device_id, context.clock())
    return secret


def bearer(secret: str) -> dict[str, Any]:
    return {"headers": {"Authorization": f"Bearer {secret}"}}
