"""Reads tables of points: CSV and its relatives with tabs, semicolons or bars.

Blocks are parsed at once by Arrow; only a block with an odd row is read record by record. Both
ways give the same points, so where a block ends changes nothing.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pyarrow.compute as pc

from trackflow.geo.points import Bools, Floats
from trackflow.sources.admission import Candidates, Devices, admit
from trackflow.sources.containers.streams import Stream
from trackflow.sources.file_format import FileFormat, Surety
from trackflow.sources.heads import HEAD_BYTES, Head, encoding_of
from trackflow.sources.options import DEFAULTS, ReadOptions
from trackflow.sources.parsing.csv_columns import Count
from trackflow.sources.parsing.csv_encodings import as_utf8, utf8_blocks
from trackflow.sources.parsing.csv_headless import headless_of
from trackflow.sources.parsing.csv_layout import SAMPLE_ROWS, CsvLayout, decide_layout
from trackflow.sources.parsing.csv_rows import (
    Records,
    cells,
    records,
)
from trackflow.sources.records import (
    REFUSED_MAX,
    Chunk,
    PointBatch,
    Refusal,
    RefusalReason,
    and_more,
    clean_raw,
)
from trackflow.sources.rows import time_text
from trackflow.sources.values import columns
from trackflow.sources.values.cells import Numbers, Strings, numbers, strings
from trackflow.sources.values.columns import QUANTITIES, Role
from trackflow.sources.values.date_parts import PARTS, clock_text, day_text, with_rest
from trackflow.sources.values.elapsed import LONGEST_S
from trackflow.sources.values.fields import denies_fix
from trackflow.sources.values.moments import count_before_clock
from trackflow.sources.values.positions import position
from trackflow.sources.values.times import (
    AmbiguousOrderError,
    DateOrder,
    TimeRules,
    Times,
    decide_order,
    times,
    times_in_zones,
)
from trackflow.sources.values.units import (
    Quantity,
    best_accuracy_m,
    factor_of,
    hemisphere,
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
    moments: list[str | None] = _moments(table.columns, layout).to_pylist()
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
        moment = _moments(found, layout)
        lat, lon, height_m = _positions(found, layout)
        altitude_m = _optional(found, layout, Role.ALTITUDE)
        return Candidates(
            self._devices(found, len(moment)),
            _times(found, layout, moment, self.rules),
            lat,
            lon,
            height_m if altitude_m is None else altitude_m,
            best_accuracy_m(
                _optional(found, layout, Role.ACCURACY), _optional(found, layout, Role.HDOP)
            ),
            _optional(found, layout, Role.SPEED),
            _optional(found, layout, Role.COURSE),
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


def _moments(found: dict[int, Strings], layout: CsvLayout) -> Strings:
    """The times as text, a date and a time of day put together."""
    if not PARTS.isdisjoint(layout.index):
        return _moments_of_parts(found, layout)
    if layout.count is not None and layout.count.start:
        return strings([layout.count.start] * len(found[layout.count.column]))
    first = found[layout.time_columns[0]]
    if layout.short_dates:
        first = pc.binary_join_element_wise("20", first, "")
    if len(layout.time_columns) > 1:
        first = pc.binary_join_element_wise(first, found[layout.time_columns[1]], " ")
    if layout.whole_seconds is None:
        return first
    rows = zip(first.to_pylist(), found[layout.whole_seconds].to_pylist(), strict=True)
    return strings([time_text(count_before_clock(clock, count)) for clock, count in rows])


def _moments_of_parts(found: dict[int, Strings], layout: CsvLayout) -> Strings:
    """The times as text, whose parts stand in columns of their own."""
    parts = {role: found[i].to_pylist() for role, i in layout.index.items() if role in PARTS}
    whole = [found[i].to_pylist() for i in layout.time_columns]
    moments: list[str | None] = []
    for row, cells_of_row in enumerate(zip(*whole, strict=True)):
        of_row = {role: column[row] for role, column in parts.items() if column[row] is not None}
        day = day_text(of_row) if Role.YEAR in parts else cells_of_row[0]
        clock = clock_text(of_row) if Role.HOUR in parts else cells_of_row[-1]
        is_whole = None not in cells_of_row
        text = f"{day} {clock}"
        if len(whole) == 1 and Role.HOUR not in parts:
            text = day if Role.YEAR in parts else clock
        moments.append(with_rest(text, of_row) if is_whole else None)
    return strings(moments)


def _times(
    found: dict[int, Strings], layout: CsvLayout, moment: Strings, rules: TimeRules
) -> Times:
    zone = layout.index.get(Role.ZONE)
    read = times(moment, rules) if zone is None else times_in_zones(moment, found[zone], rules)
    if layout.zone is not None:
        read = replace(read, naive=0)
    if layout.count is not None:
        return _counted(read, found[layout.count.column], layout.count)
    return read


def _counted(starts: Times, column: Strings, count: Count) -> Times:
    """The times that a column counts from starts."""
    after = numbers(column)
    bad = ~(after.values >= 0) | ~(after.values * count.unit_s < LONGEST_S)
    after_us = np.where(bad, 0.0, after.values) * count.unit_s * 1e6
    return replace(
        starts,
        time_us=starts.time_us + np.rint(after_us).astype(np.int64),
        missing=starts.missing | after.missing,
        bad=(starts.bad | bad) & ~after.missing,
    )


def _positions(
    found: dict[int, Strings], layout: CsvLayout
) -> tuple[Numbers, Numbers, Floats | None]:
    """Latitudes and longitudes, and the heights that stand in one text with them."""
    index = layout.index
    height_m: Floats | None = None
    if Role.LAT in index and Role.LON in index:
        lat = _coordinates(found, layout, (Role.LAT, Role.NORTH_SOUTH), layout.lat_scale)
        lon = _coordinates(found, layout, (Role.LON, Role.EAST_WEST), layout.lon_scale)
    else:
        role = Role.POSITION if Role.POSITION in index else Role.LON_LAT
        lat, lon, height_m = _pairs(found[index[role]], lon_first=role is Role.LON_LAT)
    if Role.VALID in index:
        invalid = _invalid(found[index[Role.VALID]])
        lat, lon = (Numbers(each.values, each.missing | invalid) for each in (lat, lon))
    return lat, lon, height_m


def _coordinates(
    found: dict[int, Strings], layout: CsvLayout, roles: tuple[Role, Role], scale: float
) -> Numbers:
    role, side = roles
    read = numbers(
        found[layout.index[role]], QUANTITIES[role], scale, decimal_comma=layout.decimal_comma
    )
    if side not in layout.index:
        return read
    letters = found[layout.index[side]].to_pylist()
    written = found[layout.index[role]].to_pylist()
    rows = zip(read.values.tolist(), letters, written, strict=True)
    signed = [hemisphere(value, letter, QUANTITIES[role], text) for value, letter, text in rows]
    return Numbers(np.array(signed, np.float64), read.missing)


def _pairs(column: Strings, *, lon_first: bool) -> tuple[Numbers, Numbers, Floats]:
    """Latitudes, longitudes and heights out of one column that has them all."""
    cells = column.to_pylist()
    found = [None if cell is None else position(cell, lon_first=lon_first) for cell in cells]
    missing: Bools = np.array([cell is None for cell in cells], np.bool_)
    nowhere = (np.nan, np.nan, np.nan)
    each = np.array([nowhere if f is None else f for f in found], np.float64).reshape(-1, 3)
    return Numbers(each[:, 0], missing), Numbers(each[:, 1], missing), each[:, 2]


def _invalid(column: Strings) -> Bools:
    words = pc.dictionary_encode(column, null_encoding="encode")
    bad = [denies_fix(word) for word in words.dictionary.to_pylist()]
    codes = np.asarray(words.indices.to_numpy(zero_copy_only=False))
    return np.array(bad, np.bool_)[codes] if len(codes) else np.zeros(0, np.bool_)


def _optional(found: dict[int, Strings], layout: CsvLayout, role: Role) -> Floats | None:
    if role not in layout.index:
        return None
    column = layout.index[role]
    has_units = role is Role.SPEED and Role.SPEED_UNIT in layout.index
    factor = 1.0 if has_units else columns.factor(role, layout.names[column], layout.names)
    values = numbers(
        found[column], QUANTITIES[role], factor, decimal_comma=layout.decimal_comma
    ).values
    values = columns.without_unknown(values, role, layout.names, factor)
    return values * _speed_units_ms(found[layout.index[Role.SPEED_UNIT]]) if has_units else values


def _speed_units_ms(column: Strings) -> Floats:
    """Metres per second of the unit in each cell; NaN where it is none."""
    words = pc.dictionary_encode(column, null_encoding="encode")
    factors = [factor_of(word or "?", Quantity.SPEED) for word in words.dictionary.to_pylist()]
    known = np.array([np.nan if factor is None else factor for factor in factors], np.float64)
    codes = np.asarray(words.indices.to_numpy(zero_copy_only=False))
    return known[codes] if len(codes) else np.zeros(0)


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
