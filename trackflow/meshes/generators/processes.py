"""Child processes as the parent sees them: started, spoken to, ended when they do too much."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe
from typing import Any

import orjson

from trackflow.errors import MeshServiceError, MeshServiceUnavailableError

START_S = 120.0
"""Importing the libraries takes a second, on a busy machine many."""

MOST_ANSWER_BYTES = 1_000_000
MOST_FILE_BYTES = 2_000_000_000
CHECK_EVERY_S = 0.1
"""How often the caller is asked whether it still wants the mesh."""

END_S = 5.0

KEPT_VARIABLES = (
    "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PATH", "PYTHONPATH", "TMPDIR", "VIRTUAL_ENV",
)  # fmt: skip
"""A child decodes strangers' images: it gets no passwords of the database."""

ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "GDAL_NUM_THREADS"), "1"
)
"""Processes share the processors; each thread of OpenBLAS would take its share of the memory."""


@dataclass(slots=True)
class Child:
    """A running child that is ready for a job.

    Attributes:
        process: its process.
        connection: to it.
        first_bytes: memory that it held at its start.
        resident_bytes: memory that it held after its last job.
        jobs: that it has done.
    """

    process: subprocess.Popen[bytes]
    connection: Connection
    first_bytes: int = 0
    resident_bytes: int = 0
    jobs: int = 0

    @classmethod
    def start(cls, memory_bytes: int) -> "Child":
        """A new child, which may use so much memory beyond what its libraries take.

        Raises:
            MeshServiceUnavailableError: it does not start.
        """
        ours, theirs = Pipe()
        module = "trackflow.meshes.generators.child"
        # not `multiprocessing`: it would import the parent's main module in each child, such as
        # Dagster; -P: a file of the current folder must not pass for a library
        command = [sys.executable, "-P", "-m", module, str(theirs.fileno()), str(memory_bytes)]
        process = subprocess.Popen(
            command,
            pass_fds=(theirs.fileno(),),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=_environment(os.environ),
            start_new_session=True,  # Ctrl-C is the parent's to handle
        )
        theirs.close()
        child = cls(process, ours)
        try:
            ready = child.receive(time.monotonic() + START_S, lambda: None)
        except (MeshServiceError, TimeoutError) as error:
            child.kill()
            raise MeshServiceUnavailableError(
                f"the child process that makes meshes does not start: {error}"
            ) from None
        child.first_bytes = child.resident_bytes = int(ready["resident_bytes"])
        return child

    def send(self, *parts: bytes) -> None:
        """Send messages.

        Raises:
            MeshServiceError: it has died.
        """
        try:
            for part in parts:
                self.connection.send_bytes(part)
        except OSError:
            raise self._death() from None

    def receive(self, until_s: float, check: Callable[[], None]) -> dict[str, Any]:
        """Its next answer.

        Args:
            until_s: the deadline, in monotonic seconds.
            check: called while waiting; what it raises ends the wait.

        Raises:
            TimeoutError: the deadline has passed.
            MeshServiceError: it has died, or gives no answer that makes sense.
        """
        data = self._received(until_s, check, MOST_ANSWER_BYTES)
        try:
            values = orjson.loads(data)
        except orjson.JSONDecodeError:
            values = None
        if not isinstance(values, dict):
            raise MeshServiceError("the child process gives no answer that makes sense")
        return values

    def receive_file(self, until_s: float, check: Callable[[], None]) -> bytes:
        """A file, as `receive`."""
        return self._received(until_s, check, MOST_FILE_BYTES)

    def _received(self, until_s: float, check: Callable[[], None], most_bytes: int) -> bytes:
        try:
            while not self.connection.poll(CHECK_EVERY_S):
                check()
                if time.monotonic() > until_s:
                    raise TimeoutError("it took too long")
            return self.connection.recv_bytes(most_bytes)
        except TimeoutError:
            raise
        except (EOFError, OSError):
            raise self._death() from None

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None

    @property
    def was_killed(self) -> bool:
        """Whether it was ended by SIGKILL, which Linux sends where memory is short."""
        return self.process.poll() == -signal.SIGKILL

    def end(self) -> None:
        """Let it end by itself: it sees that the connection is closed."""
        self.connection.close()
        try:
            self.process.wait(END_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it at once."""
        self.connection.close()
        self.process.kill()
        self.process.wait()

    def _death(self) -> MeshServiceError:
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(END_S)
        code = self.process.poll()
        if code == -signal.SIGKILL:
            return MeshServiceError(
                "its child process was killed, most likely as the machine is short of memory"
            )
        if code is not None and code < 0:
            return MeshServiceError(f"its child process crashed ({_signal_name(-code)})")
        return MeshServiceError(f"its child process ended by itself (exit code {code})")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _environment(of_parent: Mapping[str, str]) -> dict[str, str]:
    kept = {name: of_parent[name] for name in KEPT_VARIABLES if name in of_parent}
    return kept | ONE_THREAD
