"""Resources: configuration only. They hand out plain objects and hold nothing open."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import dagster as dg

from trackflow.context import Context
from trackflow.errors import TrackflowError
from trackflow.settings import Settings

MOST_RETRIES, RETRY_AFTER_S = 2, 30
"""Of a step that found the database or the road engine away: a restart or a fail-over."""

type DagsterContext = (
    dg.OpExecutionContext | dg.AssetExecutionContext | dg.AssetCheckExecutionContext
)


@dataclass(frozen=True, slots=True)
class TrackflowResource:
    """Where trackflow's store and road networks are.

    The environment (`TRACKFLOW_HOME`, `TRACKFLOW_DATABASE_URL`, `TRACKFLOW_ENGINE_URL` and their
    like) is read when a step begins, so that loading the definitions needs nothing. Not one of
    Dagster's configurable resources: each launchpad would begin with it, and a run of its own
    store is nothing that anybody should start by a slip of the pen.

    Attributes:
        home: the folder in place of `TRACKFLOW_HOME`, for tests.
    """

    home: str = ""

    @property
    def settings(self) -> Settings:
        """The environment's settings."""
        return Settings.from_env(os.environ | ({"TRACKFLOW_HOME": self.home} if self.home else {}))

    @contextmanager
    def open(self) -> Iterator[Context]:
        """Settings, store and road engines for one step; closed when it ends."""
        with Context.open(self.settings) as trackflow_context:
            yield trackflow_context

    @contextmanager
    def opened(self, context: DagsterContext) -> Iterator[Context]:
        """As `open`, for a step: its errors become Dagster's, by whether a retry helps.

        Raises:
            RetryRequested: the same step may go well in a moment.
            Failure: a person has to do something, or the retries are used up.
        """
        with _as_failures(context), self.open() as trackflow_context:
            yield trackflow_context


@contextmanager
def _as_failures(context: DagsterContext) -> Iterator[None]:
    """Give errors that trackflow raises on purpose to Dagster, with their words.

    Raises:
        RetryRequested: the same step may go well in a moment.
        Failure: a person has to do something, or the retries are used up.
    """
    try:
        yield
    except TrackflowError as error:
        is_check = isinstance(context, dg.AssetCheckExecutionContext)
        step = context.op_execution_context if is_check else context
        if error.retryable and step.retry_number < MOST_RETRIES:
            step.log.warning(f"{error}. Tried again in {RETRY_AFTER_S} s.")
            raise dg.RetryRequested(MOST_RETRIES, RETRY_AFTER_S) from error
        raise dg.Failure(str(error), allow_retries=False) from error
