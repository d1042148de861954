"""Files through the door: read, stored, counted; one bad file or row never stops the others."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from trackflow.concurrency.ahead import one_ahead
from trackflow.errors import BadInputError
from trackflow.pipeline.readmitting import readmit
from trackflow.pipeline.retention import lift_retention
from trackflow.pipeline.work import Work
from trackflow.sources.readers import Chunk, SourceFile, discover, read
from trackflow.store import points
from trackflow.store.points import Accepted
from trackflow.store.retention import TOO_OLD
from trackflow.store.types import to_us

type Progress = Callable[[str, int, int], None]
"""Called with a file's name, bytes read and bytes in all."""

EXAMPLES = 3
"""Refused rows shown per file; all of them are in the table `quarantined_points`."""


@dataclass(slots=True)
class FileReport:
    """What became of one file."""

    name: str
    accepted: Accepted = field(default_factory=Accepted)
    reasons: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)
    error: str = ""
    skipped: str = ""

    @property
    def refused(self) -> int:
        """Rows and elements that were not accepted, whether or not they were known already."""
        return self.reasons.total()


@dataclass(slots=True)
class ImportReport:
    """What became of all files."""

    files: list[FileReport] = field(default_factory=list)

    @property
    def accepted(self) -> Accepted:
        """The sum over all files."""
        return sum((f.accepted for f in self.files), Accepted())

    @property
    def errors(self) -> list[FileReport]:
        """Files that could not be read, or not to their end."""
        return [f for f in self.files if f.error]


def import_paths(
    work: Work,
    paths: Sequence[Path],
    *,
    device_id: str | None = None,
    progress: Progress | None = None,
) -> ImportReport:
    """Import files, folders and archives. Importing one again adds nothing.

    Raises:
        SettingsError: the days of retention make no sense.
    """
    readmit(work)
    lift_retention(work)  # what may be kept again is not to be refused until the next daily run
    report = ImportReport()
    for source in _sources(paths, report):
        file = FileReport(source.name, skipped=source.skipped)
        report.files.append(file)
        if source.skipped:
            continue
        try:
            chunks = read(source, device_id=device_id, now_us=to_us(work.clock()))
            for chunk in one_ahead(chunks):
                _store(work, chunk, file)
                if progress:
                    progress(source.name, chunk.bytes_done, source.size_bytes)
        except BadInputError as error:
            file.error = str(error)
    return report


def _sources(paths: Iterable[Path], report: ImportReport) -> Iterator[SourceFile]:
    for path in paths:
        try:
            yield from discover(path)
        except BadInputError as error:
            report.files.append(FileReport(path.name, error=str(error)))


def _store(work: Work, chunk: Chunk, file: FileReport) -> None:
    with work.store.write() as connection:
        stored = points.accept(connection, chunk.points, chunk.refused, file.name, work.clock())
    file.accepted += stored
    file.reasons.update(str(refusal.reason) for refusal in chunk.refused)
    if stored.too_old:
        file.reasons[TOO_OLD] += stored.too_old
    room = EXAMPLES - len(file.examples)
    file.examples += [f"{r.where}: {r.reason}" for r in chunk.refused[: max(room, 0)]]
