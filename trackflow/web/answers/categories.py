"""What tracks were for, and what people decided about them."""

import datetime as dt
import uuid
from typing import TypedDict

from trackflow.sources.decisions import LineRefusal
from trackflow.usecases.categories.deciding import DecisionRow
from trackflow.usecases.categories.decision_files import DecisionsReport
from trackflow.usecases.categories.reading import CategoryPage, CategoryRow
from trackflow.usecases.queries.tracks import TrackCursor
from trackflow.web.answers.describing import described, sends, shows
from trackflow.web.cursors import write_cursor


@described
class CategoryAnswer(TypedDict):
    """What a track was for, and what decided it."""

    track_id: uuid.UUID
    device_id: str
    start_time: dt.datetime
    """Of the track, UTC."""
    end_time: dt.datetime
    """Of the track, UTC."""
    category: str | None
    """Null while nothing decides."""
    purpose: str | None
    partner: str | None
    rate: str | None
    decided_by: str | None
    """Of the category: rule, person or import."""
    rule_id: str | None
    rules_version: int | None
    decision_id: uuid.UUID | None
    origins: dict[str, list[str]]
    """By category, purpose, partner, rate: rule, person or import; and the id of what decided."""
    place_pending: bool
    """Whether the place of an end is still to be asked."""


@described
class CategoriesAnswer(TypedDict):
    """A page of tracks."""

    categories: list[CategoryAnswer]
    """By start."""
    next: str | None
    """The `cursor` of the following page; null on the last one."""


@described
class DecisionAnswer(TypedDict):
    """What a person decided for a device and a time; null in a result is not decided here."""

    decision_id: uuid.UUID
    device_id: str
    start_time: dt.datetime
    end_time: dt.datetime
    category: str | None
    purpose: str | None
    partner: str | None
    origin: str
    """person or import."""
    decided_by: str
    decided_at: dt.datetime
    undone_at: dt.datetime | None
    """Null while it counts."""


@described
class DecisionsAnswer(TypedDict):
    """Decisions of people."""

    decisions: list[DecisionAnswer]
    """By device and start."""


@described
class ChangedDecisionAnswer(TypedDict):
    """A decision that was made or undone."""

    decision: DecisionAnswer
    changed: int
    """Tracks that were decided anew with another result."""


@described
class RefusedRowAnswer(TypedDict):
    """A row that cannot be used."""

    line: int
    reason: str


@described
class ImportedDecisionsAnswer(TypedDict):
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
    changed: int
    """Tracks that were decided anew with another result."""


def imported_answer(report: DecisionsReport) -> ImportedDecisionsAnswer:
    """The result of an import."""
    return {
        "rows": report.rows,
        "added": report.added,
        "unchanged": report.unchanged,
        "overruled": report.overruled,
        "refused": report.refused,
        "refusals": [{"line": one.line, "reason": one.reason} for one in report.refusals],
        "changed": report.changed,
    }


def categories_answer(page: CategoryPage) -> CategoriesAnswer:
    """A page of what tracks were for."""
    following = None if page.following is None else write_cursor(TrackCursor(*page.following))
    return {"categories": [_category(row) for row in page.rows], "next": following}


def _category(row: CategoryRow) -> CategoryAnswer:
    return {
        "track_id": row["track_id"],
        "device_id": row["device_id"],
        "start_time": row["start_time"],
        "end_time": row["end_time"],
        "category": row["category"],
        "purpose": row["purpose"],
        "partner": row["partner"],
        "rate": row["rate"],
        "decided_by": row["decided_by"],
        "rule_id": row["rule_id"],
        "rules_version": row["rules_version"],
        "decision_id": row["decision_id"],
        "origins": row["origins"],
        "place_pending": row["place_pending"],
    }


def decision_answer(row: DecisionRow) -> DecisionAnswer:
    """A decision."""
    return {
        "decision_id": row.decision_id,
        "device_id": row.device_id,
        "start_time": row.start_time,
        "end_time": row.end_time,
        "category": row.category,
        "purpose": row.purpose,
        "partner": row.partner,
        "origin": row.origin,
        "decided_by": row.decided_by,
        "decided_at": row.decided_at,
        "undone_at": row.undone_at,
    }


_START = dt.datetime(2026, 9, 21, 6, 2, 10, tzinfo=dt.UTC)
_END = _START + dt.timedelta(minutes=25)
_DECISION = DecisionRow(
    uuid.UUID("0b7c2a3e-9a5d-4c0e-8a54-1f2d3c4b5a69"),
    "van",
    _START,
    _END,
    None,
    "Visit to Smith",
    None,
    "person",
    "anna",
    _END,
)
_ROW: CategoryRow = {
    "track_id": uuid.UUID("6f6e4f1c-6a0b-5c1e-9c57-3a4be1b6c0d4"),
    "device_id": "van",
    "start_time": _START,
    "end_time": _END,
    "category": "business",
    "purpose": "Visit to Smith",
    "partner": None,
    "rate": None,
    "decided_by": "rule",
    "rule_id": "customers",
    "rules_version": 3,
    "decision_id": None,
    "origins": {
        "category": ["rule", "customers"],
        "purpose": ["person", str(_DECISION.decision_id)],
    },
    "place_pending": False,
}

CATEGORIES_CSV = sends("text/csv", "A header, and a row for each track or decision.")
IMPORTED = shows(
    ImportedDecisionsAnswer,
    imported_answer(
        DecisionsReport(3, 2, 0, 0, 1, [LineRefusal(4, "there is no such device", "bus")], {}, 5)
    ),
)
CATEGORIES = shows(CategoriesAnswer, categories_answer(CategoryPage([_ROW], None)))
DECISIONS = shows(DecisionsAnswer, {"decisions": [decision_answer(_DECISION)]})
CHANGED = shows(ChangedDecisionAnswer, {"decision": decision_answer(_DECISION), "changed": 1})
