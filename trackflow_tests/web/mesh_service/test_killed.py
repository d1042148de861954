"""A service that is killed in the middle, or whose disk is full."""

import resource
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from trackflow.context import Context
from trackflow.meshes.generate import generate
from trackflow.meshes.parameters import MeshParameters
from trackflow.usecases.meshes.control import MeshStatus, read_file, read_mesh
from trackflow.usecases.meshes.generators import service_generator
from trackflow.usecases.meshes.requests import MeshRequest, request_mesh
from trackflow.usecases.meshes.running import MeshRunReport, run_due_meshes
from trackflow_tests.helpers.http_servers import free_port
from trackflow_tests.helpers.mesh_services import mesh_service, receiver
from trackflow_tests.helpers.stores import Clock, open_context
from trackflow_tests.helpers.waiting import PATIENCE_S, wait_until
from trackflow_tests.meshes.pictures import png

pytestmark = pytest.mark.xdist_group("mesh service")

FINEST = MeshParameters(detail_factor=0.0001)


def make_all(user: Context) -> MeshRunReport:
    generator = service_generator(user)
    try:
        return run_due_meshes(user, generator)
    finally:
        generator.close()


NAMES = {"large": (280, 280), "small": (12, 12), "other": (20, 30)}


def test_a_killed_service_ends_in_the_same_state(tmp_path: Path) -> None:
    """So does a trackflow that uses it: it finds the mesh again that it had requested."""
    home, port, clock = tmp_path / "home", free_port(), Clock()
    images = {name: png(*size, seed=len(name)) for name, size in NAMES.items()}
    url = f"http://127.0.0.1:{port}"
    with (
        receiver() as told,
        open_context("", tmp_path / "user", clock, mesh_url=url) as user,
        ThreadPoolExecutor(1) as pool,
    ):
        wanted = request_mesh(user, MeshRequest(image=images["other"], name="user.png"))
        with mesh_service(home, port=port, mesh_workers="1") as first:
            for name, image in images.items():
                first.upload(
                    image,
                    key=name,
                    mesh_id=name,
                    name=f"{name}.png",
                    parameters={"detail_factor": 0.0001},
                    callback_url=told.url,
                )
            first.wait_for("large", "running")
            waiting = pool.submit(make_all, user)
            wait_until(lambda: first.client.get("/queue").json()["length"] == 3, "a queue of three")
            first.kill()
            assert waiting.result(PATIENCE_S).waiting == 1
        with mesh_service(home, port=port, mesh_workers="1") as second:
            clock.advance(3600)
            assert make_all(user).completed == 1
            made = generate(images["other"], "user.png", MeshParameters()).files
            assert read_file(user, wanted.mesh_id)[1] == made["mesh.glb"]
            states = {name: second.wait_for(name) for name in images}
            for name, image in images.items():
                assert states[name]["status"] == "completed", states[name]
                made = generate(image, f"{name}.png", FINEST).files
                assert {file["name"] for file in states[name]["files"]} == set(made)
                for file in states[name]["files"]:
                    assert second.client.get(file["url"]).content == made[file["name"]]
                assert told.wait_for_end_of(name)[-1].data["status"] == "completed"
                sequences = [one.data["sequence"] for one in told.of(name)]
                assert sequences == sorted(sequences)
            half_written = [p for p in (home / "meshes").rglob("*") if p.name.endswith(".part")]
            assert not half_written


def test_a_service_that_is_stopped_hands_back_what_it_holds(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with mesh_service(home) as service:
        values = {"detail_factor": 0.0001}
        service.upload(png(900, 900), mesh_id="large", parameters=values)
        service.wait_for("large", "running")
        service.process.terminate()
        # uvicorn ends itself by the signal, once all is orderly
        assert service.process.wait(PATIENCE_S) in (0, -signal.SIGTERM)
        assert "Traceback" not in service.output.read_text()
    with open_context("", home) as context:
        mesh = read_mesh(context, "large")
        assert (mesh.status, mesh.tries) == (MeshStatus.QUEUED, 0)


def test_a_full_disk_is_told_and_small_meshes_go_on(tmp_path: Path) -> None:
    """A file that does not fit is not there, and no part of it."""

    def no_large_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, 3_000_000))

    home = tmp_path / "home"
    with mesh_service(home, prepare=no_large_files) as service:
        # its one large file is the mesh, which is made quickly and tried several times
        values = {"detail_factor": 0.0001, "draco": False, "thumbnail": False}
        large = service.upload(png(340, 340), name="large.png", parameters=values)["mesh_id"]
        small = service.upload(png(12, 12))["mesh_id"]
        assert service.wait_for(small)["status"] == "completed"
        state = service.wait_for(large, "queued", "failed")
        while state["error_message"] is None:
            state = service.state(large)
        assert state["error_kind"] == "storage", state
        assert "cannot write" in state["error_message"]
        assert state["files"] == []
        assert service.client.get("/health").status_code == 200
        left = [path for path in (home / "meshes").rglob("*") if path.name.endswith(".part")]
        assert not left
