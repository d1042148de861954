"""The API of meshes: requests by form and by address, states, batches, and deleting."""

import io
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trackflow.context import Context
from trackflow.geo.polylines import decode
from trackflow.usecases.access.tokens import Scope
from trackflow.usecases.days.run import run
from trackflow.usecases.meshes import control
from trackflow.usecases.meshes.sync import rehearse_sync
from trackflow_tests.helpers.running_api import bearer, running_api, token_for
from trackflow_tests.helpers.stores import batch_of_device, contents, deliver, open_context
from trackflow_tests.meshes.inline import InlineGenerator
from trackflow_tests.usecases.places.test_visits import history
from trackflow_tests.web.meshes import hill_png, made_mesh, make_due, png_of

MESHES = "/api/v1/meshes"
HILL = hill_png()


@pytest.fixture
def context(database_url: str, tmp_path: Path) -> Iterator[Context]:
    with open_context(database_url, tmp_path) as opened:
        yield opened


@pytest.fixture
def api(context: Context) -> Iterator[httpx.Client]:
    with running_api(context) as client:
        yield client


def send(
    api: httpx.Client,
    image: bytes = HILL,
    name: str = "hill.png",
    path: str = MESHES,
    **fields: Any,
) -> httpx.Response:
    data = {k: v if isinstance(v, str) else json.dumps(v) for k, v in fields.items()}
    return api.post(path, files={"image": (name, image)}, data=data)


def ask(api: httpx.Client, **body: Any) -> httpx.Response:
    return api.post(MESHES, json=body)


def test_an_image_becomes_a_mesh(context: Context, api: httpx.Client) -> None:
    sent = send(api, parameters={"detail_factor": 0.02}, project="alps")
    assert sent.status_code == 202
    queued = sent.json()
    assert queued["status"] == "queued"
    assert queued["parameters"] == {"detail_factor": 0.02}
    assert (queued["image_name"], queued["project"]) == ("hill.png", "alps")
    assert queued["result_url"] is None
    assert queued["files"] == []
    make_due(context)
    done = api.get(f"{MESHES}/{queued['mesh_id']}").json()
    assert (done["status"], done["progress"], done["error_message"]) == ("completed", 1.0, None)
    assert done["triangle_count"] == done["report"]["triangle_count"] > 10
    assert done["vertex_count"] > 10
    assert api.get(done["result_url"]).content[:4] == b"glTF"
    assert done["size_bytes"] == sum(file["size_bytes"] for file in done["files"])
    (listed,) = api.get(MESHES).json()["meshes"]
    assert listed == {name: value for name, value in done.items() if name != "files"}


def test_an_address_is_told_why_it_is_refused(context: Context, api: httpx.Client) -> None:
    """The names that other systems send and expect."""
    asked = ask(
        api,
        mesh_id="track-7",
        image_url="http://127.0.0.1:9/image.png",
        parameters={"detail_factor": 0.02},
    )
    assert asked.status_code == 202
    assert asked.json()["mesh_id"] == "track-7"
    make_due(context)
    failed = api.get(f"{MESHES}/track-7").json()
    assert failed["status"] == "failed"
    assert failed["error_kind"] == "address"
    assert "TRACKFLOW_MESH_ALLOW_HOSTS" in failed["error_message"]
    assert failed["result_url"] is None
    assert failed["vertex_count"] is None


def test_a_repeated_request_gives_the_same_mesh(context: Context, api: httpx.Client) -> None:
    key = {"Idempotency-Key": "order 7"}
    first = api.post(MESHES, files={"image": ("a.png", HILL)}, headers=key).json()
    make_due(context)
    again = api.post(MESHES, files={"image": ("a.png", HILL)}, headers=key)
    assert again.json()["mesh_id"] == first["mesh_id"]
    assert again.json()["status"] == "completed"
    other = api.post(MESHES, files={"image": ("a.png", hill_png(seed=1))}, headers=key)
    assert other.status_code == 400
    assert "another image" in other.json()["error"]


def test_tracks_are_laid_on_a_terrain(context: Context, api: httpx.Client) -> None:
    """By JSON and by form alike; the answer has their number, not their lines."""
    deliver(context.store, batch_of_device("van", history()))
    run(context)
    tracks = len(contents(context.store, "tracks")["tracks"])
    assert tracks > 1
    sent = send(api, parameters={"levels": 2}, tracks={"device_id": "van"})
    assert sent.status_code == 202, sent.text
    assert sent.json()["parameters"] == {"levels": 2, "tracks": tracks}
    key = sent.json()["image_key"]
    asked = ask(api, image_key=key, parameters={"levels": 2}, tracks={"device_id": "van"})
    assert asked.json()["mesh_id"] == sent.json()["mesh_id"]
    (known,) = control.list_meshes(context)
    assert all(decode(line)[0].size > 1 for line in known.parameters["tracks"])
    plain = ask(api, image_key=key, parameters={"levels": 2})
    assert plain.json()["mesh_id"] != sent.json()["mesh_id"]
    assert ask(api, image_key=key, tracks={"device_id": "nobody"}).status_code == 404


NONSENSE: list[tuple[Any, int]] = [
    ({}, 400),
    ({"image_url": "ftp://x/y.png"}, 400),
    ({"image_url": "http://x/y.png\0"}, 422),
    ({"image_url": "http://x/y.png", "parameters": {"detail_factor": 2}}, 400),
    ({"image_url": "http://x/y.png", "parameters": {"detail_factor": "much"}}, 400),
    ({"image_url": "http://x/y.png", "parameters": {"colour": "red"}}, 400),
    ({"image_url": "http://x/y.png", "parameters": []}, 422),
    ({"image_url": "http://x/y.png", "mesh_id": "../x"}, 400),
    ({"image_url": "http://x/y.png", "mesh_id": "a\0"}, 400),
    ({"image_url": "http://x/y.png", "surprise": 1}, 422),
    ({"image_url": "http://x/y.png", "image_key": "upload/x"}, 400),
    ({"image_key": "upload/none"}, 404),
    ({"image_key": "upload/none", "tracks": {}}, 400),
    ({"image_key": "upload/none", "tracks": {"device": "van"}}, 422),
    ("[", 422),
    ("", 422),
]


def test_what_makes_no_sense_is_refused(context: Context, api: httpx.Client) -> None:
    for body, status in NONSENSE:
        text = body if isinstance(body, str) else json.dumps(body)
        refused = api.post(MESHES, content=text, headers={"Content-Type": "application/json"})
        assert refused.status_code == status, (body, refused.text)
        assert refused.json()["error"]
    assert api.get(MESHES).json()["meshes"] == []


def test_a_form_that_makes_no_sense_is_refused(api: httpx.Client) -> None:
    for path in (MESHES, "/api/v1/mesh-images"):
        _refuse_forms(api, path)
    assert api.get(MESHES).json()["meshes"] == []


def _refuse_forms(api: httpx.Client, path: str) -> None:
    assert api.post(path, data={"parameters": "{}"}, files={"other": b"x"}).status_code == 400
    assert send(api, path=path, parameters="{").status_code == 400
    assert send(api, path=path, parameters="[]").status_code == 422
    assert send(api, path=path, image=b"").status_code == 400
    assert send(api, path=path, image_url="http://x/y.png").status_code == 400
    assert send(api, path=path, surprise="1").status_code == 422
    two = [("image", ("a.png", HILL)), ("image", ("b.png", HILL))]
    assert api.post(path, files=two).status_code == 400
    plain = api.post(path, content=HILL, headers={"Content-Type": "image/png"})
    assert plain.status_code == 415
    broken = {"Content-Type": "multipart/form-data; boundary=x"}
    assert api.post(path, content=b"no form", headers=broken).status_code == 400


def test_an_image_may_be_larger_than_a_delivery(tmp_path: Path) -> None:
    """Beyond TRACKFLOW_MESH_IMAGE_MB it is refused, and other bodies keep their own limit."""
    noise = np.random.default_rng(1).integers(0, 256, (4200, 4200), dtype=np.uint8)
    image = png_of(noise)  # noise cannot be packed
    assert 17_000_000 < len(image) < 18_000_000
    url = f"sqlite:///{tmp_path / 'trackflow.db'}"
    with open_context(url, tmp_path, mesh_image_mb=18) as context, running_api(context) as api:
        assert send(api, image).status_code == 202
        refused = send(api, image + bytes(1_500_000))
        assert refused.status_code == 413
        assert "TRACKFLOW_MESH_IMAGE_MB" in refused.json()["error"]
        delivery = api.post("/ingest/geojson", content=image)
        assert delivery.status_code == 413


def test_a_failed_mesh_is_tried_again_and_cancelled(context: Context, api: httpx.Client) -> None:
    mesh = f"{MESHES}/{send(api, b'no image', 'notes.txt').json()['mesh_id']}"
    assert api.post(f"{mesh}/retry").status_code == 400
    make_due(context)
    failed = api.get(mesh).json()
    assert failed["status"] == "failed"
    assert "notes.txt" in failed["error_message"]
    assert api.post(f"{mesh}/retry").json()["status"] == "queued"
    cancelled = api.post(f"{mesh}/cancel").json()
    assert cancelled["status"] == "cancelled"
    assert api.post(f"{mesh}/cancel").json() == cancelled
    assert api.post(f"{mesh}/retry").json()["status"] == "queued"
    for missing in (api.get, api.delete):
        assert missing(f"{MESHES}/none").status_code == 404
    for verb in ("retry", "cancel"):
        assert api.post(f"{MESHES}/none/{verb}").status_code == 404


def test_a_deleted_mesh_is_gone_and_no_sync_makes_it_again(
    context: Context, api: httpx.Client
) -> None:
    mesh_id = made_mesh(context, HILL, "hill.png")
    kept = made_mesh(context, hill_png(seed=2), "other.png")
    result = api.get(f"{MESHES}/{mesh_id}").json()["result_url"]
    assert api.delete(f"{MESHES}/{mesh_id}").json()["status"] == "retired"
    assert api.delete(f"{MESHES}/{mesh_id}").status_code == 200
    assert [m["mesh_id"] for m in api.get(MESHES).json()["meshes"]] == [kept]
    assert api.get(result).status_code == 410
    plan = rehearse_sync(context, InlineGenerator().version)
    assert (plan.images, plan.up_to_date) == (1, 1)
    assert not plan.make


def test_pages_of_the_list_are_the_whole_list(context: Context, api: httpx.Client) -> None:
    sent = [ask(api, image_url=f"http://images.example/{k}.png").json() for k in range(7)]
    # the clock of the tests stands still: the ids decide
    newest_first = sorted((mesh["mesh_id"] for mesh in sent), reverse=True)
    for limit in (1, 2, 3, 7, 100):
        found, following = [], ""
        while following is not None:
            page = api.get(MESHES, params={"limit": limit, "before": following}).json()
            assert 1 <= len(page["meshes"]) <= limit
            found += [mesh["mesh_id"] for mesh in page["meshes"]]
            following = page["next"]
        assert found == newest_first


def test_the_list_is_filtered(context: Context, api: httpx.Client) -> None:
    made_mesh(context, HILL, "hill.png")
    waiting = ask(api, image_url="http://images.example/a.png", project="alps").json()["mesh_id"]

    def listed(**query: Any) -> int:
        return len(api.get(MESHES, params=query).json()["meshes"])

    assert (listed(), listed(status="completed"), listed(status=["queued", "failed"])) == (2, 1, 1)
    assert (listed(project="alps"), listed(project="none")) == (1, 0)
    key = api.get(f"{MESHES}/{waiting}").json()["image_key"]
    assert (listed(image=key), listed(image="api/none")) == (1, 0)
    assert api.get(MESHES, params={"status": "odd"}).status_code == 422
    assert api.get(MESHES, params={"project": "\0"}).status_code == 422


def test_a_list_that_has_not_changed_is_not_sent_again(context: Context, api: httpx.Client) -> None:
    made_mesh(context, HILL, "hill.png")
    first = api.get(MESHES)
    same = api.get(MESHES, headers={"If-None-Match": first.headers["ETag"]})
    assert (same.status_code, same.content) == (304, b"")


def test_a_batch_of_images(context: Context, api: httpx.Client) -> None:
    keys = [
        send(api, hill_png(seed=k), f"{k}.png", path="/api/v1/mesh-images").json()["image_key"]
        for k in range(3)
    ]
    body = {"images": keys, "parameters": {"detail_factor": 0.1}, "project": "alps"}
    queued = api.post("/api/v1/mesh-batches", json=body)
    assert queued.status_code == 202
    batch = queued.json()
    assert (batch["status"], batch["project"], batch["kind"]) == ("queued", "alps", "mesh_batch")
    assert api.get("/api/v1/mesh-batches").json()["batches"] == [batch | _times(api, batch)]
    unknown = api.post("/api/v1/mesh-batches", json={"images": ["upload/none"]})
    assert unknown.status_code == 404
    assert api.post("/api/v1/mesh-batches", json={"images": []}).status_code == 422
    assert api.get(f"/api/v1/mesh-batches/{'0' * 32}").status_code == 404
    other = api.post("/api/v1/jobs", json={"kind": "rebuild"}).json()["job_id"]
    assert api.get(f"/api/v1/mesh-batches/{other}").status_code == 404


def _times(api: httpx.Client, batch: dict[str, Any]) -> dict[str, Any]:
    """The times of a batch as a GET writes them."""
    found = api.get(f"/api/v1/mesh-batches/{batch['batch_id']}").json()
    return {name: value for name, value in found.items() if name.endswith("_at")}


def test_only_admins_change_meshes(context: Context, api: httpx.Client) -> None:
    reader = bearer(token_for(context, Scope.READ))
    assert api.get(MESHES, **reader).status_code == 200
    assert api.post(MESHES, files={"image": HILL}, **reader).status_code == 403
    admin = bearer(token_for(context, Scope.ADMIN))
    sent = api.post(MESHES, files={"image": HILL}, **admin)
    assert sent.json()["user"] == "test", "the name of the token"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_the_documentation_shows_works(
    context: Context, api: httpx.Client, tmp_path: Path
) -> None:
    if (curl := shutil.which("curl")) is None:
        pytest.skip("no curl found")
    page = (Path(__file__).parents[3] / "docs" / "mesh-page.md").read_text()
    (script,) = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    assert script.count("curl ") == 2
    (tmp_path / "hill.png").write_bytes(HILL)
    shown = subprocess.run(
        ["sh", "-ec", script.replace("http://localhost:8000", str(api.base_url))],
        cwd=tmp_path,
        env={"TOKEN": token_for(context, Scope.ADMIN), "PATH": str(Path(curl).parent)},
        capture_output=True,
        check=True,
    )
    reader = bearer(token_for(context, Scope.READ))
    assert len(api.get(MESHES, **reader).json()["meshes"]) == 2
    assert api.get(f"{MESHES}/hill-7", **reader).json()["parameters"] == {"detail_factor": 0.02}
    assert shown.stdout.count(b'"status":"queued"') == 2


@given(name=st.text(min_size=1, max_size=60))
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_file_name_is_kept_and_harms_nothing(api: httpx.Client, name: str) -> None:
    """Also through the header of a download, where it is written."""
    form = io.BytesIO(HILL)
    try:
        sent = api.post(MESHES, files={"image": (name, form)})
    except UnicodeEncodeError:
        return  # a lone surrogate cannot be sent
    assert sent.status_code in (202, 400, 422), sent.text
    assert "\0" not in sent.text
