"""What one name of a column or member can mean, and in which unit, whatever stands beside it."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from trackflow.sources.values.date_parts import PARTS
from trackflow.sources.values.units import KMH_MS, KNOTS_MS, MPH_MS, Quantity, factor_of, units_of
from trackflow.sources.values.vocabulary import (
    PREFIXES,
    RANKED,
    SUFFIXES,
    Role,
    core_data_name,
    plain,
)
from trackflow.sources.values.zones import zone_in_name

QUANTITIES = {
    Role.LAT: Quantity.LATITUDE,
    Role.LON: Quantity.LONGITUDE,
    Role.SPEED: Quantity.SPEED,
    Role.ALTITUDE: Quantity.LENGTH,
    Role.ACCURACY: Quantity.LENGTH,
    Role.COURSE: Quantity.ANGLE,
    Role.HDOP: Quantity.RATIO,
}
"""Roles whose values are numbers with a unit."""

_LENIENT_RANK = 1_000
_BARE_UNIT_RANK = 2_000
_ONLY_WHOLE = PARTS | {
    Role.ROW_ID, Role.NAME, Role.ZONE, Role.VALID, Role.NORTH_SOUTH, Role.EAST_WEST, Role.POSITION,
    Role.SPEED_UNIT,
}  # fmt: skip
"""Roles whose names are common words: a longer name around one of them means something else."""
_BARE_UNITS = {
    "kmh": KMH_MS, "kph": KMH_MS, "mph": MPH_MS, "knots": KNOTS_MS,
    "时速": KMH_MS, "時速": KMH_MS, plain("시속"): KMH_MS,
}  # fmt: skip
"""Units that are the name of a column of speeds all by themselves."""


ALL_NAMES = frozenset(name for ranked in RANKED.values() for name in ranked) | set(_BARE_UNITS)
_ALL_ENDINGS = tuple(
    {*SUFFIXES, "timestamp", "datetime"}.union(*(units_of(q) for q in QUANTITIES.values()))
)


class Meaning(NamedTuple):
    """What a name means as one role: a lower rank is surer; our units per unit of the column."""

    rank: int
    factor: float


@lru_cache(maxsize=4096)
def meanings(name: str) -> Mapping[Role, Meaning]:
    """All that a name can mean."""
    simple = core_data_name(name) or plain(zone_in_name(name[:120])[0])
    found: dict[Role, Meaning] = {}
    if simple not in ALL_NAMES and not (
        simple.startswith(("utc", *PREFIXES)) or simple.endswith(_ALL_ENDINGS)
    ):
        return found  # a file may have as many names as elements: most are decided at once
    for role in Role:
        meaning = _meaning(simple, role)
        if meaning is not None:
            found[role] = meaning
    return found


def _meaning(simple: str, role: Role) -> Meaning | None:
    ranked = RANKED[role]
    if role in PARTS:
        simple = re.sub(r"^(?:utc|gps|local)|(?:utc|gmt|local)$", "", simple)
    for stem, unit in _without_unit(simple, role):
        if stem in ranked:
            return Meaning(ranked[stem], _BARE_UNITS.get(stem, 1.0) if unit == 1.0 else unit)
    if role is Role.SPEED and simple in _BARE_UNITS:
        return Meaning(_BARE_UNIT_RANK, _BARE_UNITS[simple])
    if role in _ONLY_WHOLE:
        return None
    if role is Role.TIME and simple.endswith(("timestamp", "datetime")):
        return Meaning(_LENIENT_RANK, 1.0)
    for stem, unit in _without_unit(simple, role):
        for rest in _without_affixes(stem):
            # one letter is no name behind others
            if rest in ranked and (len(rest) > 2 or not rest.isascii()):
                return Meaning(_LENIENT_RANK + ranked[rest], unit)
    return None


def _without_unit(simple: str, role: Role) -> list[tuple[str, float]]:
    """The name as it is, and without the units that it may end with."""
    ways = [(simple, 1.0)]
    quantity = QUANTITIES.get(role)
    for unit in units_of(quantity) if quantity else ():
        stem = simple.removesuffix(unit)
        if stem and stem != simple and quantity:
            factor = factor_of(unit, quantity) or 1.0
            ways += [(stem, factor)]
            ways += [(stem[:-2], factor)] if stem.endswith(("in", "en")) else []  # speed in km/h
    return ways


_DIGITS = "0123456789"
"""Cayenne numbers the members of its messages: `gps_1.latitude`."""


def _without_affixes(stem: str) -> list[str]:
    without = [stem.removeprefix(p) for p in PREFIXES if stem.startswith(p) and stem != p]
    without += [s.removeprefix(p) for s in without for p in PREFIXES if s.startswith(p) and s != p]
    without += [s.lstrip(_DIGITS) for s in without if s[0] in _DIGITS]
    both = [stem, *without]
    return without + [
        s.removesuffix(ending) for s in both for ending in SUFFIXES if s.endswith(ending)
    ]
