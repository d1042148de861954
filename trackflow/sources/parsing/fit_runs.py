"""Runs of records of one definition in a FIT file, decoded at once.

Records of one definition have one length, and nearly all of a recording is such records one after
another. They are taken as columns; all other messages are left to `fitdecode`, and so is every
definition with anything that could give another value. Checksums, which `fitdecode` works out byte
by byte, are worked out for many bytes together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import fitdecode
import numpy as np
from fitdecode import FitReader
from numpy.typing import NDArray

RECORD = 20
TIMESTAMP, LAT, LON, ALTITUDE, SPEED, GPS_ACCURACY, ENHANCED_SPEED, ENHANCED_ALTITUDE = (
    253, 0, 1, 2, 6, 31, 73, 78,
)  # fmt: skip
NAMES = {
    TIMESTAMP: "timestamp",
    LAT: "position_lat",
    LON: "position_long",
    ALTITUDE: "altitude",
    SPEED: "speed",
    GPS_ACCURACY: "gps_accuracy",
    ENHANCED_SPEED: "enhanced_speed",
    ENHANCED_ALTITUDE: "enhanced_altitude",
}
"""By number, because an app may call a field of its own by any of these names."""

_TYPES = {
    TIMESTAMP: (0x86, "u4"), LAT: (0x85, "i4"), LON: (0x85, "i4"), ALTITUDE: (0x84, "u2"),
    SPEED: (0x84, "u2"), GPS_ACCURACY: (0x02, "u1"), ENHANCED_SPEED: (0x86, "u4"),
    ENHANCED_ALTITUDE: (0x86, "u4"),
}  # fmt: skip
"""The base type of each as the protocol has it, and that of numpy."""
_SCALES = {ALTITUDE: (5, 500), ENHANCED_ALTITUDE: (5, 500), SPEED: (1000, 0),
           ENHANCED_SPEED: (1000, 0)}  # fmt: skip
_ENHANCED = {ALTITUDE: ENHANCED_ALTITUDE, SPEED: ENHANCED_SPEED}
"""What fitdecode takes the shorter field for, too."""
_STRING = 0x07
_PENDING_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Records:
    """Records that follow one another.

    Attributes:
        count: how many.
        numbers: of the known fields, in the order of the definition.
        columns: of each of those, in our units; NaN where a value is not known.
    """

    count: int
    numbers: tuple[int, ...]
    columns: dict[int, NDArray[np.float64]]

    def values(self, index: int) -> dict[str, object]:
        """The values of one record as `fitdecode` gives them: whole numbers where unscaled."""
        found: dict[str, object] = {}
        for number in self.numbers:
            value = float(self.columns[number][index])
            if value != value:
                continue
            known: object = value if number in _SCALES else int(value)
            if number in _ENHANCED:
                found.setdefault(NAMES[_ENHANCED[number]], known)
            found.setdefault(NAMES[number], known)
        return found

    def column(self, number: int) -> NDArray[np.float64]:
        """A field of each record, NaN where it is not known or not there."""
        unknown = np.full(self.count, np.nan)
        return self.columns.get(number, unknown)

    def first_of(self, *numbers: int) -> NDArray[np.float64]:
        """Of fields of one meaning, the first with a value, in the order of the definition."""
        found = np.full(self.count, np.nan)
        for number in self.numbers:
            if number in numbers:
                found = np.where(np.isnan(found), self.columns[number], found)
        return found


class RunMessage(fitdecode.FitDataMessage):  # type: ignore[misc]
    """A message that stands for several records."""

    __slots__ = ("records",)


class RunReader(FitReader):  # type: ignore[misc]
    """Like its base, with a `RunMessage` wherever records of one definition follow one another."""

    def __init__(self, file: Any) -> None:
        self._crc: int
        self._unchecked: list[bytes] = []
        self._unchecked_bytes = 0
        self._layouts: dict[int, tuple[object, np.dtype[np.void] | None]] = {}
        super().__init__(
            file,
            processor=None,
            check_crc=fitdecode.CrcCheck.READONLY,
            error_handling=fitdecode.ErrorHandling.IGNORE,
        )

    def _read_bytes(self, size: int) -> bytes:
        if size <= 0:
            raise ValueError("size")
        chunk: bytes = self._fd.read(size)
        if len(chunk) != size:
            raise fitdecode.FitEOFError(size, len(chunk), self._read_offset)
        self._unchecked.append(chunk)
        self._unchecked_bytes += size
        if self._unchecked_bytes > _PENDING_BYTES:
            self._check()
        self._chunk_size += size
        self._read_offset += size
        self._read_size += size
        return chunk

    def _check(self) -> None:
        self._crc = checksum(b"".join(self._unchecked), self._crc)
        self._unchecked, self._unchecked_bytes = [], 0

    def _read_crc(self) -> Any:
        self._check()
        return super()._read_crc()

    def _reset_per_fit_state(self) -> None:
        self._unchecked, self._unchecked_bytes = [], 0
        super()._reset_per_fit_state()

    def _add_dev_data_id(self, message: Any) -> None:
        """Nothing: fields of apps are not read, and a wrong description of one ends no file."""

    def _add_dev_field_description(self, message: Any) -> None:
        """Nothing, likewise."""

    def _read_data_message(self, header_chunk: bytes, record_header: Any) -> Any:
        definition = self._local_mesg_defs.get(record_header.local_mesg_num)
        if definition is None or record_header.time_offset is not None or header_chunk[0] & 0x20:
            return super()._read_data_message(header_chunk, record_header)
        layout = self._layout_of(record_header.local_mesg_num, definition)
        if layout is None:
            return super()._read_data_message(header_chunk, record_header)
        size = layout.itemsize
        ahead = self._fd.peek()
        room = min(len(ahead), self._body_bytes_left - self._chunk_size)
        most = max((room + 1) // size, 1)  # whole ones, this one among them
        heads = np.frombuffer(ahead, np.uint8)[size - 1 :: size][: most - 1]
        other = np.flatnonzero(heads != header_chunk[0])
        count = int(other[0]) + 1 if len(other) else most
        data = header_chunk + self._read_bytes(count * size - 1)
        rows = np.frombuffer(data, layout)
        message = RunMessage(False, record_header.local_mesg_num, None, definition, [], None)
        message.records = _records(rows)
        stamps = message.records.column(TIMESTAMP)
        known = stamps[~np.isnan(stamps)]
        if len(known):
            self._last_timestamp = self._compressed_ts_accumulator = int(known[-1])
        return message

    def _layout_of(self, local: int, definition: Any) -> np.dtype[np.void] | None:
        known = self._layouts.get(local)
        if known is None or known[0] is not definition:
            known = self._layouts[local] = definition, _layout(definition)
        return known[1]


def _layout(definition: Any) -> np.dtype[np.void] | None:
    """A record as numpy has it; None where fitdecode might read anything else."""
    if definition.global_mesg_num != RECORD or definition.dev_field_defs:
        return None
    names, formats, offsets = [], [], []
    size = 1
    for field in definition.field_defs:
        number = field.def_num
        if number in _TYPES:
            base, form = _TYPES[number]
            if field.base_type.identifier != base or field.size != field.base_type.size:
                return None
            if str(number) in names:
                return None
            names.append(str(number))
            formats.append(definition.endian + form)
            offsets.append(size)
        elif _could_matter(field):
            return None
        size += field.size
    if not names:
        return None
    return np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": size})


def _could_matter(field: Any) -> bool:
    """Whether a field that is not read can stop the decoder, or give a value that is."""
    if field.base_type.identifier == _STRING or field.size == 0:
        return True
    components = field.field.components if field.field else None
    return any(component.def_num in _TYPES for component in components or ())


def _records(rows: NDArray[np.void]) -> Records:
    columns: dict[int, NDArray[np.float64]] = {}
    assert rows.dtype.names is not None
    for name in rows.dtype.names:
        raw = rows[name]
        number = int(name)
        values = raw.astype(np.float64)
        if number in _SCALES:
            scale, offset = _SCALES[number]
            values = values / scale - offset
        values[raw == np.iinfo(raw.dtype).max] = np.nan  # the protocol's "unknown"
        columns[number] = values
    return Records(len(rows), tuple(columns), columns)


def checksum(data: bytes, before: int = 0) -> int:
    """CRC-16/ARC of more bytes behind those that have the sum `before`.

    Pieces of one length are gone through together, one byte of each at a time, and their sums put
    together afterwards: the sum is linear in its bits.
    """
    lanes = len(data) // _LANE_BYTES
    whole = lanes * _LANE_BYTES
    sums = np.zeros(lanes, np.uint16)
    if lanes:
        columns = np.frombuffer(data, np.uint8, whole).reshape(lanes, _LANE_BYTES).T
        for column in np.ascontiguousarray(columns):
            sums = (sums >> 8) ^ _TABLE[(sums ^ column) & 0xFF]
    total = before
    for lane in sums.tolist():
        total = _LOW[total & 0xFF] ^ _HIGH[total >> 8] ^ lane
    for byte in data[whole:]:
        total = (total >> 8) ^ _LIST[(total ^ byte) & 0xFF]
    return total


_LANE_BYTES = 256


def _table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
        table.append(value)
    return table


_LIST = _table()
_TABLE = np.array(_LIST, np.uint16)


def _behind_zeros(sums: Sequence[int]) -> list[int]:
    """What sums become behind as many zeros as a lane has bytes."""
    found = np.array(sums, np.uint16)
    for _ in range(_LANE_BYTES):
        found = (found >> 8) ^ _TABLE[found & 0xFF]
    return [int(value) for value in found]


_LOW, _HIGH = _behind_zeros(range(256)), _behind_zeros(range(0, 1 << 16, 256))
