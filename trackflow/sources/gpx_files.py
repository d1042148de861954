"""Reads GPX 1.0 and 1.1: track points, and route points and waypoints that have a time.

Points are taken as the parser goes by and nothing else is kept, so a file of any size needs the
memory of one chunk. Where the markup is broken, reading goes on at the next track point.
"""

import codecs
import re
from collections.abc import Iterator
from typing import NoReturn
from xml.parsers import expat

import numpy as np

from trackflow.errors import BadInputError
from trackflow.geo.points import Floats
from trackflow.sources.cells import numbers, strings
from trackflow.sources.columns import HDOP_UNIT_M
from trackflow.sources.door import Candidates, Devices, admit
from trackflow.sources.formats import encoding_of
from trackflow.sources.records import Chunk, PointBatch, Reason, Refusal, clean_raw
from trackflow.sources.streams import PIECE_BYTES, Stream
from trackflow.sources.times import TimeForm, times

CHUNK_POINTS = 50_000
DEPTH_MAX = 100
TOKEN_MAX_CHARS = 8 * 2**20
RESTARTS_MAX = 1_000
_TEXT_MAX_CHARS = 1_000
_CONTEXT_CHARS = 120

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

_DECLARED_ENCODING = re.compile(rb"<\?xml[^>]*?encoding\s*=\s*[\"']([\w.:-]+)[\"']")
_TEXT_ENCODING = re.compile(
    r"utf-?8|(?:us-)?ascii|latin-?1|latin9|iso-?8859-(?:1?[13-9]|2|10)|(?:windows-|cp)125\d|koi8-[ru]"
    r"|gbk|gb2312|gb18030|big5|shift_jis|euc-(?:jp|kr)"
)
"""By name, because Python has codecs that are no text encodings (base64, idna, unicode_escape)."""
_BARE_AMPERSAND = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#\d{1,7}|#x[0-9a-fA-F]{1,6});)")
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_TRACK_POINT = re.compile(r"<([\w.-]+:)?trkpt[\s>]")
_LONGEST_ENTITY = 10

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
    for text in _texts(stream):
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


class _PointParser:
    """Collects points, and refusals for stretches that are no XML."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.points: list[_Point] = []
        self.refused: list[Refusal] = []
        self.problem = ""
        self._restarts = 0
        self._first_line = 1
        self._lost = False
        self._tail = ""
        self._begin()

    def feed(self, text: str) -> None:
        """More of the file."""
        while text:
            if self._lost:
                text = self._found_again(self._tail + text)
                continue
            start_byte = self._fed_bytes
            encoded = text.encode("utf-8", "replace")
            self._fed_bytes += len(encoded)
            try:
                self._parser.Parse(encoded, False)
            except expat.ExpatError as error:
                at = max(self._parser.ErrorByteIndex - start_byte, 0)
                text = self._lose(encoded[at:].decode("utf-8", "replace"), error)
                continue
            if self._fed_bytes - self._parser.CurrentByteIndex > TOKEN_MAX_CHARS:
                raise BadInputError(f"{self.name}: has a tag or text of more than 8 MiB")
            return

    def finish(self, damage: str) -> None:
        """The end of the file; `damage` if it ends early."""
        problem = damage
        if not self._lost:
            try:
                self._parser.Parse(b"", True)
            except expat.ExpatError as error:
                problem = damage or expat.errors.messages[error.code]
        if problem:
            self.problem = problem
            self._refuse(Reason.TRUNCATED, problem, self._line())

    def _begin(self) -> None:
        parser = expat.ParserCreate(encoding="utf-8")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.StartDoctypeDeclHandler = self._doctype
        self._parser = parser
        self._fed_bytes = 0
        self._depth = 0
        self._point: _Point | None = None
        self._point_depth = 0
        self._field = ""
        self._text: list[str] = []

    def _lose(self, rest: str, error: expat.ExpatError) -> str:
        """Notes broken markup; returns the text in which to look for the next point."""
        self.problem = expat.errors.messages[error.code]
        line = self._line()
        self._refuse(Reason.UNREADABLE, rest[:_CONTEXT_CHARS] or self.problem, line)
        self._restarts += 1
        if self._restarts > RESTARTS_MAX:
            raise BadInputError(f"{self.name}: is broken in more than {RESTARTS_MAX} places")
        self._lost = True
        self._first_line = line
        self._tail = ""
        return rest[1:] or " "

    def _found_again(self, text: str) -> str:
        """The text from the next track point on, in a fresh parser; empty if there is none yet."""
        found = _TRACK_POINT.search(text)
        if found is None:
            self._first_line += text.count("\n", 0, -40) if len(text) > 40 else 0
            self._tail = text[-40:]
            return ""
        self._lost = False
        self._first_line += text.count("\n", 0, found.start())
        self._begin()
        prefix = found[1] or ""
        return f"<{prefix}gpx><{prefix}trk><{prefix}trkseg>{text[found.start() :]}"

    def _refuse(self, reason: Reason, raw: str, line: int) -> None:
        self.refused.append(Refusal(reason, clean_raw(raw), f"{self.name}:{line}"))

    def _line(self) -> int:
        return self._first_line + int(self._parser.CurrentLineNumber) - 1

    def _doctype(self, *_: object) -> NoReturn:
        raise BadInputError(
            f"{self.name}: has a document type (DOCTYPE), which GPX never needs and which can "
            "make a small file expand without end; remove it"
        )

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise BadInputError(f"{self.name}: is nested more than {DEPTH_MAX} deep")
        if self._point is None:
            local = tag.rpartition(":")[2]
            if local in _POINT_TAGS:
                self._point = (local, attributes, {}, self._line())
                self._point_depth = self._depth
            return
        name = _FIELDS.get(tag)
        if name is None:
            name = _FIELDS.get(tag.rpartition(":")[2].lower(), "")
        if name in _ONLY_DIRECT and self._depth != self._point_depth + 1:
            name = ""
        self._field = name
        self._text = []

    def _characters(self, text: str) -> None:
        if self._field and len(text) <= _TEXT_MAX_CHARS:
            self._text.append(text)

    def _end(self, _tag: str) -> None:
        self._depth -= 1
        if self._point is None:
            return
        if self._depth < self._point_depth:
            if self._point[0] == "trkpt" or "time" in self._point[2]:
                self.points.append(self._point)
            self._point = None
        elif self._field:
            # The first wins: an element of the point itself comes before its extensions.
            self._point[2].setdefault(self._field, "".join(self._text).strip())
        self._field = ""


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


def _texts(stream: Stream) -> Iterator[str]:
    """The file as text that is safe to parse: bytes that are no text cost no point.

    A name in Latin-1 and a bare `&` are what loggers get wrong most; XML would stop at either.
    """
    decoder = codecs.getincrementaldecoder(_encoding(stream))("replace")
    tail = ""
    first = True
    while True:
        data = stream.read(PIECE_BYTES)
        text = tail + decoder.decode(data, final=not data)
        if first:
            text = text.removeprefix("\ufeff").lstrip()  # blanks before <?xml are an error
            first = False
        # An entity may be cut in two by the end of the piece.
        entity = text.rfind("&", max(len(text) - _LONGEST_ENTITY, 0)) if data else -1
        text, tail = (text[:entity], text[entity:]) if entity >= 0 else (text, "")
        yield _FORBIDDEN.sub("\ufffd", _BARE_AMPERSAND.sub("&amp;", text))
        if not data:
            return


def _encoding(stream: Stream) -> str:
    head = stream.peek(512)
    marked = encoding_of(head)
    declared = _DECLARED_ENCODING.search(head)
    if marked != "utf-8" or declared is None:
        return marked
    name = declared[1].decode("ascii", "replace").lower()
    if name.startswith(("utf-16", "ucs-2")):
        return "utf-8"  # left over from before a conversion: this was read as single bytes
    if not _TEXT_ENCODING.fullmatch(name):
        raise BadInputError(f"{stream.name}: has the unknown encoding {name[:40]!r}")
    return name
