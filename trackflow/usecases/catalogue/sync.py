"""The job "catalogue_sync": keep the catalogue in step with a source.

Fetch the list, judge it, fetch the tracks' own pages, check them, compare them with the stored
tracks, and write the differences: rows, the record of changes, the report and the job's end in one
transaction. Until then nothing of the catalogue changes; list and pages are kept apart, so that a
sync that was killed goes on where it was.
"""

import datetime as dt
import logging
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from trackflow.catalogue import guards
from trackflow.catalogue.diff import diff
from trackflow.catalogue.guards import GuardAction, Judgement
from trackflow.catalogue.records import Listing
from trackflow.catalogue.sources.protocol import Connector
from trackflow.concurrency.deadline import TooLateError
from trackflow.concurrency.switch import Switch
from trackflow.context import Context
from trackflow.errors import BadInputError, SourceError, StoppedError
from trackflow.store.catalogue import change_log, checkpoints, syncs
from trackflow.store.catalogue import tracks as stored_tracks
from trackflow.store.catalogue.syncs import Sync
from trackflow.store.catalogue.tracks import CatalogueRow
from trackflow.store.database import Connection
from trackflow.store.jobs import jobs
from trackflow.store.jobs.jobs import Job, JobStatus
from trackflow.usecases.catalogue import report as catalogue_report
from trackflow.usecases.catalogue.comparison import SourceAnswer, checked, planned, report_of
from trackflow.usecases.catalogue.fetching import USUAL_LIMITS, FetchLimits, SourceFetcher
from trackflow.usecases.catalogue.report import MOST_KEPT, SyncOutcome, SyncReport
from trackflow.usecases.catalogue.sources import source_named
from trackflow.usecases.catalogue.sources import sources as sources
from trackflow.usecases.catalogue.status import list_tracks as list_tracks
from trackflow.usecases.catalogue.status import status as status
from trackflow.usecases.housekeeping.kill_switches import switch_of
from trackflow.usecases.jobs.progress import CancelledError, ClaimedJob
from trackflow.words import for_shell

log = logging.getLogger(__name__)

SILENT_S = 30.0
"""A sync gives signs of life every second; one that is silent for so long may be taken over."""

FRESH_S = 6 * 3600.0
"""A kept list older than this is fetched again."""

TRIGGERS = ("cli", "schedule", "api", "ui")


def check_sync(context: Context, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Check the parameters; returns them as they are stored.

    Raises:
        BadInputError: there is no such source, or the trigger is unknown.
    """
    trigger = parameters.get("trigger") or "cli"
    if trigger not in TRIGGERS:
        raise BadInputError(f"trigger is {trigger!r}; it is one of {', '.join(TRIGGERS)}")
    approve = parameters.get("approve") or False
    if not isinstance(approve, bool):
        raise BadInputError("approve is true or false")
    source = source_named(context.settings, parameters.get("source")).source
    return {"source": source, "trigger": trigger, "approve": approve}


def summary(result: Mapping[str, Any]) -> str:
    """The result in words, for people."""
    return SyncReport.from_dict(result).summary


def sync(
    context: Context, claimed: ClaimedJob, limits: FetchLimits = USUAL_LIMITS
) -> dict[str, Any]:
    """Run the sync from its last checkpoint; returns the report as data. The job has ended then.

    Raises:
        StaleClaimError: another worker has taken the job over.
        StoreUnavailableError: the database went away; the next worker goes on with the job.
    """
    connector = source_named(context.settings, claimed.job.parameters["source"])
    begun = _begin(context, claimed, connector.source)
    if not isinstance(begun, Sync):
        return begun
    _heal_files(context, connector.source)
    return _RunningSync(
        context, claimed, connector, begun, switch_of(context, connector.site), limits
    ).run()


def _begin(context: Context, claimed: ClaimedJob, source: str) -> Sync | dict[str, Any]:
    """Claim the source; if another sync has it, end the job and return its report."""
    now, me = context.clock(), claimed.job.job_id
    with context.store.write() as connection:
        syncs.lock_source(connection, source)
        other = syncs.running_sync(connection, source)
        if other is not None and other.sync_id != me:
            job = jobs.find_job(connection, other.sync_id)
            if job is not None and _is_alive(job, now):
                return _refuse(connection, claimed, source, job, now)
            _take_over(connection, other, job, me, now)
        begun = syncs.begin_sync(connection, me, source, now)
        if begun.listed_at is None:
            checkpoints.inherit_checkpoints(connection, source, me)
            begun = syncs.read_sync(connection, me)
        if begun.listed_at is not None and (now - begun.listed_at).total_seconds() > FRESH_S:
            checkpoints.drop_checkpoints(connection, me)
        claimed.advance(connection, claimed.job.completed, message="fetching the list")
    claimed.notify()
    return begun


def _is_alive(job: Job, now: dt.datetime) -> bool:
    seen = job.heartbeat_at
    return (
        job.status is JobStatus.RUNNING
        and seen is not None
        and (now - seen).total_seconds() < SILENT_S
    )


def _refuse(
    connection: Connection, claimed: ClaimedJob, source: str, other: Job, now: dt.datetime
) -> dict[str, Any]:
    reason = (
        f"another sync of {source} is running, the job {other.job_id}; one that was killed is "
        f"taken over {SILENT_S:.0f} s after its last sign of life"
    )
    started = claimed.job.started_at or now
    report = SyncReport(
        str(claimed.job.job_id), source, started, now, SyncOutcome.REFUSED, reason
    ).as_dict()
    syncs.record_refused(connection, claimed.job.job_id, source, report, started, now)
    claimed.end(
        connection, JobStatus.FAILED, result=report, error=reason, message=report["summary"]
    )
    return report


def _take_over(
    connection: Connection, other: Sync, job: Job | None, me: uuid.UUID, now: dt.datetime
) -> None:
    """End a sync whose worker is gone; the next one goes on with the pages that it has fetched."""
    reason = f"its worker was gone; the sync {me} has continued it"
    report = SyncReport(
        str(other.sync_id), other.source, other.started_at, now, SyncOutcome.CANCELLED, reason
    )
    syncs.end_sync(
        connection,
        other.sync_id,
        SyncOutcome.CANCELLED,
        report.as_dict(),
        now,
        keep_checkpoints=True,
    )
    if job is not None and job.status in (JobStatus.RUNNING, JobStatus.QUEUED):
        jobs.stop_here(connection, job.job_id, now)
        jobs.request_cancel(connection, job.job_id, now)


def _heal_files(context: Context, source: str) -> None:
    try:
        catalogue_report.write_missing_files(context, source)
    except OSError as error:
        log.warning("a report cannot be written: %s", error)


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of a sync that changes nothing.

    Attributes:
        outcome: any but completed.
        reason: for people.
        listing: the part of the source's list that arrived.
        keeps_checkpoints: whether the next sync goes on with what this one has fetched.
    """

    outcome: SyncOutcome
    reason: str
    listing: Listing | None = None
    keeps_checkpoints: bool = False


def _guarded(judgement: Judgement, listing: Listing, source: str) -> Ending:
    """The ending that the guards require, None if they pass."""
    reason = "; ".join(judgement.reasons)
    if judgement.action is GuardAction.ASK:
        reason += f"; `trackflow catalogue sync --source {for_shell(source)} --approve` does it"
        return Ending(SyncOutcome.STOPPED_FOR_APPROVAL, reason, listing)
    return Ending(SyncOutcome.REFUSED, reason, listing)


@dataclass(slots=True)
class _RunningSync:
    """A running sync.

    Attributes:
        stages: seconds per stage in this process.
    """

    context: Context
    claimed: ClaimedJob
    connector: Connector
    begun: Sync
    switch: Switch
    limits: FetchLimits
    stages: dict[str, float] = field(default_factory=dict)

    def run(self) -> dict[str, Any]:
        """Run all stages; returns the report as data."""
        listing = self._fetch()
        report = self._apply(listing) if isinstance(listing, Listing) else listing
        return self._ended(self._end(report) if isinstance(report, Ending) else report)

    def _fetch(self) -> Listing | Ending:
        """Fetch the list and all pages; returns the list once all pages are kept."""
        try:
            with SourceFetcher(
                self.context, self.claimed, self.connector, self.switch, self.limits
            ) as fetcher:
                self.switch.check()
                listing = self._listing(fetcher)
                judgement = self._judge(listing)
                if not judgement.may_write:
                    return _guarded(judgement, listing, self.connector.source)
                self._pages(fetcher, listing)
        except CancelledError as error:
            return Ending(SyncOutcome.CANCELLED, str(error), keeps_checkpoints=True)
        except (SourceError, TooLateError, StoppedError) as error:
            return Ending(SyncOutcome.FAILED, str(error), keeps_checkpoints=True)
        return listing

    def _listing(self, fetcher: SourceFetcher) -> Listing:
        """The list that is kept, or the source's."""
        with self.context.store.read() as connection:
            kept = checkpoints.read_listing(connection, self.begun.sync_id)
        if kept is not None:
            return kept
        with self._stage("list"):
            listing = fetcher.listing()
        with self.context.store.write() as connection:
            checkpoints.keep_listing(connection, self.begun.sync_id, listing, self.context.clock())
            self.claimed.advance(connection, 0)
        return listing

    def _judge(self, listing: Listing) -> Judgement:
        with self.context.store.read() as connection:
            rows = stored_tracks.read_rows(connection, self.connector.source)
        return self._judged(listing, rows)

    def _judged(self, listing: Listing, rows: Mapping[str, CatalogueRow]) -> Judgement:
        stored = {slug: row.stored for slug, row in rows.items()}
        is_approved = bool(self.claimed.job.parameters.get("approve"))
        return guards.judge(listing, stored, is_approved=is_approved)

    def _pages(self, fetcher: SourceFetcher, listing: Listing) -> None:
        """Fetch the pages that are not kept yet."""
        with self.context.store.read() as connection:
            kept = checkpoints.fetched_slugs(connection, self.begun.sync_id)
        wanted = [row for row in listing.rows if not row.is_complete]
        rows = [row for row in wanted if row.slug not in kept]
        with self.context.store.write() as connection:
            self.claimed.advance(connection, len(kept), total=len(wanted), message="fetching pages")
        self.claimed.measure_from(len(kept))
        self.claimed.notify()
        if rows:
            with self._stage("pages"):
                fetcher.pages(rows, len(wanted), len(kept), sum(kept.values()))

    def _apply(self, listing: Listing) -> dict[str, Any] | Ending:
        """Write all differences in one transaction; returns the report as data."""
        with self._stage("check"):
            with self.context.store.read() as connection:
                fetched = checkpoints.read_fetched(connection, self.begun.sync_id)
            answer = checked(listing, fetched)
        with self.context.store.write() as connection:
            syncs.lock_source(connection, self.connector.source)
            rows = stored_tracks.read_rows(connection, self.connector.source)
            judgement = self._judged(listing, rows)
            if judgement.may_write:
                return self._write(connection, answer, rows, judgement)
        return _guarded(
            judgement, listing, self.connector.source
        )  # a person has undone a sync meanwhile

    def _write(
        self,
        connection: Connection,
        answer: SourceAnswer,
        rows: Mapping[str, CatalogueRow],
        judgement: Judgement,
    ) -> dict[str, Any]:
        """Write the rows, the record of changes, the report and the job's end."""
        now = self.context.clock()
        with self._stage("compare"):
            found = diff({slug: row.stored for slug, row in rows.items()}, answer.to_store(rows))
            changes = planned(rows, found, judgement, now)
        with self._stage("write"):
            change_log.write_changes(connection, self.begun.sync_id, self.connector.source, changes)
        report = replace(
            report_of(self.begun, answer, rows, found, changes),
            finished_at=now,
            reason="; ".join(judgement.reasons),
            stages=dict(self.stages),
        ).as_dict()
        syncs.number_sync(connection, self.begun)
        change_log.forget_old_changes(connection, self.connector.source)
        syncs.end_sync(connection, self.begun.sync_id, SyncOutcome.COMPLETED, report, now)
        self._end_job(connection, JobStatus.COMPLETED, report)
        return report

    def _end(self, ending: Ending) -> dict[str, Any]:
        """End the sync without a change to the catalogue."""
        listing = ending.listing
        now = self.context.clock()
        with self.context.store.write() as connection:
            counts = stored_tracks.count_rows(connection, self.connector.source)
            report = SyncReport(
                str(self.begun.sync_id),
                self.connector.source,
                self.begun.started_at,
                now,
                ending.outcome,
                ending.reason,
                listed=len(listing.rows) if listing is not None else 0,
                active_before=counts["active"],
                active_now=counts["active"],
                anomalies=[asdict(a) for a in listing.anomalies[:MOST_KEPT]] if listing else [],
                anomaly_count=len(listing.anomalies) if listing is not None else 0,
                stages=dict(self.stages),
            ).as_dict()
            if ending.keeps_checkpoints:
                checkpoints.drop_failures(connection, self.begun.sync_id)
            syncs.end_sync(
                connection,
                self.begun.sync_id,
                ending.outcome,
                report,
                now,
                keep_checkpoints=ending.keeps_checkpoints,
            )
            ended = (
                JobStatus.CANCELLED if ending.outcome is SyncOutcome.CANCELLED else JobStatus.FAILED
            )
            self._end_job(connection, ended, report)
        return report

    def _end_job(self, connection: Connection, ended: JobStatus, report: dict[str, Any]) -> None:
        values: dict[str, Any] = {"result": report, "message": summary(report)}
        if ended is JobStatus.COMPLETED:
            total = self.claimed.job.total or 0
            values |= {"completed": total, "total": total, "failed": report["failed"]}
        elif ended is JobStatus.FAILED:
            values["error"] = report["reason"]
        self.claimed.end(connection, ended, **values)

    def _ended(self, report: dict[str, Any]) -> dict[str, Any]:
        """Notify and write the file, after the commit."""
        self.claimed.notify()
        try:
            catalogue_report.write_file(self.context, SyncReport.from_dict(report))
        except OSError as error:
            log.warning("the report cannot be written: %s", error)
        return report

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        finally:
            self.stages[name] = round(time.monotonic() - began, 3)
