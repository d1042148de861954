"""Tables of trips: a row has the place and the time of a start and of an end."""

import re
from collections.abc import Sequence
from functools import lru_cache

from trackflow.sources.values.columns import Role, find, has_position, is_dated, plain
from trackflow.sources.values.meanings import ALL_NAMES, meanings


def score(names: Sequence[str]) -> int:
    """How much these names look like a header of points or trips: 0 if not at all."""
    found = find((trip_ends(tuple(names)) or (names,))[0])
    position = max(
        (Role.LAT in found) + (Role.LON in found),
        2 * (Role.POSITION in found or Role.LON_LAT in found),
    )
    moment = Role.TIME in found or Role.DATE in found
    return 100 * position + 10 * moment + len(found)


@lru_cache(maxsize=1024)
def trip_ends(names: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """The names of a table of trips as those of its starts and of its ends; None if it is none.

    Each has empty names where the other has its place and time. What a trip has but once is not of
    one moment and is left out, except which device it was.
    """
    known = [_end_of(name) for name in names[:_TRIP_WIDEST]]
    if not {0, 1} <= {side for side, _ in known}:
        return None
    one, other = (
        tuple(
            rest if of == side else (name if of is None and _is_of_whole_trip(name) else "")
            for name, (of, rest) in zip(names, known, strict=False)
        )
        for side in (0, 1)
    )
    if not all(is_dated(find(each)) for each in (one, other)):
        return None
    plain_ones = [name for name, (side, _) in zip(names, known, strict=False) if side is None]
    return None if has_position(find(plain_ones)) else (one, other)


def _end_of(name: str) -> tuple[int | None, str]:
    """Of which end of a trip a column is, 0 or 1, and what it has of it; None for neither."""
    words = _WORD.findall(name[:120])
    words = [words[0].lower(), *words[1:]] if words else words
    simple = plain(name)
    for side, marks in enumerate(_ENDS):
        found = [word for word in words if word.lower() in marks]
        if found:
            rest = " ".join(w for w in words if w not in found and w.lower() not in _OF_TRIPS)
            return side, _named_once(rest)
        for mark in _PREFIXES[side] if simple.startswith(_PREFIXES[side]) else ():
            if simple.startswith(mark) and simple.removeprefix(mark) in ALL_NAMES:
                return side, _named_once(simple.removeprefix(mark))
    return None, name


def _named_once(rest: str) -> str:
    """What a column of one end has: a name of a place or a time, else nothing."""
    if rest.lower() in ("", "at", "ed at"):
        return "time"
    return rest if not _OF_AN_END.isdisjoint(meanings(rest)) else ""


def _is_of_whole_trip(name: str) -> bool:
    return not {Role.DEVICE, Role.ROW_ID, Role.NAME, Role.ZONE}.isdisjoint(meanings(name))


_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+|[^\W\d_A-Za-z]+")
_TRIP_WIDEST = 200
_ENDS = (
    {"start", "started", "starting", "begin", "beginning", "origin", "orig", "pickup", "departure",
     "depart", "departed", "from"},
    {"end", "ended", "ending", "stop", "stopped", "finish", "finished", "destination", "dest",
     "dropoff", "arrival", "arrived", "to"},
)  # fmt: skip
_PREFIXES = tuple(tuple(mark for mark in marks if len(mark) > 2) for marks in _ENDS)
"""Marks that may stand before a name without a space: `startlat`, but not `tolat`."""
_OF_TRIPS = {"trip", "station", "lpep", "tpep", "ride", "journey", "drive"}
_OF_AN_END = {Role.LAT, Role.LON, Role.POSITION, Role.LON_LAT, Role.TIME, Role.DATE, Role.CLOCK,
              Role.ZONE, Role.ALTITUDE}  # fmt: skip
