"""Coordinates as whole numbers, whose unit shows in their size: semicircles of FIT, or E7."""

from collections.abc import Sequence

from trackflow.sources.values.counted_times import GARMIN_START_S
from trackflow.sources.values.vocabulary import Role, plain

SEMICIRCLE_DEG = 180.0 / 2**31
E7_DEG = 1e-7
SURELY_WHOLE_UNITS = 1_000
"""No latitude in degrees is this large; 1,000 units of 1e-7 degrees are 11 m off the equator."""
MOST_E6 = (90_000_000, 180_000_000)
"""Larger ones are no millionths of degrees."""

BEFORE_FIT_S = 1_199_145_600
"""2008-01-01 in seconds since 1970."""


def with_degrees(known: dict[Role, object], lat_name: str) -> None:
    """Puts whole numbers of a record into degrees, and beside semicircles the time of FIT, too.

    Args:
        known: of the record, changed in place.
        lat_name: of its latitude, by which fields of FIT are known; empty if it says the unit.
    """
    if type(known.get(Role.LAT)) is type(known.get(Role.LON)) is float:
        return
    lat, lon = _whole(known.get(Role.LAT)), _whole(known.get(Role.LON))
    if not lat_name or lat is None or lon is None:
        return
    if max(abs(lat), abs(lon)) <= SURELY_WHOLE_UNITS:
        return
    if is_of_fit(lat_name):
        unit_deg = SEMICIRCLE_DEG
        count_s = _whole(known.get(Role.TIME))
        if count_s is not None and 0 < count_s < BEFORE_FIT_S:
            known[Role.TIME] = count_s + GARMIN_START_S
    elif abs(lat) > MOST_E6[0] or abs(lon) > MOST_E6[1]:
        unit_deg = E7_DEG
    else:
        return
    known |= {Role.LAT: lat * unit_deg, Role.LON: lon * unit_deg}


def is_of_fit(name: str) -> bool:
    """Whether a coordinate has the name of FIT's, which counts in semicircles."""
    return plain(name.rpartition(".")[2]) in ("positionlat", "positionlong")


def are_whole(coordinates: Sequence[object]) -> bool:
    """Whether any of these is so large that it needs a look by itself."""
    wholes = (value for value in map(_whole, coordinates) if value is not None)
    return any(abs(value) > SURELY_WHOLE_UNITS for value in wholes)


def _whole(value: object) -> int | None:
    if type(value) is int:
        return value
    is_count = type(value) is str and len(value) < 20 and value.lstrip("+-").isdecimal()
    return int(value) if is_count else None  # type: ignore[call-overload]
