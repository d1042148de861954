"""Finds processes that tests have started, also those whose parents have died."""

import subprocess
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import psutil


def with_variable(name: str, value: object) -> list[int]:
    """Every process with this variable in its environment: children inherit it."""
    wanted = f"{name}={value}".encode()
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            # gone in the meantime, or another user's
            with suppress(OSError):
                if wanted in (folder / "environ").read_bytes().split(b"\0"):
                    found.append(int(folder.name))
    return found


def words_of(pid: int) -> list[str]:
    """What it was called with; nothing for one that has ended."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    return []


def family_of(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """What it has started; PostgreSQL's processes overwrite the variables that others inherit."""
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(process.pid).children(recursive=True)
    return []


def living(processes: Iterable[psutil.Process]) -> set[int]:
    """Those that have not ended."""
    found = set()
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                found.add(process.pid)
    return found
