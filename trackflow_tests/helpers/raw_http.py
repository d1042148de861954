"""HTTP requests as raw bytes: what no library would send, and an attacker does."""

import socket
from collections.abc import Sequence

from trackflow_tests.helpers.waiting import PATIENCE_S

type RawHeaders = Sequence[tuple[bytes, bytes]]


def status_of(
    port: int, method: str, target: bytes, headers: RawHeaders = (), body: bytes = b""
) -> tuple[int, bytes]:
    """The status of an answer and the rest of it; 0 if the connection was closed without one.

    Args:
        port: of this machine.
        method: such as GET.
        target: path and query as they are sent.
        headers: sent as they are; Host, Content-Length and Connection are added where they lack.
        body: as it is.
    """
    names = {name.lower() for name, _ in headers}
    more = [
        (name, value)
        for name, value in (
            (b"Host", f"127.0.0.1:{port}".encode()),
            (b"Content-Length", str(len(body)).encode()),
            (b"Connection", b"close"),
        )
        if name.lower() not in names
    ]
    lines = [b"%s %s HTTP/1.1" % (method.encode(), target)]
    lines += [b"%s: %s" % pair for pair in (*headers, *more)]
    answer = b""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as connection:
        try:
            connection.sendall(b"\r\n".join(lines) + b"\r\n\r\n" + body)
            while part := connection.recv(65_536):
                answer += part
        except OSError:  # it has closed on us while we were sending
            pass
    if answer.startswith(b"HTTP/1.1 100 "):  # it was asked whether to go on
        answer = answer.partition(b"\r\n\r\n")[2]
    return (int(answer.split(b" ", 2)[1]), answer) if answer.startswith(b"HTTP/") else (0, answer)
