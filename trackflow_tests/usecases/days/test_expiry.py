"""What nobody works on any more is seen and freed, and what kills its workers is given up."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from trackflow.context import Work
from trackflow.errors import StaleClaimError, StoreUnavailableError
from trackflow.store.days import batches
from trackflow.usecases.days import claims as claiming
from trackflow.usecases.days.claims import Held, claim_days, hand_back
from trackflow.usecases.days.expiry import reap
from trackflow.usecases.days.run import retry_failed, run
from trackflow.usecases.days.waiting import find_waiting
from trackflow_tests.stores import (
    NOON,
    Clock,
    batch_of_device,
    contents,
    deliver,
    drive,
    open_work,
    statuses,
)

LEASE_S = 60.0
MAX_TRIES = 3
DAY = NOON.date()
KEY = ("van", DAY)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def work(database_url: str, tmp_path: Path, clock: Clock) -> Iterator[Work]:
    with open_work(database_url, tmp_path, clock, lease_s=LEASE_S, max_tries=MAX_TRIES) as work:
        for device in ("other", "van"):
            deliver(work.store, batch_of_device(device, drive(NOON, 200)))
        yield work


def die_at_it(work: Work) -> None:
    """As a worker that is killed: it has claimed and is never heard of again."""
    (claim,) = claim_days(work, *KEY[:1], [DAY], "segmented", force=False)
    assert (claim.device_id, claim.day) == KEY


def row(work: Work) -> dict[str, object]:
    found = contents(work.store, "processing_batches")["processing_batches"]
    return next(r for r in found if r["device_id"] == "van")


def test_within_twice_the_lease_it_is_seen_and_free(work: Work, clock: Clock) -> None:
    """Whoever looks once per lease sees it in time."""
    run(work, device_id="other")
    die_at_it(work)
    assert reap(work) == []
    assert find_waiting(work).days == []
    clock.advance(LEASE_S)
    assert reap(work) == [], "the lease still holds"
    clock.advance(LEASE_S)
    assert find_waiting(work).days == [DAY], "who only reads sees it too"
    (freed,) = reap(work)
    assert (freed.device_id, freed.day, freed.tries, freed.failed) == (*KEY, 1, False)
    assert row(work)["error_message"] == batches.ABANDONED
    assert find_waiting(work).days == [DAY], "it does not rest for long"
    assert not run(work).problems
    assert statuses(work.store)[KEY] == "completed"
    assert (row(work)["retry_count"], row(work)["error_message"]) == (0, None)


@pytest.mark.parametrize("reaps", [True, False])
def test_what_kills_every_worker_is_given_up(work: Work, clock: Clock, reaps: bool) -> None:
    """Also where nobody reaps and the next worker finds the lease at its end."""
    for tries in range(1, MAX_TRIES + 1):
        die_at_it(work)
        clock.advance(LEASE_S + 1)
        if reaps:
            reap(work)
            assert row(work)["retry_count"] == tries
    run(work)
    assert statuses(work.store) == {KEY: "failed", ("other", DAY): "completed"}
    assert row(work)["error_message"] == batches.ABANDONED
    assert row(work)["retry_count"] == MAX_TRIES
    retry_failed(work)
    assert not run(work).problems
    assert statuses(work.store)[KEY] == "completed"


def test_signs_of_life_keep_a_claim(
    work: Work, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker may take many leases' time, as long as it comes further."""
    monotonic = Clock()
    monkeypatch.setattr(claiming.time, "monotonic", lambda: (monotonic() - NOON).total_seconds())
    held = Held(work, claim_days(work, "van", [DAY], "segmented", force=False))
    for _ in range(10):
        for one in (clock, monotonic):
            one.advance(LEASE_S / 2)
        held.still_at_it()
        assert reap(work) == []
    for one in (clock, monotonic):
        one.advance(LEASE_S + 1)
    assert len(reap(work)) == 1
    before = contents(work.store, "processing_batches")
    with pytest.raises(StaleClaimError):
        held.still_at_it()
    assert contents(work.store, "processing_batches") == before


def test_signs_of_life_cost_nothing_while_the_lease_is_young(work: Work) -> None:
    held = Held(work, claim_days(work, "van", [DAY], "segmented", force=False))
    begun: list[object] = []
    sa.event.listen(work.store.engine, "begin", begun.append)
    held.still_at_it()
    assert begun == []
    reap(work)
    assert begun, "this is how one would see it"


def test_what_an_outage_interrupts_can_be_taken_up_at_once(work: Work, clock: Clock) -> None:
    run(work, device_id="other")
    (mine,) = claim_days(work, "van", [DAY], "segmented", force=False)
    (report,) = hand_back(work, [mine], StoreUnavailableError("the database went away"))
    assert (report.error, report.deferred) == ("the database went away", True)
    assert row(work)["retry_count"] == 0
    assert find_waiting(work).days == [DAY]
    # and what is somebody else's by now is left alone
    (stale,) = claim_days(work, "van", [DAY], "segmented", force=False)
    clock.advance(LEASE_S + 1)
    (fresh,) = claim_days(work, "van", [DAY], "segmented", force=False)
    before = contents(work.store, "processing_batches")
    hand_back(work, [stale], StoreUnavailableError("the database went away"))
    assert contents(work.store, "processing_batches") == before
    with work.store.write() as connection:
        batches.finish(connection, fresh, clock() + dt.timedelta(seconds=1), changed=False)


def test_what_a_person_wanted_again_is_not_forgotten(work: Work, clock: Clock) -> None:
    """A batch that was up to date is claimed to be done again, and its worker dies or gives up."""
    run(work)
    for again in (1, 2):
        (claim,) = claim_days(work, "van", [DAY], "matched", force=True)
        if again == 1:
            clock.advance(2 * LEASE_S)
        else:
            with work.store.write() as connection:
                batches.defer(connection, claim, "no roads", clock())
            clock.advance(3600)
        assert find_waiting(work).days == [DAY]
        assert [len(stage.days) for stage in run(work).stages] == ([1, 1, 1], [0, 1, 0])[again - 1]
        assert statuses(work.store)[KEY] == "completed"
        assert find_waiting(work).days == []
