"""Imports files: read, admitted, counted; one bad file or row never stops the others."""

import datetime as dt
import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from trackflow.concurrency.ahead import one_ahead
from trackflow.context import Context
from trackflow.errors import BadInputError
from trackflow.geo.time import from_us, to_us
from trackflow.sources.options import DEFAULTS, ReadOptions
from trackflow.sources.readers import Chunk, PointBatch, RefusalReason, SourceFile, discover, read
from trackflow.sources.values.columns import NoPositionsError
from trackflow.store.housekeeping.retention import TOO_OLD
from trackflow.store.intake import acceptance, imports
from trackflow.store.intake.acceptance import DeliveryCounts
from trackflow.usecases.housekeeping.retention import lift_retention
from trackflow.usecases.intake.file_advice import SEVERAL_DEVICES, file_advice
from trackflow.usecases.intake.readmitting import readmit

type ImportProgress = Callable[[str, int, int], None]
"""Called with a file's name, bytes read and bytes in all."""

EXAMPLES = 3
"""Refused rows shown per file; all of them are in the table `quarantined_points`."""


MANY_AT_ONCE = 4
"""One in so many points that share their moment with another place may be of another device."""

TABLES = {"csv", "excel", "ods", "sqlite", "parquet"}
"""Formats in which a column may name devices in a word that is not known."""


@dataclass(slots=True)
class FileReport:
    """The result of one file.

    Attributes:
        name: its name, for people.
        format: the format; empty where no position was read.
        first: time of its first point; None without points.
        last: that of its last one.
        devices: number of its points by device, whether or not they were known.
        accepted: counts of its points.
        reasons: number of refused rows and elements by reason.
        examples: some of those.
        error: why it could not be read, or not to its end.
        skipped: why it was left out although nothing is wrong.
        passed_over: numbers of elements besides points, such as waypoints.
        naive: number of times without a zone.
        device: the device of points that name none, where the file had such points.
        device_by: what named that device: "its name", "its folder" or "the name that was given".
    """

    name: str
    format: str = ""
    first: dt.datetime | None = None
    last: dt.datetime | None = None
    devices: Counter[str] = field(default_factory=Counter)
    accepted: DeliveryCounts = field(default_factory=DeliveryCounts)
    reasons: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)
    error: str = ""
    skipped: str = ""
    passed_over: Counter[str] = field(default_factory=Counter)
    naive: int = 0
    device: str = ""
    device_by: str = ""

    @property
    def refused(self) -> int:
        """Rows and elements that were refused, whether or not they were known already."""
        return self.reasons.total()

    @property
    def admitted(self) -> int:
        """Points that are stored now, whether or not they were before, or older than is kept."""
        a = self.accepted
        return a.added + a.repeated + a.conflicting + a.too_old

    @property
    def is_empty_handed(self) -> bool:
        """Whether it has positions and none of them was admitted."""
        return self.refused > 0 and not self.admitted

    @property
    def hint(self) -> str:
        """What to do where none of its positions was admitted, or many are of one moment."""
        if not self.is_empty_handed or self.error:
            are_many = self.accepted.conflicting * MANY_AT_ONCE >= max(self.admitted, 1)
            is_table = self.format in TABLES
            return SEVERAL_DEVICES if is_table and self.device and are_many else ""
        ((reason, _),) = self.reasons.most_common(1)
        return file_advice(reason)


@dataclass(slots=True)
class ImportReport:
    """The results of all files; `import_id` undoes it, and is empty if nothing was stored."""

    import_id: str = ""
    files: list[FileReport] = field(default_factory=list)

    @property
    def accepted(self) -> DeliveryCounts:
        """The sum over all files."""
        return sum((f.accepted for f in self.files), DeliveryCounts())

    @property
    def first(self) -> dt.datetime | None:
        """Time of the first point of all files."""
        return min((f.first for f in self.files if f.first), default=None)

    @property
    def last(self) -> dt.datetime | None:
        """Time of the last point of all files."""
        return max((f.last for f in self.files if f.last), default=None)

    @property
    def errors(self) -> list[FileReport]:
        """Files that could not be read, or not to their end."""
        return [f for f in self.files if f.error]

    @property
    def has_failed(self) -> bool:
        """Whether positions that should have been read were not.

        Of a file with positions that all lack a time (a list of places, a planned route) that is so
        only if nothing else was admitted.
        """
        empty_handed = [f for f in self.files if f.is_empty_handed]
        wrong = [f for f in empty_handed if set(f.reasons) != {RefusalReason.NO_TIME}]
        nothing = not any(f.admitted for f in self.files)
        return bool(self.errors or wrong or (empty_handed and nothing))


def new_id() -> str:
    """An id for an import: eight hexadecimal digits, which people can type."""
    return secrets.token_hex(4)


def rehearse(
    context: Context,
    paths: Sequence[Path],
    *,
    device_id: str | None = None,
    options: ReadOptions = DEFAULTS,
    progress: ImportProgress | None = None,
) -> ImportReport:
    """Report what importing would do, and store nothing.

    It is a whole import that is rolled back, so its report is exactly that of an import.

    Args:
        context: the store and the clock.
        paths: files, folders and archives.
        device_id: the device of all points, in place of the files' own.
        options: how to read what files leave open, such as time zones.
        progress: called with a file's name, the bytes read and its size.
    """
    with context.store.rehearsed() as store:
        trial = replace(context, store=store)
        return import_paths(trial, paths, device_id=device_id, options=options, progress=progress)


def import_paths(
    context: Context,
    paths: Sequence[Path],
    *,
    device_id: str | None = None,
    options: ReadOptions = DEFAULTS,
    progress: ImportProgress | None = None,
    import_id: str = "",
) -> ImportReport:
    """Import files, folders and archives. Importing one again adds nothing.

    Args:
        context: the store and the clock.
        paths: what to import.
        device_id: the device of all points, in place of the files' own.
        options: how to read what files leave open, such as time zones.
        progress: called with a file's name, the bytes read and its size.
        import_id: by which it can be undone (`new_id`); empty for one that stays.

    Raises:
        SettingsError: it was undone while it ran, or the days of retention make no sense.
    """
    readmit(context)
    # points that retention allows again must not be refused until the next daily run
    lift_retention(context)
    report = ImportReport()
    for source in _sources(paths, report, are_tables=options.columns is not None):
        file = FileReport(source.name, skipped=source.skipped)
        report.files.append(file)
        if source.skipped:
            continue
        file.format = source.format or ""
        named = source.named_device
        fallback = device_id or named.device_id
        try:
            chunks = read(
                source,
                device_id=device_id,
                now_us=to_us(context.clock()),
                options=options,
                fallback_device=named.device_id,
            )
            for chunk in one_ahead(chunks):
                _store(context, chunk, file, import_id)
                report.import_id = import_id
                if fallback in chunk.points.devices:
                    file.device = fallback
                    file.device_by = _NAMED_BY[(device_id is not None, named.by_folder)]
                if progress:
                    progress(source.name, chunk.bytes_done, source.size_bytes)
            if not (file.admitted or file.reasons or file.passed_over):
                file.skipped = NOTHING
        except NoPositionsError as error:
            # a table of something else that is found in a folder is no failure
            file.error, file.skipped = _error_or_reason(error, source)
        except BadInputError as error:
            file.error = str(error)
    return report


_NAMED_BY = {
    (False, False): "its name",
    (False, True): "its folder",
    (True, False): "the name that was given",
    (True, True): "the name that was given",
}


NOTHING = "has no positions"


def _error_or_reason(error: NoPositionsError, source: SourceFile) -> tuple[str, str]:
    """The error of a file without positions if a person named it, else why it is skipped."""
    return (str(error), "") if source.is_named else ("", NOTHING)


def _sources(
    paths: Iterable[Path], report: ImportReport, *, are_tables: bool
) -> Iterator[SourceFile]:
    for path in paths:
        try:
            yield from discover(path, are_tables=are_tables)
        except BadInputError as error:
            report.files.append(FileReport(path.name, error=str(error)))


def _store(context: Context, chunk: Chunk, file: FileReport, import_id: str) -> None:
    with context.store.write() as connection:
        if import_id:
            imports.note(connection, import_id, context.clock())
        stored = acceptance.accept(
            connection, chunk.points, chunk.refused, file.name, context.clock(), import_id=import_id
        )
        if import_id:
            imports.count(connection, import_id, stored.added)
    file.accepted += stored
    _describe(chunk.points, file)
    for refusal in chunk.refused:
        file.reasons[str(refusal.reason)] += refusal.count
    file.passed_over.update(chunk.skipped)
    file.naive += min(chunk.naive, len(chunk.points))  # not those of refused rows
    if stored.too_old:
        file.reasons[TOO_OLD] += stored.too_old
    room = EXAMPLES - len(file.examples)
    file.examples += [f"{r.where}: {r.reason}" for r in chunk.refused[: max(room, 0)]]


def _describe(batch: PointBatch, file: FileReport) -> None:
    """Add the devices and the times of points to the report."""
    if not len(batch):
        return
    counts = np.bincount(batch.device, minlength=len(batch.devices)).tolist()
    file.devices.update(dict(zip(batch.devices, counts, strict=True)))
    first, last = from_us(int(batch.time_us.min())), from_us(int(batch.time_us.max()))
    file.first = min(file.first or first, first)
    file.last = max(file.last or last, last)
