"""Whether the newest settled day is made. A day is settled once its late evening is complete."""

import datetime as dt
from dataclasses import dataclass

from trackflow.context import Context
from trackflow.store.days import batch_lists
from trackflow.usecases.days.run import settled_day


@dataclass(frozen=True, slots=True)
class SettledDayStatus:
    """Numbers of device-days of the newest settled day that are made, wait or have failed."""

    day: dt.date
    completed: int
    waiting: int
    failed: int

    @property
    def all(self) -> int:
        """All device-days."""
        return self.completed + self.waiting + self.failed

    @property
    def is_made(self) -> bool:
        """Whether no device-day is missing; true on a day without points."""
        return not (self.waiting or self.failed)


def settled_day_status(context: Context) -> SettledDayStatus:
    """Read the status from the batches."""
    day = settled_day(context.clock())
    with context.store.read() as connection:
        found = batch_lists.counts(connection, day, day)
    waiting = found["pending"] + found["processing"]
    return SettledDayStatus(day, found["completed"], waiting, found["failed"])
