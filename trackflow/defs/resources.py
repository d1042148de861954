"""Resources: configuration only. They hand out plain objects and hold nothing open."""

import datetime as dt
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import dagster as dg

from trackflow.context import Context
from trackflow.defs.partitions import FIRST_DAY
from trackflow.settings import Settings
from trackflow.usecases.days.waiting import MOST_DAYS


@dataclass(frozen=True, slots=True)
class TrackflowResource:
    """The location of trackflow's store and road networks, and the names of its assets.

    The environment (`TRACKFLOW_HOME`, `TRACKFLOW_DATABASE_URL`, `TRACKFLOW_ENGINE_URL` and their
    like) is read when a step begins, so that loading the definitions needs nothing. It is not one
    of Dagster's configurable resources: each launchpad would begin with it, and nobody should start
    a run on another store by a slip of the pen.

    Attributes:
        home: the folder in place of `TRACKFLOW_HOME`.
        key_prefix: what the keys of all assets begin with.
        first_day: of the partitions.
        days_per_run: of a backfill, at most; None for all in one run.
    """

    home: str = ""
    key_prefix: tuple[str, ...] = ()
    first_day: dt.date = FIRST_DAY
    days_per_run: int | None = MOST_DAYS

    @property
    def settings(self) -> Settings:
        """The environment's settings."""
        return Settings.from_env(os.environ | ({"TRACKFLOW_HOME": self.home} if self.home else {}))

    def key(self, asset: str) -> dg.AssetKey:
        """The key of one of trackflow's assets."""
        return dg.AssetKey([*self.key_prefix, asset])

    @contextmanager
    def open(self) -> Iterator[Context]:
        """Settings, store and road engines for one step or tick; closed when it ends."""
        with Context.open(self.settings, often=True) as trackflow_context:
            yield trackflow_context
