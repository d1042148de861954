"""Decisions in and out of CSV files, so that no history is locked in."""

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from trackflow.context import Context
from trackflow.errors import SettingsError
from trackflow.geo.time import EARLIEST, LATEST
from trackflow.sources.decisions import (
    RESULTS,
    DecisionLine,
)
from trackflow.store.categories import categories, decisions
from trackflow.store.categories.decisions import DecisionRow
from trackflow.store.days.queries import Devices
from trackflow.store.devices.settings import lock_devices
from trackflow.usecases.categories.decided_files import (
    FileOptions,
    ImportReport,
    Word,
    csv_line,
    overruled,
    read_lines,
)
from trackflow.usecases.categories.deciding import DecisionRequest, row_of
from trackflow.usecases.categories.following import decide_between

COLUMNS = ("start_time", "end_time", "device_id", "category", "purpose", "partner", "decided_by")


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
