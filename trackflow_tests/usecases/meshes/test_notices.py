"""Messages about meshes and batches arrive once, where they belong, with links and the picture."""

import base64
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from trackflow.context import Context
from trackflow.errors import BadInputError
from trackflow.meshes.generate import GeneratedMesh
from trackflow.settings import Settings
from trackflow.store.meshes import notices as rows
from trackflow.store.meshes.meshes import read_mesh
from trackflow.usecases.jobs.kinds import queue_job, run_job
from trackflow.usecases.meshes import batching
from trackflow.usecases.meshes.notices import addresses_of, send_due
from trackflow.usecases.meshes.requests import MeshRequest, request_mesh, save_image
from trackflow.usecases.meshes.running import run_due_meshes
from trackflow.usecases.meshes.tools import MeshTools, storage_of
from trackflow_tests.helpers.stores import Clock, open_context
from trackflow_tests.notifications.test_notifier import receiver
from trackflow_tests.usecases.meshes.pictures import TroubledGenerator, hills

PICTURE = hills(7)


class Pictured(TroubledGenerator):
    """Its meshes have a thumbnail."""

    def generate(self, *given: Any, **more: Any) -> GeneratedMesh:
        made = super().generate(*given, **more)
        return GeneratedMesh({**made.files, "thumbnail.png": PICTURE}, made.report)


@pytest.fixture
def messages() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    with receiver() as (port, got):
        yield f"json://127.0.0.1:{port}", got


@pytest.fixture
def context(
    database_url: str,
    tmp_path: Path,
    clock: Clock,
    messages: tuple[str, list[dict[str, Any]]],
) -> Iterator[Context]:
    url, _ = messages
    with open_context(
        database_url,
        tmp_path,
        clock,
        mesh_notify=(("harbour", f"{url}/harbour"), ("user:anna", f"{url}/anna")),
        notify_urls=(f"{url}/operators",),
        public_url="https://trackflow.example",
    ) as opened:
        yield opened


def test_a_finished_mesh_is_told_once_with_links_and_picture(
    context: Context, messages: tuple[str, list[dict[str, Any]]]
) -> None:
    _, got = messages
    wanted = MeshRequest(image=hills(1), name="pier.png", project="harbour", user_name="anna")
    mesh_id = request_mesh(context, wanted).mesh_id
    run_due_meshes(context, Pictured())
    assert len(got) == 2  # the project and the user
    for message in got:
        assert message["title"] == "The mesh of pier.png is ready"
        assert f"https://trackflow.example/meshes/{mesh_id}" in message["message"]
        assert f"/api/v1/meshes/{mesh_id}/files/mesh.glb" in message["message"]
        (attached,) = message["attachments"]
        assert base64.b64decode(attached["base64"]) == PICTURE
    assert send_due(context) == 0
    assert len(got) == 2
    with context.store.read() as connection:
        assert read_mesh(connection, mesh_id).notified_at is not None


def test_a_failure_is_told_to_the_operators_too(
    context: Context, messages: tuple[str, list[dict[str, Any]]]
) -> None:
    _, got = messages
    request_mesh(context, MeshRequest(image=b"nonsense", name="bad.png", project="harbour"))
    run_due_meshes(context, TroubledGenerator())
    assert [message["title"] for message in got] == ["The mesh of bad.png has failed"] * 2
    assert all("bad.png is no image" in message["message"] for message in got)


def test_a_mesh_of_nobody_is_told_to_nobody(
    context: Context, messages: tuple[str, list[dict[str, Any]]]
) -> None:
    request_mesh(context, MeshRequest(image=hills(1), name="a.png", project="other"))
    request_mesh(context, MeshRequest(image=hills(2), name="b.png", wants_notice=False))
    run_due_meshes(context, TroubledGenerator())
    assert messages[1] == []


def test_a_batch_is_told_once_and_not_mesh_by_mesh(
    context: Context,
    messages: tuple[str, list[dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, got = messages
    generator = TroubledGenerator({"1.png": lambda: BadInputError("this one is bad")})
    tools = MeshTools(generator, storage_of(context.settings))
    monkeypatch.setattr(batching, "opened_tools", lambda _: nullcontext(tools))
    keys = [
        save_image(context, MeshRequest(image=hills(seed), name=f"{seed}.png")) for seed in range(3)
    ]
    job = queue_job(context, "mesh_batch", {"images": keys, "user": "anna"})
    run_job(context, job.job_id)
    assert len(got) == 2  # the user, and the operators as one has failed
    assert {m["title"] for m in got} == {"The batch of 3 meshes has ended: 1 failed"}
    assert all("2 of 3 completed, 1 failed" in m["message"] for m in got)
    assert all("1.png: this one is bad" in m["message"] for m in got)
    assert send_due(context) == 0


def test_a_sender_that_died_is_replaced_and_one_at_work_is_not(
    context: Context, clock: Clock, messages: tuple[str, list[dict[str, Any]]]
) -> None:
    _, got = messages
    request_mesh(context, MeshRequest(image=hills(1), name="a.png", wants_notice=False))
    run_due_meshes(context, TroubledGenerator())
    with context.store.write() as connection:
        connection.exec_driver_sql("UPDATE meshes SET wants_notice = true, project = 'harbour'")
    with context.store.write() as connection:
        assert rows.claim_mesh(connection, clock()) is not None  # and this process dies
    assert send_due(context) == 0
    clock.advance(rows.CLAIM_S + 1)
    assert send_due(context) == 1
    assert send_due(context) == 0
    assert len(got) == 1


def test_old_news_are_no_news(
    context: Context, clock: Clock, messages: tuple[str, list[dict[str, Any]]]
) -> None:
    request_mesh(context, MeshRequest(image=hills(1), name="a.png", wants_notice=False))
    run_due_meshes(context, TroubledGenerator())
    with context.store.write() as connection:
        connection.exec_driver_sql("UPDATE meshes SET wants_notice = true, project = 'harbour'")
    clock.advance(2 * 86_400)
    assert send_due(context) == 0
    assert messages[1] == []


def test_each_address_is_used_once() -> None:
    settings = Settings(
        home=Path(),
        mesh_notify=(("a", "json://x"), ("user:anna", "json://x"), ("a", "json://y")),
        notify_urls=("json://y", "json://z"),
    )
    assert addresses_of(settings, "a", "anna", is_trouble=False) == ["json://x", "json://y"]
    assert addresses_of(settings, "a", None, is_trouble=True) == [
        "json://x",
        "json://y",
        "json://z",
    ]
    assert addresses_of(settings, None, None, is_trouble=False) == []
