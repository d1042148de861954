"""A home with an inbox of images, and runs that make meshes in this process."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from trackflow.context import Context
from trackflow.settings import Settings
from trackflow.usecases.meshes import history
from trackflow.usecases.meshes.tools import MeshTools, storage_of
from trackflow_tests.usecases.meshes.pictures import TroubledGenerator


@pytest.fixture(autouse=True)
def _no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "GRACE", dt.timedelta(0))


@pytest.fixture
def inbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files_settle_at_once: None) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    monkeypatch.setenv("TRACKFLOW_MESH_INBOX", str(folder))
    return folder


@pytest.fixture
def generator(monkeypatch: pytest.MonkeyPatch) -> TroubledGenerator:
    """The generator of all runs: the real one without child processes, which take seconds."""
    made = TroubledGenerator()

    @contextmanager
    def opened(context: Context) -> Iterator[MeshTools]:
        yield MeshTools(made, storage_of(context.settings))

    for module in ("defs.meshes.assets", "defs.meshes.ops", "usecases.meshes.batching"):
        monkeypatch.setattr(f"trackflow.{module}.opened_tools", opened)
    monkeypatch.setattr("trackflow.usecases.meshes.sync.opened_tools", opened)
    return made


@pytest.fixture
def context(home: Path, inbox: Path) -> Iterator[Context]:
    with Context.open(Settings(home=home, engine_url="none", mesh_inbox=inbox)) as opened:
        yield opened
