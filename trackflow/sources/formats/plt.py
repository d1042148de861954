"""Reads PLT, the tracks of OziExplorer, which GeoLife uses as well: a line for each position.

Six lines of header, then latitude, longitude, whether the line is broken here, altitude in feet
(-777 is none) unless the third line names metres, and the time as days since 30 December 1899, in
UTC; the date and the time of day that follow are for people. Days are written with seven to ten
decimals: the time is rounded to what the last of them can tell. Positions on another datum than
WGS 84 would be off by up to a kilometre.

Source: https://www.oziexplorer4.com/eng/help/fileformats.html, and the user guide of GeoLife 1.3.
"""

import math
import re
from collections.abc import Iterator

from trackflow.errors import BadInputError
from trackflow.geo.time import DAY_US
from trackflow.sources.containers.streams import Stream
from trackflow.sources.file_format import FileFormat, Surety
from trackflow.sources.fix_rows import BAD_TIME, fix_row, line_text, lines_of
from trackflow.sources.heads import Head
from trackflow.sources.options import DEFAULTS, ReadOptions
from trackflow.sources.records import Chunk, RefusalReason
from trackflow.sources.rows import CHUNK_POINTS, RowCollector
from trackflow.sources.values.columns import NoPositionsError
from trackflow.sources.values.units import FEET_M, Quantity, measure, number

DATUM_LINE, ALTITUDE_LINE, HEADER_LINES = 2, 3, 6
UNIX_EPOCH_DAYS = 25_569
"""From 30 December 1899 to 1 January 1970."""
NO_ALTITUDE = -777.0

_DAYS = re.compile(r"(\d{1,6})(?:\.(\d{0,12})\d*)?")
_NUMBER = r"\s*-?\d+(?:\.\d*)?(?:[eE]-?\d+)?\s*"
_POSITION = re.compile(rf"{_NUMBER},{_NUMBER},\s*[01]\s*,")
_DATUM = re.compile(r"WGS ?(19)?84", re.IGNORECASE)


def read_plt(
    stream: Stream,
    *,
    device_id: str | None,
    fallback_device: str,
    now_us: int,
    options: ReadOptions = DEFAULTS,
    chunk_points: int = CHUNK_POINTS,
) -> Iterator[Chunk]:
    """The points of a PLT file, chunk by chunk.

    Args:
        stream: the file.
        device_id: the device of its points.
        fallback_device: the device if none was given.
        now_us: UTC microseconds; later times than this and a day are refused.
        options: the person's settings for the file.
        chunk_points: about how many points a chunk has.

    Raises:
        BadInputError: its positions are on another datum than WGS 84.
        NoPositionsError: it has no position.
    """
    collector = RowCollector(stream, device_id, fallback_device, now_us, options)
    at, unit_m = 0, FEET_M
    for at, line in lines_of(stream):
        text = line_text(line)
        if at == ALTITUDE_LINE and "met" in text.lower():
            unit_m = 1.0
        if at == DATUM_LINE and not _DATUM.fullmatch(text):
            raise BadInputError(
                f"{stream.name}: its positions are on the datum “{text[:40]}”; save it with WGS 84"
            )
        if at > HEADER_LINES:
            _add(text, unit_m, f"line {at}", collector)
            if len(collector) >= chunk_points:
                yield collector.chunk()
    collector.end(f"line {at}")
    if not collector.any_found:
        raise NoPositionsError(f"{stream.name}: has no position of a track of OziExplorer")
    yield collector.chunk()


def _add(text: str, unit_m: float, place: str, collector: RowCollector) -> None:
    if not _POSITION.match(text):
        collector.refuse(RefusalReason.UNREADABLE, text, place)
        return
    lat, lon, _, altitude, days = (*(part.strip() for part in text.split(",")), "", "")[:5]
    altitude_m = _altitude_m(altitude, unit_m)
    collector.add(fix_row(text, days_us(days), lat, lon, altitude_m=altitude_m), place)


def days_us(text: str) -> int | None:
    """Days since 30 December 1899 as UTC microseconds; `BAD_TIME` if it is none, None for nothing.

    A day's last decimal is 8.64 ms where there are seven: such a time is rounded to 10 ms, so that
    what was written at a whole second is read as one. Programs count days in floating point, which
    is no finer than 10 us.
    """
    found = _DAYS.fullmatch(text)
    if found is None:
        return BAD_TIME if text else None
    whole, decimals = int(found[1]), found[2] or ""
    step_us: int = 10 ** max(1, math.ceil(math.log10(DAY_US) - len(decimals)))
    part_us: float = int(decimals or 0) * DAY_US / 10 ** len(decimals)
    return (whole - UNIX_EPOCH_DAYS) * DAY_US + round(part_us / step_us) * step_us


def _altitude_m(text: str, unit_m: float) -> float | None:
    return None if number(text) == NO_ALTITUDE else measure(text, Quantity.LENGTH, unit_m)


def _recognise(head: Head) -> int | None:
    is_own = (
        len(head.lines) > HEADER_LINES
        and head.lines[ALTITUDE_LINE - 1].strip().startswith("Altitude is in ")
        and any(_POSITION.match(line) for line in head.lines[HEADER_LINES:])
    )
    return Surety.PROGRAM if is_own else None


FORMAT = FileFormat(
    name="plt",
    label="PLT of OziExplorer",
    recognise=_recognise,
    read=read_plt,
)
