"""Whose program is at the other end: real processes that connect to a real API."""

import ipaddress
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.context import Context
from trackflow.store.access.no_token import read_mode
from trackflow.web.security import peers
from trackflow_tests.helpers.running_api import plain_client, running_api
from trackflow_tests.helpers.stores import open_context

NOBODY = 65_534

CLIENT = """
import http.client, socket, sys
port, mode = int(sys.argv[1]), sys.argv[2]
listener = None
if mode.startswith("listens"):
    listener = socket.create_server((mode.partition(" ")[2], 0))
connection = http.client.HTTPConnection("127.0.0.1", port, timeout=240)
connection.request("GET", "/worker/status")
answer = connection.getresponse()
print(answer.status, answer.read().decode())
"""

FORKS = """
import os, socket, subprocess, sys
listener = socket.create_server(("0.0.0.0", 0))
sys.exit(subprocess.run([sys.executable, *sys.argv[1:]], close_fds=True).returncode)
"""


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    with open_context(f"sqlite:///{tmp_path / 'trackflow.db'}", tmp_path) as opened:
        yield opened


@pytest.fixture
def api(context: Context) -> Iterator[httpx.Client]:
    with running_api(context) as client:
        yield client


def asked(api: httpx.Client, mode: str = "plain", user: int | None = None, *before: str) -> str:
    """The status and the body that another program gets."""
    command = [sys.executable, *before, "-c", CLIENT, str(api.base_url.port), mode]
    # the program's own folder may be shut to another user; the system's Python is not
    if user is not None:
        command[0] = "/usr/bin/python3"
    done = subprocess.run(command, capture_output=True, text=True, check=True, user=user)
    return done.stdout


@pytest.mark.parametrize("mode", ["plain", "listens 127.0.0.1"])
def test_a_program_of_this_user_gets_in(context: Context, api: httpx.Client, mode: str) -> None:
    assert asked(api, mode).startswith("200 ")
    assert is_on(context)


def test_a_program_that_listens_to_other_machines_ends_the_mode(
    context: Context, api: httpx.Client
) -> None:
    told = asked(api, "listens 0.0.0.0")
    assert told.startswith("401 ")
    assert "listens to other machines" in told
    assert not is_on(context)


def test_so_does_one_whose_parent_of_the_same_program_listens(
    context: Context, api: httpx.Client
) -> None:
    assert asked(api, "plain", None, "-c", FORKS).startswith("401 ")
    assert not is_on(context)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start another user's program")
def test_a_program_of_another_user_ends_the_mode(context: Context, api: httpx.Client) -> None:
    told = asked(api, user=NOBODY)
    assert told.startswith("401 ")
    assert f"another user (uid {NOBODY})" in told
    assert not is_on(context)


def test_where_the_system_does_not_tell_nobody_gets_in(
    context: Context, api: httpx.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peers, "PROC", tmp_path)
    assert asked(api).startswith("401 ")
    assert is_on(context), "which is no sign of a proxy"


def test_a_row_that_the_kernel_leaves_out_once_is_looked_for_again(
    api: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a busy machine people were turned away from their own service, now and then."""
    real, times = peers._read_sockets, iter(range(100))
    monkeypatch.setattr(
        peers, "_read_sockets", lambda ends: real(ends) if next(times) % 3 == 2 else []
    )
    assert api.get("/api/v1/devices").status_code == 200
    assert next(times) == 3


def test_a_connection_is_judged_once(api: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    assert api.get("/worker/status").status_code == 200
    monkeypatch.setattr(peers, "PROC", Path("/nowhere"))
    assert api.get("/worker/status").status_code == 200
    with plain_client(api.base_url) as other:
        assert other.get("/worker/status").status_code == 401


@given(st.ip_addresses(), st.integers(1, 65_535))
def test_the_kernels_way_of_writing_addresses_is_read(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int
) -> None:
    words = [address.packed[i : i + 4] for i in range(0, len(address.packed), 4)]
    text = "".join((w[::-1] if sys.byteorder == "little" else w).hex().upper() for w in words)
    expected = address
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        expected = address.ipv4_mapped
    assert peers._kernels_end(f"{text}:{port:04X}") == (expected, port)
    assert peers._kernels_text(expected, port, address.version) == f"{text}:{port:04X}"


def is_on(context: Context) -> bool:
    with context.store.read() as connection:
        return read_mode(connection).is_on
