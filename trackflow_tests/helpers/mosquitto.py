"""A real Mosquitto with TLS and accounts, set up as docs/mqtt.md says."""

import datetime as dt
import re
import socket
import ssl
import subprocess
from collections.abc import Mapping
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from trackflow_tests.helpers.http_servers import free_port
from trackflow_tests.helpers.programs import needed
from trackflow_tests.helpers.waiting import PATIENCE_S, wait_until

GUIDE = Path(__file__).parents[2] / "docs" / "mqtt.md"


class Mosquitto:
    """A broker that can be killed and started again.

    Args:
        folder: for its files.
        accounts: passwords by user.
    """

    def __init__(self, folder: Path, accounts: Mapping[str, str]) -> None:
        self.folder = folder
        folder.mkdir()
        self.port = free_port()
        self.ca = folder / "fullchain.pem"
        _certificate(folder)
        passwords = folder / "passwords"
        passwords.touch(mode=0o600)
        for user, password in accounts.items():
            command = [needed("mosquitto_passwd", "mosquitto"), "-b", passwords, user, password]
            subprocess.run(command, check=True, capture_output=True)
        configuration, rights = re.findall(r"```text\n(.*?)```", GUIDE.read_text(), re.DOTALL)
        (folder / "rights").write_text(rights)
        (folder / "rights").chmod(0o600)
        given = re.sub(r"/etc/mosquitto/(certs/)?", f"{folder}/", configuration)
        given = given.replace("listener 8883", f"listener {self.port} 127.0.0.1")
        # the service of Debian says so in the file that includes this one
        given += f"user root\npersistence_location {folder}/\nautosave_interval 1\n"
        (folder / "mosquitto.conf").write_text(given)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        program = needed("mosquitto", "mosquitto")
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [program, "-c", self.folder / "mosquitto.conf"], stdout=log, stderr=log
            )
        wait_until(self._answers)

    def stop(self) -> None:
        """End it as the system does; it keeps sessions and messages."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(PATIENCE_S)
            self._process = None

    def url(self, user: str, password: str) -> str:
        """Its address for an account."""
        return f"mqtts://{user}:{password}@127.0.0.1:{self.port}"

    def client(self, user: str, password: str) -> Any:
        """A connected client, as a phone's app is one."""
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion

        client = Client(CallbackAPIVersion.VERSION2)
        client.username_pw_set(user, password)
        client.tls_set_context(ssl.create_default_context(cafile=str(self.ca)))
        client.max_inflight_messages_set(1000)
        client.connect("127.0.0.1", self.port)
        client.loop_start()
        wait_until(client.is_connected)
        return client

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.folder / "log").read_text()
        try:
            socket.create_connection(("127.0.0.1", self.port), PATIENCE_S).close()
        except OSError:
            return False
        return True


def _certificate(folder: Path) -> None:
    """A certificate of 127.0.0.1 that signs itself, so it is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "broker")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=30))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "fullchain.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (folder / "privkey.pem").write_bytes(private)
