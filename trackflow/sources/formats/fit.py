"""Reads FIT, the recordings of sports watches and bicycle computers: their `record` messages.

Positions are semicircles (2^31 of them are 180 degrees) and times seconds since the last day of
1989, both as the FIT protocol defines them. A record without a position (indoors, before the first
fix) is ordinary, and the times of a course are a plan: both are passed over and counted. Files that
were chained into one are read one after another. Fields of apps (developer fields) are not looked
at.
"""

from collections.abc import Iterator

from trackflow.errors import BadInputError
from trackflow.sources.containers.streams import Stream
from trackflow.sources.file_format import FileFormat, Surety
from trackflow.sources.heads import Head
from trackflow.sources.options import DEFAULTS, ReadOptions
from trackflow.sources.records import Chunk
from trackflow.sources.rows import CHUNK_POINTS, RowCollector


def read_fit(
    stream: Stream,
    *,
    device_id: str | None,
    fallback_device: str,
    now_us: int,
    options: ReadOptions = DEFAULTS,
    chunk_points: int = CHUNK_POINTS,
) -> Iterator[Chunk]:
    """The points of a FIT file, chunk by chunk.

    A file that is damaged gives the points before the damage, and a refusal. One whose checksum is
    wrong gives all its points, and a refusal.

    Args:
        stream: the file.
        device_id: the device of its points.
        fallback_device: the device if none was given: the serial number in a FIT file is often
            missing or made up.
        now_us: UTC microseconds; later times than this and a day are refused.
        options: the person's settings for the file.
        chunk_points: about how many points a chunk has.

    Raises:
        BadInputError: there is no record in it that can be read.
    """
    # the decoder takes a tenth of a second that other formats do not wait for
    from trackflow.sources.parsing.fit_records import Messages

    collector = RowCollector(stream, device_id, fallback_device, now_us, options)
    records = Messages(stream, collector)
    for _ in records:
        if len(collector) >= chunk_points:
            yield collector.chunk()
    if records.problem and not records.count:
        raise BadInputError(f"{stream.name}: cannot be read as FIT: {records.problem}")
    records.report_rest()
    yield collector.chunk()


def _recognise(head: Head) -> int | None:
    return Surety.MAGIC + 1 if head.data.startswith(b".FIT", 8) else None


FORMAT = FileFormat(
    name="fit",
    label="FIT",
    recognise=_recognise,
    read=read_fit,
    is_binary=True,
)
