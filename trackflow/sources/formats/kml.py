"""Reads KML: tracks (`gx:Track`, also in a `gx:MultiTrack`) and points with a time.

A KMZ is a zip with a KML in it, and zips are opened elsewhere. A point with a time span counts
twice, at its beginning and at its end. Lines and areas have no time for each of their positions:
each is refused once. What stands beside a point or a track as `ExtendedData` is read by its names,
as the columns of a table are. In a track the n-th `when` belongs to the n-th `coord`; a track that
has more of one than of the other is refused from where that shows, because it is unknown which time
belongs to which position.
"""

import re
from collections.abc import Iterator

from trackflow.errors import BadInputError
from trackflow.sources.containers.streams import Stream
from trackflow.sources.file_format import FileFormat
from trackflow.sources.heads import Head
from trackflow.sources.options import DEFAULTS, ReadOptions
from trackflow.sources.parsing.kml_placemarks import PlacemarkParser
from trackflow.sources.parsing.xml_points import root_at, texts
from trackflow.sources.records import Chunk
from trackflow.sources.rows import CHUNK_POINTS, RowCollector


def read_kml(
    stream: Stream,
    *,
    device_id: str | None,
    fallback_device: str,
    now_us: int,
    options: ReadOptions = DEFAULTS,
    chunk_points: int = CHUNK_POINTS,
) -> Iterator[Chunk]:
    """The points of a KML file, chunk by chunk.

    Args:
        stream: the file.
        device_id: the device of its points.
        fallback_device: the device of points that name none.
        now_us: UTC microseconds; later times than this and a day are refused.
        options: the person's settings for the file.
        chunk_points: about how many points a chunk has; a track that lists its times before its
            positions is never split.

    Raises:
        BadInputError: there is no readable element in it, or it has a document type.
    """
    collector = RowCollector(stream, device_id, fallback_device, now_us, options)
    parser = PlacemarkParser(collector, label_tracks=options.label_tracks)
    any_chunk = False
    for text in texts(stream):
        try:
            parser.feed(text)
        except BadInputError:
            yield parser.chunk()
            raise
        if len(collector) + len(parser.refused) >= chunk_points:
            any_chunk = True
            yield parser.chunk()
    parser.finish(stream.damage)
    parser.give_up_track()
    if parser.problem and not (any_chunk or len(collector)):
        raise BadInputError(f"{stream.name}: cannot be read as KML: {parser.problem}")
    yield parser.chunk()


def _recognise(head: Head) -> int | None:
    return root_at(head, "kml")


FORMAT = FileFormat(
    name="kml",
    label="KML",
    recognise=_recognise,
    read=read_kml,
    track_start=re.compile(rb"<(?:[\w.-]+:)?Track[\s>]"),
    track_marks=tuple(b"Track%c" % end for end in b"> \t\n\r\f\v"),
)
