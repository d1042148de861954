"""What a release publishes, built and installed once for all tests that use it."""

import fcntl
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from trackflow_tests.helpers.bytecode import write_uv

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Release:
    """A checked release.

    Attributes:
        dist: the folder of its files.
        environment: one in which its wheel is installed, and nothing of the checkout.
        said: what the check printed.
    """

    dist: Path
    environment: Path
    said: str

    def program(self, name: str) -> Path:
        return self.environment / "bin" / name


def make_release(folder: Path) -> Release:
    """Build and check it; the first of several test processes does, the others wait for it."""
    folder.mkdir(exist_ok=True)
    output = folder / "said.txt"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not output.exists():
            script = [sys.executable, ROOT / "scripts" / "release_check.py", "--without-demo"]
            places = ["--dist", folder / "dist", "--environment", folder / "environment"]
            programs = folder / "programs"
            programs.mkdir()
            write_uv(programs / "uv", folder)
            done = subprocess.run(
                [*script, *places],
                env=os.environ | indexes() | {"PATH": f"{programs}:{os.environ['PATH']}"},
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stdout + done.stderr
            output.write_text(done.stdout)
    return Release(folder / "dist", folder / "environment", output.read_text())


def indexes() -> dict[str, str]:
    """Where uv finds packages: a mirror that is given to pip is meant for it, too."""
    mirror = os.environ.get("PIP_INDEX_URL", "")
    return {"UV_DEFAULT_INDEX": mirror} if mirror and "UV_DEFAULT_INDEX" not in os.environ else {}
