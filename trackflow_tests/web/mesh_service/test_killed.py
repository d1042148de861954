"""A service that is killed in the middle, or whose disk is full."""

import resource
from pathlib import Path

import pytest

from trackflow.meshes.generate import generate
from trackflow.meshes.parameters import MeshParameters
from trackflow_tests.mesh_services import mesh_service, receiver
from trackflow_tests.meshes.pictures import png

pytestmark = pytest.mark.xdist_group("mesh service")

FINEST = MeshParameters(detail_factor=0.0001)
NAMES = {"large": (400, 400), "small": (12, 12), "other": (20, 30)}


def test_a_killed_service_ends_in_the_same_state(tmp_path: Path) -> None:
    home = tmp_path / "home"
    images = {name: png(*size, seed=len(name)) for name, size in NAMES.items()}
    with receiver() as told:
        with mesh_service(home, mesh_workers="1") as first:
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
            first.kill()
        with mesh_service(home, mesh_workers="1") as second:
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


def test_a_full_disk_is_told_and_small_meshes_go_on(tmp_path: Path) -> None:
    """A file that does not fit is not there, and no part of it."""

    def no_large_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, 3_000_000))

    home = tmp_path / "home"
    with mesh_service(home, prepare=no_large_files) as service:
        large = service.upload(
            png(400, 400), name="large.png", parameters={"detail_factor": 0.0001}
        )["mesh_id"]
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
