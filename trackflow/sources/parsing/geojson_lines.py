"""Lines of GeoJSON: which time belongs to which of their positions."""

from itertools import islice
from typing import cast

from trackflow.sources.parsing.geojson_rows import Part, Row
from trackflow.sources.values.columns import QUANTITIES, Role, factor, meanings, plain
from trackflow.sources.values.times import epoch_form
from trackflow.sources.values.units import measure

_TIME_LISTS = {"coordtimes", "times", "timestamps", "coordinatetimes"}
_BEGINNINGS = (
    "starttime",
    "start",
    "startedat",
    "starttimestamp",
    "timestart",
    "begin",
    "begintime",
)
_ENDS = ("endtime", "end", "endedat", "endtimestamp", "timeend", "stop", "stoptime", "finish")
_STANDARD = {"type", "bbox", "geometry", "properties"}
_LISTED = (Role.SPEED, Role.COURSE, Role.ACCURACY)


def properties_of(feature: dict[str, object]) -> dict[str, object]:
    """The properties of a feature, and beside them what it has where GeoJSON foresees nothing.

    Of `when`, in which some keep a span, the start counts.
    """
    properties = feature.get("properties")
    known = properties if isinstance(properties, dict) else {}
    if len(feature) <= 3:
        return known
    beside = {name: feature[name] for name in feature if name not in _STANDARD}
    when = beside.get("when")
    if isinstance(when, dict):
        beside["when"] = when.get("start") or when.get("timestamp") or when.get("instant")
    return {**beside, **known} if beside else known


def ends_of(properties: dict[str, object]) -> tuple[object, object] | None:
    """When a line was begun and ended; None where one of them is not said."""
    named = {plain(name): properties[name] for name in islice(properties, 1_000)}
    begin, end = (
        next((named[name] for name in names if named.get(name)), None)
        for names in (_BEGINNINGS, _ENDS)
    )
    return None if begin is None or end is None else (begin, end)


def listed_values(properties: dict[str, object], count: int) -> dict[Role, list[object]]:
    """The speeds and the like that are listed for each position of a line, in our units."""
    inside = properties.get("coordinateProperties")
    found: dict[Role, list[object]] = {}
    for source in (properties, inside if isinstance(inside, dict) else {}):
        for name in islice(source, 1_000):
            values = source[name]
            if not isinstance(values, list) or len(values) != count:
                continue
            single = _single(name)
            for role in _LISTED:
                if role in meanings(single) and role not in found:
                    unit = factor(role, single)
                    found[role] = [measure(value, QUANTITIES[role], unit) for value in values]
    return found


def _single(name: str) -> str:
    """The name of one value where several have one: `speeds`, `accuracies`."""
    simple = plain(name)
    return f"{simple.removesuffix('ies')}y" if simple.endswith("ies") else simple.removesuffix("s")


def line_part(
    positions: list[object],
    moments: object,
    known: dict[Role, object],
    listed: dict[Role, list[object]],
    number: int,
) -> Part | None:
    """The positions of a line by column; None if one of them is odd.

    Args:
        positions: with their longitudes first.
        moments: a list of their times; None where each has its own or none.
        known: the values of the line for all of them, without their altitude.
        listed: values of each, likewise.
        number: of its element.
    """
    if len(positions) < 2 or set(map(type, positions)) != {list}:
        return None
    lengths = set(map(len, positions))  # type: ignore[arg-type]
    if len(lengths) != 1 or not lengths <= {2, 3, 4}:
        return None
    count, rows = len(positions), cast("list[list[object]]", positions)
    lon, lat = [row[0] for row in rows], [row[1] for row in rows]
    altitude = [None] * count if lengths == {2} else [row[2] for row in rows]
    if not isinstance(moments, list):
        moments = [None] * count if lengths != {4} else [measured_time(row) for row in rows]

    def at(index: int) -> Row:
        beside = {role: values[index] for role, values in listed.items()}
        both = known | beside
        return lon[index], lat[index], altitude[index], moments[index], both, number, index + 1

    by_role = {role: [value] * count for role, value in known.items()} | listed
    return Part(count, lon, lat, altitude, moments, by_role, at)


def time_list(properties: dict[str, object]) -> list[object] | None:
    """The times of a line's positions, as togeojson and its followers write them."""
    inside = properties.get("coordinateProperties")
    sources: list[dict[str, object]] = [properties, inside if isinstance(inside, dict) else {}]
    for source in sources:
        for name in islice(source, 1_000):
            moments = source[name]
            if isinstance(moments, list) and plain(name) in _TIME_LISTS:
                return moments
    return None


def time_parts(moments: list[object] | None, lines: list[object]) -> list[object]:
    """The times of each line of several: a list of lists, or one list for all."""
    if moments is None:
        return [None] * len(lines)
    if any(isinstance(part, list) for part in moments):
        return [*moments, *[[]] * len(lines)][: len(lines)]
    parts: list[object] = []
    taken = 0
    for line in lines:
        count = len(line) if isinstance(line, list) else 0
        parts.append(moments[taken : taken + count])
        taken += count
    return parts


def measured_time(position: object) -> object:
    """The fourth number of a position, if it is a time: some tools keep it there."""
    if not isinstance(position, list) or len(position) < 4:
        return None
    value = position[3]
    plausible = isinstance(value, int | float) and epoch_form(float(value)) is not None
    return value if plausible else None
