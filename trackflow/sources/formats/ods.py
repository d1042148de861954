"""Reads OpenDocument spreadsheets (.ods): each sheet that has a table of points.

Cells that are dates, times or numbers are taken from their values, whatever they show.
"""

import io
import re
import xml.etree.ElementTree as ET
import zipfile
import zlib
from collections.abc import Iterator
from functools import partial
from typing import IO

from trackflow.sources.containers.spooling import seekable
from trackflow.sources.containers.streams import DamagedError, Stream, check_archive
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

_CONTENT = "content.xml"
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_ROW = f"{_TABLE}table-row"
_CLOCK = re.compile(r"PT(\d+)H(\d+)M([\d.,]+)S")
_MALFORMED = (
    EOFError, KeyError, NotImplementedError, OSError, RuntimeError, SyntaxError, ValueError,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""What a part raises that is not as it should be; XML that is none: SyntaxError."""


def read_ods(
    stream: Stream,
    *,
    device_id: str | None,
    fallback_device: str,
    now_us: int,
    options: ReadOptions = DEFAULTS,
) -> Iterator[Chunk]:
    """The points of a spreadsheet, chunk by chunk.

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
        try:
            archive = zipfile.ZipFile(file)
            check_archive(archive, file.seek(0, io.SEEK_END), stream.name)
            titles, first_day = _titles(archive)
        except (*_MALFORMED, DamagedError) as error:
            raise not_opened(error, stream, "a spreadsheet") from None
        content = _Content(archive)
        sheets = [(title, partial(content.rows, at)) for at, title in enumerate(titles)]
        yield from read_sheets(
            stream,
            sheets,
            (device_id, fallback_device),
            now_us,
            options,
            counts_from_1904=first_day.startswith("1904"),
        )


def _titles(archive: zipfile.ZipFile) -> tuple[list[str], str]:
    """The names of the sheets as far as the content can be read, and the day that is 0."""
    titles: list[str] = []
    first_day = ""
    try:
        with archive.open(_CONTENT) as content:
            for element in _elements(content, "table", "null-date"):
                if element.tag == f"{_TABLE}null-date":
                    first_day = element.get(f"{_TABLE}date-value", "")
                else:
                    titles.append(element.get(f"{_TABLE}name", ""))
    except SyntaxError:
        if not titles:
            raise
    return titles, first_day


class _Content:
    """The sheets of a spreadsheet, which lie behind one another in one part and are read once."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._elements = _elements(archive.open(_CONTENT), "table", "table-row")
        self._sheet = 0

    def rows(self, wanted: int) -> Iterator[list[str]]:
        """The rows of a sheet as text, without empty cells at their ends; sheets in their order."""
        try:
            for element in self._elements:
                if element.tag == _ROW:
                    if self._sheet == wanted and (cells := _cells(element)):
                        yield cells
                    continue
                self._sheet += 1
                if self._sheet > wanted:
                    return
        except _MALFORMED as error:
            raise no_further(error) from None


def _elements(content: IO[bytes], *names: str) -> Iterator[ET.Element]:
    """Elements as they end; what was read before is forgotten."""
    tags = {f"{_TABLE}{name}" for name in names}
    parser = ET.iterparse(content, ("start", "end"))  # noqa: S314  expat refuses bombs
    parents: list[ET.Element] = []
    row: ET.Element | None = None
    for event, element in parser:
        if event == "start":
            parents.append(element)
            row = element if row is None and element.tag == _ROW else row
            continue
        parents.pop()
        if element.tag in tags:
            yield element
        row = None if row is element else row
        if row is None and parents:
            del parents[-1][:]


def _cells(row: ET.Element) -> list[str]:
    cells: list[str] = []
    for cell in row:
        if cell.tag not in (f"{_TABLE}table-cell", f"{_TABLE}covered-table-cell"):
            continue
        times = cell.get(f"{_TABLE}number-columns-repeated", "1")
        count = int(times) if times.isdecimal() else 1
        cells += [_text(cell)] * min(count, COLUMNS_MAX - len(cells))
    return trimmed(cells)


def _text(cell: ET.Element) -> str:
    """The value of a cell; a time of day is written as a duration, and a text is what it shows."""
    value = cell.get(f"{_OFFICE}date-value") or cell.get(f"{_OFFICE}value")
    if value is not None:
        return value.replace("T", " ")
    if (time := cell.get(f"{_OFFICE}time-value")) is not None:
        clock = _CLOCK.fullmatch(time)
        return time if clock is None else ":".join(clock.groups()).replace(",", ".")
    return "".join(cell.itertext()).strip()


def _recognise(_: Head) -> None:
    """A spreadsheet is known by the members of its zip."""


FORMAT = FileFormat(
    name="ods",
    label="OpenDocument",
    recognise=_recognise,
    read=read_ods,
    is_binary=True,
    documents=("META-INF/manifest.xml",),
)
