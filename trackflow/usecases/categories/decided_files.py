"""What files of decisions and files of travel modes have in common: options, rows, reports."""

import csv
import datetime as dt
import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache

from trackflow.context import Context
from trackflow.settings import zone_named
from trackflow.sources.decisions import (
    DecisionLine,
    LineRefusal,
    TableOptions,
    read_decisions,
)
from trackflow.sources.values.moments import DateOrder
from trackflow.store.categories import trips

type Word = tuple[tuple[dt.datetime, dt.datetime, str], str]
"""A time and the name of a result, and what a row says that it is."""

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


def overruled(file: Iterable[Word], decided: Iterable[Word]) -> int:
    """Of how many times the last that a file says is not the last that was decided.

    Args:
        file: what its rows say, in their order.
        decided: what counts, with that of the file, in the order in which it was decided.
    """
    last = dict(decided)
    return len({key[:2] for key, value in dict(file).items() if last[key] != value})


def csv_line(values: Iterable[object]) -> str:
    """A row of CSV; times are ISO 8601."""
    text = io.StringIO(newline="")
    csv.writer(text).writerow(
        one.isoformat() if isinstance(one, dt.datetime) else one for one in values
    )
    return text.getvalue()
