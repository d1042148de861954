"""Reads NMEA 0183, the sentences of GPS receivers, as loggers and ships keep them.

A point is one moment: its position from RMC (else GGA, GNS or GLL), speed and course from RMC (else
VTG), altitude and HDOP from GGA or GNS. RMC and ZDA have the date; where a receiver sends it only
now and then, the days are counted on from it, over midnight too. A sentence whose checksum is wrong
is refused alone. Text before the `$` of a line (times of loggers, tag blocks) is passed over, and
so is a count behind the checksum, as Android's GnssLogger writes it.
"""

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import reduce
from operator import xor

from trackflow.sources.containers.streams import Stream
from trackflow.sources.file_format import FileFormat, Surety
from trackflow.sources.fix_rows import (
    day_of,
    fix_row,
    line_chunks,
    moment_us,
    nearest_moment_us,
    second_of_day,
)
from trackflow.sources.heads import HEADER_CHARS, Head
from trackflow.sources.options import DEFAULTS, ReadOptions
from trackflow.sources.records import Chunk, RefusalReason
from trackflow.sources.rows import CHUNK_POINTS, RowCollector
from trackflow.sources.values.columns import NoPositionsError
from trackflow.sources.values.units import HDOP_UNIT_M, HDOP_UNKNOWN, KNOTS_MS

_SENTENCE = re.compile(r"\$([A-Z]{2})([A-Z]{3}),([^*$!]*)(?:\*([0-9A-Fa-f]{2})(?:[,;\s]\d+)?)?\s*$")
_DATE = re.compile(r"(\d{2})(\d{2})(\d{2})")
_ANGLE = re.compile(r"(\d{1,3})(\d{2}(?:\.\d*)?)")
_UNDATED_MAX = 100_000
"""Moments before the first date that are kept until it comes: a day of them, one each second."""


def read_nmea(
    stream: Stream,
    *,
    device_id: str | None,
    fallback_device: str,
    now_us: int,
    options: ReadOptions = DEFAULTS,
    chunk_points: int = CHUNK_POINTS,
) -> Iterator[Chunk]:
    """The points of a file of NMEA sentences, chunk by chunk.

    Args:
        stream: the file.
        device_id: the device of its points.
        fallback_device: the device if none was given: sentences name none.
        now_us: UTC microseconds; later times than this and a day are refused.
        options: the person's settings for the file.
        chunk_points: about how many points a chunk has.

    Raises:
        NoPositionsError: it has no sentence with a position.
    """
    collector = RowCollector(stream, device_id, fallback_device, now_us, options)
    epochs = _Epochs(collector)
    number = yield from line_chunks(stream, collector, epochs.add, chunk_points)
    epochs.end()
    collector.end(f"line {number}")
    if not epochs.any_sentence:
        raise NoPositionsError(
            f"{stream.name}: has no NMEA sentence with a position (RMC, GGA, GNS, GLL)"
        )
    yield collector.chunk()


@dataclass(slots=True)
class _Epoch:
    """The values of the sentences of one time of day.

    Attributes:
        second_s: of the day.
        line: of the first sentence.
        raw: that sentence.
        date: where one of them has it.
        lat: degrees, as all that follows unknown until a sentence gives it.
        lon: degrees.
        altitude_m: metres above sea level.
        hdop: horizontal dilution of precision.
        speed_ms: metres per second.
        course_deg: degrees clockwise from north.
        without_fix: a sentence reported that the receiver had no position.
    """

    second_s: float
    line: int
    raw: str
    date: dt.date | None = None
    lat: float | None = None
    lon: float | None = None
    altitude_m: float | None = None
    hdop: float | None = None
    speed_ms: float | None = None
    course_deg: float | None = None
    without_fix: bool = False


@dataclass(slots=True)
class _Epochs:
    """Gathers sentences into moments, and moments into rows.

    Attributes:
        rows: where they go.
        any_sentence: whether any sentence was one of those that are read.
        _leads: VTG, which has no time, comes before the moment that it is of, and not behind it.
        _ahead: its fields, until that moment.
    """

    rows: RowCollector
    any_sentence: bool = False
    _now: _Epoch | None = None
    _last_us: int | None = None
    _leads: bool = False
    _ahead: list[str] | None = None
    _undated: list[_Epoch] = field(default_factory=list)
    _without_fix: int = 0

    def add(self, text: str, number: int) -> None:
        """One line of the file."""
        at = text.rfind("$")
        sentence = _SENTENCE.match(text[at:]) if at >= 0 else None
        if sentence is None:
            if at >= 0 and _BEGIN.match(text[at:]):
                self.rows.refuse(RefusalReason.UNREADABLE, text, f"line {number}")
            return
        kind, body, checksum = sentence[2], sentence[3], sentence[4]
        if kind not in _FILL and kind != "VTG":
            return
        self.any_sentence = self.any_sentence or kind != "VTG"
        checked = f"{sentence[1]}{kind},{body}"
        if checksum is not None and reduce(xor, checked.encode()) != int(checksum, 16):
            self.rows.refuse(RefusalReason.UNREADABLE, text, f"line {number}")
            return
        fields = body.split(",")
        if kind == "VTG":
            self._add_velocity([*fields, *[""] * 12])
            return
        second_s = second_of_day([*fields, *[""] * 5][4 if kind == "GLL" else 0])
        if second_s is None:
            self._without_fix += kind not in ("ZDA", "GLL")
            return
        if self._now is None or self._now.second_s != second_s:
            self._finish()
            self._now = _Epoch(second_s, number, text)
            if self._ahead is not None:
                _fill_vtg(self._now, self._ahead)
                self._ahead = None
        _FILL[kind](self._now, [*fields, *[""] * 12])

    def _add_velocity(self, fields: list[str]) -> None:
        """The fields of VTG, which belong to the moment on the side where the file keeps them."""
        self._leads = self._leads or not (self._now or self._last_us or self._undated)
        if self._leads:
            self._ahead = fields
        elif self._now is not None:
            _fill_vtg(self._now, fields)

    def end(self) -> None:
        """The last moment, and what never got a date or a position."""
        self._finish()
        for epoch in self._undated:
            self._put(epoch, None)
        if self._without_fix:
            self.rows.skipped["sentence without a position"] += self._without_fix

    def _finish(self) -> None:
        epoch, self._now = self._now, None
        if epoch is None:
            return
        if epoch.date is not None:
            moment = moment_us(epoch.date, epoch.second_s)
        elif self._last_us is not None:
            moment = nearest_moment_us(self._last_us, epoch.second_s)
        elif len(self._undated) < _UNDATED_MAX:
            self._undated.append(epoch)
            return
        else:
            self._put(epoch, None)
            return
        self._date_earlier(moment)
        self._last_us = moment
        self._put(epoch, moment)

    def _date_earlier(self, moment: int) -> None:
        """Count back from the first date to the moments before it."""
        moments = []
        for epoch in reversed(self._undated):
            moment = nearest_moment_us(moment, epoch.second_s)
            moments.append(moment)
        for epoch, time_us in zip(self._undated, reversed(moments), strict=True):
            self._put(epoch, time_us)
        self._undated = []

    def _put(self, epoch: _Epoch, time_us: int | None) -> None:
        if epoch.lat is None and epoch.lon is None:
            self._without_fix += epoch.without_fix
            return
        hdop = epoch.hdop if epoch.hdop is not None and epoch.hdop < HDOP_UNKNOWN else None
        self.rows.add(
            fix_row(
                epoch.raw,
                time_us,
                epoch.lat,
                epoch.lon,
                altitude_m=epoch.altitude_m,
                accuracy_m=None if hdop is None else hdop * HDOP_UNIT_M,
                speed_ms=epoch.speed_ms,
                course_deg=epoch.course_deg,
            ),
            f"line {epoch.line}",
        )


def _fill_rmc(epoch: _Epoch, fields: list[str]) -> None:
    day = _DATE.fullmatch(fields[8])
    if day is not None:
        year = int(day[3])
        epoch.date = day_of(year + (2000 if year < 80 else 1900), int(day[2]), int(day[1]))
    if fields[1] != "A":
        epoch.without_fix = True
        return
    epoch.lat, epoch.lon = _degrees(fields, 2, "NS"), _degrees(fields, 4, "EW")
    knots = _number(fields[6])
    epoch.speed_ms = epoch.speed_ms if knots is None else knots * KNOTS_MS
    course_deg = _number(fields[7])
    epoch.course_deg = epoch.course_deg if course_deg is None else course_deg


def _fill_gga(epoch: _Epoch, fields: list[str]) -> None:
    if fields[5] in ("", "0"):
        epoch.without_fix = True
        return
    _fill_fix(epoch, fields)


def _fill_gns(epoch: _Epoch, fields: list[str]) -> None:
    if not fields[5].strip("N"):
        epoch.without_fix = True
        return
    _fill_fix(epoch, fields)


def _fill_gll(epoch: _Epoch, fields: list[str]) -> None:
    if fields[5] != "A":
        epoch.without_fix = True
    elif epoch.lat is None:
        epoch.lat, epoch.lon = _degrees(fields, 0, "NS"), _degrees(fields, 2, "EW")


def _fill_fix(epoch: _Epoch, fields: list[str]) -> None:
    """What GGA and GNS have in the same places."""
    if epoch.lat is None:
        epoch.lat, epoch.lon = _degrees(fields, 1, "NS"), _degrees(fields, 3, "EW")
    epoch.hdop, epoch.altitude_m = _number(fields[7]), _number(fields[8])


def _fill_zda(epoch: _Epoch, fields: list[str]) -> None:
    if all(part.isascii() and part.isdigit() for part in fields[1:4]):
        epoch.date = day_of(int(fields[3]), int(fields[2]), int(fields[1])) or epoch.date


def _fill_vtg(epoch: _Epoch, fields: list[str]) -> None:
    """Speed and course where RMC has not told them."""
    knots = _number(fields[4]) if fields[5] == "N" else None
    if epoch.speed_ms is None and knots is not None:
        epoch.speed_ms = knots * KNOTS_MS
    if epoch.course_deg is None and fields[1] == "T":
        epoch.course_deg = _number(fields[0])


_FILL = {"RMC": _fill_rmc, "GGA": _fill_gga, "GNS": _fill_gns, "GLL": _fill_gll, "ZDA": _fill_zda}

_BEGIN = re.compile(rf"\$[A-Z]{{2}}(?:{'|'.join(_FILL)}),")


def _degrees(fields: list[str], at: int, letters: str) -> float | None:
    """Degrees of `ddmm.mmm` and the letter of its hemisphere; the second letter is negative."""
    found, letter = _ANGLE.fullmatch(fields[at]), fields[at + 1]
    if found is None or letter not in letters or not letter or float(found[2]) >= 60:
        return None
    size = int(found[1]) + float(found[2]) / 60
    return -size if letter == letters[1] else size


def _number(text: str) -> float | None:
    try:
        return float(text) if text.isascii() else None
    except ValueError:
        return None


_ANY_SENTENCE = re.compile(
    r"(?:^|[\s,;\\])\$(?:G[A-Z]|BD|QZ|II|IN)(?:RMC|GGA|GNS|ZDA|GLL|GSA|GSV|VTG),"
)
_LOGGED = re.compile(r"\[[^\][{}\"]*\]\s*\$")
"""A sentence behind the time at which a terminal logged it, in brackets that are no JSON."""


def _recognise(head: Head) -> int | None:
    if head.text[0] in "<{[" and not _LOGGED.match(head.text):
        return None
    if not _ANY_SENTENCE.search(head.text[:HEADER_CHARS]):
        return None
    return None if head.has_header else Surety.SHAPE + 1


FORMAT = FileFormat(
    name="nmea",
    label="NMEA",
    recognise=_recognise,
    read=read_nmea,
)
