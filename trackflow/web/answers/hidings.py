"""Hidings: points that people leave out."""

import datetime as dt
import uuid
from typing import TypedDict

from trackflow.usecases.intake.hiding import HidingReport, StoredHiding
from trackflow.web.answers.describing import described, shows


@described
class HidingAnswer(TypedDict):
    """Points of a device that a person has hidden: those within all limits."""

    hiding_id: uuid.UUID
    device_id: str
    start_time: dt.datetime | None
    """From when, UTC; null for no limit."""
    end_time: dt.datetime | None
    """Until when, UTC, not included; null for no limit."""
    area: list[float] | None
    """West, south, east and north in degrees; null for anywhere."""
    hidden_by: str
    hidden_at: dt.datetime
    restored_by: str | None
    """Null while they are hidden."""
    restored_at: dt.datetime | None


@described
class HidingReportAnswer(TypedDict):
    """What hiding or restoring points has changed."""

    hiding: HidingAnswer
    points: int
    """Stored points that it is about; 0 if there was nothing left to do."""
    days: int
    """Days on which they lie; the next run, or the live worker, makes them anew."""


@described
class HidingsAnswer(TypedDict):
    """Hidings."""

    hidings: list[HidingAnswer]
    """In the order in which they were made."""


def hiding_answer(one: StoredHiding) -> HidingAnswer:
    """A hiding."""
    return {
        "hiding_id": one.hiding_id,
        "device_id": one.device_id,
        "start_time": one.start_time,
        "end_time": one.end_time,
        "area": None if one.area is None else list(one.area),
        "hidden_by": one.hidden_by,
        "hidden_at": one.hidden_at,
        "restored_by": one.restored_by,
        "restored_at": one.restored_at,
    }


def report_answer(report: HidingReport) -> HidingReportAnswer:
    """A hiding with what it has changed."""
    return {
        "hiding": hiding_answer(report.hiding),
        "points": report.points,
        "days": report.days,
    }


_START = dt.datetime(2026, 9, 21, 14, 13, 20, tzinfo=dt.UTC)
_HIDING: HidingAnswer = {
    "hiding_id": uuid.UUID("0b7c2a3e-9a5d-4c0e-8a54-1f2d3c4b5a69"),
    "device_id": "van-7",
    "start_time": _START,
    "end_time": _START + dt.timedelta(minutes=12),
    "area": [24.93, 60.16, 24.95, 60.17],
    "hidden_by": "ada",
    "hidden_at": _START + dt.timedelta(days=1),
    "restored_by": None,
    "restored_at": None,
}
HIDING = shows(HidingReportAnswer, {"hiding": _HIDING, "points": 73, "days": 1})
HIDINGS = shows(HidingsAnswer, {"hidings": [_HIDING]})
