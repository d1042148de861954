"""Legs, and the travel modes that people decided."""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any, TypedDict

from trackflow.sources.decisions import LineRefusal
from trackflow.usecases.categories.correcting import StoredCorrection
from trackflow.usecases.categories.decided_files import ImportReport
from trackflow.web.answers.categories import RefusedRowAnswer
from trackflow.web.answers.describing import described, sends, shows


@described
class LegAnswer(TypedDict):
    """A part of a track in one travel mode."""

    device_id: str
    start_time: dt.datetime
    """UTC."""
    end_time: dt.datetime
    """UTC; the next leg of the journey begins there."""
    mode: str
    """still, walking, running, cycling, driving, bus, tram, train, subway, boat or flying."""
    probability: float
    """Of the mode's class, 0 to 1; 1 where a person decided."""
    distance_m: float
    decided_by: str
    """model or person."""
    evidence: dict[str, Any]
    """Numbers by name that the decision rests on."""


@described
class LegsAnswer(TypedDict):
    """Legs of a time."""

    legs: list[LegAnswer]
    """By device and start."""


@described
class CorrectionAnswer(TypedDict):
    """A travel mode that a person decided for a time."""

    correction_id: uuid.UUID
    device_id: str
    start_time: dt.datetime
    """From when it counts, UTC."""
    end_time: dt.datetime
    """Until when it counts, UTC."""
    mode: str
    decided_by: str
    decided_at: dt.datetime
    undone_at: dt.datetime | None
    """Null while it counts."""


@described
class CorrectionsAnswer(TypedDict):
    """Corrections."""

    corrections: list[CorrectionAnswer]
    """In the order in which they were decided."""


@described
class ImportedCorrectionsAnswer(TypedDict):
    """The result of an import."""

    rows: int
    added: int
    unchanged: int
    """Imported or decided before."""
    overruled: int
    """Times of which the file says something known, and later decisions say otherwise: these stay,
    and have to be undone if the file is right."""
    refused: int
    refusals: list[RefusedRowAnswer]
    """The first 1,000 of them, by line."""


def imported_answer(report: ImportReport) -> ImportedCorrectionsAnswer:
    """The result of an import."""
    return {
        "rows": report.rows,
        "added": report.added,
        "unchanged": report.unchanged,
        "overruled": report.overruled,
        "refused": report.refused,
        "refusals": [{"line": one.line, "reason": one.reason} for one in report.refusals],
    }


def legs_answer(rows: Sequence[dict[str, Any]]) -> LegsAnswer:
    """Legs."""
    return {"legs": [_leg(row) for row in rows]}


def _leg(row: dict[str, Any]) -> LegAnswer:
    return {
        "device_id": row["device_id"],
        "start_time": row["start_time"],
        "end_time": row["end_time"],
        "mode": row["mode"],
        "probability": row["probability"],
        "distance_m": row["distance_m"],
        "decided_by": row["decided_by"],
        "evidence": row["evidence"],
    }


def correction_answer(one: StoredCorrection) -> CorrectionAnswer:
    """A correction."""
    return {
        "correction_id": one.correction_id,
        "device_id": one.device_id,
        "start_time": one.start_time,
        "end_time": one.end_time,
        "mode": one.mode.value,
        "decided_by": one.decided_by,
        "decided_at": one.decided_at,
        "undone_at": one.undone_at,
    }


_START = dt.datetime(2026, 9, 21, 14, 13, 20, tzinfo=dt.UTC)
_LEG: LegAnswer = {
    "device_id": "phone",
    "start_time": _START,
    "end_time": _START + dt.timedelta(minutes=12),
    "mode": "bus",
    "probability": 0.83,
    "distance_m": 4310.2,
    "decided_by": "model",
    "evidence": {"mean_kmh": 21.6, "fastest_kmh": 52.1, "runner_up": "rail"},
}
_CORRECTION: CorrectionAnswer = {
    "correction_id": uuid.UUID("7d7e2b86-56d5-5f0e-8f39-0c6f6a3b5a11"),
    "device_id": "phone",
    "start_time": _START,
    "end_time": _START + dt.timedelta(minutes=12),
    "mode": "tram",
    "decided_by": "ada",
    "decided_at": _START + dt.timedelta(days=1),
    "undone_at": None,
}
LEGS = shows(LegsAnswer, {"legs": [_LEG]})
CORRECTION = shows(CorrectionAnswer, _CORRECTION)
CORRECTIONS = shows(CorrectionsAnswer, {"corrections": [_CORRECTION]})
CORRECTIONS_CSV = sends("text/csv", "A header, and a row for each correction that counts.")
IMPORTED = shows(
    ImportedCorrectionsAnswer,
    imported_answer(
        ImportReport(3, 2, 0, 0, 1, [LineRefusal(4, "there is no such device", "bus")])
    ),
)
