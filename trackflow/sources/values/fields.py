"""The values of the named members of a record, by role and in our units: for JSON and for XML."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np

from trackflow.sources.values import columns
from trackflow.sources.values.columns import Role
from trackflow.sources.values.counted_times import since_2001
from trackflow.sources.values.date_parts import PARTS, put_together
from trackflow.sources.values.meanings import QUANTITIES, meanings
from trackflow.sources.values.moments import count_before_clock
from trackflow.sources.values.units import (
    Quantity,
    factor_of,
    has_decimal_comma,
    hemisphere,
    measure,
)
from trackflow.sources.values.vocabulary import COUNTS, core_data_name
from trackflow.sources.values.whole_degrees import are_whole, with_degrees

_INVALID = {
    "false", "f", "0", "no", "n", "v", "invalid", "no fix", "nofix", "nein", "falsch", "non",
    "faux", "falso", "nie", "none",
}  # fmt: skip
"""Values of a column of validity for a position that is none: the tracker had no fix."""

_LAT_FIRST = {"latlng", "latlon", "latlong", "gps", "latandlon", "latitudelongitude"}
"""Names of positions whose lists begin with the latitude; under others, either is usual."""
_DEEPEST = 4
_MEMBERS_MAX = 500
_COORDINATES = frozenset((Role.LAT, Role.LON))
_DECIDING = PARTS | {Role.NORTH_SOUTH, Role.EAST_WEST, Role.SPEED_UNIT}
_SIDES = ((Role.LAT, Role.NORTH_SOUTH), (Role.LON, Role.EAST_WEST))


def known_fields(
    record: Mapping[str, object], lat: object = None, lon: object = None
) -> dict[Role, object]:
    """The members of a record by role.

    Latitude and longitude stay as they are, in degrees if they are numbers; other numbers are in
    our units, also if the record has them as text. Empty members are left out.

    Args:
        record: names and values.
        lat: the latitude if the record's own members do not have it.
        lon: the longitude, likewise.
    """
    if not record:
        return {}
    known: dict[Role, object] = {}
    written: list[tuple[Role, float]] = []
    names = _names_of(record)
    for role, name, factor, is_number, nothing in _roles(names):
        value = record[name]
        if value is None or value == "":
            continue
        if role is Role.POSITION and isinstance(value, list) and columns.plain(name) in _LAT_FIRST:
            value = _pair(value)
        if nothing is not None and measure(value, QUANTITIES[role]) == nothing:
            continue
        known[role] = value
        if is_number and (factor != 1.0 or isinstance(value, str)):
            written.append((role, factor))
    if Role.SPEED_UNIT in known and Role.SPEED in known:
        unit = known[Role.SPEED_UNIT]
        unit_ms = factor_of(unit, Quantity.SPEED) if isinstance(unit, str) else None
        written = [each for each in written if each[0] is not Role.SPEED]
        written.append((Role.SPEED, np.nan if unit_ms is None else unit_ms))
    with_degrees(known, _name_of_lat(names))
    if written:
        comma = has_decimal_comma(known.get(Role.LAT, lat), known.get(Role.LON, lon))
        for role, factor in written:
            known[role] = _value(role, known[role], factor, decimal_comma=comma)
    if _has_parts(names):
        put_together(known)
    if count := _count_beside(names):
        _take_count(known, record[count])
    return _with_sides(_since_1970(known, names), _zone_told(names))


def _since_1970(known: dict[Role, object], names: tuple[str, ...]) -> dict[Role, object]:
    """What is known of a record, with the time of Core Data as seconds since 1970."""
    if Role.TIME in known and _is_core_data(names):
        known[Role.TIME] = since_2001(known[Role.TIME])
    return known


def _take_count(known: dict[Role, object], count: object) -> None:
    """Takes a count since 1970 for the time, where that is a clock that names no zone."""
    clock = moment_of(known)
    moment = count_before_clock(clock, count)
    if moment != clock:
        known[Role.TIME] = moment
        known.pop(Role.DATE, None)


def _with_sides(known: dict[Role, object], zone: str) -> dict[Role, object]:
    """What is known of a record, with the zone that its names tell, and its hemispheres applied."""
    if zone:
        known.setdefault(Role.ZONE, zone)
    for role, side in _SIDES if Role.NORTH_SOUTH in known or Role.EAST_WEST in known else ():
        if side in known and role in known:
            degrees = measure(known[role], QUANTITIES[role])
            known[role] = hemisphere(degrees, known[side], QUANTITIES[role], known[role])
    return known


def _names_of(record: Mapping[str, object]) -> tuple[str, ...]:
    """The names of a record; empty coordinates do not stand before a pair that is filled in."""
    names = tuple(record)
    if None not in record.values():
        return names
    empty = {name for name in _coordinates_among(names) if record[name] is None}
    return tuple(name for name in names if name not in empty) if empty else names


@lru_cache(maxsize=1024)
def _coordinates_among(names: tuple[str, ...]) -> tuple[str, ...]:
    """Those names that can be one of a latitude or a longitude."""
    return tuple(n for n in names if not _COORDINATES.isdisjoint(meanings(n)))


def _pair(values: list[object]) -> object:
    """Two numbers in a list as a position in text; other lists as they are."""
    are_numbers = len(values) >= 2 and all(isinstance(v, int | float | str) for v in values[:2])
    return f"{values[0]},{values[1]}" if are_numbers else values


def columns_of_fields(
    names: tuple[str, ...], records: Sequence[Mapping[str, object]]
) -> dict[Role, list[object]] | None:
    """What `known_fields` gives for each of many flat records, by role; None where it has nothing.

    None in all where roles decide about one another in each record by itself.

    Args:
        names: of the members, the same in each record and in the same order.
        records: names and values.
    """
    roles = _roles(names)
    if any(role in _DECIDING for role, *_ in roles):
        return None
    known: dict[Role, list[object]] = {}
    written: list[tuple[Role, float]] = []
    for role, name, factor, is_number, nothing in roles:
        values = [record[name] for record in records]
        if nothing is not None:
            values = [None if measure(v, QUANTITIES[role]) == nothing else v for v in values]
        kinds = set(map(type, values))
        if str in kinds and "" in values:
            values = [None if value == "" else value for value in values]
        known[role] = values
        if is_number and (factor != 1.0 or str in kinds):
            written.append((role, factor))
    if _differ(known, names):
        return None
    if (count := _count_beside(names)) and Role.TIME in known:
        counts = [record[count] for record in records]
        known[Role.TIME] = list(map(count_before_clock, known[Role.TIME], counts))
    if Role.TIME in known and _is_core_data(names):
        known[Role.TIME] = list(map(since_2001, known[Role.TIME]))
    if Role.ZONE not in known and (zone := _zone_told(names)):
        known[Role.ZONE] = [zone] * len(records)
    if written:
        unknown: list[object] = [None] * len(records)
        lats, lons = known.get(Role.LAT, unknown), known.get(Role.LON, unknown)
        commas = list(map(has_decimal_comma, lats, lons))
        for role, factor in written:
            known[role] = [
                value
                if value is None or (factor == 1.0 and not isinstance(value, str))
                else _value(role, value, factor, decimal_comma=comma)
                for value, comma in zip(known[role], commas, strict=True)
            ]
    return known


def _differ(known: Mapping[Role, list[object]], names: tuple[str, ...]) -> bool:
    """Whether the coordinates of each record have to be looked at by themselves."""
    coordinates = [known[role] for role in _COORDINATES & known.keys()]
    if any(None in values for values in coordinates) and _has_pair(names):
        return True
    kinds = {kind for values in coordinates for kind in set(map(type, values))}
    return len(coordinates) > 1 and kinds != {float} and any(map(are_whole, coordinates))


@lru_cache(maxsize=1024)
def _has_pair(names: tuple[str, ...]) -> bool:
    """Whether a name besides those of coordinates is one of both in one value."""
    others = [name for name in names if name not in _coordinates_among(names)]
    return not {Role.POSITION, Role.LON_LAT}.isdisjoint(columns.find(others))


def _value(role: Role, value: object, factor: float, *, decimal_comma: bool) -> object:
    if role in _COORDINATES:
        return value if factor == 1.0 else measure(value, QUANTITIES[role], factor)
    return measure(value, QUANTITIES[role], factor, decimal_comma=decimal_comma)


def is_invalid(known: Mapping[Role, object]) -> bool:
    """Whether a record reports that its tracker had no fix: its position is an older one."""
    if Role.VALID not in known:
        return False
    return denies_fix(known[Role.VALID])


def moment_of(known: Mapping[Role, object]) -> object:
    """The time of a record; a date and a time of day are put together."""
    moment, date = known.get(Role.TIME), known.get(Role.DATE)
    if date is None:
        return moment
    clock = known.get(Role.CLOCK)
    both = isinstance(date, str | int) and isinstance(clock, str | int)
    if both and all(_is_clock(str(part)) for part in (clock, moment) if part is not None):
        return f"{date} {clock}"
    return moment if moment is not None else date


def _is_clock(text: str) -> bool:
    """Whether a time is one of day, such as 10:00:00.123 or 1000, and no count since 1970."""
    if text.isdecimal() and len(text) >= _COUNT:
        return False
    return len(text) <= _CLOCK or (len(text) <= _CLOCK_WITH_MARKS and ":" in text[1:3])


_COUNT, _CLOCK, _CLOCK_WITH_MARKS = 9, 12, 20
"""The longest times of day: without marks it may have a date in it, as 20240501T1000."""


def denies_fix(validity: object) -> bool:
    """Whether a value of a column of validity says that the tracker had no fix."""
    if isinstance(validity, str):
        return validity.strip().lower() in _INVALID
    return validity is not None and validity == 0  # also False


@lru_cache(maxsize=1024)
def _roles(names: tuple[str, ...]) -> tuple[tuple[Role, str, float, bool, float | None], ...]:
    """Of each role its name, our units per its own, whether it has numbers, and what is unknown."""
    names = names[:_MEMBERS_MAX]
    found = columns.find(names)
    return tuple(
        (
            role,
            names[index],
            columns.factor(role, names[index], names),
            role in QUANTITIES,
            columns.unknown(role, names),
        )
        for role, index in found.items()
    )


@lru_cache(maxsize=1024)
def _name_of_lat(names: tuple[str, ...]) -> str:
    """The name of a latitude whose unit it does not say; empty if there is none."""
    named = (name for role, name, factor, *_ in _roles(names) if role is Role.LAT and factor == 1.0)
    return next(named, "")


@lru_cache(maxsize=1024)
def _has_parts(names: tuple[str, ...]) -> bool:
    """Whether a moment may stand in several members."""
    return any(role in PARTS for role, *_ in _roles(names))


@lru_cache(maxsize=1024)
def _count_beside(names: tuple[str, ...]) -> str:
    """The name of a count since 1970 beside another time; empty if there is none."""
    times = [name for role, name, *_ in _roles(names) if role in (Role.TIME, Role.DATE)]
    counts = (name for name in names[:_MEMBERS_MAX] if columns.plain(name) in COUNTS)
    return next((name for name in counts if times and name not in times), "")


@lru_cache(maxsize=1024)
def _is_core_data(names: tuple[str, ...]) -> bool:
    """Whether the time is that of a column of Core Data, which counts since 2001."""
    return any(role is Role.TIME and core_data_name(name) for role, name, *_ in _roles(names))


@lru_cache(maxsize=1024)
def _zone_told(names: tuple[str, ...]) -> str:
    """The zone that the name of the time tells, such as `time_utc`; empty if it tells none."""
    names = names[:_MEMBERS_MAX]
    return columns.zone_told(names, columns.find(names))


def flat(record: Mapping[str, object]) -> Mapping[str, object]:
    """A record without objects in it: their members are named `outer.inner`."""
    if {dict, list}.isdisjoint(map(type, record.values())):
        return record
    found: dict[str, object] = {}
    _flatten(record, "", found, 1)
    return found


def _flatten(
    record: Mapping[str, object], prefix: str, found: dict[str, object], depth: int
) -> None:
    for name, member in record.items():
        if len(found) >= _MEMBERS_MAX:
            return
        value: object = member
        if type(member) is dict or isinstance(member, Mapping):  # the first is far faster
            value = _value_of(member)
        elif isinstance(member, list):
            value = merged(member)
        if (type(value) is dict or isinstance(value, Mapping)) and depth < _DEEPEST:
            _flatten(value, f"{prefix}{name}.", found, depth + 1)
        else:
            found[f"{prefix}{name}"] = value


def _value_of(member: Mapping[str, object]) -> object:
    """What an object stands for where databases write one for a value; else the object.

    A point is one of GeoJSON or ArcGIS, a time may be seconds and the parts of one. MongoDB writes
    `{"$date": …}`, and numbers as `{"$numberLong": …}`.
    """
    if len(member) != 1 and _MARKS_OF_VALUES.isdisjoint(member):
        return member  # as nearly all
    value = _unwrapped(member)
    if isinstance(value, Mapping) and {"x", "y"} <= value.keys() <= _OF_ARCGIS:
        return f"POINT ({value['x']} {value['y']} {value.get('z', '')})"
    if isinstance(value, Mapping) and len(value) == 2 and not _NANOS.isdisjoint(value):
        named = {columns.plain(name): str(part) for name, part in value.items()}
        nanos = named.get("nanos", named.get("nanoseconds", ""))
        if nanos.isdecimal() and named.get("seconds", "").isdecimal():
            return f"{named['seconds']}.{nanos:0>9}"
    where = value.get("coordinates") if isinstance(value, Mapping) else None
    if isinstance(value, Mapping) and value.get("type") == "Point" and isinstance(where, list):
        numbers = map(str, map(_unwrapped, where[:3]))
        return f"POINT ({' '.join(numbers)})" if len(where) >= 2 else value
    return value


def _unwrapped(value: object) -> object:
    """What stands in an object of MongoDB for a value; any other value as it is."""
    while isinstance(value, Mapping) and len(value) == 1 and next(iter(value)).startswith("$"):
        (value,) = value.values()
    return value


_NANOS = {"nanos", "nanoseconds", "_nanoseconds"}
_MARKS_OF_VALUES = {"x", "coordinates"} | _NANOS
_OF_ARCGIS = {"x", "y", "z", "m", "spatialReference"}


def merged(value: object) -> object:
    """A list of objects of one member each as one object, as Endomondo writes it.

    A list with such a list in it is the same; anything else stays.
    """
    while isinstance(value, list) and len(value) == 1 and isinstance(value[0], list):
        value = value[0]
    if not isinstance(value, list) or len(value) < 2:
        return value
    found: dict[str, object] = {}
    for each in value:
        if not isinstance(each, dict) or len(each) != 1 or not found.keys().isdisjoint(each):
            return value
        found |= each
    return found
