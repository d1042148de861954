"""Which column holds what, and in which unit, by the names of columns and members."""

import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from trackflow.errors import BadInputError
from trackflow.geo.points import Floats
from trackflow.sources.values.date_parts import settle_parts
from trackflow.sources.values.meanings import meanings
from trackflow.sources.values.sender_units import OF_TELTONIKA, OF_WIALON, sender_factor
from trackflow.sources.values.units import (
    HDOP_UNIT_M,
)
from trackflow.sources.values.vocabulary import (
    RANKED,
    Role,
    plain,
)
from trackflow.sources.values.zones import zone_in_name

__all__ = ["HDOP_UNIT_M", "Role", "factor", "find", "has_position", "plain", "require"]

OPTION_NAMES = {
    "time": Role.TIME, "date": Role.DATE, "clock": Role.CLOCK, "zone": Role.ZONE, "lat": Role.LAT,
    "lon": Role.LON, "position": Role.POSITION, "device": Role.DEVICE, "alt": Role.ALTITUDE,
    "accuracy": Role.ACCURACY, "hdop": Role.HDOP, "speed": Role.SPEED, "course": Role.COURSE,
}  # fmt: skip
"""Roles as `--columns` names them."""

COLUMNS_HINT = "name the columns with --columns time=3,lat=1,lon=2"

_EXAMPLES = {
    Role.LAT: "lat, latitude, y and the like",
    Role.LON: "lon, lng, longitude, x and the like",
    Role.TIME: "recorded_at, timestamp, time, date and time in two columns, and the like",
}
_OF_MOVEBANK = {"eventid", "individuallocalidentifier", "taglocalidentifier", "studyname"}
"""Movebank marks outliers in a column that is called `visible`."""


def find(names: Sequence[str]) -> dict[Role, int]:
    """The column of each role that is there."""
    ranked = _ranked(names)
    found: dict[Role, int] = {}
    for role in sorted(ranked, key=_ORDER.__getitem__):
        ranks = ranked[role]
        if role is Role.MINUTE:  # MM and mm
            ranks = [each for each in ranks if each[1] != found.get(Role.MONTH)]
        if ranks:
            found[role] = min(ranks)[1]
            if role is Role.TIME:
                found[role] = _in_utc(names, found[role], [index for _, index in ranks])
    settle_parts(found)
    if _has_minutes(names):
        found = {role: column for role, column in found.items() if role not in _HALVES}
    if Role.LAT in found and Role.LON in found:
        if found[Role.LAT] != found[Role.LON]:
            found.pop(Role.POSITION, None)
            found.pop(Role.LON_LAT, None)
    elif Role.LON_LAT in found:
        found.pop(Role.POSITION, None)
    _drop_others(names, found)
    _add_short_names(names, found)
    if not {Role.TIME, Role.DATE} & found.keys() and Role.CLOCK in found:
        found[Role.TIME] = found.pop(Role.CLOCK)  # such as "Heure", which then has the date, too
    if found.get(Role.DEVICE, -1) == found.get(Role.CLOCK) and Role.TIME not in found:
        del found[Role.DEVICE]  # `tid` is a tracker to OwnTracks and a time of day to Swedes
    return found


def _ranked(names: Sequence[str]) -> dict[Role, list[tuple[int, int]]]:
    """The columns that each role may have: rank and index of each."""
    ranked: dict[Role, list[tuple[int, int]]] = {}
    for index, name in enumerate(names):
        for role, meaning in meanings(name).items():
            ranked.setdefault(role, []).append((meaning.rank, index))
    return ranked


_ORDER = {role: place for place, role in enumerate(Role)}


def _in_utc(names: Sequence[str], chosen: int, others: Sequence[int]) -> int:
    """Of times that are the same but for their zone, the one that says it is in UTC."""
    if len(others) < 2 or zone_in_name(names[chosen][:120])[1]:
        return chosen
    stem = _of_any_zone(names[chosen])
    for index in others:
        zone = zone_in_name(names[index][:120])[1].upper()
        if zone in ("UTC", "GMT", "Z") and _of_any_zone(names[index]) == stem:
            return index
    return chosen


def _of_any_zone(name: str) -> str:
    return re.sub("^(?:local|utc|gmt)|(?:local|utc|gmt)$", "", plain(zone_in_name(name[:120])[0]))


_HALVES = (Role.LAT, Role.LON)
_MINUTES = {
    f"{axis}{part}"
    for axis in ("lat", "latitude", "lon", "long", "longitude")
    for part in ("min", "mins", "minute", "minutes")
}


def _has_minutes(names: Sequence[str]) -> bool:
    """Whether coordinates have columns of minutes: those of degrees have whole ones only, then.

    Beside a maximum, `lat_min` is the least latitude.
    """
    simple = {plain(name) for name in names}
    return not _MINUTES.isdisjoint(simple) and not any("max" in name for name in simple)


def _is_check_in(names: Sequence[str], found: Mapping[Role, int]) -> bool:
    """Whether these are the members of a check-in of Foursquare, whose times are UTC."""
    is_created = Role.TIME in found and plain(names[found[Role.TIME]]) == "createdat"
    return is_created and any(name.startswith("venue") for name in names)


def _drop_others(names: Sequence[str], found: dict[Role, int]) -> None:
    """Forgets columns whose names mean something else beside the others."""
    if Role.ZONE in found and (zone_told(names, found) or _is_check_in(names, found)):
        del found[Role.ZONE]  # it is where the clock on the wall was, and the time is UTC
    if Role.DEVICE in found and _UNIQUE_ID in names:
        found[Role.DEVICE] = names.index(_UNIQUE_ID)
    if Role.POSITION in found and set(map(plain, names)) >= _OF_AMAZON:
        found[Role.LON_LAT] = found.pop(Role.POSITION)
    valid = "" if Role.VALID not in found else plain(names[found[Role.VALID]])
    if valid == "visible" and _OF_MOVEBANK.isdisjoint(map(plain, names)):
        del found[Role.VALID]  # elsewhere it is about drawing
    if Role.ACCURACY in found and (_is_acceleration(names, found) or _is_dilution(names, found)):
        del found[Role.ACCURACY]
    if _are_axes(names, found):
        for role in (Role.LAT, Role.LON, Role.ALTITUDE):
            found.pop(role, None)
    if Role.TIME in found:
        found[Role.TIME] = _beside_position(names, found)


def _add_short_names(names: Sequence[str], found: dict[Role, int]) -> None:
    """Adds what Wialon and Teltonika call by letters that mean nothing by themselves."""
    last = {name.rpartition(".")[2]: index for index, name in enumerate(names)}
    for marks, speed, course in _SHORT_NAMES:
        if marks <= last.keys():
            found |= {Role.SPEED: last[speed], Role.COURSE: last[course]}


_SHORT_NAMES = ((OF_WIALON, "s", "c"), (OF_TELTONIKA, "sp", "ang"))
_OF_AMAZON = {"deviceid", "sampletime", "position"}
"""Members of Amazon Location Service, whose positions begin with the longitude."""
_UNIQUE_ID = "device.uniqueId"
"""Of a position that Traccar's server forwards; its `deviceId` is only a number in its database."""


def _are_axes(names: Sequence[str], found: Mapping[Role, int]) -> bool:
    """Whether x, y and z are, as far as can be told, those of a sensor: phones log many of them.

    A place has more about it: how fast, how sure, which way.
    """
    if Role.LAT not in found or plain(names[found[Role.LAT]]) != "y" or _ABOUT_MOVES & found.keys():
        return False
    simple = set(map(plain, names))
    return {"x", "y", "z"} <= simple and simple.isdisjoint(_PLACES)


_ABOUT_MOVES = {Role.SPEED, Role.COURSE, Role.ACCURACY, Role.HDOP, Role.VALID}
_PLACES = RANKED[Role.POSITION].keys() | {"pos"}
"""Names of objects that have a place in them."""


def _beside_position(names: Sequence[str], found: Mapping[Role, int]) -> int:
    """Of the times of a message, the one that is in the same object as its position.

    Servers put what a device sent into an object, and around it when they received it.
    """
    chosen = found[Role.TIME]
    place = next((found[role] for role in _OF_PLACES if role in found), chosen)
    path = names[place].split(".")[:-1]
    if not path or place == chosen:
        return chosen
    *outer, usual = names[chosen].split(".")
    best = -len(outer) if outer == path[: len(outer)] else 0, -1, chosen
    for index, name in enumerate(names):
        *outer, last = name.split(".")
        meaning = meanings(last).get(Role.TIME) if outer == path[: len(outer)] else None
        if meaning and (last == usual or not _is_of_server(last)):
            best = min(best, (-len(outer), meaning.rank, index))
    return best[-1]


_OF_PLACES = (Role.LAT, Role.POSITION, Role.LON_LAT)


def _is_of_server(name: str) -> bool:
    """Whether a time is one at which a position was received, kept or changed."""
    return plain(name).startswith(("created", "updated", "received", "server", "sent", "last"))


def _is_dilution(names: Sequence[str], found: Mapping[Role, int]) -> bool:
    """Whether `precision` is that of GoPro, a hundredfold dilution, beside its count `cts`."""
    return plain(names[found[Role.ACCURACY]]) == "precision" and "cts" in map(plain, names)


def _is_acceleration(names: Sequence[str], found: Mapping[Role, int]) -> bool:
    """Whether `acc` is that of the buses and trains of Helsinki, whose positions are of `oper`."""
    is_acc = plain(names[found[Role.ACCURACY]]).endswith("acc")
    return is_acc and {"oper", "veh", "desi"} <= {plain(name.rpartition(".")[2]) for name in names}


def without_unknown(
    values: Floats, role: Role, names: Sequence[str], factor: float = 1.0
) -> Floats:
    """The values of a column, NaN for those that stand for `unknown`.

    Args:
        values: of the column. Shape (n,).
        role: of the column.
        names: of all columns.
        factor: values per unit of the column.
    """
    nothing = unknown(role, names)
    if nothing is None:
        return values
    known: Floats = np.where(np.isclose(values, nothing * factor), np.nan, values)
    return known


def unknown(role: Role, names: Sequence[str]) -> float | None:
    """What stands for a value that is not known, in the unit of its column; None if nothing does.

    Ships that do not know their speed say 102.3 knots, and 360 degrees of their course.
    """
    is_of_ship = role in _UNKNOWN_OF_SHIPS and "mmsi" in map(plain, names)
    return _UNKNOWN_OF_SHIPS[role] if is_of_ship else None


_UNKNOWN_OF_SHIPS = {Role.SPEED: 102.3, Role.COURSE: 360.0}


def zone_told(names: Sequence[str], found: Mapping[Role, int]) -> str:
    """The zone that the name of a column of times says they are in; empty if it says none."""
    roles = (Role.TIME, Role.CLOCK, Role.DATE)
    return zone_in_names(names[found[role]] for role in roles if role in found)


def zone_in_names(names: Iterable[str]) -> str:
    """The zone of the first name of a column that says one; empty if none does."""
    return next(filter(None, (zone_in_name(name[:120])[1] for name in names)), "")


def has_position(found: Mapping[Role, int]) -> bool:
    """Whether these columns have positions."""
    both = Role.LAT in found and Role.LON in found
    return both or Role.POSITION in found or Role.LON_LAT in found


def is_dated(found: Mapping[Role, int]) -> bool:
    """Whether these columns have positions and when they were."""
    return has_position(found) and not {Role.TIME, Role.DATE}.isdisjoint(found)


def require(found: Mapping[Role, int], names: Sequence[str], file: str) -> None:
    """Reports what is missing, in words that let a person mend the header.

    Raises:
        BadInputError: there is no column of latitude, longitude or time.
    """
    missing = (
        [] if has_position(found) else [role for role in (Role.LAT, Role.LON) if role not in found]
    )
    if Role.TIME not in found and Role.DATE not in found:
        missing.append(Role.TIME)
    if not missing:
        return
    shown = ", ".join(name.strip()[:40] or "(no name)" for name in names[:20])
    shown += " and more" if len(names) > 20 else ""
    understood = "; ".join(f"{role} as {_EXAMPLES[role]}" for role in missing)
    if Role.LAT in missing and {"x", "y", "z"} <= set(map(plain, names)):
        raise NoPositionsError(
            f"{file}: x, y and z are as often those of a sensor as a place; if they are longitude, "
            f"latitude and height, {COLUMNS_HINT}"
        )
    if _has_minutes(names):
        raise BadInputError(
            f"{file}: degrees and minutes stand in columns of their own; put each coordinate into "
            "one column, such as 60 6.0 or 60.1"
        )
    words = (
        f"{file}: no column of {' or '.join(missing)} found among: {shown}. Understood: "
        f"{understood}; else {COLUMNS_HINT}"
    )
    is_about_points = has_position(found) or Role.LAT in found or Role.LON in found
    raise BadInputError(words) if is_about_points else NoPositionsError(words)


class NoPositionsError(BadInputError):
    """A file is readable and has nothing in it that could be a position."""


def factor(role: Role, name: str, names: Sequence[str] = ()) -> float:
    """What to multiply a column by, to have it in our units.

    Args:
        role: what the column is.
        name: its name.
        names: of all columns; some senders are known by them, and with them their units.
    """
    meaning = meanings(name).get(role)
    factor = meaning.factor if meaning else 1.0
    return factor if factor != 1.0 else sender_factor(role, plain(name), names)


def option(text: str) -> dict[Role, int]:
    """The columns that `--columns` names, counted from 0.

    Raises:
        BadInputError: it cannot be understood.
    """
    found: dict[Role, int] = {}
    for part in text.split(","):
        name, _, number = part.partition("=")
        role = OPTION_NAMES.get(name.strip().lower())
        if role is None or not number.strip().isdecimal() or not 0 < int(number) <= 10_000:
            raise BadInputError(
                f"--columns does not understand {part.strip()[:40]!r}: write such as "
                "time=3,lat=1,lon=2 with columns counted from 1; names are "
                + ", ".join(OPTION_NAMES)
            )
        found[role] = int(number) - 1
    if not has_position(found) or not (Role.TIME in found or Role.DATE in found):
        raise BadInputError(
            "--columns must name a time (or date and clock) and lat and lon (or position)"
        )
    return found
