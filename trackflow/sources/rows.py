"""Rows that a reader of records collects one by one, and the chunks that they become.

For formats whose points are scattered over nested records; tables have columns from the start.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from trackflow.sources.cells import Numbers, strings
from trackflow.sources.door import Candidates, Devices, admit
from trackflow.sources.options import DEFAULTS, ReadOptions
from trackflow.sources.phones.fixes import dumped
from trackflow.sources.records import Chunk, PointBatch, Reason, Refusal, clean_raw
from trackflow.sources.streams import Stream
from trackflow.sources.times import TimeRules, Times, read_time, times
from trackflow.sources.units import Quantity, best_accuracy_m, decimal_commas

CHUNK_POINTS = 50_000


class Moment(int):
    """A time that a reader has worked out itself, in UTC microseconds."""


BAD_TIME = "no time"
"""Stands for a time that is there and cannot be read."""


class Row(NamedTuple):
    """A position that claims to be one, before the door.

    Attributes:
        raw: what to keep of it if it is refused; texts and numbers.
        time: as the file has it: text, a number, nothing, or UTC microseconds as a `Moment`.
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


class Collector[R]:
    """Takes rows of any kind and refusals, and hands out chunks.

    Attributes:
        refused: what was refused since the last chunk, apart from the rows.
        name: the file, as people know it.
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
        self._places: list[str] = []
        self._stream = stream
        self._device_id = device_id
        self._now_us = now_us
        self._candidates = candidates

    def __len__(self) -> int:
        return len(self._rows) + len(self.refused)

    def add(self, row: R, place: str) -> None:
        """A position, good or not: the door decides. `place` is such as "element 7"."""
        self.any_found = True
        self._rows.append(row)
        self._places.append(place)

    def add_all(self, rows: Sequence[R], places: Sequence[str]) -> None:
        """Positions that follow one another, with the place of each."""
        self.any_found = self.any_found or bool(rows)
        self._rows += rows
        self._places += places

    def refuse(self, reason: Reason, raw: object, place: str) -> None:
        """One refusal for something that is no position, or for several without a time."""
        self.refused.append(Refusal(reason, clean_raw(shown(raw)), self._where(place)))

    def end(self, place: str) -> None:
        """The end of the file: says so if it came too early."""
        if self._stream.damage and not any(r.reason is Reason.TRUNCATED for r in self.refused):
            self.refuse(Reason.TRUNCATED, self._stream.damage, place)

    def chunk(self) -> Chunk:
        """The rows so far, at the door."""
        rows, places, refused = self._rows, self._places, self.refused
        self._rows, self._places, self.refused = [], [], []
        skipped, self.skipped = self.skipped, Counter()
        if not rows:
            return Chunk(PointBatch.empty(), refused, self._stream.position(), skipped=skipped)

        def describe(index: int) -> tuple[str, str]:
            row = rows[index]
            return shown(row.raw if isinstance(row, Row) else row), self._where(places[index])

        candidates = self._candidates(rows)
        accepted, at_the_door = admit(candidates, self._now_us, describe)
        naive = candidates.times.naive
        return Chunk(accepted, at_the_door + refused, self._stream.position(), naive, skipped)

    def _where(self, place: str) -> str:
        return f"{self.name}: {place}" if place else self.name


def row_collector(
    stream: Stream,
    device_id: str | None,
    fallback_device: str,
    now_us: int,
    options: ReadOptions = DEFAULTS,
) -> Collector[Row]:
    """A collector of rows.

    Args:
        stream: the file.
        device_id: the device of all rows, whatever they say.
        fallback_device: the device of rows that name none.
        now_us: UTC microseconds.
        options: what a person said about the file.
    """
    rules = options.time_rules

    def devices(names: Sequence[str | None]) -> Devices:
        if device_id is not None:
            return Devices.all_of(device_id, len(names))
        if not any(names):
            return Devices.all_of(fallback_device, len(names))
        return Devices.of_names([(name or "").strip() or fallback_device for name in names])

    def candidates(rows: list[Row]) -> Candidates:
        columns = list(zip(*rows, strict=True))
        _, moments, lon, lat, altitude_m, accuracy_m, hdop, speed_ms, course_deg, names = columns
        commas = decimal_commas(lat, lon)

        def measured(cells: Sequence[object], quantity: Quantity) -> Numbers:
            return Numbers.of_objects(cells, quantity, commas)

        return Candidates(
            devices(names),
            times_of(moments, rules),
            measured(lat, Quantity.LATITUDE),
            measured(lon, Quantity.LONGITUDE),
            measured(altitude_m, Quantity.LENGTH).values,
            best_accuracy_m(
                measured(accuracy_m, Quantity.LENGTH).values, measured(hdop, Quantity.RATIO).values
            ),
            measured(speed_ms, Quantity.SPEED).values,
            measured(course_deg, Quantity.ANGLE).values,
        )

    return Collector(stream, device_id, now_us, candidates)


def moment_us(value: object, rules: TimeRules) -> int | None:
    """A time as UTC microseconds, None if it is missing or none."""
    if isinstance(value, Moment):
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
    if not any(isinstance(moment, Moment) for moment in moments):
        return times(strings([time_text(moment) for moment in moments]), rules)
    texts = [None if isinstance(m, Moment) else time_text(m) for m in moments]
    found = times(strings(texts), rules)
    for row, moment in enumerate(moments):
        if isinstance(moment, Moment):
            # the largest that a 64-bit count holds is out of range for the door all the same
            found.time_us[row] = min(max(moment, -(2**62)), 2**62)
            found.missing[row] = found.bad[row] = False
    return found
