"""A real mesh service: requests, states, results, refusals."""

import hashlib
import io
import time
import uuid
from typing import Any

import pytest
import trimesh

from trackflow.meshes.generate import generate
from trackflow.meshes.parameters import MeshParameters
from trackflow_tests.helpers.http_servers import answering, server_that
from trackflow_tests.helpers.mesh_services import MeshService
from trackflow_tests.meshes.pictures import bomb, png

pytestmark = pytest.mark.xdist_group("mesh service")

SLOW = png(250, 250, seed=7)
FINEST: dict[str, Any] = {"detail_factor": 0.0001}


def test_an_uploaded_image_becomes_a_mesh(service: MeshService) -> None:
    image = png(60, 80, seed=2, smooth=True)
    mesh_id = f"hill-{uuid.uuid4()}"
    began = service.upload(image, mesh_id=mesh_id, parameters={"detail_factor": 0.02})
    assert began["mesh_id"] == mesh_id
    assert began["status"] in ("queued", "running")
    state = service.wait_for(mesh_id)
    expected = generate(image, "a.png", MeshParameters(detail_factor=0.02))
    assert state["status"] == "completed", state
    assert state["error_message"] is None
    assert (state["vertex_count"], state["triangle_count"]) == (
        expected.report.vertex_count,
        expected.report.triangle_count,
    )
    content = service.client.get(state["result_url"])
    assert content.headers["content-type"] == "model/gltf-binary"
    assert content.content == expected.files["mesh.glb"]
    scene = trimesh.load(io.BytesIO(content.content), file_type="glb")
    assert sum(len(one.faces) for one in scene.geometry.values()) == state["triangle_count"]
    for file in state["files"]:
        body = service.client.get(file["url"]).content
        assert hashlib.sha256(body).hexdigest() == file["sha256"]
        assert len(body) == file["size_bytes"]


def test_an_image_is_fetched_from_its_address(service: MeshService) -> None:
    with server_that(answering(200, png(30, 30, seed=3))) as (url, heads):
        reply = service.client.post(
            "/meshes",
            json={
                "mesh_id": f"by-address-{uuid.uuid4()}",
                "image_url": f"{url}/hills.png",
                "parameters": {"detail_factor": 0.02},
            },
        )
        assert reply.status_code == 202, reply.text
        state = service.wait_for(reply.json()["mesh_id"])
    assert state["status"] == "completed", state
    assert state["image_url"] == f"{url}/hills.png"
    assert len(heads) == 1


def test_the_same_key_gives_the_same_mesh(service: MeshService) -> None:
    image, key = png(20, 20, seed=4), str(uuid.uuid4())
    first = service.upload(image, key=key)
    service.wait_for(first["mesh_id"])
    assert service.upload(image, key=key)["mesh_id"] == first["mesh_id"]
    assert service.upload(image, key=str(uuid.uuid4()))["mesh_id"] != first["mesh_id"]
    reply = service.try_upload(png(20, 20, seed=5), key=key)
    assert reply.status_code == 400
    assert "another image" in reply.json()["error"]


def test_progress_never_goes_back(service: MeshService) -> None:
    mesh_id = service.upload(SLOW, name="slow.png", parameters=FINEST)["mesh_id"]
    seen: list[tuple[float, str]] = []
    while (state := service.state(mesh_id))["status"] not in ("completed", "failed"):
        seen.append((state["progress"], state["status"]))
        time.sleep(0.05)
    shares = [share for share, _ in seen] + [state["progress"]]
    assert shares == sorted(shares)
    assert state["status"] == "completed", state
    assert state["progress"] == 1.0


@pytest.mark.parametrize(
    ("image", "message"),
    [(b"hello, I am no image", "image"), (bomb(), "pixels")],
    ids=["text", "bomb"],
)
def test_what_is_no_fit_image_fails_with_its_reason(
    service: MeshService, image: bytes, message: str
) -> None:
    state = service.wait_for(service.upload(image, name="bad.png")["mesh_id"])
    assert state["status"] == "failed"
    assert message in state["error_message"]
    assert "bad.png" in state["error_message"]
    assert not state["retryable"]
    assert state["files"] == []
    assert state["result_url"] is None


def test_a_hostile_image_does_not_hold_up_its_neighbours(service: MeshService) -> None:
    """It is worked on for longer than all of them, and they are done before it."""
    slow = service.upload(png(1400, 1400, seed=8), parameters=FINEST)["mesh_id"]
    service.wait_for(slow, "running", "completed")
    others = [service.upload(png(16, 16, seed=k))["mesh_id"] for k in range(20, 26)]
    ends = [service.wait_for(one) for one in others]
    assert all(one["status"] == "completed" for one in ends)
    assert service.client.delete(f"/meshes/{slow}").status_code == 200
    last = service.wait_for(slow)
    assert all(one["finished_at"] < last["finished_at"] for one in ends)


def test_a_mesh_that_was_cancelled_is_made_when_it_is_requested_again(
    service: MeshService,
) -> None:
    image, key = png(900, 900, seed=9), str(uuid.uuid4())
    coarse = {"detail_factor": 0.9}
    mesh_id = service.upload(image, key=key, parameters=FINEST)["mesh_id"]
    service.client.delete(f"/meshes/{mesh_id}")
    state = service.wait_for(mesh_id)
    assert state["status"] == "cancelled"
    assert service.client.delete(f"/meshes/{mesh_id}").json()["status"] == "cancelled"
    assert service.upload(image, key=key, parameters=FINEST)["status"] in ("queued", "running")
    service.client.delete(f"/meshes/{mesh_id}")
    again = service.upload(image, key=str(uuid.uuid4()), parameters=coarse)["mesh_id"]
    assert service.wait_for(again)["status"] == "completed"
    assert service.wait_for(mesh_id)["status"] == "cancelled"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"parameters": {"detial_factor": 0.1}}, "detial_factor"),
        ({"parameters": {"detail_factor": 7}}, "detail_factor"),
        ({"parameters": "[]"}, "no JSON object"),
        ({"parameters": "{"}, "no JSON object"),
        ({"mesh_id": "../../etc"}, "mesh_id"),
        ({"callback_url": "ftp://a/b"}, "callback_url"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_mistake_in_a_request_is_told(
    service: MeshService, fields: dict[str, Any], message: str
) -> None:
    reply = service.try_upload(png(4, 4), **fields)
    assert reply.status_code == 400
    assert message in reply.json()["error"]


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"{}", "application/json", 400),
        (b'{"image_url": "file:///etc/passwd"}', "application/json", 400),
        (b'{"image_url": "http://a/b", "colour": 1}', "application/json", 400),
        (b"hello", "text/plain", 400),
        (b"hello", "multipart/form-data", 400),
        (b"", "multipart/form-data; boundary=x", 400),
    ],
)
def test_a_body_that_makes_no_sense_is_refused(
    service: MeshService, content: bytes, kind: str, status: int
) -> None:
    reply = service.client.post("/meshes", content=content, headers={"Content-Type": kind})
    assert reply.status_code == status, reply.text
    assert reply.json()["error"]


def test_zero_bytes_and_too_many_are_refused_at_the_door(service: MeshService) -> None:
    assert "0 bytes" in service.try_upload(b"").json()["error"]
    assert service.try_upload(b"\0" * 18_000_000).status_code == 413
    assert "16 MB" in service.try_upload(b"\0" * 16_500_000).json()["error"]


def test_what_is_not_there_is_not_found(service: MeshService) -> None:
    made = service.upload(png(6, 6, seed=11))["mesh_id"]
    service.wait_for(made)
    for path in ("/meshes/nothing", f"/meshes/{made}/files/nothing.glb", "/nothing"):
        assert service.client.get(path).status_code == 404, path
    inside = service.client.get(f"/meshes/{made}/files/..%2F..%2Ftrackflow.db")
    assert inside.status_code == 404


@pytest.mark.parametrize("host", ["10.0.0.1", "169.254.169.254", "[::1]", "127.0.0.2"])
def test_addresses_of_the_own_network_are_refused(service: MeshService, host: str) -> None:
    reply = service.client.post("/meshes", json={"image_url": f"http://{host}:1/a.png"})
    state = service.wait_for(reply.json()["mesh_id"])
    assert state["status"] == "failed"
    assert "own network" in state["error_message"]
    assert not state["retryable"]


def test_the_description_shows_every_answer(service: MeshService) -> None:
    described = service.client.get("/openapi.json").json()
    request = described["paths"]["/meshes"]["post"]["requestBody"]["content"]
    properties = request["application/json"]["schema"]["properties"]
    assert {"mesh_id", "image_url", "parameters", "callback_url"} <= set(properties)
    assert "detail_factor" in properties["parameters"]["properties"]
    state = described["components"]["schemas"]["MeshState"]["properties"]
    names = {"status", "result_url", "vertex_count", "triangle_count", "error_message"}
    assert names <= set(state)
