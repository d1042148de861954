"""Which column holds what, by the names that loggers, fleets and exports use.

Names are compared without case, spaces and punctuation: "Speed (km/h)" is `speedkmh`.
"""

import re
from collections.abc import Sequence
from enum import StrEnum

from trackflow.errors import BadInputError


class Role(StrEnum):
    """What a column can be to us."""

    TIME = "time"
    DATE = "date"
    CLOCK = "clock"
    LAT = "latitude"
    LON = "longitude"
    DEVICE = "device"
    ROW_ID = "row id"
    ALTITUDE = "altitude"
    ACCURACY = "accuracy"
    HDOP = "hdop"
    SPEED = "speed"
    COURSE = "course"


HDOP_UNIT_M = 5.0
"""Metres of accuracy per unit of HDOP: the usual error of a phone or tracker with a good sky."""

# Earlier names win: a file with `recorded_at` and `received_at` means the first.
_NAMES: dict[Role, str] = {
    Role.TIME: (
        "recordedat timestamp timestamputc utctimestamp timeutc utctime datetime datetimeutc "
        "utcdatetime gpstime gpstimestamp gpsdatetime fixtime devicetime time isotime utc tst "
        "timestampms timestamps timestampus timestampmillis timems times timestampepoch epoch "
        "epochs epochms epochus epochns epochseconds epochtime unixtime unixtimestamp "
        "eventtime eventtimestamp locationtime "
        "locationtimestamp localtime localdatetime positiontime measuredat measurementtime "
        "createdat observedat capturedat loggedat fixtimestamp sampletime when ts t servertime"
    ),
    Role.DATE: "date utcdate gpsdate dateutc day localdate recordeddate fixdate",
    Role.CLOCK: "time utctime gpstime timeutc localtime clock timeofday hour recordedtime fixtime",
    Role.LAT: (
        "latitude lat latitudedeg latdeg latitudedegrees latdegrees latitudee7 late7 positionlat "
        "positionlatitude locationlat locationlatitude gpslat gpslatitude latwgs84 wgs84lat "
        "latitudewgs84 decimallatitude geolat y ycoord coordy pointy"
    ),
    Role.LON: (
        "longitude lon lng long longitudedeg londeg lngdeg longitudedegrees londegrees longitudee7 "
        "lone7 lnge7 positionlong positionlon positionlongitude locationlong locationlon "
        "locationlng locationlongitude gpslon gpslng gpslong gpslongitude lonwgs84 wgs84lon "
        "longitudewgs84 decimallongitude geolon geolng x xcoord coordx pointx"
    ),
    Role.DEVICE: (
        "deviceid device deviceidentifier deviceuid deviceuuid uniqueid imei trackerid tracker "
        "vehicleid vehicle vehicleno vehiclenumber vehicleref busid taxiid unitid unit assetid "
        "asset userid user username mmsi individuallocalidentifier tagid tid "
        "devicename vehiclename person personid"
    ),
    Role.ROW_ID: "id",
    Role.ALTITUDE: (
        "altitude altitudem alt altm ele elevation elevationm height heightm altitudeft "
        "altitudefeet altft elevationft enhancedaltitude altitudemeters altitudemetres"
    ),
    Role.ACCURACY: (
        "accuracym accuracy horizontalaccuracy horizontalaccuracym haccuracy hacc acc accm "
        "gpsaccuracy gpsaccuracym accuracymeters accuracymetres positionaccuracy "
        "locationaccuracy precision eph uncertainty"
    ),
    Role.HDOP: "hdop gpshdop",
    Role.SPEED: (
        "speedms speedmps speed speedkmh speedkph kmh kph speedmph mph speedknots speedkn speedkt "
        "speedkts knots velocity velocityms velocitykmh vel gpsspeed groundspeed speedmetersps "
        "enhancedspeed gpsspeedkmh gpsspeedms"
    ),
    Role.COURSE: (
        "course coursedeg bearing bearingdeg heading headingdeg cog azimuth direction "
        "directiondeg angle courseoverground gpsbearing gpsheading gpscourse"
    ),
}
_EXAMPLES = {
    Role.LAT: "lat, latitude, y and the like",
    Role.LON: "lon, lng, longitude, x and the like",
    Role.TIME: "recorded_at, timestamp, time, date and time in two columns, and the like",
}
_RANKED: dict[Role, dict[str, int]] = {
    role: {name: rank for rank, name in enumerate(names.split())} for role, names in _NAMES.items()
}

_SPEED_UNITS_MS = (("kmh", 1 / 3.6), ("kph", 1 / 3.6), ("mph", 0.44704), ("knots", 1852 / 3600))
_KNOTS = re.compile(r"(?:speed|^)(?:kn|kts?)$")
_FEET_M = 0.3048


def plain(name: str) -> str:
    """A column name without case, spaces and punctuation."""
    return re.sub(r"[\W_]+", "", name.lower())


def find(names: Sequence[str]) -> dict[Role, int]:
    """The column of each role that is there."""
    found: dict[Role, int] = {}
    simple = [plain(name) for name in names]
    for role, ranked in _RANKED.items():
        known = [(ranked[name], index) for index, name in enumerate(simple) if name in ranked]
        if known:
            found[role] = min(known)[1]
    return found


def score(names: Sequence[str]) -> int:
    """How much these names look like a header of points: 0 if not at all."""
    found = find(names)
    position = (Role.LAT in found) + (Role.LON in found)
    moment = Role.TIME in found or Role.DATE in found
    return 100 * position + 10 * moment + len(found)


def require(found: dict[Role, int], names: Sequence[str], file: str) -> None:
    """Says what is missing, in words that let a person mend the header.

    Raises:
        BadInputError: there is no column of latitude, longitude or time.
    """
    missing = [role for role in (Role.LAT, Role.LON) if role not in found]
    if Role.TIME not in found and not (Role.DATE in found and Role.CLOCK in found):
        missing.append(Role.TIME)
    if not missing:
        return
    shown = ", ".join(name.strip()[:40] or "(no name)" for name in names[:20])
    shown += " and more" if len(names) > 20 else ""
    understood = "; ".join(f"{role} as {_EXAMPLES[role]}" for role in missing)
    raise BadInputError(
        f"{file}: no column of {' or '.join(missing)} found among: {shown}. Understood: "
        f"{understood}"
    )


def factor(role: Role, name: str) -> float:
    """What to multiply a column by, to have it in our units."""
    if role is Role.SPEED:
        return speed_factor(name)
    if role is Role.ALTITUDE:
        return altitude_factor(name)
    if role in (Role.LAT, Role.LON) and plain(name).endswith("e7"):
        return 1e-7
    return 1.0


def speed_factor(name: str) -> float:
    """Metres per second of one unit of the column; metres per second where the name has no unit."""
    simple = plain(name)
    for ending, factor in _SPEED_UNITS_MS:
        if simple.endswith(ending):
            return factor
    return 1852 / 3600 if _KNOTS.search(simple) else 1.0


def altitude_factor(name: str) -> float:
    """Metres of one unit of the column."""
    return _FEET_M if plain(name).endswith(("ft", "feet")) else 1.0
