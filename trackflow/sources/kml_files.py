"""Reads KML: tracks (`gx:Track`, also in a `gx:MultiTrack`) and points with a time.

A KMZ is a zip with a KML in it, and zips are opened elsewhere. A point with a time span counts
twice, at its beginning and at its end. Lines and areas have no time for each of their positions:
each is refused once. In a track the n-th `when` belongs to the n-th `coord`; a track that has more
of one than of the other is refused from where that can be told, because which time belongs to
which position is anyone's guess.
"""

import re
from collections.abc import Iterator

from trackflow.errors import BadInputError
from trackflow.sources.records import Chunk, Reason
from trackflow.sources.rows import CHUNK_POINTS, Collector, Row, iso_us, row_collector
from trackflow.sources.streams import Stream
from trackflow.sources.xml_points import XmlParser, local_name, texts

_TEXT_MAX_CHARS = 1_000
_LINES = {"LineString", "LinearRing", "Polygon"}
_WANTED_PARENTS = {
    "when": {"Track", "MultiTrack", "TimeStamp"},  # a MultiTrack: where a Track's tag is broken
    "coord": {"Track", "MultiTrack"},
    "begin": {"TimeSpan"},
    "end": {"TimeSpan"},
    "coordinates": {"Point"},
}


def read_kml(
    stream: Stream,
    *,
    device_id: str | None,
    fallback_device: str,
    now_us: int,
    chunk_points: int = CHUNK_POINTS,
) -> Iterator[Chunk]:
    """The points of a KML file, chunk by chunk.

    Args:
        stream: the file.
        device_id: the device of its points.
        fallback_device: the device if none was given: KML names none.
        now_us: UTC microseconds; later times than this and a day are refused.
        chunk_points: about how many points a chunk has; a track that lists its times before its
            positions is never split.

    Raises:
        BadInputError: there is no readable element in it, or it has a document type.
    """
    collector = row_collector(stream, device_id, fallback_device, now_us)
    parser = _PlacemarkParser(collector)
    any_chunk = False
    for text in texts(stream):
        try:
            parser.feed(text)
        except BadInputError:
            yield parser.chunk()
            raise
        if len(collector) >= chunk_points:
            any_chunk = True
            yield parser.chunk()
    parser.finish(stream.damage)
    parser.give_up_track()
    if parser.problem and not (any_chunk or len(collector)):
        raise BadInputError(f"{stream.name}: cannot be read as KML: {parser.problem}")
    yield parser.chunk()


class _PlacemarkParser(XmlParser):
    """Puts the points of tracks and placemarks into a collector."""

    anchor = re.compile(r"<([\w.-]+:)?(Placemark|Track|when)[\s>]")
    format_name = "KML"

    def __init__(self, rows: Collector[Row]) -> None:
        self._rows = rows
        self._tags: list[str] = []
        self._local_tags: list[str] = []
        self._whens: list[str] = []
        self._coords: list[tuple[str, int]] = []
        super().__init__(rows.name)

    def begin(self) -> None:
        """No placemark is open; what was paired up in a broken track is kept."""
        self._tags = []
        self._local_tags = []
        self._field = ""
        self._text: list[str] = []
        self._new_placemark()
        self.give_up_track()

    def _new_placemark(self) -> None:
        self._times: dict[str, str] = {}
        self._points: list[tuple[str, int]] = []
        self._lines: list[tuple[str, int]] = []

    def reopened(self, found: re.Match[str]) -> str:
        """The elements that were open around the found one, as far as can be told."""
        wanted = "Track" if found[2] == "when" else found[2]
        if wanted in self._local_tags:
            last = len(self._tags) - 1 - self._local_tags[::-1].index(wanted)
            tags = self._tags[: last + 1] if found[2] == "when" else self._tags[:last]
        elif found[2] == "when":
            tags = ["kml", "Document", "Placemark", "gx:Track"]
        else:
            outer = {"kml", "Document", "Folder"} | ({"Placemark"} if wanted == "Track" else set())
            tags = [tag for tag in self._tags if local_name(tag) in outer] or ["kml", "Document"]
        return "".join(f"<{tag}>" for tag in tags)

    def started(self, tag: str, attributes: dict[str, str]) -> None:  # noqa: ARG002
        """A placemark, a track, or a part of one."""
        self.deeper()
        local = local_name(tag)
        parent = self._parent()
        if self._field:  # nothing lies inside a time or a position: its end is broken
            self._take(self._field, "".join(self._text).strip())
        self._tags.append(tag)
        self._local_tags.append(local)
        if local == "Placemark":
            self._new_placemark()
        elif local == "Track":
            self.give_up_track()
        elif local in _LINES and not _LINES.intersection(self._local_tags[:-1]):
            self._lines.append((local, self.line()))
        self._field = local if parent in _WANTED_PARENTS.get(local, ()) else ""
        self._text = []

    def text(self, text: str) -> None:
        """Part of a time or a position."""
        if self._field and len(text) <= _TEXT_MAX_CHARS:
            self._text.append(text)

    def ended(self, tag: str) -> None:  # noqa: ARG002
        """A time, a position, a track or a placemark is whole."""
        self.depth -= 1
        self._tags.pop()
        local = self._local_tags.pop()
        if self._field:
            self._take(self._field, "".join(self._text).strip())
            self._field = ""
        elif local == "Track":
            self._end_track()
        elif local == "Placemark":
            self._end_placemark()

    def _parent(self) -> str:
        """The innermost element that can hold others."""
        return next((tag for tag in reversed(self._local_tags) if tag not in _WANTED_PARENTS), "")

    def _take(self, field: str, value: str) -> None:
        if field == "when" and self._parent() != "TimeStamp":
            self._whens.append(value)
        elif field == "coord":
            self._coords.append((value, self.line()))
            if len(self._coords) == len(self._whens) == 1:
                self._pair_up()  # they come in turns, so far
        elif field == "coordinates":
            self._points.append((value, self.line()))
        else:
            self._times[field] = value

    def _pair_up(self) -> None:
        for when, (coord, line) in zip(self._whens, self._coords, strict=False):
            self._add(coord.split(), when, line)
        self._whens, self._coords = [], []

    def _end_track(self) -> None:
        whens, coords = len(self._whens), len(self._coords)
        if whens == coords:
            self._pair_up()
        else:
            raw = f"{coords} positions, {whens} times"
            self.refuse(Reason.RAGGED_ROW, raw, self.line())
            self._whens, self._coords = [], []

    def give_up_track(self) -> None:
        """Take what a track has that was not read to its end."""
        self._pair_up()

    def _end_placemark(self) -> None:
        for kind, line in self._lines:
            self.refuse(Reason.NO_TIME, f"a {kind} without a time for each position", line)
        moments = [self._times[name] for name in ("when", "begin", "end") if name in self._times]
        for coordinates, line in self._points:
            for moment in dict.fromkeys(moments) or [""]:
                self._add(coordinates.split(",") if coordinates else [], moment, line)
        self._new_placemark()

    def _add(self, coordinates: list[str], when: str, line: int) -> None:
        lon, lat, altitude = ([c.strip() for c in coordinates] + [None] * 3)[:3]
        self._rows.add(
            Row(
                raw=f"{when} {' '.join(coordinates)}",
                time_us=iso_us(when),
                lon=lon,
                lat=lat,
                altitude_m=altitude,
            ),
            f"line {line}",
        )

    def chunk(self) -> Chunk:
        """What has been collected so far."""
        self._rows.refused += self.refused
        self.refused = []
        return self._rows.chunk()
