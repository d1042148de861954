"""Rows that a reader of records collects one by one, and the chunks that they become.

For formats whose points are scattered over nested records; tables have columns from the start.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from trackflow.sources.cells import Numbers
from trackflow.sources.door import Candidates, Devices, admit
from trackflow.sources.phones.fixes import dumped
from trackflow.sources.records import Chunk, PointBatch, Reason, Refusal, clean_raw
from trackflow.sources.streams import Stream
from trackflow.sources.times import TimeForm, Times, parse_time

CHUNK_POINTS = 50_000

BAD_TIME = -(2**62)
"""Stands for a time that is there and cannot be read."""


class Row(NamedTuple):
    """A position that claims to be one, before the door.

    Attributes:
        raw: what to keep of it if it is refused; texts and numbers.
        time_us: UTC microseconds, `BAD_TIME`, or None if there is no time.
        lon: degrees, as the file has it: a number, text or nothing.
        lat: degrees, likewise.
        altitude_m: metres.
        accuracy_m: metres.
        speed_ms: metres per second.
        course_deg: degrees clockwise from north.
        device_id: the device that the file names for this point, if it names one.
    """

    raw: object
    time_us: int | None
    lon: object
    lat: object
    altitude_m: object = None
    accuracy_m: object = None
    speed_ms: object = None
    course_deg: object = None
    device_id: str | None = None


class Collector[R]:
    """Takes rows of any kind and refusals, and hands out chunks.

    Attributes:
        refused: what was refused since the last chunk, apart from the rows.
        name: the file, as people know it.
        any_found: whether there was any row.
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
        if not rows:
            return Chunk(PointBatch.empty(), refused, self._stream.position())

        def describe(index: int) -> tuple[str, str]:
            row = rows[index]
            return shown(row.raw if isinstance(row, Row) else row), self._where(places[index])

        accepted, at_the_door = admit(self._candidates(rows), self._now_us, describe)
        return Chunk(accepted, at_the_door + refused, self._stream.position())

    def _where(self, place: str) -> str:
        return f"{self.name}: {place}" if place else self.name


def row_collector(
    stream: Stream, device_id: str | None, fallback_device: str, now_us: int
) -> Collector[Row]:
    """A collector of rows.

    Args:
        stream: the file.
        device_id: the device of all rows, whatever they say.
        fallback_device: the device of rows that name none.
        now_us: UTC microseconds.
    """

    def devices(names: Sequence[str | None]) -> Devices:
        if device_id is not None:
            return Devices.all_of(device_id, len(names))
        if not any(names):
            return Devices.all_of(fallback_device, len(names))
        return Devices.of_names([name or fallback_device for name in names])

    def candidates(rows: list[Row]) -> Candidates:
        columns = list(zip(*rows, strict=True))
        _, time_us, lon, lat, altitude_m, accuracy_m, speed_ms, course_deg, names = columns
        return Candidates(
            devices(names),
            times_of(time_us),
            Numbers.of_objects(lat),
            Numbers.of_objects(lon),
            Numbers.of_objects(altitude_m).values,
            Numbers.of_objects(accuracy_m).values,
            Numbers.of_objects(speed_ms).values,
            Numbers.of_objects(course_deg).values,
        )

    return Collector(stream, device_id, now_us, candidates)


def iso_us(value: object) -> int | None:
    """An ISO time as UTC microseconds; `BAD_TIME` if it is none, None for nothing."""
    return _parsed(value, TimeForm.ISO)


def epoch_ms_us(value: object) -> int | None:
    """Milliseconds since 1970, as a number or text, as microseconds; likewise."""
    return _parsed(value, TimeForm.EPOCH_MS)


def shown(raw: object) -> str:
    """A value as text for the quarantine."""
    return raw if isinstance(raw, str) else dumped(raw)


def _parsed(value: object, form: TimeForm) -> int | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return BAD_TIME
    if isinstance(value, int) and abs(value) > 10**18:
        return BAD_TIME  # also too long a number to be written as text
    time_us = parse_time(value if isinstance(value, str) else repr(value), form)
    return BAD_TIME if time_us is None else time_us


def times_of(time_us: Sequence[int | None]) -> Times:
    """A column of what `iso_us` and `epoch_ms_us` give."""
    missing = np.array([t is None for t in time_us], np.bool_)
    # the largest that a 64-bit count holds is out of range for the door all the same
    values = np.array([0 if t is None else min(max(t, -(2**62)), 2**62) for t in time_us], np.int64)
    return Times(values, missing, values == BAD_TIME)
