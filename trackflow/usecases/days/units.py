"""Units of work: a stage on some batches, in this process or in a worker."""

import datetime as dt

from trackflow.context import Context
from trackflow.errors import RetryableError
from trackflow.logs import bound
from trackflow.usecases.days import segmenting, tracking
from trackflow.usecases.days.report import DayReport
from trackflow.usecases.roads import matching

type Unit = list[tuple[str, dt.date]]
"""Devices and days; outside of segmenting, the days of one device."""

_STAGE_FUNCTIONS = {
    matching.STAGE: matching.match_batches,
    tracking.STAGE: tracking.track_batches,
}


def run_unit(context: Context, stage: str, unit: Unit, force: bool) -> list[DayReport]:
    """Run a stage on one unit. A retryable error is reported, and never stops other units.

    Args:
        context: the store and engines.
        stage: name of the stage.
        unit: devices and days.
        force: process completed days as well.
    """
    with bound(batch=_name(unit)):
        return _run(context, stage, unit, force)


def _name(unit: Unit) -> str:
    """The first batch of a unit and the number of others, for logs."""
    device_id, day = unit[0]
    others = f" +{len(unit) - 1}" if len(unit) > 1 else ""
    return f"{device_id}/{day}{others}"


def _run(context: Context, stage: str, unit: Unit, force: bool) -> list[DayReport]:
    try:
        if stage == segmenting.STAGE:
            return segmenting.segment_batches(context, unit, force=force)
        return _STAGE_FUNCTIONS[stage](context, unit[0][0], [day for _, day in unit], force=force)
    except RetryableError as error:
        return [DayReport(device, day, error=str(error), deferred=True) for device, day in unit]
