"""CSV text to rows: whole records out of blocks of bytes, and cells out of records.

A quote that is opened and never closed must cost one row, not the rest of the file, so records
are put together here and the parser only ever sees whole ones.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from trackflow.errors import BadInputError
from trackflow.sources.containers.streams import Stream
from trackflow.sources.parsing.csv_header import split
from trackflow.sources.parsing.csv_layout import KEPT_TEXT, CsvLayout, fitted
from trackflow.sources.values.cells import EMPTY_CELLS, Strings, strings

RECORD_LINES_MAX = 20
"""A note with line breaks in it may be this long; what is longer is an unclosed quote."""

LINE_MAX_BYTES = 1_048_576


@dataclass(frozen=True, slots=True)
class Records:
    """Rows as bytes.

    Attributes:
        rows: one or more lines each.
        line_numbers: of the first line of each row.
        lines_used: how many lines the rows are made of; those after them make no whole row yet.
        data: all rows together, if no row needs special care.
    """

    rows: list[bytes]
    line_numbers: Sequence[int]
    lines_used: int
    data: bytes | None


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells of the good rows, by column index, and what was not a row.

    Attributes:
        columns: text with nulls for empty cells.
        kept: index into the records of each row of `columns`; None if all were kept.
        ragged: index into the records of those with too few or too many cells.
    """

    columns: dict[int, Strings]
    kept: list[int] | None
    ragged: list[int]


def blocks(stream: Stream, block_bytes: int, *, cr_ends: bool = False) -> Iterator[bytes]:
    """The rest of the stream in pieces of whole lines; only the last may lack its line end.

    Args:
        stream: the file.
        block_bytes: how much is read at once.
        cr_ends: lines end with a carriage return alone, as on an old Mac.

    Raises:
        BadInputError: a line is too long for any table.
    """
    tail = b""
    while data := stream.read(block_bytes):
        if cr_ends:
            data = data.replace(b"\r", b"\n")
        end = data.rfind(b"\n") + 1
        if not end:
            tail += data
            if len(tail) > LINE_MAX_BYTES:
                raise line_too_long(stream.name)
            continue
        yield tail + data[:end]
        tail = data[end:]
    if tail:
        yield tail


def line_too_long(name: str) -> BadInputError:
    """The message about a line without end."""
    size = f"{LINE_MAX_BYTES // 2**20} MiB"
    return BadInputError(f"{name}: a line is longer than {size}: this is no table of points")


def records(lines: list[bytes], first_line: int, separator: str, *, final: bool) -> Records:
    """The records that the lines make, without blank ones.

    Args:
        lines: lines of which the first begins a record.
        first_line: its number.
        separator: between cells.
        final: no more lines follow, so an open record will not be closed.
    """
    data = b"\n".join(lines)
    if b'"' not in data or not any(line.count(b'"') & 1 for line in lines):
        if all(map(bytes.strip, lines)):  # a generator would take a tenth of the reading
            numbers: Sequence[int] = range(first_line, first_line + len(lines))
            return Records(lines, numbers, len(lines), data)
        kept = [i for i, line in enumerate(lines) if line.strip()]
        numbers = [first_line + i for i in kept]
        rows = [lines[i] for i in kept]
        return Records(rows, numbers, len(lines), b"\n".join(rows))
    rows = []
    line_numbers: list[int] = []
    at = 0
    while at < len(lines):
        length = _record_length(lines, at, separator)
        if length is None and not final:
            break
        row = b"\n".join(lines[at : at + (length or 1)])
        if row.strip():
            rows.append(row)
            line_numbers.append(first_line + at)
        at += length or 1
    return Records(rows, line_numbers, at, None)


def cells(found: Records, wanted: Sequence[int], width: int, layout: CsvLayout) -> Cells:
    """The wanted columns of the records, as text.

    Args:
        found: the records.
        wanted: the columns.
        width: how many there are.
        layout: of the table.
    """
    read = _cells(found, wanted, width, layout)
    if not layout.keeps_text:
        return read
    return replace(read, columns={i: _bare(column) for i, column in read.columns.items()})


def _bare(column: Strings) -> Strings:
    """A column as `bare` reads each cell of it."""
    return pc.replace_substring_regex(column, KEPT_TEXT, r"\2")


def _cells(found: Records, wanted: Sequence[int], width: int, layout: CsvLayout) -> Cells:
    separator = layout.separator
    if found.data is not None:
        fast = _cells_at_once(found.data, len(found.rows), wanted, width, separator)
        if fast is not None and not (fast.ragged and layout.loose is not None):
            return fast
    kept: list[int] = []
    ragged: list[int] = []
    table: list[list[str]] = []
    for index, row in enumerate(found.rows):
        split_row = _split_record(row.decode("utf-8"), separator)
        values = fitted(split_row, width, separator, layout.loose) if split_row else None
        if values is None:
            ragged.append(index)
        else:
            kept.append(index)
            table.append(values)
    columns = {i: strings([row[i] for row in table]) for i in wanted}
    return Cells(columns, kept if ragged else None, ragged)


def _cells_at_once(
    data: bytes, count: int, wanted: Sequence[int], width: int, separator: str
) -> Cells | None:
    """Arrow's parser; None where it sees other rows than we do (a carriage return in a row)."""
    ragged: list[int] = []

    def skip(row: pa_csv.InvalidRow) -> str:
        ragged.append(row.number - 1)
        return "skip"

    names = [str(i) for i in range(width)]
    used = [str(i) for i in wanted]
    try:
        table = pa_csv.read_csv(
            pa.BufferReader(data),
            read_options=pa_csv.ReadOptions(
                use_threads=False, block_size=len(data) + 1, column_names=names
            ),
            parse_options=pa_csv.ParseOptions(
                delimiter=separator, invalid_row_handler=skip, newlines_in_values=False
            ),
            convert_options=pa_csv.ConvertOptions(
                include_columns=used,
                column_types=dict.fromkeys(used, pa.string()),
                strings_can_be_null=True,
                null_values=list(EMPTY_CELLS),
                check_utf8=False,  # checked, and mended, before
            ),
        )
    except pa.ArrowInvalid:
        return None
    if table.num_rows + len(ragged) != count:
        return None
    columns = {i: table.column(str(i)).combine_chunks() for i in wanted}
    if not ragged:
        return Cells(columns, None, [])
    bad = set(ragged)
    return Cells(columns, [i for i in range(count) if i not in bad], ragged)


def _split_record(text: str, separator: str) -> list[str] | None:
    if "\n" not in text:
        return split(text, separator)
    try:
        rows = list(csv.reader(text.splitlines(keepends=True), delimiter=separator))
    except csv.Error:
        return None
    return rows[0] if len(rows) == 1 else None


def _record_length(lines: list[bytes], at: int, separator: str) -> int | None:
    """How many lines the record that begins at `at` has; None if that cannot be seen yet."""
    if not lines[at].count(b'"') & 1:
        return 1
    if not _leaves_open(lines[at].decode("utf-8", "replace"), separator):
        return 1
    for length in range(2, RECORD_LINES_MAX + 1):
        if at + length > len(lines):
            return None
        if lines[at + length - 1].count(b'"') & 1:
            return length
    return 1


def _leaves_open(line: str, separator: str) -> bool:
    """Whether a line ends inside a quoted cell. A quote in the middle of a cell is only a quote."""
    inside = False
    cell_begins = True
    at = 0
    while at < len(line):
        character = line[at]
        if inside:
            if character == '"' and line[at + 1 : at + 2] == '"':
                at += 1
            elif character == '"':
                inside = False
        elif character == '"' and cell_begins:
            inside = True
        cell_begins = not inside and character == separator
        at += 1
    return inside
