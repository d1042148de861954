"""Rows of GeoJSON: positions, times and devices out of features, geometries and records."""

from collections import Counter, deque
from collections.abc import Mapping

from trackflow.sources.containers.streams import Stream
from trackflow.sources.devices.fixes import dumped
from trackflow.sources.options import ReadOptions
from trackflow.sources.parsing.bare_lists import BareList, bare_list, latitude_first
from trackflow.sources.parsing.geojson_lines import line_part, listed_values
from trackflow.sources.parsing.geojson_rows import Alike, Rows
from trackflow.sources.parsing.geojson_times import (
    ends_of,
    height_of,
    measured_time,
    properties_of,
    time_list,
    time_parts,
)
from trackflow.sources.parsing.json_values import BrokenStretch, JsonElements
from trackflow.sources.parsing.json_wrapped import (
    by_row,
    dated_fields,
    group_of,
    header_in,
    known_inside,
    names_in,
    route_inside,
    two_ends,
)
from trackflow.sources.parsing.vessels import tells_no_place
from trackflow.sources.records import Refusal, RefusalReason, clean_raw
from trackflow.sources.tracks_apart import label_of
from trackflow.sources.values.columns import Role, find, has_position
from trackflow.sources.values.elapsed import counts_alone, start_among
from trackflow.sources.values.fields import flat, is_invalid, known_fields, moment_of
from trackflow.sources.values.positions import position as position_in

_GEOMETRIES = {
    "Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon",
    "GeometryCollection",
}  # fmt: skip

BUFFERED_MAX = 1_024
"""So many elements are read by column at a time: of more, the first would have left the cache."""
_NESTING_MAX = 20


class FeatureCollector:
    """Turns elements into rows.

    Args:
        stream: the file.
        device_id: the device of all points; None for those that they name.
        options: the person's settings for the file.
    """

    def __init__(self, stream: Stream, device_id: str | None, options: ReadOptions) -> None:
        self.rows = Rows()
        self._alike = Alike((), are_features=True)
        self.refused: list[Refusal] = []
        self.skipped: Counter[str] = Counter()
        self.any_feature = False
        self._stream = stream
        self._device_id = device_id
        self._options = options
        self._lines = 0
        self._header: tuple[str, ...] = ()
        self._start: str | None = None
        self._again = stream.again
        self._bare: list[tuple[BareList, int]] = []
        self._is_lat_first: bool | None = None

    def __len__(self) -> int:
        return len(self.rows) + len(self.refused) + len(self._alike) + len(self._bare)

    def add(self, element: object, number: int, top: Mapping[str, object] | None = None) -> bool:
        """Rows, or a refusal, for an element; returns whether it is one buffered position.

        Args:
            element: a feature, a record, or a row of a table.
            number: of the element.
            top: what stands beside the list of elements, among it a table's names of columns.
        """
        if self._start is None and top:
            self._start = start_among(top) or ""
        if type(element) is list and (element := self._of_list(element, number, top)) is None:
            return False
        if type(element) is dict:
            kind = element.get("type")
            if kind == "Feature":
                geometry, properties = element.get("geometry"), properties_of(element)
                if type(geometry) is dict and geometry.get("type") == "Point":
                    self._buffer(properties, number, geometry.get("coordinates"), is_feature=True)
                    return True
            elif kind is None:
                self._buffer(element, number)
                return True
        self.flush()
        self._add_alone(element, number)
        return False

    def _of_list(
        self, element: list[object], number: int, top: Mapping[str, object] | None
    ) -> object:
        """What a list stands for: a record, itself, or nothing more if it was taken in."""
        if not self._header:
            self._header = header_in(top or {}) or names_in(element)
            if self._header == tuple(element):
                return None
        if not self._header and (bare := bare_list(element)) is not None:
            self._bare.append((bare, number))
            return None
        if element and set(map(type, element)) == {dict}:
            for each in element:
                self.add(each, number, top)
            return None
        if len(element) == len(self._header):
            return dict(zip(self._header, element, strict=True))
        return element

    def _buffer(
        self,
        record: dict[str, object],
        number: int,
        position: object = None,
        *,
        is_feature: bool = False,
    ) -> None:
        """Buffers a point or a record until one of another shape follows."""
        names = tuple(record)
        alike = self._alike
        is_full = len(alike) >= BUFFERED_MAX
        if is_full or alike.names != names or alike.are_features != is_feature:
            self.flush()
            alike = self._alike = Alike(names, are_features=is_feature)
        alike.records.append(record)
        alike.positions.append(position)
        alike.numbers.append(number)

    def flush(self) -> None:
        """Turns the buffered points, records and lists into rows."""
        self._flush_bare()
        alike = self._alike
        if not alike:
            return
        self._alike = Alike(alike.names, are_features=alike.are_features)
        first = alike.records[0]
        if not (self._start or alike.are_features) and counts_alone(alike.names):
            self._start = self._start_behind()
        if alike.are_features:
            alone = time_list(first, 1) or measured_time(alike.positions[0]) is not None
        else:
            alone = dated_fields(first, self._start) != known_fields(first)
        part = None if alone else alike.part()
        if part is not None:
            self.any_feature = True
            self.rows.add(part)
            return
        for record, position, number in zip(
            alike.records, alike.positions, alike.numbers, strict=True
        ):
            if alike.are_features:
                self._add_point(position, record, number)
            else:
                self._add_record(record, number)

    def _start_behind(self) -> str | None:
        """The start that stands behind the list of what counts from it; looked for once."""
        again, self._again = self._again, None
        if again is None:
            return None
        with again() as whole:
            elements = JsonElements(whole)
            deque(elements, maxlen=0)
            return start_among(elements.top)

    def _flush_bare(self) -> None:
        lists, self._bare = self._bare, []
        if lists and self._is_lat_first is None:
            self._is_lat_first = latitude_first([each for each, _ in lists], self._stream.name)
        for (first, second, moment), number in lists:
            lat, lon = (first, second) if self._is_lat_first else (second, first)
            self.any_feature = True
            self.rows.append((lon, lat, None, moment, {}, number, 0))

    def _add_alone(self, element: object, number: int) -> None:
        if isinstance(element, BrokenStretch):
            self.refuse(element.reason, element.raw, number)
            return
        if not isinstance(element, dict):
            self.refuse(RefusalReason.NOT_A_POINT, dumped(element), number)
            return
        kind = element.get("type")
        moving = element.get("temporalGeometry")
        if kind == "Feature" and isinstance(moving, dict):  # Moving Features JSON
            self.any_feature = True
            moments = moving.get("datetimes")
            self._add_line(moving.get("coordinates"), moments, properties_of(element), number)
        elif kind == "Feature":
            self._add_geometry(element.get("geometry"), properties_of(element), number, 0)
        elif isinstance(kind, str) and kind in _GEOMETRIES:
            self._add_geometry(element, properties_of({"geometry": element}), number, 0)
        else:
            self._add_record(element, number)

    def refuse(self, reason: RefusalReason, raw: str, number: int) -> None:
        """One refusal for a whole element."""
        where = f"{self._stream.name}: element {number}"
        self.refused.append(Refusal(reason, clean_raw(raw), where, self._device_id))

    def _add_geometry(
        self, geometry: object, properties: dict[str, object], number: int, depth: int
    ) -> None:
        self.any_feature = True
        if not isinstance(geometry, dict):
            self.refuse(RefusalReason.NO_POSITION, dumped(properties), number)
            return
        kind, coordinates = geometry.get("type"), geometry.get("coordinates")
        if kind == "Point":
            self._add_point(coordinates, properties, number)
        elif kind in ("LineString", "MultiPoint"):
            count = len(coordinates) if isinstance(coordinates, list) else 0
            self._add_line(coordinates, time_list(properties, count), properties, number)
        elif kind == "MultiLineString" and isinstance(coordinates, list):
            whole = sum(len(line) for line in coordinates if isinstance(line, list))
            moments = time_list(properties, len(coordinates), whole)
            for line, part in zip(coordinates, time_parts(moments, coordinates), strict=True):
                self._add_line(line, part, properties, number)
        elif kind == "GeometryCollection" and depth < _NESTING_MAX:
            parts = geometry.get("geometries")
            for part in parts if isinstance(parts, list) else []:
                self._add_geometry(part, properties, number, depth + 1)
        else:
            self.refuse(RefusalReason.NOT_A_POINT, dumped(geometry), number)

    def _add_point(self, position: object, properties: dict[str, object], number: int) -> None:
        self.any_feature = True
        known = known_fields(flat(properties))
        if is_invalid(known):
            position = None
        moment = moment_of(known) if Role.DATE in known else known.get(Role.TIME)
        if (moment is None or isinstance(moment, list)) and (listed := time_list(properties, 1)):
            moment = listed[0] if len(listed) == 1 else None
        moment = measured_time(position) if moment is None else moment
        self._add_position(position, moment, known, number, 0)

    def _add_line(
        self, positions: object, moments: object, properties: dict[str, object], number: int
    ) -> None:
        if not isinstance(positions, list):
            self.refuse(RefusalReason.NO_POSITION, dumped(positions), number)
            return
        if moments is not None and (
            not isinstance(moments, list) or len(moments) != len(positions)
        ):
            # Which time belongs to which position is unknown.
            count = len(moments) if isinstance(moments, list) else 0
            raw = f"{len(positions)} positions, {count} times"
            self.refuse(RefusalReason.RAGGED_ROW, raw, number)
            return
        ends = ends_of(properties) if moments is None else None
        known = known_fields(flat(properties))
        kept = (Role.DEVICE, Role.ROW_ID, Role.ZONE)
        known = {role: known[role] for role in kept if role in known}
        self._lines += 1
        if self._options.label_tracks and Role.DEVICE not in known:
            name = properties.get("name")
            known[Role.DEVICE] = label_of(self._lines, name if isinstance(name, str) else "")
        if ends is not None and len(positions) > 1 and measured_time(positions[0]) is None:
            self._add_path(positions, ends, known, number)
            return
        listed = listed_values(properties, len(positions))
        part = line_part(positions, moments, known, listed, number)
        if part is not None:
            self.rows.add(part)
            return
        for index, position in enumerate(positions):
            moment = moments[index] if isinstance(moments, list) else measured_time(position)
            beside = {role: values[index] for role, values in listed.items()}
            self._add_position(position, moment, known | beside, number, index + 1)

    def _add_path(
        self,
        positions: list[object],
        ends: tuple[object, object],
        known: dict[Role, object],
        number: int,
    ) -> None:
        """A path begins and ends with the span that it has; between, no time is known."""
        between = len(positions) - 2
        self._add_position(positions[0], ends[0], known, number, 1)
        if between:
            raw = f"a path of {between} positions without times"
            self.refuse(RefusalReason.NO_TIME, raw, number)
        self._add_position(positions[-1], ends[1], known, number, len(positions))

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
        height = height_of(position)
        altitude = known.get(Role.ALTITUDE) if height is None else height
        self.rows.append((position[0], position[1], altitude, moment, known, number, index))

    def _add_record(self, record: dict[str, object], number: int) -> None:
        whole = flat(record)
        for row in (rows := by_row(record) or two_ends(whole)):
            self._add_known(dated_fields(flat(row), self._start), number)
        if rows:
            return
        known = dated_fields(whole, self._start)
        position = _position(known)
        if position is None:
            inside = list(known_inside(record))
            if not inside and tells_no_place(record):
                self.skipped["message without a position"] += 1
            elif not inside:
                self.refuse(_of_none(whole), dumped(record), number)
        else:
            inside = [known]
            if list in map(type, whole.values()):
                known |= {Role.GROUP: group_of(known)}
                inside += route_inside(record, known, self._start)
        if self._options.label_tracks:
            inside = [self._labelled(each, number) for each in inside]
        for each in inside:
            self._add_known(each, number)

    def _labelled(self, known: dict[Role, object], number: int) -> dict[Role, object]:
        """What is known of a position, labelled by the record around it if no device is known."""
        group = known.get(Role.GROUP)
        if group is None or Role.DEVICE in known:
            return known
        return known | {Role.DEVICE: label_of(number, str(group))}

    def _add_known(self, known: dict[Role, object], number: int) -> None:
        position = _position(known)
        if position is None:
            return
        self.any_feature = True
        if is_invalid(known):
            position = (None, None, None)
        lon, lat, altitude = position
        self.rows.append((lon, lat, altitude, moment_of(known), known, number, 0))

    def take(self) -> tuple[Rows, list[Refusal], Counter[str]]:
        """What has been collected, which is forgotten here: rows, refusals, counts of others."""
        self.flush()
        taken = self.rows, self.refused, self.skipped
        self.rows, self.refused, self.skipped = Rows(), [], Counter()
        return taken


def _position(known: Mapping[Role, object]) -> tuple[object, object, object] | None:
    """Longitude, latitude and altitude of a record, None if it has no position."""
    altitude = known.get(Role.ALTITUDE)
    if Role.LAT in known and Role.LON in known:
        return known[Role.LON], known[Role.LAT], altitude
    for role in (Role.POSITION, Role.LON_LAT):
        both = known.get(role)
        if isinstance(both, str):
            found = position_in(both, lon_first=role is Role.LON_LAT)
            if found is None:
                return both, both, altitude
            lat, lon, height_m = found
            is_high = altitude is None and height_m == height_m
            return lon, lat, height_m if is_high else altitude
        if isinstance(both, list) and len(both) >= 2 and role is Role.LON_LAT:
            return both[0], both[1], altitude
    if Role.LAT in known or Role.LON in known:
        return known.get(Role.LON), known.get(Role.LAT), altitude
    return None


def _of_none(record: Mapping[str, object]) -> RefusalReason:
    """Why a record gives no position: it has a place for one that is empty, or it has none."""
    is_empty = has_position(find(tuple(record)[:_NAMES_MAX]))
    return RefusalReason.NO_POSITION if is_empty else RefusalReason.NOT_A_POINT


_NAMES_MAX = 500
