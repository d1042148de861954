"""A `trackflow` that starts at once: a process that has loaded it forks for each command.

    python preloaded.py SOCKET           the server, by the Python of an environment with trackflow
    python preloaded.py SOCKET WORDS…    a command, with this one's output, folder and environment

A page of the guide calls a dozen commands, and each start of Python with all that trackflow needs
takes a second of a processor. Pages that install it call the program itself.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

START_S = 240
LOADED = (
    "trackflow.cli.main", "trackflow.usecases.days.run", "trackflow.usecases.days.verify",
    "trackflow.usecases.housekeeping.archive", "trackflow.usecases.housekeeping.status",
    "trackflow.usecases.intake.importing", "trackflow.store.migrations.apply", "alembic.command",
    "trackflow.matching.engines.embedded", "psycopg", "pyarrow.compute",
)  # fmt: skip
"""Modules that load most of what commands need."""

WITHOUT_THREADS = {
    "OPENBLAS_NUM_THREADS": "1",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
}
"""A process with threads must not fork: a thread may hold a lock for ever in the copy."""


@contextmanager
def preloaded(python: Path, folder: Path) -> Iterator[Path]:
    """A folder with the program `trackflow`, while an environment's Python has it loaded.

    Args:
        python: of an environment in which trackflow is installed.
        folder: for files; sockets need short paths.
    """
    address = folder / "socket"
    programs = folder / "programs"
    programs.mkdir()
    program = programs / "trackflow"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -IS "{__file__}" "{address}" "$@"\n')
    program.chmod(0o755)
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "TRACKFLOW"))}
    server = subprocess.Popen([python, "-P", __file__, address], env=environment, cwd=folder)
    try:
        deadline = time.monotonic() + START_S
        while not address.exists():
            assert server.poll() is None, "it does not load"
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield programs
    finally:
        server.kill()
        server.wait()


def serve(address: str) -> None:
    """Load trackflow, then fork for each command that is asked for."""
    import importlib

    os.environ |= WITHOUT_THREADS
    for name in LOADED:
        importlib.import_module(name)
    assert len(os.listdir("/proc/self/task")) == 1, "it has threads"  # noqa: PTH208
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address + ".new")
    listener.listen()
    Path(address + ".new").rename(address)
    while True:
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _run(connection)
        connection.close()


def _run(connection: socket.socket) -> None:
    """Be the command, to the end; its exit code is the answer."""
    code = 1
    try:
        _become(connection)
        from trackflow.__main__ import main

        main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001  as Python itself does at the end of a program
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        connection.sendall(f"{code}\n".encode())
        os._exit(code)


def _become(connection: socket.socket) -> None:
    """Take the files, the folder, the environment and the words of who asks."""
    size = 1 << 20
    text, files, _, _ = socket.recv_fds(connection, size, 3)
    while not text.endswith(b"\n"):
        text += connection.recv(size)
    asked = json.loads(text)
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    sys.argv = ["trackflow", *asked["words"]]


def ask(address: str, words: list[str]) -> int:
    """Have a command run; returns its exit code."""
    asked = {"words": words, "folder": os.getcwd(), "environment": dict(os.environ)}  # noqa: PTH109
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(address)
        socket.send_fds(connection, [json.dumps(asked).encode() + b"\n"], [0, 1, 2])
        return int(connection.makefile().readline() or 1)


if __name__ == "__main__":
    if sys.argv[2:]:
        sys.exit(ask(sys.argv[1], sys.argv[2:]))
    serve(sys.argv[1])
