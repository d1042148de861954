"""Claims on meshes, over random histories of several workers: nothing twice, nothing back."""

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trackflow.errors import StaleClaimError
from trackflow.store.database import Store, open_store
from trackflow.store.meshes import claims, images, meshes, usage
from trackflow.store.meshes.claims import ClaimLimits, MeshFailure, MeshResult
from trackflow.store.meshes.mesh_state import LONGEST_REST_S, MOST_TRIES, next_try
from trackflow.store.meshes.meshes import Mesh, MeshStatus
from trackflow_tests.stores import NOON, empty, settings_of

LEASE_S = 60.0
LIMITS = ClaimLimits(LEASE_S, pixels=1000, most_running=3)


@pytest.fixture
def store(database_url: str, tmp_path: Path) -> Iterator[Store]:
    opened = open_store(settings_of(database_url, tmp_path))
    yield opened
    opened.close()


def add(store: Store, mesh_id: str, **more: Any) -> None:
    key = more.pop("image_key", f"upload/{mesh_id}")
    with store.write() as connection:
        values = {"source": "upload", "name": key, "parameters": {}, "parameters_hash": "p"}
        images.save_image(connection, key, NOON, values)
        row = {
            "mesh_id": mesh_id,
            "image_key": key,
            "parameters": {},
            "parameters_hash": "p",
            "created_at": NOON,
            **more,
        }
        assert meshes.add_mesh(connection, row)


def claim(store: Store, now: dt.datetime = NOON, limits: ClaimLimits = LIMITS) -> Mesh | None:
    with store.write() as connection:
        return claims.claim_next(connection, now, limits)


RESULT = MeshResult("c", "1", {"triangle_count": 2}, [], 10, 1.5, 1000)

STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["claim", "beat", "publish", "fail", "cancel", "give_back", "wait", "free"]
        ),
        st.integers(0, 5),
        st.floats(0, 1),
    ),
    max_size=40,
)


@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(STEPS, st.integers(1, 5))
def test_whatever_workers_do_the_books_are_right(
    store: Store, steps: list[tuple[str, int, float]], count: int
) -> None:
    """Workers come, work, fail, die and come back; a worker holds on to its claim for ever."""
    history = History(store, count)
    for step in steps:
        history.make(*step)
        history.check()


class History:
    """What several workers do to some meshes, and what must be true after each step."""

    def __init__(self, store: Store, count: int) -> None:
        empty(store)
        self.store, self.now = store, NOON
        self.names = [f"m{k}" for k in range(count)]
        for k, name in enumerate(self.names):
            add(store, name, pixels=10, priority=k % 3)
        self.held: list[Mesh] = []
        self.progress = dict.fromkeys(self.names, 0.0)
        self.ended: Counter[str] = Counter()

    def make(self, what: str, which: int, share: float) -> None:
        self.now += dt.timedelta(seconds=1)
        if what == "wait":
            self.now += dt.timedelta(seconds=share * LONGEST_REST_S)
        elif what == "claim":
            claimed = claim(self.store, self.now)
            self.held += [] if claimed is None else [claimed]
        elif what == "free":
            with self.store.write() as connection:
                claims.free_abandoned(connection, self.now, LEASE_S)
        elif what == "cancel":
            with self.store.write() as connection:
                meshes.cancel(connection, self.names[which % len(self.names)], self.now)
        elif self.held:
            self.worker(self.held[which % len(self.held)], what, which, share)

    def worker(self, one: Mesh, what: str, which: int, share: float) -> None:
        with self.store.read() as connection:
            current = meshes.read_mesh(connection, one.mesh_id)
        is_mine = (current.epoch, current.status) == (one.epoch, MeshStatus.RUNNING)
        kind = ("image", "service", "unavailable")[which % 3]
        try:
            with self.store.write() as connection:
                if what == "beat":
                    claims.beat(connection, one, self.now, LEASE_S, progress=share, step="at work")
                elif what == "publish":
                    claims.publish(connection, one, RESULT, self.now)
                    self.ended["completed"] += 1
                elif what == "fail":
                    is_last = claims.fail(connection, one, MeshFailure(kind, "no"), self.now)
                    self.ended[kind] += is_last and not current.cancel_requested
                else:
                    claims.give_back(connection, one, "the worker stops")
            assert is_mine
        except StaleClaimError:
            assert not is_mine, "a worker with a valid claim was refused"

    def check(self) -> None:
        with self.store.read() as connection:
            found = meshes.list_meshes(connection)
            totals = usage.read_totals(connection)
        assert sum(mesh.status is MeshStatus.RUNNING for mesh in found) <= LIMITS.most_running
        for mesh in found:
            assert mesh.progress >= self.progress[mesh.mesh_id]
            self.progress[mesh.mesh_id] = mesh.progress
            assert (mesh.lease_until is not None) == (mesh.status is MeshStatus.RUNNING)
            assert mesh.tries <= max(MOST_TRIES.values())
        died = totals.pop("died", None)
        assert {k: v.meshes for k, v in totals.items()} == {
            k: n for k, n in self.ended.items() if n
        }
        assert died is None or died.meshes <= len(self.names)


def test_the_first_claimed_is_the_most_urgent_and_then_the_oldest(store: Store) -> None:
    for k, (priority, age_s) in enumerate([(2, 9), (1, 5), (1, 7), (0, 1)]):
        created = NOON - dt.timedelta(seconds=age_s)
        add(store, f"m{k}", priority=priority, created_at=created)
    limits = ClaimLimits(LEASE_S, 1000, 10)
    order = [found.mesh_id for _ in range(4) if (found := claim(store, limits=limits))]
    assert order == ["m3", "m2", "m1", "m0"]
    assert claim(store, limits=limits) is None


def test_no_more_pixels_are_at_work_than_fit_the_machine(store: Store) -> None:
    add(store, "huge", pixels=5000, created_at=NOON - dt.timedelta(hours=2))
    add(store, "large", pixels=700, created_at=NOON - dt.timedelta(hours=1))
    add(store, "small", pixels=300)
    first = claim(store)
    assert first is not None
    assert first.mesh_id == "huge", "one alone may take more than there is"
    assert claim(store) is None
    with store.write() as connection:
        claims.publish(connection, first, RESULT, NOON)
    assert [found.mesh_id for _ in range(2) if (found := claim(store))] == ["large", "small"]


def test_twins_wait_for_each_other(store: Store) -> None:
    add(store, "one", image_key="upload/a")
    add(store, "other", image_key="upload/a")
    add(store, "finer", image_key="upload/a", parameters_hash="q")
    first, second = claim(store), claim(store)
    assert first is not None
    assert second is not None
    assert {first.mesh_id, second.mesh_id} in ({"one", "finer"}, {"other", "finer"})
    assert claim(store) is None
    with store.write() as connection:
        twin = first if first.parameters_hash == "p" else second
        claims.publish(connection, twin, RESULT, NOON)
    third = claim(store)
    assert third is not None
    assert {third.mesh_id, twin.mesh_id} == {"one", "other"}


def test_a_mesh_whose_workers_die_is_given_up(store: Store) -> None:
    add(store, "m")
    now = NOON
    for tries in range(1, MOST_TRIES["died"] + 1):
        assert claim(store, now) is not None
        now += dt.timedelta(seconds=LEASE_S - 1)
        with store.write() as connection:
            assert claims.free_abandoned(connection, now, LEASE_S) == 0
        now += dt.timedelta(seconds=2)
        with store.write() as connection:
            assert claims.free_abandoned(connection, now, LEASE_S) == 1
            mesh = meshes.read_mesh(connection, "m")
        assert mesh.tries == tries
        now += dt.timedelta(seconds=LONGEST_REST_S)
    assert (mesh.status, mesh.error_kind) == (MeshStatus.FAILED, "died")
    assert "killed" in (mesh.error_message or "")


def test_a_wrong_clock_holds_no_mesh_up_for_ever(store: Store) -> None:
    add(store, "m")
    future = NOON + dt.timedelta(days=3000)
    assert claim(store, future) is not None
    with store.write() as connection:
        assert claims.free_abandoned(connection, NOON, LEASE_S) == 1
    assert claim(store, NOON + dt.timedelta(minutes=30)) is not None


@given(st.sampled_from([*MOST_TRIES, "image", "address", ""]), st.integers(1, 20))
def test_tries_and_rests_are_bounded(kind: str, tries: int) -> None:
    following = next_try(tries, kind, NOON)
    assert (following is None) == (tries >= MOST_TRIES.get(kind, 1))
    if following is not None:
        assert NOON < following <= NOON + dt.timedelta(seconds=LONGEST_REST_S)
