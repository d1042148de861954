"""Where GeoJSON keeps its times, for which its standard has no place."""

from collections.abc import Mapping
from itertools import islice

from trackflow.sources.values.columns import Role, plain
from trackflow.sources.values.meanings import meanings
from trackflow.sources.values.times import epoch_form, is_relative

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
_OF_GEOMETRY = {"type", "bbox", "coordinates", "geometries", "crs"}
_OF_WHEN = ("start", "timestamp", "instant", "datetime", "date", "time", "in", "earliest",
            "timespans")  # fmt: skip
_MANY = 1_000
_HIGHEST_M = 1e8
"""Nothing is so high; seconds since 1970 are as many from 1973 on."""


def properties_of(feature: dict[str, object]) -> dict[str, object]:
    """The properties of a feature, and beside them what it has where GeoJSON foresees nothing.

    Its geometry may have members of its own, too. Of `when`, in which some keep a span, the start
    counts.
    """
    properties, geometry = feature.get("properties"), feature.get("geometry")
    known = properties if isinstance(properties, dict) else {}
    inside = geometry if isinstance(geometry, dict) and len(geometry) > _BARE else {}
    if len(feature) <= _BARE + 1 and not inside and not isinstance(known.get("when"), dict):
        return known
    beside = {name: inside[name] for name in inside if name not in _OF_GEOMETRY}
    beside |= {name: feature[name] for name in feature if name not in _STANDARD}
    found = {**beside, **known}
    when = found.get("when")
    if isinstance(when, dict):
        found |= {name: when[name] for name in when if name not in found}
        found["when"] = _moment_in(when)
    return found


_BARE = 2
"""Members of a geometry: its type and its coordinates."""


def _moment_in(when: object) -> object:
    """When something was, or began, of what is said about its times."""
    while True:
        if isinstance(when, dict):
            when = next((when[name] for name in _OF_WHEN if when.get(name)), None)
        elif isinstance(when, list) and len(when) == 1:
            when = when[0]
        else:
            return when


def ends_of(properties: dict[str, object]) -> tuple[object, object] | None:
    """When a line was begun and ended; None where one of them is not said."""
    named = {plain(name): properties[name] for name in islice(properties, 1_000)}
    begin, end = (
        next((named[name] for name in names if named.get(name)), None)
        for names in (_BEGINNINGS, _ENDS)
    )
    return None if begin is None or end is None else (begin, end)


def single(name: str) -> str:
    """The name of one value where several have one: `speeds`, `accuracies`."""
    simple = plain(name)
    return f"{simple.removesuffix('ies')}y" if simple.endswith("ies") else simple.removesuffix("s")


def time_list(properties: Mapping[str, object], *counts: int) -> list[object] | None:
    """The times of positions, as togeojson and its followers write them.

    Under any other name of a time, a list is one of these where it has as many values.

    Args:
        properties: of the feature.
        counts: how many positions, or lines of them, the feature has.
    """
    inside = properties.get("coordinateProperties")
    sources = [properties, inside if isinstance(inside, dict) else {}]
    lists = [
        (name, values)
        for source in sources
        for name in islice(source, _MANY)
        if isinstance(values := source[name], list)
    ]
    sure = (moments for name, moments in lists if plain(name) in _TIME_LISTS)
    fitting = (
        moments
        for name, moments in lists
        if len(moments) in counts and _is_of_time(name) and not is_relative(str(moments[0]))
    )
    return next(sure, None) or next(fitting, None)


def _is_of_time(name: str) -> bool:
    return any(
        not {Role.TIME, Role.DATE}.isdisjoint(meanings(each)) for each in (name, single(name))
    )


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
    """The last number of a position, if it is a time: some tools keep it there.

    It is the fourth, or the third where that is far more than a height can be.
    """
    if not isinstance(position, list) or len(position) < 3:
        return None
    value = position[min(len(position), 4) - 1]
    plausible = isinstance(value, int | float) and epoch_form(float(value)) is not None
    return value if plausible and (len(position) > 3 or value > _HIGHEST_M) else None


def height_of(position: list[object]) -> object:
    """The third number of a position, unless it is its time."""
    if len(position) < 3:
        return None
    return None if len(position) == 3 and measured_time(position) is not None else position[2]
