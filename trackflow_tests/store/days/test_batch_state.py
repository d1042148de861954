"""The next state of a batch: nothing is completed too early, and nothing waits without end."""

import datetime as dt
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from trackflow.store.days.batch_state import (
    AT_ONCE,
    FIRST_RETRY_S,
    LONGEST_REST_S,
    BatchState,
    StageRun,
    after_abandoning,
    after_deferring,
    after_failure,
    after_success,
)
from trackflow.store.tables import STAGES

NOW = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
BEFORE = NOW - dt.timedelta(hours=3)

generation = st.integers(1, 4)
states = st.builds(
    BatchState,
    status=st.just("processing"),
    generation=generation,
    done_at=st.tuples(*[st.integers(0, 4)] * len(STAGES)),
    retry_count=st.integers(0, 20),
    next_try_at=st.sampled_from([None, BEFORE, AT_ONCE]),
    error_message=st.sampled_from([None, "broken before"]),
    pending_since=st.sampled_from([None, BEFORE]),
).map(lambda s: replace(s, done_at=tuple(min(done, s.generation) for done in s.done_at)))


@st.composite
def worked_on(draw: st.DrawFn) -> tuple[BatchState, StageRun]:
    """A batch with one of its stages, which has read a generation that there has been."""
    state = draw(states)
    run = StageRun(draw(st.sampled_from(STAGES)), draw(st.integers(1, state.generation)))
    return state, run


@given(worked_on(), st.booleans())
def test_it_is_completed_exactly_when_every_stage_is_up_to_date(
    found: tuple[BatchState, StageRun], changed: bool
) -> None:
    state, run = found
    following = after_success(state, run, NOW, changed=changed)
    up_to_date = all(done >= state.generation for done in following.done_at)
    if following.status == "completed":
        assert up_to_date
    elif up_to_date:
        assert run.generation < state.generation, "what it has read is not all that there is"
    else:
        assert following.status == "pending"


@given(worked_on(), st.booleans())
def test_a_success_takes_nothing_back_and_makes_later_stages_due_if_it_changed_something(
    found: tuple[BatchState, StageRun], changed: bool
) -> None:
    state, run = found
    following = after_success(state, run, NOW, changed=changed)
    assert following.done_at[: run.stage_index] == state.done_at[: run.stage_index]
    assert following.done_at[run.stage_index] == max(state.done_at[run.stage_index], run.generation)
    later = zip(
        following.done_at[run.stage_index + 1 :], state.done_at[run.stage_index + 1 :], strict=True
    )
    for now_at, was_at in later:
        assert now_at == (min(was_at, run.generation - 1) if changed else was_at)


@given(worked_on(), st.booleans())
def test_an_earlier_stages_error_is_kept_until_that_stage_succeeds(
    found: tuple[BatchState, StageRun], changed: bool
) -> None:
    state, run = found
    following = after_success(state, run, NOW, changed=changed)
    earlier_waits = any(done < run.generation for done in state.done_at[: run.stage_index])
    trouble = (following.retry_count, following.next_try_at, following.error_message)
    kept = (state.retry_count, state.next_try_at, state.error_message)
    assert trouble == (kept if earlier_waits else (0, None, None))


@given(worked_on(), st.booleans())
def test_work_counts_as_waiting_since_now_only_where_none_was_left_over(
    found: tuple[BatchState, StageRun], changed: bool
) -> None:
    state, run = found
    following = after_success(state, run, NOW, changed=changed)
    assert following.pending_since in (state.pending_since, NOW)
    if run.stage != STAGES[-1] and any(done < state.generation for done in state.done_at):
        assert following.pending_since == state.pending_since


@given(worked_on(), st.integers(1, 25))
def test_tries_are_bounded_in_number_and_delay(
    found: tuple[BatchState, StageRun], max_tries: int
) -> None:
    state, run = found
    following = after_failure(state, run, NOW, message="broken", max_tries=max_tries)
    assert following.retry_count == state.retry_count + 1
    assert (following.status == "failed") == (following.retry_count >= max_tries)
    assert following.next_try_at is not None
    assert FIRST_RETRY_S <= (following.next_try_at - NOW).total_seconds() <= LONGEST_REST_S
    again = after_failure(following, run, NOW, message="broken", max_tries=max_tries)
    assert again.next_try_at is not None
    assert again.next_try_at >= following.next_try_at


@given(worked_on(), st.booleans())
def test_what_was_not_done_is_still_to_be_done(
    found: tuple[BatchState, StageRun], at_once: bool
) -> None:
    state, run = found
    for following in (
        after_failure(state, run, NOW, message="broken", max_tries=5),
        after_deferring(state, run, message="no roads", at_once=at_once),
    ):
        assert following.done_at[run.stage_index] < run.generation
        others = [k for k in range(len(STAGES)) if k != run.stage_index]
        assert all(following.done_at[k] == state.done_at[k] for k in others)


@given(worked_on(), st.booleans())
def test_deferring_uses_no_try(found: tuple[BatchState, StageRun], at_once: bool) -> None:
    state, run = found
    following = after_deferring(state, run, message="no roads", at_once=at_once)
    assert (following.status, following.retry_count) == ("pending", state.retry_count)
    rest = None if state.next_try_at == AT_ONCE else state.next_try_at
    assert following.next_try_at == (AT_ONCE if at_once else rest), "it waits for the engine"


@given(states, st.booleans(), st.integers(1, 25))
def test_a_batch_without_its_worker_is_due_at_once_or_given_up(
    state: BatchState, is_tried: bool, max_tries: int
) -> None:
    following = after_abandoning(state, is_tried=is_tried, max_tries=max_tries)
    assert following.retry_count == state.retry_count + is_tried
    given_up = is_tried and following.retry_count >= max_tries
    assert following.status == ("failed" if given_up else "pending")
    assert following.next_try_at == AT_ONCE
    first, *others = following.done_at
    assert first < state.generation or any(done < first for done in others), "something is due"
