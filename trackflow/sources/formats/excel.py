"""Reads Excel workbooks (.xlsx): each sheet that has a table of points.

Cells become text, row by row, and go the way of CSV: so there is one vocabulary of names, units
and times for both. Cells that are dates to Excel stay so, in any display format.
"""

import csv
import datetime as dt
import io
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO, Any

from trackflow.errors import BadInputError
from trackflow.sources.containers.spooling import seekable
from trackflow.sources.containers.streams import DamagedError, Stream
from trackflow.sources.file_format import FileFormat
from trackflow.sources.formats.csv import read_csv
from trackflow.sources.heads import Head
from trackflow.sources.options import DEFAULTS, ReadOptions
from trackflow.sources.parsing.csv_header import two_rowed
from trackflow.sources.records import Chunk, PointBatch, Refusal, RefusalReason, clean_raw
from trackflow.sources.values import columns
from trackflow.sources.values.elapsed import start_in
from trackflow.sources.values.trips import score

PIECE_ROWS = 2_000
SHARED_TEXTS_MAX_BYTES = 128 * 2**20
"""Texts of all cells lie in one part of the file, which is read into memory whole."""

COLUMNS_MAX = 500
_TITLE_ROWS_MAX = 50
"""Rows above the header: titles, and who made the report."""

_SCORE_OF_POSITIONS = 200
_WITHOUT_POSITIONS = "sheet without positions"
_SHARED_TEXTS = "xl/sharedStrings.xml"
_EMPTY_ROWS_MAX = 100_000
"""A sheet may claim a million rows of which none has a value."""

_MALFORMED = (
    ArithmeticError, AttributeError, EOFError, LookupError, OSError, RuntimeError,
    SyntaxError, TypeError, ValueError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""What the library raises on parts that are not as it expects; XML that is none: SyntaxError."""


def read_excel(
    stream: Stream,
    *,
    device_id: str | None,
    fallback_device: str,
    now_us: int,
    options: ReadOptions = DEFAULTS,
) -> Iterator[Chunk]:
    """The points of a workbook, chunk by chunk.

    Args:
        stream: the file.
        device_id: the device of all rows, also where they name another.
        fallback_device: the device of rows without a column for it, with the sheet's name behind
            it where there are several sheets.
        now_us: UTC microseconds; later times than this and a day are refused.
        options: the person's settings for the file.

    Raises:
        BadInputError: it is damaged, or no sheet has a position and a time.
    """
    problems: list[BadInputError] = []
    any_read = False
    with seekable(stream) as file:
        workbook = _opened(file, stream)
        try:
            titles = workbook.sheetnames
            for title in titles:
                shown = f"{stream.name}/{title}" if len(titles) > 1 else stream.name
                device = f"{fallback_device}-{title}" if len(titles) > 1 else fallback_device
                text = Stream(shown, _as_csv(workbook[title]), stream.position, lambda: None)
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
        finally:
            workbook.close()
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


def _opened(file: IO[bytes], stream: Stream) -> Any:
    import openpyxl  # a quarter of a second that other formats do not wait for

    try:
        with zipfile.ZipFile(file) as archive:
            sizes = {info.filename: info.file_size for info in archive.infolist()}
        if sizes.get(_SHARED_TEXTS, 0) > SHARED_TEXTS_MAX_BYTES:
            raise BadInputError(f"{stream.name}: has too much text in its cells; save it as CSV")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and extensions that nothing here needs
            return openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
    except _MALFORMED as error:
        words = stream.damage or f"{type(error).__name__}: {error}".partition("\n")[0][:200]
        raise BadInputError(
            f"{stream.name}: cannot be read as an Excel workbook ({words}); save it as CSV"
        ) from None


def _as_csv(sheet: Any) -> Iterator[bytes]:
    """The rows of a sheet as CSV, from its header on; a sheet that is damaged ends there."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    rows = _rows(sheet)
    problem = ""
    first: list[list[str]] = []
    width = 0
    begins = True
    while True:
        try:
            row = next(rows, None)
        except _MALFORMED as error:
            problem = f"the sheet cannot be read further ({type(error).__name__})"
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


def _rows(sheet: Any) -> Iterator[list[str]]:
    """The rows of a sheet as text, without empty cells at their ends; a chart has none."""
    empty = 0
    for row in sheet.iter_rows(max_col=COLUMNS_MAX) if hasattr(sheet, "iter_rows") else ():
        cells = [_text(cell) for cell in row]
        while cells and not cells[-1]:
            cells.pop()
        empty = 0 if cells else empty + 1
        if empty > _EMPTY_ROWS_MAX:
            return
        if cells:
            yield cells


def _text(cell: Any) -> str:
    """A cell as a table of text would have it: dates and times in the ISO way."""
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, dt.datetime):
        is_day = value.time() == dt.time() and "h" not in str(cell.number_format).lower()
        return value.date().isoformat() if is_day else value.isoformat(" ")
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, dt.timedelta):
        minutes, seconds = divmod(round(value.total_seconds()), 60)
        return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def _recognise(_: Head) -> None:
    """A workbook is known by the members of its zip."""


FORMAT = FileFormat(
    name="excel",
    label="Excel",
    recognise=_recognise,
    read=read_excel,
    is_binary=True,
    documents=("xl/workbook.xml",),
)
