"""Rows that a reader of records collects one by one, and the chunks that they become.

For formats whose points are scattered over nested records; tables have columns from the start.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple, cast

import numpy as np

from trackflow.sources.admission import Candidates, Describe, Devices, admit
from trackflow.sources.containers.streams import Stream
from trackflow.sources.devices.fixes import dumped
from trackflow.sources.options import DEFAULTS, ReadOptions
from trackflow.sources.records import Chunk, PointBatch, Refusal, RefusalReason, clean_raw
from trackflow.sources.values.cells import Numbers, strings
from trackflow.sources.values.times import TimeRules, Times, order_of, read_time, times
from trackflow.sources.values.units import Quantity, best_accuracy_m, decimal_commas

CHUNK_POINTS = 50_000


class ResolvedTime(int):
    """A time that a reader has worked out itself, in UTC microseconds."""


BAD_TIME = "no time"
"""Stands for a time that is there and cannot be read."""


class PositionRow(NamedTuple):
    """A row that should be a position, before admission.

    Attributes:
        raw: what to keep of it if it is refused; texts and numbers.
        time: as the file has it: text, a number, nothing, or UTC microseconds as a `ResolvedTime`.
        lon: degrees, as the file has it: a number, text or nothing.
        lat: degrees, likewise.
        altitude_m: metres, likewise, as are those that follow.
        accuracy_m: metres.
        hdop: stands in for an accuracy that is not known.
        speed_ms: metres per second.
        course_deg: degrees clockwise from north.
        device_id: the device that the file names for this point, if it names one.
    """

    raw: object
    time: object
    lon: object
    lat: object
    altitude_m: object = None
    accuracy_m: object = None
    hdop: object = None
    speed_ms: object = None
    course_deg: object = None
    device_id: str | None = None


class Columns(NamedTuple):
    """Positions that follow one another, by column; None where no row has that.

    Attributes:
        size: how many.
        raw: what to keep of a row if it is refused.
        locator: where a row lies, such as "line 7".
        time: of each, as a `PositionRow` has it, as are those that follow.
        lon: degrees.
        lat: degrees.
        altitude_m: metres.
        accuracy_m: metres.
        hdop: stands in for an accuracy.
        speed_ms: metres per second.
        course_deg: degrees clockwise from north.
        device_id: the device that the file names.
    """

    size: int
    raw: Callable[[int], object]
    locator: Callable[[int], str]
    time: Sequence[object] | None
    lon: Sequence[object] | None
    lat: Sequence[object] | None
    altitude_m: Sequence[object] | None = None
    accuracy_m: Sequence[object] | None = None
    hdop: Sequence[object] | None = None
    speed_ms: Sequence[object] | None = None
    course_deg: Sequence[object] | None = None
    device_id: Sequence[str | None] | None = None


_FIRST_COLUMN = 3


class Collector[R]:
    """Takes rows of any kind and refusals, and hands out chunks.

    Attributes:
        refused: what was refused since the last chunk, apart from the rows.
        name: of the file, as shown to people.
        any_found: whether there was any row.
        skipped: what was passed over on purpose since the last chunk.
    """

    def __init__(
        self,
        stream: Stream,
        device_id: str | None,
        now_us: int,
        candidates: Callable[[list[R]], Candidates],
    ) -> None:
        self.refused: list[Refusal] = []
        self.name = stream.name
        self.any_found = False
        self.skipped: Counter[str] = Counter()
        self._rows: list[R] = []
        self._locators: list[str] = []
        self._stream = stream
        self._device_id = device_id
        self._now_us = now_us
        self._candidates = candidates

    def __len__(self) -> int:
        return len(self._rows) + len(self.refused)

    def add(self, row: R, locator: str) -> None:
        """A position, good or not: admission decides. `locator` is such as "element 7"."""
        self.any_found = True
        self._rows.append(row)
        self._locators.append(locator)

    def refuse(self, reason: RefusalReason, raw: object, locator: str) -> None:
        """One refusal for something that is no position, or for several without a time."""
        self.refused.append(Refusal(reason, clean_raw(shown(raw)), self._where(locator)))

    def end(self, locator: str) -> None:
        """The end of the file; a refusal is added if the data ended too early."""
        if self._stream.damage and not any(
            r.reason is RefusalReason.TRUNCATED for r in self.refused
        ):
            self.refuse(RefusalReason.TRUNCATED, self._stream.damage, locator)

    def chunk(self) -> Chunk:
        """The rows so far, after admission."""
        refused, self.refused = self.refused, []
        skipped, self.skipped = self.skipped, Counter()
        candidates, describe = self._taken()
        if candidates is None:
            return Chunk(PointBatch.empty(), refused, self._stream.position(), skipped=skipped)
        accepted, refused_now = admit(candidates, self._now_us, describe)
        naive = candidates.times.naive
        return Chunk(accepted, refused_now + refused, self._stream.position(), naive, skipped)

    def _taken(self) -> tuple[Candidates | None, Describe]:
        """The rows since the last chunk, which are forgotten, and how each is shown."""
        rows, locators = self._rows, self._locators
        self._rows, self._locators = [], []

        def describe(index: int) -> tuple[str, str]:
            return shown(rows[index]), self._where(locators[index])

        return self._candidates(rows) if rows else None, describe

    def _where(self, locator: str) -> str:
        return f"{self.name}: {locator}" if locator else self.name


class RowCollector(Collector[PositionRow]):
    """Takes rows one by one and by columns."""

    def __init__(
        self,
        stream: Stream,
        device_id: str | None,
        fallback_device: str,
        now_us: int,
        options: ReadOptions = DEFAULTS,
    ) -> None:
        """A collector of rows.

        Args:
            stream: the file.
            device_id: the device of all rows, also where they name another.
            fallback_device: the device of rows that name none.
            now_us: UTC microseconds.
            options: the person's settings for the file.
        """
        super().__init__(stream, device_id, now_us, self._of_rows)
        self._rules = options.time_rules
        self._fallback_device = fallback_device
        self._is_decided = False
        self._parts: list[Columns] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count + super().__len__()

    def add_columns(self, columns: Columns) -> None:
        """Positions that follow one another."""
        if not columns.size:
            return
        self.any_found = True
        self._end_single_rows()
        self._parts.append(columns)
        self._count += columns.size

    def _end_single_rows(self) -> None:
        rows, locators = self._rows, self._locators
        if rows:
            self._rows, self._locators = [], []
            self._parts.append(_by_column(rows, locators))
            self._count += len(rows)

    def _taken(self) -> tuple[Candidates | None, Describe]:
        self._end_single_rows()
        parts, self._parts, self._count = self._parts, [], 0

        def describe(index: int) -> tuple[str, str]:
            for part in parts:
                if index < part.size:
                    return shown(part.raw(index)), self._where(part.locator(index))
                index -= part.size
            raise IndexError(index)

        return self._of_parts(parts) if parts else None, describe

    def _of_rows(self, rows: list[PositionRow]) -> Candidates:
        return self._of_parts([_by_column(rows, [""] * len(rows))])

    def _of_parts(self, parts: list[Columns]) -> Candidates:
        def column(index: int) -> list[object]:
            found: list[object] = []
            for part in parts:
                cells = cast(Sequence[object] | None, part[_FIRST_COLUMN + index])
                found += [None] * part.size if cells is None else cells
            return found

        moments, lon, lat, altitude_m, accuracy_m, hdop, speed_ms, course_deg, names = map(
            column, range(len(Columns._fields) - _FIRST_COLUMN)
        )
        if not self._is_decided:
            self._is_decided = True
            self._rules = self._decided(moments)
        commas = decimal_commas(lat, lon)

        def measured(cells: Sequence[object], quantity: Quantity) -> Numbers:
            return Numbers.of_objects(cells, quantity, commas)

        return Candidates(
            self._devices(names),
            times_of(moments, self._rules),
            measured(lat, Quantity.LATITUDE),
            measured(lon, Quantity.LONGITUDE),
            measured(altitude_m, Quantity.LENGTH).values,
            best_accuracy_m(
                measured(accuracy_m, Quantity.LENGTH).values, measured(hdop, Quantity.RATIO).values
            ),
            measured(speed_ms, Quantity.SPEED).values,
            measured(course_deg, Quantity.ANGLE).values,
        )

    def _decided(self, moments: Sequence[object]) -> TimeRules:
        """The rules with the order of day and month, by all times of the first chunk."""
        rules = self._rules
        # dates of ISO 8601, which nearly all are, need no closer look
        texts = (text for text in moments if type(text) is str and text[4:5] != "-")
        order = rules.order or order_of(texts, f"{self.name}: its dates")
        return TimeRules(rules.form, order, rules.zone)

    def _devices(self, names: Sequence[object]) -> Devices:
        if self._device_id is not None:
            return Devices.all_of(self._device_id, len(names))
        if not any(names):
            return Devices.all_of(self._fallback_device, len(names))
        texts = [name if isinstance(name, str) else "" for name in names]
        return Devices.of_names([name.strip() or self._fallback_device for name in texts])


def _by_column(rows: list[PositionRow], locators: list[str]) -> Columns:
    raw, *columns = zip(*rows, strict=True)
    return Columns(len(rows), raw.__getitem__, locators.__getitem__, *columns)


def moment_us(value: object, rules: TimeRules) -> int | None:
    """A time as UTC microseconds, None if it is missing or none."""
    if isinstance(value, ResolvedTime):
        return int(value)
    text = time_text(value)
    return None if text is None else read_time(text, rules)[0]


def time_text(value: object) -> str | None:
    """A value as the text of a time; None for nothing. What can be no time stays unreadable."""
    if value is None:
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return BAD_TIME
    if isinstance(value, int) and abs(value) > 10**18 * 9:
        return BAD_TIME  # also too long a number to be written as text
    return repr(value)


def shown(raw: object) -> str:
    """A value as text for the quarantine."""
    return raw if isinstance(raw, str) else dumped(raw)


def times_of(moments: Sequence[object], rules: TimeRules) -> Times:
    """A column of what rows have as times."""
    kinds = set(map(type, moments))
    if ResolvedTime not in kinds:
        if not kinds <= {str, type(None)}:
            moments = [time_text(moment) for moment in moments]
        return times(strings(cast(Sequence[str | None], moments)), rules)
    if kinds == {ResolvedTime}:
        with suppress(OverflowError):  # a moment beyond 64 bits
            none = np.zeros(len(moments), np.bool_)
            time_us = np.clip(np.array(moments, np.int64), -(2**62), 2**62)
            return Times(time_us, none, none.copy())
    texts = [None if isinstance(m, ResolvedTime) else time_text(m) for m in moments]
    found = times(strings(texts), rules)
    for row, moment in enumerate(moments):
        if isinstance(moment, ResolvedTime):
            # the largest that a 64-bit count holds is out of range for admission all the same
            found.time_us[row] = min(max(moment, -(2**62)), 2**62)
            found.missing[row] = found.bad[row] = False
    return found
