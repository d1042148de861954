"""Reads Google Timeline (Location History) in its three forms.

1. `Records.json` of Takeout: every position that a phone reported. The phones of an account are
   separated by their `deviceTag`, which is put behind the file's name. `Timeline Edits.json` of
   newer Takeouts has the same for the weeks before it was made.
2. The months of the "Semantic Location History" of Takeout: journeys and visits.
3. What phones export since 2024: on Android an object with `semanticSegments` and `rawSignals`,
   on iOS a list of segments.

Journeys give their ends and the positions of their path that have a time; visits give their place
twice, when they began and when they ended. A journey that does not name its ends begins and ends
where its path does. A path without times is refused once for what lies between its ends. Scans of
radio networks and guesses at activities are no positions and are passed over.
"""

import re
from collections.abc import Iterator

from trackflow.sources.containers.streams import Stream
from trackflow.sources.file_format import FileFormat, Surety
from trackflow.sources.heads import Head, stem
from trackflow.sources.options import DEFAULTS, ReadOptions
from trackflow.sources.parsing.google_timeline import TimelineCollector
from trackflow.sources.parsing.json_values import JsonElements
from trackflow.sources.records import Chunk
from trackflow.sources.rows import (
    CHUNK_POINTS,
    RowCollector,
)
from trackflow.sources.values.columns import NoPositionsError

_LISTS = frozenset(
    {"locations", "timelineObjects", "semanticSegments", "rawSignals", "timelineEdits"}
)

_MONTH_FILE = re.compile(r"\d{4}(?:_[A-Z]+)?|Timeline Edits(?: \(\d+\)|\(\d+\))?")

_MONTHS_DEVICE = "google-timeline"
"""Of files that are named after a month: each would be a device of its own."""


def read_google(
    stream: Stream,
    *,
    device_id: str | None,
    fallback_device: str,
    now_us: int,
    options: ReadOptions = DEFAULTS,
    chunk_points: int = CHUNK_POINTS,
) -> Iterator[Chunk]:
    """The points of a Google Timeline file, chunk by chunk.

    Args:
        stream: the file.
        device_id: the device of all points, also where they name another.
        fallback_device: the device if none was given, with a `deviceTag` behind it if there is one.
        now_us: UTC microseconds; later times than this and a day are refused.
        options: the person's settings for the file.
        chunk_points: about how many points a chunk has.

    Raises:
        BadInputError: there is nothing of the kind in it.
    """
    if any(_MONTH_FILE.fullmatch(name) for name in (fallback_device, stem(stream.name))):
        fallback_device = _MONTHS_DEVICE
    collector = RowCollector(stream, device_id, fallback_device, now_us, options)
    reader = TimelineCollector(collector, fallback_device, options.time_rules)
    elements = JsonElements(stream, lists=_LISTS)
    count = 0
    for count, element in enumerate(elements, start=1):
        reader.add(element, f"element {count}")
        if len(collector) + reader.pending >= chunk_points:
            reader.flush()
            yield collector.chunk()
    reader.flush()
    collector.end(f"element {count}")
    if not reader.any_known and not (elements.any_list and count == 0):
        raise NoPositionsError(
            f"{stream.name}: has no position of a Google Timeline; understood are Records.json, "
            "the months of the Semantic Location History, and the Timeline.json of a phone"
        )
    yield collector.chunk()


_OWN_MEMBERS = re.compile(
    r'"(?:timelineEdits|timelineObjects|semanticSegments|rawSignals|timelinePath|activitySegment'
    r'|placeVisit)"\s*:'
    r'|"(?:placeLocation|start|end|point)"\s*:\s*"geo:'
)

_LOCATIONS = re.compile(r'"locations"\s*:\s*\[')


def _recognise(head: Head) -> int | None:
    if head.text[0] not in "{[":
        return None
    is_own = _OWN_MEMBERS.search(head.text)
    is_records = _LOCATIONS.search(head.text) and '"latitudeE7"' in head.text
    return Surety.PROGRAM + 5 if is_own or is_records else None


FORMAT = FileFormat(
    name="google",
    label="Google Timeline",
    recognise=_recognise,
    read=read_google,
)
