"""A real server of the S3 protocol, in a process of its own."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from trackflow_tests.helpers.http_servers import free_port
from trackflow_tests.helpers.waiting import wait_until


@contextmanager
def s3_server() -> Iterator[int]:
    """Its port."""
    port = free_port()
    code = f"from moto.server import main; main(['-H', '127.0.0.1', '-p', '{port}'])"
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", code],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: _listens(port, process), "the server does not start", pause_s=0.1)
        yield port
    finally:
        process.kill()
        process.wait()


def use_s3(port: int, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let addresses of S3 lead to the server, which gets the bucket if it has none."""
    for name, value in {
        "ACCESS_KEY_ID": "test",
        "SECRET_ACCESS_KEY": "test",
        "EC2_METADATA_DISABLED": "true",
        "MAX_ATTEMPTS": "1",
        "ENDPOINT_URL": f"http://127.0.0.1:{port}",
    }.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    filesystem = s3fs.S3FileSystem()
    if not filesystem.exists(bucket):
        filesystem.mkdir(bucket)


def _listens(port: int, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, "the server has ended"
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True
