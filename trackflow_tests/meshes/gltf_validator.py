"""The Khronos validator of glTF files, installed by npm into a folder of the user's cache."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import platformdirs
import pytest

PACKAGE = "gltf-validator@2.0.0-dev.3.10"
SCRIPT = """
const validator = require("gltf-validator");
const chunks = [];
process.stdin.on("data", (chunk) => chunks.push(chunk));
process.stdin.on("end", () =>
  validator
    .validateBytes(new Uint8Array(Buffer.concat(chunks)), { maxIssues: 0 })
    .then((report) => console.log(JSON.stringify(report)))
);
"""


def validator_folder() -> Path:
    """Where the validator lies; it is installed when it is not there yet."""
    folder = Path(platformdirs.user_cache_dir("trackflow-tests")) / PACKAGE.replace("@", "-")
    if (folder / "node_modules" / "gltf-validator").is_dir():
        return folder
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        message = "no npm found: apt-get install nodejs npm"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    unfinished = folder.with_name(f"{folder.name}.{os.getpid()}")
    unfinished.mkdir(parents=True)
    subprocess.run(
        [
            npm,
            "install",
            "--no-audit",
            "--no-fund",
            "--ignore-scripts",
            "--prefix",
            unfinished,
            PACKAGE,
        ],
        check=True,
        capture_output=True,
        timeout=300,
    )
    try:
        unfinished.rename(folder)
    except OSError:  # another test process was faster
        shutil.rmtree(unfinished)
    return folder


def validate(file: bytes) -> dict[str, Any]:
    """The validator's report on a file."""
    done = subprocess.run(
        ["node", "-e", SCRIPT],
        input=file,
        cwd=validator_folder(),
        check=True,
        capture_output=True,
        timeout=120,
    )
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def assert_valid(file: bytes, allowed: frozenset[str] = frozenset()) -> dict[str, Any]:
    """The validator has no error, warning or hint, and no remark but allowed ones."""
    report = validate(file)
    issues = report["issues"]
    assert (issues["numErrors"], issues["numWarnings"], issues["numHints"]) == (0, 0, 0), issues
    assert {message["code"] for message in issues["messages"]} <= allowed, issues["messages"]
    return report
