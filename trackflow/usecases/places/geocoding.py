"""Gives coordinates to race tracks that have only an address: off unless it is set up.

It is a step of its own after a sync and never part of one: a slow or absent geocoder delays no
sync. Answers are kept, and requested again only when the address or the geocoder changes, or after
a month where there was no answer. Each answer is stored as it comes, so a run that is killed loses
one.
"""

import datetime as dt
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

from trackflow.catalogue.records import CatalogueTrack
from trackflow.concurrency.deadline import Deadline, TooLateError
from trackflow.concurrency.polite import PoliteClient
from trackflow.concurrency.retrying import Retry
from trackflow.context import Context
from trackflow.errors import LeftAloneError, SourceError, StoppedError
from trackflow.places.geocoding import CoordinatesFile, Geocoder, geocoder_at
from trackflow.store.places import places
from trackflow.store.places.places import GeocodedPlace
from trackflow.usecases.housekeeping.kill_switches import switch_of
from trackflow.usecases.places.address_service import guard_of, service_of

__all__ = ["GeocodedPlace", "geocode", "located_tracks"]

log = logging.getLogger(__name__)

RETRY = Retry(attempts=3, wait_first_s=1.0, name="places of race tracks")

ASK_AGAIN = dt.timedelta(days=30)
"""An address without an answer is requested again after this time."""

FILE = "file"
"""Name of the geocoder that is a file of coordinates."""


@dataclass(frozen=True, slots=True)
class GeocodingLimits:
    """How patient a run is.

    Attributes:
        retry: of one address.
        item_s: all tries of one address, and the waits between them, in seconds.
        run_s: seconds after which the rest is left to the next run.
    """

    retry: Retry = RETRY
    item_s: float = 30.0
    run_s: float = 3600.0


USUAL = GeocodingLimits()


@dataclass(slots=True)
class GeocodingReport:
    """The result of a run.

    Attributes:
        tracks: listed race tracks whose source gives no coordinates.
        asked: addresses that were sent to the geocoder.
        found: tracks with coordinates, from this run or an earlier one.
        unknown: tracks whose address no geocoder knows.
        without_address: tracks that have none.
        failures: errors, in words.
    """

    tracks: int = 0
    asked: int = 0
    found: int = 0
    unknown: int = 0
    without_address: int = 0
    failures: list[str] = field(default_factory=list)


def geocode(
    context: Context,
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
    limits: GeocodingLimits = USUAL,
) -> GeocodingReport:
    """Find the coordinates of tracks that have none, if a geocoder is set up.

    Args:
        context: the store and settings.
        on_progress: called with the number of addresses done, and of all.
        limits: how patient the run is.

    Raises:
        SettingsError: the geocoder's settings make no sense.
    """
    settings = context.settings
    file = CoordinatesFile.read(settings.geocoder_file) if settings.geocoder_file else None
    geocoder = geocoder_at(settings.geocoder_url) if settings.geocoder_url else None
    with context.store.read() as connection:
        tracks = places.tracks_without_coordinates(connection)
        known = places.located(connection)
    report = GeocodingReport(tracks=len(tracks))
    wanted: dict[str, list[tuple[str, str]]] = {}
    now = context.clock()
    for source, track in tracks:
        key, query = (source, track.slug), track.address_query
        report.without_address += query is None
        if _from_file(context, file, source, track, query, known):
            continue
        old = known.get(key)
        if old is not None and old.query != query:
            _drop(context, known, key)  # the coordinates belong to another address
        if query is not None and geocoder is not None and not _holds(old, query, geocoder, now):
            wanted.setdefault(query, []).append(key)
    if geocoder is not None and wanted:
        _reuse(context, known, wanted, geocoder, now)
        _ask_all(context, geocoder, known, wanted, report, on_progress, limits)
    answers = [known.get((source, track.slug)) for source, track in tracks]
    report.found = sum(a is not None and a.coordinates is not None for a in answers)
    report.unknown = sum(a is not None and a.coordinates is None for a in answers)
    return report


type StoredAnswers = dict[tuple[str, str], GeocodedPlace]


def _from_file(
    context: Context,
    file: CoordinatesFile | None,
    source: str,
    track: CatalogueTrack,
    query: str | None,
    known: StoredAnswers,
) -> bool:
    """Take a track's coordinates from the file, or drop an earlier answer of the file."""
    key, old = (source, track.slug), known.get((source, track.slug))
    place = None if file is None else file.find(track.slug, query)
    if place is None:
        if old is not None and old.geocoder == FILE:
            _drop(context, known, key)
        return False
    found = GeocodedPlace(query or "", FILE, place, context.clock())
    if old is None or replace(old, located_at=found.located_at) != found:
        _keep(context, known, key, found)
    return True


def _holds(old: GeocodedPlace | None, query: str, geocoder: Geocoder, now: dt.datetime) -> bool:
    """Whether the stored answer is still valid."""
    if old is None or old.query != query or old.geocoder != geocoder.name:
        return False
    return old.coordinates is not None or now - old.located_at < ASK_AGAIN


def _reuse(
    context: Context,
    known: StoredAnswers,
    wanted: dict[str, list[tuple[str, str]]],
    geocoder: Geocoder,
    now: dt.datetime,
) -> None:
    """Reuse the answer for another track of the same address."""
    for found in list(known.values()):
        if found.query in wanted and _holds(found, found.query, geocoder, now):
            for key in wanted.pop(found.query):
                _keep(context, known, key, found)


def _ask_all(
    context: Context,
    geocoder: Geocoder,
    known: StoredAnswers,
    wanted: dict[str, list[tuple[str, str]]],
    report: GeocodingReport,
    on_progress: Callable[[int, int], None],
    limits: GeocodingLimits,
) -> None:
    """Request each address once, until all are done, time is up, or the geocoder is left alone."""
    whole = Deadline.after(limits.run_s)
    service, guard, settings = service_of(geocoder), guard_of(context, geocoder), context.settings
    with PoliteClient(
        context.services.rate(service, settings.geocoder_per_s),
        switch_of(context, geocoder.site),
        connections=context.services.connections(service, settings.geocoder_connections),
    ) as web:
        for done, (query, keys) in enumerate(list(wanted.items())):
            if whole.is_over:
                _leave(report, len(wanted) - done)
                return
            deadline = min(whole, Deadline.after(limits.item_s))
            ask = partial(guard.call, partial(geocoder.locate, query, web, deadline))
            try:
                place = limits.retry.call(ask, deadline)
            except StoppedError as error:
                report.failures.append(str(error))
                return
            except LeftAloneError as error:
                report.failures.append(str(error))
                _leave(report, len(wanted) - done)
                return
            except (SourceError, TooLateError) as error:
                report.failures.append(f"{query}: {error}"[:300])
                continue
            report.asked += 1
            for key in keys:
                _keep(
                    context, known, key, GeocodedPlace(query, geocoder.name, place, context.clock())
                )
            on_progress(done + 1, len(wanted))


def _leave(report: GeocodingReport, count: int) -> None:
    report.failures.append(f"{count} addresses are left for the next run")


def _keep(
    context: Context, known: StoredAnswers, key: tuple[str, str], found: GeocodedPlace
) -> None:
    with context.store.write() as connection:
        places.keep(connection, *key, found)
    known[key] = found


def _drop(context: Context, known: StoredAnswers, key: tuple[str, str]) -> None:
    with context.store.write() as connection:
        places.drop(connection, *key)
    known.pop(key, None)


def located_tracks(context: Context, source: str) -> dict[str, GeocodedPlace]:
    """The stored answers of geocoders for tracks of a source, by slug."""
    with context.store.read() as connection:
        return {slug: found for (_, slug), found in places.located(connection, source).items()}
