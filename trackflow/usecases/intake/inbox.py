"""The inbox: a folder whose new files are imported. The folder is only read.

A note of each file (size and time of its last change) shows which files are new. Reading a file
again adds nothing, so a crash between an import and its note costs a repetition and no more.
"""

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from trackflow.context import Context
from trackflow.errors import RetryableError, SettingsError
from trackflow.files import is_settled, ordinary_files
from trackflow.geo.time import from_us
from trackflow.store.database import Connection
from trackflow.store.intake import inbox_notes
from trackflow.store.intake.inbox_notes import InboxNote
from trackflow.usecases.housekeeping.retention import check_setting
from trackflow.usecases.intake.importing import FileReport, ImportProgress, import_paths

MESSAGES = 3
"""Errors reported of an archive with many bad members."""

_FORGOTTEN = "forgotten:"


@dataclass(frozen=True, slots=True)
class InboxFile:
    """A file of the inbox; `name` is its path below the inbox."""

    path: Path
    name: str
    size_bytes: int
    modified_at: dt.datetime


@dataclass(slots=True)
class InboxContent:
    """The content of the folder: files to import, files still being written."""

    ready: list[InboxFile] = field(default_factory=list)
    waiting: int = 0

    @property
    def watermark(self) -> str:
        """Changes whenever other files, or other versions of them, are ready."""
        content = [(f.name, f.size_bytes, f.modified_at.isoformat()) for f in self.ready]
        return hashlib.blake2b(repr(content).encode(), digest_size=12).hexdigest()


@dataclass(frozen=True, slots=True)
class InboxImport:
    """The result of one file."""

    name: str
    points_added: int
    refused: int
    error: str | None


@dataclass(slots=True)
class ScanReport:
    """The results of the files that were ready."""

    files: list[InboxImport] = field(default_factory=list)
    waiting: int = 0

    @property
    def points_added(self) -> int:
        """Points that were not there yet."""
        return sum(file.points_added for file in self.files)

    @property
    def errors(self) -> list[InboxImport]:
        """Files that could not be read, or not to their end; a change makes them due."""
        return [file for file in self.files if file.error]


def scan(context: Context, progress: ImportProgress | None = None) -> ScanReport:
    """Import new and changed files of the inbox; a bad file is noted and never stops the others.

    Raises:
        SettingsError: no inbox is set, it is no folder, or the days of retention make no sense.
        StoreUnavailableError: the database is away; the file will be imported another time.
    """
    found = look(context)
    check_setting(context)  # a setting that makes no sense is not a fault of the files
    report = ScanReport(waiting=found.waiting)
    for file in found.ready:
        imported = _import(context, file, progress)
        with context.store.write() as connection:
            _note(connection, file, imported, context.clock())
        report.files.append(imported)
    return report


def look(context: Context) -> InboxContent:
    """Find the files to import; opens none of them.

    Raises:
        SettingsError: no inbox is set, or it is no folder.
    """
    folder = folder_of(context)
    with context.store.read() as connection:
        notes = inbox_notes.read_versions(connection)
    found = InboxContent()
    for path, name, status in ordinary_files(folder):
        file = InboxFile(path, name, status.st_size, from_us(status.st_mtime_ns // 1000))
        state = (file.size_bytes, file.modified_at)
        if state in (notes.get(file.name), notes.get(forgotten(file.name))):
            continue
        if is_settled(status, context.clock()):
            found.ready.append(file)
        else:
            found.waiting += 1
    return found


def folder_of(context: Context) -> Path:
    """The inbox.

    Raises:
        SettingsError: none is set, or it is no folder.
    """
    folder = context.settings.inbox
    if folder is None:
        raise SettingsError(
            "there is no inbox: set TRACKFLOW_INBOX to a folder whose files are to be imported"
        )
    if not folder.is_dir():
        raise SettingsError(f"the inbox {folder} (TRACKFLOW_INBOX) is no folder: make it first")
    return folder


def forgotten(name: str) -> str:
    """A hash in place of a name that must not be kept any more; it still identifies the file."""
    return _FORGOTTEN + hashlib.blake2b(name.encode(), digest_size=16).hexdigest()


def _import(context: Context, file: InboxFile, progress: ImportProgress | None) -> InboxImport:
    try:
        report = import_paths(context, [file.path], progress=progress)
    except RetryableError:
        raise
    except Exception as error:  # noqa: BLE001  one file must not stop all others
        return InboxImport(file.name, 0, 0, f"{type(error).__name__} while reading it")
    refused = sum(part.refused for part in report.files)
    return InboxImport(file.name, report.accepted.added, refused, _error(report.files))


def _error(parts: Sequence[FileReport]) -> str | None:
    messages = [part.error for part in parts if part.error]
    if not messages and all(part.skipped for part in parts):
        messages = [f"{part.name}: {part.skipped}" for part in parts]
    if len(messages) > MESSAGES:
        messages = [*messages[:MESSAGES], f"{len(messages) - MESSAGES:,} more"]
    return "; ".join(messages) or None


def _note(connection: Connection, file: InboxFile, imported: InboxImport, now: dt.datetime) -> None:
    """Note the file's state from before it was read, so that a later change is found."""
    hidden = forgotten(file.name)
    is_hidden = inbox_notes.has_note(connection, hidden)
    note = InboxNote(
        path=hidden if is_hidden else file.name,
        size_bytes=file.size_bytes,
        modified_at=file.modified_at,
        points_added=imported.points_added,
        refused=imported.refused,
        error=None if is_hidden else imported.error,
    )
    inbox_notes.replace_note(connection, (file.name, hidden), note, now)
