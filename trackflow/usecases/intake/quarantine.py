"""The quarantine for people: refused input by sender, shown, read again, exported, deleted."""

import base64
import datetime as dt
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from trackflow.context import Context
from trackflow.errors import BadInputError, QuarantineFullError
from trackflow.geo.time import to_us
from trackflow.sources.ahead import is_due, positions
from trackflow.sources.devices import flat, reading
from trackflow.sources.devices.advice import advice
from trackflow.sources.devices.envelopes import Envelope
from trackflow.sources.devices.senders import LIVE_SENDERS
from trackflow.sources.records import RAW_MAX_CHARS, Refusal
from trackflow.store.database import Connection
from trackflow.store.intake import acceptance, quarantine, refusal_rows
from trackflow.store.intake.acceptance import DeliveryCounts
from trackflow.store.intake.quarantine import (
    FILES,
    QuarantinedContent,
    QuarantinedInput,
    QuarantineFilter,
)
from trackflow.usecases.intake.file_advice import file_advice

__all__ = [
    "QuarantineFilter",
    "QuarantinedInput",
    "RetryReport",
    "SenderState",
    "as_dict",
    "check_room",
    "delete",
    "exported",
    "newest",
    "retry",
    "sender_states",
    "shown",
]

MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class SenderState:
    """The state of a sender.

    Attributes:
        sender: a live sender, or `files` for imports.
        last_report_at: when it last sent anything.
        last_points_at: when it last brought points, known ones or new.
        refused: inputs in quarantine by reason.
        size_bytes: their size.
        last_error_at: when the last of them arrived.
        last_error: its reason.
        advice: what to set right; empty where that is not known.
    """

    sender: str
    last_report_at: dt.datetime | None
    last_points_at: dt.datetime | None
    refused: dict[str, int]
    size_bytes: int
    last_error_at: dt.datetime | None
    last_error: str
    advice: str


@dataclass(slots=True)
class RetryReport:
    """The result of reading refused inputs again.

    Attributes:
        read_again: inputs that were read again.
        taken_out: those without refused parts, which have left the quarantine.
        still_refused: those that are refused again, by reason.
        not_kept_whole: those that cannot be read again: their file can be imported again.
        accepted: the counts of admitted points.
    """

    read_again: int = 0
    taken_out: int = 0
    still_refused: Counter[str] = field(default_factory=Counter)
    not_kept_whole: int = 0
    accepted: DeliveryCounts = field(default_factory=DeliveryCounts)


def check_room(connection: Connection, refused: Sequence[Refusal], most_mb: int) -> None:
    """Check that live input can be kept.

    Raises:
        QuarantineFullError: the input is not kept yet, and would exceed the limit.
    """
    live = [refusal for refusal in refused if refusal.origin is not None]
    more = sum(refusal_rows.size_bytes(refusal) for refusal in live)
    if not more or quarantine.live_bytes(connection) + more <= most_mb * MEGABYTE:
        return
    wanted = {refusal_rows.hash_of_refusal(refusal) for refusal in live}
    if len(quarantine.known(connection, sorted(wanted))) < len(wanted):
        raise QuarantineFullError(
            f"the quarantine is full ({most_mb} MB), and this delivery is not stored: see "
            "`trackflow quarantine list`, then delete what is not needed or raise "
            "TRACKFLOW_QUARANTINE_MB"
        )


def sender_states(context: Context) -> list[SenderState]:
    """All senders that have reported, or whose input is in quarantine."""
    with context.store.read() as connection:
        counts = quarantine.counts(connection)
        names = [*LIVE_SENDERS, *sorted({c.sender for c in counts} - set(LIVE_SENDERS))]
        found = []
        for name in names:
            mine = [c for c in counts if c.sender == name]
            good_at = quarantine.last_points(connection, name) if name != FILES else None
            if mine or good_at is not None:
                found.append(_state(name, mine, good_at))
    return found


def _state(
    sender: str, counts: Sequence[quarantine.ReasonCount], good_at: dt.datetime | None
) -> SenderState:
    last = max(counts, key=lambda c: c.last_at, default=None)
    error_at = last.last_at if last else None
    reports_at = [at for at in (good_at, error_at) if at is not None]
    reason = last.reason if last else ""
    return SenderState(
        sender=sender,
        last_report_at=max(reports_at, default=None),
        last_points_at=good_at,
        refused={c.reason: c.count for c in counts},
        size_bytes=sum(c.size_bytes for c in counts),
        last_error_at=error_at,
        last_error=reason,
        advice=_advice(sender, reason),
    )


def _advice(sender: str, reason: str) -> str:
    return file_advice(reason) if sender == FILES else advice(reason)


def shown(context: Context, prefix: str) -> dict[str, Any]:
    """One refused input with all its stored values.

    Raises:
        SettingsError: the prefix is too short, or fits several ids.
        NotFoundError: there is none.
    """
    with context.store.read() as connection:
        return as_dict(quarantine.find(connection, prefix))


def newest(context: Context, choice: QuarantineFilter, most: int) -> list[QuarantinedInput]:
    """The newest refused inputs of a filter, without the input itself."""
    with context.store.read() as connection:
        return quarantine.newest(connection, choice, most)


def exported(context: Context, choice: QuarantineFilter) -> Iterator[str]:
    """All refused inputs of a filter, one JSON object each."""
    with context.store.read() as connection:
        for row in quarantine.all_kept(connection, choice):
            yield json.dumps(as_dict(row), default=str, ensure_ascii=False)


def delete(context: Context, choice: QuarantineFilter) -> int:
    """Delete refused inputs; returns their number."""
    with context.store.write() as connection:
        return quarantine.delete(connection, choice)


def retry(context: Context, choice: QuarantineFilter) -> RetryReport:
    """Read refused inputs again with this version's readers and today's settings.

    Each is one transaction: its points are admitted and it leaves the quarantine, or nothing
    changes. A repetition changes nothing more.
    """
    report = RetryReport()
    after = ""
    while True:
        with context.store.read() as connection:
            page = quarantine.read_kept(connection, choice, after)
        if not page:
            return report
        for kept in page:
            _retry(context, kept, report)
        after = page[-1].id


def as_dict(kept: QuarantinedContent) -> dict[str, Any]:
    """A refused input for people and programs; bytes that are no text in base64."""
    return {
        "id": kept.id,
        "sender": kept.sender,
        "device_id": kept.device_id,
        "reason": kept.reason,
        "advice": _advice(kept.sender, kept.reason),
        "where": kept.where,
        "received_at": kept.received_at.isoformat(),
        "envelope": None if kept.envelope is None else json.loads(kept.envelope),
        "raw": kept.raw,
        "body": None if kept.body is None else base64.b64encode(kept.body).decode(),
    }


def _retry(context: Context, kept: QuarantinedContent, report: RetryReport) -> None:
    if kept.time_us is not None:
        _retry_early(context, kept, kept.time_us, report)
        return
    envelope = _envelope(kept)
    if envelope is None:
        report.not_kept_whole += 1
        return
    now = context.clock()
    body = kept.raw.encode() if kept.body is None else kept.body
    try:
        delivery = reading.read(
            body,
            envelope,
            now_us=to_us(now),
            arrived_us=to_us(kept.received_at),
            keys=context.settings.owntracks_keys,
        )
    except BadInputError:
        report.still_refused[kept.reason] += 1
        return
    again = {refusal_rows.hash_of_refusal(refusal): refusal for refusal in delivery.refused}
    report.read_again += 1
    if kept.id in again and not len(delivery.points) and len(again) == 1:
        report.still_refused[kept.reason] += 1
        return
    with context.store.write() as connection:
        # first, so that inputs that are refused again are put back with their new reason
        quarantine.take_out(connection, [kept.id])
        stored = acceptance.accept(
            connection, delivery.points, delivery.refused, delivery.sender, now
        )
        quarantine.set_received_at(connection, sorted(again), kept.received_at)
    report.accepted += stored
    report.still_refused.update(str(refusal.reason) for refusal in again.values())
    report.taken_out += not again


def _retry_early(
    context: Context, kept: QuarantinedContent, time_us: int, report: RetryReport
) -> None:
    """Admit a position that lay in the future, unless it still does; it is kept whole."""
    report.read_again += 1
    now = context.clock()
    if not is_due(time_us, to_us(now)):
        report.still_refused[kept.reason] += 1
        return
    source = kept.where if kept.sender == FILES else kept.sender
    with context.store.write() as connection:
        quarantine.take_out(connection, [kept.id])
        report.accepted += acceptance.accept(connection, positions([kept.raw]), [], source, now)
    report.taken_out += 1


def _envelope(kept: QuarantinedContent) -> Envelope | None:
    """The envelope of an input; None if it cannot be read again.

    Rows of older versions have no envelope; a row is whole where it is shorter than their limit.
    """
    endpoints = {"owntracks", "overland", "geojson", *flat.SENDERS}
    if kept.envelope is not None:
        try:
            envelope = Envelope.loaded(kept.envelope)
        except BadInputError:
            return None
        return envelope if envelope.endpoint in endpoints else None
    if kept.sender in endpoints and kept.sender != "geojson" and len(kept.raw) < RAW_MAX_CHARS:
        return Envelope(kept.sender, kept.device_id)
    return None
