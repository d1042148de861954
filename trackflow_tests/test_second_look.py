"""A second look at what failed hides nothing that is broken."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from trackflow_tests.second_look import FEW, modules_to_try

ROOT = Path(__file__).parents[1]

STARVED = """
from pathlib import Path

def test_first(): assert Path("was_here").exists() or Path("was_here").touch()
def test_other(): pass
"""
BROKEN = "def test_first(): assert False"


@pytest.mark.parametrize(
    ("content", "status"), [(STARVED, 0), (BROKEN, 1)], ids=["by chance", "broken"]
)
def test_only_what_passes_alone_is_let_through(content: str, status: int, tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(content)
    settings = ["-c", os.devnull, "--rootdir", str(tmp_path)]
    run = [sys.executable, "-m", "pytest", *settings, "-pxdist", "-n", "1", "--dist", "loadgroup"]
    # a plugin that is installed takes up to a second of each of these eight processes
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    first = subprocess.run(run, cwd=tmp_path, env=environment, check=False, capture_output=True)
    assert first.returncode != 0
    second = subprocess.run(
        [sys.executable, "-m", "trackflow_tests.second_look", str(first.returncode), *run[3:]],
        cwd=tmp_path,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    assert second.returncode == status, second.stdout
    assert ("UNSTEADY: test_it.py::test_first" in second.stdout) == (status == 0)


def test_what_is_broken_at_large_gets_none() -> None:
    few = {f"a.py::test_{k}": True for k in range(FEW)}
    assert modules_to_try(1, few) == ["a.py"]
    assert modules_to_try(1, few | {"b.py::test": True}) == []
    assert modules_to_try(2, few) == modules_to_try(3, few) == modules_to_try(1, {}) == []
