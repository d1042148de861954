"""What becomes of a batch when its worker is done with it, or gone: values in, values out.

The store reads a batch's state under the row's lock, asks for the next one here and writes it.
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
"""As the time of the next try: in the past by every clock, however wrong."""

ABANDONED = (
    "its worker was not heard of until its lease ended: killed (was there enough memory?), stopped "
    "or stuck"
)


@dataclass(frozen=True, slots=True)
class BatchState:
    """How far a device's day is.

    Attributes:
        status: pending, processing, completed or failed.
        generation: how many reasons there have been to work on it.
        done_at: for each of `STAGES`, the generation that it was last done at.
        retry_count: tries that failed since it last went well.
        next_try_at: not before this time; None for at once.
        error_message: why it waits or has failed.
        pending_since: since when there has been work to do.
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
    """One stage of a batch that was worked on, and the generation of what it read."""

    stage: str
    generation: int

    @property
    def stage_index(self) -> int:
        """Where the stage stands among `STAGES`."""
        return STAGES.index(self.stage)


def after_success(
    state: BatchState, run: StageRun, now: dt.datetime, *, changed: bool
) -> BatchState:
    """The state once a stage is done at the generation that it has read.

    If it `changed` anything, later stages have to look at it, even where they have been done at
    this generation already: without it (the road engine was away), or with what was there before.
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
        # while an earlier stage still waits, its tries and its message are kept
        state = replace(state, retry_count=0, next_try_at=None, error_message=None)
    if was_up_to_date or (in_step and not later):
        # what is left after the last stage came while it ran
        state = replace(state, pending_since=now)
    completed = state.generation == read and in_step and later_done
    if changed:
        later = tuple(min(done, read - 1) for done in later)
    return replace(
        state,
        status="completed" if completed else "pending",
        # a neighbour may have declared these segments valid for a generation more
        done_at=(*earlier, max(own, read), *later),
    )


def after_failure(
    state: BatchState, run: StageRun, now: dt.datetime, *, message: str, max_tries: int
) -> BatchState:
    """The state after a failed try: later ones wait longer, after `max_tries` none follows.

    Args:
        state: as it is.
        run: what failed.
        now: the time.
        message: why, for people.
        max_tries: after so many it is given up.
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
    """The state of a batch that was given back untried; `at_once` if the reason has passed."""
    return replace(
        _to_be_done(state, run),
        status="pending",
        error_message=message,
        next_try_at=AT_ONCE if at_once else state.next_try_at,
    )


def after_abandoning(state: BatchState, *, is_tried: bool, max_tries: int) -> BatchState:
    """The state of a batch whose worker is gone.

    What kills its worker every time would otherwise go on doing so for ever. There is no further
    delay, as the lease was one. One that was up to date, and worked on again because a person
    asked for it, is to be worked on again still.

    Args:
        state: as it is.
        is_tried: whether the try counts.
        max_tries: after so many it is given up.
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
    """A stage that was up to date, and worked on again on request, waits for that still."""
    done_at = list(state.done_at)
    done_at[run.stage_index] = min(done_at[run.stage_index], run.generation - 1)
    return replace(state, done_at=tuple(done_at))
