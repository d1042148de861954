from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackflow.catalogue.failures import Failure, failure_of
from trackflow.catalogue.guards import MOST_MISSING, GuardAction, alarms, judge
from trackflow.catalogue.records import CatalogueTrack, ListedTrack, Listing, StoredTrack
from trackflow.concurrency.deadline import TooLateError
from trackflow.concurrency.item_results import ItemResult
from trackflow.errors import SourceBusyError, StoppedError, StructureChangedError, TrackflowError


def listing(slugs: list[str]) -> Listing:
    return Listing(tuple(ListedTrack(s, s) for s in slugs), row_count=len(slugs))


def stored(slugs: list[str], misses: int = 0) -> dict[str, StoredTrack]:
    return {s: StoredTrack(CatalogueTrack(s, s), misses=misses) for s in slugs}


def names(count: int) -> list[str]:
    return [f"t{number:04}" for number in range(count)]


@given(
    size=st.integers(1, 60),
    gone=st.sets(st.integers(0, 59)),
    missed_before=st.sets(st.integers(0, 59)),
    inactive=st.sets(st.integers(0, 59)),
    is_approved=st.booleans(),
)
def test_only_what_two_believable_lists_lack_is_deactivated(
    size: int,
    gone: set[int],
    missed_before: set[int],
    inactive: set[int],
    is_approved: bool,
) -> None:
    all_names = names(size)
    have = {
        s: StoredTrack(CatalogueTrack(s, s), n not in inactive, int(n in missed_before))
        for n, s in enumerate(all_names)
    }
    received = listing([s for n, s in enumerate(all_names) if n not in gone])
    active = [s for s, old in have.items() if old.is_active]
    missing = [s for n, s in enumerate(all_names) if n in gone and have[s].is_active]

    found = judge(received, have, is_approved=is_approved)

    if not received.rows:
        assert found.action is GuardAction.REFUSE
    elif sum(not have[s].misses for s in missing) > MOST_MISSING * len(active) and not is_approved:
        assert found.action is GuardAction.ASK
    else:
        assert found.action is GuardAction.GO_ON
        assert sorted((*found.deactivate, *found.missed)) == missing
        assert set(found.deactivate) == {s for s in missing if have[s].misses}
    if found.action is not GuardAction.GO_ON:
        assert not found.may_write
        assert found.reasons
        assert not found.deactivate
        assert not found.missed


@settings(max_examples=40)
@given(size=st.integers(11, 60), data=st.data())
def test_k_tracks_that_go_are_exactly_those_deactivated_by_the_second_sync(
    size: int, data: st.DataObject
) -> None:
    all_names = names(size)
    gone = data.draw(st.sets(st.sampled_from(all_names), max_size=size // 10))
    received = listing([s for s in all_names if s not in gone])
    have = stored(all_names)

    first = judge(received, have)
    assert first.action is GuardAction.GO_ON
    assert not first.deactivate
    assert set(first.missed) == gone

    for slug in first.missed:
        have[slug] = replace(have[slug], misses=1)
    second = judge(received, have)
    assert set(second.deactivate) == gone
    assert not second.missed


@pytest.mark.parametrize("is_approved", [False, True])
def test_an_empty_or_cut_off_list_is_refused_whoever_approves(is_approved: bool) -> None:
    have = stored(names(100), misses=1)
    cut_off = replace(listing(names(99)), is_whole=False)
    unusable = replace(listing(names(80)), row_count=100)
    for received, word in (
        (listing([]), "empty"),
        (cut_off, "breaks off"),
        (unusable, "20 of 100"),
    ):
        found = judge(received, have, is_approved=is_approved)
        assert found.action is GuardAction.REFUSE
        assert word in found.reasons[0]


def test_in_a_short_list_an_approval_holds_for_the_tracks_it_was_given_for() -> None:
    have = stored(names(8))
    received = listing(names(8)[:6])
    assert judge(received, have).action is GuardAction.ASK
    approved = judge(received, have, is_approved=True)
    assert approved.may_write
    have |= stored(list(approved.missed), misses=1)
    assert judge(received, have).deactivate == approved.missed
    other = listing(names(8)[1:6])
    assert judge(other, have).action is GuardAction.ASK, "another track has gone"


def test_half_a_list_needs_an_approval_and_an_approval_reports_it() -> None:
    have = stored(names(1084), misses=1)
    half = listing(names(542))
    asked = judge(half, have)
    assert asked.action is GuardAction.ASK
    assert "542 of 1084 stored tracks (50%)" in asked.reasons[0]
    approved = judge(half, have, is_approved=True)
    assert approved.may_write
    assert len(approved.deactivate) == 542
    assert "which was given" in approved.reasons[0]


def test_a_first_list_has_nothing_to_be_compared_with() -> None:
    assert judge(listing(names(5)), {}).may_write


def test_what_went_wrong_becomes_a_record() -> None:
    def record(error: Exception, tries: int = 1) -> Failure:
        found = failure_of("a", ItemResult(0, "a", error=error, seconds=1.23456, tries=tries))
        assert found is not None
        return found

    assert failure_of("a", ItemResult(0, "a", value=1, tries=1)) is None
    busy = record(SourceBusyError("too many", 5))
    assert (busy.kind, busy.retryable, busy.seconds) == ("busy", True, 1.235)
    assert record(StructureChangedError("x")).kind == "structure"
    assert not record(StructureChangedError("x")).retryable
    assert record(TooLateError("x")).kind == "deadline"
    assert record(StoppedError("x"), tries=0).kind == "stopped"
    ours = record(KeyError("laps"))
    assert (ours.kind, ours.message) == ("internal", "KeyError: 'laps'")
    assert record(TrackflowError("x" * 1000)).message == "x" * 300


def test_many_failures_are_worth_an_alarm_and_few_are_not() -> None:
    def failed(kind: str, number: int) -> list[Failure]:
        return [Failure(f"t{n}", kind, "x", False, 0.1, 1) for n in range(number)]

    assert alarms(failed("structure", 4) + failed("missing page", 9), 1000) == ()
    (changed,) = alarms(failed("structure", 200), 1000)
    assert "200 of 1000" in changed
    assert "structure" in changed
    (broken,) = alarms(failed("network", 600), 1000)
    assert "600 of 1000" in broken
    assert alarms([], 0) == ()
    assert alarms(failed("stopped", 900), 1000) == ()
