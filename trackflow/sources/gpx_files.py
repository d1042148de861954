"""Reads GPX 1.0 and 1.1: track points, and route points and waypoints that have a time.

Points are taken as the parser goes by and nothing else is kept, so a file of any size needs the
memory of one chunk. Where the markup is broken, reading goes on at the next track point.
"""

import re
from collections.abc import Iterator

import numpy as np

from trackflow.errors import BadInputError
from trackflow.geo.points import Floats
from trackflow.sources.cells import numbers, strings
from trackflow.sources.columns import HDOP_UNIT_M
from trackflow.sources.door import Candidates, Devices, admit
from trackflow.sources.records import Chunk, PointBatch
from trackflow.sources.streams import Stream
from trackflow.sources.times import TimeForm, times
from trackflow.sources.xml_points import XmlParser, local_name, texts

CHUNK_POINTS = 50_000
_TEXT_MAX_CHARS = 1_000

_POINT_TAGS = {"trkpt", "rtept", "wpt"}
_FIELDS = {
    "ele": "ele",
    "time": "time",
    "speed": "speed",
    "course": "course",
    "bearing": "course",
    "heading": "course",
    "hdop": "hdop",
    "accuracy": "accuracy",
    "acc": "accuracy",
    "horizontalaccuracy": "accuracy",
}
_ONLY_DIRECT = {"ele", "time"}
"""Only as children of the point: extensions have times and heights of other things."""

_TRACK_POINT = re.compile(r"<([\w.-]+:)?trkpt[\s>]")

type _Point = tuple[str, dict[str, str], dict[str, str], int]
"""Tag, attributes, texts by field, line."""


def read_gpx(
    stream: Stream,
    *,
    device_id: str | None,
    fallback_device: str,
    now_us: int,
    chunk_points: int = CHUNK_POINTS,
) -> Iterator[Chunk]:
    """The points of a GPX file, chunk by chunk.

    Args:
        stream: the file.
        device_id: the device of its points.
        fallback_device: the device if none was given: GPX names none.
        now_us: UTC microseconds; later times than this and a day are refused.
        chunk_points: about how many points a chunk has.

    Raises:
        BadInputError: there is no readable point in it, or it has a document type.
    """
    device = device_id or fallback_device
    parser = _PointParser(stream.name)
    any_point = False
    for text in texts(stream):
        try:
            parser.feed(text)
        except BadInputError:
            if parser.points:
                yield _chunk(parser, device, stream, now_us)
            raise
        if len(parser.points) >= chunk_points:
            any_point = True
            yield _chunk(parser, device, stream, now_us)
    parser.finish(stream.damage)
    if parser.problem and not (any_point or parser.points):
        raise BadInputError(f"{stream.name}: cannot be read as GPX: {parser.problem}")
    yield _chunk(parser, device, stream, now_us)


class _PointParser(XmlParser):
    """Collects points, and refusals for stretches that are no XML."""

    anchor = _TRACK_POINT
    format_name = "GPX"

    def __init__(self, name: str) -> None:
        self.points: list[_Point] = []
        super().__init__(name)

    def begin(self) -> None:
        """No point is open."""
        self._point: _Point | None = None
        self._point_depth = 0
        self._field = ""
        self._text: list[str] = []

    def reopened(self, found: re.Match[str]) -> str:
        """A track around a track point."""
        prefix = found[1] or ""
        return f"<{prefix}gpx><{prefix}trk><{prefix}trkseg>"

    def started(self, tag: str, attributes: dict[str, str]) -> None:
        """A point, or a field of one."""
        self.deeper()
        if self._point is None:
            local = local_name(tag)
            if local in _POINT_TAGS:
                self._begin_point(local, attributes)
            return
        name = _FIELDS.get(tag)
        if name is None:
            local = local_name(tag)
            if local in _POINT_TAGS:  # the end of the one before is broken
                self._end_point(self._point)
                self._begin_point(local, attributes)
                return
            name = _FIELDS.get(local.lower(), "")
        if name in _ONLY_DIRECT and self.depth != self._point_depth + 1:
            name = ""
        self._field = name
        self._text = []

    def text(self, text: str) -> None:
        """Part of a field."""
        if self._field and len(text) <= _TEXT_MAX_CHARS:
            self._text.append(text)

    def ended(self, tag: str) -> None:  # noqa: ARG002
        """A point is whole, or a field of one."""
        self.depth -= 1
        if self._point is None:
            return
        if self.depth < self._point_depth:
            self._end_point(self._point)
            self._point = None
        elif self._field:
            # The first wins: an element of the point itself comes before its extensions.
            self._point[2].setdefault(self._field, "".join(self._text).strip())
        self._field = ""

    def _begin_point(self, tag: str, attributes: dict[str, str]) -> None:
        self._point = (tag, attributes, {}, self.line())
        self._point_depth = self.depth
        self._field = ""

    def _end_point(self, point: _Point) -> None:
        if point[0] == "trkpt" or "time" in point[2]:
            self.points.append(point)


def _chunk(parser: _PointParser, device: str, stream: Stream, now_us: int) -> Chunk:
    points, refused = parser.points, parser.refused
    parser.points, parser.refused = [], []
    if not points:
        return Chunk(PointBatch.empty(), refused, stream.position())

    def describe(row: int) -> tuple[str, str]:
        tag, attributes, fields, line = points[row]
        shown = "".join(f' {name}="{value}"' for name, value in attributes.items())
        inner = "".join(f"<{name}>{value}</{name}>" for name, value in fields.items())
        return f"<{tag}{shown}>{inner}</{tag}>", f"{parser.name}:{line}"

    accepted, at_the_door = admit(_candidates(points, device), now_us, describe)
    return Chunk(accepted, at_the_door + refused, stream.position())


def _candidates(points: list[_Point], device: str) -> Candidates:
    fields = [point[2] for point in points]
    present = set().union(*fields)

    def column(name: str) -> Floats:
        if name not in present:
            return np.full(len(points), np.nan)
        return numbers(strings([texts.get(name) for texts in fields])).values

    accuracy = column("accuracy")
    return Candidates(
        Devices.all_of(device, len(points)),
        times(strings([texts.get("time") for texts in fields]), TimeForm.ISO),
        numbers(strings([p[1].get("lat") for p in points])),
        numbers(strings([p[1].get("lon") for p in points])),
        column("ele"),
        np.where(np.isnan(accuracy), column("hdop") * HDOP_UNIT_M, accuracy),
        column("speed"),
        column("course"),
    )
