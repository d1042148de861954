"""Decisions in and out of CSV files, so that no history is locked in."""

import csv
import datetime as dt
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache

from trackflow.context import Context
from trackflow.errors import SettingsError
from trackflow.geo.time import EARLIEST, LATEST
from trackflow.settings import zone_named
from trackflow.sources.decisions import (
    RESULTS,
    DecisionLine,
    LineRefusal,
    TableOptions,
    read_decisions,
)
from trackflow.sources.values.moments import DateOrder
from trackflow.store.categories import categories, decisions, trips
from trackflow.store.categories.decisions import DecisionRow
from trackflow.store.days.queries import Devices
from trackflow.store.devices.settings import lock_devices
from trackflow.usecases.categories.deciding import DecisionRequest, row_of
from trackflow.usecases.categories.following import decide_between

COLUMNS = ("start_time", "end_time", "device_id", "category", "purpose", "partner", "decided_by")

type Word = tuple[tuple[dt.datetime, dt.datetime, str], str]
"""A time and the name of a result, and what somebody says that it is."""

MOST_REFUSED = 1_000
"""Refused rows that a report lists; of more, it has the number."""


@dataclass(frozen=True, slots=True)
class FileOptions:
    """What a file may leave open.

    Attributes:
        zone: of times that name none; None for each device's own.
        order: of day and month in dates; None as the file shows.
        device_id: of rows without a device; None for the only one of the store.
    """

    zone: dt.tzinfo | None = None
    order: DateOrder | None = None
    device_id: str | None = None


@dataclass(slots=True)
class ImportReport:
    """The result of an import.

    Attributes:
        rows: rows of the file.
        added: decisions that are new.
        unchanged: rows that were imported or decided before.
        overruled: times of which the file says something that was decided before, and otherwise
            later: that stays, and has to be undone if the file is right.
        refused: how many rows cannot be used.
        refusals: the first of them, each with its line and reason.
        errors: by device, why what is made of its tracks could not follow.
    """

    rows: int = 0
    added: int = 0
    unchanged: int = 0
    overruled: int = 0
    refused: int = 0
    refusals: list[LineRefusal] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """What it did, for people."""
        later = f" ({self.overruled:,} decided otherwise later)" if self.overruled else ""
        return f"{self.added:,} new, {self.unchanged:,} known{later}, {self.refused:,} refused"

    def refuse(self, refused: list[LineRefusal]) -> None:
        """Count and list rows that cannot be used."""
        self.refused += len(refused)
        listed = sorted([*self.refusals, *refused], key=lambda one: one.line)
        self.refusals = listed[:MOST_REFUSED]


@dataclass(slots=True)
class DecisionsReport(ImportReport):
    """The result of an import of what tracks were for.

    Attributes:
        changed: tracks that were decided anew with another result.
    """

    changed: int = 0

    @property
    def sentence(self) -> str:
        """What it did, for people."""
        # by name: a dataclass with slots is made anew, and `super()` would be of the one before
        return f"{super(DecisionsReport, self).sentence}; tracks changed: {self.changed:,}"


def import_decisions(
    context: Context, data: bytes, name: str, by: str, options: FileOptions
) -> DecisionsReport:
    """Store the decisions of a CSV file; importing it again changes nothing.

    Args:
        context: the store and the clock.
        data: the file.
        name: its name, for messages.
        by: name of the person.
        options: what the file may leave open.

    Raises:
        BadInputError: it is no table of decisions.
    """
    report = DecisionsReport()
    by_device = read_lines(context, data, name, options, RESULTS, report)
    for device_id, mine in by_device.items():
        added = _add(context, device_id, mine, by, report)
        if added:
            first = min(line.start_time for line in mine)
            last = max(line.end_time for line in mine)
            changed, followed = decide_between(context, device_id, first, last)
            report.changed += changed
            report.errors |= followed.errors
    return report


def read_lines(
    context: Context,
    data: bytes,
    name: str,
    options: FileOptions,
    results: tuple[str, ...],
    report: ImportReport,
) -> dict[str, list[DecisionLine]]:
    """The rows of a CSV file by device; those that cannot be used are noted in the report.

    Args:
        context: the store and settings.
        data: the file.
        name: its name, for messages.
        options: what the file may leave open.
        results: the columns that say what holds.
        report: is added to.

    Raises:
        BadInputError: it is no such table.
    """
    with context.store.read() as connection:
        zones = trips.read_zones(connection)
    own_zone = context.settings.time_zone

    @cache
    def zone_of_device(device_id: str) -> dt.tzinfo:
        return options.zone or zone_named(zones.get(device_id) or own_zone)

    only = next(iter(zones)) if len(zones) == 1 else None
    table = TableOptions(zone_of_device, options.device_id or only, options.order, results)
    lines, refused = read_decisions(data, name, table)
    report.rows = len(lines) + len(refused)
    by_device: dict[str, list[DecisionLine]] = {}
    for line in lines:
        if line.device_id in zones:
            by_device.setdefault(line.device_id, []).append(line)
        else:
            reason = "there is no such device: import its points first"
            refused.append(LineRefusal(line.line, reason, line.device_id))
    report.refuse(refused)
    return by_device


def _add(
    context: Context, device_id: str, lines: list[DecisionLine], by: str, report: DecisionsReport
) -> int:
    """Store the decisions of one device that do not stand yet; returns how many.

    Args:
        context: the store and the clock.
        device_id: the device.
        lines: its rows of the file.
        by: name of the person.
        report: is added to.
    """
    first = min(line.start_time for line in lines)
    last = max(line.end_time for line in lines)
    with context.store.write() as connection:
        lock_devices(connection, [device_id])
        before = decisions.read(connection, (device_id,), first, last)
        standing = {row.content for row in before}
        rows = []
        for number, line in enumerate(lines):
            texts = [line.results.get(result) for result in RESULTS]
            wanted = DecisionRequest(device_id, line.start_time, line.end_time, *texts)
            # of two rows for the same time the later one counts, as in the file
            decided_at = context.clock() + dt.timedelta(microseconds=number)
            row = row_of(wanted, by, "import", decided_at)
            if row.content not in standing:
                standing.add(row.content)
                rows.append(row)
        decisions.add(connection, rows)
        if rows:
            categories.mark_due(connection, (device_id,), first, last)
    report.added += len(rows)
    report.unchanged += len(lines) - len(rows)
    decided = sorted([*before, *rows], key=lambda row: (row.decided_at, str(row.decision_id)))
    report.overruled += overruled(_words(lines), _words(decided))
    return len(rows)


def _words(said: Iterable[DecisionLine | DecisionRow]) -> Iterator[Word]:
    """What rows say, each result for itself."""
    for one in said:
        for name in RESULTS:
            own = one.results.get(name) if isinstance(one, DecisionLine) else getattr(one, name)
            if own is not None:
                yield (one.start_time, one.end_time, name), own


def overruled(file: Iterable[Word], decided: Iterable[Word]) -> int:
    """Of how many times the last that a file says is not the last that was decided.

    Args:
        file: what its rows say, in their order.
        decided: what counts, with that of the file, in the order in which it was decided.
    """
    last = dict(decided)
    return len({key[:2] for key, value in dict(file).items() if last[key] != value})


def export_categories(
    context: Context,
    device_ids: Devices = None,
    start: dt.datetime | None = None,
    end: dt.datetime | None = None,
    *,
    only_decisions: bool = False,
) -> Iterator[str]:
    """What tracks were for as lines of CSV, which `import_decisions` reads.

    Args:
        context: the store.
        device_ids: the devices; None for all.
        start: aware; None for no limit.
        end: aware; None for no limit.
        only_decisions: only what people decided, also where there is no track; else each track
            that has a category, purpose or partner, with what decided it.

    Raises:
        SettingsError: the range is empty.
    """
    if start is not None and end is not None and start > end:
        raise SettingsError("the range is empty: its end is before its start")
    yield ",".join(COLUMNS) + "\r\n"
    with context.store.read() as connection:
        if only_decisions:
            for row in decisions.read(connection, device_ids, start, end):
                yield csv_line(getattr(row, name, None) for name in COLUMNS)
            return
        found = categories.read_page(connection, device_ids, start or EARLIEST, end or LATEST)
    for track in found:
        if any(track[result] for result in RESULTS):
            yield csv_line(track[name] for name in COLUMNS)


def csv_line(values: Iterable[object]) -> str:
    """A row of CSV; times are ISO 8601."""
    text = io.StringIO(newline="")
    csv.writer(text).writerow(
        one.isoformat() if isinstance(one, dt.datetime) else one for one in values
    )
    return text.getvalue()
