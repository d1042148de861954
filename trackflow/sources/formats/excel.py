"""Reads Excel workbooks (.xlsx): each sheet that has a table of points.

Cells become text, row by row, and go the way of CSV: so there is one vocabulary of names, units
and times for both. Cells that are dates to Excel stay so, in any display format.
"""

import datetime as dt
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from functools import partial
from typing import IO, Any

from trackflow.errors import BadInputError
from trackflow.sources.containers.spooling import seekable
from trackflow.sources.containers.streams import Stream
from trackflow.sources.file_format import FileFormat
from trackflow.sources.heads import Head
from trackflow.sources.options import DEFAULTS, ReadOptions
from trackflow.sources.parsing.sheets import (
    COLUMNS_MAX,
    no_further,
    not_opened,
    read_sheets,
    trimmed,
)
from trackflow.sources.records import Chunk

SHARED_TEXTS_MAX_BYTES = 128 * 2**20
"""Texts of all cells lie in one part of the file, which is read into memory whole."""

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
    with seekable(stream) as file:
        workbook = _opened(file, stream)
        try:
            sheets = [(title, partial(_rows, workbook[title])) for title in workbook.sheetnames]
            yield from read_sheets(
                stream,
                sheets,
                (device_id, fallback_device),
                now_us,
                options,
                counts_from_1904=workbook.epoch.year > _FIRST_EPOCH,
            )
        finally:
            workbook.close()


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
        raise not_opened(error, stream, "an Excel workbook") from None


_FIRST_EPOCH = 1900


def _rows(sheet: Any) -> Iterator[list[str]]:
    """The rows of a sheet as text, without empty cells at their ends; a chart has none."""
    empty = 0
    rows = sheet.iter_rows(max_col=COLUMNS_MAX) if hasattr(sheet, "iter_rows") else iter(())
    while True:
        try:
            row = next(rows, None)
            cells = None if row is None else trimmed([_text(cell) for cell in row])
        except _MALFORMED as error:
            raise no_further(error) from None
        if cells is None:
            return
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
