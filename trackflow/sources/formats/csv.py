"""Reads tables of points: CSV and its relatives with tabs, semicolons or bars.

Blocks are parsed at once by Arrow; only a block with an odd row is read record by record. Both
ways give the same points, so where a block ends changes nothing.
"""

from collections.abc import Iterator
from dataclasses import replace

from trackflow.sources.admission import Candidates, Devices, admit
from trackflow.sources.containers.streams import Stream
from trackflow.sources.file_format import FileFormat, Surety
from trackflow.sources.heads import HEAD_BYTES, Head, encoding_of
from trackflow.sources.options import DEFAULTS, ReadOptions
from trackflow.sources.parsing.csv_encodings import as_utf8, utf8_blocks
from trackflow.sources.parsing.csv_headless import headless_of
from trackflow.sources.parsing.csv_layout import SAMPLE_ROWS, CsvLayout, decide_layout
from trackflow.sources.parsing.csv_rows import (
    Records,
    cells,
    records,
)
from trackflow.sources.parsing.csv_values import moments_of, positions_of, times_of, values_of
from trackflow.sources.records import (
    REFUSED_MAX,
    Chunk,
    PointBatch,
    Refusal,
    RefusalReason,
    and_more,
    clean_raw,
)
from trackflow.sources.values.cells import Strings
from trackflow.sources.values.columns import Role
from trackflow.sources.values.times import (
    AmbiguousOrderError,
    DateOrder,
    TimeRules,
    decide_order,
)
from trackflow.sources.values.units import (
    best_accuracy_m,
)

_OF_OTHER_KIND = "message without a position"

BLOCK_BYTES = 4 * 2**20
"""About 60,000 rows: enough for Arrow to be fast, little enough to hold many times over."""


def read_csv(
    stream: Stream,
    *,
    device_id: str | None,
    fallback_device: str,
    now_us: int,
    options: ReadOptions = DEFAULTS,
    block_bytes: int = BLOCK_BYTES,
) -> Iterator[Chunk]:
    """The points of a table, chunk by chunk.

    Args:
        stream: the table.
        device_id: the device of all rows, also where they name another.
        fallback_device: the device of rows that name none.
        now_us: UTC microseconds; later times than this and a day are refused.
        options: the person's settings for the file.
        block_bytes: how much is read at once.

    Raises:
        BadInputError: the header lacks a position or a time, or the file is no table.
    """
    head = stream.peek(HEAD_BYTES)
    # The sample is cut from a head of fixed size: a layout must not depend on the block size.
    sample = as_utf8(head, encoding_of(head), last=len(head) < HEAD_BYTES)
    layout = decide_layout(_sample_lines(sample), stream.name, options.columns)
    rules = replace(options.time_rules, form=layout.form)
    order = _decide_order(stream, layout, _sample_lines(sample), rules, block_bytes)
    reader = _Reader(
        stream,
        layout,
        TimeRules(rules.form, order, layout.zone or rules.zone),
        (device_id, fallback_device),
        now_us,
    )
    yield from reader.chunks(utf8_blocks(stream, head, block_bytes))


def _decide_order(
    stream: Stream, layout: CsvLayout, lines: list[str], rules: TimeRules, block_bytes: int
) -> DateOrder | None:
    """The order of dates by the first rows; by the whole column if those could be either."""
    first = "\n".join(lines[layout.header_lines :]).encode()
    try:
        return decide_order(_moments_in(first, layout), rules, layout.time_name, stream.name)
    except AmbiguousOrderError:
        if stream.again is None:
            raise
    with stream.again() as whole:
        head = whole.peek(HEAD_BYTES)
        found: AmbiguousOrderError | None = None
        for block in utf8_blocks(whole, head, block_bytes):
            try:
                order = decide_order(
                    _moments_in(block, layout), rules, layout.time_name, stream.name
                )
            except AmbiguousOrderError as error:
                found = error
                continue
            if order is not None:
                return order
        if found is not None:
            raise found
    return None


def _moments_in(block: bytes, layout: CsvLayout) -> list[str | None]:
    """The times of the whole rows in a block, as text."""
    lines = block.split(b"\n")
    found = records(lines, 1, layout.separator, final=True)
    table = cells(found, sorted(layout.moment_columns), len(layout.names), layout)
    moments: list[str | None] = moments_of(table.columns, layout).to_pylist()
    return moments


class _Reader:
    """The state of one file: at which line it is."""

    def __init__(
        self,
        stream: Stream,
        layout: CsvLayout,
        rules: TimeRules,
        devices: tuple[str | None, str],
        now_us: int,
    ) -> None:
        self.stream = stream
        self.layout = layout
        self.rules = rules
        self.device, self.fallback = devices
        if self.device is None and Role.DEVICE not in layout.index:
            self.device = self.fallback
        self.now_us = now_us
        self.line = 1
        self.passed_over = 0

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
            lines = left + self._kept(lines[skipped:])
            found = records(lines, self.line, self.layout.separator, final=False)
            left = lines[found.lines_used :]
            yield self._rows(found)
        if left:
            yield self._rows(records(left, self.line, self.layout.separator, final=True))
        if self.stream.damage:
            yield self._damaged(cut_off)
        if self.passed_over:
            skipped_rows = {_OF_OTHER_KIND: self.passed_over}
            yield Chunk(PointBatch.empty(), [], self.stream.position(), skipped=skipped_rows)

    def _kept(self, lines: list[bytes]) -> list[bytes]:
        """The rows among lines of other kinds, which become empty so that rows keep their place."""
        if self.layout.headless is None:
            return lines
        rows = self.layout.headless.rows(lines)
        self.passed_over += rows.count(b"") - lines.count(b"")
        return rows

    def _rows(self, found: Records) -> Chunk:
        """What the rows have; of trips their starts, then their ends."""
        whole = self._chunk(found, self.layout)
        if self.layout.end is not None:
            end = self._chunk(found, self.layout.end)
            known = {refusal.where for refusal in whole.refused}
            both = [*whole.refused, *(r for r in end.refused if r.where not in known)]
            whole = replace(
                whole,
                points=PointBatch.concat((whole.points, end.points)),
                refused=both,
                naive=whole.naive + end.naive,
            )
        self.line += found.lines_used
        return whole

    def _chunk(self, found: Records, layout: CsvLayout) -> Chunk:
        counts = () if layout.count is None else (layout.count.column,)
        wanted = sorted({*layout.index.values(), *layout.moment_columns, *counts})
        table = cells(found, wanted, len(layout.names), layout)

        def describe(row: int) -> tuple[bytes, str]:
            index = row if table.kept is None else table.kept[row]
            return found.rows[index], self._where(found.line_numbers[index])

        candidates = self._candidates(table.columns, layout)
        points, refused = admit(candidates, self.now_us, describe)
        refused += self._ragged(found, table.ragged)
        return Chunk(points, refused, self.stream.position(), candidates.times.naive)

    def _ragged(self, found: Records, rows: list[int]) -> list[Refusal]:
        """A refusal for each row with too few or too many cells, up to a number."""
        refused = []
        for index in rows[: REFUSED_MAX + 1]:
            raw, where = clean_raw(found.rows[index]), self._where(found.line_numbers[index])
            refused.append(Refusal(RefusalReason.RAGGED_ROW, raw, where, self.device))
        if len(rows) > REFUSED_MAX:
            refused[-1] = and_more(refused[-1], len(rows) - REFUSED_MAX)
        return refused

    def _candidates(self, found: dict[int, Strings], layout: CsvLayout) -> Candidates:
        moment = moments_of(found, layout)
        lat, lon, height_m = positions_of(found, layout)
        altitude_m = values_of(found, layout, Role.ALTITUDE)
        return Candidates(
            self._devices(found, len(moment)),
            times_of(found, layout, moment, self.rules),
            lat,
            lon,
            height_m if altitude_m is None else altitude_m,
            best_accuracy_m(
                values_of(found, layout, Role.ACCURACY), values_of(found, layout, Role.HDOP)
            ),
            values_of(found, layout, Role.SPEED),
            values_of(found, layout, Role.COURSE),
        )

    def _devices(self, found: dict[int, Strings], count: int) -> Devices:
        if self.device is not None:
            return Devices.all_of(self.device, count)
        return Devices.of_column(found[self.layout.index[Role.DEVICE]], self.fallback)

    def _damaged(self, cut_off: bytes | None) -> Chunk:
        raw = clean_raw(cut_off) if cut_off else self.stream.damage
        refusal = Refusal(RefusalReason.TRUNCATED, raw, self._where(self.line), self.device)
        return Chunk(PointBatch.empty(), [refusal], self.stream.position())

    def _where(self, line: int) -> str:
        return f"{self.stream.name}:{line}"


def _sample_lines(head: bytes) -> list[str]:
    lines = head.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    # The last line is cut unless the file ends here; one line alone has to do as it is.
    return lines[: SAMPLE_ROWS + 100] if len(head) < HEAD_BYTES else lines[:-1] or lines


_ENDINGS = {".csv", ".tsv", ".tab", ".psv"}
"""Of tables that have no other mark."""


def _recognise(head: Head) -> int | None:
    if head.text[0] in "<{[":
        return None
    is_table = head.ending in _ENDINGS or head.has_header or headless_of(head.lines)
    return Surety.FALLBACK if is_table else None


FORMAT = FileFormat(
    name="csv",
    label="CSV (also TSV)",
    recognise=_recognise,
    read=read_csv,
)
