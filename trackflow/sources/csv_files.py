"""Reads tables of points: CSV and its relatives with tabs, semicolons or bars.

Blocks are parsed at once by Arrow; only a block with an odd row is read record by record. Both
ways give the same points, so where a block ends changes nothing.
"""

import codecs
from collections.abc import Iterator

import numpy as np
import pyarrow.compute as pc

from trackflow.geo.points import Floats
from trackflow.sources.cells import Strings, numbers
from trackflow.sources.columns import HDOP_UNIT_M, Role, altitude_factor, speed_factor
from trackflow.sources.csv_layout import SAMPLE_ROWS, CsvLayout, decide_layout
from trackflow.sources.csv_rows import (
    LINE_MAX_BYTES,
    Records,
    blocks,
    cells,
    line_too_long,
    records,
)
from trackflow.sources.door import Candidates, Devices, admit
from trackflow.sources.formats import HEAD_BYTES, encoding_of
from trackflow.sources.records import Chunk, PointBatch, Reason, Refusal, clean_raw
from trackflow.sources.streams import Stream
from trackflow.sources.times import times

BLOCK_BYTES = 4 * 2**20
"""About 60,000 rows: enough for Arrow to be fast, little enough to hold many times over."""


def read_csv(
    stream: Stream,
    *,
    device_id: str | None,
    fallback_device: str,
    now_us: int,
    block_bytes: int = BLOCK_BYTES,
) -> Iterator[Chunk]:
    """The points of a table, chunk by chunk.

    Args:
        stream: the table.
        device_id: the device of all rows, whatever they say.
        fallback_device: the device of all rows if the table has no column for it.
        now_us: UTC microseconds; later times than this and a day are refused.
        block_bytes: how much is read at once.

    Raises:
        BadInputError: the header lacks a position or a time, or the file is no table.
    """
    head = stream.peek(HEAD_BYTES)
    # The sample is cut from a head of fixed size: a layout must not depend on the block size.
    sample = _as_utf8(head, encoding_of(head), last=len(head) < HEAD_BYTES)
    layout = decide_layout(_sample_lines(sample), stream.name)
    device = device_id or (None if Role.DEVICE in layout.index else fallback_device)
    reader = _Reader(stream, layout, device, now_us)
    yield from reader.chunks(_utf8_blocks(stream, head, block_bytes))


class _Reader:
    """The state of one file: at which line it is."""

    def __init__(self, stream: Stream, layout: CsvLayout, device: str | None, now_us: int) -> None:
        self.stream = stream
        self.layout = layout
        self.device = device
        self.now_us = now_us
        self.line = 1

    def chunks(self, blocks: Iterator[bytes]) -> Iterator[Chunk]:
        to_skip = self.layout.header_lines
        left: list[bytes] = []
        cut_off: bytes | None = None
        for block in blocks:
            lines = block.split(b"\n")
            last = lines.pop()
            if last and self.stream.damage:
                cut_off = last  # its last number may have lost digits and look right all the same
            elif last:
                lines.append(last)
            skipped = min(to_skip, len(lines))
            to_skip -= skipped
            self.line += skipped
            lines = left + lines[skipped:]
            found = records(lines, self.line, self.layout.separator, final=False)
            left = lines[found.lines_used :]
            yield self._chunk(found)
        if left:
            yield self._chunk(records(left, self.line, self.layout.separator, final=True))
        if self.stream.damage:
            yield self._damaged(cut_off)

    def _chunk(self, found: Records) -> Chunk:
        self.line += found.lines_used
        layout = self.layout
        wanted = sorted({*layout.index.values(), *layout.time_columns})
        table = cells(found, wanted, len(layout.names), layout.separator)

        def describe(row: int) -> tuple[bytes, str]:
            index = row if table.kept is None else table.kept[row]
            return found.rows[index], self._where(found.line_numbers[index])

        candidates = _candidates(table.columns, layout, self.device)
        points, refused = admit(candidates, self.now_us, describe)
        for index in table.ragged:
            raw, where = clean_raw(found.rows[index]), self._where(found.line_numbers[index])
            refused.append(Refusal(Reason.RAGGED_ROW, raw, where, self.device))
        return Chunk(points, refused, self.stream.position())

    def _damaged(self, cut_off: bytes | None) -> Chunk:
        raw = clean_raw(cut_off) if cut_off else self.stream.damage
        refusal = Refusal(Reason.TRUNCATED, raw, self._where(self.line), self.device)
        return Chunk(PointBatch.empty(), [refusal], self.stream.position())

    def _where(self, line: int) -> str:
        return f"{self.stream.name}:{line}"


def _candidates(columns: dict[int, Strings], layout: CsvLayout, device: str | None) -> Candidates:
    index, comma = layout.index, layout.decimal_comma
    moment = columns[layout.time_columns[0]]
    if len(layout.time_columns) == 2:
        moment = pc.binary_join_element_wise(moment, columns[layout.time_columns[1]], " ")
    accuracy = _optional(columns, layout, Role.ACCURACY, 1.0)
    hdop = _optional(columns, layout, Role.HDOP, HDOP_UNIT_M)
    if accuracy is not None and hdop is not None:
        accuracy = np.where(np.isnan(accuracy), hdop, accuracy)
    speed = index.get(Role.SPEED)
    altitude = index.get(Role.ALTITUDE)
    return Candidates(
        Devices.of_column(columns[index[Role.DEVICE]])
        if device is None
        else Devices.all_of(device, len(moment)),
        times(moment, layout.time_form),
        numbers(columns[index[Role.LAT]], decimal_comma=comma, scale=layout.lat_scale),
        numbers(columns[index[Role.LON]], decimal_comma=comma, scale=layout.lon_scale),
        None
        if altitude is None
        else _optional(columns, layout, Role.ALTITUDE, altitude_factor(layout.names[altitude])),
        hdop if accuracy is None else accuracy,
        None
        if speed is None
        else _optional(columns, layout, Role.SPEED, speed_factor(layout.names[speed])),
        _optional(columns, layout, Role.COURSE, 1.0),
    )


def _optional(
    columns: dict[int, Strings], layout: CsvLayout, role: Role, scale: float
) -> Floats | None:
    if role not in layout.index:
        return None
    column = columns[layout.index[role]]
    return numbers(column, decimal_comma=layout.decimal_comma, scale=scale).values


def _sample_lines(head: bytes) -> list[str]:
    lines = head.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    # The last line is cut unless the file ends here; one line alone has to do as it is.
    return lines[: SAMPLE_ROWS + 100] if len(head) < HEAD_BYTES else lines[:-1] or lines


def _utf8_blocks(stream: Stream, head: bytes, block_bytes: int) -> Iterator[bytes]:
    """The stream as UTF-8, with the line ends of Unix or Windows even if an old Mac wrote it."""
    if encoding_of(head) == "utf-16":
        yield from _from_utf16(stream, block_bytes)
        return
    only_cr = b"\r" in head and b"\n" not in head
    first = True
    for block in blocks(stream, block_bytes, cr_ends=only_cr):
        plain = block.removeprefix(codecs.BOM_UTF8) if first else block
        first = False
        yield _mended(plain)


def _from_utf16(stream: Stream, block_bytes: int) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder("utf-16")("replace")
    tail = ""
    while True:
        data = stream.read(block_bytes)
        text = tail + decoder.decode(data, final=not data)
        text = text.replace("\r\n", "\n")
        end = text.rfind("\n") + 1 if data else len(text)
        tail = text[end:]
        if len(tail) > LINE_MAX_BYTES:
            raise line_too_long(stream.name)
        if end:
            yield text[:end].replace("\r", "\n").encode("utf-8", "replace")
        if not data:
            return


def _as_utf8(head: bytes, encoding: str, *, last: bool) -> bytes:
    if encoding == "utf-8":
        return _mended(head.removeprefix(codecs.BOM_UTF8))
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    return decoder.decode(head, final=last).removeprefix("\ufeff").encode("utf-8", "replace")


def _mended(block: bytes) -> bytes:
    """The block with the lines that are no UTF-8 read as Latin-1, as Excel writes them.

    By line, not by block: which lines share a block must change nothing.
    """
    try:
        block.decode("utf-8")
    except UnicodeDecodeError:
        return b"\n".join(_mended_line(line) for line in block.split(b"\n"))
    return block


def _mended_line(line: bytes) -> bytes:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("latin-1").encode("utf-8")
    return line
