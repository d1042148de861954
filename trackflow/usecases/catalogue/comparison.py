"""The changes of a sync: a source's answer is checked and compared with the stored tracks."""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace

from trackflow.catalogue import guards
from trackflow.catalogue.diff import Diff
from trackflow.catalogue.guards import Judgement
from trackflow.catalogue.records import Anomaly, CatalogueTrack, Listing, completeness, keep_details
from trackflow.catalogue.validate import names_used_more_than_once, validate
from trackflow.store.catalogue.change_log import ChangeKind, RowChange
from trackflow.store.catalogue.checkpoints import FetchedPage
from trackflow.store.catalogue.syncs import Sync
from trackflow.store.catalogue.tracks import CatalogueRow
from trackflow.usecases.catalogue import report as catalogue_report
from trackflow.usecases.catalogue.report import MOST_KEPT, SLOWEST, SyncOutcome, SyncReport


@dataclass(frozen=True, slots=True)
class SourceAnswer:
    """A source's answer, checked.

    Attributes:
        tracks: in the order of the list.
        anomalies: values of the list and of tracks that made no sense.
        fetched: the tracks' own pages, as far as there are any.
    """

    tracks: list[CatalogueTrack]
    anomalies: list[Anomaly]
    fetched: Mapping[str, FetchedPage]

    def to_store(self, rows: Mapping[str, CatalogueRow]) -> Iterator[CatalogueTrack]:
        """The tracks to store: a track whose page failed keeps its stored values."""
        for track in self.tracks:
            page, old = self.fetched.get(track.slug), rows.get(track.slug)
            if page is not None and page.failure is not None and old is not None:
                yield keep_details(old.track, track)
            else:
                yield track


def checked(listing: Listing, fetched: Mapping[str, FetchedPage]) -> SourceAnswer:
    """All tracks of a list with checked values, and the anomalies of the list."""
    tracks, anomalies = [], list(listing.anomalies)
    for row in listing.rows:
        page = fetched.get(row.slug)
        track, found = validate(row, page.details if page is not None else None)
        tracks.append(track)
        anomalies += found
    return SourceAnswer(tracks, anomalies, fetched)


def report_of(
    begun: Sync,
    answer: SourceAnswer,
    rows: Mapping[str, CatalogueRow],
    found: Diff,
    changes: list[RowChange],
) -> SyncReport:
    """The report of a sync, without its times.

    Args:
        begun: the sync.
        answer: the source's answer, checked.
        rows: the stored tracks before the sync, by slug.
        found: how the source differs from them.
        changes: the changes of the sync to rows.
    """
    before = [row.track for row in rows.values() if row.is_active]
    after = dict(rows) | {change.slug: change.after for change in changes}
    active = [row.track for row in after.values() if row.is_active]
    was, is_now = completeness(before), completeness(active)
    slugs = {
        name: [change.slug for change in changes if change.kind == kind]
        for name, kind in (
            ("added", "added"),
            ("reactivated", "reactivated"),
            ("deactivated", "deactivated"),
            ("missed_once", "missed"),
        )
    }
    changed = [change for change in found.changed if not change.is_back]
    failures = [row.failure for row in answer.fetched.values() if row.failure is not None]
    slowest = sorted(answer.fetched.values(), key=lambda row: (-row.seconds, row.slug))[:SLOWEST]
    return SyncReport(
        str(begun.sync_id),
        begun.source,
        begun.started_at,
        None,
        SyncOutcome.COMPLETED,
        listed=len(answer.tracks),
        active_before=len(before),
        active_now=len(active),
        added=len(slugs["added"]),
        reactivated=len(slugs["reactivated"]),
        deactivated=len(slugs["deactivated"]),
        missed_once=len(slugs["missed_once"]),
        changed=len(changed),
        unchanged=len(found.unchanged),
        failed=len(failures),
        changes_by_field=found.changes_by_field,
        slugs=slugs,
        changes=catalogue_report.changes_of(changed),
        failures=[asdict(f) for f in sorted(failures, key=lambda failure: failure.slug)],
        alarms=list(guards.alarms(failures, len(answer.fetched))),
        anomalies=[asdict(anomaly) for anomaly in answer.anomalies[:MOST_KEPT]],
        anomaly_count=len(answer.anomalies),
        shared_names=names_used_more_than_once(active),
        completeness={
            name: {"before": was.get(name), "now": is_now.get(name)} for name in (is_now or was)
        },
        slowest=[{"slug": row.slug, "seconds": row.seconds, "tries": row.tries} for row in slowest],
    )


def planned(
    rows: Mapping[str, CatalogueRow], found: Diff, judgement: Judgement, now: dt.datetime
) -> list[RowChange]:
    """The changes of a sync to rows, by slug; unchanged rows do not appear.

    Args:
        rows: the stored tracks, by slug.
        found: how the source differs from it.
        judgement: which tracks that the list lacks are missed or given up.
        now: the time.
    """
    changes = [RowChange("added", None, _row(track, now, now)) for track in found.added]
    for change in found.changed:
        old = rows[change.after.slug]
        kind: ChangeKind = "reactivated" if change.is_back else "changed"
        changes.append(RowChange(kind, old, _row(change.after, old.created_at, now)))
    recounted: list[tuple[ChangeKind, str, int]] = [
        *(("found", slug, 0) for slug in found.unchanged if rows[slug].misses),
        *(("missed", slug, rows[slug].misses + 1) for slug in judgement.missed),
        *(("deactivated", slug, rows[slug].misses + 1) for slug in judgement.deactivate),
    ]
    for kind, slug, misses in recounted:
        old = rows[slug]
        is_active = old.is_active and kind != "deactivated"
        new = replace(old, is_active=is_active, misses=misses, updated_at=now)
        changes.append(RowChange(kind, old, new))
    return sorted(changes, key=lambda change: change.slug)


def _row(track: CatalogueTrack, created_at: dt.datetime, now: dt.datetime) -> CatalogueRow:
    return CatalogueRow(track, is_active=True, misses=0, created_at=created_at, updated_at=now)
