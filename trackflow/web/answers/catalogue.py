"""The catalogue of race tracks: sources and tracks."""

import datetime as dt
import uuid
from collections.abc import Iterable
from typing import Any, TypedDict

from trackflow.usecases.catalogue.race_tracks import ChangeKind
from trackflow.usecases.catalogue.status import CatalogueStatus
from trackflow.usecases.jobs.control import Job, JobStatus
from trackflow.usecases.jobs.kinds import as_dict as job_as_dict
from trackflow.web.answers.describing import described, sends, shows
from trackflow.web.answers.jobs import ID, QueuedJobAnswer
from trackflow.web.answers.sync_reports import (
    EXAMPLE,
    SHORT_EXAMPLE,
    ShortSyncReport,
    SyncReportAnswer,
    short_report,
)

MARKDOWN = "text/markdown"


@described
class SyncAnswer(TypedDict):
    """A sync of race tracks: its job."""

    job_id: uuid.UUID
    status: JobStatus
    total: int | None
    """Pages of race tracks in all; null until the list is there."""
    processed: int
    """Pages that are done."""
    failed: int
    """Pages of them that gave nothing."""
    message: str | None
    """The state in words."""
    seconds_left: float | None
    """As estimated; null without an estimate."""
    error: str | None
    """Why it failed."""
    created_at: dt.datetime
    """When it was queued, UTC."""
    source: str | None
    cancel_requested: bool
    """Whether a person wants it to stop."""
    report: SyncReportAnswer | None
    """Null until the sync has ended, or where it ended before it began."""


@described
class SourceEntry(TypedDict):
    """A source of race tracks."""

    source: str
    site: str
    """The name by which the kill switch stops it."""
    active: int
    """Tracks that the source lists."""
    inactive: int
    """Tracks that it listed once."""
    missed: int
    """Active ones that its last list lacked."""
    switched_off: str | None
    """Why the kill switch is thrown; null if it is not."""
    last_completed_at: dt.datetime | None
    """When the last successful sync ended, UTC."""
    last: ShortSyncReport | None
    """The last sync that has ended."""
    job: SyncAnswer | None
    """The running or waiting sync."""


@described
class SourcesAnswer(TypedDict):
    """The sources of race tracks."""

    sources: list[SourceEntry]


@described
class RaceTrackEntry(TypedDict):
    """A race track. What its source does not say is null."""

    slug: str
    """The key within its source."""
    name: str
    url: str | None
    """Its own page at the source."""
    series_code: str | None
    """Code of its race series."""
    activity: str | None
    """What goes on right now."""
    event_name: str | None
    """The race that is running."""
    has_video: bool | None
    """Whether there is video right now."""
    is_featured: bool | None
    """Whether the source recommends it."""
    address: str | None
    """Street lines, one per line."""
    city: str | None
    country: str | None
    """Its English name."""
    country_code: str | None
    """ISO 3166-1 alpha-2."""
    phone: str | None
    """In E.164, such as +441132345678."""
    email: str | None
    website: str | None
    map_query: str | None
    """What the page's map looks for."""
    logo_url: str | None
    longitude: float | None
    """Degrees (WGS 84)."""
    latitude: float | None
    """Degrees (WGS 84)."""
    laps: int | None
    """Recorded in the track's lifetime, as are the four counts after it."""
    practice_sessions: int | None
    races: int | None
    entries: int | None
    events: int | None
    results_this_month: int | None
    sessions_this_month: int | None
    videos_this_month: int | None
    is_active: bool
    """Whether the source lists it."""
    misses: int
    """Plausible lists in a row without this track."""
    created_at: dt.datetime
    """When it was first stored, UTC."""
    updated_at: dt.datetime
    """When it was last written, UTC."""
    coordinates_from: str | None
    """The origin of the coordinates: `source`, or a geocoder; null without coordinates."""
    mesh_id: str | None
    """The newest finished mesh of its logo; null without one."""


@described
class RaceTracksAnswer(TypedDict):
    """A page of race tracks."""

    tracks: list[RaceTrackEntry]
    """By slug."""
    next: str | None
    """The slug to go on `after`; null on the last page."""


@described
class FieldChange(TypedDict):
    """A field of a race track that a sync changed."""

    field: str
    """Its name, as in `RaceTrackEntry`."""
    before: str | None
    """As text; null if it was unknown."""
    after: str | None
    """As text; null if it is unknown since."""


@described
class HistoryEntry(TypedDict):
    """What a sync changed of a race track."""

    sync_id: uuid.UUID
    at: dt.datetime
    """When the sync began, UTC."""
    undone_at: dt.datetime | None
    """When it was undone, UTC; null if it was not."""
    kind: ChangeKind
    """`missed` and `found` only count lists without the track."""
    fields: list[FieldChange]
    """Empty for a new track."""


@described
class RaceTrackAnswer(RaceTrackEntry):
    """A race track with what the last 30 syncs changed of it."""

    source: str
    history: list[HistoryEntry]
    """The newest first."""


@described
class SwitchAnswer(TypedDict):
    """The kill switch of a source's site."""

    source: str
    site: str
    switched_off: str | None
    """Why nothing is requested from it; null while it is on."""


@described
class ReportsAnswer(TypedDict):
    """Reports of the last syncs of a source that have ended."""

    reports: list[ShortSyncReport]
    """The newest first."""


@described
class UndoAnswer(TypedDict):
    """The changes of a sync were undone."""

    sync_id: uuid.UUID
    rows: int
    """Number of restored rows."""


def sync_answer(job: Job) -> dict[str, Any]:
    """A sync by its job, as `SyncAnswer`."""
    values = job_as_dict(job)
    is_over = job.status in (JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED)
    same = ("job_id", "status", "total", "failed", "message", "seconds_left", "error", "created_at")
    return {
        **{name: values[name] for name in same},
        "source": job.parameters.get("source"),
        "processed": job.completed,
        "cancel_requested": job.cancel_requested,
        "report": job.result if is_over else None,
    }


def source_entry(found: CatalogueStatus, jobs: Iterable[Job]) -> dict[str, Any]:
    """A source, as `SourceEntry`; `jobs` are its syncs that run or wait."""
    waiting = list(jobs)
    running = found.running if found.running in waiting else None
    shown = running or (waiting[0] if waiting else None)
    return {
        "source": found.source,
        "site": found.site,
        "active": found.active,
        "inactive": found.inactive,
        "missed": found.missed,
        "switched_off": found.switched_off,
        "last_completed_at": found.last_completed_at,
        "last": None if found.last is None else short_report(found.last),
        "job": None if shown is None else sync_answer(shown),
    }


_AT = dt.datetime(2026, 9, 21, 3, 0, 40, tzinfo=dt.UTC)
_SYNC: SyncAnswer = {
    "job_id": ID,
    "status": JobStatus.RUNNING,
    "total": 1_204,
    "processed": 310,
    "failed": 0,
    "message": "fetching pages",
    "seconds_left": 95.0,
    "error": None,
    "created_at": _AT,
    "source": "liverc",
    "cancel_requested": False,
    "report": None,
}
_SOURCE: SourceEntry = {
    "source": "liverc",
    "site": "liverc.com",
    "active": 1_198,
    "inactive": 14,
    "missed": 2,
    "switched_off": None,
    "last_completed_at": _AT,
    "last": SHORT_EXAMPLE,
    "job": _SYNC,
}
_TRACK: RaceTrackEntry = {
    "slug": "northtown",
    "name": "Northtown Raceway",
    "url": "https://northtown.liverc.com/",
    "series_code": None,
    "activity": "practice",
    "event_name": None,
    "has_video": False,
    "is_featured": False,
    "address": "1 Track Lane",
    "city": "Leeds, LS1 4AP",
    "country": "United Kingdom",
    "country_code": "GB",
    "phone": "+441132345678",
    "email": "info@example.org",
    "website": "https://example.org/",
    "map_query": None,
    "logo_url": None,
    "longitude": -1.5491,
    "latitude": 53.7997,
    "laps": 1_204_311,
    "practice_sessions": 8_120,
    "races": 5_301,
    "entries": 44_010,
    "events": 212,
    "results_this_month": 12,
    "sessions_this_month": 40,
    "videos_this_month": 0,
    "is_active": True,
    "misses": 0,
    "created_at": _AT,
    "updated_at": _AT,
    "coordinates_from": "geocoder",
    "mesh_id": None,
}

NEW_SYNC = shows(QueuedJobAnswer, {"job_id": ID}, status=202, text="The sync is queued.")
SYNC = shows(SyncAnswer, _SYNC)
SOURCES = shows(SourcesAnswer, {"sources": [_SOURCE]})
RACE_TRACKS = shows(RaceTracksAnswer, {"tracks": [_TRACK], "next": "northtown"})
RACE_TRACK = shows(
    RaceTrackAnswer,
    {
        **_TRACK,
        "source": "liverc",
        "history": [
            {
                "sync_id": ID,
                "at": _AT,
                "undone_at": None,
                "kind": "changed",
                "fields": [{"field": "phone", "before": None, "after": "+441132345678"}],
            }
        ],
    },
)
SWITCH = shows(
    SwitchAnswer, {"source": "liverc", "site": "liverc.com", "switched_off": "stopped by hand"}
)
RACE_TRACK_FILES = sends({"text/csv": ""}, "The file.")
RACE_TRACK_FILES[200]["content"]["application/geo+json"] = {
    "schema": {"type": "object"},
    "example": {"type": "FeatureCollection", "features": []},
}
REPORTS = shows(ReportsAnswer, {"reports": [SHORT_EXAMPLE]})
REPORT = shows(SyncReportAnswer, EXAMPLE)
REPORT[200]["content"][MARKDOWN] = {"schema": {"type": "string"}}
UNDO = shows(UndoAnswer, {"sync_id": ID, "rows": 7})
