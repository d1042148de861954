"""Goes through the messages of a FIT file: its records as rows, what is no recording counted."""

import io
import struct
from collections.abc import Buffer, Iterator

import fitdecode
import numpy as np

from trackflow.geo.points import Floats
from trackflow.sources.containers.streams import PIECE_BYTES, Stream
from trackflow.sources.parsing.fit_runs import (
    ALTITUDE,
    ENHANCED_ALTITUDE,
    ENHANCED_SPEED,
    GPS_ACCURACY,
    LAT,
    LON,
    NAMES,
    RECORD,
    SPEED,
    TIMESTAMP,
    Records,
    RunMessage,
    RunReader,
)
from trackflow.sources.records import COURSE_POINT, RefusalReason
from trackflow.sources.rows import BAD_TIME, Columns, PositionRow, ResolvedTime, RowCollector
from trackflow.sources.values.counted_times import GARMIN_START_S
from trackflow.sources.values.whole_degrees import SEMICIRCLE_DEG

_CLOCK_NOT_SET = 0x1000_0000
"""Smaller times count from when the device was switched on."""

_FILE_ID, _TYPE, _COURSE = 0, 0, 6
"""The message that says what a file is, its field for that, and the value of a course."""

_OF_CAMERA = 160
"""The message in which cameras keep their positions beside records, in a time of their own."""

_MALFORMED = (
    fitdecode.FitError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
    struct.error,
)
"""What the decoder raises on bytes that are no FIT: it checks less than it assumes."""


class _Bytes(io.RawIOBase):
    """The bytes of a stream.

    A device that loses power leaves a length of 0 in the header; it is read as "to the end".
    """

    def __init__(self, stream: Stream) -> None:
        super().__init__()
        self._stream = stream
        self._at_start = True

    def readable(self) -> bool:
        """They can be read."""
        return True

    def readinto(self, buffer: Buffer) -> int:
        """The next bytes; 0 at the end."""
        room = memoryview(buffer)
        data = self._stream.read(len(room))
        if self._at_start:
            data = _with_length(data)
            self._at_start = False
        room[: len(data)] = data
        return len(data)


def _with_length(head: bytes) -> bytes:
    if head[4:8] != bytes(4) or head[8:12] != b".FIT":
        return head
    is_long = head[0] >= 14  # with a checksum of the header, for which 0 means that there is none
    return (
        head[:4]
        + b"\xff" * 4
        + head[8:12]
        + (bytes(2) if is_long else b"")
        + head[12 + 2 * is_long :]
    )


class Messages:
    """Goes through the messages of a file, and puts the records into a collector."""

    def __init__(self, stream: Stream, rows: RowCollector) -> None:
        self.count = 0
        self.problem = ""
        self._stream = stream
        self._rows = rows
        self._without_position = 0
        self._is_course = False
        self._planned = 0

    def __iter__(self) -> Iterator[None]:
        frames = iter(RunReader(io.BufferedReader(_Bytes(self._stream), PIECE_BYTES)))
        while True:
            try:
                frame = next(frames)
            except StopIteration:
                return
            except fitdecode.FitEOFError:
                self._end(
                    RefusalReason.TRUNCATED, self._stream.damage or "the file ends in the middle"
                )
                return
            except _MALFORMED as error:
                reason = (
                    RefusalReason.TRUNCATED if self._stream.damage else RefusalReason.UNREADABLE
                )
                self._end(reason, self._stream.damage or f"not FIT: {type(error).__name__}")
                return
            self._take(frame)
            yield

    def _take(self, frame: object) -> None:
        if isinstance(frame, fitdecode.FitCRC) and not frame.matched:
            self._rows.refuse(
                RefusalReason.UNREADABLE,
                "the checksum is wrong: some values before it may be",
                f"record {self.count}",
            )
        elif isinstance(frame, fitdecode.FitHeader):
            self._is_course = False  # of several files in one, each says what it is
        elif isinstance(frame, RunMessage):
            self._take_run(frame.records)
        elif isinstance(frame, fitdecode.FitDataMessage) and frame.global_mesg_num == RECORD:
            self.count += 1
            self._take_record(_values(frame))
        elif isinstance(frame, fitdecode.FitDataMessage) and frame.global_mesg_num == _FILE_ID:
            self._is_course = any(
                data.def_num == _TYPE and data.raw_value == _COURSE for data in frame.fields
            )
        elif isinstance(frame, fitdecode.FitDataMessage) and frame.global_mesg_num == _OF_CAMERA:
            self._rows.skipped["position of a camera"] += 1

    def _take_record(self, values: dict[str, object]) -> None:
        lat, lon = values.get("position_lat"), values.get("position_long")
        if lat is None and lon is None:
            self._without_position += 1
            return
        if self._is_course:
            self._planned += 1
            return
        self._rows.add(
            PositionRow(
                raw=values,
                time=_time(values.get("timestamp")),
                lon=_degrees(lon),
                lat=_degrees(lat),
                altitude_m=values.get("enhanced_altitude", values.get("altitude")),
                accuracy_m=values.get("gps_accuracy"),
                speed_ms=values.get("enhanced_speed", values.get("speed")),
            ),
            f"record {self.count}",
        )

    def _take_run(self, records: Records) -> None:
        lat, lon = records.column(LAT), records.column(LON)
        rows = np.flatnonzero(~(np.isnan(lat) & np.isnan(lon)))
        first = self.count + 1
        self.count += records.count
        self._without_position += records.count - len(rows)
        if self._is_course:
            self._planned += len(rows)
            return

        def column(values: Floats) -> list[object]:
            return [None if value != value else value for value in values[rows].tolist()]

        self._rows.add_columns(
            Columns(
                len(rows),
                lambda index: records.values(int(rows[index])),
                lambda index: f"record {first + int(rows[index])}",
                [_time(None if t is None else int(t)) for t in column(records.column(TIMESTAMP))],  # type: ignore[call-overload]
                column(lon * SEMICIRCLE_DEG),
                column(lat * SEMICIRCLE_DEG),
                column(records.first_of(ALTITUDE, ENHANCED_ALTITUDE)),
                column(records.column(GPS_ACCURACY)),
                speed_ms=column(records.first_of(SPEED, ENHANCED_SPEED)),
            )
        )

    def _end(self, reason: RefusalReason, problem: str) -> None:
        self.problem = problem
        self._rows.refuse(reason, problem, f"after record {self.count}")

    def report_rest(self) -> None:
        """How many records were passed over."""
        if self._without_position:
            self._rows.skipped["record without a position"] += self._without_position
        if self._planned:
            self._rows.skipped[COURSE_POINT] += self._planned


def _values(message: fitdecode.FitDataMessage) -> dict[str, object]:
    """The values of a record for `NAMES`, positions in semicircles; unknown values are left out."""
    values: dict[str, object] = {}
    for data in message.fields:
        is_own = data.field_def is None or not data.field_def.is_dev
        if is_own and data.value is not None and data.def_num in NAMES:
            values.setdefault(NAMES[data.def_num], data.value)
    return values


def _time(timestamp: object) -> object:
    if timestamp is None:
        return None
    if not isinstance(timestamp, int) or timestamp < _CLOCK_NOT_SET:
        return BAD_TIME
    return ResolvedTime((timestamp + GARMIN_START_S) * 1_000_000)


def _degrees(semicircles: object) -> object:
    return semicircles * SEMICIRCLE_DEG if isinstance(semicircles, int) else semicircles
