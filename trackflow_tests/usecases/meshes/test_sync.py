"""A sync: each image of every source has its mesh, also after anything has changed."""

import datetime as dt
import os
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from trackflow.catalogue.records import CatalogueTrack
from trackflow.context import Context
from trackflow.errors import BadInputError, MeshServiceError, PageMissingError
from trackflow.store.catalogue.tracks import CatalogueRow, write_rows
from trackflow.store.meshes.meshes import MeshStatus
from trackflow.usecases.jobs.control import Job
from trackflow.usecases.jobs.kinds import queue_job, run_job
from trackflow.usecases.meshes import sync
from trackflow.usecases.meshes.control import cancel_mesh, files_of_mesh, list_meshes
from trackflow.usecases.meshes.requests import MeshRequest, request_mesh
from trackflow.usecases.meshes.running import run_due_meshes
from trackflow.usecases.meshes.sync import MeshSyncReport, rehearse_sync
from trackflow.usecases.meshes.tools import MeshTools, storage_of
from trackflow_tests.stores import Clock, contents, open_context
from trackflow_tests.usecases.meshes.pictures import TroubledGenerator, hills

TABLES = ("mesh_images", "meshes", "mesh_files")


class Web(dict[str, bytes]):
    """Pages by address."""

    def fetch(self, _context: Context, url: str) -> bytes:
        if url not in self:
            raise PageMissingError(f"HTTP 404 for {url}")
        return self[url]


class Scene:
    def __init__(self, context: Context, clock: Clock, inbox: Path) -> None:
        self.context, self.clock, self.inbox = context, clock, inbox
        self.web, self.generator = Web(), TroubledGenerator()

    def tools(self) -> MeshTools:
        return MeshTools(self.generator, storage_of(self.context.settings), self.web.fetch)

    def put(self, name: str, seed: int) -> None:
        path = self.inbox / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(hills(seed))
        then = self.clock().timestamp() - 3600 + seed
        os.utime(path, (then, then))

    def sync(self) -> Job:
        ended = run_job(self.context, queue_job(self.context, "mesh_sync", {}).job_id)
        assert ended is not None
        assert ended.error is None
        return ended

    def rehearse(self) -> MeshSyncReport:
        before = contents(self.context.store, *TABLES)
        report = rehearse_sync(self.context, self.generator.version)
        assert contents(self.context.store, *TABLES) == before, "a rehearsal changes nothing"
        return report

    def catalogue(self, *tracks: CatalogueTrack, is_active: bool = True) -> None:
        now = self.clock()
        with self.context.store.write() as connection:
            rows = [CatalogueRow(track, is_active, 0, now, now) for track in tracks]
            write_rows(connection, "liverc", rows)

    def statuses(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for mesh in list_meshes(self.context, statuses=list(MeshStatus)):
            found.setdefault(mesh.image_key, []).append(mesh.status.value)
        return {key: sorted(values) for key, values in found.items()}


@pytest.fixture
def scene(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    clock = Clock()
    with open_context(database_url, tmp_path / "home", clock, mesh_inbox=inbox) as context:
        made = Scene(context, clock, inbox)
        monkeypatch.setattr(sync, "opened_tools", lambda _: nullcontext(made.tools()))
        yield made


def test_the_inbox_is_followed(scene: Scene) -> None:
    scene.put("a.png", 1)
    scene.put("sub/b.png", 2)
    (scene.inbox / "c.png.part").write_bytes(hills(3))
    (scene.inbox / ".hidden.png").write_bytes(hills(3))
    planned = scene.rehearse()
    assert (planned.new_images, planned.to_make, planned.make) == (2, 2, {"missing": 2})
    ended = scene.sync()
    assert (ended.total, ended.completed) == (2, 2)
    assert scene.statuses() == {
        "inbox/a.png": ["completed"],
        "inbox/sub/b.png": ["completed"],
    }
    assert scene.rehearse().to_make == 0
    assert scene.sync().completed == 0

    scene.put("a.png", 5)  # another picture
    (scene.inbox / "sub" / "b.png").unlink()
    planned = scene.rehearse()
    assert (planned.make, planned.gone_images, planned.retire) == ({"image": 1}, 1, 1)
    scene.sync()
    assert scene.statuses() == {
        "inbox/a.png": ["completed", "retired"],
        "inbox/sub/b.png": ["retired"],
    }
    scene.put("sub/b.png", 2)  # it is back
    scene.sync()
    assert scene.statuses()["inbox/sub/b.png"] == ["completed", "retired"]


def test_a_watermark_says_whether_there_is_something_else_to_do(scene: Scene) -> None:
    def watermark() -> str:
        return rehearse_sync(scene.context, scene.generator.version, check_files=False).watermark

    assert watermark() == ""
    scene.put("a.png", 1)
    first = watermark()
    assert first == watermark() != ""
    scene.put("a.png", 2)
    second = watermark()
    assert second not in ("", first)
    scene.sync()
    assert watermark() == ""
    scene.generator = TroubledGenerator(version="next")
    third = watermark()
    assert third not in ("", first, second)
    (scene.inbox / "a.png").unlink()
    assert watermark() not in ("", first, second, third)


def test_links_out_of_the_inbox_are_not_followed(scene: Scene, tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(hills(9))
    (scene.inbox / "link.png").symlink_to(tmp_path / "secret.png")
    assert scene.rehearse().new_images == 0


def test_a_file_still_being_written_waits(scene: Scene) -> None:
    path = scene.inbox / "a.png"
    path.write_bytes(hills(1))
    scene.clock.time = dt.datetime.fromtimestamp(path.stat().st_ctime, dt.UTC)
    assert (scene.rehearse().new_images, scene.rehearse().waiting_files) == (0, 1)
    scene.clock.advance(60)
    assert scene.rehearse().new_images == 1


def test_logos_of_the_catalogue_get_meshes(scene: Scene) -> None:
    a = CatalogueTrack("a", "Track A", logo_url="https://x.example/a.png")
    b = CatalogueTrack("b", "Track B", logo_url="https://x.example/b.png")
    scene.catalogue(a, b, CatalogueTrack("c", "Track C"))
    scene.web["https://x.example/a.png"] = hills(1)
    scene.generator.troubles["Track A"] = lambda: None
    ended = scene.sync()
    assert (ended.total, ended.completed, ended.failed) == (2, 1, 1)
    assert scene.statuses() == {
        "catalogue/liverc/a": ["completed"],
        "catalogue/liverc/b": ["failed"],
    }
    assert scene.rehearse().hopeless == 1
    scene.catalogue(a, is_active=False)
    assert scene.rehearse().retire == 1
    scene.sync()
    assert scene.statuses()["catalogue/liverc/a"] == ["retired"]


def test_an_address_is_looked_at_again_after_a_week(scene: Scene) -> None:
    url = "https://x.example/a.png"
    scene.web[url] = hills(1)
    request_mesh(scene.context, MeshRequest(image_url=url))
    run_due_meshes(scene.context, scene.generator, fetch=scene.web.fetch)
    scene.web[url] = hills(2)
    assert scene.sync().total == 0
    scene.clock.advance(8 * 86_400)
    assert scene.sync().completed == 1
    (statuses,) = scene.statuses().values()
    assert statuses == ["completed", "retired"]


def test_what_is_stale_is_made_again_for_each_reason(scene: Scene) -> None:
    scene.put("a.png", 1)
    scene.sync()
    (first,) = list_meshes(scene.context)

    scene.generator = TroubledGenerator(version="next")
    assert scene.rehearse().make == {"generator": 1}
    assert scene.sync().completed == 1

    (second,) = list_meshes(scene.context)
    assert second.mesh_id != first.mesh_id
    storage = storage_of(scene.context.settings)
    for file in files_of_mesh(scene.context, second.mesh_id):
        storage.delete(file.stored_name)
    assert scene.rehearse().make == {"files lost": 1}
    assert scene.sync().completed == 1
    assert scene.rehearse().to_make == 0
    (third,) = list_meshes(scene.context)
    assert all(storage.exists(f.stored_name) for f in files_of_mesh(scene.context, third.mesh_id))


def test_failures_are_tried_again_another_day_but_not_hopeless_ones(scene: Scene) -> None:
    scene.put("a.png", 1)
    scene.put("b.png", 2)
    scene.generator.troubles = {
        "a.png": lambda: scene.clock.advance(600) or MeshServiceError("broken"),
        "b.png": lambda: BadInputError("no image"),
    }
    scene.context.clock = lambda: scene.clock.advance(1) or scene.clock()
    ended = scene.sync()
    assert (ended.completed, ended.failed) == (0, 2)
    scene.context.clock = scene.clock
    assert (scene.rehearse().resting, scene.rehearse().hopeless) == (1, 1)
    scene.clock.advance(86_400)
    scene.generator.troubles.clear()
    assert scene.rehearse().again == 1
    ended = scene.sync()
    assert (ended.total, ended.completed) == (1, 1)


def test_a_persons_decision_and_wishes_stay(scene: Scene) -> None:
    wanted = request_mesh(
        scene.context, MeshRequest(image=hills(1), name="a.png", parameters={"detail_factor": 0.3})
    )
    cancel_mesh(scene.context, wanted.mesh_id)
    assert (scene.rehearse().cancelled, scene.rehearse().to_make) == (1, 0)
    other = request_mesh(scene.context, MeshRequest(image=hills(2), name="b.png"))
    assert scene.rehearse().in_work == 1
    run_due_meshes(scene.context, scene.generator)
    assert scene.rehearse().up_to_date == 1
    finer = request_mesh(
        scene.context,
        MeshRequest(image=hills(2), name="b.png", parameters={"detail_factor": 0.001}),
    )
    run_due_meshes(scene.context, scene.generator)
    scene.sync()
    kept = {mesh.mesh_id for mesh in list_meshes(scene.context, statuses=(MeshStatus.COMPLETED,))}
    assert kept == {other.mesh_id, finer.mesh_id}
