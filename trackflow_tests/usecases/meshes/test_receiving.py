"""Callbacks as they may come: lost, doubled, late, out of order, forged, replayed."""

import datetime as dt
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standardwebhooks import Webhook

from trackflow.context import Context
from trackflow.errors import AccessError, BadInputError
from trackflow.store.meshes import remote
from trackflow.usecases.meshes.cleanup import clean_old_meshes
from trackflow.usecases.meshes.receiving import take_callback
from trackflow_tests.helpers.mesh_services import SECRET
from trackflow_tests.helpers.running_api import running_api
from trackflow_tests.helpers.stores import Clock, open_context

OTHER = "whsec_" + "YW5vdGhlciBzZWNyZXQgYWx0b2dldGhlciE="
PATH = "/api/v1/meshes/callbacks"


@pytest.fixture
def context(database_url: str, tmp_path: Path) -> Iterator[Context]:
    with open_context(database_url, tmp_path / "home", mesh_secret=SECRET) as found:
        yield found


def body_of(sequence: int, status: str = "running", progress: float = 0.5, **more: Any) -> bytes:
    data = {"mesh_id": "m", "sequence": sequence, "status": status, "progress": progress}
    return json.dumps({"type": "mesh.progress", "data": data | more}).encode()


def signed(
    body: bytes, message_id: str, *, secret: str = SECRET, age_s: float = 0.0
) -> dict[str, str]:
    now = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=age_s)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(message_id, now, body.decode()),
    }


def take(context: Context, sequence: int, *state: Any, message_id: str | None = None) -> bool:
    body = body_of(sequence, *state)
    return take_callback(context, signed(body, message_id or f"msg_{sequence}"), body)


def known(context: Context) -> tuple[int, str, float] | None:
    with context.store.read() as connection:
        found = remote.find(connection, "m")
    return None if found is None else (found.sequence, found.status, found.progress)


STATES = [("queued", 0.0), ("running", 0.0), ("running", 0.3), ("running", 0.8), ("completed", 1.0)]


@settings(max_examples=30)
@given(st.lists(st.integers(1, len(STATES)), max_size=15))
def test_whatever_comes_in_whatever_order_the_newest_counts(arrivals: list[int]) -> None:
    """Each number is a callback: some never come, some twice, some after their successors."""
    with (
        tempfile.TemporaryDirectory() as home,
        open_context("", Path(home), mesh_secret=SECRET) as context,
    ):
        newest = 0
        for sequence in arrivals:
            changed = take(context, sequence, *STATES[sequence - 1])
            assert changed == (sequence > newest)
            newest = max(newest, sequence)
            assert known(context) == (newest, *STATES[newest - 1])


def test_doubled_late_and_replayed_ones_change_nothing(context: Context) -> None:
    assert take(context, 2, "running", 0.6)
    assert not take(context, 2, "running", 0.6)
    assert not take(context, 1, "running", 0.1)
    assert take(context, 3, "completed", 1.0)
    assert not take(context, 2, "running", 0.6, message_id="msg_another")
    assert not take(context, 4, "running", 0.1, message_id="msg_3")
    assert known(context) == (3, "completed", 1.0)


def test_a_callback_of_another_or_of_no_secret_is_refused(context: Context) -> None:
    body = body_of(1)
    for headers in (
        signed(body, "msg_1", secret=OTHER),
        {},
        signed(body, "msg_1") | {"webhook-id": "msg_2"},
        signed(body, "msg_1") | {"webhook-signature": "v1,AAAA"},
        signed(body, "msg_1") | {"webhook-signature": "v1"},
        signed(body, "msg_1") | {"webhook-signature": "v1,%%%"},
        signed(body, "msg_1") | {"webhook-timestamp": "soon"},
        signed(body, "msg_1") | {"webhook-timestamp": "nan"},
    ):
        with pytest.raises(AccessError):
            take_callback(context, headers, body)
    assert known(context) is None


@given(st.data())
@settings(max_examples=40)
def test_no_changed_body_passes(data: st.DataObject) -> None:
    body = body_of(1)
    at = data.draw(st.integers(0, len(body) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda one: one != body[at]))
    changed = body[:at] + bytes([byte]) + body[at + 1 :]
    with (
        tempfile.TemporaryDirectory() as home,
        open_context("", Path(home), mesh_secret=SECRET) as context,
        pytest.raises(AccessError),
    ):
        take_callback(context, signed(body, "msg_1"), changed)


@pytest.mark.parametrize("age_s", [301 + 60, -(301 + 60), 1e6])
def test_an_old_one_or_one_of_the_future_is_refused(context: Context, age_s: float) -> None:
    body = body_of(1)
    with pytest.raises(AccessError, match="clocks"):
        take_callback(context, signed(body, "msg_1", age_s=age_s), body)


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{}",
        b'{"data": 1}',
        b'{"data": {"mesh_id": "m"}}',
        body_of(1, status="eaten"),
        body_of(-1),
        body_of(2**70),
        body_of(1, progress=float("nan")),
        body_of(1, mesh_id="a\0b"),
    ],
)
def test_a_signed_body_that_makes_no_sense_is_refused(context: Context, body: bytes) -> None:
    with pytest.raises(BadInputError):
        take_callback(context, signed(body, "msg_1"), body)
    assert known(context) is None


def test_without_a_secret_nothing_is_taken(tmp_path: Path) -> None:
    body = body_of(1)
    with (
        open_context("", tmp_path / "plain") as context,
        pytest.raises(AccessError, match="TRACKFLOW_MESH_SECRET"),
    ):
        take_callback(context, signed(body, "msg_1"), body)


def test_old_ids_are_forgotten_long_after_they_could_pass(tmp_path: Path) -> None:
    clock = Clock()
    with open_context("", tmp_path / "home", clock, mesh_secret=SECRET) as context:
        take(context, 1)
        clock.advance(86_400)
        clean_old_meshes(context)
        assert not take(context, 1)
        clock.advance(7 * 86_400)
        clean_old_meshes(context)
        assert known(context) is None


def test_the_api_takes_them_without_a_token(tmp_path: Path) -> None:
    with (
        open_context("", tmp_path / "home", mesh_secret=SECRET) as context,
        running_api(context) as client,
    ):
        body = body_of(1)
        headers = signed(body, "msg_1")
        for taken in (True, False):
            reply = client.post(PATH, content=body, headers=headers)
            assert (reply.status_code, reply.json()) == (200, {"taken": taken})
        forged = client.post(PATH, content=body_of(2), headers=headers)
        assert forged.status_code == 403
        assert "refused" in forged.json()["error"]
        assert client.post(PATH, content=b"{}", headers=signed(b"{}", "msg_9")).status_code == 400
        assert known(context) == (1, "running", 0.5)
