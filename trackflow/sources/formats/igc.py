"""Reads IGC, the recordings of gliders and paragliders: a `B` record for each fix.

The day stands in the header (`HFDTE`), in UTC like the clock of the records, and is counted on
over midnight. The altitude is that of the receiver; it is unknown where a fix has two dimensions
only (`V`). The `I` record names the columns of accuracy (FXA), speed (GSP), course (TRT) and
further digits of time and position.
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
)
from trackflow.sources.heads import Head
from trackflow.sources.options import DEFAULTS, ReadOptions
from trackflow.sources.records import Chunk, RefusalReason
from trackflow.sources.rows import CHUNK_POINTS, RowCollector
from trackflow.sources.values.columns import NoPositionsError
from trackflow.sources.values.units import KMH_MS

_DATE = re.compile(r"H[FOP]DTE(?:DATE)?:?\s*(\d{2})(\d{2})(\d{2})")
_FIX = re.compile(
    r"B(\d{2})(\d{2})(\d{2})(\d{2})(\d{5})([NS])(\d{3})(\d{5})([EW])([AV])([-\d]\d{4})([-\d]\d{4})"
)
_EXTENSION = re.compile(r"(\d{2})(\d{2})([A-Z]{3})")
_MINUTE_THOUSANDTHS = 60_000


def read_igc(
    stream: Stream,
    *,
    device_id: str | None,
    fallback_device: str,
    now_us: int,
    options: ReadOptions = DEFAULTS,
    chunk_points: int = CHUNK_POINTS,
) -> Iterator[Chunk]:
    """The points of an IGC file, chunk by chunk.

    Args:
        stream: the file.
        device_id: the device of its points.
        fallback_device: the device if none was given.
        now_us: UTC microseconds; later times than this and a day are refused.
        options: the person's settings for the file.
        chunk_points: about how many points a chunk has.

    Raises:
        NoPositionsError: it has no fix.
    """
    collector = RowCollector(stream, device_id, fallback_device, now_us, options)
    flight = _Flight(collector)
    number = yield from line_chunks(stream, collector, flight.add, chunk_points)
    collector.end(f"line {number}")
    if not flight.any_fix:
        raise NoPositionsError(f"{stream.name}: has no fix of an IGC flight (a line that begins B)")
    yield collector.chunk()


class _Flight:
    """The state of a file: the day, the last time of day, the columns of extensions.

    Attributes:
        any_fix: whether there was any fix.
    """

    def __init__(self, rows: RowCollector) -> None:
        self.any_fix = False
        self._rows = rows
        self._day: dt.date | None = None
        self._last_us: int | None = None
        self._extensions: dict[str, slice] = {}

    def add(self, text: str, number: int) -> None:
        """One line of the file."""
        if text.startswith("H"):
            self._take_date(text)
        elif text.startswith("I"):
            self._extensions = {
                found[3]: slice(int(found[1]) - 1, int(found[2]))
                for found in _EXTENSION.finditer(text[3:])
            }
        elif text.startswith("B"):
            found = _FIX.match(text)
            if found is None or max(int(found[5]), int(found[8])) >= _MINUTE_THOUSANDTHS:
                self._rows.refuse(RefusalReason.UNREADABLE, text, f"line {number}")
            else:
                self.any_fix = True
                self._take_fix(found, text, number)

    def _take_date(self, text: str) -> None:
        found = _DATE.match(text)
        if found is None:
            return
        day, month, year = (int(part) for part in found.groups())
        self._day = day_of(year + (2000 if year < 80 else 1900), month, day)
        self._last_us = None

    def _take_fix(self, found: re.Match[str], text: str, number: int) -> None:
        hours, minutes, seconds = (int(part) for part in found.group(1, 2, 3))
        second_s = hours * 3600 + minutes * 60 + seconds + self._fraction(text, "TDS")
        readable = hours < 24 and minutes < 60 and seconds < 61
        moment = self._moment_us(second_s) if readable else BAD_TIME
        lat = _degrees(found[4], found[5], self._digits(text, "LAD"))
        lon = _degrees(found[7], found[8], self._digits(text, "LOD"))
        speed_kmh = self._number(text, "GSP")
        self._rows.add(
            fix_row(
                text,
                moment,
                -lat if found[6] == "S" else lat,
                -lon if found[9] == "W" else lon,
                altitude_m=float(found[12]) if found[10] == "A" else None,
                accuracy_m=self._number(text, "FXA"),
                speed_ms=None if speed_kmh is None else speed_kmh * KMH_MS,
                course_deg=self._number(text, "TRT"),
            ),
            f"line {number}",
        )

    def _moment_us(self, second_s: float) -> int | None:
        if self._last_us is not None:
            self._last_us = nearest_moment_us(self._last_us, second_s)
        elif self._day is not None:
            self._last_us = moment_us(self._day, second_s)
        return self._last_us

    def _digits(self, text: str, name: str) -> str:
        digits = text[self._extensions[name]] if name in self._extensions else ""
        return digits if digits.isascii() and digits.isdigit() else ""

    def _number(self, text: str, name: str) -> float | None:
        digits = self._digits(text, name)
        return float(digits) if digits else None

    def _fraction(self, text: str, name: str) -> float:
        digits = self._digits(text, name)
        return float(f"0.{digits}") if digits else 0.0


def _degrees(degrees: str, minutes: str, more_digits: str) -> float:
    """Degrees of whole degrees and thousandths of minutes, with further digits of these."""
    thousandths = float(f"{minutes}.{more_digits}")
    return int(degrees) + thousandths / _MINUTE_THOUSANDTHS


_HEADER = re.compile(r"(?:^|\n)H[FOP]DTE")
_ANY_FIX = re.compile(r"(?:^|\n)B\d{6}\d{7}[NS]\d{8}[EW][AV]")


def _recognise(head: Head) -> int | None:
    is_own = _HEADER.search(head.text) and _ANY_FIX.search(head.text)
    return Surety.SHAPE + 2 if head.text[0] not in "<{[" and is_own else None


FORMAT = FileFormat(
    name="igc",
    label="IGC",
    recognise=_recognise,
    read=read_igc,
)
