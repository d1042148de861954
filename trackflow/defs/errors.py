"""Turns trackflow's errors into Dagster's: one decorator for steps, one for ticks.

A failed step shows a person what to do, and is retried only where that may help. A tick of a sensor
or schedule skips while the database is away: the next tick tries again.
"""

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, overload

import dagster as dg

from trackflow.errors import RetryableError, TrackflowError

MOST_RETRIES, RETRY_AFTER_S = 2, 30
"""Retries and seconds between them while the database or the road engine restarts."""

type StepContext = dg.OpExecutionContext | dg.AssetExecutionContext | dg.AssetCheckExecutionContext


class StepError(TrackflowError):
    """A step has failed.

    Attributes:
        retryable: whether the same step may go well in a moment.
        metadata: what the UI shows beside the message.
    """

    def __init__(
        self, message: str, *, retryable: bool = False, metadata: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.retryable = retryable
        self.metadata = dict(metadata or {})


@overload
def step[**P, R](function: Callable[P, R], /) -> Callable[P, R]: ...


@overload
def step[**P, R](
    *, never_retried: tuple[type[TrackflowError], ...]
) -> Callable[[Callable[P, R]], Callable[P, R]]: ...


def step(function: Any = None, /, *, never_retried: tuple[type[TrackflowError], ...] = ()) -> Any:
    """Decorate the body of an op, an asset or a check: its errors become Dagster's.

    Put it below Dagster's own decorator. Only errors that trackflow raises on purpose are turned:
    anything else is a mistake of ours and keeps its stack.

    Args:
        function: the body; its first argument is Dagster's context. It may be a generator.
        never_retried: errors that are retryable, but were retried enough inside.
    """
    if function is None:
        return functools.partial(step, never_retried=never_retried)
    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def yielding(context: StepContext, *args: Any, **kwargs: Any) -> Iterator[Any]:
            with _as_failures(context, never_retried):
                yield from function(context, *args, **kwargs)

        return yielding

    @functools.wraps(function)
    def returning(context: StepContext, *args: Any, **kwargs: Any) -> Any:
        with _as_failures(context, never_retried):
            return function(context, *args, **kwargs)

    return returning


@contextmanager
def _as_failures(
    context: StepContext, never_retried: tuple[type[TrackflowError], ...]
) -> Iterator[None]:
    """Turn errors that trackflow raises on purpose into Dagster's, with their messages.

    Raises:
        RetryRequested: the same step may go well in a moment.
        Failure: a person has to do something, or the retries are used up.
    """
    try:
        yield
    except TrackflowError as error:
        if not isinstance(error, never_retried) and is_retried(context, error):
            context.log.warning(f"{error}. Tried again in {RETRY_AFTER_S} s.")
            raise dg.RetryRequested(MOST_RETRIES, RETRY_AFTER_S) from error
        metadata = error.metadata if isinstance(error, StepError) else None
        raise dg.Failure(str(error), metadata=metadata, allow_retries=False) from error


def is_retried(context: StepContext, error: TrackflowError) -> bool:
    """Whether the step is tried again after this error."""
    is_check = isinstance(context, dg.AssetCheckExecutionContext)
    of_step = context.op_execution_context if is_check else context
    return error.retryable and of_step.retry_number < MOST_RETRIES


def tick[**P, R](function: Callable[P, R]) -> Callable[P, R | dg.SkipReason]:
    """Decorate the body of a sensor or schedule: it skips with one line if the database is away.

    Put it below Dagster's own decorator. Settings that make no sense still fail the tick: waiting
    does not mend them.
    """

    @functools.wraps(function)
    def skipping(*args: P.args, **kwargs: P.kwargs) -> R | dg.SkipReason:
        try:
            return function(*args, **kwargs)
        except RetryableError as error:
            return dg.SkipReason(f"Not now, the next tick asks again: {error}".rstrip(".") + ".")

    return skipping
