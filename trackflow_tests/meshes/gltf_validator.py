"""The Khronos validator of glTF files, installed by npm into a folder of the user's cache."""

import json
import subprocess
from typing import Any

from trackflow_tests.helpers.npm import package_folder
from trackflow_tests.helpers.waiting import PATIENCE_S

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


def validate(file: bytes) -> dict[str, Any]:
    """The validator's report on a file."""
    done = subprocess.run(
        ["node", "-e", SCRIPT],
        input=file,
        cwd=package_folder(PACKAGE),
        check=True,
        capture_output=True,
        timeout=PATIENCE_S,
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
