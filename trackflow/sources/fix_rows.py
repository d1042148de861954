"""What the readers of recordings share: a position with a known time, and lines of text."""

import datetime as dt
import math
import re
from collections.abc import Callable, Generator, Iterator

from trackflow.geo.time import DAY_US, midnight_us
from trackflow.sources.containers.streams import PIECE_BYTES, Stream
from trackflow.sources.records import RAW_MAX_CHARS, Chunk
from trackflow.sources.rows import BAD_TIME as UNREADABLE_TIME
from trackflow.sources.rows import PositionRow, ResolvedTime, RowCollector
from trackflow.sources.values.counted_times import TimeForm
from trackflow.sources.values.moments import TimeRules, read_time

LINE_MAX_BYTES = 4_096
"""Far longer than any sentence or record; of a longer line only the beginning is looked at."""

BAD_TIME = -(2**62)
"""Stands for a time that is there and cannot be read."""

_CLOCK = re.compile(r"(\d{2})(\d{2})(\d{2}(?:\.\d*)?)")
_ISO_IN_UTC = TimeRules(form=TimeForm.ISO)


def fix_row(
    raw: object,
    time_us: int | None,
    lat: object,
    lon: object,
    *,
    altitude_m: object = None,
    accuracy_m: object = None,
    speed_ms: object = None,
    course_deg: object = None,
    device_id: str | None = None,
) -> PositionRow:
    """A row whose time a reader has worked out itself.

    Args:
        raw: what to keep of it if it is refused.
        time_us: UTC microseconds, `BAD_TIME`, or None if there is none.
        lat: degrees.
        lon: degrees.
        altitude_m: metres.
        accuracy_m: metres; 0 and less mean unknown.
        speed_ms: metres per second.
        course_deg: degrees clockwise from north.
        device_id: the device that the file names.
    """
    time: object = None if time_us is None else ResolvedTime(time_us)
    return PositionRow(
        raw=raw,
        time=UNREADABLE_TIME if time_us == BAD_TIME else time,
        lon=lon,
        lat=lat,
        altitude_m=altitude_m,
        accuracy_m=accuracy_m,
        speed_ms=speed_ms,
        course_deg=course_deg,
        device_id=device_id,
    )


def day_of(year: int, month: int, day: int) -> dt.date | None:
    """A day; None where the calendar has no such day."""
    try:
        return dt.date(year, month, day)
    except ValueError:
        return None


def second_of_day(text: str) -> float | None:
    """The seconds since midnight of a time of day as receivers write it, `hhmmss.ss`."""
    found = _CLOCK.fullmatch(text)
    if found is None:
        return None
    hours, minutes, seconds = int(found[1]), int(found[2]), float(found[3])
    if hours > 23 or minutes > 59 or seconds >= 61:
        return None
    return hours * 3600 + minutes * 60 + seconds


def moment_us(day: dt.date, seconds_of_day: float) -> int:
    """A day and the seconds since its midnight, in UTC microseconds."""
    return midnight_us(day) + round(seconds_of_day * 1e6)


def nearest_moment_us(near_us: int, seconds_of_day: float) -> int:
    """The moment with this time of day that is nearest to another, in UTC microseconds.

    So a clock passes midnight by itself, and one damaged time never moves those after it.
    """
    moment = round(seconds_of_day * 1e6)
    return moment + round((near_us - moment) / DAY_US) * DAY_US


def iso_us(value: object) -> int | None:
    """An ISO time as UTC microseconds; `BAD_TIME` if it is none, None for nothing."""
    if value is None or value == "":
        return None
    time_us = read_time(value, _ISO_IN_UTC)[0] if isinstance(value, str) else None
    return BAD_TIME if time_us is None else time_us


def zoned_us(text: str, zone: dt.tzinfo | None) -> int | None:
    """An ISO time on the wall of a zone as UTC microseconds; None without a zone, or a time."""
    return None if zone is None else read_time(text, TimeRules(form=TimeForm.ISO, zone=zone))[0]


def epoch_s_us(value: object) -> int | None:
    """Seconds since 1970 as UTC microseconds; None if the value is no such number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not math.isfinite(value) or abs(value) > 1e12:
        return None
    return round(value * 1e6)


def line_chunks(
    stream: Stream, rows: RowCollector, add: Callable[[str, int], None], chunk_points: int
) -> Generator[Chunk, None, int]:
    """Chunks of a text file whose lines are added one by one; what is left stays in `rows`.

    Args:
        stream: the file.
        rows: where `add` puts what it finds.
        add: takes a line and its number.
        chunk_points: about how many points a chunk has.

    Returns:
        The number of the last line.
    """
    number = 0
    for number, line in lines_of(stream):
        add(line_text(line), number)
        if len(rows) >= chunk_points:
            yield rows.chunk()
    return number


def lines_of(stream: Stream) -> Iterator[tuple[int, bytes]]:
    """The lines of a text with their numbers, without their ends; blank ones are left out.

    A line without end costs its beginning's memory only. The last line is left out where the
    data ended early: its last number may have lost digits and look right all the same.
    """
    number, partial, dropping = 0, b"", False
    while piece := stream.read(PIECE_BYTES):
        data = partial + piece
        cut_end = b"\r" if data.endswith(b"\r") else b""  # its \n may come with the next piece
        data = data[: len(data) - len(cut_end)]
        *whole, partial = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        for line in whole:
            number += 1
            if line.strip() and not dropping:
                yield number, line[:LINE_MAX_BYTES]
            dropping = False
        if len(partial) > LINE_MAX_BYTES:
            if not dropping:
                yield number + 1, partial[:LINE_MAX_BYTES]
            partial, dropping = b"", True
        partial += cut_end
    if partial.strip() and not dropping and not stream.damage:
        yield number + 1, partial[:LINE_MAX_BYTES]


def line_text(line: bytes) -> str:
    """A line as text for the quarantine and for parsing."""
    return line.decode("ascii", "replace").strip()[:RAW_MAX_CHARS]
