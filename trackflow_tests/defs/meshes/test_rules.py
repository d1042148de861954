"""The rules of sensors and checks, over random queues and reports."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.defs.meshes.checks import judge_error, judge_watertight
from trackflow.defs.meshes.sensors import FEW, REQUESTED_AGAIN, requests_of
from trackflow.store.meshes.meshes import Mesh, MeshStatus
from trackflow.usecases.meshes.waiting import FoundImage, WaitingWork

NOW = dt.datetime(2026, 3, 2, 12, 5, tzinfo=dt.UTC)
KEYS = st.sampled_from([f"inbox/{n}.png" for n in range(9)])


def mesh(**values: Any) -> Mesh:
    """A mesh with these columns; the others are empty."""
    empty: dict[str, Any] = dict.fromkeys(Mesh.__dataclass_fields__)
    counts = {"tries": 0, "epoch": 0, "size_bytes": 0, "parameters": {}, "image_name": "a"}
    given = {"mesh_id": "m", "image_key": "inbox/0.png", "status": MeshStatus.QUEUED}
    return Mesh(**(empty | counts | given | values))


meshes = st.builds(mesh, image_key=KEYS, mesh_id=st.uuids().map(str), tries=st.integers(0, 4))
found = st.builds(
    FoundImage, image_key=KEYS, read_at=st.sampled_from([None, NOW, NOW - dt.timedelta(hours=2)])
)


@given(due=st.lists(meshes, max_size=9), images=st.lists(found, max_size=9))
def test_each_image_gets_one_run_or_all_of_them_share_one(
    due: Sequence[Mesh], images: Sequence[FoundImage]
) -> None:
    work = WaitingWork(found=list(images), due=list(due))
    requests = list(requests_of(work, NOW))
    waiting = {one.image_key for one in (*due, *images)}
    asked = [request.partition_key for request in requests]
    assert len(set(asked)) == len(asked)
    assert set(asked) == (waiting if len(waiting) <= FEW else set())
    assert len({request.run_key for request in requests}) == len(requests)
    repeated = [request.run_key for request in requests_of(work, NOW)]
    assert repeated == [request.run_key for request in requests]


@given(one=meshes)
def test_a_mesh_that_still_waits_after_a_while_is_requested_again(one: Mesh) -> None:
    keys = {
        request.run_key
        for moment in (NOW, NOW + REQUESTED_AGAIN)
        for request in requests_of(WaitingWork(due=[one]), moment)
    }
    assert len(keys) == 2


@given(asked=st.floats(0, 1e4), factor=st.floats(0, 3))
def test_an_error_beyond_the_limit_is_red(asked: float, factor: float) -> None:
    largest = asked * factor
    verdict = judge_error(mesh(report={"asked_error_m": asked, "max_error_m": largest}))
    if largest <= asked:
        assert verdict.passed
    if largest > asked * 1.001 + 0.001:
        assert not verdict.passed


@pytest.mark.parametrize("report", [None, {}, {"asked_error_m": 1.0}])
def test_a_report_that_says_nothing_is_red(report: dict[str, Any] | None) -> None:
    assert not judge_error(mesh(report=report)).passed


@given(is_closed=st.booleans(), solid=st.booleans())
def test_a_solid_that_is_open_is_red(is_closed: bool, solid: bool) -> None:
    parameters = {"solid": True} if solid else {}
    verdict = judge_watertight(mesh(parameters=parameters, report={"is_watertight": is_closed}))
    assert verdict.passed == (is_closed or not solid)
