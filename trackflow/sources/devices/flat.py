"""Flat records: a position as parameters of an address, a form, or a JSON object without depth.

Traccar's old client, OsmAnd, GPSLogger, PhoneTrack, Colota, OpenGTS, Home Assistant and a Traccar
server that forwards all send one, each by its own names. The names show the sender, on which
the unit of speed and the meaning of `hdop` depend. The address may give the unit: `speed_unit=kmh`.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from itertools import islice

from trackflow.sources.devices.bodies import UnreadableError, form_pairs
from trackflow.sources.devices.fixes import UNIT_PARAMETERS, Fix, Record, is_unset, text
from trackflow.sources.devices.nmea import read_rmc
from trackflow.sources.values import columns
from trackflow.sources.values.cells import number
from trackflow.sources.values.columns import Role
from trackflow.sources.values.date_parts import PARTS
from trackflow.sources.values.elapsed import counted, elapsed_among
from trackflow.sources.values.fields import denies_fix, known_fields, moment_of
from trackflow.sources.values.moments import count_before_clock
from trackflow.sources.values.sender_units import sender_speed_unit_ms
from trackflow.sources.values.times import TimeForm, epoch_form, in_zone, parse_time
from trackflow.sources.values.units import KNOTS_MS, Quantity, measure
from trackflow.sources.values.vocabulary import COUNTS
from trackflow.sources.values.whole_degrees import are_whole

MAX_FORM_FIELDS = 200

TRACCAR = "traccar"
TRACCAR_SERVER = "traccar-server"
OSMAND = "osmand"
GPSLOGGER = "gpslogger"
OPENGTS = "opengts"
PHONETRACK = "phonetrack"
COLOTA = "colota"
HOME_ASSISTANT = "homeassistant"

SENDERS = (
    TRACCAR, TRACCAR_SERVER, OSMAND, GPSLOGGER, OPENGTS, PHONETRACK, COLOTA, HOME_ASSISTANT,
)  # fmt: skip
"""Senders of flat records; each has an endpoint of its name, too, where it is not guessed."""

FLAT_UNITS_MS = {
    sender: KNOTS_MS if sender in (TRACCAR, TRACCAR_SERVER, OPENGTS) else 1.0 for sender in SENDERS
}
"""Metres per second of a unit of speed: phones measure metres per second, Traccar uses knots."""

_OF_SERVER = {"uniqueid", "fixtime", "devicetime", "statuscode"}
_OF_OSMAND = {"tta", "ttf", "dta", "dtf", "batproc"}
_OF_PHONETRACK = {"useragent"}
_OF_GPSLOGGER = {
    "spd", "dir", "sat", "prov", "provider", "act", "desc", "annotation", "aid", "ser", "filename",
    "profile", "starttimestamp", "timeoffset", "vdop", "pdop", "dist", "ischarging",
}  # fmt: skip
_OF_HOME_ASSISTANT = {
    "latitude",
    "longitude",
    "device",
    "id",
    "accuracy",
    "battery",
    "speed",
    "direction",
    "altitude",
    "provider",
    "activity",
}
"""All names of this form: none is a time, so the time of arrival is used."""

_NOT_OF_TRACCAR = {"latitude", "longitude", "lng", "long"}
_MORE_NAMES = {
    "spd": Role.SPEED, "s": Role.SPEED, "dir": Role.COURSE, "bear": Role.COURSE,
    "acc": Role.ACCURACY,
    "timeoffset": Role.TIME, "dev": Role.DEVICE, "gpsaccuracy": Role.ACCURACY,
}  # fmt: skip
_TWO_IN_ONE = ("location", "latlon", "latlng", "coords", "coordinates", "position", "gps")
_MEANT_TIME = re.compile(r"tamp$|^tim|^dat|stamp|epoch")
_NAMES_FIRST = ("uniqueid", "id", "deviceid", "device", "dev", "tid")
_NAMES_LAST = ("ser", "aid")
"""GPSLogger's serial number, which newer phones do not give, and the id of Android."""

_CLOCK = re.compile(r"\d\d?:\d\d(?::\d\d)?.*")
_TIMES_SIGN = re.compile("(?:\xc3\x97|\xd7)tamp=")
"""`&timestamp=` after a web page has read `&times` as a multiplication sign."""


def read_form(body: bytes, query: Mapping[str, str]) -> dict[str, object]:
    """The record of a form and an address; empty if they have no values.

    Raises:
        UnreadableError: the body is no form.
    """
    try:
        pairs = form_pairs(body, MAX_FORM_FIELDS)
    except ValueError:
        raise UnreadableError from None
    if body.strip() and not pairs:
        raise UnreadableError
    record: dict[str, object] = {}
    for name, value in (*pairs, *query.items()):
        found = _TIMES_SIGN.split(value, maxsplit=1)
        record[name] = found[0]
        if len(found) > 1:
            record["timestamp"] = found[1]
    return {k: v for k, v in record.items() if k != "token" and k.lower() not in UNIT_PARAMETERS}


def sender_of(record: Record, endpoint: str) -> str:
    """The sender of a record: that of its endpoint, or else by the names in the record."""
    if endpoint in SENDERS and endpoint != TRACCAR:
        return endpoint
    names = _lowered(record)
    accuracies = {"acc", "accuracy"} & names
    if "gprmc" in names and not _names_place(record):
        return OPENGTS
    if names & _OF_SERVER:
        return TRACCAR_SERVER
    if names & _OF_PHONETRACK:
        return PHONETRACK
    if _is_of_home_assistant(names):
        return HOME_ASSISTANT
    if names & _OF_OSMAND or ("hdop" in names and not accuracies and _is_ms(_time(record))):
        return OSMAND
    if names & _OF_GPSLOGGER or accuracies == {"acc"} or ("hdop" in names and not accuracies):
        return GPSLOGGER
    charge = text(record.get("charge"))
    if "bs" in names or (charge is not None and charge.strip() in ("0", "1", "2", "3")):
        return COLOTA
    return GPSLOGGER if names & _NOT_OF_TRACCAR else TRACCAR


def fix_of(
    record: Record, sender: str, arrived_us: int, query_unit_ms: float | None = None
) -> Fix | None:
    """The position of a record; None if it has none of the names of one.

    Args:
        record: names and values, as text or as JSON has them.
        sender: who sent it (`sender_of`).
        arrived_us: when it arrived, UTC microseconds: the time of records without one.
        query_unit_ms: metres per second of the unit of speed in the address.
    """
    if "gprmc" in record and not _names_place(record):
        return _of_gprmc(record)
    names = {role: name for role, name in _names(record).items() if record[name] is not None}
    by_role: dict[Role, object] = {role: record[name] for role, name in names.items()}
    lat, lon = by_role.get(Role.LAT), by_role.get(Role.LON)
    if lat is None and lon is None:
        lat, lon = _both(record)
    elif _is_in_other_units(names) or are_whole((lat, lon)):
        known = known_fields(record)
        lat, lon = known.get(Role.LAT), known.get(Role.LON)
    if not {Role.LAT, Role.LON, Role.TIME} & set(names) and lat is None:
        return None
    if denies_fix(by_role.get(Role.VALID)):  # the tracker itself says that it had no fix
        lat = lon = None
    moment = _time(record) if PARTS.isdisjoint(names) else moment_of(known_fields(record))
    if moment is None and (sender == HOME_ASSISTANT or _is_of_home_assistant(_lowered(record))):
        moment = arrived_us
    if (count := elapsed_among(tuple(_first_names(record)))) is not None and count.is_alone:
        moment = counted(record, {Role.TIME: moment}, None).get(Role.TIME)
    moment = in_zone(moment, by_role.get(Role.ZONE))
    accuracy, hdop = by_role.get(Role.ACCURACY), by_role.get(Role.HDOP)
    if sender == OSMAND:  # its {3} is the accuracy in metres, under any name in the address
        accuracy, hdop = hdop if accuracy is None else accuracy, None
    return Fix(
        device=device_of(record),
        time=moment,
        lat=lat,
        lon=lon,
        altitude_m=_altitude_m(by_role.get(Role.ALTITUDE), names.get(Role.ALTITUDE, "")),
        accuracy_m=accuracy,
        hdop=hdop,
        speed=by_role.get(Role.SPEED),
        speed_unit_ms=_speed_unit_ms(
            names.get(Role.SPEED, ""),
            _sender_unit_ms(tuple(_first_names(record)), sender),
            query_unit_ms,
        ),
        course_deg=by_role.get(Role.COURSE),
    )


def _is_in_other_units(names: Mapping[Role, str]) -> bool:
    """Whether coordinates have a column for their hemisphere, or are parts of degrees (E7)."""
    if Role.NORTH_SOUTH in names or Role.EAST_WEST in names:
        return True
    both = (role for role in (Role.LAT, Role.LON) if role in names)
    return any(columns.factor(role, names[role]) != 1.0 for role in both)


def device_of(record: Record) -> str | None:
    """The device that a record names: `id` and `deviceid` before all others."""
    names = _first_names(record)
    plain = {columns.plain(name): record[name] for name in reversed(names)}
    named = columns.find(names).get(Role.DEVICE)
    other = None if named is None else record[names[named]]
    values = (*(plain.get(n) for n in _NAMES_FIRST), other, *(plain.get(n) for n in _NAMES_LAST))
    texts = ((text(value) or "").strip() for value in values)
    return next(
        (name for name in texts if name not in ("", "unknown") and not is_unset(name)), None
    )


def _first_names(record: Record) -> list[str]:
    """The names of a record; a position is found among the first or not at all."""
    return list(islice(record, MAX_FORM_FIELDS))


def _lowered(record: Record) -> set[str]:
    return {name.lower() for name in _first_names(record)}


def _is_of_home_assistant(names: set[str]) -> bool:
    """Whether these are the names of that form and no others, so that none can be a time."""
    return "latitude" in names and names <= _OF_HOME_ASSISTANT


def _names(record: Record) -> dict[Role, str]:
    """The name of each role that is there."""
    names = _first_names(record)
    found = {role: names[index] for role, index in columns.find(names).items()}
    for name in names:
        role = _MORE_NAMES.get(columns.plain(name))
        if role is not None:
            found.setdefault(role, name)
    return found


def _time(record: Record) -> object:
    """The time of a record, also under a misspelt name."""
    found = _names(record)
    name = found.get(Role.TIME)
    if name is not None:
        cell = (text(record[name]) or "").strip()
        day = text(record.get(found.get(Role.DATE, ""))) or ""
        clock = f"{day.strip()}T{cell}" if day and _CLOCK.fullmatch(cell) else record[name]
        counts = (
            record[n] for n in _first_names(record) if n != name and columns.plain(n) in COUNTS
        )
        return count_before_clock(clock, next(counts, None))
    meant = [
        record[name]
        for name in _first_names(record)
        if _MEANT_TIME.search(name.lower()) and _is_time(text(record[name]) or "")
    ]
    return meant[0] if len(meant) == 1 else None


def _is_time(cell: str) -> bool:
    value = number(cell)
    if value is not None:
        return epoch_form(value) is not None
    return parse_time(cell, TimeForm.ISO) is not None


def _is_ms(moment: object) -> bool:
    value = number(text(moment))
    return value is not None and epoch_form(value) is TimeForm.EPOCH_MS


def _both(record: Record) -> tuple[object, object]:
    """Latitude and longitude out of one value: `60.1,24.9`, or a list of the two."""
    for name in _TWO_IN_ONE:
        value = record.get(name)
        if isinstance(value, list) and len(value) == 2:
            return value[0], value[1]
        parts = value.split(",") if isinstance(value, str) else []
        if len(parts) == 4:  # decimal commas
            return f"{parts[0]},{parts[1]}", f"{parts[2]},{parts[3]}"
        if len(parts) == 2:
            return parts[0], parts[1]
    return None, None


def _altitude_m(value: object, name: str) -> object:
    factor = columns.factor(Role.ALTITUDE, name) if name else 1.0
    return value if factor == 1.0 else measure(value, Quantity.LENGTH, factor)


@lru_cache(maxsize=256)
def _sender_unit_ms(names: tuple[str, ...], sender: str) -> float:
    """The unit of a sender that is known by all its names, else of the one whose form it is."""
    by_names = sender_speed_unit_ms(names)
    return FLAT_UNITS_MS[sender] if by_names == 1.0 else by_names


def _speed_unit_ms(name: str, sender_unit_ms: float, query_unit_ms: float | None) -> float:
    if query_unit_ms is not None:
        return query_unit_ms
    by_name = columns.factor(Role.SPEED, name) if name else 1.0
    if by_name != 1.0 or columns.plain(name).endswith(("ms", "mps")):
        return by_name
    return sender_unit_ms


def _names_place(record: Record) -> bool:
    """Whether a record has a place beside a sentence, which repeats it and knows less."""
    return {Role.LAT, Role.LON} <= _names(record).keys()


def _of_gprmc(record: Record) -> Fix:
    """OpenGTS: the position is a sentence of NMEA."""
    found = read_rmc(text(record.get("gprmc")) or "")
    return Fix(
        device=device_of(record) or text(record.get("acct")),
        time=found and found.time,
        lat=found and found.lat,
        lon=found and found.lon,
        altitude_m=record.get("alt"),
        speed=found and found.speed_kn,
        speed_unit_ms=KNOTS_MS,
        course_deg=found and found.course_deg,
    )
