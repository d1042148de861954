"""Reads what photo libraries write beside a photo: where and when it was taken.

Understood are the JSON of Google Takeout (`photoTakenTime`, in UTC), the JSON of Immich
(`exifInfo`), and XMP as Immich, Lightroom, digiKam and exiftool write it. A time without a zone is
refused with this reason, as in photos. The points are of the same device as those of photos, so
that a photo and its sidecar are one point where both have the same second.
"""

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from xml.etree import ElementTree

from trackflow.errors import BadInputError
from trackflow.sources.containers.streams import Stream
from trackflow.sources.devices.fixes import member
from trackflow.sources.file_format import FileFormat, Surety
from trackflow.sources.fix_rows import BAD_TIME, epoch_s_us, fix_row, iso_us, zoned_us
from trackflow.sources.formats.photo import DEVICE, NO_POSITION, no_zone, zone_option
from trackflow.sources.heads import Head
from trackflow.sources.options import DEFAULTS, ReadOptions
from trackflow.sources.parsing.json_values import BrokenStretch, JsonElements
from trackflow.sources.records import Chunk, RefusalReason
from trackflow.sources.rows import CHUNK_POINTS, RowCollector
from trackflow.sources.values.units import Quantity, coordinate, number

XMP_MAX_BYTES = 16 * 2**20
_EXIF = "{http://ns.adobe.com/exif/1.0/}"
_TIMES = (
    f"{_EXIF}GPSTimeStamp", f"{_EXIF}DateTimeOriginal", "{http://ns.adobe.com/photoshop/1.0/}DateCreated",
    "{http://ns.adobe.com/xap/1.0/}CreateDate",
)  # fmt: skip
_XMP_DATE = re.compile(r"(\d{4})[:-](\d\d)[:-](\d\d)[ T]")
_MINUTES = re.compile(r"(\d{1,3}),(\d{1,2}(?:\.\d+)?|\d{1,2},\d{1,2}(?:\.\d+)?)([NSEW])")
_ZONE = re.compile(r"(?:Z|[+-]\d\d:?\d\d)$")


def read_photo_sidecar(
    stream: Stream,
    *,
    device_id: str | None,
    fallback_device: str,
    now_us: int,
    options: ReadOptions = DEFAULTS,
    chunk_points: int = CHUNK_POINTS,
) -> Iterator[Chunk]:
    """The points of a sidecar, or of a list of sidecars.

    Args:
        stream: the file.
        device_id: the device of its points.
        fallback_device: not used: without a given device, it is `photos`.
        now_us: UTC microseconds; later times than this and a day are refused.
        options: the person's settings for the file.
        chunk_points: about how many points a chunk has.

    Raises:
        BadInputError: it is no XML.
    """
    del fallback_device  # files of days, and folders of albums, are no devices
    collector = RowCollector(stream, device_id, DEVICE, now_us, options)
    if stream.peek(64).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        _add_xmp(stream, collector, zone_option(options))
    else:
        for index, element in enumerate(JsonElements(stream), start=1):
            _add_json(element, collector, f"element {index}", zone_option(options))
            if len(collector) >= chunk_points:
                yield collector.chunk()
    collector.end("")
    yield collector.chunk()


def _add_json(element: object, rows: RowCollector, locator: str, zone: dt.tzinfo | None) -> None:
    """The position and time of a photo from one element.

    Args:
        element: of the file.
        rows: where it goes.
        locator: where it stands.
        zone: of the camera's clock, if a person set it.
    """
    if isinstance(element, BrokenStretch):
        rows.refuse(element.reason, element.raw, locator)
        return
    known = member(element, "exifInfo")
    if isinstance(known, Mapping):
        _add(rows, locator, member(known, "dateTimeOriginal"), known, "", zone)
        return
    seconds = member(element, "photoTakenTime", "timestamp")
    if not isinstance(element, Mapping) or seconds is None:
        rows.refuse(RefusalReason.NOT_A_POINT, element, locator)
        return
    locators = (element.get(name) for name in ("geoDataExif", "geoData"))
    measured = next(filter(_is_known, locators), None)
    _add(rows, locator, seconds, measured, "s", zone)


def _add(
    rows: RowCollector,
    locator: str,
    time: object,
    known: object,
    time_unit: str,
    zone: dt.tzinfo | None,
) -> None:
    """One photo.

    Args:
        rows: where it goes.
        locator: where it stands in the file.
        time: ISO, or seconds since 1970.
        known: an object with latitude, longitude and perhaps altitude.
        time_unit: "s" if `time` is seconds.
        zone: of the camera's clock, if a person set it.
    """
    lat, lon = member(known, "latitude"), member(known, "longitude")
    if lat is None or lon is None:
        rows.skipped[NO_POSITION] += 1
        return
    time_us = _seconds_us(time) if time_unit else iso_us(time)
    if not time_unit and isinstance(time, str) and not _ZONE.search(time.strip()):
        time_us = zoned_us(time.strip(), zone)
    if time_us is None and time is not None:
        rows.refuse(RefusalReason.NO_TIME, no_zone(time), locator)
        return
    altitude = member(known, "altitude")
    rows.add(fix_row([time, lat, lon], time_us, lat, lon, altitude_m=altitude or None), locator)


def _is_known(geo: object) -> bool:
    """Google writes zeros for an unknown place."""
    return bool(member(geo, "latitude")) or bool(member(geo, "longitude"))


def _seconds_us(value: object) -> int:
    """Seconds since 1970, which Google writes as text."""
    seconds = number(value) if isinstance(value, str) else value
    seconds_us = epoch_s_us(seconds)
    return BAD_TIME if seconds_us is None else seconds_us


def _add_xmp(stream: Stream, rows: RowCollector, zone: dt.tzinfo | None) -> None:
    data = stream.read(XMP_MAX_BYTES)
    try:
        root = ElementTree.fromstring(data)  # noqa: S314  # expat bounds what entities unpack to
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise BadInputError(f"{stream.name}: is no whole XMP sidecar ({error})") from None
    known: dict[str, str] = {}
    for element in root.iter():
        known |= {name: text for name, text in element.attrib.items() if name not in known}
        if element.text and element.text.strip() and element.tag not in known:
            known[element.tag] = element.text
    position = {
        "latitude": _degrees(known.get(f"{_EXIF}GPSLatitude"), Quantity.LATITUDE),
        "longitude": _degrees(known.get(f"{_EXIF}GPSLongitude"), Quantity.LONGITUDE),
        "altitude": _height(known),
    }
    times = [_XMP_DATE.sub(r"\1-\2-\3T", known[name].strip()) for name in _TIMES if name in known]
    if f"{_EXIF}GPSTimeStamp" in known and times and not _ZONE.search(times[0]):
        times[0] += "Z"  # EXIF has it in UTC only
    time = next((time for time in times if _ZONE.search(time)), times[0] if times else None)
    _add(rows, "", time, position, "", zone)


def _degrees(text: str | None, axis: Quantity) -> float | None:
    """Degrees of XMP's "60,10.2N", of "60,10,12N", or of any other way to write them."""
    if text is None:
        return None
    found = _MINUTES.fullmatch(text.strip())
    if found is None:
        return coordinate(text, axis)
    minutes, _, seconds = found[2].partition(",")
    size = int(found[1]) + float(minutes) / 60 + float(seconds or 0) / 3600
    return -size if found[3] in "SW" else size


def _height(known: Mapping[str, str]) -> float | None:
    """Metres of a fraction such as 1234/10."""
    above, _, below = known.get(f"{_EXIF}GPSAltitude", "").partition("/")
    try:
        height = float(above) / float(below or 1)
    except (ValueError, ZeroDivisionError):
        return None
    return -height if known.get(f"{_EXIF}GPSAltitudeRef", "").strip() == "1" else height


_XMP = re.compile(r"<(?:[\w.-]+:)?(?:xmpmeta|xapmeta|RDF)[\s>]")


def _recognise(head: Head) -> int | None:
    if head.text[0] == "<":
        return Surety.SHAPE if _XMP.search(head.xml) else None
    is_own = head.text[0] in "{[" and head.names_all("photoTakenTime|exifInfo")
    return Surety.PROGRAM if is_own else None


FORMAT = FileFormat(
    name="photo_sidecar",
    label="photo sidecars",
    recognise=_recognise,
    read=read_photo_sidecar,
)
