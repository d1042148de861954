"""The report of a catalogue sync: as data, as Markdown, as a file."""

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from trackflow.catalogue.diff import TrackChange
from trackflow.context import Context
from trackflow.files import whole_file
from trackflow.geo.time import utc_text
from trackflow.store.catalogue import syncs

MOST_SHOWN = 50
"""Lines of a part in the Markdown; the data has more."""

MOST_KEPT = 500
"""Changes and anomalies in the data; the store's record of changes has every value."""

SLOWEST = 10


class SyncOutcome(StrEnum):
    """The outcome of a sync."""

    COMPLETED = "completed"
    STOPPED_FOR_APPROVAL = "stopped_for_approval"
    REFUSED = "refused"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class SyncReport:
    """A sync's report. It does not depend on how the sync was started.

    Attributes:
        sync_id: that of its job.
        source: the source's name.
        started_at: aware UTC, as are the other times.
        finished_at: None while it runs.
        outcome: how it ended; only "completed" has changed anything.
        reason: in words; empty if all is well.
        listed: tracks in the source's list.
        active_before: tracks in the catalogue, before.
        active_now: tracks in the catalogue, now.
        added: new tracks.
        changed: tracks with other values than before.
        unchanged: tracks with the same ones.
        deactivated: tracks that the list has lacked twice.
        reactivated: tracks that were inactive and are listed again.
        failed: tracks whose own page gave nothing; they keep their stored values.
        missed_once: tracks that the list lacks for the first time.
        changes_by_field: in how many tracks each field changed, the most frequent first.
        slugs: of the tracks added, reactivated, deactivated and missed once.
        changes: of changed tracks: slug, name, is_routine and fields: [field, before, after]; those
            first that do not change by themselves while people race.
        failures: slug, kind ("network", "structure" and the like), message, retryable, seconds,
            tries.
        alarms: problems of the source as a whole, in words; empty if only single pages fail.
        anomalies: slug, field, value, reason: values of the source that make no sense.
        anomaly_count: of all of them; `anomalies` holds no more than 500.
        shared_names: names that several tracks bear, and how many.
        completeness: per field the share of active tracks with a known value: now and before (None
            if there was no track).
        stages: seconds per stage.
        slowest: slug, seconds, tries of the slowest tracks.
        undone_at: when its changes were undone; None if they were not.
    """

    sync_id: str
    source: str
    started_at: dt.datetime
    finished_at: dt.datetime | None
    outcome: str
    reason: str = ""
    listed: int = 0
    active_before: int = 0
    active_now: int = 0
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    deactivated: int = 0
    reactivated: int = 0
    failed: int = 0
    missed_once: int = 0
    changes_by_field: dict[str, int] = field(default_factory=dict)
    slugs: dict[str, list[str]] = field(default_factory=dict)
    changes: list[dict[str, Any]] = field(default_factory=list)
    failures: list[dict[str, Any]] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)
    anomalies: list[dict[str, Any]] = field(default_factory=list)
    anomaly_count: int = 0
    shared_names: dict[str, int] = field(default_factory=dict)
    completeness: dict[str, dict[str, float | None]] = field(default_factory=dict)
    stages: dict[str, float] = field(default_factory=dict)
    slowest: list[dict[str, Any]] = field(default_factory=list)
    undone_at: dt.datetime | None = None

    @property
    def rows_changed(self) -> int:
        """Rows of the catalogue that the sync wrote because a track is another than before."""
        return self.added + self.changed + self.deactivated + self.reactivated

    @property
    def summary(self) -> str:
        """The report in one line."""
        if self.outcome != SyncOutcome.COMPLETED:
            return f"{_WORDS[self.outcome]}: {self.reason}"
        parts = [
            f"{number:,} {word}"
            for number, word in (
                (self.added, "added"),
                (self.changed, "changed"),
                (self.reactivated, "back"),
                (self.deactivated, "deactivated"),
                (self.missed_once, "missed once"),
                (self.failed, "failed"),
            )
            if number
        ]
        counts = ", ".join(parts) or "nothing has changed"
        return f"{counts}; {self.active_now:,} tracks in the catalogue"

    def as_dict(self) -> dict[str, Any]:
        """The report for JSON; times in ISO 8601."""
        values = asdict(self)
        return {k: utc_text(v) if isinstance(v, dt.datetime) else v for k, v in values.items()} | {
            "summary": self.summary
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> "SyncReport":
        """Read the result of `as_dict`; fields that only another version has are left out."""
        values = {name: stored[name] for name in cls.__dataclass_fields__ if name in stored}
        for name in ("started_at", "finished_at", "undone_at"):
            if values.get(name) is not None:
                values[name] = dt.datetime.fromisoformat(values[name])
        return cls(**values)

    def to_markdown(self) -> str:
        """The report as Markdown, for people."""
        lines = [*_head(self), *_changes(self), *_wrong(self), *_figures(self)]
        return "\n".join(lines).rstrip("\n") + "\n"


_WORDS = {
    "running": "running",
    SyncOutcome.COMPLETED: "completed",
    SyncOutcome.STOPPED_FOR_APPROVAL: "stopped for an approval",
    SyncOutcome.REFUSED: "refused",
    SyncOutcome.FAILED: "failed",
    SyncOutcome.CANCELLED: "cancelled",
}


def read_report(context: Context, sync_id: uuid.UUID) -> SyncReport:
    """The report of a sync.

    Raises:
        NotFoundError: there is no such sync, or it has not ended yet.
    """
    with context.store.read() as connection:
        return _report_of(syncs.read_sync(connection, sync_id))


def last_reports(context: Context, source: str, n: int = 10) -> list[SyncReport]:
    """The reports of the last syncs of a source, the newest first."""
    with context.store.read() as connection:
        found = syncs.last_syncs(connection, source, n)
    return [_report_of(sync) for sync in found]


def _report_of(sync: syncs.Sync) -> SyncReport:
    if sync.report is None:
        return SyncReport(
            str(sync.sync_id), sync.source, sync.started_at, sync.finished_at, sync.outcome
        )
    return replace(SyncReport.from_dict(sync.report), undone_at=sync.undone_at)


def write_file(context: Context, report: SyncReport) -> Path:
    """Write the Markdown under `TRACKFLOW_HOME`; whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    path = file_of(context, report)
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path, private=True) as file:
        file.write(report.to_markdown().encode())
    return path


def write_missing_files(context: Context, source: str) -> None:
    """Write the files of reports whose worker was killed before it could."""
    for report in last_reports(context, source, 5):
        if report.finished_at is not None and not file_of(context, report).exists():
            write_file(context, report)


def file_of(context: Context, report: SyncReport) -> Path:
    """The path of a report."""
    name = f"{report.started_at:%Y-%m-%d-%H%M%S}-{report.source}-{report.sync_id[:8]}.md"
    return context.settings.home / "reports" / "catalogue" / name


def changes_of(changed: Iterable[TrackChange]) -> list[dict[str, Any]]:
    """Changed tracks as data, those that a person should check first."""
    ordered = sorted(changed, key=lambda change: (change.is_routine, change.after.slug))
    return [
        {
            "slug": change.after.slug,
            "name": change.after.name,
            "is_routine": change.is_routine,
            "fields": [[c.field, c.before, c.after] for c in change.fields],
        }
        for change in ordered[:MOST_KEPT]
    ]


def _head(report: SyncReport) -> list[str]:
    took = ""
    if report.finished_at is not None:
        took = f" to {_time(report.finished_at)}"
    lines = [
        f"# Catalogue sync of {report.source}: {_WORDS[report.outcome]}",
        "",
        f"{_time(report.started_at)}{took}, sync `{report.sync_id}`.",
        "",
    ]
    if report.reason:
        lines += [f"**{_cell(report.reason)}**", ""]
    for alarm in report.alarms:
        lines += [f"**{_cell(alarm)}**", ""]
    if report.undone_at is not None:
        lines += [f"**Its changes were undone at {_time(report.undone_at)}.**", ""]
    if (
        report.outcome == SyncOutcome.COMPLETED
        and not report.rows_changed
        and not report.missed_once
    ):
        lines += ["Nothing has changed.", ""]
    counts = {
        "listed": report.listed,
        "added": report.added,
        "changed": report.changed,
        "unchanged": report.unchanged,
        "back": report.reactivated,
        "deactivated": report.deactivated,
        "missed for the first time": report.missed_once,
        "failed": report.failed,
        "in the catalogue before": report.active_before,
        "in the catalogue now": report.active_now,
    }
    return lines + _table(("tracks", "number"), [(k, f"{v:,}") for k, v in counts.items()])


def _changes(report: SyncReport) -> list[str]:
    lines: list[str] = []
    for name, title in (
        ("added", "Added"),
        ("reactivated", "Back"),
        ("deactivated", "Deactivated"),
        ("missed_once", "Missed for the first time"),
    ):
        slugs = report.slugs.get(name, [])
        if slugs:
            shown = ", ".join(f"`{slug}`" for slug in slugs[:MOST_SHOWN])
            lines += [f"## {title}", "", shown + _more(len(slugs)), ""]
    if report.changes_by_field:
        lines += ["## Changed fields", ""]
        lines += _table(
            ("field", "tracks"), [(k, f"{v:,}") for k, v in report.changes_by_field.items()]
        )
    worth = [change for change in report.changes if not change["is_routine"]]
    if worth:
        rows = [
            (f"`{change['slug']}`", name, _shown(before), _shown(after))
            for change in worth
            for name, before, after in change["fields"]
        ]
        lines += ["## Changes other than those that racing brings", ""]
        lines += _table(("track", "field", "before", "now"), rows)
    return lines


def _wrong(report: SyncReport) -> list[str]:
    lines: list[str] = []
    if report.failures:
        lines += ["## Failed: these keep what was known of them", ""]
        rows = [(f"`{f['slug']}`", f["kind"], _cell(f["message"])) for f in report.failures]
        lines += _table(("track", "what", "why"), rows)
    if report.anomalies:
        lines += [f"## Anomalies: {report.anomaly_count:,} values that make no sense", ""]
        rows = [
            (f"`{a['slug']}`" if a["slug"] else "the list", a["field"], *map(_cell, texts))
            for a in report.anomalies
            for texts in [(a["value"], a["reason"])]
        ]
        lines += _table(("track", "field", "value", "why"), rows)
    if report.shared_names:
        shown = ", ".join(
            f"{_cell(name)} ({number})"
            for name, number in list(report.shared_names.items())[:MOST_SHOWN]
        )
        lines += ["## Names that several tracks bear", "", shown, ""]
    return lines


def _figures(report: SyncReport) -> list[str]:
    lines: list[str] = []
    if report.completeness:
        rows = [
            (name, _share(c["before"]), _share(c["now"]), _trend(c["before"], c["now"]))
            for name, c in report.completeness.items()
        ]
        lines += ["## Completeness", "", *_table(("field", "before", "now", "trend"), rows)]
    if report.stages:
        lines += ["## Time", ""]
        lines += _table(("stage", "seconds"), [(k, f"{v:.2f}") for k, v in report.stages.items()])
    if report.slowest:
        slow = [(f"`{s['slug']}`", f"{s['seconds']:.2f}", str(s["tries"])) for s in report.slowest]
        lines += ["## Slowest tracks", "", *_table(("track", "seconds", "tries"), slow)]
    return lines


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    shown = [head, ["---"] * len(head), *rows[:MOST_SHOWN]]
    lines = ["| " + " | ".join(row) + " |" for row in shown]
    return [*lines, "", *([_more(len(rows)).strip(), ""] if len(rows) > MOST_SHOWN else [])]


def _more(number: int) -> str:
    return f" and {number - MOST_SHOWN:,} more" if number > MOST_SHOWN else ""


def _cell(text: str) -> str:
    """Escape text from elsewhere for a line of Markdown."""
    plain = " ".join(text.split())
    for character in "\\`*_[]<>|":
        plain = plain.replace(character, f"\\{character}")
    return plain


def _shown(value: object) -> str:
    return "unknown" if value is None else _cell(str(value))


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"


def _trend(before: float | None, now: float | None) -> str:
    if before is None or now is None:
        return ""
    difference = (now - before) * 100
    return "=" if abs(difference) < 0.05 else f"{difference:+.1f} points"


def _time(time: dt.datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"
