"""Packages of npm that only tests use, installed into a folder of the user's cache."""

import os
import shutil
import subprocess
from pathlib import Path

import platformdirs
import pytest


def package_folder(package: str) -> Path:
    """Where a package such as `axe-core@4.14.1` lies, whose `node_modules` is below it.

    It is installed when it is not there yet.
    """
    name = package.rpartition("@")[0]
    folder = Path(platformdirs.user_cache_dir("trackflow-tests")) / package.replace("@", "-")
    if (folder / "node_modules" / name).is_dir():
        return folder
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        message = "no npm found: apt-get install nodejs npm"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    unfinished = folder.with_name(f"{folder.name}.{os.getpid()}")
    unfinished.mkdir(parents=True)
    options = ("--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(unfinished))
    subprocess.run(
        [npm, "install", *options, package], check=True, capture_output=True, timeout=600
    )
    try:
        unfinished.rename(folder)
    except OSError:  # another test process was faster
        shutil.rmtree(unfinished)
    return folder
