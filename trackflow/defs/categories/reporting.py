"""Reports the days that were followed to Dagster, and their checks."""

import datetime as dt
from collections.abc import Sequence

import dagster as dg

from trackflow.context import Context
from trackflow.defs import metadata
from trackflow.defs.categories.checks import CATEGORY_CHECKS
from trackflow.defs.days.checks import evaluation
from trackflow.defs.days.running import CATEGORIZED, DaysStep
from trackflow.defs.partitions import may_be_shown
from trackflow.geo.time import runs_of_days
from trackflow.usecases.categories.leg_checks import LegNumbers, leg_numbers

type Metadata = dict[str, metadata.Value]


def numbers_of_days(trackflow_context: Context, days: Sequence[dt.date]) -> dict[dt.date, Metadata]:
    """What is shown of each day: legs, kilometres by mode, tracks without a category."""
    found: dict[dt.date, LegNumbers] = {}
    for first, last in runs_of_days(days):
        found |= leg_numbers(trackflow_context, first, last)
    return {day: _shown(found[day]) for day in days}


def _shown(numbers: LegNumbers) -> Metadata:
    by_mode: Metadata = {
        f"distance_km/{mode}": round(distance_m / 1000, 3)
        for mode, distance_m in sorted(numbers.distance_m.items())
    }
    return {
        "legs": numbers.legs,
        metadata.ROWS: numbers.legs,
        "tracks": numbers.tracks,
        "uncategorized_share": round(numbers.uncategorized_share, 4),
        "corrections": numbers.corrections,
        **by_mode,
    }


def log_followed(step: DaysStep, days: Sequence[dt.date]) -> None:
    """Log days with their checks, from a run that is not of their partitions."""
    shown = [day for day in days if may_be_shown(day)]
    key = step.key(CATEGORIZED)
    for day, numbers in numbers_of_days(step.trackflow, shown).items():
        made = dg.AssetMaterialization(key, partition=day.isoformat(), metadata=numbers)
        step.dagster.log_event(made)
        for check in CATEGORY_CHECKS:
            found = evaluation(check, key, step.dagster.instance, step.trackflow, day)
            step.dagster.log_event(found)  # type: ignore[arg-type]  # it accepts them
