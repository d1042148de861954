"""The reports of syncs of race tracks."""

import datetime as dt
from typing import Any, TypedDict

from trackflow.usecases.catalogue.report import SyncOutcome, SyncReport
from trackflow.web.answers.describing import described

LONG = ("changes", "failures", "anomalies", "slugs", "completeness", "slowest", "shared_names")
"""Parts of a report that are left out where many are listed."""

FieldValue = str | int | float | bool | None
"""A value of a race track's field."""


@described
class ShortSyncReport(TypedDict):
    """A sync's report without its long lists."""

    sync_id: str
    """That of its job."""
    source: str
    started_at: dt.datetime
    """UTC."""
    finished_at: dt.datetime | None
    """UTC; null while it runs."""
    outcome: str
    """completed, stopped_for_approval, refused, failed or cancelled; only `completed` has changed
    anything."""
    reason: str
    """In words; empty if all is well."""
    listed: int
    """Tracks in the source's list."""
    active_before: int
    """Tracks in the catalogue, before."""
    active_now: int
    """Tracks in the catalogue, now."""
    added: int
    """New tracks."""
    changed: int
    """Tracks with other values than before."""
    unchanged: int
    """Tracks with the same values."""
    deactivated: int
    """Tracks that the list has lacked twice."""
    reactivated: int
    """Tracks that were inactive and are listed again."""
    failed: int
    """Tracks whose own page gave nothing; they keep their stored values."""
    missed_once: int
    """Tracks that the list lacks for the first time."""
    changes_by_field: dict[str, int]
    """Number of tracks in which each field changed, the most frequent first."""
    alarms: list[str]
    """Problems of the source as a whole, in words."""
    anomaly_count: int
    """Number of values that make no sense."""
    stages: dict[str, float]
    """Seconds by stage."""
    undone_at: dt.datetime | None
    """When its changes were undone, UTC; null if they were not."""
    summary: str
    """The report in one line."""


@described
class ChangedTrack(TypedDict):
    """A race track whose values changed."""

    slug: str
    name: str
    is_routine: bool
    """Whether only values changed that change by themselves while people race."""
    fields: list[list[FieldValue]]
    """Each the field's name, its value before, and its value now."""


@described
class FailedTrack(TypedDict):
    """A race track whose own page gave nothing."""

    slug: str
    kind: str
    """What failed: network, busy, missing page, refused, redirect, structure, deadline, stopped or
    internal."""
    message: str
    retryable: bool
    """Whether another try may go well."""
    seconds: float
    """Spent on it."""
    tries: int
    """0 if it was not begun."""


@described
class AnomalousValue(TypedDict):
    """A value of the source that makes no sense; the field counts as unknown."""

    slug: str
    """Empty for something about the list itself."""
    field: str
    value: str
    """As it was written, shortened."""
    reason: str


@described
class FieldCompleteness(TypedDict):
    """Share of active tracks with a known value."""

    before: float | None
    """0 to 1; null if there was no track."""
    now: float | None
    """0 to 1; null if there is no track."""


@described
class SlowTrack(TypedDict):
    """A race track whose page took long."""

    slug: str
    seconds: float
    tries: int


@described
class SyncReportAnswer(ShortSyncReport):
    """A sync's report."""

    slugs: dict[str, list[str]]
    """Of the tracks `added`, `reactivated`, `deactivated` and `missed_once`."""
    changes: list[ChangedTrack]
    """Those first that do not change by themselves; 500 at most."""
    failures: list[FailedTrack]
    anomalies: list[AnomalousValue]
    """500 at most."""
    shared_names: dict[str, int]
    """Names that several tracks bear, and how many."""
    completeness: dict[str, FieldCompleteness]
    """By field."""
    slowest: list[SlowTrack]


def short_report(report: SyncReport) -> dict[str, Any]:
    """A report without its long lists, as `ShortSyncReport`."""
    return {name: value for name, value in report.as_dict().items() if name not in LONG}


_START = dt.datetime(2026, 9, 21, 3, 0, tzinfo=dt.UTC)
_REPORT = SyncReport(
    "0b7c2a3e-9a5d-4c0e-8a54-1f2d3c4b5a69",
    "liverc",
    _START,
    _START + dt.timedelta(seconds=40),
    SyncOutcome.COMPLETED,
    listed=1_198,
    active_before=1_197,
    active_now=1_198,
    added=1,
    changed=1,
    unchanged=1_196,
    changes_by_field={"city": 1},
    slugs={"added": ["northtown"], "reactivated": [], "deactivated": [], "missed_once": []},
    changes=[
        {
            "slug": "southtown",
            "name": "Southtown Raceway",
            "is_routine": False,
            "fields": [["city", "Leeds", "Leeds, LS1 4AP"]],
        }
    ],
    completeness={"city": {"before": 0.971, "now": 0.972}},
    stages={"list": 0.8, "details": 38.1, "compare": 0.3, "write": 0.4},
    slowest=[{"slug": "southtown", "seconds": 2.1, "tries": 1}],
)

EXAMPLE = _REPORT.as_dict()
SHORT_EXAMPLE: Any = short_report(_REPORT)
