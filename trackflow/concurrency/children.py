"""Child processes that do not outlive this one."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from trackflow.errors import RetryableError

type Process = subprocess.Popen[bytes]

STOP_GRACE_S = 10.0

PR_SET_PDEATHSIG = 1
"""Option of Linux's prctl(2): the signal that a process gets when its parent dies."""

_LIBC = ctypes.CDLL(None)


def _end_with_parent() -> None:
    _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGINT)


END_WITH_PARENT = _end_with_parent if hasattr(_LIBC, "prctl") else None
"""For `subprocess.Popen(preexec_fn=…)`: interrupts the child when we are killed, as it would keep
its port and the next start would fail. None on macOS, which has no prctl: there a child outlives a
parent that is killed without warning."""


def spawn(
    module_and_arguments: Sequence[str],
    environment: Mapping[str, str],
    folder: str | None,
    output: IO[bytes],
) -> Process:
    """Start a Python program of its own.

    Args:
        module_and_arguments: the module that it runs, and its arguments.
        environment: all of its environment.
        folder: its working folder; None for ours.
        output: the file for its output.
    """
    return subprocess.Popen(
        [sys.executable, "-m", *module_and_arguments],
        env=environment,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        # a group of its own: an interrupt at the keyboard must reach it once, from us
        start_new_session=True,
        preexec_fn=END_WITH_PARENT,
    )


@contextmanager
def running(
    module_and_arguments: Sequence[str],
    environment: Mapping[str, str],
    folder: str | None,
    output: IO[bytes],
) -> Iterator[Process]:
    """As `spawn`; on leaving, the program ends with all that it has started."""
    process = spawn(module_and_arguments, environment, folder, output)
    try:
        yield process
    finally:
        stop(process)


def spawn_logged(
    module_and_arguments: Sequence[str],
    environment: Mapping[str, str],
    folder: str | None,
    log: Path,
) -> Process:
    """As `spawn`, with a file to which its output is added.

    Args:
        module_and_arguments: the module that it runs, and its arguments.
        environment: all of its environment.
        folder: its working folder; None for ours.
        log: the file for its output.

    Raises:
        RetryableError: the file cannot be opened, or the machine takes no more programs.
    """
    try:
        with log.open("ab") as output:
            return spawn(module_and_arguments, environment, folder, output)
    except OSError as error:
        about = f" ({error.filename})" if error.filename else ""
        raise RetryableError(
            f"{module_and_arguments[0]} cannot be started: {error.strerror}{about}"
        ) from None


def stop(process: Process, grace_s: float = STOP_GRACE_S) -> None:
    """End a process and its children; one that ignores the signal is killed after a grace time."""
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            if process.poll() is None:
                os.killpg(process.pid, number)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(grace_s)
    finally:
        # also after another interrupt; children may have outlived the process
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
