"""Google's location history: records, and the segments of its timeline."""

from collections.abc import Callable, Mapping

from trackflow.sources.devices.fixes import member
from trackflow.sources.parsing.json_values import BrokenStretch
from trackflow.sources.records import RefusalReason
from trackflow.sources.rows import (
    BAD_TIME,
    Columns,
    PositionRow,
    ResolvedTime,
    RowCollector,
    moment_us,
)
from trackflow.sources.values.positions import position
from trackflow.sources.values.times import TimeRules
from trackflow.sources.values.units import Quantity, measure

_NO_POSITIONS = {"wifiScan", "activityRecord", "timelineMemory", "placeAggregates", "rawSignal"}

_IS_OTHER = {"activitySegment", "placeVisit"}
"""Elements with these are no signals, also with other members."""

_MOMENTS = frozenset({"timestamp", "timestampMs"})
"""The time of a record; segments have another."""

_MINUTE_US = 60_000_000

_LONGEST_MINUTES = 1e7

_WRAP = 2**32

type _Object = Mapping[str, object]


class TimelineCollector:
    """Puts the positions of elements into a collector.

    Attributes:
        any_known: whether any element was one of a timeline.
    """

    def __init__(self, rows: RowCollector, fallback_device: str, rules: TimeRules) -> None:
        self.any_known = False
        self._rules = rules
        self._rows = rows
        self._fallback_device = fallback_device
        self._alike: list[_Object] = []
        self._locators: list[str] = []
        self._take_alike: Callable[[list[_Object], list[str]], None] = self._take_records

    @property
    def pending(self) -> int:
        """How many elements of one kind wait to be taken together."""
        return len(self._alike)

    def flush(self) -> None:
        """Take them."""
        if self._alike:
            self._take_alike(self._alike, self._locators)
            self._alike, self._locators = [], []

    def _buffer(
        self, element: _Object, locator: str, take: Callable[[list[_Object], list[str]], None]
    ) -> None:
        if self._take_alike != take:
            self.flush()
            self._take_alike = take
        self._alike.append(element)
        self._locators.append(locator)

    def add(self, element: object, locator: str) -> None:
        """Rows, or a refusal, for an element."""
        if isinstance(element, dict):
            if "latitudeE7" in element or "longitudeE7" in element:
                self._buffer(element, locator, self._take_records)
                self.any_known = True
                return
            if type(signal := element.get("position")) is dict and _IS_OTHER.isdisjoint(element):
                self._buffer(signal, locator, self._take_signals)
                self.any_known = True
                return
            if not _MOMENTS.isdisjoint(element) and _IS_OTHER.isdisjoint(element):
                self._rows.skipped["record without a position"] += 1  # a look at the Wi-Fi, a step
                self.any_known = True
                return
        self.flush()
        if isinstance(element, BrokenStretch):
            self._rows.refuse(element.reason, element.raw, locator)
            return
        self.any_known = self._add_known(element, locator) or self.any_known

    def _add_known(self, element: object, locator: str) -> bool:
        """Whether an element was one of a timeline."""
        if not isinstance(element, dict):
            self._rows.refuse(RefusalReason.NOT_A_POINT, element, locator)
            return False
        if isinstance(element.get("activitySegment"), dict):
            self._add_journey(element["activitySegment"], locator)
        elif isinstance(element.get("placeVisit"), dict):
            self._add_visit(element["placeVisit"], locator)
        elif isinstance(element.get("position"), dict):
            self._take_signals([element["position"]], [locator])
        elif isinstance(edited := member(element, "rawSignal", "signal", "position"), dict):
            self._add_signal(edited, locator, element.get("deviceId"))
        elif "startTime" in element and not _NO_POSITIONS.intersection(element):
            self._add_segment(element, locator)
        elif not _NO_POSITIONS.intersection(element):
            self._rows.refuse(RefusalReason.NOT_A_POINT, element, locator)
            return False
        return True

    def _take_records(self, records: list[_Object], locators: list[str]) -> None:
        """Of form 1. Speeds are metres per second."""

        def raw(index: int) -> object:
            names = ("latitudeE7", "longitudeE7", "timestamp", "timestampMs")
            return {name: records[index].get(name) for name in names}

        def column(name: str) -> list[object]:
            return [record.get(name) for record in records]

        moments = column("timestamp")
        if None in moments:
            moments = [_either(record, "timestamp", "timestampMs") for record in records]
        self._rows.add_columns(
            Columns(
                len(records),
                raw,
                locators.__getitem__,
                moments,
                _degrees_of_all(column("longitudeE7"), 180),
                _degrees_of_all(column("latitudeE7"), 90),
                column("altitude"),
                column("accuracy"),
                None,
                column("velocity"),
                column("heading"),
                [self._device(tag) for tag in column("deviceTag")],
            )
        )

    def _device(self, tag: object) -> str | None:
        return f"{self._fallback_device}-{tag}" if isinstance(tag, int | str) else None

    def _add_journey(self, journey: _Object, locator: str) -> None:
        """Of form 2."""
        duration = member(journey, "duration")
        path = member(journey, "waypointPath", "waypoints")
        waypoints = path if isinstance(path, list) else []
        between = len(waypoints)
        ends: list[object] = []
        for name, index in (("startLocation", 0), ("endLocation", -1)):
            location = member(journey, name)
            if waypoints and not _has_e7(location):
                location, between = waypoints[index], between - 1
            ends.append(location)
        self._add_e7(ends[0], _time(duration, "start"), f"{locator}, start")
        points = self._add_raw_path(journey, locator)
        if not points and between > 0:
            raw = f"a path of {between} positions without times"
            self._rows.refuse(RefusalReason.NO_TIME, raw, locator)
        self._add_e7(ends[1], _time(duration, "end"), f"{locator}, end")

    def _add_visit(self, visit: _Object, locator: str) -> None:
        """Of form 2."""
        duration = member(visit, "duration")
        location = member(visit, "location")
        if not _has_e7(location) and "centerLatE7" in visit:
            location = {"latE7": visit["centerLatE7"], "lngE7": visit.get("centerLngE7")}
        self._add_e7(location, _time(duration, "start"), f"{locator}, start")
        self._add_raw_path(visit, locator)
        self._add_e7(location, _time(duration, "end"), f"{locator}, end")

    def _add_raw_path(self, holder: _Object, locator: str) -> int:
        """The positions of a path with times; returns how many there were."""
        points = member(holder, "simplifiedRawPath", "points")
        if not isinstance(points, list):
            return 0
        for index, point in enumerate(points, start=1):
            self._add_e7(point, _time(point), f"{locator}, point {index}", is_named=True)
        return len(points)

    def _add_e7(
        self, location: object, time: object, locator: str, *, is_named: bool = False
    ) -> None:
        """A position in ten-millionths of a degree; nothing if it is an end that is not known."""
        if not is_named and not _has_e7(location):
            return
        self._rows.add(
            PositionRow(
                raw=[location, time],
                time=time,
                lon=_degrees(_either(location, "lngE7", "longitudeE7"), 180),
                lat=_degrees(_either(location, "latE7", "latitudeE7"), 90),
                accuracy_m=member(location, "accuracyMeters"),
            ),
            locator,
        )

    def _add_signal(self, position: _Object, locator: str, device: object) -> None:
        """Of the edits of Takeout."""
        self._take_signals([position], [locator], self._device(device))

    def _take_signals(
        self, signals: list[_Object], locators: list[str], device: str | None = None
    ) -> None:
        """Of form 3, Android, and of the edits of Takeout."""
        where = [_either(signal, "LatLng", "latLng", "point") for signal in signals]
        lons, lats = zip(*map(_lon_lat, where), strict=True)
        self._rows.add_columns(
            Columns(
                len(signals),
                lambda index: [where[index], signals[index].get("timestamp")],
                locators.__getitem__,
                [signal.get("timestamp") for signal in signals],
                lons,
                lats,
                [signal.get("altitudeMeters") for signal in signals],
                [_signal_accuracy_m(signal) for signal in signals],
                speed_ms=[signal.get("speedMetersPerSecond") for signal in signals],
                device_id=None if device is None else [device] * len(signals),
            )
        )

    def _add_segment(self, segment: _Object, locator: str) -> None:
        """Of form 3."""
        start, end = segment.get("startTime"), segment.get("endTime")
        path = segment.get("timelinePath")
        if isinstance(path, list) and path and all(map(_has_own_time, path)):
            self._take_path(path, locator)
            path = None
        for index, point in enumerate(path if isinstance(path, list) else [], start=1):
            moment = member(point, "time")
            if moment is None:
                minutes = member(point, "durationMinutesOffsetFromStartTime")
                moment = self._offset(start, minutes)
            self._add_text(_either(point, "point", "latLng"), moment, f"{locator}, point {index}")
        visited = member(segment, "visit", "topCandidate", "placeLocation")
        ends = (
            (visited, start, "visit"),
            (visited, end, "visit"),
            (member(segment, "activity", "start"), start, "start"),
            (member(segment, "activity", "end"), end, "end"),
        )
        for location, time, what in ends:
            text = member(location, "latLng") if isinstance(location, Mapping) else location
            if text not in (None, ""):
                self._add_text(text, time, f"{locator}, {what}")

    def _take_path(self, points: list[_Object], locator: str) -> None:
        """Positions of a path that all have their times."""
        where = [_either(point, "point", "latLng") for point in points]
        moments = [point["time"] for point in points]
        lons, lats = zip(*map(_lon_lat, where), strict=True)
        self._rows.add_columns(
            Columns(
                len(points),
                lambda index: [where[index], moments[index]],
                lambda index: f"{locator}, point {index + 1}",
                moments,
                lons,
                lats,
            )
        )

    def _offset(self, start: object, minutes: object) -> object:
        """Minutes after the start of a segment, as a number or text."""
        start_us = moment_us(start, self._rules)
        if minutes is None or start_us is None:
            return None if minutes is None else start
        value = measure(minutes, Quantity.RATIO)
        if not abs(value) < _LONGEST_MINUTES:
            return BAD_TIME
        return ResolvedTime(start_us + round(value * _MINUTE_US))

    def _add_text(self, where: object, time: object, locator: str) -> None:
        """A position as text, latitude first."""
        lon, lat = _lon_lat(where)
        self._rows.add(PositionRow(raw=[where, time], time=time, lon=lon, lat=lat), locator)


def _has_own_time(point: object) -> bool:
    return type(point) is dict and point.get("time") is not None


def _lon_lat(where: object) -> tuple[object, object]:
    """Longitude and latitude of a position as text or in ten-millionths of a degree."""
    if isinstance(where, str):
        found = position(where)
        return (where, where) if found is None else (found[1], found[0])
    if _has_e7(where):
        return (
            _degrees(_either(where, "lngE7", "longitudeE7"), 180),
            _degrees(_either(where, "latE7", "latitudeE7"), 90),
        )
    return where, where


def _signal_accuracy_m(position: _Object) -> object:
    millimetres = position.get("accuracyMm")
    if millimetres is None:
        return position.get("accuracyMeters")
    return measure(millimetres, Quantity.LENGTH, 0.001)


def _time(holder: object, which: str = "") -> object:
    """A time that is ISO in `timestamp`, or in older files milliseconds in `timestampMs`."""
    name = f"{which}Timestamp" if which else "timestamp"
    return _either(holder, name, f"{name}Ms")


def _degrees(e7: object, largest: float) -> object:
    """Ten-millionths of a degree as degrees.

    Some old files have negative numbers as 32 bits without a sign.
    """
    if not isinstance(e7, int) or isinstance(e7, bool):
        return e7 if e7 is None else str(e7)
    signed = e7 - _WRAP if largest * 1e7 < e7 < _WRAP else e7
    return signed / 1e7 if abs(signed) < _WRAP else "too large"


def _degrees_of_all(column: list[object], largest: float) -> list[object]:
    within = round(largest * 1e7)
    return [
        e7 / 1e7 if type(e7) is int and -within <= e7 <= within else _degrees(e7, largest)
        for e7 in column
    ]


def _has_e7(location: object) -> bool:
    return _either(location, "latE7", "latitudeE7") is not None


def _either(holder: object, *names: str) -> object:
    for name in names:
        value = member(holder, name)
        if value is not None:
            return value
    return None
