"""Runs pages of `docs/operations/`: each block `sh`, in order, in one shell, as it stands there.

What the page calls is the package that a release publishes. Paths of the machine lie below a folder
of the test's, ports are free ones, and what needs root or systemd is a stand-in (`stand_ins.py`).
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from trackflow_tests.docs import stand_ins
from trackflow_tests.docs.pages import ROOT, blocks
from trackflow_tests.helpers.bytecode import write_uv
from trackflow_tests.helpers.http_servers import free_port
from trackflow_tests.helpers.processes import with_variable
from trackflow_tests.helpers.release import Release, indexes

GUIDE = ROOT / "docs" / "operations"
PAGES = ("README", "install", "service", "configure", "secure", "backup", "upgrade", "move",
         "troubleshoot")  # fmt: skip
"""Those whose scripts `test_operations.py` runs."""

OF_THE_MACHINE = re.compile(r"(?<![\w.$~])/(?:opt|etc|mnt|var/lib|var/backups|usr/local)/(?=\w)")
LIMIT_S = 1500

PRELUDE = """
set -Eeuo pipefail
trap 'echo "failed: $BASH_COMMAND" >&2' ERR
serve_until_the_end() {
    "$@" >serve.txt 2>&1 &
    for _ in $(seq 1200); do
        if grep -q 'Ctrl-C stops it' serve.txt; then cat serve.txt; return 0; fi
        if ! kill -0 $! 2>/dev/null; then break; fi
        sleep 0.2
    done
    cat serve.txt
    return 1
}
"""

INSTEAD = {
    r"^uvx trackflow demo$": "uvx trackflow demo --help",
    r"^sudo python3 -m venv (\S+)$": r"uv venv --quiet \1",
    r"^sudo (\S+)/pip install trackflow$": r"uv pip install --quiet --python \1/python trackflow",
    r"^(\S+)/pip install trackflow$": (
        r"\1/pip install --quiet --no-deps trackflow && "
        r"uv pip install --quiet --python \1/python trackflow"
    ),
    r"^(pipx install trackflow)$": r"uv tool uninstall --quiet trackflow && \1",
    r"^(trackflow serve)$": r"serve_until_the_end \1",
    r"(trackflow serve)\b": r"\1 --port $PORT --dagster-port $DAGSTER_PORT",
    r"^(curl --silent .*/health)$": r"\1 || test $? = 7",
    r"127\.0\.0\.1:8000": "127.0.0.1:$PORT",
    r"postgresql\+psycopg://trackflow@db\.example\.org/trackflow": "$OTHER_DATABASE_URL",
}
"""What a test runs in place of what a page says.

The demo takes a minute, and demo/test_show.py runs it from the same wheel. pip takes minutes to
look for a hundred packages: it installs the wheel, and uv what that needs; in pages after the one
about installing, uv does both. Of two ways to install, a person chooses one. Trouble may be that
nothing answers.
"""


@dataclass
class Surroundings:
    """Where pages run.

    Attributes:
        folder: the working folder; HOME and the root of the machine lie below it.
        release: what is installed.
        installed: folders with the program `trackflow`, if it is there before the page begins.
        variables: more of the environment.
        programs: more of them, by name.
    """

    folder: Path
    release: Release
    installed: Sequence[Path] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    programs: Mapping[str, Path] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        return self.folder / "person"

    @property
    def root(self) -> Path:
        return self.folder / "root"

    @property
    def work(self) -> Path:
        return self.folder / "work"


def script_of(page: Path, root: Path, ports: tuple[int, int]) -> str:
    """The page's blocks as one script, with what a test must replace replaced."""
    text = "".join(blocks(page, "sh"))
    for pattern, instead in INSTEAD.items():
        text = re.sub(pattern, instead, text, flags=re.MULTILINE)
    text = text.replace("$PORT", str(ports[0])).replace("$DAGSTER_PORT", str(ports[1]))
    return OF_THE_MACHINE.sub(lambda found: f"{root}{found[0]}", text)


@contextmanager
def running(page: Path, where: Surroundings, last: str = "") -> Iterator[str]:
    """Run a page; gives what it printed.

    Args:
        page: of the guide.
        where: its surroundings.
        last: a command to run in the end, while what the page has started is still there; it finds
            the address of the map in `$MAP`.
    """
    ports = free_port(), free_port()
    for folder in (where.home, where.work, where.root):
        folder.mkdir(parents=True, exist_ok=True)
    for name in ("etc/systemd/system", "opt", "mnt/elsewhere", "var/lib", "var/backups",
                 "usr/local/bin"):  # fmt: skip
        (where.root / name).mkdir(parents=True, exist_ok=True)
    script = PRELUDE + script_of(page, where.root, ports) + last
    environment = _environment(where) | {"MAP": f"http://127.0.0.1:{ports[0]}"}
    output = where.folder / f"{page.stem}.txt"
    try:
        with output.open("wb") as file:
            done = subprocess.run(
                ["bash", "-c", script],
                cwd=where.work,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                timeout=LIMIT_S,
                check=False,
            )
        said = output.read_text("utf-8")
        assert done.returncode == 0, f"{page.name}:\n{said}"
        assert "Traceback" not in said
        yield said
    finally:
        end_all(where.folder)


def end_all(folder: Path) -> None:
    """End every process that a page has started."""
    for pid in processes(folder):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def processes(folder: Path) -> list[int]:
    """Every process that a page has started."""
    return with_variable("GUIDE_ROOT", folder / "root")


def _environment(where: Surroundings) -> dict[str, str]:
    """That of a new user: nothing of the checkout is on any path."""
    programs = where.folder / "programs"
    if not programs.exists():
        _make_programs(programs, where)
    kept = {k: v for k, v in os.environ.items() if k.startswith(("PIP_", "UV_", "SSL_", "LANG"))}
    uv = str(programs / "uv")
    cache = subprocess.run([uv, "cache", "dir"], capture_output=True, text=True, check=True)
    packages = {
        "PIP_FIND_LINKS": f"{where.release.dist} {os.environ.get('PIP_FIND_LINKS', '')}".strip(),
        "PIP_CONSTRAINT": str(_constraints(where.folder)),
        "UV_FIND_LINKS": str(where.release.dist),
        "UV_CONSTRAINT": str(_constraints(where.folder)),
        "UV_CACHE_DIR": cache.stdout.strip(),
        "UV_PYTHON": os.path.realpath(sys.executable),
        "PIPX_DEFAULT_BACKEND": "uv",
        "PIPX_DEFAULT_PYTHON": os.path.realpath(sys.executable),
    }
    paths = [programs, where.home / ".local/bin", *where.installed, where.root / "usr/local/bin",
             "/usr/sbin", "/usr/bin", "/sbin", "/bin"]  # fmt: skip
    return (
        kept
        | indexes()
        | packages
        | {
            "PATH": ":".join(map(str, paths)),
            "HOME": str(where.home),
            "LC_ALL": "C.UTF-8",
            "GUIDE_ROOT": str(where.root),
            "TRACKFLOW_WORKERS": "2",
        }
        | where.variables
    )


def _constraints(folder: Path) -> Path:
    """The versions of the lock without their hashes, which pip takes for requirements only."""
    path = folder / "constraints.txt"
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    pins = re.findall(r"^([\w.\-]+==[^\\\n]+?) *\\?$", lock, re.MULTILINE)
    path.write_text("\n".join(pins) + "\n")
    return path


def _make_programs(folder: Path, where: Surroundings) -> None:
    folder.mkdir()
    for name, target in where.programs.items():
        _link(folder / name, str(target))
    _link(folder / "python3", os.path.realpath(sys.executable))
    uv = folder / "uv"
    write_uv(uv, where.folder)
    _script(folder / "uvx", f'exec {uv} tool run "$@"')
    _script(folder / "pipx", f'exec {uv} tool run --quiet pipx "$@"')
    for name in stand_ins.PROGRAMS:
        _script(folder / name, f'exec {sys.executable} {stand_ins.__file__} {name} "$@"')
    for name in ("systemd-analyze", "gpg"):
        if shutil.which(name) is None:
            assert not os.environ.get("CI"), f"{name} is missing"
            _script(folder / name, 'touch "${@: -1}.gpg"')


def _link(path: Path, target: str) -> None:
    path.symlink_to(target)


def _script(path: Path, command: str) -> None:
    path.write_text(f"#!/bin/sh\n{command}\n")
    path.chmod(0o755)
