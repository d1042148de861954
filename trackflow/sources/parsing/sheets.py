"""Sheets of workbooks and tables of databases: each goes the way of CSV.

Rows become text, so there is one vocabulary of names, units and times for all of them.
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator

from trackflow.errors import BadInputError
from trackflow.sources.containers.streams import DamagedError, Stream
from trackflow.sources.formats.csv import read_csv
from trackflow.sources.options import ReadOptions
from trackflow.sources.parsing.csv_header import two_rowed
from trackflow.sources.records import Chunk, PointBatch, Refusal, RefusalReason, clean_raw
from trackflow.sources.values import columns
from trackflow.sources.values.cells import number
from trackflow.sources.values.counted_times import is_serial
from trackflow.sources.values.elapsed import start_in
from trackflow.sources.values.meanings import meanings
from trackflow.sources.values.trips import score

type Sheet = tuple[str, Callable[[], Iterator[list[str]]]]
"""The name of a sheet, and its rows as text, where DamagedError ends it."""

PIECE_ROWS = 2_000
SHEETS_MAX = 1_000
"""Each takes some milliseconds, also an empty one, of which a small file may have a million."""

COLUMNS_MAX = 500

_TITLE_ROWS_MAX = 50
"""Rows above the header: titles, and who made the report."""

_SCORE_OF_POSITIONS = 200
_WITHOUT_POSITIONS = "sheet without positions"


def read_sheets(
    stream: Stream,
    sheets: Iterable[Sheet],
    devices: tuple[str | None, str],
    now_us: int,
    options: ReadOptions,
    *,
    counts_from_1904: bool = False,
) -> Iterator[Chunk]:
    """The points of sheets, chunk by chunk.

    Args:
        stream: the file.
        sheets: that are in it.
        devices: that of all rows, if any; and that of rows without a column for it, with the
            sheet's name behind it where there are several sheets.
        now_us: UTC microseconds; later times than this and a day are refused.
        options: the person's settings for the file.
        counts_from_1904: whether numbers of days count from 1904 and not from 1899.

    Raises:
        BadInputError: no sheet has a position and a time.
    """
    device_id, fallback_device = devices
    problems: list[BadInputError] = []
    any_read = False
    sheets = list(sheets)
    if len(sheets) > SHEETS_MAX:
        raise BadInputError(
            f"{stream.name}: has more than {SHEETS_MAX:,} sheets or tables; save those that have "
            "positions as CSV"
        )
    for title, rows in sheets:
        shown = f"{stream.name}/{title}" if len(sheets) > 1 else stream.name
        device = f"{fallback_device}-{title}" if len(sheets) > 1 else fallback_device
        table = _since_1899(rows()) if counts_from_1904 else rows()
        text = Stream(shown, _as_csv(table), stream.position, lambda: None)
        try:
            yield from read_csv(
                text,
                device_id=device_id,
                fallback_device=device,
                now_us=now_us,
                options=options,
            )
            any_read = True
        except BadInputError as error:
            problems.append(error)
    broken = [error for error in problems if not isinstance(error, columns.NoPositionsError)]
    if not any_read:
        words = "; ".join(map(str, (broken or problems)[:3]))
        kind = BadInputError if broken else columns.NoPositionsError
        raise kind(words or f"{stream.name}: has no sheet with a table")
    refused = [
        Refusal(RefusalReason.UNREADABLE, clean_raw(str(error)), stream.name, device_id)
        for error in broken
    ]
    skipped = (
        {_WITHOUT_POSITIONS: len(problems) - len(broken)} if len(problems) > len(broken) else {}
    )
    yield Chunk(PointBatch.empty(), refused, stream.position(), skipped=skipped)


def trimmed(cells: list[str]) -> list[str]:
    """The cells of a row without empty ones at their end."""
    while cells and not cells[-1]:
        cells.pop()
    return cells


def _since_1899(rows: Iterator[list[str]]) -> Iterator[list[str]]:
    """The rows of a sheet whose days count from 1904, with those of plain numbers from 1899.

    Which numbers are days is known by the name above them.
    """
    in_days: set[int] = set()
    for row in rows:
        in_days |= {
            index for index, cell in enumerate(row) if not _TIMES.isdisjoint(meanings(cell))
        }
        for index in in_days:
            days = number(row[index]) if index < len(row) else None
            if days is not None and is_serial(days + _DAYS_TO_1904):
                row[index] = repr(days + _DAYS_TO_1904)
        yield row


_TIMES = {columns.Role.TIME, columns.Role.DATE}
_DAYS_TO_1904 = 1_462


def no_further(error: Exception) -> DamagedError:
    """What ends a sheet that is damaged in the middle."""
    return DamagedError(f"the sheet cannot be read further ({type(error).__name__})")


def not_opened(error: Exception, stream: Stream, what: str) -> BadInputError:
    """What is said of a file that is damaged as a whole.

    Args:
        error: the error.
        stream: the file.
        what: what it is, such as "a spreadsheet".
    """
    words = stream.damage or f"{type(error).__name__}: {error}".partition("\n")[0][:200]
    return BadInputError(f"{stream.name}: cannot be read as {what} ({words}); save it as CSV")


def _as_csv(rows: Iterator[list[str]]) -> Iterator[bytes]:
    """The rows of a sheet as CSV, from its header on; a sheet that is damaged ends there."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    problem = ""
    first: list[list[str]] = []
    width = 0
    begins = True
    while True:
        try:
            row = next(rows, None)
        except DamagedError as error:
            problem = str(error)
            row = None
        if row is not None and not width:
            first.append(row)
            width = len(row) if score(row) >= _SCORE_OF_POSITIONS else 0
            if width and (start := start_in([" ".join(title) for title in first])):
                out.write(f"# start: {start}\n")
            first = [row] if width else first
        elif row is not None:
            # the upper row of a header of two has merged cells
            names = two_rowed(first[0], row) if begins and len(first) == 1 else None
            first = [*first, row] if names is None else [names]
            width = width if names is None else len(names)
        if row is None or len(first) >= (PIECE_ROWS if width else _TITLE_ROWS_MAX):
            width = width or max(map(len, first), default=0)
            writer.writerows(row + [""] * (width - len(row)) for row in first)
            yield out.getvalue().encode("utf-8", "replace")
            out.seek(0)
            out.truncate()
            first, begins = [], False
        if row is None:
            break
    if problem:
        raise DamagedError(problem)
