"""Corrections of travel modes in and out of CSV files."""

import datetime as dt
import uuid
from collections.abc import Iterator

from trackflow.categories.modes import Mode
from trackflow.context import Context
from trackflow.sources.decisions import DecisionLine, LineRefusal
from trackflow.store.categories import corrections, leg_days
from trackflow.store.categories.corrections import StoredCorrection
from trackflow.store.days.queries import Devices
from trackflow.store.devices.settings import lock_devices
from trackflow.usecases.categories.decided_files import (
    FileOptions,
    ImportReport,
    csv_line,
    overruled,
    read_lines,
)
from trackflow.usecases.categories.following import follow_between

COLUMNS = ("start_time", "end_time", "device_id", "mode", "decided_by")

MODES = {mode.value: mode for mode in Mode}


def import_corrections(
    context: Context, data: bytes, name: str, by: str, options: FileOptions
) -> ImportReport:
    """Store the corrections of a CSV file; importing it again changes nothing.

    Args:
        context: the store and the clock.
        data: the file.
        name: its name, for messages.
        by: name of the person.
        options: what the file may leave open.

    Raises:
        BadInputError: it is no table of travel modes.
    """
    report = ImportReport()
    by_device = read_lines(context, data, name, options, ("mode",), report)
    for device_id, lines in by_device.items():
        wrong = {line.line: reason for line in lines if (reason := _fault(line)) is not None}
        report.refuse([LineRefusal(number, reason, "") for number, reason in wrong.items()])
        mine = [line for line in lines if line.line not in wrong]
        added = _add(context, device_id, mine, by, report) if mine else []
        if added:
            first = min(one.start_time for one in added)
            last = max(one.end_time for one in added)
            report.errors |= follow_between(context, device_id, first, last).errors
    return report


def _fault(line: DecisionLine) -> str | None:
    if line.results["mode"].casefold() not in MODES:
        return f"its mode is none of {', '.join(MODES)}"
    return None if line.start_time < line.end_time else "it ends when it begins"


def _add(
    context: Context, device_id: str, lines: list[DecisionLine], by: str, report: ImportReport
) -> list[StoredCorrection]:
    """Store the corrections of one device that do not stand yet; returns them.

    Args:
        context: the store and the clock.
        device_id: the device.
        lines: its rows of the file.
        by: name of the person.
        report: is added to.
    """
    with context.store.write() as connection:
        lock_devices(connection, [device_id])
        before = corrections.read(connection, (device_id,))
        standing = {(one.start_time, one.end_time, one.mode) for one in before}
        found = []
        for number, line in enumerate(lines):
            mode = MODES[line.results["mode"].casefold()]
            if (line.start_time, line.end_time, mode) in standing:
                continue
            standing.add((line.start_time, line.end_time, mode))
            # of two rows for the same time the later one counts, as in the file
            decided_at = context.clock() + dt.timedelta(microseconds=number)
            one = StoredCorrection(
                uuid.uuid4(), device_id, line.start_time, line.end_time, mode, by, decided_at, None
            )
            corrections.add(connection, one)
            days = one.start_time.date(), one.end_time.date()
            leg_days.forget_days(connection, (device_id,), *days)
            found.append(one)
    report.added += len(found)
    report.unchanged += len(lines) - len(found)
    report.overruled += overruled(
        (((one.start_time, one.end_time, "mode"), one.results["mode"].casefold()) for one in lines),
        (((one.start_time, one.end_time, "mode"), one.mode.value) for one in [*before, *found]),
    )
    return found


def export_corrections(context: Context, device_ids: Devices = None) -> Iterator[str]:
    """Corrections that count, as lines of CSV, which `import_corrections` reads.

    Args:
        context: the store.
        device_ids: the devices; None for all.
    """
    yield ",".join(COLUMNS) + "\r\n"
    with context.store.read() as connection:
        found = corrections.read(connection, device_ids)
    for one in found:
        yield csv_line(getattr(one, name) for name in COLUMNS)
