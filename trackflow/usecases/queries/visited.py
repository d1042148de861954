"""Countries and towns that devices were in, from borders and towns that come with trackflow."""

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from trackflow.context import Context
from trackflow.geo import polylines
from trackflow.geo.bbox import Bbox
from trackflow.geo.calendar_days import Calendar, begin_of
from trackflow.geo.periods import check_days
from trackflow.geo.points import Floats, Ints
from trackflow.geo.time import EARLIEST, LATEST, ONE_DAY, to_us
from trackflow.places.countries import SQUARES_PER_DEGREE, Countries, load_countries
from trackflow.places.towns import PLACE_DIGITS, load_towns
from trackflow.places.towns import Town as Town
from trackflow.store.database import Connection
from trackflow.store.days import whereabouts
from trackflow.store.places import stays
from trackflow.usecases.queries.days import requested_zone
from trackflow.usecases.queries.numbers import NumbersQuery

MOST_LINES = 20_000
"""Lines that are followed: beside a border, the newest tracks beyond them are left out."""


@dataclass(slots=True)
class CountryVisits:
    """A country in which tracks were.

    Attributes:
        country: its name in English.
        tracks: how many tracks were in it.
        days: on which they were.
    """

    country: str
    tracks: int = 0
    days: set[dt.date] = field(default_factory=set)


@dataclass(slots=True)
class TownVisits:
    """A town in which devices stayed.

    Attributes:
        town: the town.
        stays: how many stays.
        seconds: how long they were together; of the last one, as far as it is known.
        days: on which they began.
    """

    town: Town
    stays: int = 0
    seconds: float = 0.0
    days: set[dt.date] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class VisitedReport:
    """Where devices were in a time.

    Attributes:
        time_zone: of the days.
        countries: most days first.
        towns: most days first.
    """

    time_zone: str
    countries: list[CountryVisits]
    towns: list[TownVisits]


def read_visited(context: Context, wanted: NumbersQuery) -> VisitedReport:
    """The countries that tracks went through, and the towns in which devices stayed.

    Raises:
        BadInputError: the days are the wrong way round or too far away, or there is no such zone.
    """
    check_days(wanted.first, wanted.last)
    name = wanted.zone or context.settings.time_zone
    zone = requested_zone(name)
    start = EARLIEST if wanted.first is None else begin_of(wanted.first, zone)
    end = LATEST if wanted.last is None else begin_of(wanted.last + ONE_DAY, zone)
    calendar = Calendar(zone)
    with context.store.read() as connection:
        countries = _countries(connection, wanted, start, end, calendar)
        towns = _towns(connection, wanted, start, end, calendar)
    return VisitedReport(
        name,
        sorted(countries, key=lambda one: (-len(one.days), one.country)),
        sorted(towns, key=lambda one: (-len(one.days), -one.seconds, one.town)),
    )


def _countries(
    connection: Connection,
    wanted: NumbersQuery,
    start: dt.datetime,
    end: dt.datetime,
    calendar: Calendar,
) -> Iterable[CountryVisits]:
    """The countries of tracks that touch a time."""
    columns = whereabouts.read_boxes(connection, wanted.device_ids, to_us(start), to_us(end))
    if not columns:
        return []
    known = load_countries()
    ids, begins, ends = columns[0], np.array(columns[1]), np.array(columns[2])
    boxes = np.column_stack(columns[3:])
    spans = np.maximum(begins, to_us(start)), np.minimum(ends, to_us(end))
    first = calendar.ordinals_of(spans[0])
    # the last moment of a time is not in it, unless it has no other
    last = calendar.ordinals_of(np.maximum(spans[1] - 1, spans[0]))
    found: dict[str, CountryVisits] = {}

    def add(names: Iterable[str], mine: Ints) -> None:
        for country in names:
            visits = found.setdefault(country, CountryVisits(country))
            visits.tracks += len(mine)
            visits.days |= _days(first[mine], last[mine])

    unclear: list[int] = []
    for mine in _alike(np.floor(boxes * SQUARES_PER_DEGREE)):
        names = known.of_box(Bbox(*boxes[mine[0]].tolist()))
        if names is None:
            unclear += mine.tolist()
        else:
            add(names, mine)
    oldest = sorted(unclear, key=lambda k: (begins[k], str(ids[k])))[:MOST_LINES]
    place = {ids[k]: k for k in oldest}
    for track_id, line in whereabouts.read_matched_lines(connection, list(place)):
        add(_of_line(known, line), np.array([place[track_id]]))
    return found.values()


def _towns(
    connection: Connection,
    wanted: NumbersQuery,
    start: dt.datetime,
    end: dt.datetime,
    calendar: Calendar,
) -> Iterable[TownVisits]:
    """The towns of stays that touch a time."""
    columns = stays.read_spots(connection, wanted.device_ids, start, end)
    if not columns:
        return []
    begins, ends, lons, lats = columns
    begun = np.maximum(np.array(begins), to_us(start))
    # of the last one it is not known how long it takes
    until = np.array(
        [begin if end is None else end for begin, end in zip(begins, ends, strict=True)]
    )
    lasted = np.maximum(np.minimum(until, to_us(end)) - begun, 0)
    days = calendar.ordinals_of(begun)
    found: dict[Town, TownVisits] = {}
    for mine in _alike(np.round(np.column_stack([lons, lats]), PLACE_DIGITS)):
        if (town := load_towns().at(lons[mine[0]], lats[mine[0]])) is not None:
            seen = found.setdefault(town, TownVisits(town))
            seen.stays += len(mine)
            seen.seconds += int(lasted[mine].sum()) / 1e6
            seen.days |= _days(days[mine], days[mine])
    return found.values()


def _alike(keys: Floats) -> Iterator[Ints]:
    """The numbers of the rows of each kind, where keys have a row each."""
    order = np.lexsort(keys.T)
    differs = np.any(np.diff(keys[order], axis=0) != 0, axis=1)
    yield from np.split(order, np.flatnonzero(differs) + 1)


def _days(first: Ints, last: Ints) -> set[dt.date]:
    """All days from a first to a last one, of each pair of ordinals."""
    found = set(np.unique(first).tolist())
    for k in np.flatnonzero(last > first).tolist():
        found.update(range(int(first[k]), int(last[k]) + 1))
    return set(map(dt.date.fromordinal, found))


def _of_line(known: Countries, line: str) -> set[str]:
    lon, lat = polylines.decode(line)
    return known.of_line(lon, lat) if len(lon) else set()
