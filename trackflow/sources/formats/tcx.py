"""Reads TCX, the training files of Garmin and others: the trackpoints of activities.

A trackpoint without a position (indoors, a pause, a heart rate before the first fix) is ordinary,
and the times of a course are a plan and never were: both are passed over and counted.
"""

import re
from collections.abc import Iterator

from trackflow.errors import BadInputError
from trackflow.sources.containers.streams import Stream
from trackflow.sources.file_format import FileFormat
from trackflow.sources.heads import Head
from trackflow.sources.options import DEFAULTS, ReadOptions
from trackflow.sources.parsing.xml_points import TEXT_MAX_CHARS, local_name, root_at, texts
from trackflow.sources.parsing.xml_runs import Run, RunParser, Shape
from trackflow.sources.records import COURSE_POINT, Chunk
from trackflow.sources.rows import CHUNK_POINTS, Columns, PositionRow, RowCollector

_FIELDS = {
    ("Trackpoint", "Time"): "time",
    ("Position", "LatitudeDegrees"): "lat",
    ("Position", "LongitudeDegrees"): "lon",
    ("Trackpoint", "AltitudeMeters"): "altitude",
    ("TPX", "Speed"): "speed",
}
"""Fields by their parent and their own name."""


def read_tcx(
    stream: Stream,
    *,
    device_id: str | None,
    fallback_device: str,
    now_us: int,
    options: ReadOptions = DEFAULTS,
    chunk_points: int = CHUNK_POINTS,
) -> Iterator[Chunk]:
    """The points of a TCX file, chunk by chunk.

    Args:
        stream: the file.
        device_id: the device of its points.
        fallback_device: the device if none was given: TCX names a model, not a device.
        now_us: UTC microseconds; later times than this and a day are refused.
        options: the person's settings for the file.
        chunk_points: about how many points a chunk has.

    Raises:
        BadInputError: there is no readable point in it, or it has a document type.
    """
    collector = RowCollector(stream, device_id, fallback_device, now_us, options)
    parser = _TrackpointParser(collector)
    for text in texts(stream):
        try:
            parser.feed(text)
        except BadInputError:
            yield parser.chunk()
            raise
        if len(collector) + len(parser.refused) >= chunk_points:
            yield parser.chunk()
    parser.finish(stream.damage)
    if parser.problem and not collector.any_found:
        raise BadInputError(f"{stream.name}: cannot be read as TCX: {parser.problem}")
    parser.report_rest()
    yield parser.chunk()


class _TrackpointParser(RunParser):
    """Puts trackpoints into a collector."""

    anchor = re.compile(r"<([\w.-]+:)?(?:Trackpoint|Course|Activity)[\s>]")
    unit = re.compile(r"<([\w.-]+:)?Trackpoint[\s>]")
    format_name = "TCX"

    def __init__(self, rows: RowCollector) -> None:
        self._rows = rows
        self._in_course = False
        self._planned = 0
        self._without_position = 0
        super().__init__(rows.name)

    def begin(self) -> None:
        """No trackpoint is open."""
        self._tags: list[str] = []
        self._point: dict[str, str] | None = None
        self._point_line = 0
        self._field = ""
        self._text: list[str] = []

    def reopened(self, found: re.Match[str]) -> str:
        """What stands around a trackpoint, so that the tags after it close something."""
        prefix = found[1] or ""
        tags = ["TrainingCenterDatabase", "Courses" if self._in_course else "Activities"]
        if found[0][:-1].endswith("Trackpoint"):
            tags += ["Course", "Track"] if self._in_course else ["Activity", "Lap", "Track"]
        return "".join(f"<{prefix}{tag}>" for tag in tags)

    def started(self, tag: str, attributes: dict[str, str]) -> None:  # noqa: ARG002
        """A trackpoint, or a field of one."""
        self.deeper()
        local = local_name(tag)
        if local == "Trackpoint":
            self._point = {}
            self._point_line = self.line()
        elif local == "Course":
            self._in_course = True
        elif local == "Activity":
            self._in_course = False
        self._field = _FIELDS.get((self._tags[-1] if self._tags else "", local), "")
        self._tags.append(local)
        self._text = []

    def text(self, text: str) -> None:
        """Part of a field."""
        if self._field and len(text) <= TEXT_MAX_CHARS:
            self._text.append(text)

    def ended(self, tag: str) -> None:
        """A trackpoint is whole, or a field of one."""
        self.depth -= 1
        local = self._tags.pop()
        if local == "Course":
            self._in_course = False
        if self._point is None:
            return
        if local == "Trackpoint":
            self.unit_ended(tag)
            self._take(self._point)
            self._point = None
        elif self._field:
            self._point.setdefault(self._field, "".join(self._text).strip())
        self._field = ""

    def fits(self, shape: Shape) -> bool:
        """Whether each has a position, and nothing in it has a meaning of its own."""
        fields = {_FIELDS.get((("Trackpoint", *map(local_name, path))[-2], local_name(path[-1])))
                  for path in shape.leaves}  # fmt: skip
        inner = {local_name(tag) for path in shape.leaves for tag in path}
        return {"lat", "lon"} <= fields and inner.isdisjoint({"Trackpoint", "Course", "Activity"})

    def take_run(self, run: Run) -> None:
        """Trackpoints that follow one another."""
        if self._in_course:
            self._planned += len(run)
            return
        columns: dict[str, list[str]] = {}
        for path, values in zip(
            run.shape.leaves, run.columns[len(run.shape.attributes) :], strict=True
        ):
            parent, own = [local_name(tag) for tag in ("Trackpoint", *path)][-2:]
            name = _FIELDS.get((parent, own))
            if name:
                columns.setdefault(name, values)
        tag = f"<{run.shape.tag}"
        self._rows.add_columns(
            Columns(
                len(run),
                lambda index: {name: values[index] for name, values in columns.items()},
                lambda index: f"line {run.line_of(index, tag)}",
                columns.get("time"),
                columns["lon"],
                columns["lat"],
                columns.get("altitude"),
                speed_ms=columns.get("speed"),
            )
        )

    def _take(self, point: dict[str, str]) -> None:
        if self._in_course:
            self._planned += 1
            return
        if point.get("lat") is None and point.get("lon") is None:
            self._without_position += 1
            return
        self._rows.add(
            PositionRow(
                raw=point,
                time=point.get("time"),
                lon=point.get("lon"),
                lat=point.get("lat"),
                altitude_m=point.get("altitude"),
                speed_ms=point.get("speed"),
            ),
            f"line {self._point_line}",
        )

    def chunk(self) -> Chunk:
        """What has been collected so far."""
        self._rows.refused += self.refused
        self.refused = []
        return self._rows.chunk()

    def report_rest(self) -> None:
        """How many trackpoints were passed over."""
        if self._without_position:
            self._rows.skipped["trackpoint without a position"] += self._without_position
        if self._planned:
            self._rows.skipped[COURSE_POINT] += self._planned


def _recognise(head: Head) -> int | None:
    return root_at(head, "TrainingCenterDatabase")


FORMAT = FileFormat(
    name="tcx",
    label="TCX",
    recognise=_recognise,
    read=read_tcx,
)
