"""Reads the data export of Polarsteps: `locations.json` and `trip.json` of each trip.

`locations.json` has what the phone recorded. The steps of `trip.json` are places that a person
chose on a map and times that are often those of the day; they are a device of their own, so that
they do not pull a recorded track away.
"""

import re
from collections.abc import Iterator, Mapping

from trackflow.sources.containers.streams import Stream
from trackflow.sources.devices.fixes import member
from trackflow.sources.file_format import FileFormat, Surety
from trackflow.sources.fix_rows import BAD_TIME, epoch_s_us, fix_row, iso_us
from trackflow.sources.heads import Head
from trackflow.sources.options import DEFAULTS, ReadOptions
from trackflow.sources.parsing.json_values import BrokenStretch, JsonElements
from trackflow.sources.records import Chunk, RefusalReason
from trackflow.sources.rows import CHUNK_POINTS, PositionRow, RowCollector
from trackflow.sources.values.columns import NoPositionsError

DEVICE = "polarsteps"
STEPS_DEVICE = "polarsteps-steps"
_LISTS = frozenset({"locations", "all_steps"})


def read_polarsteps(
    stream: Stream,
    *,
    device_id: str | None,
    fallback_device: str,
    now_us: int,
    options: ReadOptions = DEFAULTS,
    chunk_points: int = CHUNK_POINTS,
) -> Iterator[Chunk]:
    """The points of one file of a Polarsteps export, chunk by chunk.

    Args:
        stream: the file.
        device_id: the device of its points.
        fallback_device: not used: without a given device, it is `polarsteps`.
        now_us: UTC microseconds; later times than this and a day are refused.
        options: what a person said about the file.
        chunk_points: about how many points a chunk has.

    Raises:
        NoPositionsError: there is neither a location nor a step in it.
    """
    del fallback_device  # the folders of trips are no devices
    collector = RowCollector(stream, device_id, DEVICE, now_us, options)
    elements = JsonElements(stream, lists=_LISTS)
    count = 0
    for count, element in enumerate(elements, start=1):
        place = f"element {count}"
        if isinstance(element, BrokenStretch):
            collector.refuse(element.reason, element.raw, place)
        elif not isinstance(element, Mapping):
            collector.refuse(RefusalReason.NOT_A_POINT, element, place)
        elif element.get("is_deleted") is not True:
            collector.add(_row(element), place)
        if len(collector) >= chunk_points:
            yield collector.chunk()
    collector.end(f"element {count}")
    if not collector.any_found and not elements.any_list:
        raise NoPositionsError(f"{stream.name}: has no location and no step of Polarsteps")
    yield collector.chunk()


def _row(element: Mapping[str, object]) -> PositionRow:
    """A recorded location, or a step with its place."""
    if "lat" in element or "lon" in element:
        time = element.get("time")
        lat, lon = element.get("lat"), element.get("lon")
        return fix_row([time, lat, lon], _time_us(time), lat, lon)
    time = element.get("start_time")
    lat, lon = member(element, "location", "lat"), member(element, "location", "lon")
    return fix_row([time, lat, lon], _time_us(time), lat, lon, device_id=STEPS_DEVICE)


def _time_us(value: object) -> int | None:
    """Seconds since 1970 as numbers, or an ISO time as older exports have it."""
    if value is None or isinstance(value, str):
        return iso_us(value)
    seconds_us = epoch_s_us(value)
    return BAD_TIME if seconds_us is None else seconds_us


_LOCATIONS_ALONE = re.compile(
    r'\{\s*"locations"\s*:\s*\[\s*\{\s*(?=[^{}]*"time")(?=[^{}]*"lat")(?=[^{}]*"lon")'
    r'(?:"(?:lat|lon|time)"\s*:\s*[-+\d.eE]+\s*,?\s*){3}\}'
)


def _recognise(head: Head) -> int | None:
    is_own = head.text[0] in "{[" and (
        head.names_all("all_steps") or _LOCATIONS_ALONE.match(head.text)
    )
    return Surety.PROGRAM + 3 if is_own else None


FORMAT = FileFormat(
    name="polarsteps",
    label="Polarsteps",
    recognise=_recognise,
    read=read_polarsteps,
)
