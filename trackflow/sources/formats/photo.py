"""Reads where and when a photo was taken: the EXIF data of JPEG and HEIC, one point per photo.

The time is that of the satellites (GPSDateStamp and GPSTimeStamp, UTC), else the camera's clock
with its offset from UTC (DateTimeOriginal and OffsetTimeOriginal). A clock without an offset
shows an unknown zone: such a photo is refused with this reason, unless `--time-zone` gives it.
No picture is decoded.
"""

import datetime as dt
import math
import re
import struct
import warnings
from collections.abc import Iterator, Mapping
from typing import IO

from trackflow.sources.containers.spooling import seekable
from trackflow.sources.containers.streams import Stream
from trackflow.sources.file_format import FileFormat, Surety
from trackflow.sources.fix_rows import fix_row, iso_us, zoned_us
from trackflow.sources.heads import Head
from trackflow.sources.options import DEFAULTS, ReadOptions
from trackflow.sources.parsing.heif_boxes import exif_of_heif
from trackflow.sources.records import Chunk, RefusalReason
from trackflow.sources.rows import PositionRow, RowCollector
from trackflow.sources.values.units import KMH_MS, KNOTS_MS, MPH_MS

DEVICE = "photos"
"""Each photo would be a device of its own."""

NO_POSITION = "photo without a position"

_GPS_IFD, _EXIF_IFD = 0x8825, 0x8769
_JPEG_SEGMENTS_MAX = 200
_EXIF_MARK = b"Exif\x00\x00"
_CLOCKS = ((36867, (36881, 36880), 37521), (36868, (36882, 36880), 37522))
"""Tags of when a photo was taken, then of when it was stored: time, its offsets, its fraction."""

_SPEED_UNITS_MS = {"K": KMH_MS, "M": MPH_MS, "N": KNOTS_MS}
_DAY = re.compile(r"\s*(\d{4})[:/.-](\d{1,2})[:/.-](\d{1,2})")
_CLOCK = re.compile(r"\s*(\d{4})[:/.-](\d\d)[:/.-](\d\d)[ T](\d\d:\d\d:\d\d)\s*\x00*")
_OFFSET = re.compile(r"\s*(Z|[+-]\d\d:?\d\d)\s*\x00*")

_MALFORMED = (
    ArithmeticError, AttributeError, LookupError, OSError, RuntimeError, SyntaxError, TypeError,
    ValueError, struct.error,
)  # fmt: skip
"""What Pillow raises on EXIF data that is none; "not a TIFF file" is a SyntaxError."""

type Tags = Mapping[int, object]


def read_photo(
    stream: Stream,
    *,
    device_id: str | None,
    fallback_device: str,
    now_us: int,
    options: ReadOptions = DEFAULTS,
) -> Iterator[Chunk]:
    """The point of a photo, or what it lacks: one without a position is passed over.

    Args:
        stream: the photo.
        device_id: the device of its point.
        fallback_device: not used: without a given device, it is `photos`.
        now_us: UTC microseconds; later times than this and a day are refused.
        options: the person's settings for the file.
    """
    del fallback_device  # files of days, and folders of albums, are no devices
    collector = RowCollector(stream, device_id, DEVICE, now_us, options)
    with seekable(stream) as file:
        row = photo_row(exif_of(file), zone_option(options))
    if isinstance(row, PositionRow):
        collector.add(row, "")
    elif stream.damage or row[0] is RefusalReason.UNREADABLE:
        collector.refuse(RefusalReason.UNREADABLE, row[1], "")
        collector.end("")
    elif row[0] is RefusalReason.NO_POSITION:
        collector.skipped[NO_POSITION] += 1
    else:
        collector.refuse(*row, "")
    yield collector.chunk()


def exif_of(file: IO[bytes]) -> bytes:
    """The EXIF data of a photo, as TIFF; empty if it has none."""
    try:
        is_jpeg = file.read(2) == b"\xff\xd8"
        file.seek(0)
        data = _exif_of_jpeg(file) if is_jpeg else exif_of_heif(file)
    except (ValueError, struct.error, OSError):
        return b""
    return data.removeprefix(_EXIF_MARK)


def zone_option(options: ReadOptions) -> dt.tzinfo | None:
    """The zone of cameras' clocks, if a person set one; the default is not for cameras."""
    return None if options.zone is DEFAULTS.zone else options.zone


def no_zone(clock: object) -> str:
    """That the clock of a camera is in no known zone, and what says which it is."""
    return (
        f"the photo's clock says {clock}, and nothing says in which zone: "
        "--time-zone does, on the page of the data “Zone of times without one”"
    )


def photo_row(
    exif: bytes, zone: dt.tzinfo | None = None
) -> PositionRow | tuple[RefusalReason, str]:
    """The point that EXIF data makes, or why it makes none.

    `zone` is that of the camera's clock where the photo has none.
    """
    if not exif:
        return RefusalReason.NO_POSITION, "the photo has no EXIF data"
    from PIL import Image  # a tenth of a second that other formats do not wait for

    tags = Image.Exif()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of values that it passes over
            tags.load(exif)
            gps = dict(tags.get_ifd(_GPS_IFD))
            clock = dict(tags) | dict(tags.get_ifd(_EXIF_IFD))
    except _MALFORMED as error:
        return (
            RefusalReason.UNREADABLE,
            f"the photo's EXIF data is damaged ({type(error).__name__})",
        )
    lat = _angle(gps.get(2), gps.get(1), "S")
    lon = _angle(gps.get(4), gps.get(3), "W")
    if lat is None or lon is None:
        return RefusalReason.NO_POSITION, "the photo has no position"
    time_us, shown = _time_us(gps, clock, zone)
    if time_us is None:
        return (
            RefusalReason.NO_TIME,
            no_zone(shown),
        )
    return fix_row(
        [shown, lat, lon],
        time_us,
        lat,
        lon,
        altitude_m=_altitude_m(gps),
        accuracy_m=_number(gps.get(31)),
        speed_ms=_speed_ms(gps),
        course_deg=_number(gps.get(15)) if _text(gps.get(14)) != "M" else None,
    )


def _exif_of_jpeg(file: IO[bytes]) -> bytes:
    """The segment APP1 with EXIF data, which stands before the picture."""
    file.seek(2)
    for _ in range(_JPEG_SEGMENTS_MAX):
        mark, kind = file.read(2)
        while kind == 0xFF:
            kind = file.read(1)[0]
        if mark != 0xFF or kind in (0xD9, 0xDA):
            break
        size_bytes = int.from_bytes(file.read(2)) - 2
        data = file.read(size_bytes) if kind == 0xE1 else b""
        if data.startswith(_EXIF_MARK):
            return data
        file.seek(max(size_bytes - len(data), 0), 1)
    return b""


def _time_us(gps: Tags, clock: Tags, zone: dt.tzinfo | None) -> tuple[int | None, str]:
    """UTC microseconds, and the time as the photo has it."""
    day, parts = _DAY.match(_text(gps.get(29))), gps.get(7)
    if day is not None and isinstance(parts, tuple) and len(parts) == 3:
        hour, minute, second = (_number(part) for part in parts)
        if hour is not None and minute is not None and second is not None:
            try:
                midnight = dt.datetime(int(day[1]), int(day[2]), int(day[3]), tzinfo=dt.UTC)
                moment = midnight + dt.timedelta(hours=hour, minutes=minute, seconds=second)
            except (ValueError, OverflowError):
                pass  # not a day: the camera's clock may still be right
            else:
                return round(moment.timestamp() * 1e6), moment.isoformat()
    for written, offsets, fraction in _CLOCKS:
        found = _CLOCK.fullmatch(_text(clock.get(written)))
        if found is None:
            continue
        offsets_found = (_OFFSET.fullmatch(_text(clock.get(tag))) for tag in offsets)
        offset = next(filter(None, offsets_found), None)
        shown = f"{found[1]}-{found[2]}-{found[3]}T{found[4]}"
        digits = _text(clock.get(fraction)).strip(" \x00")
        part = f".{digits[:6]}" if digits.isascii() and digits.isdigit() else ""
        if offset is None:
            return zoned_us(f"{shown}{part}", zone), shown
        return iso_us(f"{shown}{part}{offset[1]}"), f"{shown}{offset[1]}"
    return None, "no time"


def _angle(parts: object, letter: object, negative: str) -> float | None:
    """Degrees of degrees, minutes and seconds."""
    if not isinstance(parts, tuple) or len(parts) != 3:
        return None
    degrees, minutes, seconds = (_number(part) for part in parts)
    if degrees is None:
        return None
    size = degrees + (minutes or 0.0) / 60 + (seconds or 0.0) / 3600
    return -size if _text(letter).strip(" \x00").upper() == negative else size


def _altitude_m(gps: Tags) -> float | None:
    height = _number(gps.get(6))
    below = gps.get(5) in (1, b"\x01")
    return -height if height is not None and below else height


def _speed_ms(gps: Tags) -> float | None:
    speed = _number(gps.get(13))
    unit = _SPEED_UNITS_MS.get(_text(gps.get(12)).strip(" \x00").upper())
    return None if speed is None or unit is None else speed * unit


def _number(value: object) -> float | None:
    """A rational number, None where its denominator is 0 as in "unknown"."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, ArithmeticError):
        return None
    return number if math.isfinite(number) else None


def _text(value: object) -> str:
    if isinstance(value, bytes):
        value = value.decode("ascii", "replace")
    return value if isinstance(value, str) else ""


_HEIF = re.compile(rb"ftyp(?:hei[cxms]|hev[cm]|mif1|msf1|avif)")


def _recognise(head: Head) -> int | None:
    is_own = head.data.startswith(b"\xff\xd8\xff") or _HEIF.match(head.data, 4)
    return Surety.MAGIC if is_own else None


FORMAT = FileFormat(
    name="photo",
    label="photos",
    recognise=_recognise,
    read=read_photo,
    is_binary=True,
)
