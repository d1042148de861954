"""The files of the image `trackflow`, without a container engine."""

import shutil
import subprocess
import sys
from importlib.util import cache_from_source, find_spec
from pathlib import Path

from trackflow_tests.helpers.compose import ROOT, copies, dockerfile

CODE = "/opt/trackflow"

LOADED = {
    "trackflow.definitions": "definitions.py",
    "trackflow.web.server": "web/server.py",
    "dagster_webserver.cli": "cli.py",
    "dagster._daemon": "_daemon/__init__.py",
}
"""Modules that load most of what the services need, and their files in the package."""


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
    new = [module for module, file in LOADED.items() if not _is_compiled(module, file)]
    if new:
        subprocess.run([sys.executable, "-c", f"import {', '.join(new)}"], check=True)


def _is_compiled(module: str, file: str) -> bool:
    """Whether it was loaded some time, and so all that it needs was compiled."""
    package = find_spec(module.partition(".")[0])
    assert package is not None
    assert package.origin is not None
    return Path(cache_from_source(str(Path(package.origin).parent / file))).exists()
