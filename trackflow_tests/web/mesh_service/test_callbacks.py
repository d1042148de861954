"""Callbacks of a real service to a real receiver."""

import uuid

import pytest

from trackflow_tests.helpers.http_servers import free_port
from trackflow_tests.helpers.mesh_services import FINAL, MeshService, Message, receiver
from trackflow_tests.meshes.pictures import png

pytestmark = pytest.mark.xdist_group("mesh service")


def test_progress_and_end_are_told_signed_and_in_order(service: MeshService) -> None:
    with receiver() as told:
        mesh_id = service.upload(
            png(250, 250, seed=31), parameters={"detail_factor": 0.0001}, callback_url=told.url
        )["mesh_id"]
        messages = told.wait_for_end_of(mesh_id)
    for message in messages:
        message.check()
    sequences = [one.data["sequence"] for one in messages]
    assert sequences == sorted(set(sequences))
    shares = [one.data["progress"] for one in messages]
    assert shares == sorted(shares)
    assert len({one.message_id for one in messages}) == len(messages)
    end = messages[-1].data
    state = service.state(mesh_id)
    assert end["status"] == state["status"] == "completed"
    assert end["result_url"] == state["result_url"]
    assert end["triangle_count"] == state["triangle_count"]


def test_a_callback_is_sent_until_it_is_taken(service: MeshService) -> None:
    """Refused, lost on the way, answered too late to count: each is the same message again."""

    def refusing(_: Message, number: int) -> int | None:
        return {1: 500, 2: None}.get(number, 200)

    with receiver(refusing) as told:
        mesh_id = service.upload(png(10, 10, seed=32), callback_url=told.url)["mesh_id"]
        service.wait_for(mesh_id)
        messages = told.wait_for(
            mesh_id,
            lambda found: len(found) > 2 and found[-1].data["status"] in FINAL,
        )
    for message in messages:
        message.check()
    assert messages[-1].data["status"] == "completed"
    by_id: dict[str, set[int]] = {}
    for message in messages:
        by_id.setdefault(message.message_id, set()).add(message.data["sequence"])
    assert all(len(sequences) == 1 for sequences in by_id.values())


def test_a_failure_is_told_with_its_reason(service: MeshService) -> None:
    with receiver() as told:
        mesh_id = service.upload(b"no image", name="x.png", callback_url=told.url)["mesh_id"]
        end = told.wait_for_end_of(mesh_id)[-1].data
    assert end["status"] == "failed"
    assert "x.png" in end["error_message"]


def test_a_receiver_that_is_gone_for_good_gets_nothing_more(service: MeshService) -> None:
    with receiver(lambda _message, _number: 410) as told:
        mesh_id = service.upload(png(10, 10, seed=33), callback_url=told.url)["mesh_id"]
        service.wait_for(mesh_id)
        told.wait_for(mesh_id, lambda found: len(found) == 1)
        # messages of two meshes come in any order: the other one is queued after the first is told
        other = service.upload(png(10, 10, seed=34), callback_url=told.url)["mesh_id"]
        told.wait_for(other, lambda found: len(found) == 1)
        assert len(told.of(mesh_id)) == 1


def test_a_receiver_that_is_away_delays_nobody(service: MeshService) -> None:
    away = f"http://127.0.0.1:{free_port()}/told"
    for seed in range(40, 46):
        service.upload(png(10, 10, seed=seed), callback_url=away)
    with receiver() as told:
        mesh_id = service.upload(png(10, 10, seed=46), callback_url=told.url)["mesh_id"]
        assert told.wait_for_end_of(mesh_id)[-1].data["status"] == "completed"
    assert service.client.get("/queue").json()["callbacks"] >= 6


def test_an_address_of_the_own_network_gets_no_callback(service: MeshService) -> None:
    with receiver() as told:
        inside = told.url.replace("127.0.0.1", "[::ffff:127.0.0.1]")  # the same, and not allowed
        mesh_id = service.upload(png(10, 10, seed=47), callback_url=inside)["mesh_id"]
        assert service.wait_for(mesh_id)["status"] == "completed"
        other = service.upload(
            png(10, 10, seed=48), callback_url=told.url, mesh_id=f"other-{uuid.uuid4()}"
        )["mesh_id"]
        told.wait_for_end_of(other)
        assert not told.of(mesh_id)
