"""Reads VBO, the recordings of Racelogic's VBOX and of lap timers that write the same form.

Sections with names in brackets, then a line for each position with blanks between its columns.
Latitude and longitude are minutes, and west is positive. The time is UTC without a day: the day is
that of a column of dates, else the one on which the file was created, counted on over midnight. The
unit of the speed stands behind its name in the header ("velocity kmh"), else it is km/h.

Source: the user guides of VBOX ("VBO file format").
"""

import datetime as dt
import re
from collections.abc import Iterator

from trackflow.sources.containers.streams import Stream
from trackflow.sources.file_format import FileFormat, Surety
from trackflow.sources.fix_rows import (
    BAD_TIME,
    day_of,
    fix_row,
    line_chunks,
    moment_us,
    nearest_moment_us,
    second_of_day,
)
from trackflow.sources.heads import Head
from trackflow.sources.options import DEFAULTS, ReadOptions
from trackflow.sources.records import Chunk, RefusalReason
from trackflow.sources.rows import CHUNK_POINTS, RowCollector
from trackflow.sources.values.columns import NoPositionsError
from trackflow.sources.values.units import KMH_MS, Quantity, factor_of, measure

_CREATED = re.compile(r"File created on (\d{1,2})[/.-](\d{1,2})[/.-](\d{4})", re.IGNORECASE)
_SECTION = re.compile(r"\[([^\]]+)\]")
_DATE = re.compile(r"(\d\d)(\d\d)(\d\d)")
_VELOCITY = re.compile(r"(?:velocity|speed)\s+(\S.*)", re.IGNORECASE)
_FLAGS = 64
"""Multiples of it in the number of satellites are flags: a brake, a differential fix."""


def read_vbo(
    stream: Stream,
    *,
    device_id: str | None,
    fallback_device: str,
    now_us: int,
    options: ReadOptions = DEFAULTS,
    chunk_points: int = CHUNK_POINTS,
) -> Iterator[Chunk]:
    """The points of a VBO file, chunk by chunk.

    Args:
        stream: the file.
        device_id: the device of its points.
        fallback_device: the device if none was given.
        now_us: UTC microseconds; later times than this and a day are refused.
        options: the person's settings for the file.
        chunk_points: about how many points a chunk has.

    Raises:
        NoPositionsError: it has no position.
    """
    collector = RowCollector(stream, device_id, fallback_device, now_us, options)
    recording = _Recording(collector)
    number = yield from line_chunks(stream, collector, recording.add, chunk_points)
    collector.end(f"line {number}")
    if not collector.any_found and not collector.refused:
        raise NoPositionsError(f"{stream.name}: has no position of a VBO recording")
    yield collector.chunk()


class _Recording:
    """The state of a file: its section, its columns, and the time of the last position."""

    def __init__(self, rows: RowCollector) -> None:
        self._rows = rows
        self._section = ""
        self._names: list[str] = []
        self._speed_ms = KMH_MS
        self._day: dt.date | None = None
        self._last_us: int | None = None

    def add(self, text: str, number: int) -> None:
        """One line of the file."""
        if (named := _SECTION.fullmatch(text)) is not None:
            self._section = named[1].strip().lower()
        elif self._section == "data":
            self._take(text, f"line {number}")
        elif self._section == "column names":
            self._names += text.lower().split()
        elif self._section in ("header", "channel units"):
            self._take_unit(text)
        elif (created := _CREATED.match(text)) is not None:
            self._day = day_of(int(created[3]), int(created[2]), int(created[1]))

    def _take_unit(self, text: str) -> None:
        found = _VELOCITY.fullmatch(text)
        unit = factor_of(found[1], Quantity.SPEED) if found is not None else None
        if unit is not None:
            self._speed_ms = unit

    def _take(self, text: str, place: str) -> None:
        cells = text.split()
        if len(cells) != len(self._names):
            self._rows.refuse(RefusalReason.RAGGED_ROW, text, place)
            return
        known = dict(zip(self._names, cells, strict=True))
        satellites = known.get("sats", "")
        has_fix = not satellites.isdecimal() or int(satellites) % _FLAGS > 0
        self._rows.add(
            fix_row(
                text,
                self._moment_us(known.get("time", ""), known.get("date", "")),
                _degrees(known.get("lat"), Quantity.LATITUDE, 1 / 60) if has_fix else None,
                _degrees(known.get("long"), Quantity.LONGITUDE, -1 / 60) if has_fix else None,
                altitude_m=known.get("height"),
                speed_ms=measure(known.get("velocity"), Quantity.SPEED, self._speed_ms),
                course_deg=known.get("heading"),
            ),
            place,
        )

    def _moment_us(self, time: str, date: str) -> int | None:
        second_s, dated = second_of_day(time), _DATE.fullmatch(date)
        if second_s is None:
            return BAD_TIME if time else None
        day = None
        if dated is not None:
            day = day_of(2000 + int(dated[3]), int(dated[2]), int(dated[1]))
        if day is not None:
            self._last_us = moment_us(day, second_s)
        elif self._last_us is not None:
            self._last_us = nearest_moment_us(self._last_us, second_s)
        elif self._day is not None:
            self._last_us = moment_us(self._day, second_s)
        return self._last_us


def _degrees(minutes: str | None, axis: Quantity, factor: float) -> float | None:
    return None if minutes is None else measure(minutes, axis, factor)


def _recognise(head: Head) -> int | None:
    text = head.text[:16_384].lower()
    return Surety.PROGRAM if "[column names]" in text and head.text[0] not in "<{" else None


FORMAT = FileFormat(
    name="vbo",
    label="VBO",
    recognise=_recognise,
    read=read_vbo,
)
