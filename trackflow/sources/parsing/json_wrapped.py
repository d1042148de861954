"""Records inside records: the envelopes in which servers and webhooks send positions."""

from collections.abc import Iterator, Mapping

from trackflow.sources.values.columns import Role
from trackflow.sources.values.fields import flat, known_fields

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
    record: Mapping[str, object], around: dict[Role, object], depth: int
) -> Iterator[dict[Role, object]]:
    inner = [
        each
        for value in record.values()
        for each in (value if isinstance(value, list) else (value,))
        if isinstance(each, dict)
    ]
    if not inner:
        return
    plain = {name: value for name, value in record.items() if not isinstance(value, list)}
    told = known_fields(flat(plain))
    around = around | {role: told[role] for role in _OF_ALL if role in told}
    for each in inner:
        known = known_fields(flat(each))
        if is_dated_position(known):
            yield around | known
        elif depth < _DEEPEST:
            yield from _inside(each, around, depth + 1)


def is_dated_position(known: Mapping[Role, object]) -> bool:
    """Whether a record has a place and a time."""
    has_place = Role.LAT in known and Role.LON in known
    return (has_place or Role.POSITION in known) and (Role.TIME in known or Role.DATE in known)
