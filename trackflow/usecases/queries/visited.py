"""Countries and towns that devices were in, from borders and towns that come with trackflow."""

import datetime as dt
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from trackflow.context import Context
from trackflow.geo import polylines
from trackflow.geo.bbox import Bbox
from trackflow.geo.calendar_days import Calendar, begin_of
from trackflow.geo.time import EARLIEST, LATEST, ONE_DAY, to_us
from trackflow.places.countries import Countries, load_countries
from trackflow.places.towns import Town as Town
from trackflow.places.towns import load_towns
from trackflow.store.database import Connection
from trackflow.store.days import whereabouts
from trackflow.store.places import stays
from trackflow.usecases.queries.days import requested_zone
from trackflow.usecases.queries.numbers import NumbersQuery, check_days

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
    check_days(wanted)
    name = wanted.zone or context.settings.time_zone
    zone = requested_zone(name)
    start = EARLIEST if wanted.first is None else begin_of(wanted.first, zone)
    end = LATEST if wanted.last is None else begin_of(wanted.last + ONE_DAY, zone)
    calendar = Calendar(zone)
    countries: dict[str, CountryVisits] = {}
    towns: dict[Town, TownVisits] = {}
    with context.store.read() as connection:
        for start_us, end_us, found in _countries(connection, wanted, start, end):
            span = max(start_us, to_us(start)), min(end_us, to_us(end))
            days = {day for day, *_ in calendar.split(*span)}
            for country in found:
                visits = countries.setdefault(country, CountryVisits(country))
                visits.tracks += 1
                visits.days |= days
        for stay in stays.read_stays(connection, wanted.device_ids, start, end):
            if (town := load_towns().at(stay.longitude, stay.latitude)) is not None:
                seen = towns.setdefault(town, TownVisits(town))
                begun, ended = max(stay.start_time, start), min(stay.end_time or end, end)
                seen.stays += 1
                seen.seconds += (ended - begun).total_seconds() if stay.end_time else 0.0
                seen.days.add(begun.astimezone(zone).date())
    return VisitedReport(
        name,
        sorted(countries.values(), key=lambda one: (-len(one.days), one.country)),
        sorted(towns.values(), key=lambda one: (-len(one.days), -one.seconds, one.town)),
    )


def _countries(
    connection: Connection, wanted: NumbersQuery, start: dt.datetime, end: dt.datetime
) -> Iterator[tuple[int, int, Iterable[str]]]:
    """Begin, end and countries of each track that touches a time."""
    rows = whereabouts.read_boxes(connection, wanted.device_ids, to_us(start), to_us(end))
    if not rows:
        return
    known = load_countries()
    unclear: dict[uuid.UUID, tuple[int, int]] = {}
    for row in rows:
        found = known.of_box(Bbox(row.west, row.south, row.east, row.north))
        if found is not None:
            yield row.start_us, row.end_us, found
        elif len(unclear) < MOST_LINES:
            unclear[row.track_id] = row.start_us, row.end_us
    for track_id, line in whereabouts.read_matched_lines(connection, list(unclear)):
        yield *unclear[track_id], _of_line(known, line)


def _of_line(known: Countries, line: str) -> set[str]:
    lon, lat = polylines.decode(line)
    return known.of_line(lon, lat) if len(lon) else set()
