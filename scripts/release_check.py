#!/usr/bin/env python3
"""Build what a release publishes, and check it as its users get it. `make release-check` calls it.

    .venv/bin/python scripts/release_check.py [--dist DIST] [--environment FOLDER] [--without-demo]

DIST gets the sdist, the wheel (made of the sdist), a bill of materials (CycloneDX), and the hashes
of all three. The wheel is installed into a new environment that holds nothing of the checkout, at
the versions of requirements.lock, and used from an empty folder.
"""

import argparse
import datetime as dt
import hashlib
import json
import os
import re
import runpy
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
import tomllib
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PROGRAMS = Path(sys.executable).parent
READY = "Ctrl-C stops it."
START_S = 300
PAGES = ("/", "/health", "/meshes", "/static/three/build/three.module.js", "/static/maplibre-gl.js")
"""What an empty store answers; among them are files that only a build puts there."""

LOADED = "/graphql?query=" + urllib.parse.quote(
    "{repositoriesOrError{__typename ...on RepositoryConnection{nodes{name}} "
    "...on PythonError{message}}}"
)
"""Asks Dagster for what it has loaded of trackflow.definitions, or why it could not."""


class WrongReleaseError(Exception):
    """A release must not be published like this."""


def main() -> None:
    """Do all of it; the first thing that is wrong ends it with one line."""
    parser = argparse.ArgumentParser(description="Build a release and check it.")
    parser.add_argument("--dist", type=Path, default=ROOT / "dist", help="where the files go")
    parser.add_argument("--environment", type=Path, help="make and keep the environment here")
    parser.add_argument(
        "--without-demo", action="store_true", help="do not run the demo (a minute)"
    )
    chosen = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="release-check-") as folder:
            environment = chosen.environment or Path(folder) / "environment"
            check(chosen.dist.absolute(), environment.absolute(), Path(folder))
            if not chosen.without_demo:
                say("The demo runs from the wheel")
                run(
                    [program(environment, "trackflow"), "demo", "--no-serve"], empty(folder, "demo")
                )
    except (WrongReleaseError, OSError) as error:
        raise SystemExit(f"release-check: {error}") from None
    say(
        f"All is well. {chosen.dist} holds: {', '.join(sorted(p.name for p in files(chosen.dist)))}"
    )


def check(dist: Path, environment: Path, folder: Path) -> None:
    """Build, and check each promise but the demo.

    Args:
        dist: where the files of the release go; files of earlier builds are removed.
        environment: where the new environment is made.
        folder: for temporary files.
    """
    say("The version, the changelog and the tag agree")
    version = checked_version(ROOT)
    say("Building the sdist, and the wheel from it")
    wheel = build(dist, folder)
    run([PROGRAMS / "twine", "check", "--strict", *files(dist)], ROOT)
    run([PROGRAMS / "check-wheel-contents", wheel], ROOT)
    say("Installing the wheel into an environment of its own")
    install(wheel, environment)
    say("The bill of materials")
    write_bill(environment, dist / f"trackflow-{version}.cdx.json")
    write_hashes(dist)
    say("Using it from an empty folder")
    use(environment, version, folder)


def checked_version(root: Path) -> str:
    """The version, if all places that name it agree.

    Raises:
        WrongReleaseError: one does not.
    """
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    version = str(project["version"])
    module = re.search(r'__version__ = "(.+)"', (root / "trackflow/__init__.py").read_text("utf-8"))
    newest = re.search(
        r"^## (\S+) \((\S+)\)$", (root / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE
    )
    if module is None or module[1] != version:
        raise WrongReleaseError(f"pyproject.toml says {version}, trackflow/__init__.py another")
    if newest is None or newest[1] != version:
        raise WrongReleaseError(f"the newest heading of CHANGELOG.md is not `## {version} (DATE)`")
    try:
        dt.date.fromisoformat(newest[2])
    except ValueError:
        raise WrongReleaseError(f"CHANGELOG.md: {newest[2]} is no date") from None
    done = subprocess.run(
        ["git", "tag", "--points-at", "HEAD"], cwd=root, capture_output=True, text=True, check=False
    )
    tags = [tag for tag in done.stdout.split() if re.match(r"v\d", tag)]
    if tags and tags != [f"v{version}"]:
        raise WrongReleaseError(f"this commit is tagged {', '.join(tags)}, and is {version}")
    return version


def build(dist: Path, folder: Path) -> Path:
    """Build the sdist from the checkout and the wheel from the sdist; returns the wheel.

    An installer that has only the sdist gets the same wheel.
    """
    dist.mkdir(parents=True, exist_ok=True)
    for old in files(dist):
        old.unlink()
    backend = [sys.executable, "-m", "hatchling", "build", "-d", dist]
    run([*backend, "-t", "sdist"], ROOT)
    (sdist,) = dist.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "source", filter="data")
    run([*backend, "-t", "wheel"], next((folder / "source").iterdir()))
    (wheel,) = dist.glob("*.whl")
    return wheel


def files(dist: Path) -> list[Path]:
    """What a build has put into a folder."""
    return sorted([*dist.glob("trackflow-*"), *dist.glob("SHA256SUMS")])


def install(wheel: Path, environment: Path) -> None:
    """Install a wheel, and nothing of the checkout, into a new environment."""
    uv = shutil.which("uv", path=f"{os.environ.get('PATH', '')}:{ROOT / '.uv/bin'}")
    if uv is None:
        raise WrongReleaseError("needs uv on PATH")
    python = program(environment, "python")
    run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, environment], ROOT)
    constraint = ["--constraint", ROOT / "requirements.lock"]
    run([uv, "pip", "install", "--quiet", "--python", python, *constraint, wheel], wheel.parent)
    run([uv, "pip", "check", "--quiet", "--python", python], wheel.parent)


def write_bill(environment: Path, path: Path) -> None:
    """Write the bill of materials: what an installation holds, and what the wheel brings of npm."""
    of_project = ["--pyproject", ROOT / "pyproject.toml", "--mc-type", "application"]
    options = ["--output-reproducible", "--output-format", "JSON", "--output-file", path]
    python = program(environment, "python")
    run([PROGRAMS / "cyclonedx-py", "environment", *of_project, *options, python], ROOT)
    bill: dict[str, Any] = json.loads(path.read_text("utf-8"))
    bill["components"] += [
        {
            "type": "library",
            "bom-ref": f"{package.name}@{package.version}",
            "name": package.name,
            "version": package.version,
            "purl": f"pkg:npm/{package.name}@{package.version}",
        }
        for package in runpy.run_path(str(ROOT / "scripts" / "vendor.py"))["PACKAGES"]
    ]
    path.write_text(json.dumps(bill, indent=2) + "\n", "utf-8")


def write_hashes(dist: Path) -> None:
    """Write SHA256SUMS, for `sha256sum --check`."""
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}" for path in files(dist)
    ]
    (dist / "SHA256SUMS").write_text("\n".join(lines) + "\n", "utf-8")


def use(environment: Path, version: str, folder: Path) -> None:
    """Call the programs, and serve.

    Raises:
        WrongReleaseError: something fails, says another version, or does not load.
    """
    where = empty(folder, "used")
    python, trackflow = program(environment, "python"), program(environment, "trackflow")
    for command in ([trackflow], [python, "-m", "trackflow"]):
        said = run([*command, "--version"], where).strip()
        if said != f"trackflow {version}":
            raise WrongReleaseError(f"{command[-1]} --version says {said}, not {version}")
    run([python, "-c", "import trackflow; trackflow.open_store, trackflow.split"], where)
    with served(trackflow, where) as (api, dagster_ui):
        for page in PAGES:
            answer_of(api + page)
        location = json.loads(answer_of(dagster_ui + LOADED))["data"]["repositoriesOrError"]
        if location["__typename"] != "RepositoryConnection" or not location["nodes"]:
            raise WrongReleaseError(f"Dagster cannot load trackflow.definitions: {location}")


def answer_of(address: str) -> bytes:
    """What an address answers.

    Raises:
        WrongReleaseError: nothing, or an error.
    """
    try:
        with urllib.request.urlopen(address, timeout=START_S) as answer:  # noqa: S310  our own
            return bytes(answer.read())
    except OSError as error:
        raise WrongReleaseError(f"GET {address}: {error}") from None


@contextmanager
def served(trackflow: Path, folder: Path) -> Iterator[tuple[str, str]]:
    """`trackflow serve` on free ports: the addresses of its map and of its Dagster UI.

    Raises:
        WrongReleaseError: it does not start, or does not end well.
    """
    ports = [str(free_port()) for _ in range(2)]
    command = [trackflow, "serve", "--port", ports[0], "--dagster-port", ports[1]]
    output = folder / "serve.txt"
    with output.open("wb") as file:
        process = subprocess.Popen(
            command, cwd=folder, env=surroundings(folder), stdout=file, stderr=subprocess.STDOUT
        )
    try:
        deadline = time.monotonic() + START_S
        while READY not in output.read_text("utf-8"):
            if process.poll() is not None or time.monotonic() > deadline:
                raise WrongReleaseError(f"trackflow serve: {output.read_text('utf-8')}")
            time.sleep(0.2)
        yield f"http://127.0.0.1:{ports[0]}", f"http://127.0.0.1:{ports[1]}"
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(START_S)
        if process.returncode != 0:
            raise WrongReleaseError(
                f"trackflow serve does not end well (code {process.returncode}): "
                f"{output.read_text('utf-8')}"
            )
    finally:
        process.kill()  # what it has started ends with it
        process.wait()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def run(command: list[Any], folder: Path) -> str:
    """Run a program to its end; returns what it printed.

    Raises:
        WrongReleaseError: it fails, or is not there.
    """
    words = [str(word) for word in command]
    env = os.environ if folder == ROOT or (folder / "pyproject.toml").exists() else None
    try:
        done = subprocess.run(
            words,
            cwd=folder,
            env=env or surroundings(folder),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError as error:
        raise WrongReleaseError(
            f"cannot run {words[0]} ({error.strerror}): `make lint` installs what is needed"
        ) from None
    if done.returncode:
        raise WrongReleaseError(f"{' '.join(words)}\n{done.stdout}{done.stderr}")
    return done.stdout


def surroundings(folder: Path) -> dict[str, str]:
    """An environment in which neither the checkout nor anybody's data is found."""
    ours = ("PYTHON", "TRACKFLOW_", "DAGSTER_", "VIRTUAL_ENV")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return kept | {"TRACKFLOW_HOME": str(folder / "home"), "DAGSTER_DISABLE_TELEMETRY": "1"}


def empty(folder: str | Path, name: str) -> Path:
    """A new folder below another."""
    path = Path(folder) / name
    path.mkdir()
    return path


def program(environment: Path, name: str) -> Path:
    """A program of an environment."""
    return environment / "bin" / name


def say(line: str) -> None:
    """Tell a step."""
    print(line, flush=True)


if __name__ == "__main__":
    main()
