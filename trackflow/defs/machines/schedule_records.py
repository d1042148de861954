"""What Dagster's records of schedules and sensors ask at each tick, asked less often.

Dagster opens them anew for each tick, asks five times what its migrations have made in them, and
deletes old ticks, once for each age. Where nothing is to do, that is a third of what its daemon
does.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial

from dagster._core.scheduler.instigation import TickStatus
from dagster._core.storage.schedules.sql_schedule_storage import SqlScheduleStorage
from sqlalchemy.engine import Connection

PURGED_AGAIN_S = 3600.0
"""Ticks are deleted when they are so much older than they have to be."""

_made: set[tuple[str, str]] = set()
"""Databases, and what migrations have made in them."""

_purged_before: dict[tuple[object, ...], float] = {}
"""Until when ticks were deleted, in seconds since 1970: by database, sensor and kinds of ticks."""


class QuickSchedules(SqlScheduleStorage):
    """Comes before one of Dagster's storages among the parents of a class."""

    @property
    def address(self) -> str:
        """The database, for this process."""
        raise NotImplementedError

    def _has_instigators_table(self, conn: Connection) -> bool:
        return self._has("instigators", partial(super()._has_instigators_table, conn))

    def has_built_index(self, migration_name: str) -> bool:
        """Whether the records were brought up to date by one of Dagster's migrations."""
        return self._has(migration_name, partial(super().has_built_index, migration_name))

    def _has(self, name: str, look: Callable[[], bool]) -> bool:
        """Whether a migration has made something: what is there stays there."""
        key = self.address, name
        if key not in _made and look():
            _made.add(key)
        return key in _made

    def purge_ticks(
        self,
        origin_id: str,
        selector_id: str,
        before: float,
        tick_statuses: Sequence[TickStatus] | None = None,
    ) -> None:
        """Delete old ticks of a sensor, once an hour.

        Args:
            origin_id: of the sensor.
            selector_id: of the sensor.
            before: seconds since 1970; older ticks go.
            tick_statuses: only ticks that ended so; None for all.
        """
        key = self.address, selector_id, frozenset(tick_statuses or ())
        if _purged_before.get(key, -math.inf) + PURGED_AGAIN_S <= before:
            super().purge_ticks(origin_id, selector_id, before, tick_statuses)
            _purged_before[key] = before
