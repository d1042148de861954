"""Versions of each day's points: assets made of an earlier version show as outdated."""

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from trackflow.context import Context
from trackflow.geo.time import runs_of_days
from trackflow.store.intake.day_versions import PointsState, read_states


@dataclass(frozen=True, slots=True)
class PointsOfDay:
    """The numbers of a day's points and devices, and a version that differs when its points do."""

    points: int
    devices: int
    version: str


def points_of_days(context: Context, days: Sequence[dt.date]) -> dict[dt.date, PointsOfDay]:
    """Read the versions of the given days."""
    states: dict[dt.date, dict[str, PointsState]] = {day: {} for day in days}
    with context.store.read() as connection:
        for first, last in runs_of_days(sorted(days)):
            for (device_id, day), state in read_states(connection, first, last).items():
                states[day][device_id] = state
    return {
        day: PointsOfDay(sum(state[0] for state in of.values()), len(of), version_of(of))
        for day, of in states.items()
    }


def version_of(states: dict[str, PointsState]) -> str:
    """A hash: ids of devices do not belong in Dagster's tags."""
    return hashlib.sha256(repr(sorted(states.items())).encode()).hexdigest()[:16]
