"""The next state of a batch after a success, a failure or the loss of its worker.

The functions are pure: the store reads a batch's state under the row's lock, computes the next one
here and writes it.
"""

import datetime as dt
from dataclasses import dataclass, replace

from trackflow.geo.time import from_us
from trackflow.store.tables import STAGES

FIRST_RETRY_S = 30
"""Delay before the second try of a failed batch; doubles with every try."""

MOST_DOUBLINGS = 10
LONGEST_REST_S = FIRST_RETRY_S * 2**MOST_DOUBLINGS

AT_ONCE = from_us(0)
"""A time of the next try that is in the past by every clock, however wrong."""

ABANDONED = (
    "its worker was not heard of until its lease ended: killed (was there enough memory?), stopped "
    "or stuck"
)


@dataclass(frozen=True, slots=True)
class BatchState:
    """The processing state of a device's day.

    Attributes:
        status: pending, processing, completed or failed.
        generation: the number of changes of its input so far.
        done_at: for each of `STAGES`, the generation that it was last done at.
        retry_count: failed tries since the last success.
        next_try_at: no try before this time, UTC; None for at once.
        error_message: why it waits or has failed.
        pending_since: the time since which there is work to do, UTC.
    """

    status: str
    generation: int
    done_at: tuple[int, ...]
    retry_count: int = 0
    next_try_at: dt.datetime | None = None
    error_message: str | None = None
    pending_since: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class StageRun:
    """One run of a stage on a batch, and the generation of the input that it read."""

    stage: str
    generation: int

    @property
    def stage_index(self) -> int:
        """The index of the stage in `STAGES`."""
        return STAGES.index(self.stage)


def after_success(
    state: BatchState, run: StageRun, now: dt.datetime, *, changed: bool
) -> BatchState:
    """The state after a stage was done at the generation that it has read.

    Args:
        state: the present one.
        run: the stage and the generation that it has read.
        now: the time, UTC.
        changed: whether the stage's output has changed. Then later stages are due, even if they
            were done at this generation before: without the output (the road engine was away), or
            with the old one.
    """
    stage_index, read = run.stage_index, run.generation
    earlier, own, later = (
        state.done_at[:stage_index],
        state.done_at[stage_index],
        state.done_at[stage_index + 1 :],
    )
    in_step = all(done >= read for done in earlier)
    later_done = not later if changed else all(done >= read for done in later)
    was_up_to_date = all(done >= state.generation for done in state.done_at)
    if in_step:
        # keep an earlier stage's tries and error until that stage succeeds
        state = replace(state, retry_count=0, next_try_at=None, error_message=None)
    if was_up_to_date or (in_step and not later):
        # work that is left after the last stage arrived while it ran
        state = replace(state, pending_since=now)
    completed = state.generation == read and in_step and later_done
    if changed:
        later = tuple(min(done, read - 1) for done in later)
    return replace(
        state,
        status="completed" if completed else "pending",
        # a neighbour's change may have marked these segments as valid for one more generation
        done_at=(*earlier, max(own, read), *later),
    )


def after_failure(
    state: BatchState, run: StageRun, now: dt.datetime, *, message: str, max_tries: int
) -> BatchState:
    """The state after a failed try: later ones wait longer, after `max_tries` none follows.

    Args:
        state: the present one.
        run: the stage that failed.
        now: the time, UTC.
        message: the reason, for people.
        max_tries: after so many failed tries it is given up.
    """
    tries = state.retry_count + 1
    delay = dt.timedelta(seconds=FIRST_RETRY_S * 2 ** min(tries - 1, MOST_DOUBLINGS))
    return replace(
        _to_be_done(state, run),
        status="failed" if tries >= max_tries else "pending",
        retry_count=tries,
        next_try_at=now + delay,
        error_message=message,
    )


def after_deferring(
    state: BatchState, run: StageRun, *, message: str, at_once: bool = False
) -> BatchState:
    """The state of a batch that was given back untried.

    Args:
        state: the present one.
        run: the stage that was not done.
        message: the reason, for people.
        at_once: whether the reason has passed, so that the next try is due now.
    """
    # this was the try that was due at once: what is left waits for the engine, as others do
    next_try_at = None if state.next_try_at == AT_ONCE else state.next_try_at
    return replace(
        _to_be_done(state, run),
        status="pending",
        error_message=message,
        next_try_at=AT_ONCE if at_once else next_try_at,
    )


def after_abandoning(state: BatchState, *, is_tried: bool, max_tries: int) -> BatchState:
    """The state of a batch whose worker is gone.

    The try is counted: a batch that kills every worker would otherwise do so for ever. There is no
    further delay, as the lease was one. A batch that was up to date, and processed again on a
    person's request, still has to be processed again.

    Args:
        state: the present one.
        is_tried: whether the try counts.
        max_tries: after so many failed tries it is given up.
    """
    tries = state.retry_count + is_tried
    first, *others = state.done_at
    done_at = state.done_at
    if first >= state.generation and all(done >= first for done in others):
        done_at = (state.generation - 1,) * len(STAGES)
    return replace(
        state,
        status="failed" if is_tried and tries >= max_tries else "pending",
        done_at=done_at,
        retry_count=tries,
        next_try_at=AT_ONCE,
        error_message=ABANDONED,
    )


def _to_be_done(state: BatchState, run: StageRun) -> BatchState:
    """The state in which the stage is due, even if it was up to date and ran again on request."""
    done_at = list(state.done_at)
    done_at[run.stage_index] = min(done_at[run.stage_index], run.generation - 1)
    return replace(state, done_at=tuple(done_at))
