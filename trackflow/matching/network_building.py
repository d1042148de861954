"""Builds road networks: an OpenStreetMap extract and a profile in, an OSRM data set out.

A data set is built in a folder of its own and moved into place whole, so that no reader ever sees
half of one. Its version is a hash of everything that it is made of: the same input is never built
twice, and a new extract, profile or OSRM gives a new version beside the old one.
"""

import hashlib
import importlib.metadata
import importlib.util
import json
import shutil
import tarfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trackflow.errors import NetworkBuildError
from trackflow.files import workshop
from trackflow.geo.bbox import Bbox
from trackflow.matching.coverage import Coverage
from trackflow.matching.extracts import checked_suffix
from trackflow.matching.networks import (
    DATASET,
    DESCRIPTION,
    EITHER_WAY_DATASET,
    PROFILES,
    RoadNetwork,
    load_network,
    size_bytes,
)
from trackflow.matching.osrm_programs import ProgramRun, osrm_home

BUILD_DEADLINE_S = 12 * 3600.0
"""Extracts of a large country take an hour or two; beyond this something hangs."""

SPACE_FACTOR = 6
"""The data sets and the files on the way to them take about this many times the extract."""

NODES_AT_ONCE = 1_000_000

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
        if (built := already_built(target)) is not None:
            return built
        suffix = checked_suffix(extract)
        target.parent.mkdir(parents=True, exist_ok=True)
        _check_space(extract, into)
        with workshop(into) as temporary:
            made = _build(temporary, extract, suffix, profile, version, report, deadline)
            if _version(extract, profile) != version:
                raise NetworkBuildError(
                    f"{extract.name} changed while it was read: build again once it is complete"
                )
            return move_into_place(made, target, temporary)
    except OSError as error:
        # A full disk, a read-only folder: the system's own words name the cause best.
        reason = error.strerror or type(error).__name__
        raise NetworkBuildError(
            f"cannot build the {profile} network of {extract.name} in {into}: {reason}"
        ) from error


def already_built(target: Path) -> RoadNetwork | None:
    """The complete network in a folder; None if there is none."""
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
    scripts = osrm_home() / "share" / "profiles"
    for path in [extract, scripts / f"{profile}.lua", *sorted((scripts / "lib").glob("*.lua"))]:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]


def _check_space(extract: Path, into: Path) -> None:
    needed, free = extract.stat().st_size * SPACE_FACTOR, shutil.disk_usage(into).free
    if free < needed:
        raise NetworkBuildError(
            f"not enough room in {into}: the network of {extract.name} takes about "
            f"{needed / 1e6:.0f} MB, {free / 1e6:.0f} MB are free"
        )


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
    profiles = osrm_home() / "share" / "profiles"
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
            run = ProgramRun(program, arguments, workshop, deadline, report)
            if (failure := run.failure()) is not None:
                raise NetworkBuildError(_explain(failure, program, extract, profile))
    _describe(folder, extract, profile, version)
    return folder


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
        size_bytes=size_bytes(folder),
        source_name=extract.name,
        built_at_us=time.time_ns() // 1000,
    )
    # Its folder is not saved: networks may be moved and mounted elsewhere.
    saved = {k: v for k, v in asdict(network).items() if k not in ("folder", "dataset", "bbox")}
    saved["extent"] = network.bbox  # the key of files that earlier versions wrote
    (folder / DESCRIPTION).write_text(json.dumps(saved, indent=2) + "\n")


def _bbox(dataset: Path) -> Bbox:
    """The bounding box of the network's own nodes, in degrees.

    Not the box in the extract's header: many extracts have none, some have the planet's, and none
    shows where the roads of a profile are.
    """
    pairs = _nodes(dataset)
    west, south = (pairs.min(axis=0) / 1e6).tolist()
    east, north = (pairs.max(axis=0) / 1e6).tolist()
    return Bbox(west, south, east, north)


def read_coverage(network: RoadNetwork) -> Coverage:
    """Where a network knows the roads, by its own nodes; for any network that OSRM has built.

    Raises:
        NetworkBuildError: its files are damaged.
    """
    try:
        pairs = _nodes(network.dataset)
    except (OSError, KeyError, ValueError, tarfile.TarError) as error:
        raise NetworkBuildError(
            f"{network.folder} is damaged ({type(error).__name__}): delete it and build the "
            "network again"
        ) from None
    return Coverage.together(
        Coverage.of(part[:, 0] / 1e6, part[:, 1] / 1e6)
        for part in (pairs[k : k + NODES_AT_ONCE] for k in range(0, len(pairs), NODES_AT_ONCE))
    )


def _nodes(dataset: Path) -> NDArray[np.int32]:
    """Longitudes and latitudes of a network's nodes in millionths of a degree, shape (n, 2).

    OSRM keeps them in a tar file as pairs of 32-bit integers; they are read in place, without a
    copy.
    """
    path = Path(f"{dataset}.nbg_nodes")
    with tarfile.open(path) as tar:
        member = tar.getmember("/common/nbn_data/coordinates")
    return np.memmap(path, "<i4", "r", offset=member.offset_data, shape=(member.size // 8, 2))


def move_into_place(made: Path, target: Path, workshop: Path) -> RoadNetwork:
    """Publish a finished data set; if another build was faster, its result stands."""
    if target.exists() and already_built(target) is None:
        # Damaged from outside: a complete network never stays behind a broken one.
        with suppress(OSError):
            target.replace(workshop / "damaged")
    try:
        made.replace(target)
    except OSError:
        # A folder cannot replace one that is not empty: the other build's is complete.
        if (built := already_built(target)) is not None:
            return built
        raise
    return load_network(target)
