"""Adds what work has done to the store's counters, for monitoring."""

import logging
from collections import Counter

from trackflow.context import Context
from trackflow.errors import StoreUnavailableError
from trackflow.store.housekeeping import counters
from trackflow.store.housekeeping.counters import CounterKey
from trackflow.usecases.days.report import StageReport

log = logging.getLogger(__name__)


def sums_of_stage(report: StageReport) -> Counter[CounterKey]:
    """What a stage has done, by counter."""
    sums: Counter[CounterKey] = Counter()
    stage = report.stage
    for outcome, days in (
        ("done", report.done),
        ("failed", report.errors),
        ("deferred", report.deferred),
    ):
        sums["batches", stage, outcome] = len(days)
    sums["points", stage, "done"] = int(report.total("points"))
    cached = int(report.total("cached_windows"))
    sums["windows", stage, "cached"] = cached
    # windows without a line are looked up as well, and are none of the report's windows
    sums["windows", stage, "matched"] = max(int(report.total("windows")) - cached, 0)
    return sums


def add_sums(context: Context, sums: Counter[CounterKey], seconds: dict[str, float]) -> None:
    """Add sums, and seconds of work by stage. A database that is away now loses them only."""
    given = {**sums, **{("seconds", stage, "all"): took_s for stage, took_s in seconds.items()}}
    try:
        with context.store.write() as connection:
            counters.add(connection, given)
    except StoreUnavailableError as error:
        log.info("what was done is not counted: %s", error)
