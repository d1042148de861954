"""The examples of the how-to pages work: their modules are imported, and their tests pass.

Each block begins with the path of the file that it would be. Modules are put into their packages
from a folder of the test's, so that what finds modules by itself finds these as well.
"""

import importlib
import inspect
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from trackflow.defs.days import checks
from trackflow.sources import recognition
from trackflow_tests.docs.pages import ROOT, blocks, name_of

PAGES = sorted(ROOT.glob("docs/how-to/add-*.md"))


@pytest.fixture
def example_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for examples; what is imported from it is forgotten afterwards."""
    before = set(sys.modules)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    _forget_formats()
    yield tmp_path / "examples"
    _forget_formats()
    for name in set(sys.modules) - before:
        module = sys.modules[name]
        if str(getattr(module, "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]
            parent, _, child = name.rpartition(".")
            if hasattr(sys.modules.get(parent), child):
                delattr(sys.modules[parent], child)


def test_there_are_pages() -> None:
    assert {page.stem for page in PAGES} >= {
        "add-a-file-format",
        "add-a-device-protocol",
        "add-a-road-engine",
        "add-a-catalogue-connector",
        "add-a-dagster-check",
        "add-a-language",
    }


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_example_works(
    page: Path, example_folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    written = [put(block, example_folder, monkeypatch) for block in blocks(page, "python")]
    modules = [importlib.import_module(name) for name in written]
    found = [test for module in modules for test in collected_from(module)]
    assert found, "the page shows no test"
    for number, test in enumerate(found):
        folder = tmp_path / str(number)
        folder.mkdir()
        test(
            *[
                folder
                for name in inspect.signature(inspect.unwrap(test)).parameters
                if name == "tmp_path"
            ]
        )


def test_the_examples_pass_the_linter(tmp_path: Path) -> None:
    """Whoever follows a page runs `make lint` next."""
    for page in PAGES:
        for block in blocks(page, "python"):
            path, _, code = block.removeprefix("# ").partition("\n")
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(code, "utf-8")
    own = "lint.isort.known-first-party = ['trackflow', 'trackflow_tests']"
    config = (f"--config={ROOT / 'pyproject.toml'}", f"--config={own}")
    for command in (("check", "--no-cache"), ("format", "--check", "--no-cache")):
        ruff = [sys.executable, "-m", "ruff", *command, *config, "."]
        done = subprocess.run(ruff, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


def test_a_check_of_a_module_of_its_own_can_be_listed() -> None:
    """What lists the checks imports it: it must not import that in turn."""
    (block, *_) = blocks(ROOT / "docs/how-to/add-a-dagster-check.md", "python")
    assert f"from {checks.__name__} import" not in block


def put(block: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Write a block into its package, and give the module's name."""
    first, _, _ = block.partition("\n")
    path = Path(first.removeprefix("# "))
    assert path.suffix == ".py", f"the first line of a block is the path of its file: {first}"
    assert not (ROOT / path).exists(), f"{path} is there already"
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(block, "utf-8")
    package = importlib.import_module(".".join(path.parent.parts))
    if str(target.parent) not in package.__path__:
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(target.parent)])
    return ".".join(path.with_suffix("").parts)


def collected_from(module: ModuleType) -> list[object]:
    return [value for name, value in vars(module).items() if name.startswith("test_")]


def _forget_formats() -> None:
    """Have the formats looked for again, as one has come or gone."""
    recognition.known_formats.cache_clear()
    recognition.understood.cache_clear()
