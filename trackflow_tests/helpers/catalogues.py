"""Syncs of a real site in a real store, and all that they leave there."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from trackflow.catalogue.records import CatalogueTrack
from trackflow.concurrency.retrying import Retry
from trackflow.context import Context
from trackflow.store.catalogue import checkpoints
from trackflow.store.catalogue import tracks as stored_tracks
from trackflow.store.catalogue.tables import (
    catalogue_changes,
    catalogue_fetched,
    catalogue_switches,
    catalogue_syncs,
    catalogue_tracks,
)
from trackflow.store.jobs import jobs
from trackflow.store.service_tables import jobs as jobs_table
from trackflow.store.tables import metadata
from trackflow.usecases.catalogue.fetching import FetchLimits
from trackflow.usecases.catalogue.report import SyncReport, read_report
from trackflow.usecases.jobs.kinds import KINDS, JobKind, catalogue_sync, queue_job, run_job
from trackflow_tests.helpers.liverc_site import Site
from trackflow_tests.helpers.stores import Clock, open_context

TABLES = (
    catalogue_tracks, catalogue_changes, catalogue_syncs, catalogue_fetched, catalogue_switches,
    jobs_table,
)  # fmt: skip
FAST = FetchLimits(Retry(attempts=2, wait_first_s=0.01, jitter_s=0.0))
TIMINGS = {"sync_id", "started_at", "finished_at", "stages", "slowest"}
"""Of a report: what two ways to the same catalogue may differ in."""


def settings_for(site: Site) -> dict[str, Any]:
    return {"liverc_url": f"{site.url}/ {site.url}/tracks/{{slug}}/", "catalogue_per_s": 1000.0}


@contextmanager
def catalogue_of(
    site: Site, url: str, home: Path, clock: Clock | None = None, **more: Any
) -> Iterator[Context]:
    with open_context(url, home, clock or Clock(), **settings_for(site), **more) as context:
        yield context


def kinds_of(limits: FetchLimits = FAST) -> dict[str, JobKind]:
    """All kinds of jobs, with syncs that are as patient as this."""
    return KINDS | {"catalogue_sync": catalogue_sync(limits)}


def synced(context: Context, limits: FetchLimits = FAST, **parameters: Any) -> SyncReport:
    """The report of a sync that somebody starts now."""
    job = queue_job(context, "catalogue_sync", parameters)
    ended = run_job(context, job.job_id, kinds=kinds_of(limits))
    assert ended is not None
    assert ended.result is not None, ended.error
    found = read_report(context, job.job_id)
    assert found.as_dict() == ended.result
    return found


def tracks(context: Context, source: str = "liverc") -> dict[str, CatalogueTrack]:
    """Active tracks by slug."""
    with context.store.read() as connection:
        rows = stored_tracks.read_rows(connection, source)
    return {slug: row.track for slug, row in rows.items() if row.is_active}


def row_of(context: Context, slug: str) -> stored_tracks.CatalogueRow:
    with context.store.read() as connection:
        return stored_tracks.read_rows(connection, "liverc")[slug]


def rows(context: Context) -> list[dict[str, Any]]:
    """The whole table, to the microsecond."""
    return dump(context)["catalogue_tracks"]


def dump(context: Context) -> dict[str, list[dict[str, Any]]]:
    """All that syncs leave in the store."""
    with context.store.read() as connection:
        return {
            table.name: [
                dict(row)
                for row in connection.execute(
                    sa.select(table).order_by(*table.primary_key.columns)
                ).mappings()
            ]
            for table in TABLES
        }


def restore(context: Context, dumped: dict[str, list[dict[str, Any]]]) -> None:
    """The store as it was."""
    with context.store.write() as connection:
        for name, found in dumped.items():
            table = metadata.tables[name]
            connection.execute(sa.delete(table))
            if found:
                connection.execute(sa.insert(table), found)


def result_of(report: SyncReport) -> dict[str, Any]:
    """A report without what two ways to the same catalogue may differ in."""
    values = report.as_dict()
    without = {name: value for name, value in values.items() if name not in TIMINGS}
    for failure in without["failures"]:
        del failure["seconds"]
    return without


def state_of(context: Context) -> dict[str, Any]:
    """The catalogue and the record of the last sync's changes, but for times and ids."""
    found = dump(context)
    last = max(found["catalogue_syncs"], key=lambda sync: sync["number"] or 0)["sync_id"]
    return {
        "tracks": [_timeless(row) for row in found["catalogue_tracks"]],
        "changes": [
            (c["slug"], c["kind"], _timeless(c["before"] or {}), _timeless(c["after"]))
            for c in found["catalogue_changes"]
            if c["sync_id"] == last
        ],
        "unfinished": found["catalogue_fetched"],
    }


def _timeless(row: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in row.items() if k not in ("created_at", "updated_at")}


def run_in_small_steps(context: Context) -> None:
    """A task for a process of its own: all syncs that wait, a few pages at a time."""
    kinds = kinds_of(replace(FAST, keep_rows=12))
    with context.store.read() as connection:
        waiting = jobs.waiting(connection, context.clock())
    for job in waiting:
        run_job(context, job.job_id, kinds=kinds)


def kept(context: Context, sync_id: uuid.UUID) -> set[str]:
    """Tracks whose pages a sync has."""
    with context.store.read() as connection:
        return set(checkpoints.fetched_slugs(connection, sync_id))
