"""The files of the image `trackflow`, without a container engine."""

import shutil
import subprocess
import sys
from pathlib import Path

from trackflow_tests.helpers.compose import ROOT, copies, dockerfile

CODE = "/opt/trackflow"

LOADED = (
    "trackflow.definitions",
    "trackflow.web.server",
    "dagster_webserver.cli",
    "dagster._daemon",
)
"""Modules that load most of what the services need."""


def build_image(image: Path) -> None:
    """Copy what the Dockerfile copies from the project to its places below a folder."""
    stages = dockerfile()
    for stage, workdir in ((stages["build"], CODE), (stages["trackflow"], "/")):
        for sources, target in copies(stage):
            for source in sources:
                path = image / workdir[1:] / target.lstrip("./" if target == "./" else "/")
                if target.endswith("/"):
                    path = path / Path(source).name
                path.parent.mkdir(parents=True, exist_ok=True)
                copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copy2
                copy(ROOT / source, path)
    # as the Dockerfile does: later on nobody may write beside the code, and each process would
    # compile everything anew
    command = [sys.executable, "-m", "compileall", "-q", str(image / CODE[1:] / "trackflow")]
    subprocess.run(command, check=True)
    subprocess.run([sys.executable, "-c", f"import {', '.join(LOADED)}"], check=True)
