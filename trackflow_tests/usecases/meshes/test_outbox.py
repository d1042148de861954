"""Callbacks in the outbox, on both databases: what is told, how often, and when no more."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from trackflow.concurrency.connections import HttpClient
from trackflow.context import Context
from trackflow.errors import BadInputError
from trackflow.store.meshes import outbox
from trackflow.store.tables import metadata
from trackflow.usecases.meshes.outbox import (
    CallbackSender,
    CallbackTimes,
    check_callback,
    register_callback,
)
from trackflow.usecases.meshes.requests import MeshRequest, request_mesh
from trackflow_tests.helpers.mesh_services import SECRET, receiver
from trackflow_tests.helpers.stores import Clock, open_context
from trackflow_tests.meshes.pictures import png

TIMES = CallbackTimes()


@pytest.fixture
def context(database_url: str, tmp_path: Path, clock: Clock) -> Iterator[Context]:
    allowed = {"mesh_secret": SECRET, "mesh_allow_hosts": ("127.0.0.1",)}
    with open_context(database_url, tmp_path / "home", clock, **allowed) as found:
        yield found


@pytest.fixture
def client() -> Iterator[HttpClient]:
    with HttpClient() as found:
        yield found


def requested(context: Context, mesh_id: str, address: str) -> str:
    request_mesh(context, MeshRequest(image=png(4, 4), mesh_id=mesh_id, wants_notice=False))
    register_callback(context, mesh_id, address, "http://service")
    return mesh_id


def change(context: Context, mesh_id: str, **values: Any) -> None:
    """As a worker changes a mesh."""
    m = metadata.tables["meshes"]
    with context.store.write() as connection:
        connection.execute(sa.update(m).where(m.c.mesh_id == mesh_id).values(values))


def send_all(sender: CallbackSender) -> int:
    count = 0
    while sender.send_next():
        count += 1
    return count


def test_each_change_is_told_once_and_of_many_the_newest(
    context: Context, client: HttpClient, clock: Clock
) -> None:
    sender = CallbackSender(context, client)
    with receiver() as told:
        requested(context, "a", told.url)
        assert send_all(sender) == 1
        assert send_all(sender) == 0
        clock.advance(5)
        assert send_all(sender) == 0  # nothing has changed
        for share in (0.1, 0.2, 0.3):
            change(context, "a", status="running", progress=share)
        assert send_all(sender) == 1
        change(context, "a", progress=0.4)
        assert send_all(sender) == 0  # too soon after the last one
        change(context, "a", progress=1.0, status="completed")
        clock.advance(TIMES.progress_rest_s)
        assert send_all(sender) == 1
        clock.advance(86_400)
        assert send_all(sender) == 0
    seen = [
        (one.data["sequence"], one.data["status"], one.data["progress"]) for one in told.of("a")
    ]
    assert seen == [(1, "queued", 0.0), (2, "running", 0.3), (3, "completed", 1.0)]


def test_a_failed_try_is_repeated_later_and_later_as_the_same_message(
    context: Context, client: HttpClient, clock: Clock
) -> None:
    sender = CallbackSender(context, client)
    with receiver(lambda _message, _number: 503) as told:
        requested(context, "a", told.url)
        assert sender.send_next()
        waits = []
        for _ in range(9):
            wait_s = 0
            while not sender.send_next():
                clock.advance(5)
                wait_s += 5
            waits.append(wait_s)
        assert waits == [5, 10, 20, 40, 80, 160, 320, 600, 600]
        assert len(told.messages) == 10
        assert len({one.message_id for one in told.messages}) == 1
        for message in told.messages:
            message.check()  # signed for the moment of its own try: none of them is an old one


def test_after_days_it_is_given_up_and_a_new_request_begins_anew(
    context: Context, client: HttpClient, clock: Clock
) -> None:
    sender = CallbackSender(context, client)
    statuses = [500]
    with receiver(lambda _message, _number: statuses[0]) as told:
        requested(context, "a", told.url)
        assert sender.send_next()
        clock.advance(TIMES.give_up_s - 60)
        assert sender.send_next()
        clock.advance(700)
        assert sender.send_next()
        clock.advance(30 * 86_400)
        assert not sender.send_next()
        statuses[0] = 200
        register_callback(context, "a", told.url, "http://service")
        assert sender.send_next()
        assert told.messages[-1].data["status"] == "queued"


def test_a_host_that_is_away_rests_for_all_and_others_are_told(
    context: Context, client: HttpClient, clock: Clock
) -> None:
    sender = CallbackSender(context, client)
    with receiver(lambda _message, _number: 500) as away, receiver() as here:
        for name in ("a", "b", "c"):
            requested(context, name, away.url)
        requested(context, "z", here.url)
        assert send_all(sender) == 2
        assert len(away.messages) == 1
        assert [one.data["mesh_id"] for one in here.messages] == ["z"]


def test_a_sender_that_dies_in_the_middle_loses_nothing(
    context: Context, client: HttpClient, clock: Clock
) -> None:
    with receiver() as told:
        requested(context, "a", told.url)
        with context.store.write() as connection:  # it takes the callback, and is killed
            first = outbox.take_due(connection, clock(), 30)
        assert first is not None
        sender = CallbackSender(context, client)
        assert not sender.send_next()  # the dead one may still be at it
        clock.advance(31)
        assert sender.send_next()
        assert [one.message_id for one in told.messages] == [first.message_id]


def test_a_change_while_it_is_sent_is_told_next(
    context: Context, client: HttpClient, clock: Clock
) -> None:
    def changing(_message: Any, number: int) -> int:
        if number == 1:
            change(context, "a", status="completed", progress=1.0)
        return 200

    sender = CallbackSender(context, client)
    with receiver(changing) as told:
        requested(context, "a", told.url)
        assert sender.send_next()
        clock.advance(2)
        assert sender.send_next()
        assert [one.data["status"] for one in told.messages] == ["queued", "completed"]
        clock.advance(2)
        assert not sender.send_next()


@pytest.mark.parametrize("status", ["completed", "failed"])
def test_a_retired_mesh_is_told_by_how_it_ended(
    context: Context, client: HttpClient, status: str
) -> None:
    sender = CallbackSender(context, client)
    with receiver() as told:
        requested(context, "a", told.url)
        kind = "image" if status == "failed" else None
        change(context, "a", status="retired", error_kind=kind)
        assert send_all(sender) == 1
        assert told.messages[-1].data["status"] == status


def test_rows_of_meshes_that_are_gone_are_deleted(context: Context, clock: Clock) -> None:
    requested(context, "a", "http://127.0.0.1:9/told")
    requested(context, "b", "http://127.0.0.1:9/told")
    with context.store.write() as connection:
        m = metadata.tables["meshes"]
        connection.execute(sa.delete(m).where(m.c.mesh_id == "a"))
    clock.advance(86_400)
    with context.store.write() as connection:
        assert outbox.delete_old(connection, clock()) == 1
        assert outbox.count_waiting(connection) == 1


@pytest.mark.parametrize("address", ["ftp://a/b", "a", "http://", "http://" + "a" * 3000])
def test_an_address_that_cannot_be_told_is_refused(context: Context, address: str) -> None:
    with pytest.raises(BadInputError, match="callback_url"):
        check_callback(context, address)


def test_without_a_secret_there_are_no_callbacks(tmp_path: Path) -> None:
    with (
        open_context("", tmp_path / "plain") as context,
        pytest.raises(BadInputError, match="TRACKFLOW_MESH_SECRET"),
    ):
        check_callback(context, "http://example.com/told")
