"""The state of a source's catalogue, and its tracks."""

import datetime as dt
from dataclasses import asdict, dataclass
from typing import Any

from trackflow.context import Context
from trackflow.store.catalogue import kill_switches, syncs
from trackflow.store.catalogue import tracks as stored_tracks
from trackflow.store.catalogue.tracks import CatalogueRow
from trackflow.store.jobs import jobs
from trackflow.store.jobs.jobs import Job
from trackflow.usecases.catalogue.report import SyncReport, last_reports
from trackflow.usecases.catalogue.sources import source_named

MOST_LISTED = 1_000


@dataclass(frozen=True, slots=True)
class CatalogueStatus:
    """The state of a source's catalogue.

    Attributes:
        source: the source's name.
        site: the name by which the kill switch stops it.
        active: tracks that the source lists.
        inactive: tracks that it listed once.
        missed: active ones that its last list lacked.
        switched_off: why the kill switch is thrown; None if it is not.
        last_completed_at: when the last successful sync ended.
        last: the last sync that has ended.
        running: the job of the sync that runs or was killed.
    """

    source: str
    site: str
    active: int
    inactive: int
    missed: int
    switched_off: str | None
    last_completed_at: dt.datetime | None
    last: SyncReport | None
    running: Job | None


def status(context: Context, source: str) -> CatalogueStatus:
    """The state of a source's catalogue.

    Raises:
        BadInputError: there is no such source.
    """
    connector = source_named(context.settings, source)
    with context.store.read() as connection:
        counts = stored_tracks.count_rows(connection, connector.source)
        running = syncs.running_sync(connection, connector.source)
        job = None if running is None else jobs.find_job(connection, running.sync_id)
        switched_off = kill_switches.switched_off(connection, connector.site)
        completed = syncs.last_completed(connection).get(connector.source)
    last = last_reports(context, connector.source, 1)
    return CatalogueStatus(
        connector.source,
        connector.site,
        **counts,
        switched_off=switched_off,
        last_completed_at=completed,
        last=last[0] if last else None,
        running=job,
    )


def list_tracks(
    context: Context,
    source: str,
    *,
    active: bool | None = True,
    text: str = "",
    country: str = "",
    limit: int = 100,
    after: str = "",
) -> list[CatalogueRow]:
    """Tracks of a source by slug.

    Args:
        context: the store.
        source: the source's name.
        active: only those that are listed, only those that are not, or (None) all.
        text: what the slug, name, city or country has to contain, in any case.
        country: the country's English name.
        limit: the largest number, 1,000 at most.
        after: the slug after which to go on.

    Raises:
        BadInputError: there is no such source.
    """
    name = source_named(context.settings, source).source
    with context.store.read() as connection:
        return stored_tracks.select_rows(
            connection,
            name,
            active=active,
            text=text,
            country=country,
            limit=min(limit, MOST_LISTED),
            after=after,
        )


def as_dict(row: CatalogueRow) -> dict[str, Any]:
    """A track for programs."""
    times = {name: getattr(row, name) for name in ("created_at", "updated_at")}
    iso = {name: f"{time:%Y-%m-%dT%H:%M:%S.%f}Z" for name, time in times.items()}
    return {**asdict(row.track), "is_active": row.is_active, "misses": row.misses, **iso}
