"""The admission of points: `accept` stores every delivery, or `reports` does with the same result.

The result does not depend on the order and the repetition of deliveries: of points of one device
with equal times the best one is stored (the most accurate, then by content), the others at another
position are kept in quarantine as `equal_time`, and repeats change nothing.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.geo.time import from_us
from trackflow.sources.records import PointBatch, Refusal
from trackflow.store import months
from trackflow.store.days import batch_marks
from trackflow.store.devices.settings import AdmissionRules, add_devices, admission_rules
from trackflow.store.housekeeping import retention
from trackflow.store.intake import rivals
from trackflow.store.intake.changed_days import changed_days, days_of_rows
from trackflow.store.intake.conflicts import (
    Comparison,
    compare_with_stored,
    hash_of_position,
    loser_row,
    losers_inside,
    mark_conflicts,
    release,
)
from trackflow.store.intake.delivery_rows import (
    best_of_equal_times,
    copy_rows,
    fill_incoming,
    is_span_empty,
    upsert_incoming,
)
from trackflow.store.intake.refusal_rows import keep_rows, refusal_rows
from trackflow.store.intake.rivals import ClaimedPosition, TimeSpan
from trackflow.store.tables import gps_points, receipts


@dataclass(frozen=True, slots=True)
class DeliveryCounts:
    """The result of one delivery: counts of points.

    Attributes:
        added: new ones.
        repeated: ones that were stored or quarantined before.
        conflicting: ones quarantined because a better one has the same time.
        refused: ones quarantined for the first time, for any other reason.
        too_old: ones older than retention keeps, whether or not they were refused before.
    """

    added: int = 0
    repeated: int = 0
    conflicting: int = 0
    refused: int = 0
    too_old: int = 0

    def __add__(self, other: "DeliveryCounts") -> "DeliveryCounts":
        return DeliveryCounts(
            self.added + other.added,
            self.repeated + other.repeated,
            self.conflicting + other.conflicting,
            self.refused + other.refused,
            self.too_old + other.too_old,
        )


def accept(
    connection: Connection,
    points: PointBatch,
    refused: Sequence[Refusal],
    source: str,
    now: dt.datetime,
    *,
    import_id: str = "",
    received_at: dt.datetime | None = None,
) -> DeliveryCounts:
    """Store a delivery and mark the batches that it touches, in the caller's transaction.

    Args:
        connection: in a transaction for writing.
        points: of any devices, in any order.
        refused: input that its reader has refused.
        source: the file, sender or table of the delivery.
        now: the time, UTC.
        import_id: the import that it is a part of and can be undone with; empty for none.
        received_at: when it arrived, if earlier than `now`.
    """
    newly_refused = _refuse(connection, refusal_rows(connection, refused, now), import_id)
    if not len(points):
        return DeliveryCounts(refused=newly_refused)
    rules = add_and_lock_devices(connection, points.devices, now)
    kept_from = {name: rule.kept_from for name, rule in rules.items()}
    points, too_old = retention.split_old(points, kept_from, source, now)
    newly_refused += _refuse(connection, too_old, import_id)
    if not len(points):
        return DeliveryCounts(refused=newly_refused, too_old=len(too_old))
    months.make_for_times(connection, gps_points, points.time_us)
    receipt = sa.insert(receipts).values(
        received_at=received_at or now, source=source, import_id=import_id or None
    )
    seq = connection.execute(receipt.returning(receipts.c.received_seq)).scalar_one()
    delivery = rivals.DeliveryOrigin(import_id, source, seq)
    order, is_best = best_of_equal_times(points)
    best = order[is_best]
    inner = losers_inside(points, order, is_best)
    if is_span_empty(connection, points):
        compared = Comparison()
        copy_rows(connection, gps_points, points, best, (source, seq))
        changed = days_of_rows(points, best, rules)
    else:
        fill_incoming(connection, points, best)
        span = from_us(int(points.time_us.min())), from_us(int(points.time_us.max()))
        compared = _merge_incoming(connection, delivery, inner, span)
        changed = changed_days(connection, seq, rules, span)
    lost = _lost(inner, compared)
    rows = [loser_row(*claimed, source, now) for claimed in (*lost, *compared.beaten)]
    set_aside = keep_rows(connection, rows)
    # undoing an import removes its points and restores those that they replaced: keep both
    inner = {c: k for c, k in inner.items() if import_id or c in compared.winners}
    if inner:
        fill_incoming(connection, points, np.array(sorted(inner.values()), np.int64))
        rivals.record_all(connection, delivery)
    if not import_id:  # they stay in quarantine, even if an import brought them before
        rivals.keep_positions(connection, (*lost, *compared.staying), only_rivals=True)
    added = batch_marks.mark_pending(connection, changed, now)
    mark_conflicts(connection, set_aside.values(), changed, now)
    new = sum(hash_of_position(claimed) in set_aside for claimed in set(lost))
    return DeliveryCounts(
        added=added,
        repeated=len(points) - added - new,
        conflicting=len(set_aside),
        refused=newly_refused,
        too_old=len(too_old),
    )


def _merge_incoming(
    connection: Connection,
    delivery: rivals.DeliveryOrigin,
    inner: Iterable[ClaimedPosition],
    span: TimeSpan,
) -> Comparison:
    """Put incoming points beside those that are stored: of each moment the best one stays.

    Args:
        connection: in a transaction for writing; it holds the incoming points.
        delivery: their origin.
        inner: points of the delivery that lose against others of it.
        span: the times of the points.
    """
    compared = compare_with_stored(connection, span)
    if delivery.import_id:
        lost = _lost(inner, compared)
        _keep_known(connection, (*lost, *compared.beaten, *compared.winners))
    rivals.record(connection, delivery, span)
    release(connection, compared.winners)
    upsert_incoming(connection, delivery.source, delivery.seq)
    return compared


def _lost(inner: Iterable[ClaimedPosition], compared: Comparison) -> list[ClaimedPosition]:
    """The points of a delivery for whose moments another position is kept."""
    return [one for one in (*inner, *compared.rejected) if one not in compared.winners]


def _refuse(connection: Connection, rows: Sequence[dict[str, Any]], import_id: str) -> int:
    """Keep refused rows, and note whether only an import brought them; returns how many are new."""
    new = keep_rows(connection, rows)
    known = {row["content_hash"] for row in rows} - new.keys()
    rivals.note_refusals(connection, sorted(new), sorted(known), import_id)
    return len(new)


def _keep_known(connection: Connection, claimed: Iterable[ClaimedPosition]) -> None:
    """Note positions in quarantine that no import brought: they stay when one is undone."""
    by_hash = {hash_of_position(one): one for one in claimed}
    known = rivals.quarantined(connection, sorted(by_hash))
    rivals.keep_positions(connection, [by_hash[key] for key in known], only_rivals=False)


def add_and_lock_devices(
    connection: Connection, ids: Sequence[str], now: dt.datetime
) -> dict[str, AdmissionRules]:
    """Add devices that are new, lock all, and return their rules.

    The lock keeps two deliveries from both finding a time span without points. The rules are read
    under it: thresholds that change meanwhile mark all days. New devices are added before any is
    locked: the other way round two deliveries could deadlock.
    """
    while True:
        known = admission_rules(connection, ids)
        new = sorted(set(ids) - known.keys())
        if new:
            add_devices(connection, new, now)
        elif connection.dialect.name == "sqlite":
            return known  # this transaction is the only writer
        locked = admission_rules(connection, ids, lock=True)
        if len(locked) == len(ids):  # else one was purged while we waited for it
            return locked
