"""Road networks: an OpenStreetMap extract and a profile in, an OSRM data set out.

A data set is built in a folder of its own and moved into place whole, so that no reader ever sees
half of one. Its version is a hash of everything that it is made of: the same input is never built
twice, and a new extract, profile or OSRM gives a new version beside the old one.

The programs are those of the osrm-bindings wheel, run directly rather than by `python -m osrm`,
which puts a second process between us and the program that would outlive a kill.
"""

import datetime as dt
import fcntl
import hashlib
import importlib.metadata
import importlib.util
import json
import re
import shutil
import subprocess
import tarfile
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

import numpy as np

from trackflow.errors import NetworkBuildError
from trackflow.geo.bbox import Bbox
from trackflow.geo.time import from_us
from trackflow.matching.extracts import checked_suffix

PROFILES = ("car", "bicycle", "foot")
BUILD_DEADLINE_S = 12 * 3600.0
"""Extracts of a large country take an hour or two; beyond this something hangs."""

SPACE_FACTOR = 6
"""The data sets and the files on the way to them take about this many times the extract."""

DATASET = "network.osrm"
EITHER_WAY_DATASET = "either_way.osrm"
"""Beside it, the same roads with one-ways ignored."""

DESCRIPTION = "network.json"

EITHER_WAY_PROFILE = """\
package.path = "{profiles}/?.lua;" .. package.path
local base = require("{profile}")
local ordinary_setup = base.setup
base.setup = function()
  local settings = ordinary_setup()
  settings.oneway_handling = false
  return settings
end
return base
"""
"""A profile like another one, but for one-ways: ploughs, buses and bicycles drive against them."""


@dataclass(frozen=True, slots=True)
class RoadNetwork:
    """A built data set.

    Attributes:
        profile: car, bicycle or foot.
        version: hash of the extract, the profile and OSRM's version; the data set carries it, so
            that an OSRM server that serves it reports the same one.
        folder: where it lies.
        dataset: what OSRM is pointed at; a base name, not a file.
        bbox: west, south, east, north in degrees, of the roads themselves.
        size_bytes: of all its files.
        source_name: the extract's file name.
        built_at_us: UTC microseconds since 1970.
    """

    profile: str
    version: str
    folder: Path
    dataset: Path
    bbox: Bbox
    size_bytes: int
    source_name: str
    built_at_us: int

    @property
    def built_at(self) -> dt.datetime:
        """When it was built, in UTC."""
        return from_us(self.built_at_us)


def build_network(
    extract: Path,
    profile: str,
    into: Path,
    *,
    on_progress: Callable[[str], None] | None = None,
    deadline_s: float = BUILD_DEADLINE_S,
) -> RoadNetwork:
    """The road network of an extract for a profile, in `into/<profile>/<version>`.

    Returns at once if it has been built before. Several processes may build at the same time, even
    the same network. An interrupt ends the program that is running and leaves nothing behind.

    Args:
        extract: an .osm.pbf, .osm, .osm.gz or .osm.bz2 file under any name.
        profile: one of `PROFILES`.
        into: the folder that holds all networks; made if missing.
        on_progress: called with each step in a few words.
        deadline_s: for the whole build.

    Raises:
        NetworkBuildError: the extract is missing, something else, damaged or without roads for the
            profile; there is no room; or a program failed. The message is one line with what to do.
    """
    report = on_progress or (lambda _: None)
    deadline = time.monotonic() + deadline_s
    try:
        version = _version(extract, profile)
        target = into / profile / version
        if (built := _already_built(target)) is not None:
            return built
        suffix = checked_suffix(extract)
        target.parent.mkdir(parents=True, exist_ok=True)
        _check_space(extract, into)
        with _workshop(into) as workshop:
            made = _build(workshop, extract, suffix, profile, version, report, deadline)
            if _version(extract, profile) != version:
                raise NetworkBuildError(
                    f"{extract.name} changed while it was read: build again once it is complete"
                )
            return _move_into_place(made, target, workshop)
    except OSError as error:
        # A full disk, a read-only folder: the system's own words name the cause best.
        reason = error.strerror or type(error).__name__
        raise NetworkBuildError(
            f"cannot build the {profile} network of {extract.name} in {into}: {reason}"
        ) from error


def load_network(folder: Path) -> RoadNetwork:
    """The network that `build_network` put into `folder`.

    Raises:
        NetworkBuildError: there is none, or it is incomplete.
    """
    folder = folder.resolve()  # a later reader may be in another working directory
    try:
        saved = json.loads((folder / DESCRIPTION).read_text())
        west, south, east, north = map(float, saved["extent"])
        network = RoadNetwork(
            profile=str(saved["profile"]),
            version=str(saved["version"]),
            folder=folder,
            dataset=folder / DATASET,
            bbox=Bbox(west, south, east, north),
            size_bytes=int(saved["size_bytes"]),
            source_name=str(saved["source_name"]),
            built_at_us=int(saved["built_at_us"]),
        )
    except FileNotFoundError:
        raise NetworkBuildError(
            f"no road network in {folder}: build one with `trackflow network build FILE.osm.pbf`"
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NetworkBuildError(
            f"{folder / DESCRIPTION} cannot be read ({type(error).__name__}): "
            "delete the folder and build the network again"
        ) from None
    # A data set with a file missing makes OSRM fail much later, with a message about that file.
    if _size_bytes(folder) != network.size_bytes:
        raise NetworkBuildError(f"{folder} is incomplete: delete it and build the network again")
    return network


def is_dataset(dataset: Path) -> bool:
    """Whether there is a data set; networks of earlier versions have none that ignores one-ways."""
    return dataset.with_name(f"{dataset.name}.properties").exists()


def _already_built(target: Path) -> RoadNetwork | None:
    try:
        return load_network(target)
    except NetworkBuildError:
        return None


def _version(extract: Path, profile: str) -> str:
    if profile not in PROFILES:
        raise NetworkBuildError(f"profile {profile!r} is none of {', '.join(PROFILES)}")
    if not extract.is_file():
        what = "is a folder" if extract.is_dir() else "does not exist"
        raise NetworkBuildError(
            f"{extract} {what}: give the path of an extract, such as an .osm.pbf file"
        )
    digest = hashlib.sha256(importlib.metadata.version("osrm-bindings").encode())
    digest.update(EITHER_WAY_PROFILE.encode())
    # Profiles share code in lib/: a change there changes the network too.
    scripts = _osrm_home() / "share" / "profiles"
    for path in [extract, scripts / f"{profile}.lua", *sorted((scripts / "lib").glob("*.lua"))]:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]


def _osrm_home() -> Path:
    spec = importlib.util.find_spec("osrm")  # finds the package without loading its 20 MB
    if spec is None or not spec.submodule_search_locations:
        raise NetworkBuildError("OSRM's programs are missing: pip install osrm-bindings")
    return Path(spec.submodule_search_locations[0])


def _check_space(extract: Path, into: Path) -> None:
    needed, free = extract.stat().st_size * SPACE_FACTOR, shutil.disk_usage(into).free
    if free < needed:
        raise NetworkBuildError(
            f"not enough room in {into}: the network of {extract.name} takes about "
            f"{needed / 1e6:.0f} MB, {free / 1e6:.0f} MB are free"
        )


@contextmanager
def _workshop(into: Path) -> Iterator[Path]:
    """A temporary folder beside the networks, removed at the end, also after an error.

    A build that is killed outright leaves its folder behind. Each folder holds a lock that dies
    with its owner, so the next build can distinguish such leftovers from the folders of running
    builds. Both steps are done under one lock: a folder that was just made is not yet locked.
    """
    with (into / ".lock").open("w") as gate:
        fcntl.flock(gate, fcntl.LOCK_EX)
        for leftover in into.glob(".building-*"):
            if _is_abandoned(leftover):
                shutil.rmtree(leftover, ignore_errors=True)
        workshop = Path(tempfile.mkdtemp(prefix=".building-", dir=into))
        owner = (workshop / "owner").open("w")
        fcntl.flock(owner, fcntl.LOCK_EX)
    try:
        yield workshop
    finally:
        shutil.rmtree(workshop, ignore_errors=True)
        owner.close()


def _is_abandoned(workshop: Path) -> bool:
    try:
        with (workshop / "owner").open() as owner:
            fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _build(
    workshop: Path,
    extract: Path,
    suffix: str,
    profile: str,
    version: str,
    report: Callable[[str], None],
    deadline: float,
) -> Path:
    """A complete data set in a folder inside `workshop`."""
    # OSRM recognises formats by suffix: under this name an extract may be called anything.
    source = workshop / f"extract{suffix}"
    source.symlink_to(extract.resolve())
    folder = workshop / "network"
    folder.mkdir()
    profiles = _osrm_home() / "share" / "profiles"
    either_way = workshop / "either_way.lua"
    either_way.write_text(EITHER_WAY_PROFILE.format(profiles=profiles, profile=profile))
    for script, dataset, name in (
        (profiles / f"{profile}.lua", DATASET, profile),
        (either_way, EITHER_WAY_DATASET, f"{profile}, one-ways ignored"),
    ):
        base = f"{folder.name}/{dataset}"
        made = ["--profile", str(script), "--data_version", version, "--output", base]
        commands = {"extract": [*made, source.name], "partition": [base], "customize": [base]}
        for program, arguments in commands.items():
            report(f"{program}: {extract.name} for {name}")
            run = _Run(program, arguments, workshop, deadline, report)
            if (failure := run.failure()) is not None:
                raise NetworkBuildError(_explain(failure, program, extract, profile))
    _describe(folder, extract, profile, version)
    return folder


class _Run:
    """One run of one of OSRM's programs, to its end, deadline or interruption."""

    def __init__(
        self,
        program: str,
        arguments: list[str],
        cwd: Path,
        deadline: float,
        report: Callable[[str], None],
    ) -> None:
        self.program = program
        self.timed_out = False
        # The last lines hold the reason of a failure; all lines of a long build would be megabytes.
        self.lines: deque[str] = deque(maxlen=50)
        # Relative paths inside `cwd` keep the temporary folder out of every message.
        self.process = subprocess.Popen(
            [str(_osrm_home() / "bin" / f"osrm-{program}"), *arguments],
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        watchdog = threading.Timer(max(deadline - time.monotonic(), 0.0), self._time_out)
        watchdog.daemon = True
        watchdog.start()
        output = self.process.stdout
        assert output is not None
        try:
            self._follow(output, report)
            self.process.wait()
        finally:
            # Also on Ctrl-C, and when `report` raises: the program must not outlive its caller.
            watchdog.cancel()
            self.process.kill()
            self.process.wait()
            output.close()

    def _time_out(self) -> None:
        self.timed_out = True
        self.process.kill()

    def _follow(self, output: IO[str], report: Callable[[str], None]) -> None:
        for raw in output:
            line = _without_stamp(raw)
            # Progress bars arrive as lines of dots and percentages.
            if re.search(r"[a-zA-Z]", line):
                self.lines.append(line)
            # Of a hundred lines, those that end like this announce a step.
            if line.endswith("..."):
                report(f"{self.program}: {line.rstrip(' .')}")

    def failure(self) -> str | None:
        """Why it failed, in its own words; None if it did not."""
        if self.timed_out:
            return "took longer than the deadline"
        code = self.process.returncode
        if code == 0:
            return None
        error_lines = [line for line in self.lines if re.match(r"\[error\]|what\(\):", line)]
        if code in (-9, -15) and not error_lines:
            return f"was killed by signal {-code}"
        reason = (
            error_lines[-1]
            if error_lines
            else (self.lines[-1] if self.lines else f"exit code {code}")
        )
        return _without_origin(reason)


def _without_stamp(line: str) -> str:
    """A line of OSRM's log without its time and, for ordinary lines, its level."""
    return re.sub(r"^\[[\d:T.-]+\] (\[info\] )?", "", line).strip()


def _without_origin(line: str) -> str:
    """An error of OSRM without its level and the place in its source code."""
    line = re.sub(r"^(\[\w+\]|what\(\):)\s*", "", line)
    line = re.sub(r"\s*\(at \S+:\d+\)$", "", line)
    return re.sub(r"\.?\s*(src|include)/\S+:\d+$", "", line)


def _explain(failure: str, program: str, extract: Path, profile: str) -> str:
    """What to do about it, with OSRM's own words."""
    advice = "see whether the file opens with another OpenStreetMap program"
    if "no edges" in failure.lower():
        return (
            f"{extract.name} holds no road for the profile {profile}: "
            "take an extract of a larger area or another profile"
        )
    if "no space left" in failure.lower():
        failure, advice = "no space left on the disk", "free some and build again"
    elif "killed" in failure or "bad_alloc" in failure:
        advice = "it probably ran out of memory: take a smaller extract or a larger machine"
    elif "deadline" in failure:
        advice = "take a smaller extract or allow more time"
    elif program == "extract":
        advice = "the file is damaged or incomplete: download it again"
    return f"osrm {program} failed on {extract.name} ({failure}): {advice}"


def _describe(folder: Path, extract: Path, profile: str, version: str) -> None:
    network = RoadNetwork(
        profile=profile,
        version=version,
        folder=folder,
        dataset=folder / DATASET,
        bbox=_bbox(folder / DATASET),
        size_bytes=_size_bytes(folder),
        source_name=extract.name,
        built_at_us=time.time_ns() // 1000,
    )
    # Its folder is not saved: networks may be moved and mounted elsewhere.
    saved = {k: v for k, v in asdict(network).items() if k not in ("folder", "dataset", "bbox")}
    saved["extent"] = network.bbox  # the key of files that earlier versions wrote
    (folder / DESCRIPTION).write_text(json.dumps(saved, indent=2) + "\n")


def _size_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir() if path.name != DESCRIPTION)


def _bbox(dataset: Path) -> Bbox:
    """The bounding box of the network's own nodes, in degrees.

    Not the box in the extract's header: many extracts have none, some have the planet's, and none
    shows where the roads of a profile are. OSRM keeps the nodes of a network in a tar file as pairs
    of 32-bit integers in millionths of a degree; they are read in place, without a copy.
    """
    path = Path(f"{dataset}.nbg_nodes")
    with tarfile.open(path) as tar:
        member = tar.getmember("/common/nbn_data/coordinates")
    pairs = np.memmap(path, "<i4", "r", offset=member.offset_data, shape=(member.size // 8, 2))
    west, south = (pairs.min(axis=0) / 1e6).tolist()
    east, north = (pairs.max(axis=0) / 1e6).tolist()
    return Bbox(west, south, east, north)


def _move_into_place(made: Path, target: Path, workshop: Path) -> RoadNetwork:
    """Publish a finished data set; if another build was faster, its result stands."""
    if target.exists() and _already_built(target) is None:
        # Damaged from outside: a complete network never stays behind a broken one.
        with suppress(OSError):
            target.replace(workshop / "damaged")
    try:
        made.replace(target)
    except OSError:
        # A folder cannot replace one that is not empty: the other build's is complete.
        if (built := _already_built(target)) is not None:
            return built
        raise
    return load_network(target)
