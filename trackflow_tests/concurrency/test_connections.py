import datetime as dt
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from trackflow.concurrency import connections
from trackflow.concurrency.connections import HttpClient
from trackflow.concurrency.deadline import TooLateError
from trackflow.concurrency.http import ask
from trackflow_tests.helpers.http_servers import answering, free_port, server_that


@contextmanager
def listening(*, backlog: int = 5) -> Iterator[tuple[str, socket.socket]]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(backlog)
        yield f"http://127.0.0.1:{server.getsockname()[1]}", server


def asked(client: HttpClient, url: str, seconds: float = 20.0) -> bytes:
    return ask(client, httpx.URL(url), deadline_s=seconds, max_bytes=100_000).body


ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def test_a_kept_connection_that_the_server_has_closed_is_no_failure() -> None:
    with listening() as (url, server), HttpClient() as client:

        def serve() -> None:
            for _ in range(3):  # each connection is closed after one answer, without a word
                with server.accept()[0] as connection:
                    connection.recv(65_536)
                    connection.sendall(ANSWER)

        thread = threading.Thread(target=serve)
        thread.start()
        for wait_s in (0.0, 0.2, 0.0):
            time.sleep(wait_s)
            assert asked(client, url) == b"ok"
        thread.join()


def test_a_new_connection_that_breaks_is_a_failure_at_once() -> None:
    with listening() as (url, server), HttpClient() as client:
        accepted = []

        def serve() -> None:
            connection = server.accept()[0]
            accepted.append(connection)
            connection.recv(65_536)
            connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(httpx.TransportError):
            asked(client, url)
        thread.join()
        assert len(accepted) == 1


def test_no_more_connections_than_allowed_and_a_wait_ends_in_time() -> None:
    release = threading.Event()

    def behave(out: object) -> None:
        assert release.wait(20)
        answering(200, b"ok")(out)  # type: ignore[arg-type]

    with server_that(behave) as (url, heads), HttpClient(connections=1) as client:
        first = threading.Thread(target=asked, args=(client, url))
        first.start()
        while not heads:
            time.sleep(0.01)
        with pytest.raises(TooLateError):
            asked(client, url, 0.2)
        assert len(heads) == 1
        release.set()
        first.join()
        assert asked(client, url) == b"ok"


def test_a_server_that_is_not_there_is_told_as_that() -> None:
    with HttpClient() as client, pytest.raises(httpx.ConnectError):
        asked(client, f"http://127.0.0.1:{free_port()}")
    long_name = "a" * 64
    with HttpClient() as client, pytest.raises(httpx.ConnectError):
        asked(client, f"http://{long_name}.example")


def test_the_next_address_of_a_server_is_tried() -> None:
    with server_that(answering(200, b"ok")) as (url, _):
        port = httpx.URL(url).port
        with HttpClient(resolve=lambda host, port: ["127.0.0.2", "127.0.0.1"]) as client:
            assert asked(client, f"http://nowhere.example:{port}") == b"ok"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of `127.0.0.1`, signed by itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a test")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@contextmanager
def secure_server(certificate: Path, body: bytes, answers: int) -> Iterator[str]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    with listening() as (url, server):

        def serve() -> None:
            connection = server.accept()[0]
            with connection:
                try:
                    wrapped = context.wrap_socket(connection, server_side=True)
                except ssl.SSLError:
                    return
                with wrapped:
                    for _ in range(answers):
                        wrapped.recv(65_536)
                        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
                        wrapped.sendall(head + body)

        thread = threading.Thread(target=serve)
        thread.start()
        yield url.replace("http:", "https:")
        thread.join()


def test_a_secure_server_is_asked_over_one_connection(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusting = ssl.create_default_context(cafile=str(certificate))
    monkeypatch.setattr(connections, "_ssl_context", lambda: trusting)
    body = b"x" * 90_000  # several records
    with secure_server(certificate, body, 3) as url, HttpClient() as client:
        for _ in range(3):
            assert asked(client, url) == body


def test_a_certificate_of_nobody_is_not_believed(certificate: Path) -> None:
    with (
        secure_server(certificate, b"", 1) as url,
        HttpClient() as client,
        pytest.raises(httpx.ConnectError, match=r"(?i)certificate"),
    ):
        asked(client, url)
