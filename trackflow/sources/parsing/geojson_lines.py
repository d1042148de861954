"""Lines of GeoJSON: which time belongs to which of their positions."""

from itertools import islice

from trackflow.sources.parsing.geojson_rows import Part, Row
from trackflow.sources.values.columns import Role, plain
from trackflow.sources.values.times import epoch_form

_TIME_LISTS = {"coordtimes", "times", "timestamps", "coordinatetimes"}


def line_part(
    positions: list[object], moments: object, known: dict[Role, object], number: int
) -> Part | None:
    """The positions of a line by column; None if one of them is odd.

    Args:
        positions: with their longitudes first.
        moments: a list of their times, or None.
        known: what the line says of all of them, their altitude not among it.
        number: of its element.
    """
    if len(positions) < 2 or set(map(type, positions)) != {list}:
        return None
    lengths = set(map(len, positions))  # type: ignore[arg-type]
    if not lengths <= {2, 3} or len(lengths) != 1 or not isinstance(moments, list):
        return None
    count = len(positions)
    columns = [list(column) for column in zip(*positions, strict=True)]
    lon, lat, altitude = [*columns, [None] * count][:3]

    def at(index: int) -> Row:
        return lon[index], lat[index], altitude[index], moments[index], known, number, index + 1

    by_role = {role: [value] * count for role, value in known.items()}
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
