"""Figures of the whole service for monitoring."""

import datetime as dt
from dataclasses import dataclass

from trackflow.context import Context
from trackflow.store.housekeeping import counters, figures
from trackflow.store.housekeeping.counters import CounterKey
from trackflow.store.housekeeping.figures import (
    IntakeState,
    JobState,
    ResultCounts,
    StageState,
)
from trackflow.usecases.housekeeping.alerts.rules import DiskSpace
from trackflow.usecases.housekeeping.alerts.snapshot import disk_spaces

LARGE_TABLES = (
    *("gps_points", "segments", "cached_polylines", "tracks", "processing_batches"),
    *("quarantined_points", "legs", "stays", "categories", "logbook_entries"),
)


@dataclass(frozen=True, slots=True)
class ServiceFigures:
    """Figures of the service at one moment.

    Attributes:
        at: when they were read, UTC.
        stages: how each stage stands.
        behind: device days that each later step has to look at again.
        counters: sums of the work done.
        jobs: by kind and status.
        intake: what has arrived.
        refused: input in quarantine, by reason.
        results: counts of what was made.
        database_bytes: size of the database.
        table_bytes: size of large tables; empty on SQLite.
        disks: file systems of the service's folders.
    """

    at: dt.datetime
    stages: dict[str, StageState]
    behind: dict[str, int]
    counters: dict[CounterKey, float]
    jobs: list[JobState]
    intake: IntakeState
    refused: dict[str, int]
    results: ResultCounts
    database_bytes: int
    table_bytes: dict[str, int]
    disks: list[DiskSpace]


def read_figures(context: Context) -> ServiceFigures:
    """Read all figures: this takes up to seconds in a large store."""
    now = context.clock()
    with context.store.read() as connection:
        return ServiceFigures(
            at=now,
            stages=figures.stage_states(connection),
            behind=figures.days_behind(connection),
            counters=counters.read_all(connection),
            jobs=figures.job_states(connection),
            intake=figures.intake_state(connection),
            refused=figures.quarantine_by_reason(connection),
            results=figures.result_counts(connection, now),
            database_bytes=figures.database_bytes(connection),
            table_bytes=figures.table_bytes(connection, LARGE_TABLES),
            disks=disk_spaces(context),
        )
