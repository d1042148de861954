"""What a form's own names leave open, read under the names that files have.

Scripts and servers fill in another's form with names of their own: `latitude` for `lat`, `time`
for `timestamp`. Only records that lack a time or a place are looked at: whole ones cost nothing.
"""

from collections.abc import Mapping

import numpy as np

from trackflow.sources.devices.raw_fix import Fix, Record
from trackflow.sources.values.columns import Role
from trackflow.sources.values.fields import flat, is_invalid, known_fields, moment_of
from trackflow.sources.values.positions import position
from trackflow.sources.values.times import in_zone


def filled_in(fix: Fix, record: Record) -> Fix:
    """A position with what it lacks, as far as its record has it under other names."""
    if fix.time is not None and fix.lat is not None and fix.lon is not None:
        return fix
    known = known_fields(flat(record))
    if is_invalid(known):
        return fix._replace(lat=None, lon=None)
    lat, lon, height_m = _place(fix, known)

    def either(value: object, role: Role) -> object:
        return known.get(role) if value is None else value

    has_speed = fix.speed is not None or Role.SPEED not in known
    return fix._replace(
        device=either(fix.device, Role.DEVICE),
        time=in_zone(moment_of(known) if fix.time is None else fix.time, known.get(Role.ZONE)),
        lat=lat,
        lon=lon,
        altitude_m=known.get(Role.ALTITUDE, height_m) if fix.altitude_m is None else fix.altitude_m,
        accuracy_m=either(fix.accuracy_m, Role.ACCURACY),
        hdop=either(fix.hdop, Role.HDOP),
        speed=fix.speed if has_speed else known[Role.SPEED],
        speed_unit_ms=fix.speed_unit_ms if has_speed else 1.0,
        course_deg=either(fix.course_deg, Role.COURSE),
    )


def _place(fix: Fix, known: Mapping[Role, object]) -> tuple[object, object, object]:
    """Latitude, longitude and height: the form's own, else the record's, else those of one text."""
    lat, lon = (
        known.get(role) if value is None else value
        for value, role in ((fix.lat, Role.LAT), (fix.lon, Role.LON))
    )
    both = known.get(Role.POSITION)
    found = position(both) if lat is None and lon is None and isinstance(both, str) else None
    if found is not None:
        return *found[:2], None if np.isnan(found[2]) else found[2]
    return lat, lon, None
