"""Programs that are no Python packages, and that a machine may lack."""

import os
import shutil

import pytest


def needed(program: str, package: str) -> str:
    """Where a program is; without it the test is skipped, but in CI it fails.

    Args:
        program: its name.
        package: Debian's package of it.
    """
    # Debian puts servers where only root looks
    found = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin")
    if found is None:
        message = f"no {program} found: apt-get install {package}"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    return found
