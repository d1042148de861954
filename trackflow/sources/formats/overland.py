"""Reads saved batches of the Overland app: one `{"locations": [...]}`, or one on each line."""

import re
from collections.abc import Iterator
from typing import cast

from trackflow.sources.admission import Candidates
from trackflow.sources.containers.streams import Stream
from trackflow.sources.devices import overland
from trackflow.sources.devices.fixes import Record
from trackflow.sources.file_format import FileFormat, Surety
from trackflow.sources.heads import Head
from trackflow.sources.options import DEFAULTS, ReadOptions
from trackflow.sources.parsing.json_values import BrokenStretch, JsonElements
from trackflow.sources.records import Chunk, RefusalReason
from trackflow.sources.rows import CHUNK_POINTS, Collector
from trackflow.sources.values.columns import NoPositionsError

_LISTS = frozenset({"locations"})


def read_overland(
    stream: Stream,
    *,
    device_id: str | None,
    fallback_device: str,
    now_us: int,
    options: ReadOptions = DEFAULTS,  # noqa: ARG001  batches say all that is needed
    chunk_points: int = CHUNK_POINTS,
) -> Iterator[Chunk]:
    """The points of a file of Overland batches, chunk by chunk.

    Args:
        stream: the file.
        device_id: the device of all points, whatever they say.
        fallback_device: the device of features that name none, as they do by default.
        now_us: UTC microseconds; later times than this and a day are refused.
        options: what a person said about the file.
        chunk_points: about how many points a chunk has.

    Raises:
        BadInputError: there is no batch in it.
    """

    def candidates(features: list[Record]) -> Candidates:
        return overland.candidates(features, device_id=device_id, fallback_device=fallback_device)

    collector = Collector(stream, device_id, now_us, candidates)
    elements = JsonElements(stream, lists=_LISTS)
    count = 0
    for count, element in enumerate(elements, start=1):
        place = f"element {count}"
        kind = overland.kind_of(element)
        if isinstance(element, BrokenStretch):
            collector.refuse(element.reason, element.raw, place)
        elif kind is overland.FeatureKind.LOCATION:
            collector.add(cast(Record, element), place)
        elif kind is overland.FeatureKind.UNKNOWN:
            collector.refuse(RefusalReason.NOT_A_POINT, element, place)
        if len(collector) >= chunk_points:
            yield collector.chunk()
    collector.end(f"element {count}")
    if not collector.any_found and not elements.any_list:
        raise NoPositionsError(f'{stream.name}: has no batch of Overland, {{"locations": [...]}}')
    yield collector.chunk()


_LOCATIONS = re.compile(r'"locations"\s*:\s*\[')


def _recognise(head: Head) -> int | None:
    is_own = head.text[0] in "{[" and _LOCATIONS.search(head.text) and '"Feature"' in head.text
    return Surety.SHAPE if is_own else None


FORMAT = FileFormat(
    name="overland",
    label="Overland",
    recognise=_recognise,
    read=read_overland,
)
