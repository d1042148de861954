"""Resources: configuration only. They hand out plain objects and hold nothing open."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from trackflow.pipeline.work import Work
from trackflow.settings import Settings


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
    def open(self) -> Iterator[Work]:
        """Settings, store and road engines for one step; closed when it ends."""
        with Work.open(self.settings) as work:
            yield work
