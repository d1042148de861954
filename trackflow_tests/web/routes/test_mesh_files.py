"""Files of meshes over HTTP: ranges, caching, content types, Draco at the same address."""

import hashlib
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackflow.context import Context
from trackflow.store.meshes.files import LocalStorage
from trackflow.usecases.meshes.tools import storage_of
from trackflow_tests.stores import open_context
from trackflow_tests.web.meshes import hill_png, made_mesh
from trackflow_tests.web.running import running_api

pytestmark = pytest.mark.xdist_group("mesh files")

PARAMETERS: dict[str, Any] = {"solid": True, "obj": True, "levels": 2, "detail_factor": 0.02}
TYPES = {
    "mesh.glb": "model/gltf-binary",
    "mesh.draco.glb": "model/gltf-binary",
    "level-2.glb": "model/gltf-binary",
    "mesh.stl": "model/stl",
    "mesh.3mf": "model/3mf",
    "mesh.obj": "model/obj",
    "thumbnail.png": "image/png",
}


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Context]:
    folder = tmp_path_factory.mktemp("mesh-files")
    with open_context(f"sqlite:///{folder / 'trackflow.db'}", folder) as opened:
        yield opened


@pytest.fixture(scope="module")
def api(context: Context) -> Iterator[httpx.Client]:
    with running_api(context) as client:
        yield client


@pytest.fixture(scope="module")
def mesh(context: Context, api: httpx.Client) -> dict[str, Any]:
    mesh_id = made_mesh(context, hill_png(), "Hügel “1”; a.png", **PARAMETERS)
    found: dict[str, Any] = api.get(f"/api/v1/meshes/{mesh_id}").json()
    assert found["status"] == "completed", found["error_message"]
    return found


def test_every_form_has_its_content_type(api: httpx.Client, mesh: dict[str, Any]) -> None:
    assert {file["name"]: file["media_type"] for file in mesh["files"]} == TYPES
    for file in mesh["files"]:
        answer = api.get(file["url"])
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == TYPES[file["name"]]
        assert len(answer.content) == file["size_bytes"]
        assert hashlib.sha256(answer.content).hexdigest() == file["sha256"]
        assert answer.headers["ETag"] == f'"{file["sha256"]}"'
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in answer.headers["Content-Security-Policy"]


def test_a_file_is_saved_under_the_name_of_its_image(
    api: httpx.Client, mesh: dict[str, Any]
) -> None:
    disposition = api.get(mesh["result_url"]).headers["Content-Disposition"]
    assert disposition == (
        "inline; filename=\"H_gel _1__ a.glb\"; filename*=UTF-8''H%C3%BCgel%20_1__%20a.glb"
    )


@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_parts_make_up_the_whole(
    api: httpx.Client, mesh: dict[str, Any], data: st.DataObject
) -> None:
    """A download that breaks off goes on where it stopped."""
    whole = api.get(mesh["result_url"]).content
    cuts = sorted(data.draw(st.sets(st.integers(1, len(whole) - 1), max_size=4)))
    found = b""
    for start, stop in zip([0, *cuts], [*cuts, len(whole)], strict=True):
        part = api.get(mesh["result_url"], headers={"Range": f"bytes={start}-{stop - 1}"})
        assert part.status_code == 206
        assert part.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{len(whole)}"
        found += part.content
    assert found == whole


def test_a_range_of_another_version_or_beyond_the_end(
    api: httpx.Client, mesh: dict[str, Any]
) -> None:
    address, whole = mesh["result_url"], api.get(mesh["result_url"])
    old = api.get(address, headers={"Range": "bytes=0-9", "If-Range": '"another"'})
    assert (old.status_code, old.content) == (200, whole.content)
    same = api.get(address, headers={"Range": "bytes=0-9", "If-Range": whole.headers["ETag"]})
    assert (same.status_code, same.content) == (206, whole.content[:10])
    beyond = api.get(address, headers={"Range": f"bytes={len(whole.content)}-"})
    assert beyond.status_code == 416
    assert beyond.headers["Content-Range"] == f"bytes */{len(whole.content)}"


def test_what_the_client_has_is_not_sent_again(api: httpx.Client, mesh: dict[str, Any]) -> None:
    for file in mesh["files"]:
        etag = f'"{file["sha256"]}"'
        for known in (etag, f'"x", W/{etag}', "*"):
            same = api.get(file["url"], headers={"If-None-Match": known})
            assert (same.status_code, same.content, same.headers["ETag"]) == (304, b"", etag)
        assert api.get(file["url"], headers={"If-None-Match": '"x"'}).status_code == 200


def test_the_head_of_a_file_tells_its_size(api: httpx.Client, mesh: dict[str, Any]) -> None:
    for file in mesh["files"]:
        head = api.head(file["url"])
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["Content-Length"] == str(file["size_bytes"])
        assert head.headers["Accept-Ranges"] == "bytes"


def test_draco_is_at_the_same_address(api: httpx.Client, mesh: dict[str, Any]) -> None:
    address = mesh["result_url"]
    plain, small = api.get(address), api.get(address.replace("mesh.glb", "mesh.draco.glb"))
    assert len(small.content) < len(plain.content)
    assert b"KHR_draco_mesh_compression" in small.content
    for accepted in (
        "model/gltf-binary;compression=draco",
        'text/html, Model/GLTF-Binary; q=0.9; compression="draco"',
    ):
        packed = api.get(address, headers={"Accept": accepted})
        assert packed.content == small.content
        assert packed.headers["ETag"] == small.headers["ETag"]
        assert "Accept" in packed.headers["Vary"]
    assert api.get(address, params={"compression": "draco"}).content == small.content
    for other in ("model/gltf-binary", "text/html;compression=draco", "*/*"):
        assert api.get(address, headers={"Accept": other}).content == plain.content
    # one without a smaller variant is sent as it is
    stl = address.replace("mesh.glb", "mesh.stl")
    assert api.get(stl, params={"compression": "draco"}).content == api.get(stl).content


def test_no_other_file_is_reached(api: httpx.Client, mesh: dict[str, Any]) -> None:
    folder = mesh["result_url"].removesuffix("mesh.glb")
    for name in ("none.glb", "..%2F..%2Ftrackflow.db", "%2e%2e", "mesh.glb%00", ".part"):
        assert api.get(folder + name).status_code in (404, 422), name


def test_a_file_that_is_lost_is_told_as_such(context: Context, api: httpx.Client) -> None:
    mesh_id = made_mesh(context, hill_png(seed=9), "lost.png")
    storage = storage_of(context.settings)
    assert isinstance(storage, LocalStorage)
    address = f"/api/v1/meshes/{mesh_id}/files/mesh.glb"
    etag = api.get(address).headers["ETag"].strip('"')
    storage.delete(f"{etag[:2]}/{etag}.glb")
    lost = api.get(address)
    assert lost.status_code == 503
    assert "mesh sync" in lost.json()["error"]
