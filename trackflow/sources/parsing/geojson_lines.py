"""Lines of GeoJSON: what belongs to which of their positions."""

from itertools import islice
from typing import cast

from trackflow.sources.parsing.geojson_rows import Part, Row
from trackflow.sources.parsing.geojson_times import height_of, measured_time, single
from trackflow.sources.values.columns import Role, factor
from trackflow.sources.values.meanings import QUANTITIES, meanings
from trackflow.sources.values.units import measure

_LISTED = (Role.SPEED, Role.COURSE, Role.ACCURACY)


def listed_values(properties: dict[str, object], count: int) -> dict[Role, list[object]]:
    """The speeds and the like that are listed for each position of a line, in our units."""
    inside = properties.get("coordinateProperties")
    found: dict[Role, list[object]] = {}
    for source in (properties, inside if isinstance(inside, dict) else {}):
        for name in islice(source, 1_000):
            values = source[name]
            if not isinstance(values, list) or len(values) != count:
                continue
            of_one = single(name)
            for role in _LISTED:
                if role in meanings(of_one) and role not in found:
                    unit = factor(role, of_one)
                    found[role] = [measure(value, QUANTITIES[role], unit) for value in values]
    return found


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
    nothing: list[object] = [None] * count
    are_times = measured_time(rows[0]) is not None
    altitude = nothing if lengths == {2} else [row[2] for row in rows]
    if lengths == {3} and are_times:
        altitude = list(map(height_of, rows))
    if not isinstance(moments, list):
        moments = list(map(measured_time, rows)) if lengths == {4} or are_times else nothing

    def at(index: int) -> Row:
        beside = {role: values[index] for role, values in listed.items()}
        both = known | beside
        return lon[index], lat[index], altitude[index], moments[index], both, number, index + 1

    by_role = {role: [value] * count for role, value in known.items()} | listed
    return Part(count, lon, lat, altitude, moments, by_role, at)
