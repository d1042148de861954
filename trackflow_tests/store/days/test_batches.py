"""Batches: one worker at a time, nothing lost, and nothing stuck for ever."""

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from trackflow.errors import StaleClaimError
from trackflow.geo.time import to_us
from trackflow.store.database import Store, open_store
from trackflow.store.days import batch_lists, batch_marks, batches
from trackflow.store.days.batches import Claim
from trackflow.store.tables import STAGES, processing_batches
from trackflow_tests.helpers.stores import (
    NOON,
    Clock,
    batch_of,
    contents,
    deliver,
    generations,
    settings_of,
    statuses,
)

DAY = NOON.date()
KEY = ("a", DAY)
LEASE_S = 60.0
POINT = ("a", to_us(NOON), 1.0, 1.0)


@pytest.fixture
def store(database_url: str, tmp_path: Path):
    store = open_store(settings_of(database_url, tmp_path))
    deliver(store, batch_of([POINT]))
    yield store
    store.close()


@pytest.fixture
def clock() -> Clock:
    return Clock(NOON)


def claim(store: Store, clock: Clock, stage: str = "segmented", **more) -> Claim | None:
    with store.write() as connection:
        return batches.claim(connection, *KEY, stage, lease_s=LEASE_S, now=clock(), **more)


def finish(store: Store, clock: Clock, held: Claim | None, *, changed: bool = False) -> None:
    assert held is not None
    with store.write() as connection:
        batches.finish(connection, held, clock(), changed=changed)


def fail(store: Store, clock: Clock, held: Claim | None, message: str = "broken") -> None:
    assert held is not None
    with store.write() as connection:
        batches.fail(connection, held, message, 3, clock())


def defer(store: Store, clock: Clock, held: Claim | None) -> None:
    assert held is not None
    with store.write() as connection:
        batches.defer(connection, held, "no roads", clock())


def complete(store: Store, clock: Clock) -> None:
    for stage in STAGES:
        finish(store, clock, claim(store, clock, stage))


def row(store: Store) -> dict[str, object]:
    (found,) = contents(store, "processing_batches")["processing_batches"]
    return found


def due(store: Store, clock: Clock, stage: str = "segmented") -> bool:
    with store.read() as connection:
        return batch_lists.pending(connection, stage, clock()) == [KEY]


def touch(store: Store, seconds: int = 1) -> None:
    device, time, *place = POINT
    deliver(store, batch_of([(device, time + seconds * 1_000_000, *place)]))


@pytest.mark.parametrize("force", [False, True])
def test_of_many_who_claim_at_once_one_wins(store: Store, clock: Clock, force: bool) -> None:
    barrier = threading.Barrier(8)

    def attempt(_: int) -> Claim | None:
        barrier.wait()
        return claim(store, clock, force=force)

    for _ in range(3):
        with ThreadPoolExecutor(8) as pool:
            won = [found for found in pool.map(attempt, range(8)) if found]
        assert len(won) == 1
        defer(store, clock, won[0])


def test_nobody_else_gets_it_while_the_lease_lasts(store: Store, clock: Clock) -> None:
    held = claim(store, clock)
    clock.advance(LEASE_S)
    assert claim(store, clock) is None
    assert claim(store, clock, "matched") is None
    assert claim(store, clock, force=True) is None
    finish(store, clock, held)


def test_after_the_lease_another_takes_over_and_the_stale_one_changes_nothing(
    store: Store, clock: Clock
) -> None:
    stale = claim(store, clock)
    clock.advance(LEASE_S + 1)
    fresh = claim(store, clock)
    assert stale is not None
    assert fresh is not None
    assert fresh.epoch == stale.epoch + 1
    before = contents(store, "processing_batches", "gps_points")
    for settle in (finish, fail, defer):
        with pytest.raises(StaleClaimError, match="taken over"):
            settle(store, clock, stale)
    with pytest.raises(StaleClaimError), store.write() as connection:
        batches.extend(connection, stale, LEASE_S, clock())

    def publish() -> None:
        with store.write() as connection:
            batch_marks.mark_again(connection, [KEY], clock())
            batches.finish(connection, stale, clock(), changed=True)

    with pytest.raises(StaleClaimError):
        publish()
    assert contents(store, "processing_batches", "gps_points") == before
    finish(store, clock, fresh)


def test_who_is_late_but_was_not_replaced_may_still_publish(store: Store, clock: Clock) -> None:
    held = claim(store, clock)
    clock.advance(10 * LEASE_S)
    finish(store, clock, held)
    assert not due(store, clock)


def test_nobody_publishes_twice(store: Store, clock: Clock) -> None:
    held = claim(store, clock)
    finish(store, clock, held)
    with pytest.raises(StaleClaimError):
        finish(store, clock, held)


def test_a_claim_can_be_kept_for_longer(store: Store, clock: Clock) -> None:
    held = claim(store, clock)
    clock.advance(LEASE_S - 1)
    assert held is not None
    with store.write() as connection:
        batches.extend(connection, held, LEASE_S, clock())
    clock.advance(LEASE_S - 1)
    assert claim(store, clock) is None


def test_it_is_completed_when_every_stage_is(store: Store, clock: Clock) -> None:
    seen = []
    for stage in STAGES:
        assert due(store, clock, stage)
        finish(store, clock, claim(store, clock, stage))
        seen.append(statuses(store)[KEY])
        assert not due(store, clock, stage)
    assert seen == ["pending", "pending", "completed"]


def test_points_that_arrive_meanwhile_leave_it_pending(store: Store, clock: Clock) -> None:
    complete(store, clock)
    touch(store)
    held = claim(store, clock)
    touch(store, 2)
    assert statuses(store)[KEY] == "processing"
    finish(store, clock, held)
    assert statuses(store)[KEY] == "pending"
    assert due(store, clock)
    complete(store, clock)
    assert statuses(store)[KEY] == "completed"


def test_what_is_made_of_segments_waits_until_they_are_up_to_date(
    store: Store, clock: Clock
) -> None:
    """Lines of old segments must not count as those of points that came since."""
    complete(store, clock)
    touch(store)
    assert [s for s in STAGES if due(store, clock, s)] == ["segmented"]
    finish(store, clock, claim(store, clock, "matched", force=True))
    finish(store, clock, claim(store, clock), changed=True)
    assert [s for s in STAGES if due(store, clock, s)] == ["matched", "tracked"]


@pytest.mark.parametrize(("stage", "later"), [("segmented", STAGES[1:]), ("matched", STAGES[2:])])
def test_a_stage_that_changed_something_makes_later_ones_due(
    store: Store, clock: Clock, stage: str, later: tuple[str, ...]
) -> None:
    complete(store, clock)
    finish(store, clock, claim(store, clock, stage, force=True), changed=False)
    assert statuses(store)[KEY] == "completed"
    finish(store, clock, claim(store, clock, stage, force=True), changed=True)
    assert statuses(store)[KEY] == "pending"
    assert [s for s in STAGES if due(store, clock, s)] == list(later)


def test_failures_are_counted_and_wait_longer_each_time(store: Store, clock: Clock) -> None:
    waits = []
    for tries in (1, 2):
        fail(store, clock, claim(store, clock), f"broken {tries}")
        assert row(store)["retry_count"] == tries
        assert row(store)["error_message"] == f"broken {tries}"
        start = clock()
        while not due(store, clock):
            clock.advance(5)
        waits.append((clock() - start).total_seconds())
    assert 0 < waits[0] < waits[1] <= 120


def test_after_too_many_tries_it_is_failed_and_to_be_seen(store: Store, clock: Clock) -> None:
    for _ in range(3):
        clock.advance(3600)
        fail(store, clock, claim(store, clock))
    clock.advance(1e6)
    assert not any(due(store, clock, stage) for stage in STAGES)
    assert claim(store, clock) is None
    with store.read() as connection:
        assert batch_lists.counts(connection)["failed"] == 1
        (seen,) = batch_lists.failures(connection)
    assert (seen.device_id, seen.day, seen.error_message) == (*KEY, "broken")
    assert len(contents(store)["gps_points"]) == 1, "its points are kept"


def test_many_that_wait_do_not_hide_one_that_failed(store: Store, clock: Clock) -> None:
    fail(store, clock, claim(store, clock))

    with store.write() as connection:
        for k in range(25):
            later = clock() + dt.timedelta(minutes=k)
            of_day = {"device_id": KEY[0], "day": KEY[1] + dt.timedelta(days=k + 1)}
            times = {"created_at": later, "updated_at": later}
            connection.execute(
                sa.insert(processing_batches).values(error_message="no roads", **of_day, **times)
            )
    with store.read() as connection:
        seen = [found.error_message for found in batch_lists.failures(connection)]
    assert seen == ["no roads", "broken", *["no roads"] * 18]


def test_a_person_can_have_failed_ones_tried_again(store: Store, clock: Clock) -> None:
    for _ in range(3):
        clock.advance(3600)
        fail(store, clock, claim(store, clock))
    with store.write() as connection:
        assert batch_marks.retry_failed(connection, clock()) == 1
    assert due(store, clock)
    assert (row(store)["retry_count"], row(store)["error_message"]) == (0, None)


def test_new_points_give_a_failed_one_another_chance(store: Store, clock: Clock) -> None:
    for _ in range(3):
        clock.advance(3600)
        fail(store, clock, claim(store, clock))
    touch(store)
    assert due(store, clock)


def test_deferring_uses_no_try_and_says_why(store: Store, clock: Clock) -> None:
    for _ in range(10):
        defer(store, clock, claim(store, clock))
        assert row(store)["retry_count"] == 0
        assert row(store)["error_message"] == "no roads"
        assert due(store, clock)


def test_what_a_stage_waits_for_is_told_until_it_is_done(store: Store, clock: Clock) -> None:
    finish(store, clock, claim(store, clock))
    defer(store, clock, claim(store, clock, "matched"))
    finish(store, clock, claim(store, clock, "tracked"))
    assert row(store)["error_message"] == "no roads"
    finish(store, clock, claim(store, clock, "matched"))
    assert row(store)["error_message"] is None


def test_a_worker_that_is_gone_frees_its_batch_with_its_lease(store: Store, clock: Clock) -> None:
    claim(store, clock)
    assert not due(store, clock)
    clock.advance(LEASE_S + 1)
    assert due(store, clock)


def test_a_neighbour_is_matched_again_without_being_cut_again(store: Store, clock: Clock) -> None:
    complete(store, clock)
    with store.write() as connection:
        batch_marks.mark_neighbours_matched(connection, "a", [DAY], clock())
    assert [s for s in STAGES if due(store, clock, s)] == ["matched", "tracked"]


def test_a_neighbour_that_waits_anyway_is_not_marked(store: Store, clock: Clock) -> None:
    before = generations(store)
    with store.write() as connection:
        batch_marks.mark_neighbours_matched(connection, "a", [DAY], clock())
    assert generations(store) == before


def test_pending_batches_are_found_by_day_and_device(store: Store, clock: Clock) -> None:
    other = [("b", to_us(NOON + dt.timedelta(days=k)), 1.0, 1.0) for k in (0, 1, 2)]
    deliver(store, batch_of(other))
    days = [DAY + dt.timedelta(days=k) for k in (0, 1, 2)]
    complete(store, clock)
    with store.read() as connection:
        find = lambda **kw: batch_lists.pending(connection, "segmented", clock(), **kw)  # noqa: E731
        assert find() == [("b", day) for day in days]
        assert find(first=days[1]) == [("b", day) for day in days[1:]]
        assert find(last=days[1]) == [("b", day) for day in days[:2]]
        assert find(device_id="a") == []
        assert find(every=True) == [KEY, *(("b", day) for day in days)]
