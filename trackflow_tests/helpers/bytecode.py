"""A uv that gives new environments what Python has compiled for another one.

    python bytecode.py PACKAGES FOLDER

links it from the folder PACKAGES to all environments below FOLDER. uv links packages of one version
from its cache, so sources are the same files everywhere; Python itself compares their size and time
with what was compiled. Without this, each new environment compiles a hundred packages anew.
"""

import os
import shutil
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = "site-packages"
DEPTH = 9
"""Folders between an environment's packages and where environments are looked for, at most."""


def write_uv(path: Path, folder: Path) -> None:
    """Write a program that is uv, for environments below a folder."""
    uv = shutil.which("uv", path=f"{os.environ['PATH']}:{ROOT / '.uv/bin'}")
    assert uv is not None, "needs uv"
    ours = sysconfig.get_path("purelib")
    path.write_text(
        "#!/bin/sh\n"
        f'"{uv}" "$@" || exit\n'
        f'case " $* " in *" install "*) "{sys.executable}" -IS "{__file__}" "{ours}" "{folder}" ;;'
        " esac\n"
    )
    path.chmod(0o755)


def link_compiled(source: Path, folder: Path) -> None:
    """Link what was compiled for the packages of `source` to the same ones below a folder."""
    for packages in _environments(folder):
        for place, folders, _ in os.walk(packages):
            with suppress(ValueError):
                folders.remove("__pycache__")
            theirs = source / Path(place).relative_to(packages) / "__pycache__"
            if theirs.is_dir():
                ours = Path(place) / "__pycache__"
                ours.mkdir(exist_ok=True)
                for compiled in theirs.iterdir():
                    with suppress(FileExistsError):
                        (ours / compiled.name).hardlink_to(compiled)


def _environments(folder: Path) -> Iterator[Path]:
    for place, folders, _ in os.walk(folder):
        if PACKAGES in folders:
            yield Path(place) / PACKAGES
            folders.clear()
        elif len(Path(place).relative_to(folder).parts) >= DEPTH:
            folders.clear()


if __name__ == "__main__":
    link_compiled(*map(Path, sys.argv[1:]))
