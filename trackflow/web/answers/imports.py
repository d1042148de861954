"""Imports of files: what became of each file, past imports, and undoing one."""

import datetime as dt
from typing import TypedDict

from trackflow.usecases.intake.importing import FileReport, ImportReport
from trackflow.usecases.intake.undoing import PastImport, UndoneImport
from trackflow.web.answers.describing import described, shows


@described
class PointCounts(TypedDict):
    """What became of the points of a file."""

    added: int
    """New ones."""
    repeated: int
    """There already."""
    conflicting: int
    """Set aside, as a better one has the same time."""
    refused: int
    """Quarantined for the first time."""
    too_old: int
    """Older than what is kept."""


@described
class ImportedFile(TypedDict):
    """What became of a file, or of a member of an archive."""

    name: str
    format: str
    """Such as gpx; empty where no position was read."""
    points: PointCounts
    first: dt.datetime | None
    """Time of its first point, UTC; null without points."""
    last: dt.datetime | None
    devices: dict[str, int]
    """Number of points by device, whether or not they were known."""
    device_by: str
    """What named its device if it names none itself, such as "its name"; else empty."""
    reasons: dict[str, int]
    """Refused rows and elements by reason."""
    examples: list[str]
    """Some of those."""
    passed_over: dict[str, int]
    """What it has besides points, such as waypoints and records without a position."""
    naive: int
    """Times without a zone: they were read as those of `time_zone`, else of UTC."""
    skipped: str
    """Why it was left out although nothing is wrong; else empty."""
    error: str
    """Why it could not be read, or not to its end; else empty."""
    hint: str
    """What to do where none of its positions was admitted; else empty."""


@described
class ImportAnswer(TypedDict):
    """What became of an import."""

    import_id: str | None
    """By it the import is undone; null if nothing was stored."""
    files: list[ImportedFile]
    points: PointCounts
    """Of all files."""
    failed: bool
    """Whether positions that should have been read were not."""


@described
class PastImportEntry(TypedDict):
    """A past import."""

    import_id: str
    imported_at: dt.datetime
    undone_at: dt.datetime | None
    """Null if it was not undone."""
    points_added: int
    """New or better at that time."""
    files: list[str]
    devices: list[str]
    """Devices that have points of it now."""


@described
class ImportsAnswer(TypedDict):
    """Past imports."""

    imports: list[PastImportEntry]
    """The newest first."""


@described
class UndoneImportAnswer(TypedDict):
    """What undoing an import has changed."""

    import_id: str
    undone_at: dt.datetime
    repeated: bool
    """Whether it was undone before; then nothing has changed."""
    removed: int
    """Moments that have no point any more."""
    restored: int
    """Moments at which another point is stored again."""
    devices: list[str]
    """Whose points have changed."""
    dropped: list[str]
    """Those of them of which nothing else is known: they are gone."""


def import_answer(report: ImportReport) -> ImportAnswer:
    """What became of an import."""
    a = report.accepted
    return {
        "import_id": report.import_id or None,
        "files": [_file(file) for file in report.files],
        "points": _counts(a.added, a.repeated, a.conflicting, a.refused, a.too_old),
        "failed": report.has_failed,
    }


def imports_answer(found: list[PastImport]) -> ImportsAnswer:
    """Past imports."""
    return {
        "imports": [
            {
                "import_id": one.import_id,
                "imported_at": one.imported_at,
                "undone_at": one.undone_at,
                "points_added": one.points_added,
                "files": one.files,
                "devices": one.devices,
            }
            for one in found
        ]
    }


def undone_answer(report: UndoneImport) -> UndoneImportAnswer:
    """What undoing has changed."""
    return {
        "import_id": report.import_id,
        "undone_at": report.undone_at,
        "repeated": report.is_repeat,
        "removed": report.removed,
        "restored": report.restored,
        "devices": list(report.devices),
        "dropped": list(report.dropped),
    }


def _file(file: FileReport) -> ImportedFile:
    a = file.accepted
    return {
        "name": file.name,
        "format": file.format,
        "points": _counts(a.added, a.repeated, a.conflicting, a.refused, a.too_old),
        "first": file.first,
        "last": file.last,
        "devices": dict(file.devices),
        "device_by": file.device_by,
        "reasons": dict(file.reasons),
        "examples": file.examples,
        "passed_over": dict(file.passed_over),
        "naive": file.naive,
        "skipped": file.skipped,
        "error": file.error,
        "hint": file.hint,
    }


def _counts(added: int, repeated: int, conflicting: int, refused: int, too_old: int) -> PointCounts:
    return {
        "added": added,
        "repeated": repeated,
        "conflicting": conflicting,
        "refused": refused,
        "too_old": too_old,
    }


_START = dt.datetime(2026, 9, 21, 14, 13, 20, tzinfo=dt.UTC)
_COUNTS = _counts(720, 0, 0, 1, 0)
_IMPORT: ImportAnswer = {
    "import_id": "3f2a91c0",
    "files": [
        {
            "name": "van-7.gpx",
            "format": "gpx",
            "points": _COUNTS,
            "first": _START,
            "last": _START + dt.timedelta(hours=1),
            "devices": {"van-7": 720},
            "device_by": "its name",
            "reasons": {"no_time": 1},
            "examples": ["van-7.gpx line 12: no_time"],
            "passed_over": {"waypoint": 2},
            "naive": 0,
            "skipped": "",
            "error": "",
            "hint": "",
        }
    ],
    "points": _COUNTS,
    "failed": False,
}
_PAST = PastImport("3f2a91c0", _START, None, 720, ["van-7.gpx"], ["van-7"])
_UNDONE = UndoneImport("3f2a91c0", _START, False, 720, 0, ["van-7"], ["van-7"])

IMPORT = shows(ImportAnswer, _IMPORT)
IMPORTS = shows(ImportsAnswer, imports_answer([_PAST]))
UNDONE = shows(UndoneImportAnswer, undone_answer(_UNDONE))
