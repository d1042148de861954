"""Times that are counted from a start which is given once: beside the rows, or in each of them."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from trackflow.geo.time import from_us
from trackflow.sources.values.cells import number
from trackflow.sources.values.columns import Role, find, plain
from trackflow.sources.values.times import BY_ITSELF, is_relative, read_time

_STARTS = (
    "starttime", "starttimestamp", "startdate", "startdatetime", "startedat", "timestart", "start",
    "begintime", "begin", "sessionstart", "recordingstart", "activitystart", "departedat", "date",
)  # fmt: skip
_UNITS_S = {
    1.0: "s sec secs second seconds sekunden secondes segundos",
    0.001: "ms msec millis millisec milliseconds millisecond",
    60.0: "min mins minutes",
}
_STEMS = {
    "elapsed", "elapsedtime", "timeelapsed", "timesincestart", "sincestart", "timefromstart",
    "fromstart", "relativetime", "reltime", "timeoffset", "offset", "sessiontime", "runtime",
    "recordingtime",
}  # fmt: skip
_WITH_UNIT = {*_STEMS, "time", "t", "timestamp", ""}
_OF_UNIT = {
    f"{a}{b}": unit_s
    for unit_s, units in _UNITS_S.items()
    for unit in units.split()
    for stem in _WITH_UNIT
    for a, b in ((stem, unit), (unit, stem))
    if stem or len(unit) > 2
}
_SENDERS = (
    ({"lat", "lng", "alt", "t"}, "t", 0.001),
    ({"latitude", "longitude", "timestamp", "type"}, "timestamp", 1.0),
    ({"latlng", "time"}, "time", 1.0),
)
"""The members of Komoot, Runkeeper and Strava, and the one that counts, in seconds per unit."""


class Elapsed(NamedTuple):
    """Where names say how long after a start a row is.

    Attributes:
        name: which of the names it is.
        unit_s: seconds per unit; None where the name does not say it.
        starts: those of the names that can be a start.
        is_alone: no other name than a start has the time.
    """

    name: str
    unit_s: float | None
    starts: tuple[str, ...]
    is_alone: bool


@lru_cache(maxsize=1024)
def elapsed_among(names: tuple[str, ...]) -> Elapsed | None:
    """What counts from a start among names of members or columns; None if nothing does."""
    simple = {plain(name[:120]): name for name in reversed(names[:_WIDEST])}
    starts = tuple(simple[start] for start in _STARTS if start in simple)
    first_to_last = reversed(simple.items())
    named = [(name, _OF_UNIT[each]) for each, name in first_to_last if each in _OF_UNIT]
    named.sort(key=lambda each: list(_UNITS_S).index(each[1]))
    named += [(simple[each], unit) for marks, each, unit in _SENDERS if marks <= simple.keys()]
    bare = [(simple[each], None) for each in sorted(_STEMS) if each in simple]
    name, unit_s = next(iter([*named, *bare]), ("", None))
    if not name:
        return None
    found = find(names[:_WIDEST])
    when = {names[found[role]] for role in (Role.TIME, Role.DATE, Role.CLOCK) if role in found}
    return Elapsed(name, unit_s, starts, when <= {*starts, name})


_WIDEST = 200


def counts_alone(names: tuple[str, ...]) -> bool:
    """Whether nothing but a count from a start, in a unit that is told, has the time."""
    found = elapsed_among(names)
    return found is not None and found.is_alone and found.unit_s is not None


def start_among(record: Mapping[str, object]) -> str | None:
    """The moment at which what is in a record began, as it is written; None if it tells none."""
    simple = {plain(name[:120]): record[name] for name in list(record)[:_WIDEST]}
    for start in _STARTS:
        text = str(simple[start]) if isinstance(simple.get(start), str | int | float) else ""
        if text and read_time(text, BY_ITSELF)[0] is not None and not is_relative(text):
            return text
    return None


def moment_after(start: str, count: object, unit_s: float) -> str | None:
    """The moment so many units after a start, which names no zone if the start names none."""
    units = number(str(count)) if isinstance(count, str | int | float) else None
    start_us, is_naive = read_time(start, BY_ITSELF)
    if units is None or start_us is None or not 0 <= units * unit_s < LONGEST_S:
        return None
    moment = from_us(start_us + round(units * unit_s * 1e6))
    return (moment.replace(tzinfo=None) if is_naive else moment).isoformat()


LONGEST_S = 366 * 86_400
"""No recording is longer than a year."""


def counted(
    record: Mapping[str, object], known: Mapping[Role, object], start: str | None
) -> dict[Role, object]:
    """What is known of a record, with the time that it counts from its start, or that around it.

    Args:
        record: without objects in it.
        known: its members by role.
        start: of what is around it.
    """
    moment = known.get(Role.TIME)
    count, unit_s = _duration_s(moment), 1.0
    if count is None:
        found = elapsed_among(tuple(record))
        if found is None or found.unit_s is None:
            return dict(known)
        if not found.is_alone and (moment is None or not is_relative(str(moment))):
            return dict(known)
        count, unit_s = record.get(found.name), found.unit_s
    start = start_among(record) or start
    after = None if start is None else moment_after(start, count, unit_s)
    if after is None:
        return dict(known)
    kept: dict[Role, object] = {
        role: value for role, value in known.items() if role not in (Role.DATE, Role.CLOCK)
    }
    kept[Role.TIME] = after
    return kept


def _duration_s(text: object) -> object:
    """Seconds of a duration in the ISO way, as Polar has them in place of times; else None."""
    found = _DURATION.fullmatch(text) if isinstance(text, str) and len(text) > 2 else None
    if found is None:
        return None
    hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return hours * 3600 + minutes * 60 + seconds


_DURATION = re.compile(r"PT(?:(\d{1,5})H)?(?:(\d{1,5})M)?(?:(\d{1,7}(?:\.\d{1,9})?)S)?")

_STARTED = re.compile(
    r"^\W*(?:[\w ]*\b)?(?:start(?:ed|ing|time|date|datetime)?|begin|beginn|d[ée]but|inicio|inizio)"
    r"\b[^\d]*?"
    r"[\s:;,=\t\"']+(\d.*)$",
    re.IGNORECASE,
)


def start_in(lines: Sequence[str]) -> str:
    """The start that one of the lines above a table tells; empty if none does."""
    for line in lines:
        found = _STARTED.match(line[:_LINE_MAX].strip())
        text = found[1].strip(" \t\"';,|") if found else ""
        if text and read_time(text, BY_ITSELF)[0] is not None and not is_relative(text):
            return text
    return ""


_LINE_MAX = 300
