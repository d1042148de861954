"""Records inside records: the envelopes in which servers and webhooks send positions."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import chain, pairwise

from trackflow.sources.parsing.aircraft import rows_of_aircraft
from trackflow.sources.parsing.vessels import rows_of_vessel
from trackflow.sources.values.columns import Role, find, has_position, is_dated
from trackflow.sources.values.elapsed import counted, start_among
from trackflow.sources.values.fields import flat, known_fields, merged, moment_of
from trackflow.sources.values.meanings import meanings
from trackflow.sources.values.times import BY_ITSELF, read_time
from trackflow.sources.values.trips import trip_ends
from trackflow.sources.values.vocabulary import RANKED, plain

_DEEPEST = 5
_OF_ALL = (Role.DEVICE, Role.ZONE)
"""What a record says about the records inside it."""


def known_inside(record: Mapping[str, object]) -> Iterator[dict[Role, object]]:
    """What is known of each of the outermost records inside that have a position and a time.

    A position without a time of its own is none of them: what it is the place of, and when, is a
    guess. The device and the time zone may be told by a record around it.
    """
    yield from _inside(record, {}, 1, None)


def _inside(
    record: Mapping[str, object],
    around: dict[Role, object],
    depth: int,
    start: str | None,
    *,
    is_device: bool = False,
) -> Iterator[dict[Role, object]]:
    inner = [
        (name, each)
        for name, value in record.items()
        if not (isinstance(value, list) and _HEARD_BY.search(plain(name)))
        for each in map(merged, value if isinstance(value, list) else (value,))
        if isinstance(each, dict)
    ]
    if not inner:
        return
    alone = {name: value for name, value in record.items() if not isinstance(value, list)}
    told = known_fields(flat(alone))
    start = start_among(alone) or start
    around = around | {role: told[role] for role in _OF_ALL if role in told}
    if (group := group_of(told)) is not None:
        is_device = is_device or isinstance(record.get("gps"), list)
        is_named = is_device and Role.DEVICE not in told
        around |= {Role.DEVICE if is_named else Role.GROUP: group}
    found: dict[str, list[dict[Role, object]]] = {}
    for name, each in inner:
        found.setdefault(name, []).extend(_of_member(name, each, around, depth, start))
    if names := _named_devices(found, is_sure=is_device and not _has_plain_values(record)):
        for name in names:
            found[name] = [{Role.DEVICE: name} | known for known in found[name]]
    yield from chain.from_iterable(found.values())


def group_of(known: Mapping[Role, object]) -> object:
    """What a record around positions is called: its id, else its name; None for neither."""
    return known.get(Role.ROW_ID, known.get(Role.NAME))


def _has_plain_values(record: Mapping[str, object]) -> bool:
    return any(not isinstance(value, dict | list) for value in record.values())


def _of_member(
    name: str, each: dict[str, object], around: dict[Role, object], depth: int, start: str | None
) -> Iterator[dict[Role, object]]:
    """What is known of the positions of a member.

    Args:
        name: of the member.
        each: its value.
        around: what is known of all of them.
        depth: in how many records it is.
        start: from which the times in it may count.
    """
    each = _in_radians(each) if name == _SAMPLE_OF_SUUNTO else each
    whole = flat(each)
    if rows := by_row(each) or two_ends(whole):
        yield from (around | dated_fields(flat(row), start) for row in rows)
        return
    known = dated_fields(whole, start)
    if not {Role.TIME, Role.DATE} & known.keys() and _is_moment(name):
        known[Role.TIME] = name
    if is_dated_position(known):
        if _are_devices(name) and Role.ROW_ID in known:
            known.setdefault(Role.DEVICE, known[Role.ROW_ID])
        yield around | known
        if list in map(type, whole.values()):
            yield from route_inside(each, around | known, start)
    elif depth < _DEEPEST:
        yield from _inside(each, around, depth + 1, start, is_device=_are_devices(name))


def route_inside(
    record: Mapping[str, object], known: Mapping[Role, object], start: str | None, depth: int = 1
) -> Iterator[dict[Role, object]]:
    """What is known of the positions in lists of a record that has a position itself.

    So is the route of a training that says where it began.

    Args:
        record: names and values.
        known: what is known of it.
        start: from which the times in it may count.
        depth: in how many records it is.
    """
    around = {role: known[role] for role in (*_OF_ALL, Role.GROUP) if role in known}
    for name, value in record.items():
        if isinstance(value, dict) and depth < _DEEPEST:
            yield from route_inside(value, around, start, depth + 1)
        if not isinstance(value, list) or not _is_route(plain(name)):
            continue
        for each in value:
            if not isinstance(each, dict):
                break
            own = {n: v for n, v in each.items() if not isinstance(v, dict | list)}
            inner = around | dated_fields(own, start)
            if is_dated_position(inner):
                yield inner
            if len(own) < len(each) and depth < _DEEPEST:
                yield from route_inside(each, inner, start, depth + 1)


def _is_route(simple: str) -> bool:
    """Whether a list is by its name one of where something has been."""
    return bool(_ROUTES.search(simple)) and not _AHEAD.search(simple)


_ROUTES = re.compile(
    "route|track|path|point|sample|position|location|coordinate|gps|trace|trail|histor|record|"
    "segment|lap|exercise|session|activit|data|log"
)
_AHEAD = re.compile("next|onward|upcoming|plan|predict|forecast|expect|schedul|stop|waypoint")
_HEARD_BY = re.compile("gateway|hotspot|^rx(?:info|metadata)$")
"""Names of lists of those that heard a message: their places are not its device's."""


def _in_radians(each: dict[str, object]) -> dict[str, object]:
    """A sample of Suunto's app, with the unit of its angles in their names."""
    sample = each.get("Sample")
    if not isinstance(sample, dict):
        return each
    return each | {"Sample": {
        name if _ANGLES.isdisjoint(meanings(name)) else f"{name} rad": value
        for name, value in sample.items()
    }}  # fmt: skip


_SAMPLE_OF_SUUNTO = "suunto/sml"
_ANGLES = {Role.LAT, Role.LON, Role.COURSE}


def dated_fields(record: Mapping[str, object], start: str | None = None) -> dict[Role, object]:
    """The members of a record by role, its time counted from the start that it or `start` is."""
    return counted(record, known_fields(record), start)


def _named_devices(found: Mapping[str, list[dict[Role, object]]], *, is_sure: bool) -> list[str]:
    """The names of members that are those of devices, each with its positions.

    They are so below a member that says it (`vehicles`), and where the times of two overlap:
    nobody is at two places at once.

    Args:
        found: the positions below each name.
        is_sure: the names are those of devices if there are any.
    """
    names = [
        name
        for name, positions in found.items()
        if positions and not any(Role.DEVICE in known for known in positions)
    ]
    if is_sure or len(names) < _SEVERAL:
        return names if is_sure else []
    spans = sorted(
        (min(moments), max(moments)) for name in names if (moments := _moments(found[name]))
    )
    overlap = any(after[0] <= before[1] for before, after in pairwise(spans))
    return names if overlap and not _OF_ONE.intersection(map(plain, names)) else []


def _moments(positions: list[dict[Role, object]]) -> list[int]:
    """When positions were, as far as that can be read."""
    read = (read_time(str(moment_of(known)), BY_ITSELF)[0] for known in positions)
    return [us for us in read if us is not None]


_SEVERAL = 2
_OF_ONE = {
    "gps", "network", "fused", "start", "end", "from", "to", "origin", "destination", "begin",
    "first", "last", "current", "previous", "position", "location", "raw", "matched", "filtered",
    "pickup", "dropoff",
}  # fmt: skip
"""Names of several positions of one device."""


def _are_devices(name: str) -> bool:
    """Whether a list is one of devices, whose `id` is theirs: `devices`, `vehicles`."""
    one = re.sub("(?<=s)es$|s$", "", plain(name))
    return one in RANKED[Role.DEVICE] or one in _MOVING


_MOVING = {"car", "truck", "bus", "bike", "scooter", "boat", "ship", "rider", "member", "animal"}


def _is_moment(name: str) -> bool:
    """Whether a record is kept under its time, as databases of keys and values may have it."""
    return (
        name[:1].isdigit() and len(name) >= _SHORTEST and read_time(name, BY_ITSELF)[0] is not None
    )


_SHORTEST = 10
"""Digits of seconds since 1970."""


def header_in(record: Mapping[str, object]) -> tuple[str, ...]:
    """The names of a table's columns, which stand beside its rows; empty if there are none."""
    for value in record.values():
        if isinstance(value, list) and (names := names_in(value)):
            return names
    return ()


def names_in(values: list[object]) -> tuple[str, ...]:
    """The names of columns that a list has, as text or in objects; empty if it has none."""
    if values and all(isinstance(v, dict) and type(v.get(_GARMIN)) is int for v in values):
        values = sorted(values, key=lambda each: each[_GARMIN])  # type: ignore[index]
    named = [_name_in(each) for each in values[:_WIDEST]]
    names = tuple(name for name in named if isinstance(name, str))
    found = find(names) if len(names) == len(values) else {}
    return names if trip_ends(names) or is_dated(found) else ()


_GARMIN = "metricsIndex"
"""Which column is meant by one of Garmin's `metricDescriptors`, which have its name as a key."""


def _name_in(each: object) -> object:
    if not isinstance(each, dict):
        return each
    return each.get("key" if _GARMIN in each else "name")


def _cells(row: object) -> object:
    """A row, which may be the only member of an object."""
    return next(iter(row.values())) if isinstance(row, dict) and len(row) == 1 else row


_WIDEST = 500
"""Columns of a table; a longer list is looked at as one of positions."""


def by_row(record: Mapping[str, object]) -> list[dict[str, object]]:
    """The rows of a record that holds a table; empty if it is none.

    Pandas writes a column as an object whose members are named by row, others as a list. Databases
    write the names of the columns in one list, and rows in another.
    """
    if rows := rows_of_aircraft(record) or rows_of_vessel(record):
        return rows
    if names := header_in(record):
        tables = [list(map(_cells, value)) for value in record.values() if isinstance(value, list)]
        return [
            dict(zip(names, row, strict=True))
            for table in tables
            for row in table
            if isinstance(row, list) and len(row) == len(names)
        ]
    lists = {
        name: _values_in(value) if isinstance(value, dict) else value
        for name, value in record.items()
        if isinstance(value, list | dict)
    }
    if len(lists) < 2:  # a place and a time; nearly all records have none
        return []
    found = _found(tuple(lists))
    if not is_dated(found) or any(
        isinstance(value, dict) and has_position(_found(tuple(value))) for value in record.values()
    ):
        return []
    names = tuple(lists)
    counts = {len(lists[names[index]]) for index in found.values()}
    if len(counts) != 1 or any(
        isinstance(v, dict) or (isinstance(v, list) and role is not Role.POSITION)
        for role, i in found.items()
        for v in lists[names[i]][:1]
    ):
        return []
    (count,) = counts
    whole = {name: values for name, values in lists.items() if len(values) == count}
    plain = {name: value for name, value in record.items() if name not in lists}
    return [plain | dict(zip(whole, row, strict=True)) for row in zip(*whole.values(), strict=True)]


_found = lru_cache(maxsize=256)(find)


def _values_in(column: dict[str, object]) -> list[object]:
    """The values of a column that is an object: those of its `data`, or all that it has by row."""
    data = column.get("data")
    return data if isinstance(data, list) else list(column.values())


def two_ends(whole: Mapping[str, object]) -> list[dict[str, object]]:
    """The start and the end of a flat record that is a trip; empty for others, and for a path."""
    ends = trip_ends(tuple(whole))
    if ends is None or any(isinstance(value, list) for value in whole.values()):
        return []
    return [
        {name: value for name, value in zip(end, whole.values(), strict=True) if name}
        for end in ends
    ]


def is_dated_position(known: Mapping[Role, object]) -> bool:
    """Whether a record has a place and a time."""
    has_place = not {Role.POSITION, Role.LON_LAT}.isdisjoint(known)
    has_place = has_place or (Role.LAT in known and Role.LON in known)
    return has_place and (Role.TIME in known or Role.DATE in known)
