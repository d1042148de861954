"""Reads GPX 1.0 and 1.1: track points, and on request route points and waypoints with a time.

Points are read as the parser meets them and nothing else is kept, so a file of any size needs the
memory of one chunk. Where the markup is broken, reading goes on at the next track point. What
extensions give a point is read by its names, as the columns of a table are; so is the device of a
track, which GPX itself has no element for.
"""

import re
from collections import Counter
from collections.abc import Iterator

import numpy as np

from trackflow.errors import BadInputError
from trackflow.geo.points import Floats
from trackflow.sources.admission import Candidates, Devices, admit
from trackflow.sources.containers.streams import Stream
from trackflow.sources.file_format import FileFormat
from trackflow.sources.heads import Head
from trackflow.sources.options import DEFAULTS, ReadOptions
from trackflow.sources.parsing.gpx_points import (
    DEVICE,
    FIX,
    TIME,
    Field,
    Point,
    Points,
    field,
    field_of,
)
from trackflow.sources.parsing.xml_points import TEXT_MAX_CHARS, local_name, root_at, texts
from trackflow.sources.parsing.xml_runs import Run, RunParser, Shape
from trackflow.sources.records import Chunk, PointBatch
from trackflow.sources.tracks_apart import label_of
from trackflow.sources.values.cells import Numbers, numbers, strings
from trackflow.sources.values.columns import Role
from trackflow.sources.values.fields import denies_fix
from trackflow.sources.values.meanings import QUANTITIES, meanings
from trackflow.sources.values.times import times
from trackflow.sources.values.units import (
    best_accuracy_m,
    decimal_commas,
    factor_of,
)

CHUNK_POINTS = 50_000

_POINT_TAGS = {"trkpt", "rtept", "wpt"}
_PLANNED = {"wpt": "waypoint", "rtept": "route point"}
_HDOP_IN_METRES = "OsmAnd"
"""A creator whose `hdop` is an accuracy."""

_TRACK_POINT = re.compile(r"<([\w.-]+:)?trkpt[\s>]")


def read_gpx(
    stream: Stream,
    *,
    device_id: str | None,
    fallback_device: str,
    now_us: int,
    options: ReadOptions = DEFAULTS,
    chunk_points: int = CHUNK_POINTS,
) -> Iterator[Chunk]:
    """The points of a GPX file, chunk by chunk.

    Args:
        stream: the file.
        device_id: the device of its points.
        fallback_device: the device of points that name none.
        now_us: UTC microseconds; later times than this and a day are refused.
        options: the person's settings for the file.
        chunk_points: about how many points a chunk has.

    Raises:
        BadInputError: there is no readable point in it, or it has a document type.
    """
    parser = _PointParser(stream.name, options)
    reader = _Reader(stream, parser, (device_id, fallback_device), now_us, options)
    any_point = False
    for text in texts(stream):
        try:
            parser.feed(text)
        except BadInputError:
            if parser.points:
                yield reader.chunk()
            raise
        if len(parser.points) >= chunk_points:
            any_point = True
            yield reader.chunk()
    parser.finish(stream.damage)
    if parser.problem and not (any_point or parser.points):
        raise BadInputError(f"{stream.name}: cannot be read as GPX: {parser.problem}")
    yield reader.chunk()


_OF_META = {"s": "speed", "c": "course"}
"""Attributes by which Geo Tracker extends a point: `<geotracker:meta c="271.0" s="10.0"/>`."""


class _PointParser(RunParser):
    """Collects points, and refusals for stretches that are no XML."""

    anchor = unit = _TRACK_POINT
    format_name = "GPX"

    def __init__(self, name: str, options: ReadOptions) -> None:
        self.points = Points()
        self.skipped: Counter[str] = Counter()
        self._options = options
        self._tracks = 0
        self._track_name = self._track_device = ""
        self._is_reopened = False
        self.hdop_is_metres = False
        super().__init__(name)

    def begin(self) -> None:
        """No point is open."""
        self._point: Point | None = None
        self._point_depth = 0
        self._track_depth = 0
        self._field: Field | None = None
        self._track_field = ""
        self._text: list[str] = []

    def reopened(self, found: re.Match[str]) -> str:
        """A track around a track point."""
        prefix = found[1] or ""
        self._is_reopened = True
        return f"<{prefix}gpx><{prefix}trk><{prefix}trkseg>"

    def started(self, tag: str, attributes: dict[str, str]) -> None:
        """A point, or a field of one."""
        self.deeper()
        if self._point is None:
            self._started_outside(local_name(tag), attributes)
            return
        local = tag.rpartition(":")[2]
        if local in _POINT_TAGS:  # the end of the one before is broken
            self._end_point(self._point)
            self._begin_point(local, attributes)
            return
        self._field = _in_unit(field_of(local, self.depth == self._point_depth + 1), attributes)
        self._text = []
        for name, value in attributes.items() if self.depth > self._point_depth + 1 else ():
            known = field_of(_OF_META.get(name, name) if local == "meta" else name, is_direct=False)
            if known is not None:
                self._point.fields.setdefault(known, value)

    def _started_outside(self, local: str, attributes: dict[str, str]) -> None:
        """A point, a track, or the metadata of a track."""
        self._track_field = ""
        if local in _POINT_TAGS:
            self._begin_point(local, attributes)
        elif local == "gpx":
            if "creator" in attributes:
                self.hdop_is_metres = attributes["creator"].startswith(_HDOP_IN_METRES)
        elif local == "trk":
            self._track_depth = self.depth
            if not self._is_reopened:
                self._tracks += 1
                self._track_name = self._track_device = ""
            self._is_reopened = False
        elif self._track_depth:
            self._text = []
            if local == "name" and self.depth == self._track_depth + 1:
                self._track_field = "name"
            elif Role.DEVICE in meanings(local):
                self._track_field = "device"

    def text(self, text: str) -> None:
        """Part of a field."""
        if (self._field or self._track_field) and len(text) <= TEXT_MAX_CHARS:
            self._text.append(text)

    def ended(self, tag: str) -> None:
        """A point is whole, or a field of one."""
        self.depth -= 1
        if self._point is None:
            self._ended_outside()
            return
        if self.depth < self._point_depth:
            if self._point.tag == "trkpt":
                self.unit_ended(tag)
            self._end_point(self._point)
            self._point = None
        elif self._field:
            # The first wins: an element of the point itself comes before its extensions.
            self._point.fields.setdefault(self._field, "".join(self._text).strip())
        self._field = None

    def _ended_outside(self) -> None:
        text = "".join(self._text).strip()
        if self._track_field == "name":
            self._track_name = text
        elif self._track_field == "device":
            self._track_device = self._track_device or text
        self._track_field = ""
        if self.depth < self._track_depth:
            self._track_depth = 0

    def fits(self, shape: Shape) -> bool:
        """Whether no point lies in a point."""
        return not any(local_name(tag) in _POINT_TAGS for path in shape.leaves for tag in path)

    def take_run(self, run: Run) -> None:
        """Track points that follow one another."""
        self.points.add_run(run, self._device())

    def _begin_point(self, tag: str, attributes: dict[str, str]) -> None:
        self._point = Point(tag, attributes, {}, self.line(), self._device())
        self._point_depth = self.depth
        self._field = None

    def _device(self) -> str:
        """The device of the track, a label where that is to be decided, else nothing."""
        if self._track_device or not self._options.label_tracks:
            return self._track_device
        return label_of(self._tracks, self._track_name)

    def _end_point(self, point: Point) -> None:
        if point.tag == "trkpt":
            self.points.add(point)
        elif TIME in point.fields:
            if self._options.waypoints:
                self.points.add(point)
            else:
                self.skipped[_PLANNED[point.tag]] += 1
        else:
            self.skipped[f"{_PLANNED[point.tag]} without a time"] += 1


def _in_unit(known: Field | None, attributes: dict[str, str]) -> Field | None:
    """A field in the unit that an attribute of its element says; none if that is no unit of it."""
    unit = next((attributes[name] for name in _UNIT_NAMES if name in attributes), None)
    quantity = QUANTITIES.get(known.role) if known else None
    if known is None or quantity is None or unit is None:
        return known
    factor = factor_of(unit, quantity)
    return None if factor is None else field(known.role, factor, known.rank)


_UNIT_NAMES = ("unit", "units", "uom")


class _Reader:
    """Admits the points of a parser."""

    def __init__(
        self,
        stream: Stream,
        parser: _PointParser,
        devices: tuple[str | None, str],
        now_us: int,
        options: ReadOptions,
    ) -> None:
        self._stream = stream
        self._parser = parser
        self._device_id, self._fallback = devices
        self._now_us = now_us
        self._rules = options.time_rules

    def chunk(self) -> Chunk:
        """The points so far."""
        parser, position = self._parser, self._stream.position()
        points, refused, skipped = parser.points, parser.refused, parser.skipped
        parser.points, parser.refused, parser.skipped = Points(), [], Counter()
        if not points:
            return Chunk(PointBatch.empty(), refused, position, skipped=skipped)

        def describe(row: int) -> tuple[str, str]:
            point = points.at(row)
            shown = "".join(f' {name}="{value}"' for name, value in point.attributes.items())
            inner = "".join(f"<{f.role}>{value}</{f.role}>" for f, value in point.fields.items())
            return f"<{point.tag}{shown}>{inner}</{point.tag}>", f"{parser.name}:{point.line}"

        candidates = self._candidates(points)
        accepted, refused_now = admit(candidates, self._now_us, describe)
        return Chunk(accepted, refused_now + refused, position, candidates.times.naive, skipped)

    def _devices(self, points: Points) -> Devices:
        if self._device_id is not None:
            return Devices.all_of(self._device_id, len(points))
        if DEVICE not in points.present and not any(points.devices()):
            return Devices.all_of(self._fallback, len(points))
        names = zip(points.column(DEVICE), points.devices(), strict=True)
        return Devices.of_names([own or of_track or self._fallback for own, of_track in names])

    def _candidates(self, points: Points) -> Candidates:
        lat, lon = points.attribute("lat"), points.attribute("lon")
        commas = np.array(decimal_commas(lat, lon) or [False] * len(points), np.bool_)

        def column(role: Role) -> Floats:
            merged = np.full(len(points), np.nan)
            fields = [f for f in points.present if f.role is role]
            for known in sorted(fields, key=lambda f: (f.rank, f.factor)):
                found = _measured(strings(points.column(known)), known, commas).values
                merged = np.where(np.isnan(merged), found, merged)
            return merged

        accuracy_m, hdop = column(Role.ACCURACY), column(Role.HDOP)
        if self._parser.hdop_is_metres:
            accuracy_m = np.where(accuracy_m > 0, accuracy_m, hdop)
            hdop = np.full(len(points), np.nan)
        without = np.zeros(len(points), np.bool_)
        if FIX in points.present:
            without = np.array([denies_fix(fix) for fix in points.column(FIX)], np.bool_)

        def degrees(written: list[str | None], role: Role) -> Numbers:
            found = _measured(strings(written), field(role), commas)
            return Numbers(found.values, found.missing | without)

        return Candidates(
            self._devices(points),
            times(strings(points.column(TIME)), self._rules),
            degrees(lat, Role.LAT),
            degrees(lon, Role.LON),
            column(Role.ALTITUDE),
            best_accuracy_m(accuracy_m, hdop),
            column(Role.SPEED),
            column(Role.COURSE),
        )


def _measured(
    text: object, field: Field, commas: np.ndarray[tuple[int], np.dtype[np.bool_]]
) -> Numbers:
    """A column in our unit, by the decimal mark of each row."""
    quantity = QUANTITIES[field.role]
    pointed = numbers(text, quantity, field.factor)
    if not commas.any():
        return pointed
    with_commas = numbers(text, quantity, field.factor, decimal_comma=True)
    return Numbers(np.where(commas, with_commas.values, pointed.values), pointed.missing)


def _recognise(head: Head) -> int | None:
    return root_at(head, "gpx")


FORMAT = FileFormat(
    name="gpx",
    label="GPX",
    recognise=_recognise,
    read=read_gpx,
    track_start=re.compile(rb"<(?:[\w.-]+:)?trk[\s>]"),
    track_marks=tuple(b"trk%c" % end for end in b"> \t\n\r\f\v"),
)
