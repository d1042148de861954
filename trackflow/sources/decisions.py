"""Reads tables of what people decided: a time, a device, and what holds there.

That is a category, purpose or partner of tracks, or a travel mode.
"""

import csv
import datetime as dt
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from trackflow.errors import BadInputError
from trackflow.files import without_hint
from trackflow.geo.time import from_us, midnight_us
from trackflow.sources.heads import SEPARATORS, encoding_of, in_code_page
from trackflow.sources.values.moments import DateOrder, TimeRules, read_time
from trackflow.sources.values.times import decide_order
from trackflow.sources.values.vocabulary import plain
from trackflow.sources.values.zones import zone_of
from trackflow.words import category_named

NAMES: Mapping[str, tuple[str, ...]] = {
    "start_time": (
        "starttime", "start", "begin", "from", "started", "startedat", "begintime", "startdate",
        "startdatetime", "departure", "von", "beginn", "startzeit", "abfahrt", "debut", "inicio",
    ),
    "end_time": (
        "endtime", "end", "to", "until", "ended", "endedat", "stop", "stoptime", "finish",
        "enddate", "enddatetime", "arrival", "bis", "ende", "endzeit", "ankunft", "fin",
    ),
    "device_id": ("deviceid", "device", "tracker", "deviceno", "geraet", "gerat"),
    "category": ("category", "type", "class", "tag", "triptype", "kategorie", "art", "categorie"),
    "purpose": ("purpose", "reason", "trippurpose", "zweck", "reisezweck", "anlass", "motif"),
    "partner": (
        "partner", "client", "customer", "businesspartner", "kunde", "geschaftspartner", "contact",
    ),
    "mode": ("mode", "travelmode", "transportmode", "modeoftransport", "verkehrsmittel"),
    "time_zone": ("timezone", "zone", "tz", "zeitzone"),
}  # fmt: skip
"""Plain spellings of each column."""

RESULTS = ("category", "purpose", "partner")

MOST_BYTES = 50_000_000
LONGEST_CELL = 500
RAW_CHARS = 200
FIRST_US, LAST_US = (midnight_us(dt.date(year, 1, 1)) for year in (1900, 2200))


@dataclass(frozen=True, slots=True)
class DecisionLine:
    """A row of the table.

    Attributes:
        line: its first line in the file, from 1.
        device_id: the device.
        start_time: UTC.
        end_time: UTC.
        results: text by name, of what the table is asked for.
    """

    line: int
    device_id: str
    start_time: dt.datetime
    end_time: dt.datetime
    results: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class LineRefusal:
    """A row that cannot be used, and why."""

    line: int
    reason: str
    raw: str


@dataclass(frozen=True, slots=True)
class TableOptions:
    """What a table may leave open.

    Attributes:
        zone_of_device: the zone of a device's times that name none.
        device_id: the device of rows without one; None refuses them.
        order: of day and month in dates; None = as the file shows.
        results: the columns that say what holds; a row has at least one of them.
    """

    zone_of_device: Callable[[str], dt.tzinfo]
    device_id: str | None = None
    order: DateOrder | None = None
    results: tuple[str, ...] = RESULTS


def read_decisions(
    data: bytes, name: str, options: TableOptions
) -> tuple[list[DecisionLine], list[LineRefusal]]:
    """The rows of a CSV file, and those that cannot be used.

    Args:
        data: the file.
        name: its name, for messages.
        options: what it may leave open.

    Raises:
        BadInputError: it is no table with a start, an end and one of the wanted results.
    """
    rows = _rows(data, name)
    if not rows:
        raise BadInputError(f"{name} is empty")
    (_, header), *body = rows
    columns = _columns(header, name, options.results)
    order = options.order
    for time in ("start_time", "end_time"):
        sample = [row[columns[time]] for _, row in body[:1000] if len(row) > columns[time]]
        order = decide_order(sample, TimeRules(order=order), time, name) or order
    found: list[DecisionLine] = []
    refused: list[LineRefusal] = []
    for line, row in body:
        cells = {key: row[at].strip() for key, at in columns.items() if at < len(row)}
        try:
            found.append(_decision(line, cells, options, order))
        except _LineError as error:
            refused.append(LineRefusal(line, str(error), ",".join(row)[:RAW_CHARS]))
    return found, refused


class _LineError(Exception):
    """Why a row cannot be used. Never leaves this module."""


def _rows(data: bytes, name: str) -> list[tuple[int, list[str]]]:
    """The rows that are not blank, each with its first line."""
    if len(data) > MOST_BYTES:
        raise BadInputError(f"{name} is larger than {MOST_BYTES // 1_000_000} MB: divide it")
    encoding = encoding_of(data)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        text = in_code_page(data, "cp1252")  # as Excel writes it
    line, text, separator = without_hint(text)
    text = text.lstrip("\r\n")
    head = text.splitlines()[0] if text else ""
    separator = separator or max(
        SEPARATORS, key=lambda one: (len(_known(head.split(one))), head.count(one))
    )
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    found = []
    before = line
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                found.append((line, row))
            line = before + reader.line_num
    except csv.Error as error:
        raise BadInputError(f"{name}: line {line} is no row of a table: {error}") from None
    return found


def _known(header: Sequence[str]) -> dict[str, int]:
    """The index of each known column."""
    names = [plain(cell) for cell in header]
    found = {}
    for column, spellings in NAMES.items():
        for spelling in spellings:
            if spelling in names:
                found[column] = names.index(spelling)
                break
    return found


def _columns(header: Sequence[str], name: str, results: Sequence[str]) -> dict[str, int]:
    columns = _known(header)
    missing = [time for time in ("start_time", "end_time") if time not in columns]
    if not any(result in columns for result in results):
        others = "".join(f", or {one}" for one in results[1:])
        missing.append(results[0] + (f" ({others[2:]})" if others else ""))
    if missing:
        shown = ", ".join(cell.strip()[:30] for cell in header[:20])
        raise BadInputError(f"{name} has no column {' and no '.join(missing)}; it has {shown}")
    return columns


def _decision(
    line: int, cells: Mapping[str, str], options: TableOptions, order: DateOrder | None
) -> DecisionLine:
    device_id = cells.get("device_id") or options.device_id
    if not device_id:
        raise _LineError("it names no device (--device names it for all rows)")
    zone: dt.tzinfo | None = None
    if cells.get("time_zone"):
        zone = zone_of(cells["time_zone"])
        if zone is None:
            raise _LineError("its time zone is unknown")
    rules = TimeRules(order=order, zone=zone or options.zone_of_device(device_id))
    (start, _), (end, is_local) = (
        _time(cells.get(key, ""), key, rules) for key in ("start_time", "end_time")
    )
    if end < start and is_local:
        end = _second_time(end, rules)  # it ended after the clocks went back
    if end < start:
        raise _LineError("its end is before its start")
    results = {key: _text(cells[key], key) for key in options.results if cells.get(key)}
    if not results:
        raise _LineError(f"it names no {' or '.join(options.results)}")
    return DecisionLine(line, device_id, start, end, results)


def _time(text: str, key: str, rules: TimeRules) -> tuple[dt.datetime, bool]:
    """A time in UTC, and whether it named no zone."""
    time_us, is_local = read_time(text, rules)
    if time_us is None:
        raise _LineError(f"its {key} is no time, or could be two")
    if not FIRST_US <= time_us < LAST_US:
        raise _LineError(f"its {key} lies before 1900 or after 2200")
    return from_us(time_us), is_local


def _second_time(moment: dt.datetime, rules: TimeRules) -> dt.datetime:
    """The same clock for the second time, where clocks of the table's zone show it twice."""
    clock = moment.astimezone(rules.zone)
    second = clock.replace(fold=1)
    return second.astimezone(dt.UTC) if second.utcoffset() != clock.utcoffset() else moment


def _text(text: str, key: str) -> str:
    if len(text) > LONGEST_CELL or "\0" in text:
        raise _LineError(f"its {key} is longer than {LONGEST_CELL} characters or no text")
    return category_named(text) if key == "category" else text
