"""The report of a run: one row per device and day, and their sum."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field

from trackflow.store.days.batch_lists import RestingBatch
from trackflow.store.tables import STAGES

__all__ = ["STAGES", "DayReport", "RunReport", "StageReport", "counted", "distinct_messages"]


@dataclass(slots=True)
class DayReport:
    """The result of one stage for one batch.

    Attributes:
        device_id: the device of the batch.
        day: its day.
        points: how many were read.
        segments: how many were cut.
        windows: how many were matched or were in the cache.
        cached_windows: those that were in the cache.
        raw_windows: those that follow no road.
        engine_points: points sent to the road engine.
        tracks: how many begin on the day.
        distance_mm: of the parts of tracks that lie in the day.
        changed: whether any stored row differs now.
        touched: the first and last day of the journeys that the batch's tracks belong to.
        error: message of the failure; None without one.
        deferred: whether it waits for a service or a network.
        lacks_network: whether that is a road network, which a person has to build.
    """

    device_id: str
    day: dt.date
    points: int = 0
    segments: int = 0
    windows: int = 0
    cached_windows: int = 0
    raw_windows: int = 0
    engine_points: int = 0
    tracks: int = 0
    distance_mm: int = 0
    changed: bool = False
    touched: tuple[dt.date, dt.date] | None = None
    error: str | None = None
    deferred: bool = False
    lacks_network: bool = False


@dataclass(slots=True)
class StageReport:
    """The results of one stage in one run; `resting` are batches that wait for their next try."""

    stage: str
    days: list[DayReport] = field(default_factory=list)
    seconds: float = 0.0
    resting: list[RestingBatch] = field(default_factory=list)

    def total(self, name: str) -> float:
        """The sum of a count over all batches."""
        total: float = sum(getattr(day, name) for day in self.days)
        return total

    @property
    def errors(self) -> list[DayReport]:
        """Batches that failed."""
        return [day for day in self.days if day.error and not day.deferred]

    @property
    def deferred(self) -> list[DayReport]:
        """Batches that wait for a missing service, such as the road engine."""
        return [day for day in self.days if day.deferred]

    @property
    def done(self) -> list[DayReport]:
        """Batches that are done: neither failed nor waiting."""
        return [day for day in self.days if not day.error]

    def of_day(self, day: dt.date) -> "StageReport":
        """The results of one day only."""
        return StageReport(self.stage, [d for d in self.days if d.day == day], self.seconds)


@dataclass(slots=True)
class RunReport:
    """The results of a run, stage by stage; `given_up` batches failed too often for a retry."""

    stages: list[StageReport] = field(default_factory=list)
    given_up: int = 0

    def __getitem__(self, stage: str) -> StageReport:
        return next(s for s in self.stages if s.stage == stage)

    @property
    def resting(self) -> list[RestingBatch]:
        """Batches that wait for their next try, each once, the soonest first."""
        found = {(one.device_id, one.day): one for s in self.stages for one in s.resting}
        return sorted(found.values(), key=lambda one: (one.next_try_at, one.device_id, one.day))

    @property
    def problems(self) -> list[DayReport]:
        """Batches that failed or wait, of all stages."""
        return [day for stage in self.stages for day in (*stage.errors, *stage.deferred)]


def distinct_messages(reports: Iterable[DayReport]) -> list[str]:
    """Each different message once, with its number of batches."""
    counts: dict[str, int] = {}
    for report in reports:
        if report.error:
            counts[report.error] = counts.get(report.error, 0) + 1
    return [
        f"{message} ({counted(count, 'batch', 'batches')})" for message, count in counts.items()
    ]


def counted(count: float, one: str, many: str = "") -> str:
    """A number with its noun: "1 track", "2,000 tracks"."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
