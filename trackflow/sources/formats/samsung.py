"""Reads the positions of exercises in the data export of Samsung Health.

They lie in `<exercise>.com.samsung.health.exercise.location_data.json`, a list of positions with
`start_time` in milliseconds. Tables of the export have a line before their header that names the
kind, names of columns with the kind in front, and rows that end in one comma too many.
"""

import re
from collections.abc import Iterator, Mapping

from trackflow.sources.containers.streams import Stream, rest_of
from trackflow.sources.file_format import FileFormat, Surety, UnknownFormatError
from trackflow.sources.fix_rows import BAD_TIME, fix_row, iso_us
from trackflow.sources.formats.csv import read_csv
from trackflow.sources.heads import HEAD_BYTES, Head
from trackflow.sources.options import DEFAULTS, ReadOptions
from trackflow.sources.parsing.json_values import BrokenStretch, JsonElements
from trackflow.sources.records import Chunk, RefusalReason
from trackflow.sources.rows import CHUNK_POINTS, PositionRow, RowCollector
from trackflow.sources.values.columns import NoPositionsError
from trackflow.sources.values.counted_times import count_us, epoch_form
from trackflow.sources.values.trips import score

DEVICE = "samsung-health"
"""Exercises are named by random ids: each would be a device of its own."""


def read_samsung(
    stream: Stream,
    *,
    device_id: str | None,
    fallback_device: str,
    now_us: int,
    options: ReadOptions = DEFAULTS,
    chunk_points: int = CHUNK_POINTS,
) -> Iterator[Chunk]:
    """The points of an exercise, chunk by chunk.

    Args:
        stream: the file.
        device_id: the device of its points.
        fallback_device: not used: without a given device, it is `samsung-health`.
        now_us: UTC microseconds; later times than this and a day are refused.
        options: the person's settings for the file.
        chunk_points: about how many points a chunk has.

    Raises:
        NoPositionsError: there is no position in it.
    """
    del fallback_device  # files of exercises are no devices
    if not stream.peek(HEAD_BYTES).lstrip(b"\xef\xbb\xbf \r\n\t").startswith((b"[", b"{")):
        yield from read_csv(
            _plain_table(stream),
            device_id=device_id,
            fallback_device=DEVICE,
            now_us=now_us,
            options=options,
        )
        return
    collector = RowCollector(stream, device_id, DEVICE, now_us, options)
    count, without_position = 0, 0
    for count, element in enumerate(JsonElements(stream), start=1):
        locator = f"element {count}"
        if isinstance(element, BrokenStretch):
            collector.refuse(element.reason, element.raw, locator)
        elif not isinstance(element, Mapping):
            collector.refuse(RefusalReason.NOT_A_POINT, element, locator)
        elif "latitude" not in element and "longitude" not in element:
            without_position += 1
        else:
            collector.add(_row(element), locator)
        if len(collector) >= chunk_points:
            yield collector.chunk()
    collector.end(f"element {count}")
    if without_position:
        collector.skipped["moment without a position"] += without_position
    if not collector.any_found:
        raise NoPositionsError(f"{stream.name}: has no position of an exercise of Samsung Health")
    yield collector.chunk()


def _row(element: Mapping[str, object]) -> PositionRow:
    time, lat, lon = element.get("start_time"), element.get("latitude"), element.get("longitude")
    return fix_row(
        [time, lat, lon],
        _time_us(time),
        lat,
        lon,
        altitude_m=element.get("altitude"),
        accuracy_m=element.get("accuracy"),
        speed_ms=element.get("speed"),
    )


def _time_us(value: object) -> int | None:
    """Milliseconds since 1970, or seconds, or an ISO time, each by itself."""
    if value is None or isinstance(value, str):
        return iso_us(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return BAD_TIME
    form = epoch_form(value)
    time_us = None if form is None else count_us(value, form)
    return BAD_TIME if time_us is None else time_us


def _plain_table(stream: Stream) -> Stream:
    """A table without the line that names its kind, and with a header as wide as its rows."""
    head = stream.peek(HEAD_BYTES)
    first, _, rest = head.partition(b"\n")
    header, _, rows = rest.partition(b"\n")
    names = [name.rpartition(b".")[2] for name in header.strip().split(b",")]
    row = rows.partition(b"\n")[0].rstrip(b"\r")
    if row.count(b",") == len(names):
        names.append(b"nothing")

    def pieces() -> Iterator[bytes]:
        stream.read(len(first) + 1 + len(header))
        yield b",".join(names)
        yield from rest_of(stream)

    return Stream(stream.name, pieces(), stream.position, lambda: None)


_POSITION = re.compile(
    r'\[\s*\{(?=[^{}]*"start_time")(?=[^{}]*"latitude")(?=[^{}]*"longitude")[^{}]*\}'
)
_TABLE = re.compile(r"com\.samsung\.[\w.]+,\d+,\d+")


def _recognise(head: Head) -> int | None:
    if head.text[0] == "[":
        return Surety.PROGRAM + 4 if _POSITION.match(head.text) else None
    if not _TABLE.match(head.text):
        return None
    cells = head.text.partition("\n")[2].partition("\n")[0].strip().split(",")
    if score([cell.rpartition(".")[2] for cell in cells]) < 200:
        raise UnknownFormatError(
            f"{head.name}: is a table of Samsung Health without positions: those of exercises are "
            "in the files location_data.json beside it"
        )
    return Surety.SHAPE + 3


FORMAT = FileFormat(
    name="samsung",
    label="Samsung Health",
    recognise=_recognise,
    read=read_samsung,
)
