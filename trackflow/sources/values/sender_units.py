"""Units of columns whose names say none, by the sender that the names beside them show."""

import math
from collections.abc import Iterable, Sequence

from trackflow.sources.values.units import FEET_M, KMH_MS, KNOTS_MS, MPH_MS
from trackflow.sources.values.vocabulary import Role, plain

OF_WIALON, OF_TELTONIKA = {"x", "y", "s", "c", "sc"}, {"latlng", "ang", "sp"}
"""Names by which short ones beside them are known."""


def sender_factor(role: Role, simple: str, names: Sequence[str]) -> float:
    """What to multiply a column by that names no unit, to have it in ours.

    Args:
        role: what the column is.
        simple: its name, plain.
        names: of all columns.
    """
    if _is_in_millimetres(simple, names):
        return 0.001
    if role is Role.SPEED and not _names_metres(simple):
        return sender_speed_unit_ms(names) if names else 1.0
    if role in _IN_RADIANS and _are_of_suunto(set(map(plain, names))):
        return math.degrees(1.0)
    if role is Role.ALTITUDE and _are_of_aircraft(map(plain, names)):
        return FEET_M
    return 1.0


_IN_RADIANS = (Role.LAT, Role.LON, Role.COURSE)


def _are_of_suunto(simple: set[str]) -> bool:
    """Whether these are members of a sample of Suunto, which measures angles in radians."""
    return "timeiso8601" in simple


def _are_of_aircraft(simple: Iterable[str]) -> bool:
    """Whether these are the columns of Flightradar24, which flies in feet and knots."""
    return {"callsign", "position", "altitude", "direction"} <= set(simple)


def _is_in_millimetres(simple: str, names: Sequence[str]) -> bool:
    """Whether a column is one of a u-blox receiver as it counts: in millimetres, and per second."""
    if simple not in _OF_UBLOX:
        return False
    return not {"itow", "gpssiv"}.isdisjoint(map(plain, names))


_OF_UBLOX = {"height", "hmsl", "hacc", "gspeed", "gpsalt", "gpsaltmsl", "gpsgroundspeed"}


def _names_metres(simple: str) -> bool:
    return simple.endswith(("ms", "mps", "second", "sec", "metersps"))


_OF_KMH = (
    OF_WIALON,
    OF_TELTONIKA,
    {"angle", "priority"},
    {"angle", "eventio"},
    {"latitudemdeg"},
    {"driveid", "power"},
    {"power", "odometer", "batterylevel"},
    {"accuracyh", "accuracyv", "elevationgain"},
)
"""Columns by which Wialon, Teltonika, Webfleet, TeslaMate and Runtastic are known."""


_OF_MARINETRAFFIC = {"mmsi", "status", "speed", "lon", "lat", "course", "heading", "timestamp"}


def sender_speed_unit_ms(names: Sequence[str]) -> float:
    """Metres per second of one unit of a speed whose column has no unit, by the sender.

    Traccar's server reports knots, as do ships (`SOG`, `mmsi`; MarineTraffic tenths of them) and
    receivers, Tesla miles per hour; OwnTracks writes kilometres
    per hour beside its `tst` (Colota has `bear` there, and metres per second), as do the loggers
    whose latitudes end in N or S, flespi, Wialon, Teltonika, Webfleet, Geotab,
    TeslaMate, Runtastic and aprs.fi.
    """
    simple = {plain(name) for name in names}
    simple |= {plain(name.rpartition(".")[2]) for name in names}  # members of a record inside
    if len(simple & {"fixtime", "devicetime", "servertime"}) >= 2 or "sog" in simple:
        return KNOTS_MS
    if {"lasttime", "lng"} <= simple:  # aprs.fi, of ships as of cars
        return KMH_MS
    if {"deviceid", "charging", "mock"} <= simple:  # the database of Traccar's app
        return KNOTS_MS
    if _are_of_aircraft(simple) or "mmsi" in simple:
        return KNOTS_MS / 10 if simple >= _OF_MARINETRAFFIC else KNOTS_MS
    if "messagecode" in simple and any(name.endswith("gpsfix") for name in simple):  # Garmin IPC
        return KMH_MS
    if any(name.endswith("gpsasof") for name in simple):  # Tesla
        return MPH_MS
    if {"ident", "positionlatitude"} <= simple:  # flespi
        return KMH_MS
    if any(marks <= simple for marks in _OF_KMH) or {"dateTime", "device.id"} <= set(names):
        return KMH_MS
    if ({"tst", "vel"} <= simple and "bear" not in simple) or "latitudens" in simple:
        return KMH_MS
    return 1.0
