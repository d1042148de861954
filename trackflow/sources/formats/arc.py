"""Reads Arc, the diary of places on iPhones: its daily JSON exports and its backups.

An export has timeline items with their samples; a backup has the samples of a week in a file of
their own, as do the exports of Arc's later editor (LocoKit2). A visit or a journey without samples
adds nothing to the samples, and is passed over.
"""

from collections.abc import Iterator, Mapping

from trackflow.sources.containers.streams import Stream
from trackflow.sources.devices.fixes import member
from trackflow.sources.file_format import FileFormat, Surety
from trackflow.sources.fix_rows import epoch_s_us, fix_row, iso_us
from trackflow.sources.heads import Head
from trackflow.sources.options import DEFAULTS, ReadOptions
from trackflow.sources.parsing.json_values import BrokenStretch, JsonElements
from trackflow.sources.records import Chunk, RefusalReason
from trackflow.sources.rows import CHUNK_POINTS, RowCollector
from trackflow.sources.values.columns import NoPositionsError
from trackflow.sources.values.counted_times import SECONDS_1970_TO_2001

DEVICE = "arc"
"""Of files that are named after a day or a week: each would be a device of its own."""

_OUTER_LISTS = frozenset({"timelineItems"})
_LISTS = _OUTER_LISTS | {"samples"}


def read_arc(
    stream: Stream,
    *,
    device_id: str | None,
    fallback_device: str,
    now_us: int,
    options: ReadOptions = DEFAULTS,
    chunk_points: int = CHUNK_POINTS,
) -> Iterator[Chunk]:
    """The points of a file of Arc, chunk by chunk.

    Args:
        stream: the file.
        device_id: the device of its points.
        fallback_device: not used: without a given device, it is `arc`.
        now_us: UTC microseconds; later times than this and a day are refused.
        options: the person's settings for the file.
        chunk_points: about how many points a chunk has.

    Raises:
        NoPositionsError: there is neither a timeline item nor a sample in it.
    """
    del fallback_device  # files of days, and folders of albums, are no devices
    collector = RowCollector(stream, device_id, DEVICE, now_us, options)
    reader = _Samples(collector)
    elements = JsonElements(stream, lists=_LISTS, outer_lists=_OUTER_LISTS)
    count = 0
    for count, element in enumerate(elements, start=1):
        reader.add(element, f"element {count}")
        if len(collector) >= chunk_points:
            yield collector.chunk()
    reader.report_rest()
    collector.end(f"element {count}")
    if not reader.any_known and not (elements.any_list and count == 0):
        raise NoPositionsError(f"{stream.name}: has no timeline item and no sample of Arc")
    yield collector.chunk()


class _Samples:
    """Puts samples into a collector.

    Attributes:
        any_known: whether any element was a timeline item or a sample.
    """

    def __init__(self, rows: RowCollector) -> None:
        self.any_known = False
        self._rows = rows
        self._without_position = 0

    def add(self, element: object, locator: str) -> None:
        """A sample, or an item without samples."""
        if isinstance(element, BrokenStretch):
            self._rows.refuse(element.reason, element.raw, locator)
        elif isinstance(element, Mapping) and ("itemId" in element or "base" in element):
            self.any_known = True
        elif isinstance(element, Mapping) and "date" in element:
            self.any_known = True
            self._add_sample(element, locator)
        else:
            self._rows.refuse(RefusalReason.NOT_A_POINT, element, locator)

    def report_rest(self) -> None:
        """How many samples were passed over."""
        if self._without_position:
            self._rows.skipped["sample without a position"] += self._without_position

    def _add_sample(self, sample: Mapping[str, object], locator: str) -> None:
        location = sample.get("location") or sample
        lat, lon = member(location, "latitude"), member(location, "longitude")
        if lat is None and lon is None:
            self._without_position += 1
            return
        if sample.get("disabled") is True or sample.get("deleted") is True:
            return  # the person took it out of the diary
        date = sample.get("date", member(location, "timestamp"))
        self._rows.add(
            fix_row(
                [date, lat, lon],
                _time_us(date),
                lat,
                lon,
                altitude_m=member(location, "altitude"),
                accuracy_m=member(location, "horizontalAccuracy"),
                speed_ms=member(location, "speed"),
                course_deg=member(location, "course"),
            ),
            locator,
        )


def _time_us(date: object) -> int | None:
    """Apple counts from 2001, and so do the backups of one version."""
    seconds_us = epoch_s_us(date)
    return iso_us(date) if seconds_us is None else seconds_us + SECONDS_1970_TO_2001 * 1_000_000


def _recognise(head: Head) -> int | None:
    is_own = head.names_all("timelineItems|sampleId")
    is_own = is_own or head.names_all("horizontalAccuracy", "movingState")
    return Surety.PROGRAM + 2 if head.text[0] in "{[" and is_own else None


FORMAT = FileFormat(
    name="arc",
    label="Arc",
    recognise=_recognise,
    read=read_arc,
)
