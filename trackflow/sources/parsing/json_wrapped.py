"""Records inside records: the envelopes in which servers and webhooks send positions."""

from collections.abc import Iterator, Mapping

from trackflow.sources.values.columns import Role, find, has_position
from trackflow.sources.values.fields import flat, known_fields, merged
from trackflow.sources.values.times import BY_ITSELF, read_time
from trackflow.sources.values.vocabulary import RANKED, plain

_DEEPEST = 5
_OF_ALL = (Role.DEVICE, Role.ZONE)
"""What a record tells of the records inside it."""


def known_inside(record: Mapping[str, object]) -> Iterator[dict[Role, object]]:
    """What is known of each of the outermost records inside that have a position and a time.

    A position without a time of its own is none of them: what it is the place of, and when, is a
    guess. The device and the time zone may be told by a record around it.
    """
    yield from _inside(record, {}, 1)


def _inside(
    record: Mapping[str, object], around: dict[Role, object], depth: int, *, is_device: bool = False
) -> Iterator[dict[Role, object]]:
    inner = [
        (name, each)
        for name, value in record.items()
        for each in map(merged, value if isinstance(value, list) else (value,))
        if isinstance(each, dict)
    ]
    if not inner:
        return
    plain = {name: value for name, value in record.items() if not isinstance(value, list)}
    told = known_fields(flat(plain))
    around = around | {role: told[role] for role in _OF_ALL if role in told}
    if (is_device or isinstance(record.get("gps"), list)) and Role.DEVICE not in told:
        around |= {Role.DEVICE: told[Role.ROW_ID]} if Role.ROW_ID in told else {}
    for name, each in inner:
        for row in by_row(each):
            yield around | known_fields(row)
        known = known_fields(flat(each))
        if not {Role.TIME, Role.DATE} & known.keys() and _is_moment(name):
            known[Role.TIME] = name
        if is_dated_position(known):
            if _are_devices(name) and Role.ROW_ID in known:
                known.setdefault(Role.DEVICE, known[Role.ROW_ID])
            yield around | known
        elif depth < _DEEPEST:
            yield from _inside(each, around, depth + 1, is_device=_are_devices(name))


def _are_devices(name: str) -> bool:
    """Whether a list is one of devices, whose `id` is theirs: `devices`, `vehicles`."""
    return plain(name).removesuffix("s") in RANKED[Role.DEVICE]


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
    named = [each.get("name") if isinstance(each, dict) else each for each in values[:_WIDEST]]
    names = tuple(name for name in named if isinstance(name, str))
    found = find(names) if len(names) == len(values) else {}
    is_header = has_position(found) and not {Role.TIME, Role.DATE}.isdisjoint(found)
    return names if is_header else ()


_WIDEST = 500
"""Columns of a table; a longer list is looked at as one of positions."""


def by_row(record: Mapping[str, object]) -> list[dict[str, object]]:
    """The rows of a record that holds a table; empty if it is none.

    Pandas writes a column as an object whose members are named by row, others as a list. Databases
    write the names of the columns in one list, and rows in another.
    """
    if names := header_in(record):
        tables = [value for value in record.values() if isinstance(value, list)]
        return [
            dict(zip(names, row, strict=True))
            for table in tables
            for row in table
            if isinstance(row, list) and len(row) == len(names)
        ]
    lists = {
        name: list(value.values()) if isinstance(value, dict) else value
        for name, value in record.items()
        if isinstance(value, list | dict)
    }
    if len(lists) < 2:  # a place and a time; nearly all records have none
        return []
    found = find(tuple(lists))
    if not has_position(found) or not {Role.TIME, Role.DATE} & found.keys():
        return []
    names = tuple(lists)
    counts = {len(lists[names[index]]) for index in found.values()}
    if len(counts) != 1 or any(
        isinstance(v, list | dict) for i in found.values() for v in lists[names[i]][:1]
    ):
        return []
    (count,) = counts
    whole = {name: values for name, values in lists.items() if len(values) == count}
    plain = {name: value for name, value in record.items() if name not in lists}
    return [plain | dict(zip(whole, row, strict=True)) for row in zip(*whole.values(), strict=True)]


def is_dated_position(known: Mapping[Role, object]) -> bool:
    """Whether a record has a place and a time."""
    has_place = Role.LAT in known and Role.LON in known
    return (has_place or Role.POSITION in known) and (Role.TIME in known or Role.DATE in known)
