"""What nobody works on any more is seen and freed, and what kills its workers is given up."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from trackflow.context import Context
from trackflow.errors import StaleClaimError, StoreUnavailableError
from trackflow.store.days import batch_state, batches
from trackflow.usecases.days import claims as claiming
from trackflow.usecases.days.claims import ClaimKeeper, claim_days, hand_back
from trackflow.usecases.days.expiry import free_expired
from trackflow.usecases.days.run import retry_failed, run
from trackflow.usecases.days.waiting import find_waiting
from trackflow_tests.helpers.stores import (
    NOON,
    Clock,
    batch_of_device,
    contents,
    deliver,
    drive,
    open_context,
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
def context(database_url: str, tmp_path: Path, clock: Clock) -> Iterator[Context]:
    with open_context(
        database_url, tmp_path, clock, lease_s=LEASE_S, max_tries=MAX_TRIES
    ) as context:
        for device in ("other", "van"):
            deliver(context.store, batch_of_device(device, drive(NOON, 200)))
        yield context


def die_at_it(context: Context) -> None:
    """As a worker that is killed: it has claimed and is never heard of again."""
    (claim,) = claim_days(context, *KEY[:1], [DAY], "segmented", force=False)
    assert (claim.device_id, claim.day) == KEY


def row(context: Context) -> dict[str, object]:
    found = contents(context.store, "processing_batches")["processing_batches"]
    return next(r for r in found if r["device_id"] == "van")


def test_within_twice_the_lease_it_is_seen_and_free(context: Context, clock: Clock) -> None:
    """Whoever looks once per lease sees it in time."""
    run(context, device_id="other")
    die_at_it(context)
    assert free_expired(context) == []
    assert find_waiting(context).days == []
    clock.advance(LEASE_S)
    assert free_expired(context) == [], "the lease still holds"
    clock.advance(LEASE_S)
    assert find_waiting(context).days == [DAY], "who only reads sees it too"
    (freed,) = free_expired(context)
    assert (freed.device_id, freed.day, freed.tries, freed.failed) == (*KEY, 1, False)
    assert row(context)["error_message"] == batch_state.ABANDONED
    assert find_waiting(context).days == [DAY], "it does not rest for long"
    assert not run(context).problems
    assert statuses(context.store)[KEY] == "completed"
    assert (row(context)["retry_count"], row(context)["error_message"]) == (0, None)


@pytest.mark.parametrize("reaps", [True, False])
def test_what_kills_every_worker_is_given_up(context: Context, clock: Clock, reaps: bool) -> None:
    """Also where nobody reaps and the next worker finds the lease at its end."""
    for tries in range(1, MAX_TRIES + 1):
        die_at_it(context)
        clock.advance(LEASE_S + 1)
        if reaps:
            free_expired(context)
            assert row(context)["retry_count"] == tries
    run(context)
    assert statuses(context.store) == {KEY: "failed", ("other", DAY): "completed"}
    assert row(context)["error_message"] == batch_state.ABANDONED
    assert row(context)["retry_count"] == MAX_TRIES
    retry_failed(context)
    assert not run(context).problems
    assert statuses(context.store)[KEY] == "completed"


def test_signs_of_life_keep_a_claim(
    context: Context, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker may take many leases' time, as long as it comes further."""
    monotonic = Clock()
    monkeypatch.setattr(claiming.time, "monotonic", lambda: (monotonic() - NOON).total_seconds())
    held = ClaimKeeper(context, claim_days(context, "van", [DAY], "segmented", force=False))
    for _ in range(10):
        for one in (clock, monotonic):
            one.advance(LEASE_S / 2)
        held.renew()
        assert free_expired(context) == []
    for one in (clock, monotonic):
        one.advance(LEASE_S + 1)
    assert len(free_expired(context)) == 1
    before = contents(context.store, "processing_batches")
    with pytest.raises(StaleClaimError):
        held.renew()
    assert contents(context.store, "processing_batches") == before


def test_signs_of_life_cost_nothing_while_the_lease_is_young(context: Context) -> None:
    held = ClaimKeeper(context, claim_days(context, "van", [DAY], "segmented", force=False))
    begun: list[object] = []
    sa.event.listen(context.store.engine, "begin", begun.append)
    held.renew()
    assert begun == []
    free_expired(context)
    assert begun, "this is how one would see it"


def test_what_an_outage_interrupts_can_be_taken_up_at_once(context: Context, clock: Clock) -> None:
    run(context, device_id="other")
    (mine,) = claim_days(context, "van", [DAY], "segmented", force=False)
    (report,) = hand_back(context, [mine], StoreUnavailableError("the database went away"))
    assert (report.error, report.deferred) == ("the database went away", True)
    assert row(context)["retry_count"] == 0
    assert find_waiting(context).days == [DAY]
    # and what is somebody else's by now is left alone
    (stale,) = claim_days(context, "van", [DAY], "segmented", force=False)
    clock.advance(LEASE_S + 1)
    (fresh,) = claim_days(context, "van", [DAY], "segmented", force=False)
    before = contents(context.store, "processing_batches")
    hand_back(context, [stale], StoreUnavailableError("the database went away"))
    assert contents(context.store, "processing_batches") == before
    with context.store.write() as connection:
        batches.finish(connection, fresh, clock() + dt.timedelta(seconds=1), changed=False)


def test_what_a_person_wanted_again_is_not_forgotten(context: Context, clock: Clock) -> None:
    """A batch that was up to date is claimed to be done again, and its worker dies or gives up."""
    run(context)
    for again in (1, 2):
        (claim,) = claim_days(context, "van", [DAY], "matched", force=True)
        if again == 1:
            clock.advance(2 * LEASE_S)
        else:
            with context.store.write() as connection:
                batches.defer(connection, claim, "no roads", clock())
            clock.advance(3600)
        assert find_waiting(context).days == [DAY]
        assert [len(stage.days) for stage in run(context).stages] == ([1, 1, 1], [0, 1, 0])[
            again - 1
        ]
        assert statuses(context.store)[KEY] == "completed"
        assert find_waiting(context).days == []
