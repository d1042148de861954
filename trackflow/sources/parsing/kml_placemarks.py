"""Placemarks of KML: tracks, lines and points, one element at a time."""

import re
from collections.abc import Callable, Sequence

from trackflow.sources.parsing.xml_points import TEXT_MAX_CHARS, local_name
from trackflow.sources.parsing.xml_runs import BLANKS, LEAF, Run, RunParser, Shape, shape_of
from trackflow.sources.records import Chunk, RefusalReason
from trackflow.sources.rows import Columns, PositionRow, RowCollector
from trackflow.sources.tracks_apart import label_of
from trackflow.sources.values.columns import Role
from trackflow.sources.values.fields import is_invalid, known_fields, moment_of
from trackflow.sources.values.times import in_zone

TRACK_BUFFERED_MAX = 200_000
"""Positions of a track that are buffered until the speeds that follow them; of a longer track, the
speeds of the rest are not read."""

_VALUES_MAX = 100

_LINES = {"LineString", "LinearRing", "Polygon"}

_WANTED_PARENTS = {
    "when": {"Track", "MultiTrack", "TimeStamp"},  # a MultiTrack: where a Track's tag is broken
    "coord": {"Track", "MultiTrack"},
    "angles": {"Track", "MultiTrack"},
    "begin": {"TimeSpan"},
    "end": {"TimeSpan"},
    "coordinates": {"Point", "LineString"},
    "name": {"Placemark"},
    "value": {"Data", "SimpleArrayData"},
    "SimpleData": {"SchemaData", "ExtendedData"},
}


class PlacemarkParser(RunParser):
    """Puts the points of tracks and placemarks into a collector."""

    anchor = re.compile(r"<([\w.-]+:)?(Placemark|Track|when)[\s>]")
    unit = re.compile(r"<([\w.-]+:)?(?:Placemark|when|coord)>")
    format_name = "KML"

    def __init__(self, rows: RowCollector, *, label_tracks: bool) -> None:
        self._rows = rows
        self._label_tracks = label_tracks
        self._track_count = 0
        self._track_name = ""
        self._pairs: list[tuple[str, str, int]] = []
        self._arrays: dict[str, list[str]] = {}
        self._name_of_data = ""
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
        self._data: dict[str, str] = {}
        self._name = ""
        self._points: list[tuple[str, int]] = []
        self._lines: list[tuple[str, int]] = []
        self._path: list[str] = []

    def reopened(self, found: re.Match[str]) -> str:
        """The elements that were open around the found one, as far as they are known."""
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

    def started(self, tag: str, attributes: dict[str, str]) -> None:
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
            self._begin_track()
        elif local in _LINES and not _LINES.intersection(self._local_tags[:-1]):
            self._lines.append((local, self.line()))
        if local in ("Data", "SimpleData", "SimpleArrayData"):
            self._name_of_data = attributes.get("name", "")
        self._field = local if parent in _WANTED_PARENTS.get(local, ()) else ""
        self._text = []

    def text(self, text: str) -> None:
        """Part of a time or a position."""
        if self._field and len(text) <= TEXT_MAX_CHARS:
            self._text.append(text)

    def ended(self, tag: str) -> None:
        """A time, a position, a track or a placemark is whole."""
        self.depth -= 1
        self._tags.pop()
        local = self._local_tags.pop()
        if self._field:
            self._take(self._field, "".join(self._text).strip())
            self._field = ""
            if local in ("when", "coord") and local_name(self._local_tags[-1]) == "Track":
                self.unit_ended(tag)
        elif local == "Track":
            self._end_track()
        elif local == "Placemark":
            self._end_placemark()
            self.unit_ended(tag)

    def shape_at(self, text: str, begin: int) -> Shape | None:
        """The shape of a placemark, or of a time and a position of a track."""
        pair = _PAIR.match(text, begin)
        if pair is not None:
            return _track_shape((pair[3],) if pair[3] else (pair[1], pair[2]))
        return shape_of(text, begin)

    def fits(self, shape: Shape) -> bool:
        """Whether a placemark has a position, perhaps a time, and nothing else that is read."""
        if local_name(shape.tag) != "Placemark":
            return True
        fields = [_field_in_placemark(path) for path in shape.leaves]
        inner = {local_name(tag) for path in shape.leaves for tag in path}
        return (
            fields.count("coordinates") == 1
            and fields.count("when") <= 1
            and fields.count("name") <= 1
            and inner.isdisjoint(_NOT_PLAIN)
        )

    def ready(self) -> bool:
        """Whether a placemark or a pair of a track could begin."""
        return not self._field

    def take_run(self, run: Run) -> None:
        """Placemarks, or times and positions of a track, that follow one another."""
        if local_name(run.shape.tag) == "Placemark":
            self._take_placemarks(run)
            return
        tags = [local_name(path[-1]) for path in run.shape.leaves]
        if tags == ["when"]:
            self._whens += run.columns[0]
            return
        coords = list(zip(run.columns[-1], run.end_lines, strict=True))
        if tags == ["coord"]:
            if not self._coords and len(self._whens) == 1:
                self._coords.append(coords.pop(0))
                self._pair_up()
            self._coords += coords
        elif self._whens or self._coords:
            self._whens += run.columns[0]
            self._coords += coords
        else:
            self._take_pairs(run.columns[0], coords)

    def _take_pairs(self, whens: list[str], coords: list[tuple[str, int]]) -> None:
        taken = 0
        while taken < len(whens):  # handed on at the same places as one by one
            stop = taken + TRACK_BUFFERED_MAX + 1 - len(self._pairs)
            self._whens, self._coords = whens[taken:stop], coords[taken:stop]
            self._pair_up()
            taken = stop

    def _take_placemarks(self, run: Run) -> None:
        columns = {
            _field_in_placemark(path): values
            for path, values in zip(
                run.shape.leaves, run.columns[len(run.shape.attributes) :], strict=True
            )
        }
        self._add_many(
            [_parts(each) for each in columns["coordinates"]],
            columns.get("when") or [""] * len(run),
            lambda index: run.line_of(index, "</coordinates"),
            None,
        )
        self._new_placemark()

    def _parent(self) -> str:
        """The innermost element that can hold others."""
        return next((tag for tag in reversed(self._local_tags) if tag not in _WANTED_PARENTS), "")

    def _take(self, field: str, value: str) -> None:
        if field == "when" and self._parent() != "TimeStamp":
            self._whens.append(value)
        elif field == "coord":
            self._coords.append((value, self.line()))
            if len(self._coords) == len(self._whens) == 1:
                self._pair_up()  # they alternate, so far
        elif field == "coordinates" and self._parent() == "LineString":
            self._path = value.split()
        elif field == "coordinates":
            self._points.append((value, self.line()))
            if len(self._points) > TRACK_BUFFERED_MAX and self._times:
                self._flush_points()  # their metadata stand before them in a placemark
        elif field == "angles":
            self._list("heading", value.partition(" ")[0])
        elif field == "name":
            self._name = value
        elif field == "value" and self._parent() == "SimpleArrayData":
            self._list(self._name_of_data, value)
        elif field in ("value", "SimpleData"):
            if len(self._data) < _VALUES_MAX:
                self._data.setdefault(self._name_of_data, value)
        else:
            self._times[field] = value

    def _list(self, name: str, value: str) -> None:
        """One of the values that a track lists for its positions."""
        if name in self._arrays or len(self._arrays) < _VALUES_MAX:
            self._arrays.setdefault(name, []).append(value)

    def _begin_track(self) -> None:
        self._track_count += 1
        self._track_name = self._name

    def _pair_up(self) -> None:
        paired = zip(self._whens, self._coords, strict=False)
        self._pairs += [(when, coord, line) for when, (coord, line) in paired]
        self._whens, self._coords = [], []
        if len(self._pairs) > TRACK_BUFFERED_MAX:
            self._arrays = {}
            self._flush_track()

    def _flush_track(self) -> None:
        """Rows of the pairs, with what was listed for each of them behind the track."""
        pairs, self._pairs = self._pairs, []
        listed = {n: values for n, values in self._arrays.items() if len(values) == len(pairs)}
        if pairs and not listed and not self._data:
            label = label_of(self._track_count, self._track_name) if self._label_tracks else None
            whens, coords, lines = zip(*pairs, strict=True)
            self._add_many([coord.split() for coord in coords], whens, lines.__getitem__, label)
            return
        for index, (when, coord, line) in enumerate(pairs):
            beside = {name: values[index] for name, values in listed.items()}
            self._add(coord.split(), when, line, self._data | beside, is_track=True)

    def _end_track(self) -> None:
        whens, coords = len(self._whens), len(self._coords)
        if whens == coords:
            self._pair_up()
        else:
            raw = f"{coords} positions, {whens} times"
            self.refuse(RefusalReason.RAGGED_ROW, raw, self.line())
            self._whens, self._coords = [], []
        self._flush_track()
        self._arrays = {}

    def give_up_track(self) -> None:
        """Take what a track has that was not read to its end."""
        self._pair_up()
        self._flush_track()
        self._arrays = {}

    def _end_placemark(self) -> None:
        begin, end = (self._times.get(name, "") for name in ("begin", "end"))
        if begin and end and len(self._lines) == 1 and len(self._path) > 1:
            self._add_path(begin, end)
            self._lines = []
        for kind, line in self._lines:
            self.refuse(RefusalReason.NO_TIME, f"a {kind} without a time for each position", line)
        self._flush_points()
        self._new_placemark()

    def _add_path(self, begin: str, end: str) -> None:
        """A path begins and ends with the span that it has; between, no time is known."""
        ((_, line),) = self._lines
        first, *between, last = self._path
        self._add(_parts(first), begin, line, self._data)
        if between:
            raw = f"a path of {len(between)} positions without times"
            self.refuse(RefusalReason.NO_TIME, raw, line)
        self._add(_parts(last), end, line, self._data)

    def _flush_points(self) -> None:
        """Rows of the points of a placemark so far."""
        moments = [self._times[name] for name in ("when", "begin", "end") if name in self._times]
        for coordinates, line in self._points:
            for moment in dict.fromkeys(moments) or [""]:
                self._add(_parts(coordinates), moment, line, self._data)
        self._points = []

    def _add_many(
        self,
        coordinates: list[list[str]],
        whens: Sequence[str],
        line: Callable[[int], int],
        device: str | None,
    ) -> None:
        """Positions without metadata.

        Args:
            coordinates: longitude, latitude and altitude of each, as far as it has them.
            whens: their times; empty where there is none.
            line: of each.
            device: of all.
        """
        count = len(coordinates)
        places = [(*map(str.strip, parts), None, None, None)[:3] for parts in coordinates]
        lons, lats, altitudes = zip(*places, strict=True)
        self._rows.add_columns(
            Columns(
                count,
                lambda index: f"{whens[index]} {' '.join(coordinates[index])}",
                lambda index: f"line {line(index)}",
                [when or None for when in whens],
                lons,
                lats,
                altitudes,
                device_id=None if device is None else [device] * count,
            )
        )

    def _add(
        self,
        coordinates: list[str],
        when: str,
        line: int,
        beside: dict[str, str],
        *,
        is_track: bool = False,
    ) -> None:
        lon, lat, altitude = ([c.strip() for c in coordinates] + [None] * 3)[:3]
        known = known_fields(beside, lat, lon)
        if is_invalid(known):
            lat = lon = None
        device = known.get(Role.DEVICE)
        if device is None and is_track and self._label_tracks:
            device = label_of(self._track_count, self._track_name)
        self._rows.add(
            PositionRow(
                raw=f"{when} {' '.join(coordinates)}",
                time=when or in_zone(moment_of(known), known.get(Role.ZONE)),
                lon=lon,
                lat=lat,
                altitude_m=altitude if altitude is not None else known.get(Role.ALTITUDE),
                accuracy_m=known.get(Role.ACCURACY),
                hdop=known.get(Role.HDOP),
                speed_ms=known.get(Role.SPEED),
                course_deg=known.get(Role.COURSE),
                device_id=device if isinstance(device, str) else None,
            ),
            f"line {line}",
        )

    def chunk(self) -> Chunk:
        """What has been collected so far."""
        self._rows.refused += self.refused
        self.refused = []
        return self._rows.chunk()


_PAIR = re.compile(
    r"<((?:[\w.-]+:)?when)>[^<&]*</\1>\s*<((?:[\w.-]+:)?coord)>[^<&]*</\2>"
    r"|<((?:[\w.-]+:)?(?:when|coord))>[^<&]*</\3>\s*<\3>"
)
"""Times and positions in turns, or several of either."""

_NOT_PLAIN = {"Track", "MultiTrack", "Placemark", "begin", "end", "value", "SimpleData", *_LINES}
"""What in a placemark is not read by its plain shape."""


def _track_shape(tags: tuple[str, ...]) -> Shape:
    """The shape of one or two elements in a track that hold text alone."""
    pattern = "".join(f"{BLANKS}<{re.escape(tag)}>{LEAF}</{re.escape(tag)}>" for tag in tags)
    return Shape(re.compile(f"({pattern})"), tags[-1], (), tuple((tag,) for tag in tags))


def _field_in_placemark(path: tuple[str, ...]) -> str:
    """What a leaf of a placemark is; empty for what is not read."""
    tags = ["Placemark", *map(local_name, path)]
    parent = next(tag for tag in reversed(tags[:-1]) if tag not in _WANTED_PARENTS)
    return tags[-1] if parent in _WANTED_PARENTS.get(tags[-1], ()) else ""


def _parts(coordinates: str) -> list[str]:
    """Longitude, latitude and altitude: more than three parts are numbers with decimal commas."""
    parts = coordinates.split(",") if coordinates else []
    if len(parts) <= 3:
        return parts
    return [",".join(parts[at : at + 2]) for at in range(0, len(parts), 2)]
