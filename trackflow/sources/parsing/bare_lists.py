"""Lists of numbers without names: `[60.1, 24.9, 1714557600]`, where they show what they are."""

from collections.abc import Sequence
from typing import NamedTuple

from trackflow.errors import BadInputError
from trackflow.sources.values.times import BY_ITSELF, epoch_form, read_time

_LARGEST_LAT, _LARGEST_LON = 90, 180
_SHORTEST, _LONGEST = 3, 20


class UndecidedError(BadInputError):
    """Of two numbers, either could be the latitude."""


class BareList(NamedTuple):
    """A place and a time out of a list: two coordinates in their order, and the moment."""

    first: float
    second: float
    moment: object


def bare_list(values: Sequence[object]) -> BareList | None:
    """A list as a place and a time, which comes first or behind; None if it is no such list."""
    if not _SHORTEST <= len(values) <= _LONGEST:
        return None
    first, *others = values
    places, moments = (others, [first]) if _is_moment(first) else (values, values[2:])
    when = [each for each in moments if _is_moment(each)]
    one, two = places[:2]
    if len(when) != 1 or not isinstance(one, int | float) or not isinstance(two, int | float):
        return None
    return BareList(one, two, when[0]) if max(abs(one), abs(two)) <= _LARGEST_LON else None


def latitude_first(lists: Sequence[BareList], file: str) -> bool:
    """Whether the latitude stands before the longitude: only a longitude is above 90.

    Raises:
        UndecidedError: all numbers could be either.
    """
    if any(abs(each.second) > _LARGEST_LAT for each in lists):
        return True
    if any(abs(each.first) > _LARGEST_LAT for each in lists):
        return False
    raise UndecidedError(
        f"{file}: its lists have two numbers of which either could be the latitude; put a list of "
        'their names before them, such as ["lat", "lon", "time"]'
    )


def _is_moment(value: object) -> bool:
    if isinstance(value, int | float):
        return epoch_form(float(value)) is not None
    return isinstance(value, str) and read_time(value, BY_ITSELF)[0] is not None
