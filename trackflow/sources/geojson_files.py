"""Reads GeoJSON and its relatives: points with a time, lines with a time for each position.

Understood are collections, single features, a feature per line, and lists of flat records with a
latitude, a longitude (or a WKT `point`) and a time, as many services export them.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import islice

import orjson

from trackflow.errors import BadInputError
from trackflow.sources import columns
from trackflow.sources.cells import Numbers, strings
from trackflow.sources.columns import HDOP_UNIT_M, Role
from trackflow.sources.csv_layout import SAMPLE_ROWS, repeats
from trackflow.sources.door import Candidates, Devices, admit
from trackflow.sources.json_values import Broken, JsonElements
from trackflow.sources.records import Chunk, PointBatch, Reason, Refusal, clean_raw
from trackflow.sources.streams import Stream
from trackflow.sources.times import TimeForm, decide_form, epoch_form, times

CHUNK_POINTS = 50_000

_GEOMETRIES = {
    "Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon",
    "GeometryCollection",
}  # fmt: skip
_TIME_LISTS = {"coordtimes", "times", "timestamps", "coordinatetimes"}
_WGS84 = re.compile(r"CRS:*84|EPSG:+(?:[\d.]*:)?4326|WGS ?84", re.IGNORECASE)
_WKT_POINT = re.compile(
    r"\s*(?:SRID=4326;)?\s*POINT\s*(?:Z|M|ZM)?\s*\(\s*(\S+)\s+(\S+?)(?:\s+(\S+?))?(?:\s+\S+)?\s*\)",
    re.IGNORECASE,
)
_NESTING_MAX = 20


def read_geojson(
    stream: Stream,
    *,
    device_id: str | None,
    fallback_device: str,
    now_us: int,
    chunk_points: int = CHUNK_POINTS,
) -> Iterator[Chunk]:
    """The points of a GeoJSON file, chunk by chunk.

    Args:
        stream: the file.
        device_id: the device of all points, whatever the features say.
        fallback_device: the device of features that name none.
        now_us: UTC microseconds; later times than this and a day are refused.
        chunk_points: about how many points a chunk has; a long line is never split.

    Raises:
        BadInputError: there is no feature in it, or its positions are not longitude and latitude.
    """
    elements = JsonElements(stream)
    collector = _Collector(stream, device_id, fallback_device, now_us)
    # How times are written is decided from the first rows, whatever the size of a chunk.
    enough = max(chunk_points, SAMPLE_ROWS)
    number = 0
    for number, element in enumerate(elements, start=1):
        collector.add(element, number)
        if len(collector.rows) + len(collector.refused) >= enough:
            _check_crs(elements.top, stream.name)
            yield collector.chunk()
    _check_crs(elements.top, stream.name)
    if stream.damage and not any(r.reason is Reason.TRUNCATED for r in collector.refused):
        collector.refuse(Reason.TRUNCATED, stream.damage, number)
    if not collector.any_feature and not (elements.any_list and number == 0):
        raise BadInputError(
            f"{stream.name}: has no feature with a position; "
            "understood are GeoJSON features and lists of records with lat, lon and time"
        )
    yield collector.chunk()


type _Row = tuple[object, object, object, object, Mapping[Role, object], int, int]
"""Longitude, latitude, altitude, time, what else is known, element number, position number."""


class _Collector:
    """Turns elements into rows, and rows into chunks."""

    def __init__(
        self, stream: Stream, device_id: str | None, fallback_device: str, now_us: int
    ) -> None:
        self.rows: list[_Row] = []
        self.refused: list[Refusal] = []
        self.any_feature = False
        self._stream = stream
        self._device_id = device_id
        self._fallback_device = fallback_device
        self._now_us = now_us
        self._time_form: TimeForm | None = None
        self._id_is_device = False
        self._roles: dict[tuple[str, ...], list[tuple[Role, str, float]]] = {}

    def add(self, element: object, number: int) -> None:
        """Rows, or a refusal, for an element."""
        if isinstance(element, Broken):
            self.refuse(element.reason, element.raw, number)
            return
        if not isinstance(element, dict):
            self.refuse(Reason.NOT_A_POINT, _dumped(element), number)
            return
        kind = element.get("type")
        if kind == "Feature":
            properties = element.get("properties")
            properties = properties if isinstance(properties, dict) else {}
            self._add_geometry(element.get("geometry"), properties, number, 0)
        elif isinstance(kind, str) and kind in _GEOMETRIES:
            self._add_geometry(element, {}, number, 0)
        else:
            self._add_record(element, number)

    def refuse(self, reason: Reason, raw: str, number: int) -> None:
        """One refusal for a whole element."""
        where = f"{self._stream.name}: element {number}"
        self.refused.append(Refusal(reason, clean_raw(raw), where, self._device_id))

    def _add_geometry(
        self, geometry: object, properties: dict[str, object], number: int, depth: int
    ) -> None:
        self.any_feature = True
        if not isinstance(geometry, dict):
            self.refuse(Reason.NO_POSITION, _dumped(properties), number)
            return
        kind, coordinates = geometry.get("type"), geometry.get("coordinates")
        if kind == "Point":
            known = self._known(properties)
            self._add_position(coordinates, known.get(Role.TIME), known, number, 0)
        elif kind in ("LineString", "MultiPoint"):
            self._add_line(coordinates, _time_list(properties), properties, number)
        elif kind == "MultiLineString" and isinstance(coordinates, list):
            moments = _time_list(properties)
            for line, part in zip(coordinates, _time_parts(moments, coordinates), strict=True):
                self._add_line(line, part, properties, number)
        elif kind == "GeometryCollection" and depth < _NESTING_MAX:
            parts = geometry.get("geometries")
            for part in parts if isinstance(parts, list) else []:
                self._add_geometry(part, properties, number, depth + 1)
        else:
            self.refuse(Reason.NOT_A_POINT, _dumped(geometry), number)

    def _add_line(
        self, positions: object, moments: object, properties: dict[str, object], number: int
    ) -> None:
        if not isinstance(positions, list):
            self.refuse(Reason.NO_POSITION, _dumped(positions), number)
            return
        if moments is not None and (
            not isinstance(moments, list) or len(moments) != len(positions)
        ):
            # Which time belongs to which position is anyone's guess.
            count = len(moments) if isinstance(moments, list) else 0
            raw = f"{len(positions)} positions, {count} times"
            self.refuse(Reason.RAGGED_ROW, raw, number)
            return
        known = self._known(properties)
        known = {role: known[role] for role in (Role.DEVICE, Role.ROW_ID) if role in known}
        for index, position in enumerate(positions):
            moment = moments[index] if isinstance(moments, list) else _measured_time(position)
            self._add_position(position, moment, known, number, index + 1)

    def _add_position(
        self,
        position: object,
        moment: object,
        known: Mapping[Role, object],
        number: int,
        index: int,
    ) -> None:
        if not isinstance(position, list) or len(position) < 2:
            self.rows.append((None, None, None, moment, known, number, index))
            return
        altitude = position[2] if len(position) > 2 else known.get(Role.ALTITUDE)
        self.rows.append((position[0], position[1], altitude, moment, known, number, index))

    def _add_record(self, record: dict[str, object], number: int) -> None:
        known = self._known(record)
        wkt = record.get("point")
        point = _WKT_POINT.match(wkt) if isinstance(wkt, str) else None
        if point is not None:
            place: tuple[object, ...] = point.groups()
        elif Role.LAT in known and Role.LON in known:
            place = (known[Role.LON], known[Role.LAT], known.get(Role.ALTITUDE))
        else:
            self.refuse(Reason.NOT_A_POINT, _dumped(record), number)
            return
        self.any_feature = True
        lon, lat, altitude = place
        self.rows.append((lon, lat, altitude, known.get(Role.TIME), known, number, 0))

    def _known(self, properties: dict[str, object]) -> dict[Role, object]:
        """What properties say, by role, in our units."""
        names = tuple(properties)
        roles = self._roles.get(names)
        if roles is None:
            found = columns.find(names).items()
            roles = [(role, names[i], columns.factor(role, names[i])) for role, i in found]
            if len(self._roles) < 1_000:  # names may be as many as features
                self._roles[names] = roles
        known: dict[Role, object] = {}
        for role, name, factor in roles:
            value = properties[name]
            known[role] = (
                value * factor if factor != 1.0 and isinstance(value, float | int) else value
            )
        return known

    def chunk(self) -> Chunk:
        """The rows so far, at the door."""
        rows, refused = self.rows, self.refused
        self.rows, self.refused = [], []
        if not rows:
            return Chunk(PointBatch.empty(), refused, self._stream.position())
        moments = [_text(row[3]) for row in rows]
        if self._time_form is None:
            self._time_form = decide_form(moments[:SAMPLE_ROWS], "time", self._stream.name)
            self._id_is_device = _ids_are_devices(rows)

        def describe(index: int) -> tuple[str, str]:
            lon, lat, altitude, _, known, number, position = rows[index]
            shown = {str(role): value for role, value in known.items()}
            raw = _dumped([lon, lat, altitude, moments[index], shown])
            where = f"{self._stream.name}: element {number}"
            return raw, f"{where}, position {position}" if position else where

        candidates = self._candidates(rows, moments, self._time_form)
        accepted, at_the_door = admit(candidates, self._now_us, describe)
        return Chunk(accepted, at_the_door + refused, self._stream.position())

    def _candidates(
        self, rows: list[_Row], moments: list[str | None], form: TimeForm
    ) -> Candidates:
        lon, lat, altitude, _, known, _, _ = zip(*rows, strict=True)
        accuracy = [
            k[Role.ACCURACY]
            if k.get(Role.ACCURACY) is not None
            else _times_number(k.get(Role.HDOP), HDOP_UNIT_M)
            for k in known
        ]
        return Candidates(
            self._devices(known),
            times(strings(moments), form),
            Numbers.of_objects(lat),
            Numbers.of_objects(lon),
            Numbers.of_objects(altitude).values,
            Numbers.of_objects(accuracy).values,
            Numbers.of_objects([k.get(Role.SPEED) for k in known]).values,
            Numbers.of_objects([k.get(Role.COURSE) for k in known]).values,
        )

    def _devices(self, known: tuple[Mapping[Role, object], ...]) -> Devices:
        if self._device_id is not None:
            return Devices.all_of(self._device_id, len(known))
        role = Role.ROW_ID if self._id_is_device else Role.DEVICE
        names = [(_text(k.get(role)) or "").strip() for k in known]
        return Devices.of_names([name or self._fallback_device for name in names])


def _ids_are_devices(rows: list[_Row]) -> bool:
    sample = [row[4] for row in rows[:SAMPLE_ROWS]]
    if any(known.get(Role.DEVICE) is not None for known in sample):
        return False
    ids = [text for known in sample if (text := _text(known.get(Role.ROW_ID))) is not None]
    return len(ids) == len(sample) and repeats(ids)


def _time_list(properties: dict[str, object]) -> list[object] | None:
    """The times of a line's positions, as togeojson and its followers write them."""
    inside = properties.get("coordinateProperties")
    sources: list[dict[str, object]] = [properties, inside if isinstance(inside, dict) else {}]
    for source in sources:
        for name in islice(source, 1_000):
            moments = source[name]
            if isinstance(moments, list) and columns.plain(name) in _TIME_LISTS:
                return moments
    return None


def _time_parts(moments: list[object] | None, lines: list[object]) -> list[object]:
    """The times of each line of several: a list of lists, or one list for all."""
    if moments is None:
        return [None] * len(lines)
    if any(isinstance(part, list) for part in moments):
        return [*moments, *[[]] * len(lines)][: len(lines)]
    parts: list[object] = []
    taken = 0
    for line in lines:
        count = len(line) if isinstance(line, list) else 0
        parts.append(moments[taken : taken + count])
        taken += count
    return parts


def _measured_time(position: object) -> object:
    """The fourth number of a position, if it is a time: some tools keep it there."""
    if not isinstance(position, list) or len(position) < 4:
        return None
    value = position[3]
    plausible = isinstance(value, int | float) and epoch_form(float(value)) is not None
    return value if plausible else None


def _times_number(value: object, factor: float) -> object:
    number = Numbers.of_objects([value]).values[0] if value is not None else None
    return None if number is None else number * factor


def _text(value: object) -> str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return repr(value)
    return None


def _dumped(value: object) -> str:
    """A value as JSON again, for the quarantine."""
    try:
        return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()
    except orjson.JSONEncodeError:  # whole numbers beyond 64 bits, lone surrogates
        return repr(value)


def _check_crs(top: dict[str, object], name: str) -> None:
    crs = top.get("crs")
    properties = crs.get("properties") if isinstance(crs, dict) else None
    said = properties.get("name") if isinstance(properties, dict) else None
    if isinstance(said, str) and not _WGS84.search(said):
        raise BadInputError(
            f"{name}: its positions are in {said[:60]!r}; convert it to longitude and latitude "
            "(EPSG:4326)"
        )
